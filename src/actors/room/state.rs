//! What a room knows and decides: its stream's newest entries, what waits to be written, what seats have not been sent
//! yet, and what a joining client gets. `T` stands for whoever waits for an outcome.

mod following;

use std::collections::{BTreeMap, VecDeque};

use playhouse_protocol::{
    realtime::{Event, Position, Rate},
    rest,
};

pub use self::following::Followed;
use super::{
    chat::moderation::Hush,
    plan::{Answer, Batch, Command, KeyIndex, Pending, Plan},
    stream::{FIRST_OFFSET, bucket_of, comment, first_of, is_live, offset_in, offset_of, unsigned},
};
use crate::{
    backends::store::tables::room::{Entry, EntryKind},
    domain::ids::{CommentId, UserId, VideoId},
};

/// Entries that one write takes at most. The repair after a crash looks at as many.
pub const BATCH_LEN_MAX: usize = 200;
/// Bytes that one write takes at most: Cassandra wants batches to be small, ScyllaDB refuses those of 1 MiB.
const BATCH_BYTES_MAX: usize = 40 << 10;
/// Comments in one event; what is more goes into further ones.
const EVENT_LEN_MAX: usize = 64;

#[derive(Debug, Clone)]
pub struct Limits {
    /// Entries back to which a client can resume.
    pub history_len_max: usize,
    /// Comments of the snapshot that answers a join.
    pub snapshot_len_max: usize,
}

impl Limits {
    /// Entries in memory: enough for both.
    pub fn hot_len_max(&self) -> usize {
        self.history_len_max.max(self.snapshot_len_max)
    }
}

/// A stream as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    pub epoch: String,
    /// The offset that the next entry gets.
    pub next: u64,
    /// Comments that are alive, in all buckets.
    pub live: i64,
    /// The newest entries, oldest first.
    pub newest: Vec<Entry>,
    /// Comments outside of `newest` that edits in it are about.
    pub aside: Vec<Entry>,
}

/// What a client gets when it joins. `offset` is the newest there is; what follows comes as events.
#[derive(Debug, Clone, PartialEq)]
pub struct Recovery {
    pub epoch: String,
    pub offset: u64,
    pub recovered: bool,
    pub comments: Vec<rest::Comment>,
    pub removed: Vec<String>,
    pub edited: Vec<rest::Comment>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reloaded {
    /// The stream goes on where it was known; entries that had gone unnoticed are unsent.
    Continued,
    /// Too much is missing: seats must join again.
    Lost,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Idle,
    /// One batch is on its way to the store.
    Writing,
    /// The batch is durable; other rows it concerns are being brought up to date.
    Settling,
    /// Others have written: what they wrote is being read.
    Following,
    /// What the store holds is not known: nothing is written before it has been read again.
    Stale,
}

#[derive(Debug)]
pub struct State<T> {
    video: VideoId,
    limits: Limits,
    epoch: String,
    next: u64,
    /// The newest offset that seats have been sent, by their rate.
    sent: [u64; 2],
    live: i64,
    hot: VecDeque<Entry>,
    aside: BTreeMap<u64, Entry>,
    keys: KeyIndex,
    waiting: VecDeque<Pending<T>>,
    phase: Phase,
    written: bool,
}

impl<T> State<T> {
    pub fn new(video: VideoId, limits: Limits, loaded: Loaded) -> Self {
        let mut state = Self {
            video,
            limits,
            epoch: String::new(),
            next: FIRST_OFFSET,
            sent: [0; 2],
            live: 0,
            hot: VecDeque::new(),
            aside: BTreeMap::new(),
            keys: KeyIndex::new(),
            waiting: VecDeque::new(),
            phase: Phase::Idle,
            written: false,
        };
        state.sent = [loaded.next - 1; 2];
        state.adopt(loaded);
        state
    }

    /// The newest offset that is durable; 0 while there is none.
    pub fn head(&self) -> u64 {
        self.next - 1
    }

    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// Whether this incarnation has written anything.
    pub fn has_written(&self) -> bool {
        self.written
    }

