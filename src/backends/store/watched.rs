//! A store that tells when what was read may have changed, so that a reader may keep a row as long as it has not. It
//! stands around an engine and counts the writes of chosen tables by partition.
//!
//! To keep a row: take its version, then read it, then keep both; it is good while the version is the same. A write is
//! counted before its writer is answered, so nobody who was told of it is shown what was before. Writes of other processes
//! are counted when they are heard of; those, and writes that time out and are applied later, may be missed: what is kept
//! needs an age limit too.

use std::{
    collections::{BTreeSet, hash_map::RandomState},
    hash::BuildHasher,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::sync::Notify;

use super::{
    engine::{Decide, Engine, Key, Put, Reads, Row, RowPage, Scan, StoreResult},
    table::Table,
    value::Value,
};

/// How long what is kept may be shown: a write that was not heard of goes unnoticed for no longer.
pub const KEPT_FOR: Duration = Duration::from_secs(2);
/// Partitions that share a counter disturb each other, and nothing worse.
const SLOTS: usize = 4_096;
/// Names that are remembered for others; where there are more, others must suppose that all were written.
const WRITTEN_LEN_MAX: usize = 1_024;

/// How often the partitions of the watched tables were written.
pub struct Versions {
    tables: Vec<&'static str>,
    slots: Box<[AtomicU64]>,
    hasher: RandomState,
    /// Here, for other processes to be told of.
    here: Gathered,
    /// Here and elsewhere, for who follows what changes.
    anywhere: Gathered,
}

/// What was written since somebody asked: the first texts of the keys of partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    Some(BTreeSet<String>),
    Everything,
}

impl Default for Written {
    fn default() -> Self {
        Self::Some(BTreeSet::new())
    }
}

/// Names that wait for the one who asks for them.
#[derive(Default)]
struct Gathered {
    written: Mutex<Written>,
    is_written: Notify,
}

impl Gathered {
    fn add(&self, name: &str) {
        let mut written = self.held();
        if let Written::Some(names) = &mut *written {
            names.insert(name.to_owned());
            if names.len() > WRITTEN_LEN_MAX {
                *written = Written::Everything;
            }
        }
        self.is_written.notify_one();
    }

    fn add_all(&self) {
        *self.held() = Written::Everything;
        self.is_written.notify_one();
    }

    async fn take(&self) -> Written {
        loop {
            self.is_written.notified().await;
            let written = std::mem::take(&mut *self.held());
            if written != Written::default() {
                return written;
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Versions {
    /// Watches tables whose partition keys begin with a text.
    pub fn of_tables(tables: &[&'static Table]) -> Arc<Self> {
        let slots = (0..SLOTS).map(|_| AtomicU64::new(0)).collect();
        let tables = tables.iter().map(|table| table.name).collect();
        let (here, anywhere) = (Gathered::default(), Gathered::default());
        Arc::new(Self { tables, slots, hasher: RandomState::new(), here, anywhere })
    }

    /// The version of all watched partitions whose key begins with this text.
    pub fn of(&self, first: &str) -> u64 {
        self.slot(first).load(Ordering::Acquire)
    }

    pub(super) fn watches(&self, table: &'static Table) -> bool {
        self.tables.contains(&table.name)
    }

    fn count(&self, first: &str) {
        self.written_elsewhere(first);
        self.here.add(first);
    }

    /// Counts a write of another process.
    pub fn written_elsewhere(&self, first: &str) {
        self.slot(first).fetch_add(1, Ordering::Release);
        self.anywhere.add(first);
    }

    /// Counts one write of everything, for what was not heard of.
    pub fn all_written_elsewhere(&self) {
        for slot in &self.slots {
            slot.fetch_add(1, Ordering::Release);
        }
        self.anywhere.add_all();
    }

    /// What was written here since this was last asked, when there is something. May be cancelled without losing it.
    pub async fn take_written(&self) -> Written {
        self.here.take().await
    }

    /// The same of what was written here or elsewhere. For one follower a process.
    pub async fn take_changed(&self) -> Written {
        self.anywhere.take().await
    }

    /// Others could not be told: next time they must suppose that all was written.
    pub fn untold(&self) {
        self.here.add_all();
    }

    fn slot(&self, first: &str) -> &AtomicU64 {
        let slots = u64::try_from(SLOTS).expect("a small number");
        let slot = self.hasher.hash_one(first) % slots;
        &self.slots[usize::try_from(slot).expect("less than the slots there are")]
    }
}

/// An engine whose writes are counted.
pub struct Watched {
    pub inner: Arc<dyn Engine>,
    pub versions: Arc<Versions>,
}

impl Engine for Watched {
    fn get<'a>(&'a self, table: &'static Table, key: Key) -> BoxFuture<'a, StoreResult<Option<Row>>> {
        self.inner.get(table, key)
    }

    fn get_some<'a>(
        &'a self,
        table: &'static Table,
        partition: Vec<Value>,
        keys: Vec<Vec<Value>>,
    ) -> BoxFuture<'a, StoreResult<Vec<Row>>> {
        self.inner.get_some(table, partition, keys)
    }

    fn get_statics<'a>(
        &'a self,
        table: &'static Table,
        partition: Vec<Value>,
    ) -> BoxFuture<'a, StoreResult<Option<Vec<Option<Value>>>>> {
        self.inner.get_statics(table, partition)
    }

    fn scan<'a>(&'a self, table: &'static Table, scan: Scan) -> BoxFuture<'a, StoreResult<RowPage>> {
        self.inner.scan(table, scan)
    }

    fn put<'a>(&'a self, table: &'static Table, put: Put) -> BoxFuture<'a, StoreResult<()>> {
        let counting = self.counting(table, &put.row.key.partition);
        counted(counting, self.inner.put(table, put))
    }

    fn delete<'a>(&'a self, table: &'static Table, key: Key) -> BoxFuture<'a, StoreResult<()>> {
        let counting = self.counting(table, &key.partition);
        counted(counting, self.inner.delete(table, key))
    }

    fn insert_if_absent<'a>(&'a self, table: &'static Table, put: Put) -> BoxFuture<'a, StoreResult<bool>> {
        let counting = self.counting(table, &put.row.key.partition);
        counted(counting, self.inner.insert_if_absent(table, put))
    }

    fn update_partition<'a>(
        &'a self,
        table: &'static Table,
        partition: Vec<Value>,
        reads: Reads,
        decide: Decide,
    ) -> BoxFuture<'a, StoreResult<()>> {
        let counting = self.counting(table, &partition);
        counted(counting, self.inner.update_partition(table, partition, reads, decide))
    }

    fn delete_partition<'a>(
        &'a self,
        table: &'static Table,
        partition: Vec<Value>,
    ) -> BoxFuture<'a, StoreResult<()>> {
        let counting = self.counting(table, &partition);
        counted(counting, self.inner.delete_partition(table, partition))
    }

    fn count<'a>(&'a self, table: &'static Table) -> BoxFuture<'a, StoreResult<u64>> {
        self.inner.count(table)
    }

    fn probe<'a>(&'a self) -> BoxFuture<'a, StoreResult<()>> {
        self.inner.probe()
    }

    fn close<'a>(&'a self) -> BoxFuture<'a, StoreResult<()>> {
        self.inner.close()
    }
}

