//! What a room asks of the store: load the stream, write a batch, bring other rows up to date. Every write is fenced
//! by the offset that the bucket expects next, so that a writer that was thought lost can change nothing later. No
//! decision is made here.

use std::{ops::Bound, sync::Arc, time::Duration};

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::time::timeout;

use super::{
    plan::{Batch, Plan, mutations_elsewhere},
    state::{BATCH_LEN_MAX, Followed, Loaded},
    stream::{FIRST_OFFSET, Mutation, apply, bucket_of, first_of, offset_in, offset_of, signed, unsigned},
};
use crate::{
    backends::store::{
        Edit, Query, Store, StoreError, StoreResult,
        tables::room::{
            Entry, EntryBucket, EntryKind, MOMENT_WINDOW_MS, MomentPointer, REPLY_BUCKET_LEN, ReplyPointer,
            Room,
        },
    },
    domain::ids::{CommentId, VideoId},
};

/// Calls to the store that one room has under way at most.
const AT_ONCE: usize = 16;
/// Attempts to read a stream while others remove comments from its older buckets.
const LOADS_MAX: usize = 5;

#[derive(Clone)]
pub struct Keeper {
    pub store: Store,
    pub video: VideoId,
    /// How long one call to the store may take.
    pub deadline: Duration,
    /// How many of the newest entries the room wants: never fewer than a write that went unheard may have had.
    pub newest_len: usize,
}

#[derive(Debug)]
pub enum Committed<T> {
    Done(Batch<T>),
    /// Someone else wrote: nothing of the batch was.
    Fenced(Batch<T>),
    /// It is not known whether it was written.
    Unknown(Batch<T>, StoreError),
}

impl Keeper {
    /// Reads the stream, after bringing up to date what a crash may have left behind. A stream without entries is
    /// named as its video, whichever node asks: who sat down before the first comment may go on anywhere.
    pub async fn load(&self) -> StoreResult<Loaded> {
        for _ in 0..LOADS_MAX {
            if let Some(loaded) = self.load_once().await? {
                return Ok(loaded);
            }
        }
        Err(StoreError::Unavailable("others remove comments of this room all the time".into()))
    }

    /// `None` if it is not certain that what was read belongs together: others may write meanwhile.
    async fn load_once(&self) -> StoreResult<Option<Loaded>> {
        let Some(room) = self.within(self.store.get::<Room>((self.video.clone(),), ())).await? else {
            let epoch = self.video.to_string();
            let nothing =
                Loaded { epoch, next: FIRST_OFFSET, live: 0, newest: Vec::new(), aside: Vec::new() };
            return Ok(Some(nothing));
        };
        // Both from one row: what is live in the newest bucket goes with its next offset.
        let statics = self.statics(room.newest_bucket).await?;
        let next = unsigned(statics.next);
        let unsettled = next.saturating_sub(unsigned(room.settled).max(FIRST_OFFSET));
        if unsettled > 0 {
            let count = usize::try_from(unsettled).unwrap_or(usize::MAX).min(2 * BATCH_LEN_MAX);
            let slow_mode = self.slow_mode().await?;
            self.settle(&self.newest(next, count).await?, slow_mode).await?;
            self.mark_settled(next).await?;
        }
        let newest = self.newest(next, self.newest_len).await?;
        let aside = self.aside(&newest).await?;
        let live = statics.live + self.live_before(room.newest_bucket).await?;
        // An older bucket may count what was removed meanwhile, or not count it any more.
        let since = self.since(next).await?;
        let was_removed = |entry: &Entry| {
            entry.target.is_some_and(|target| bucket_of(unsigned(target)) < room.newest_bucket)
        };
        let is_certain = !since.iter().any(|entry| entry.kind == EntryKind::Removal && was_removed(entry));
        Ok(is_certain.then_some(Loaded { epoch: room.epoch, next, live, newest, aside }))
    }

    /// What has been written from an offset on, oldest first.
    async fn since(&self, from: u64) -> StoreResult<Vec<Entry>> {
        let next = self.head().await?;
        let count = usize::try_from(next.saturating_sub(from)).unwrap_or(usize::MAX);
        self.newest(next, count).await
    }

    /// What was written to the stream from an offset on. `None` if it is another stream by now, or that is too much: then
    /// all of it has to be read again.
    pub async fn follow(&self, epoch: &str, from: u64) -> StoreResult<Option<Followed>> {
        let room = self.within(self.store.get::<Room>((self.video.clone(),), ())).await?;
        let Some(room) = room.filter(|room| room.epoch == epoch) else { return Ok(None) };
        let next = self.next(room.newest_bucket).await?;
        let count = usize::try_from(next.saturating_sub(from)).unwrap_or(usize::MAX);
        if count > self.newest_len {
            return Ok(None);
        }
        let entries = self.newest(next, count).await?;
        let aside = self.aside(&entries).await?;
        Ok(Some(Followed { entries, aside }))
    }

    /// The offset that the next entry gets.
    pub async fn head(&self) -> StoreResult<u64> {
        match self.within(self.store.get::<Room>((self.video.clone(),), ())).await? {
            Some(room) => self.next(room.newest_bucket).await,
            None => Ok(FIRST_OFFSET),
        }
    }

