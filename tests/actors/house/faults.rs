//! A store whose writes can be made to fail, to go unheard, or to hang. The engine inside is the real one.

use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use futures_util::future::BoxFuture;
use playhouse::backends::store::{
    Decide, Engine, Key, Put, Reads, Row, RowPage, Scan, StoreError, StoreResult, Table, Value,
};
use tokio::sync::watch;

/// What happens to a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    #[default]
    None,
    /// Refused, and not made.
    Refused,
    /// Made, and then reported as failed.
    Unheard,
    /// Neither made nor answered.
    Hangs,
}

#[derive(Clone, Default)]
pub struct Faults {
    fault: Arc<Mutex<(Fault, Option<&'static str>)>>,
    hits: Arc<AtomicU64>,
    scans: Arc<watch::Sender<Option<&'static str>>>,
    statics: Arc<watch::Sender<Option<&'static str>>>,
}

impl Faults {
    pub fn around(&self, engine: Arc<dyn Engine>) -> Arc<dyn Engine> {
        Arc::new(Faulty { engine, faults: self.clone() })
    }

    /// From now on, on every table.
    pub fn set(&self, fault: Fault) {
        *self.fault.lock().expect("never poisoned") = (fault, None);
    }

    /// From now on, on one table.
    pub fn set_on(&self, fault: Fault, table: &'static str) {
        *self.fault.lock().expect("never poisoned") = (fault, Some(table));
    }

    /// Scans of one table wait until they may go on.
    pub fn hold_scans_of(&self, table: &'static str) {
        self.scans.send_replace(Some(table));
    }

    pub fn let_scans_go_on(&self) {
        self.scans.send_replace(None);
    }

    /// What was read of one table's statics comes only when it may.
    pub fn hold_statics_of(&self, table: &'static str) {
        self.statics.send_replace(Some(table));
    }

    pub fn let_statics_come(&self) {
        self.statics.send_replace(None);
    }

    /// Writes that a fault has met, and reads that were held.
    pub fn hits(&self) -> u64 {
        self.hits.load(Ordering::SeqCst)
    }

    /// Waits as long as reads of this table are held.
    async fn wait(&self, held: &watch::Sender<Option<&'static str>>, table: &Table) {
        let mut held = held.subscribe();
        if *held.borrow() == Some(table.name) {
            self.hits.fetch_add(1, Ordering::SeqCst);
        }
        drop(held.wait_for(|held| *held != Some(table.name)).await);
    }

    fn on(&self, table: &Table) -> Fault {
        let (fault, only) = *self.fault.lock().expect("never poisoned");
        let met = only.is_none_or(|only| only == table.name);
        if fault != Fault::None && met {
            self.hits.fetch_add(1, Ordering::SeqCst);
        }
        if met { fault } else { Fault::None }
    }
}

struct Faulty {
    engine: Arc<dyn Engine>,
    faults: Faults,
}

impl Faulty {
    fn write<'a, T: Send + 'a>(
        &'a self,
        table: &'static Table,
        work: BoxFuture<'a, StoreResult<T>>,
    ) -> BoxFuture<'a, StoreResult<T>> {
        let failed = || Err(StoreError::Unavailable("made to fail".into()));
        let fault = self.faults.on(table);
        Box::pin(async move {
            match fault {
                Fault::None => work.await,
                Fault::Refused => failed(),
                Fault::Unheard => {
                    work.await?;
                    failed()
                }
                Fault::Hangs => pending().await,
            }
        })
    }
}

impl Engine for Faulty {
    fn get<'a>(&'a self, table: &'static Table, key: Key) -> BoxFuture<'a, StoreResult<Option<Row>>> {
        self.engine.get(table, key)
    }

    fn get_some<'a>(
        &'a self,
        table: &'static Table,
        partition: Vec<Value>,
        keys: Vec<Vec<Value>>,
    ) -> BoxFuture<'a, StoreResult<Vec<Row>>> {
        self.engine.get_some(table, partition, keys)
    }

    fn get_statics<'a>(
        &'a self,
        table: &'static Table,
        partition: Vec<Value>,
    ) -> BoxFuture<'a, StoreResult<Option<Vec<Option<Value>>>>> {
        Box::pin(async move {
            let found = self.engine.get_statics(table, partition).await;
            self.faults.wait(&self.faults.statics, table).await;
            found
        })
    }

    fn scan<'a>(&'a self, table: &'static Table, scan: Scan) -> BoxFuture<'a, StoreResult<RowPage>> {
        Box::pin(async move {
            self.faults.wait(&self.faults.scans, table).await;
            self.engine.scan(table, scan).await
        })
    }

    fn put<'a>(&'a self, table: &'static Table, put: Put) -> BoxFuture<'a, StoreResult<()>> {
        self.write(table, self.engine.put(table, put))
    }

    fn delete<'a>(&'a self, table: &'static Table, key: Key) -> BoxFuture<'a, StoreResult<()>> {
        self.write(table, self.engine.delete(table, key))
    }

    fn insert_if_absent<'a>(&'a self, table: &'static Table, put: Put) -> BoxFuture<'a, StoreResult<bool>> {
        self.write(table, self.engine.insert_if_absent(table, put))
    }

    fn update_partition<'a>(
        &'a self,
        table: &'static Table,
        partition: Vec<Value>,
        reads: Reads,
        decide: Decide,
    ) -> BoxFuture<'a, StoreResult<()>> {
        self.write(table, self.engine.update_partition(table, partition, reads, decide))
    }

    fn delete_partition<'a>(
        &'a self,
        table: &'static Table,
        partition: Vec<Value>,
    ) -> BoxFuture<'a, StoreResult<()>> {
        self.write(table, self.engine.delete_partition(table, partition))
    }

    fn count<'a>(&'a self, table: &'static Table) -> BoxFuture<'a, StoreResult<u64>> {
        self.engine.count(table)
    }

    fn probe<'a>(&'a self) -> BoxFuture<'a, StoreResult<()>> {
        self.engine.probe()
    }

    fn close<'a>(&'a self) -> BoxFuture<'a, StoreResult<()>> {
        self.engine.close()
    }
}
