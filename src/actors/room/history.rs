//! Comments straight from the store, in pages: newest first, the replies to one, or those pinned to a stretch of the
//! video. Handlers call this without waking the room; what pointers name is checked against the comment's own row.

use std::ops::Bound;

use futures_util::{StreamExt, TryStreamExt, stream};
use playhouse_protocol::rest;

use super::{
    keeper::{reply_bucket, window_of},
    stream::{FIRST_OFFSET, bucket_of, comment, first_of, is_live, offset_in, offset_of, signed, unsigned},
};
use crate::{
    backends::store::{
        Query, Store, StoreResult,
        tables::room::{Entry, MOMENT_WINDOW_MS, MomentPointer, ReplyPointer, Room},
    },
    domain::{
        ids::{CommentId, UserId, VideoId},
        page::{Cursor, Page},
    },
};

/// Which comments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// All, replies too, newest first.
    Newest,
    /// The replies to one, newest first.
    Replies(CommentId),
    /// Those pinned between two moments, both included, in the order of the video.
    Moments { from_ms: u64, to_ms: u64 },
}

#[derive(Debug, Clone)]
pub struct ListComments {
    pub selection: Selection,
    pub limit: usize,
    pub cursor: Option<Cursor>,
}

/// Rows looked at for one page at most. A page may be short, or empty, and still have a cursor.
const LOOKED_AT_MAX: usize = 2_000;
/// Partitions of pointers looked at for one page at most.
const PARTITIONS_MAX: i64 = 1_500;
const AT_ONCE: usize = 16;

/// A page of comments. A cursor that no page has given starts from the beginning.
pub async fn list_comments(
    store: &Store,
    video: &VideoId,
    query: ListComments,
) -> StoreResult<Page<rest::Comment>> {
    let Some(room) = store.get::<Room>((video.clone(),), ()).await? else {
        return Ok(Page { items: Vec::new(), next_cursor: None });
    };
    let reader = Reader { store, video, limit: query.limit.max(1), newest_bucket: room.newest_bucket };
    let place = query.cursor.as_ref().and_then(Cursor::text);
    match query.selection {
        Selection::Newest => reader.newest(place.as_deref()).await,
        Selection::Replies(parent) => reader.replies(parent, place.as_deref()).await,
        Selection::Moments { from_ms, to_ms } => reader.moments(from_ms, to_ms, place.as_deref()).await,
    }
}

/// One comment, if it is there.
pub async fn find_comment(store: &Store, id: &CommentId) -> StoreResult<Option<(VideoId, rest::Comment)>> {
    let Some((video, offset)) = id.location() else { return Ok(None) };
    let Some(offset) = offset_in(&video, id).filter(|found| *found == offset) else { return Ok(None) };
    let row = store.get::<Entry>((video.clone(), bucket_of(offset)), (signed(offset),)).await?;
    Ok(row.filter(is_live).map(|row| (video, comment(&row))))
}

/// Comments of one author that are there, newest first.
#[derive(Debug)]
pub struct OffsetsOf {
    pub offsets: Vec<u64>,
    /// Where to go on; `None` at the beginning of the stream.
    pub before: Option<u64>,
}

/// A stretch of the stream, and what one author has said in it. There is no index by author: this reads everything.
pub async fn offsets_of(
    store: &Store,
    video: &VideoId,
    author: &UserId,
    before: Option<u64>,
) -> StoreResult<OffsetsOf> {
    let mut found = OffsetsOf { offsets: Vec::new(), before: None };
    let Some(room) = store.get::<Room>((video.clone(),), ()).await? else { return Ok(found) };
    let before = before.unwrap_or(u64::MAX).min(first_of(room.newest_bucket + 1));
    if before <= FIRST_OFFSET {
        return Ok(found);
    }
    let bucket = bucket_of(before - 1);
    let query = Query::<Entry>::of((video.clone(), bucket), LOOKED_AT_MAX)
        .between(Bound::Unbounded, Bound::Excluded(signed(before)));
    let page = store.scan(query).await?;
    let theirs = page.items.iter().filter(|row| is_live(row) && row.author_id == *author);
    found.offsets = theirs.map(offset_of).collect();
    let oldest = match page.next_cursor {
        Some(_) => page.items.last().map_or(FIRST_OFFSET, offset_of),
        None => first_of(bucket),
    };
    found.before = Some(oldest).filter(|oldest| *oldest > FIRST_OFFSET);
    Ok(found)
}