    pub fn live(&self) -> u64 {
        unsigned(self.live)
    }

    pub fn waiting_len(&self) -> usize {
        self.waiting.len()
    }

    pub fn submit(&mut self, pending: Pending<T>) {
        self.waiting.push_back(pending);
    }

    /// Whether there is something that could be written now.
    pub fn has_waiting(&self) -> bool {
        self.phase == Phase::Idle && !self.waiting.is_empty()
    }

    /// Whether nothing is being written, waits to be, or has to be read again first.
    pub fn is_idle(&self) -> bool {
        self.phase == Phase::Idle && self.waiting.is_empty()
    }

    pub fn is_stale(&self) -> bool {
        self.phase == Phase::Stale
    }

    /// The next write, if there is something to write and nothing on its way.
    pub fn plan(&mut self, owner: &UserId) -> Option<Plan<T>> {
        if self.phase != Phase::Idle || self.waiting.is_empty() {
            return None;
        }
        self.phase = Phase::Writing;
        let left = first_of(bucket_of(self.next) + 1) - self.next;
        let take = self.fitting().min(usize::try_from(left).unwrap_or(usize::MAX));
        let commands: Vec<_> = self.waiting.drain(..take).collect();
        let (known, keys) = (self.known(&commands), self.known_keys(&commands));
        let (video, epoch, owner) = (self.video.clone(), self.epoch.clone(), owner.clone());
        let hush = Hush::default();
        Some(Plan { video, epoch, owner, first: self.next, commands, known, keys, hush })
    }

    /// How many of those that wait go into one write: at least one.
    fn fitting(&self) -> usize {
        let mut bytes = 0;
        let fits = |pending: &&Pending<T>| {
            bytes += pending.command.len_bytes();
            bytes <= BATCH_BYTES_MAX
        };
        self.waiting.iter().take(BATCH_LEN_MAX).take_while(fits).count().max(1)
    }

    /// The batch is durable. Returns who is to be told what.
    pub fn on_committed(&mut self, batch: Batch<T>) -> Vec<Answer<T>> {
        self.phase = Phase::Settling;
        self.written = true;
        self.next = batch.end();
        self.live += batch.live_here + batch.live_older;
        for entry in batch.entries {
            self.push(entry);
        }
        for (offset, row) in batch.changed {
            self.replace(offset, row);
        }
        self.trim();
        batch.answers
    }

    /// Everything the last batch concerns is up to date.
    pub fn on_settled(&mut self) {
        self.phase = Phase::Idle;
    }

    /// Nothing had to be written for these commands.
    pub fn on_nothing_to_write(&mut self) {
        self.phase = Phase::Idle;
    }

    /// It is not known what of the last batch has become durable.
    pub fn on_failed(&mut self) {
        self.phase = Phase::Stale;
    }

    /// What the store holds, read again.
    pub fn on_reloaded(&mut self, loaded: Loaded) -> Reloaded {
        let oldest = loaded.newest.first().map_or(loaded.next, offset_of);
        let continued =
            loaded.epoch == self.epoch && loaded.next >= self.next && oldest <= self.sent_to_all() + 1;
        let fresh = self.head() == 0;
        self.phase = Phase::Idle;
        self.adopt(loaded);
        match continued || (fresh && oldest == FIRST_OFFSET) {
            true => Reloaded::Continued,
            false => {
                self.sent = [self.head(); 2];
                Reloaded::Lost
            }
        }
    }

    /// Gives up what waits: whoever submitted it is to be told.
    pub fn give_up_waiting(&mut self) -> Vec<T> {
        self.waiting.drain(..).map(|pending| pending.ticket).collect()
    }

    pub fn has_unsent(&self, rate: Rate) -> bool {
        self.sent(rate) < self.head()
    }

    pub fn sent(&self, rate: Rate) -> u64 {
        self.sent[rate as usize]
    }

    pub fn mark_sent(&mut self, rate: Rate) {
        self.sent[rate as usize] = self.head();
    }

