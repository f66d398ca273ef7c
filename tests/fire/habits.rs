//! A store with habits: slow, refusing, forgetful. The engine inside is the real one; which call meets which habit is
//! drawn from a seed.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use playhouse::backends::store::{
    Decide, Engine, Key, Put, Reads, Row, RowPage, Scan, StoreError, StoreResult, Table, Value,
};
use tokio::time::sleep;

use crate::served::random::Random;

/// How it behaves. Habits of writes in percent of all of them.
#[derive(Debug, Clone, Copy)]
pub struct Habits {
    /// Every call takes up to so long.
    pub slow_ms: usize,
    /// Not applied, and refused.
    pub refuses: usize,
    /// Applied, and reported as failed.
    pub forgets: usize,
    /// Applied, and answered so much later that nobody waits for it any more.
    pub hangs: usize,
    pub hangs_ms: u64,
}

#[derive(Clone)]
pub struct Moody {
    habits: Habits,
    random: Arc<Mutex<Random>>,
    active: Arc<AtomicBool>,
    /// Writes that go well before the habits begin.
    spared: Arc<AtomicU64>,
    troubles: Arc<AtomicU64>,
}

enum Mood {
    Well,
    Refuses,
    Forgets,
    Hangs,
}

impl Moody {
    pub fn new(seed: u64, habits: Habits) -> Self {
        Self {
            habits,
            random: Arc::new(Mutex::new(Random::new(seed ^ 0x0057_08E5))),
            active: Arc::default(),
            spared: Arc::default(),
            troubles: Arc::default(),
        }
    }

    pub fn around(&self, engine: Arc<dyn Engine>) -> Arc<dyn Engine> {
        Arc::new(Wrapped { engine, moody: self.clone() })
    }

    pub fn begin(&self) {
        self.begin_after(0);
    }

    pub fn begin_after(&self, writes: u64) {
        self.spared.store(writes, Ordering::SeqCst);
        self.active.store(true, Ordering::SeqCst);
    }

    /// Well again. Returns how many writes met with trouble.
    pub fn end(&self) -> u64 {
        self.active.store(false, Ordering::SeqCst);
        self.troubles.load(Ordering::SeqCst)
    }

    fn pause(&self) -> Duration {
        let slow = self.active.load(Ordering::SeqCst) && self.habits.slow_ms > 0;
        let below = |bound| self.random.lock().expect("nobody panics with it").below(bound);
        Duration::from_millis(if slow { below(self.habits.slow_ms + 1) as u64 } else { 0 })
    }

    fn mood(&self) -> Mood {
        let spare = |left: u64| left.checked_sub(1);
        let spared = self.spared.fetch_update(Ordering::SeqCst, Ordering::SeqCst, spare).is_ok();
        if spared || !self.active.load(Ordering::SeqCst) {
            return Mood::Well;
        }
        let Habits { refuses, forgets, hangs, .. } = self.habits;
        let mood = match self.random.lock().expect("nobody panics with it").below(100) {
            drawn if drawn < refuses => Mood::Refuses,
            drawn if drawn < refuses + forgets => Mood::Forgets,
            drawn if drawn < refuses + forgets + hangs => Mood::Hangs,
            _ => return Mood::Well,
        };
        self.troubles.fetch_add(1, Ordering::SeqCst);
        mood
    }
}

struct Wrapped {
    engine: Arc<dyn Engine>,
    moody: Moody,
}

impl Wrapped {
    fn read<'a, T: Send + 'a>(
        &'a self,
        work: BoxFuture<'a, StoreResult<T>>,
    ) -> BoxFuture<'a, StoreResult<T>> {
        let pause = self.moody.pause();
        Box::pin(async move {
            sleep(pause).await;
            work.await
        })
    }

    fn write<'a, T: Send + 'a>(
        &'a self,
        work: BoxFuture<'a, StoreResult<T>>,
    ) -> BoxFuture<'a, StoreResult<T>> {
        let (pause, mood) = (self.moody.pause(), self.moody.mood());
        let failed = || Err(StoreError::Unavailable("it has its habits".into()));
        Box::pin(async move {
            sleep(pause).await;
            match mood {
                Mood::Well => work.await,
                Mood::Refuses => failed(),
                Mood::Forgets => {
                    work.await?;
                    failed()
                }
                Mood::Hangs => {
                    let done = work.await;
                    sleep(Duration::from_millis(self.moody.habits.hangs_ms)).await;
                    done
                }
            }
        })
    }
}

impl Engine for Wrapped {
    fn get<'a>(&'a self, table: &'static Table, key: Key) -> BoxFuture<'a, StoreResult<Option<Row>>> {
        self.read(self.engine.get(table, key))
    }

    fn get_some<'a>(
        &'a self,
        table: &'static Table,
        partition: Vec<Value>,
        keys: Vec<Vec<Value>>,
    ) -> BoxFuture<'a, StoreResult<Vec<Row>>> {
        self.read(self.engine.get_some(table, partition, keys))
    }

    fn get_statics<'a>(
        &'a self,
        table: &'static Table,
        partition: Vec<Value>,
    ) -> BoxFuture<'a, StoreResult<Option<Vec<Option<Value>>>>> {
        self.read(self.engine.get_statics(table, partition))
    }

    fn scan<'a>(&'a self, table: &'static Table, scan: Scan) -> BoxFuture<'a, StoreResult<RowPage>> {
        self.read(self.engine.scan(table, scan))
    }

    fn put<'a>(&'a self, table: &'static Table, put: Put) -> BoxFuture<'a, StoreResult<()>> {
        self.write(self.engine.put(table, put))
    }

    fn delete<'a>(&'a self, table: &'static Table, key: Key) -> BoxFuture<'a, StoreResult<()>> {
        self.write(self.engine.delete(table, key))
    }

    fn insert_if_absent<'a>(&'a self, table: &'static Table, put: Put) -> BoxFuture<'a, StoreResult<bool>> {
        self.write(self.engine.insert_if_absent(table, put))
    }

    fn update_partition<'a>(
        &'a self,
        table: &'static Table,
        partition: Vec<Value>,
        reads: Reads,
        decide: Decide,
    ) -> BoxFuture<'a, StoreResult<()>> {
        self.write(self.engine.update_partition(table, partition, reads, decide))
    }

    fn delete_partition<'a>(
        &'a self,
        table: &'static Table,
        partition: Vec<Value>,
    ) -> BoxFuture<'a, StoreResult<()>> {
        self.write(self.engine.delete_partition(table, partition))
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