    /// Whether a plan names what another node may have written, and has: then it is decided when that is known.
    pub async fn is_behind<T>(&self, plan: &Plan<T>) -> StoreResult<bool> {
        let is_possible = plan.hush.acts.is_some() && plan.names_what_is_to_come();
        Ok(is_possible && self.head().await? > plan.first)
    }

    /// Fetches what a plan is missing.
    pub async fn complete<T>(&self, plan: &mut Plan<T>) -> StoreResult<()> {
        // A comment, then its parent: rows name rows no deeper than that.
        for _ in 0..2 {
            let missing = plan.missing();
            if missing.is_empty() {
                break;
            }
            plan.learn(self.rows(missing).await?);
        }
        self.complete_hush(plan).await
    }

    pub async fn commit<T>(&self, batch: Batch<T>) -> Committed<T> {
        match self.write(&batch).await {
            Ok(true) => Committed::Done(batch),
            Ok(false) => Committed::Fenced(batch),
            Err(error) => Committed::Unknown(batch, error),
        }
    }

    async fn write<T>(&self, batch: &Batch<T>) -> StoreResult<bool> {
        let (first, end, live_here) = (batch.first, batch.end(), batch.live_here);
        let bucket = batch.bucket();
        if first == first_of(bucket) && !self.open_bucket(bucket, &batch.epoch).await? {
            return Ok(false);
        }
        let rows: Arc<[Entry]> = batch.entries.iter().chain(batch.rows_here()).cloned().collect();
        let decide = move |view: crate::backends::store::View<Entry>| {
            let statics = view.statics.unwrap_or_else(|| without_entries(bucket));
            if statics.next != signed(first) {
                return (Edit::default(), false);
            }
            let statics = EntryBucket { live: statics.live + live_here, next: signed(end) };
            let puts = rows.iter().map(|row| (row.clone(), None)).collect();
            (Edit { statics: Some(statics), puts, deletes: Vec::new() }, true)
        };
        let partition = (self.video.clone(), bucket);
        self.within(self.store.update_partition::<Entry, _>(partition, Vec::new(), decide)).await
    }

    /// Says that a bucket may have entries, before it has any. `false` if the stream is another one by now.
    async fn open_bucket(&self, bucket: i64, epoch: &str) -> StoreResult<bool> {
        let (video, epoch) = (self.video.clone(), epoch.to_owned());
        let decide = move |room: Option<Room>| match room {
            Some(room) if room.epoch != epoch => (None, false),
            Some(room) => (Some(Room { newest_bucket: room.newest_bucket.max(bucket), ..room }), true),
            None => {
                let (video_id, epoch) = (video.clone(), epoch.clone());
                (Some(Room { video_id, epoch, newest_bucket: bucket, settled: signed(FIRST_OFFSET) }), true)
            }
        };
        self.within(self.store.update::<Room, _>((self.video.clone(),), decide)).await
    }

    /// Brings up to date what entries concern outside of their own write: rows of older buckets, pointers, and in slow
    /// mode who spoke when. Doing it again changes nothing.
    pub async fn settle(&self, entries: &[Entry], slow_mode: Duration) -> StoreResult<()> {
        self.remember_speakers(entries, slow_mode).await?;
        for entry in entries {
            for (target, mutation) in mutations_elsewhere(entry) {
                self.mutate(target, mutation, offset_of(entry)).await?;
            }
        }
        let pointers: Vec<_> = entries.iter().map(|entry| self.point(entry)).collect();
        stream::iter(pointers).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await.map(drop)
    }

    /// Remembers that everything before `next` is settled, so that the next load has nothing to repair.
    pub async fn mark_settled(&self, next: u64) -> StoreResult<()> {
        let settled = signed(next);
        let decide = move |room: Option<Room>| (room.map(|room| Room { settled, ..room }), ());
        self.within(self.store.update::<Room, _>((self.video.clone(),), decide)).await
    }

    async fn mutate(&self, target: u64, mutation: Mutation, offset: u64) -> StoreResult<()> {
        let decide = move |view: crate::backends::store::View<Entry>| {
            let Some(mut row) = view.rows.into_iter().next() else { return (Edit::default(), ()) };
            let before = row.clone();
            let difference = apply(&mut row, &mutation, offset);
            if row == before {
                return (Edit::default(), ());
            }
            let mut statics = view.statics.unwrap_or_default();
            statics.live += difference;
            (Edit { statics: Some(statics), puts: vec![(row, None)], deletes: Vec::new() }, ())
        };
        let partition = (self.video.clone(), bucket_of(target));
        let keys = vec![(signed(target),)];
        self.within(self.store.update_partition::<Entry, _>(partition, keys, decide)).await
    }

    async fn point(&self, entry: &Entry) -> StoreResult<()> {
        match entry.kind {
            EntryKind::Edit => Ok(()),
            EntryKind::Comment if entry.removed => Ok(()),
            EntryKind::Comment => {
                if let Some(pointer) = reply_pointer(entry, entry.offset) {
                    self.within(self.store.put(pointer)).await?;
                }
                if let Some(pointer) = moment_pointer(entry, entry.offset) {
                    self.within(self.store.put(pointer)).await?;
                }
                Ok(())
            }
            EntryKind::Removal => self.unpoint(entry).await,
        }
    }