    fn sent_to_all(&self) -> u64 {
        self.sent.into_iter().min().unwrap_or_default()
    }

    /// What happened after `offset`, in order.
    pub fn events_after(&self, offset: u64) -> Vec<Event> {
        let mut events: Vec<Event> = Vec::new();
        for entry in self.hot.iter().filter(|entry| offset_of(entry) > offset) {
            self.add_event(&mut events, entry);
        }
        events
    }

    /// What a client gets that was last at `since`, or that has seen nothing. It is what seats of its rate have been
    /// sent: what is newer comes to it with the next tick, as it does to them.
    pub fn recovery(&self, since: Option<&Position>, rate: Rate) -> Recovery {
        let sent = self.sent(rate);
        let base = Recovery {
            epoch: self.epoch.clone(),
            offset: sent,
            recovered: false,
            comments: Vec::new(),
            removed: Vec::new(),
            edited: Vec::new(),
        };
        match since.filter(|since| self.can_resume(since, sent)) {
            Some(since) => self.missed_after(since.offset.min(sent), base),
            None => {
                let alive = self.hot.iter().rev().filter(|entry| is_live(entry) && offset_of(entry) <= sent);
                let mut comments: Vec<_> = alive.take(self.limits.snapshot_len_max).map(comment).collect();
                comments.reverse();
                Recovery { comments, ..base }
            }
        }
    }

    /// Whether everything from there to what seats have been `sent` is remembered.
    fn can_resume(&self, since: &Position, sent: u64) -> bool {
        let oldest = self.hot.front().map_or(self.next, offset_of);
        let reach = self.limits.history_len_max as u64;
        let within = since.offset + 1 >= oldest && since.offset + reach >= sent;
        since.epoch == self.epoch && since.offset <= self.head() && within
    }

    fn missed_after(&self, offset: u64, base: Recovery) -> Recovery {
        let sent = base.offset;
        let missed = || {
            let span = offset + 1..=sent;
            self.hot.iter().filter(move |entry| span.contains(&offset_of(entry)))
        };
        let comments = missed().filter(|entry| is_live(entry)).map(comment).collect();
        let removals = missed().filter(|entry| entry.kind == EntryKind::Removal);
        let removed = removals.filter_map(|entry| self.target_id(entry)).collect();
        let mut targets: Vec<u64> = missed()
            .filter(|entry| entry.kind == EntryKind::Edit)
            .filter_map(|entry| entry.target.map(unsigned))
            .filter(|target| *target <= offset)
            .collect();
        targets.sort_unstable();
        targets.dedup();
        let rows = targets.into_iter().filter_map(|target| self.row(target));
        let edited = rows.filter(|row| is_live(row)).map(comment).collect();
        Recovery { recovered: true, comments, removed, edited, ..base }
    }

    fn add_event(&self, events: &mut Vec<Event>, entry: &Entry) {
        let (room, offset) = (self.video.to_string(), offset_of(entry));
        match entry.kind {
            EntryKind::Comment if !is_live(entry) => {}
            EntryKind::Comment => match events.last_mut() {
                Some(Event::Comments { offset: last, items, .. }) if items.len() < EVENT_LEN_MAX => {
                    *last = offset;
                    items.push(comment(entry));
                }
                _ => events.push(Event::Comments { room, offset, items: vec![comment(entry)], left_out: 0 }),
            },
            EntryKind::Removal => {
                let removed = self.target_id(entry);
                match events.last_mut() {
                    Some(Event::Removed { offset: last, ids, .. }) if ids.len() < EVENT_LEN_MAX => {
                        *last = offset;
                        ids.extend(removed);
                    }
                    _ => events.push(Event::Removed { room, offset, ids: removed.into_iter().collect() }),
                }
            }
            EntryKind::Edit => {
                let target = entry.target.map(unsigned).and_then(|target| self.row(target));
                let items = target.filter(|row| is_live(row)).map(comment).into_iter().collect();
                events.push(Event::Edited { room, offset, items });
            }
        }
    }

