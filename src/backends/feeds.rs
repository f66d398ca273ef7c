//! Lists of videos by time: the public list and each channel's. Entries are hints; a reader checks each against
//! the video's own row. Written by the channel and transcode actors, read by handlers.

use crate::{
    backends::store::{
        Query, Store, StoreResult,
        tables::feed::{FeedBucket, FeedEntry},
    },
    domain::{
        clock::Timestamp,
        ids::{ChannelId, VideoId},
        page::{Cursor, Page},
    },
};

/// Which list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Feed {
    /// Every public video, by when it was published.
    Public,
    /// Every video of a channel, whatever its visibility and state, by when it was made.
    Channel(ChannelId),
}

impl Feed {
    fn key(&self) -> String {
        match self {
            Feed::Public => "public".into(),
            Feed::Channel(channel) => format!("channel:{channel}"),
        }
    }
}

#[derive(Clone)]
pub struct Feeds {
    store: Store,
}

impl Feeds {
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Adding what is there already changes nothing.
    pub async fn add(&self, feed: &Feed, at: Timestamp, video: &VideoId) -> StoreResult<()> {
        let bucket = month(at);
        self.store.put(FeedBucket { feed: feed.key(), bucket }).await?;
        self.store.put(FeedEntry { feed: feed.key(), bucket, at, video_id: video.clone() }).await
    }

    pub async fn remove(&self, feed: &Feed, at: Timestamp, video: &VideoId) -> StoreResult<()> {
        self.store.delete::<FeedEntry>((feed.key(), month(at)), (at, video.clone())).await
    }

    /// Newest first. A page is full unless the list ends.
    pub async fn page(&self, feed: &Feed, limit: usize, after: Option<Cursor>) -> StoreResult<Page<VideoId>> {
        let mut items = Vec::new();
        let (mut bucket, mut within) = match after.and_then(|cursor| Position::read(&cursor)) {
            Some(position) => (Some(position.bucket), position.within),
            None => (self.bucket_before(feed, None).await?, None),
        };
        while let Some(current) = bucket {
            let query = Query::<FeedEntry>::of((feed.key(), current), limit - items.len());
            let page = self.store.scan(query.after(within.take())).await?;
            items.extend(page.items.into_iter().map(|entry| entry.video_id));
            let next = match page.next_cursor {
                Some(within) => Some(Position { bucket: current, within: Some(within) }),
                None => {
                    let before = self.bucket_before(feed, Some(current)).await?;
                    before.map(|bucket| Position { bucket, within: None })
                }
            };
            if items.len() >= limit {
                return Ok(Page { items, next_cursor: next.map(|position| position.write()) });
            }
            (bucket, within) = next.map_or((None, None), |next| (Some(next.bucket), next.within));
        }
        Ok(Page { items, next_cursor: None })
    }

    async fn bucket_before(&self, feed: &Feed, bucket: Option<i64>) -> StoreResult<Option<i64>> {
        let to = bucket.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        let query = Query::<FeedBucket>::of((feed.key(),), 1).between(std::ops::Bound::Unbounded, to);
        Ok(self.store.scan(query).await?.items.first().map(|found| found.bucket))
    }
}

/// Where a page ended: a month, and a place within it (`None`: its beginning).
struct Position {
    bucket: i64,
    within: Option<Cursor>,
}

impl Position {
    fn write(&self) -> Cursor {
        Cursor::of(&format!("{}~{}", self.bucket, self.within.as_ref().map_or("", Cursor::as_str)))
    }

    fn read(cursor: &Cursor) -> Option<Self> {
        let text = cursor.text()?;
        let (bucket, within) = text.split_once('~')?;
        let within = (!within.is_empty()).then(|| Cursor::from_client(within.to_owned()));
        Some(Self { bucket: bucket.parse().ok()?, within })
    }
}

/// Months since the year 0, in UTC.
fn month(at: Timestamp) -> i64 {
    let moment = jiff::Timestamp::from_millisecond(at.0).unwrap_or_default();
    let date = jiff::tz::TimeZone::UTC.to_datetime(moment);
    i64::from(date.year()) * 12 + i64::from(date.month()) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_begins_at_midnight_of_its_first_day() {
        let (december, january) = (Timestamp(1_798_761_599_999), Timestamp(1_798_761_600_000));
        assert_eq!(december.to_rfc3339(), "2026-12-31T23:59:59.999Z");
        assert_eq!(month(january), month(december) + 1);
    }

    #[test]
    fn a_position_survives_its_cursor() {
        let position = Position { bucket: 24_311, within: Some(Cursor::of("[1,\"x\"]")) };
        let read = Position::read(&position.write()).unwrap();
        assert_eq!((read.bucket, read.within), (position.bucket, position.within));
        assert!(Position::read(&Cursor::of("nonsense")).is_none());
    }
}