    async fn unpoint(&self, removal: &Entry) -> StoreResult<()> {
        let Some(target) = removal.target else { return Ok(()) };
        if let Some(ReplyPointer { parent_id, bucket, offset }) = reply_pointer(removal, target) {
            self.within(self.store.delete::<ReplyPointer>((parent_id, bucket), (offset,))).await?;
        }
        if let Some(MomentPointer { video_id, window, at_ms, offset }) = moment_pointer(removal, target) {
            self.within(self.store.delete::<MomentPointer>((video_id, window), (at_ms, offset))).await?;
        }
        Ok(())
    }

    /// Rows of the newest `count` entries before `next`, oldest first. Others may have written more by now.
    async fn newest(&self, next: u64, count: usize) -> StoreResult<Vec<Entry>> {
        let mut rows: Vec<Entry> = Vec::new();
        let mut bucket = bucket_of(next - 1);
        while rows.len() < count && next > FIRST_OFFSET {
            let mut after = None;
            loop {
                let query = Query::<Entry>::of((self.video.clone(), bucket), count - rows.len())
                    .between(Bound::Unbounded, Bound::Excluded(signed(next)))
                    .after(after);
                let page = self.within(self.store.scan(query)).await?;
                rows.extend(page.items);
                after = page.next_cursor;
                if after.is_none() || rows.len() >= count {
                    break;
                }
            }
            if bucket == 0 {
                break;
            }
            bucket -= 1;
        }
        rows.reverse();
        Ok(rows)
    }

    async fn aside(&self, newest: &[Entry]) -> StoreResult<Vec<Entry>> {
        let oldest = newest.first().map_or(0, offset_of);
        let edits = newest.iter().filter(|entry| entry.kind == EntryKind::Edit);
        let mut targets: Vec<u64> = edits.filter_map(|entry| entry.target.map(unsigned)).collect();
        targets.retain(|target| *target < oldest);
        targets.sort_unstable();
        targets.dedup();
        self.rows(targets).await
    }

    pub async fn rows(&self, offsets: Vec<u64>) -> StoreResult<Vec<Entry>> {
        let rows: Vec<Option<Entry>> = stream::iter(offsets)
            .map(|offset| {
                let partition = (self.video.clone(), bucket_of(offset));
                self.within(self.store.get::<Entry>(partition, (signed(offset),)))
            })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(rows.into_iter().flatten().collect())
    }

    /// The offset that comes next; the newest bucket may still be without entries.
    async fn next(&self, newest_bucket: i64) -> StoreResult<u64> {
        Ok(unsigned(self.statics(newest_bucket).await?.next))
    }

    /// Comments that are alive in the buckets before one.
    async fn live_before(&self, bucket: i64) -> StoreResult<i64> {
        let buckets = stream::iter(0..bucket).map(|bucket| self.statics(bucket));
        buckets.buffered(AT_ONCE).try_fold(0, async |sum, statics| Ok(sum + statics.live)).await
    }

    async fn statics(&self, bucket: i64) -> StoreResult<EntryBucket> {
        let statics = self.within(self.store.statics::<Entry>((self.video.clone(), bucket))).await?;
        Ok(statics.unwrap_or_else(|| without_entries(bucket)))
    }

    pub async fn within<V>(&self, call: impl Future<Output = StoreResult<V>>) -> StoreResult<V> {
        let late = || Err(StoreError::Unavailable("no answer in time".into()));
        timeout(self.deadline, call).await.unwrap_or_else(|_| late())
    }
}

/// What a bucket is before it has any.
fn without_entries(bucket: i64) -> EntryBucket {
    EntryBucket { live: 0, next: signed(first_of(bucket)) }
}

/// Comments of a video that are alive, without its room.
pub async fn count_live(keeper: &Keeper) -> StoreResult<i64> {
    match keeper.within(keeper.store.get::<Room>((keeper.video.clone(),), ())).await? {
        Some(room) => keeper.live_before(room.newest_bucket + 1).await,
        None => Ok(0),
    }
}

/// The pointer to the comment at `offset`, as `row` (the comment, or the removal of it) tells its parent.
fn reply_pointer(row: &Entry, offset: i64) -> Option<ReplyPointer> {
    let parent_id: CommentId = row.parent_id.clone()?;
    offset_in(&row.video_id, &parent_id)?;
    Some(ReplyPointer { parent_id, bucket: reply_bucket(unsigned(offset)), offset })
}

pub fn reply_bucket(offset: u64) -> i64 {
    signed(offset / REPLY_BUCKET_LEN)
}

fn moment_pointer(row: &Entry, offset: i64) -> Option<MomentPointer> {
    let at_ms = row.at_ms?;
    Some(MomentPointer { video_id: row.video_id.clone(), window: window_of(unsigned(at_ms)), at_ms, offset })
}

pub fn window_of(at_ms: u64) -> i64 {
    signed(at_ms / MOMENT_WINDOW_MS)
}