/// Comments that are replayed along one minute of a video.
#[derive(Debug)]
pub struct TimelineWindow {
    /// In the order of the video.
    pub items: Vec<rest::Comment>,
    /// Whether some were left out.
    pub truncated: bool,
}

/// A window is cut into slots, and each slot tells its first comments, so that a crowd at one moment leaves room for the
/// rest of the minute, and one window costs a bounded number of reads.
const SLOT_MS: u64 = 5_000;
const SLOT_LEN_MAX: usize = 50;

/// The comments pinned to one window of [`MOMENT_WINDOW_MS`] of a video, as they are now.
pub async fn timeline(store: &Store, video: &VideoId, window: u64) -> StoreResult<TimelineWindow> {
    let mut found = TimelineWindow { items: Vec::new(), truncated: false };
    let Some(room) = store.get::<Room>((video.clone(),), ()).await? else { return Ok(found) };
    let reader = Reader { store, video, limit: SLOT_LEN_MAX, newest_bucket: room.newest_bucket };
    let from_ms = window * MOMENT_WINDOW_MS;
    for slot in 0..MOMENT_WINDOW_MS / SLOT_MS {
        let begin = from_ms + slot * SLOT_MS;
        let query = Query::<MomentPointer>::of((video.clone(), window_of(from_ms)), SLOT_LEN_MAX)
            .between(Bound::Included(signed(begin)), Bound::Excluded(signed(begin + SLOT_MS)));
        let page = store.scan(query).await?;
        found.truncated |= page.next_cursor.is_some();
        let rows = reader.rows(page.items.iter().map(|pointer| unsigned(pointer.offset))).await?;
        let rows = rows.into_iter().filter_map(|(_, row)| row);
        found.items.extend(rows.filter(|row| is_live(row) && row.at_ms.is_some()).map(|row| comment(&row)));
    }
    Ok(found)
}

struct Reader<'a> {
    store: &'a Store,
    video: &'a VideoId,
    limit: usize,
    newest_bucket: i64,
}

/// Items of a page in the making, and how much has been looked at.
struct Gathered {
    items: Vec<rest::Comment>,
    looked_at: usize,
}

impl Gathered {
    fn new() -> Self {
        Self { items: Vec::new(), looked_at: 0 }
    }

    fn page(self, next: Option<String>) -> Page<rest::Comment> {
        Page { items: self.items, next_cursor: next.map(|next| Cursor::of(&next)) }
    }
}

