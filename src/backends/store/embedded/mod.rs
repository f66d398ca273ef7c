//! The embedded engine: rows in one directory, one writer thread with group commit, readers beside it.
//! The drivers (`fjall`, `redb`) know ordered bytes only; keys, cells, conditions and expiry are decided here.
//!
//! Point reads and short scans run where they are asked for: they cost microseconds, less than the way to
//! another thread and back. Long scans go to the blocking pool.

mod cells;
mod fjall;
mod key_value;
mod keys;
mod redb;
mod sweeper;
mod writer;

use std::{
    ops::ControlFlow,
    path::Path,
    sync::{Arc, Mutex, RwLock},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use tokio::{
    sync::{mpsc, oneshot},
    task::spawn_blocking,
    time::timeout,
};

#[cfg(test)]
pub(super) use self::keys::name_hash;
pub use self::writer::CommitObserver;
use self::{
    key_value::KeyValue,
    keys::PartitionKey,
    writer::{Request, Update, Work, Writer},
};
use super::{
    engine::{Decide, Direction, Engine, Key, Put, Reads, Row, RowPage, Scan, StoreError, StoreResult},
    open::{OpenError, Settings},
    table::{Record, Table},
    tables::probe::Probe,
    value::Value,
};
use crate::domain::clock::SharedClock;

const QUEUE_LEN_MAX: usize = 4_096;
/// Scans with a greater limit leave the caller's thread.
const INLINE_SCAN_LIMIT_MAX: usize = 128;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Driver {
    Fjall,
    Redb,
}

/// `None` once the store is closed.
struct Shared {
    driver: RwLock<Option<Box<dyn KeyValue>>>,
}

pub(super) struct Embedded {
    shared: Arc<Shared>,
    clock: SharedClock,
    /// Taken only by `drop`.
    requests: Option<mpsc::Sender<Request>>,
    deadline: Duration,
    writer: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Embedded {
    pub(super) fn open(
        driver: Driver,
        dir: &Path,
        clock: SharedClock,
        settings: Settings,
    ) -> Result<Self, OpenError> {
        let Settings { deadline, observer, tables: _ } = settings;
        let unusable =
            |error: std::io::Error| OpenError::Damaged { path: dir.into(), reason: error.to_string() };
        std::fs::create_dir_all(dir).map_err(unusable)?;
        let driver: Box<dyn KeyValue> = match driver {
            Driver::Fjall => Box::new(fjall::Fjall::open(dir, clock.clone())?),
            Driver::Redb => Box::new(redb::Redb::open(dir)?),
        };
        let shared = Arc::new(Shared { driver: RwLock::new(Some(driver)) });
        let (requests, queue) = mpsc::channel(QUEUE_LEN_MAX);
        let writer = Writer { shared: shared.clone(), requests: queue, clock: clock.clone(), observer };
        let writer = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || writer.run())
            .map_err(unusable)?;
        let writer = Arc::new(Mutex::new(Some(writer)));
        Ok(Self { shared, clock, requests: Some(requests), deadline, writer })
    }

    async fn write(&self, work: Work) -> StoreResult<bool> {
        let (reply, answer) = oneshot::channel();
        let requests = self.requests.as_ref().ok_or_else(closed)?;
        let asked = async {
            let since = Instant::now();
            requests.send(Request::Write { work, reply, since }).await.map_err(|_| closed())?;
            answer.await.map_err(|_| closed())?
        };
        timeout(self.deadline, asked).await.unwrap_or_else(|_| Err(overloaded(self.deadline)))
    }

    fn stored(&self, table: &'static Table, put: Put) -> StoreResult<(Vec<u8>, Vec<u8>)> {
        let key = PartitionKey::new(table, &put.row.key.partition)?.row(&put.row.key.clustering)?;
        let value = cells::encode(table.columns, &put.row.columns, put.ttl, self.clock.now());
        Ok((key, value.ok_or(StoreError::Corrupt { table: table.name })?))
    }

    async fn get(&self, table: &'static Table, key: Key) -> StoreResult<Option<Row>> {
        let stored_key = PartitionKey::new(table, &key.partition)?.row(&key.clustering)?;
        let Some(stored) = self.shared.read(|driver| driver.get(&stored_key))? else { return Ok(None) };
        let columns = cells::decode(table, table.columns, &stored, self.clock.now())?;
        Ok(columns.map(|columns| Row { key, columns }))
    }

    async fn get_some(
        &self,
        table: &'static Table,
        partition: Vec<Value>,
        keys: Vec<Vec<Value>>,
    ) -> StoreResult<Vec<Row>> {
        let mut rows = Vec::new();
        for clustering in keys {
            let key = Key { partition: partition.clone(), clustering };
            rows.extend(self.get(table, key).await?);
        }
        Ok(rows)
    }

    async fn get_statics(
        &self,
        table: &'static Table,
        partition: Vec<Value>,
    ) -> StoreResult<Option<Vec<Option<Value>>>> {
        let key = PartitionKey::new(table, &partition)?.statics();
        let Some(stored) = self.shared.read(|driver| driver.get(&key))? else { return Ok(None) };
        cells::decode(table, table.statics, &stored, self.clock.now())
    }

    async fn scan(&self, table: &'static Table, scan: Scan) -> StoreResult<RowPage> {
        let (shared, clock) = (self.shared.clone(), self.clock.clone());
        if scan.limit <= INLINE_SCAN_LIMIT_MAX {
            return shared.scan(table, scan, &clock);
        }
        let lost = |_| StoreError::Unavailable("the runtime is shutting down".into());
        spawn_blocking(move || shared.scan(table, scan, &clock)).await.map_err(lost)?
    }

    async fn count(&self, table: &'static Table) -> StoreResult<u64> {
        let (shared, now) = (self.shared.clone(), self.clock.now());
        let lost = |_| StoreError::Unavailable("the runtime is shutting down".into());
        let count = move || {
            let mut count = 0;
            let mut visit = |_: &[u8], value: &[u8]| {
                count += u64::from(!cells::is_expired(value, now));
                Ok(ControlFlow::Continue(()))
            };
            shared
                .read(|driver| driver.visit(keys::range_of_table(table), Direction::Declared, &mut visit))?;
            Ok(count)
        };
        spawn_blocking(count).await.map_err(lost)?
    }

    async fn probe(&self) -> StoreResult<()> {
        let key = Key { partition: vec![Value::Text("probe".into())], clustering: Vec::new() };
        let columns = vec![Some(Value::Int(self.clock.now().0))];
        let row = Row { key: key.clone(), columns };
        let (stored_key, value) = self.stored(Probe::TABLE, Put { row: row.clone(), ttl: None })?;
        self.write(Work::Set { key: stored_key, value: Some(value) }).await?;
        match self.get(Probe::TABLE, key).await? {
            Some(_) => Ok(()),
            None => Err(StoreError::Unavailable("a written row cannot be read back".into())),
        }
    }

    /// Everything acknowledged stays; the directory's lock is free when this returns.
    async fn close(&self) -> StoreResult<()> {
        if let Some(requests) = &self.requests {
            // A closed channel means that the writer has stopped already.
            drop(timeout(self.deadline, requests.send(Request::Stop)).await);
        }
        let (shared, writer) = (self.shared.clone(), self.writer.clone());
        let lost = |_| StoreError::Unavailable("the runtime is shutting down".into());
        spawn_blocking(move || shared.end(&writer)).await.map_err(lost)
    }
}

impl Shared {
    fn read<T>(&self, read: impl FnOnce(&dyn KeyValue) -> StoreResult<T>) -> StoreResult<T> {
        let driver = self.driver.read().expect("no code panics while it holds this lock");
        read(driver.as_deref().ok_or_else(closed)?)
    }

    fn scan(&self, table: &'static Table, scan: Scan, clock: &SharedClock) -> StoreResult<RowPage> {
        let partition = PartitionKey::new(table, &scan.partition)?;
        let mut page = RowPage { rows: Vec::new(), more: false };
        let Some(range) = partition.range_of(&scan)?.filter(|_| scan.limit > 0) else { return Ok(page) };
        let now = clock.now();
        let mut visit = |key: &[u8], value: &[u8]| {
            let Some(columns) = cells::decode(table, table.columns, value, now)? else {
                return Ok(ControlFlow::Continue(()));
            };
            if page.rows.len() == scan.limit {
                page.more = true;
                return Ok(ControlFlow::Break(()));
            }
            let clustering = partition.clustering_of(key)?;
            page.rows.push(Row { key: Key { partition: scan.partition.clone(), clustering }, columns });
            Ok(ControlFlow::Continue(()))
        };
        self.read(|driver| driver.visit(range, scan.direction, &mut visit))?;
        Ok(page)
    }

    fn end(&self, writer: &Mutex<Option<JoinHandle<()>>>) {
        let writer = writer.lock().expect("no code panics while it holds this lock").take();
        if let Some(Err(_panic)) = writer.map(JoinHandle::join) {
            tracing::error!("the store's writer panicked; what was acknowledged is on disk");
        }
        // Waits for readers, who hold the lock only while they read.
        self.driver.write().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.requests.take();
        self.shared.end(&self.writer);
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("it is closed".into())
}

fn overloaded(deadline: Duration) -> StoreError {
    StoreError::Unavailable(format!("no answer within {} ms; the disk may be too slow", deadline.as_millis()))
}

impl Engine for Embedded {
    fn get<'a>(&'a self, table: &'static Table, key: Key) -> BoxFuture<'a, StoreResult<Option<Row>>> {
        Box::pin(self.get(table, key))
    }

    fn get_some<'a>(
        &'a self,
        table: &'static Table,
        partition: Vec<Value>,
        keys: Vec<Vec<Value>>,
    ) -> BoxFuture<'a, StoreResult<Vec<Row>>> {
        Box::pin(self.get_some(table, partition, keys))
    }

    fn get_statics<'a>(
        &'a self,
        table: &'static Table,
        partition: Vec<Value>,
    ) -> BoxFuture<'a, StoreResult<Option<Vec<Option<Value>>>>> {
        Box::pin(self.get_statics(table, partition))
    }

    fn scan<'a>(&'a self, table: &'static Table, scan: Scan) -> BoxFuture<'a, StoreResult<RowPage>> {
        Box::pin(self.scan(table, scan))
    }

    fn put<'a>(&'a self, table: &'static Table, put: Put) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(async move {
            let (key, value) = self.stored(table, put)?;
            self.write(Work::Set { key, value: Some(value) }).await.map(drop)
        })
    }

    fn delete<'a>(&'a self, table: &'static Table, key: Key) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(async move {
            let key = PartitionKey::new(table, &key.partition)?.row(&key.clustering)?;
            self.write(Work::Set { key, value: None }).await.map(drop)
        })
    }

    fn insert_if_absent<'a>(&'a self, table: &'static Table, put: Put) -> BoxFuture<'a, StoreResult<bool>> {
        Box::pin(async move {
            let (key, value) = self.stored(table, put)?;
            self.write(Work::InsertIfAbsent { key, value }).await
        })
    }

    fn update_partition<'a>(
        &'a self,
        table: &'static Table,
        partition: Vec<Value>,
        reads: Reads,
        decide: Decide,
    ) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(async move {
            let key = PartitionKey::new(table, &partition)?;
            self.write(Work::Update(Update { table, partition, key, reads, decide })).await.map(drop)
        })
    }

    fn delete_partition<'a>(
        &'a self,
        table: &'static Table,
        partition: Vec<Value>,
    ) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(async move {
            let partition = PartitionKey::new(table, &partition)?;
            self.write(Work::DeletePartition(partition)).await.map(drop)
        })
    }

    fn count<'a>(&'a self, table: &'static Table) -> BoxFuture<'a, StoreResult<u64>> {
        Box::pin(self.count(table))
    }

    fn probe<'a>(&'a self) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(self.probe())
    }

    fn close<'a>(&'a self) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(self.close())
    }
}
