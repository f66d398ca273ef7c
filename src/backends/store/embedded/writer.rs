//! The one thread that writes: it gathers what waits, decides each request in turn against what is stored and
//! what the requests before it in the same round have staged, commits the round once, and then answers.
//! So a request sees all earlier ones, and nothing is visible or acknowledged before it is durable.

use std::{
    collections::HashMap,
    ops::{ControlFlow, RangeBounds},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, oneshot};

use super::{
    super::{
        engine::{Change, Decide, Direction, Key, Put, Reads, Row, Snapshot, StoreError, StoreResult},
        table::Table,
        value::Value,
    },
    Shared, cells,
    key_value::{Batch, Expiry, KeyValue},
    keys::PartitionKey,
    sweeper::Sweeper,
};
use crate::domain::clock::{SharedClock, Timestamp};

/// A round ends with the request that reaches this many rows or bytes.
const ROUND_ROWS_MAX: usize = 5_000;
const ROUND_BYTES_MAX: usize = 8 << 20;

/// Called after each commit with its number of rows, and the time from its first request to its fsync.
pub type CommitObserver = Arc<dyn Fn(Duration, usize) + Send + Sync>;

pub(super) enum Request {
    Write { work: Work, reply: Reply, since: Instant },
    Stop,
}

/// `true`: written. `false`: a row was there, so nothing was.
type Reply = oneshot::Sender<StoreResult<bool>>;

pub(super) enum Work {
    Set { key: Vec<u8>, value: Option<Vec<u8>> },
    InsertIfAbsent { key: Vec<u8>, value: Vec<u8> },
    Update(Update),
    DeletePartition(PartitionKey),
}

pub(super) struct Update {
    pub(super) table: &'static Table,
    pub(super) partition: Vec<Value>,
    pub(super) key: PartitionKey,
    pub(super) reads: Reads,
    pub(super) decide: Decide,
}

pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) requests: mpsc::Receiver<Request>,
    pub(super) clock: SharedClock,
    pub(super) observer: CommitObserver,
}

impl Writer {
    /// Returns when told to stop or when nobody can send any more, with everything before that written.
    pub(super) fn run(mut self) {
        let mut sweeper = Sweeper::default();
        while let Some(first @ Request::Write { .. }) = self.requests.blocking_recv() {
            let shared = self.shared.clone();
            let driver = shared.driver.read().expect("no code panics while it holds this lock");
            let Some(driver) = driver.as_deref() else { return };
            let (answers, last) = self.round(driver, first);
            answers.into_iter().for_each(|(reply, answer)| {
                // Who asked may have given up meanwhile.
                drop(reply.send(answer));
            });
            if last {
                return;
            }
            if driver.expiry() == Expiry::Writer {
                sweeper.after_round(driver, self.clock.now());
            }
        }
    }

    fn round(&mut self, driver: &dyn KeyValue, first: Request) -> (Vec<(Reply, StoreResult<bool>)>, bool) {
        let mut round =
            Round { driver, now: self.clock.now(), staged: HashMap::new(), bytes: 0, since: None };
        let mut answers = Vec::new();
        let mut next = Some(first);
        let mut last = false;
        while let Some(request) = next.take() {
            match request {
                Request::Stop => last = true,
                // Nobody waits for it: it counts as not applied.
                Request::Write { reply, .. } if reply.is_closed() => {}
                Request::Write { work, reply, since } => {
                    round.since.get_or_insert(since);
                    answers.push((reply, round.decide(work)));
                }
            }
            if !last && round.staged.len() < ROUND_ROWS_MAX && round.bytes < ROUND_BYTES_MAX {
                next = self.requests.try_recv().ok();
            }
        }
        if let Err(error) = self.commit(round) {
            answers.iter_mut().for_each(|(_, answer)| *answer = Err(error.clone()));
        }
        (answers, last)
    }

    fn commit(&self, round: Round<'_>) -> StoreResult<()> {
        if round.staged.is_empty() {
            return Ok(());
        }
        let rows = round.staged.len();
        round.driver.commit(round.staged.into_iter().collect())?;
        (self.observer)(round.since.map(|since| since.elapsed()).unwrap_or_default(), rows);
        Ok(())
    }
}

