//! Rooms: the durable stream of what is said about a video, and the pointers that find comments by parent and by
//! moment. The room actor of the video is the only writer.

use std::{fmt, str::FromStr};

use crate::{
    domain::{
        access::UnknownName,
        clock::Timestamp,
        ids::{CommentId, PlaybackId, UserId, VideoId},
    },
    record, text_cell,
};

text_cell!(EntryKind, PlaybackId);

/// Offsets in one bucket of a stream. Bucket = offset / this; offset 0 stands for "nothing yet" and is never given.
pub const BUCKET_LEN: u64 = 10_000;
/// Offsets whose replies to one comment share a partition of `comment_replies`.
pub const REPLY_BUCKET_LEN: u64 = 100_000;
/// Moments that share a partition of `comment_moments`.
pub const MOMENT_WINDOW_MS: u64 = 60_000;

/// What an entry of the stream says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    Comment,
    /// New words for the comment at `target`.
    Edit,
    /// The comment at `target` is gone.
    Removal,
}

impl EntryKind {
    const ALL: [(EntryKind, &'static str); 3] =
        [(EntryKind::Comment, "comment"), (EntryKind::Edit, "edit"), (EntryKind::Removal, "removal")];
}

impl fmt::Display for EntryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(kind, _)| kind == self).map_or("", |(_, name)| name);
        f.write_str(name)
    }
}

impl FromStr for EntryKind {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL.iter().find(|(_, name)| *name == text).map(|(kind, _)| *kind).ok_or(UnknownName)
    }
}

record! {
    /// The stream of a video: its incarnation, and the newest bucket that may have entries. Made with the first one.
    /// Entries before `settled` need no repair.
    pub struct Room in conditional "rooms" {
        partition { video_id: VideoId }
        clustering {}
        columns { epoch: String, newest_bucket: i64, settled: i64 }
    }
}

record! {
    /// One entry of a stream. A comment's row is kept up to date: `applied` is the offset of the newest entry that has
    /// changed it, so that applying an entry again changes nothing. A removed comment keeps its place, its author's id
    /// and its key, and loses its words. `live` counts the comments of the bucket that are not removed; `next` is the
    /// offset that the next entry gets.
    pub struct Entry in conditional "room_entries" {
        partition { video_id: VideoId, bucket: i64 }
        clustering { offset: i64, Descending; }
        columns {
            kind: EntryKind,
            author_id: UserId,
            username: String,
            display_name: String,
            text: String,
            at_ms: Option<i64>,
            parent_id: Option<CommentId>,
            key: Option<String>,
            target: Option<i64>,
            created_at: Timestamp,
            edited_at: Option<Timestamp>,
            replies: i64,
            applied: i64,
            removed: bool,
        }
        statics EntryBucket { live: i64, next: i64 }
    }
}

record! {
    /// Where replies to a comment are. A hint: a reader checks the entry itself.
    pub struct ReplyPointer in "comment_replies" {
        partition { parent_id: CommentId, bucket: i64 }
        clustering { offset: i64, Descending; }
        columns {}
    }
}

record! {
    /// Which comments are pinned to a moment of the video. A hint, as `comment_replies`.
    pub struct MomentPointer in "comment_moments" {
        partition { video_id: VideoId, window: i64 }
        clustering { at_ms: i64, Ascending; offset: i64, Ascending; }
        columns {}
    }
}

record! {
    /// Playings that count as a view, so that none counts twice. Written before the member of the tally, which a retry
    /// brings after if a crash came between. Rows expire.
    pub struct CountedPlayback in "counted_playbacks" {
        partition { video_id: VideoId, playback_id: PlaybackId }
        clustering {}
        columns { counted_at: Timestamp, member: Option<String> }
    }
}