impl Watched {
    fn counting<'a>(&'a self, table: &'static Table, partition: &[Value]) -> Option<Counting<'a>> {
        match partition.first() {
            Some(Value::Text(first)) if self.versions.watches(table) => {
                Some(Counting { versions: &self.versions, first: first.clone() })
            }
            _ => None,
        }
    }
}

/// Counts a write when it is over, however it ends: one that failed, or whose caller went away, may have been applied all
/// the same.
struct Counting<'a> {
    versions: &'a Versions,
    first: String,
}

impl Drop for Counting<'_> {
    fn drop(&mut self) {
        self.versions.count(&self.first);
    }
}

fn counted<'a, T: 'a>(
    counting: Option<Counting<'a>>,
    write: BoxFuture<'a, StoreResult<T>>,
) -> BoxFuture<'a, StoreResult<T>> {
    let Some(counting) = counting else { return write };
    Box::pin(async move {
        let _counting = counting;
        write.await
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        backends::store::{self, Record, tables::feed::FeedBucket, tables::tally::Member},
        domain::{clock::ManualClock, tally::Kind},
    };

    #[tokio::test]
    async fn every_way_to_write_a_watched_table_counts_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let versions = Versions::of_tables(&[Member::TABLE]);
        let store = store::open("embedded:", folder.path(), Arc::new(ManualClock::default())).await.unwrap();
        let store = store.decorated(|inner| Arc::new(Watched { inner, versions: versions.clone() }));
        let key = || ("a".to_owned(), Kind::Reaction, 0);
        let row =
            || Member { target: "a".into(), kind: Kind::Reaction, bucket: 0, member: "x".into(), value: 1 };
        let version = || versions.of("a");
        let mut seen = vec![version()];
        store.put(row()).await.unwrap();
        seen.push(version());
        store.insert_if_absent(row(), None).await.unwrap();
        seen.push(version());
        store.delete::<Member>(key(), ("x".into(),)).await.unwrap();
        seen.push(version());
        let nothing = |_| (store::Edit::default(), ());
        store.update_partition::<Member, _>(key(), vec![("x".into(),)], nothing).await.unwrap();
        seen.push(version());
        assert_eq!(seen, [0, 1, 2, 3, 4]);
        store.delete::<FeedBucket>(("a".into(),), (1,)).await.unwrap();
        store.get::<Member>(key(), ("x".into(),)).await.unwrap();
        assert_eq!(version(), 4);
        store.close().await.unwrap();
        assert_eq!(versions.take_written().await, Written::Some(["a".to_owned()].into()));
        versions.written_elsewhere("b");
        let both = Written::Some(["a".to_owned(), "b".to_owned()].into());
        assert_eq!(versions.take_changed().await, both);
        (0..=WRITTEN_LEN_MAX).for_each(|name| versions.count(&name.to_string()));
        assert_eq!(versions.take_written().await, Written::Everything);
        assert_eq!(versions.take_changed().await, Written::Everything);
        versions.all_written_elsewhere();
        assert_eq!(versions.take_changed().await, Written::Everything);
    }
}