/// Requests that become durable together, with what they have staged so far.
struct Round<'a> {
    driver: &'a dyn KeyValue,
    now: Timestamp,
    staged: HashMap<Vec<u8>, Option<Vec<u8>>>,
    bytes: usize,
    /// When its first request was made.
    since: Option<Instant>,
}

impl Round<'_> {
    fn decide(&mut self, work: Work) -> StoreResult<bool> {
        match work {
            Work::Set { key, value } => self.stage(key, value),
            Work::InsertIfAbsent { key, value } => {
                let stored = self.stored(&key)?;
                if stored.is_some_and(|stored| !cells::is_expired(&stored, self.now)) {
                    return Ok(false);
                }
                self.stage(key, Some(value));
            }
            Work::Update(update) => self.update(update)?,
            Work::DeletePartition(partition) => self.delete_partition(&partition)?,
        }
        Ok(true)
    }

    fn update(&mut self, mut update: Update) -> StoreResult<()> {
        let snapshot = self.snapshot(&update)?;
        let decide = AssertUnwindSafe(|| (update.decide)(snapshot));
        let change = catch_unwind(decide)
            .map_err(|_| StoreError::Unavailable("the code that decides this write panicked".into()))?;
        for (key, value) in self.rows_of(&update, change)? {
            self.stage(key, value);
        }
        Ok(())
    }

    /// What is stored, and what this round has staged.
    fn delete_partition(&mut self, partition: &PartitionKey) -> StoreResult<()> {
        let range = partition.range();
        let mut keys: Vec<Vec<u8>> = self.staged.keys().filter(|key| range.contains(*key)).cloned().collect();
        let mut visit = |key: &[u8], _: &[u8]| {
            keys.push(key.to_vec());
            Ok(ControlFlow::Continue(()))
        };
        self.driver.visit(range, Direction::Declared, &mut visit)?;
        keys.into_iter().for_each(|key| self.stage(key, None));
        Ok(())
    }

    fn snapshot(&self, update: &Update) -> StoreResult<Snapshot> {
        let table = update.table;
        let mut snapshot = Snapshot { statics: None, rows: Vec::new() };
        if !table.statics.is_empty()
            && let Some(stored) = self.stored(&update.key.statics())?
        {
            snapshot.statics = cells::decode(table, table.statics, &stored, self.now)?;
        }
        let Reads::Keys(keys) = &update.reads else { return Ok(snapshot) };
        for clustering in keys {
            let Some(stored) = self.stored(&update.key.row(clustering)?)? else { continue };
            let Some(columns) = cells::decode(table, table.columns, &stored, self.now)? else { continue };
            let key = Key { partition: update.partition.clone(), clustering: clustering.clone() };
            snapshot.rows.push(Row { key, columns });
        }
        Ok(snapshot)
    }

    /// Encoded before any of it is staged, so that a change that cannot be stored leaves nothing behind.
    fn rows_of(&self, update: &Update, change: Change) -> StoreResult<Batch> {
        let (table, partition) = (update.table, &update.key);
        let corrupt = || StoreError::Corrupt { table: table.name };
        let mut rows = Vec::with_capacity(change.puts.len() + change.deletes.len() + 1);
        for clustering in change.deletes {
            rows.push((partition.row(&clustering)?, None));
        }
        for Put { row, ttl } in change.puts {
            if row.key.partition != update.partition {
                return Err(corrupt());
            }
            let stored = cells::encode(table.columns, &row.columns, ttl, self.now).ok_or_else(corrupt)?;
            rows.push((partition.row(&row.key.clustering)?, Some(stored)));
        }
        if let Some(statics) = change.statics {
            let stored = cells::encode(table.statics, &statics, None, self.now).ok_or_else(corrupt)?;
            rows.push((partition.statics(), Some(stored)));
        }
        Ok(rows)
    }

    fn stored(&self, key: &[u8]) -> StoreResult<Option<Vec<u8>>> {
        match self.staged.get(key) {
            Some(staged) => Ok(staged.clone()),
            None => self.driver.get(key),
        }
    }

    fn stage(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        self.bytes += key.len() + value.as_ref().map_or(0, Vec::len);
        self.staged.insert(key, value);
    }
}
