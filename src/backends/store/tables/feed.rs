//! Feeds: lists of videos by time. Entries are hints: a reader checks each against the video's own row.

use crate::{
    domain::{clock::Timestamp, ids::VideoId},
    record,
};

record! {
    /// A video in a feed: `public`, or `channel:` and its id. A bucket is a calendar month.
    pub struct FeedEntry in "feed_entries" {
        partition { feed: String, bucket: i64 }
        clustering { at: Timestamp, Descending; video_id: VideoId, Ascending; }
        columns {}
    }
}

record! {
    /// Which buckets of a feed exist, so that a reader skips empty months.
    pub struct FeedBucket in "feed_buckets" {
        partition { feed: String }
        clustering { bucket: i64, Descending; }
        columns {}
    }
}