    fn target_id(&self, entry: &Entry) -> Option<String> {
        entry.target.map(|target| CommentId::at(&self.video, unsigned(target)).into())
    }

    fn row(&self, offset: u64) -> Option<&Entry> {
        let oldest = self.hot.front().map(offset_of)?;
        match offset.checked_sub(oldest) {
            Some(index) => self.hot.get(usize::try_from(index).ok()?).filter(|row| offset_of(row) == offset),
            None => self.aside.get(&offset),
        }
    }

    fn known(&self, commands: &[Pending<T>]) -> BTreeMap<u64, Entry> {
        let mut known = BTreeMap::new();
        for pending in commands {
            let named = match &pending.command {
                Command::Post { parent, key, author, .. } => {
                    let key = key.clone().and_then(|key| self.keys.get(&(author.id.clone(), key)).copied());
                    [*parent, key]
                }
                Command::Edit { target, .. } | Command::Remove { target, .. } => [Some(*target), None],
                Command::Wait => [None, None],
            };
            for row in named.into_iter().flatten().filter_map(|offset| self.row(offset)) {
                let parent = row.parent_id.as_ref().and_then(|id| offset_in(&self.video, id));
                known.extend(
                    parent.and_then(|parent| self.row(parent)).map(|row| (offset_of(row), row.clone())),
                );
                known.insert(offset_of(row), row.clone());
            }
        }
        known
    }

    fn known_keys(&self, commands: &[Pending<T>]) -> KeyIndex {
        let keys = commands.iter().filter_map(|pending| match &pending.command {
            Command::Post { key: Some(key), author, .. } => Some((author.id.clone(), key.clone())),
            _ => None,
        });
        keys.filter_map(|key| self.keys.get(&key).map(|offset| (key, *offset))).collect()
    }

    fn adopt(&mut self, loaded: Loaded) {
        let Loaded { epoch, next, live, newest, aside } = loaded;
        (self.epoch, self.next, self.live) = (epoch, next, live);
        self.hot.clear();
        self.keys.clear();
        self.aside = aside.into_iter().map(|row| (offset_of(&row), row)).collect();
        for entry in newest {
            self.push(entry);
        }
        self.trim();
    }

    fn push(&mut self, entry: Entry) {
        if let Some(key) = entry.key.clone() {
            self.keys.insert((entry.author_id.clone(), key), offset_of(&entry));
        }
        self.hot.push_back(entry);
    }

    fn replace(&mut self, offset: u64, row: Entry) {
        let oldest = self.hot.front().map_or(u64::MAX, offset_of);
        match offset.checked_sub(oldest).and_then(|index| usize::try_from(index).ok()) {
            Some(index) if index < self.hot.len() => self.hot[index] = row,
            _ => drop(self.aside.insert(offset, row)),
        }
    }

    /// Forgets what nobody can resume to and nobody has still to be sent. What has been sent is kept to its full length,
    /// however much waits for the next tick: whoever joins before that gets the room as it was sent.
    fn trim(&mut self) {
        let unsent = usize::try_from(self.head().saturating_sub(self.sent_to_all())).unwrap_or(usize::MAX);
        while self.hot.len() > self.limits.hot_len_max().saturating_add(unsent) {
            let Some(entry) = self.hot.pop_front() else { break };
            let offset = offset_of(&entry);
            if let Some(key) = entry.key.clone() {
                self.keys.remove(&(entry.author_id.clone(), key));
            }
            if self.edits_of(offset) {
                self.aside.insert(offset, entry);
            }
        }
        let edited: Vec<u64> = self.hot.iter().filter_map(|entry| entry.target.map(unsigned)).collect();
        self.aside.retain(|offset, _| edited.contains(offset));
    }

    fn edits_of(&self, offset: u64) -> bool {
        self.hot
            .iter()
            .any(|entry| entry.kind == EntryKind::Edit && entry.target.map(unsigned) == Some(offset))
    }
}

#[cfg(test)]
mod tests;