impl Reader<'_> {
    /// The cursor is the offset before which to go on.
    async fn newest(&self, place: Option<&str>) -> StoreResult<Page<rest::Comment>> {
        let newest_possible = first_of(self.newest_bucket + 1);
        let mut before = place.and_then(|place| place.parse().ok()).unwrap_or(u64::MAX).min(newest_possible);
        let mut gathered = Gathered::new();
        while before > FIRST_OFFSET {
            let bucket = bucket_of(before - 1);
            let below = Bound::Excluded(signed(before));
            let query = Query::<Entry>::of((self.video.clone(), bucket), self.limit * 2)
                .between(Bound::Unbounded, below);
            let page = self.store.scan(query).await?;
            for row in &page.items {
                gathered.looked_at += 1;
                before = offset_of(row);
                gathered.items.extend(is_live(row).then(|| comment(row)));
                if gathered.items.len() == self.limit || gathered.looked_at >= LOOKED_AT_MAX {
                    let next = (before > FIRST_OFFSET).then(|| before.to_string());
                    return Ok(gathered.page(next));
                }
            }
            if page.next_cursor.is_none() {
                before = before.min(first_of(bucket));
            }
        }
        Ok(gathered.page(None))
    }

    async fn replies(&self, parent: CommentId, place: Option<&str>) -> StoreResult<Page<rest::Comment>> {
        let Some(parent_offset) = offset_in(self.video, &parent) else {
            return Ok(Gathered::new().page(None));
        };
        let newest_possible = first_of(self.newest_bucket + 1);
        let mut before = place.and_then(|place| place.parse().ok()).unwrap_or(u64::MAX).min(newest_possible);
        let mut gathered = Gathered::new();
        while before > parent_offset + 1 {
            let bucket = reply_bucket(before - 1);
            let query = Query::<ReplyPointer>::of((parent.clone(), bucket), self.limit * 2)
                .between(Bound::Unbounded, Bound::Excluded(signed(before)));
            let page = self.store.scan(query).await?;
            let rows = self.rows(page.items.iter().map(|pointer| unsigned(pointer.offset))).await?;
            for (offset, row) in rows {
                gathered.looked_at += 1;
                before = offset;
                let row = row.filter(|row| is_live(row) && row.parent_id.as_ref() == Some(&parent));
                gathered.items.extend(row.as_ref().map(comment));
                if gathered.items.len() == self.limit || gathered.looked_at >= LOOKED_AT_MAX {
                    return Ok(gathered.page(Some(before.to_string())));
                }
            }
            if page.next_cursor.is_none() {
                before =
                    before.min(unsigned(bucket) * crate::backends::store::tables::room::REPLY_BUCKET_LEN);
            }
        }
        Ok(gathered.page(None))
    }

    /// The cursor is `moment.offset`, after which to go on.
    async fn moments(
        &self,
        from_ms: u64,
        to_ms: u64,
        place: Option<&str>,
    ) -> StoreResult<Page<rest::Comment>> {
        let place = place.and_then(|place| {
            let (at_ms, offset) = place.split_once('.')?;
            Some((at_ms.parse::<u64>().ok()?, offset.parse::<u64>().ok()?))
        });
        let (mut at_ms, mut after) = place.filter(|(at_ms, _)| *at_ms >= from_ms).unwrap_or((from_ms, 0));
        let mut gathered = Gathered::new();
        let last_window = window_of(to_ms);
        let mut window = window_of(at_ms);
        let windows_end = window.saturating_add(PARTITIONS_MAX);
        while window <= last_window {
            if window >= windows_end {
                return Ok(gathered.page(Some(format!("{at_ms}.{after}"))));
            }
            let between = (Bound::Included(signed(at_ms)), Bound::Included(signed(to_ms)));
            let mut cursor = None;
            loop {
                let query = Query::<MomentPointer>::of((self.video.clone(), window), self.limit * 2)
                    .between(between.0, between.1)
                    .after(cursor);
                let page = self.store.scan(query).await?;
                let places: Vec<(u64, u64)> =
                    page.items.iter().map(|row| (unsigned(row.at_ms), unsigned(row.offset))).collect();
                let rows = self.rows(places.iter().map(|(_, offset)| *offset)).await?;
                for ((moment, offset), (_, row)) in places.into_iter().zip(rows) {
                    if (moment, offset) <= (at_ms, after) {
                        continue;
                    }
                    gathered.looked_at += 1;
                    (at_ms, after) = (moment, offset);
                    let row = row.filter(|row| is_live(row) && row.at_ms.map(unsigned) == Some(moment));
                    gathered.items.extend(row.as_ref().map(comment));
                    if gathered.items.len() == self.limit || gathered.looked_at >= LOOKED_AT_MAX {
                        return Ok(gathered.page(Some(format!("{at_ms}.{after}"))));
                    }
                }
                cursor = page.next_cursor;
                if cursor.is_none() {
                    break;
                }
            }
            window += 1;
            (at_ms, after) = (unsigned(window) * MOMENT_WINDOW_MS, 0);
        }
        Ok(gathered.page(None))
    }

    async fn rows(&self, offsets: impl Iterator<Item = u64>) -> StoreResult<Vec<(u64, Option<Entry>)>> {
        let offsets: Vec<u64> = offsets.collect();
        stream::iter(offsets)
            .map(|offset| async move {
                let partition = (self.video.clone(), bucket_of(offset));
                let row = self.store.get::<Entry>(partition, (signed(offset),)).await?;
                Ok((offset, row))
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await
    }
}
