//! A store that keeps rows it has read, for readers of many of them: lists and search results. A kept row is good while no
//! row with its partition was written, which is known at once for writes of this process and soon for those of other nodes;
//! the age limit covers what was not heard of. What is absent is not kept.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use quick_cache::sync::Cache;

use super::{
    engine::{Decide, Engine, Key, Put, Reads, Row, RowPage, Scan, StoreResult},
    table::Table,
    value::Value,
    watched::Versions,
};
use crate::telemetry::Metrics;

/// How long a write that this process does not hear of may go unnoticed.
const AGE_MAX: Duration = Duration::from_secs(2);
const ROWS_MAX: usize = 16_384;

/// An engine whose rows of watched tables with a partition of one text and nothing else for a key are kept.
pub struct Cached {
    inner: Arc<dyn Engine>,
    versions: Arc<Versions>,
    rows: Cache<(&'static str, String), Arc<Kept>>,
    metrics: Arc<Metrics>,
}

struct Kept {
    row: Row,
    version: u64,
    read_at: Instant,
}

impl Cached {
    pub fn around(inner: Arc<dyn Engine>, versions: Arc<Versions>, metrics: Arc<Metrics>) -> Self {
        Self { inner, versions, rows: Cache::new(ROWS_MAX), metrics }
    }

    /// `None` for rows that are not kept.
    fn name_of(&self, table: &'static Table, key: &Key) -> Option<(&'static str, String)> {
        match (key.partition.as_slice(), key.clustering.is_empty()) {
            ([Value::Text(name)], true) if self.versions.watches(table) => Some((table.name, name.clone())),
            _ => None,
        }
    }

    async fn read(
        &self,
        table: &'static Table,
        key: Key,
        name: (&'static str, String),
    ) -> StoreResult<Option<Row>> {
        let version = self.versions.of(&name.1);
        let before = self.rows.get(&name);
        let is_good = |kept: &Kept| kept.version == version && kept.read_at.elapsed() < AGE_MAX;
        if let Some(kept) = before.as_ref().filter(|kept| is_good(kept)) {
            self.metrics.row_cache_looks.of("hit").inc();
            self.metrics.row_cache_age_seconds.observe(kept.read_at.elapsed().as_secs_f64());
            return Ok(Some(kept.row.clone()));
        }
        self.metrics.row_cache_looks.of(if before.is_some() { "stale" } else { "miss" }).inc();
        let read_at = Instant::now();
        let row = self.inner.get(table, key).await?;
        match &row {
            Some(row) => self.rows.insert(name, Arc::new(Kept { row: row.clone(), version, read_at })),
            None => drop(self.rows.remove(&name)),
        }
        self.metrics.row_cache_rows.set(i64::try_from(self.rows.len()).unwrap_or(i64::MAX));
        Ok(row)
    }
}

impl Engine for Cached {
    fn get<'a>(&'a self, table: &'static Table, key: Key) -> BoxFuture<'a, StoreResult<Option<Row>>> {
        match self.name_of(table, &key) {
            Some(name) => Box::pin(self.read(table, key, name)),
            None => self.inner.get(table, key),
        }
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
        self.inner.put(table, put)
    }

    fn delete<'a>(&'a self, table: &'static Table, key: Key) -> BoxFuture<'a, StoreResult<()>> {
        self.inner.delete(table, key)
    }

    fn insert_if_absent<'a>(&'a self, table: &'static Table, put: Put) -> BoxFuture<'a, StoreResult<bool>> {
        self.inner.insert_if_absent(table, put)
    }

    fn update_partition<'a>(
        &'a self,
        table: &'static Table,
        partition: Vec<Value>,
        reads: Reads,
        decide: Decide,
    ) -> BoxFuture<'a, StoreResult<()>> {
        self.inner.update_partition(table, partition, reads, decide)
    }

    fn delete_partition<'a>(
        &'a self,
        table: &'static Table,
        partition: Vec<Value>,
    ) -> BoxFuture<'a, StoreResult<()>> {
        self.inner.delete_partition(table, partition)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        backends::store::{self, Record, Watched, tables::installation::KnownSeed},
        domain::clock::{SystemClock, Timestamp},
    };

    #[tokio::test]
    async fn a_row_is_read_once_until_it_is_written_here_or_elsewhere_or_is_old() {
        let folder = tempfile::tempdir().unwrap();
        let versions = Versions::of_tables(&[KnownSeed::TABLE]);
        let direct = store::open("embedded:", folder.path(), Arc::new(SystemClock)).await.unwrap();
        let metrics = Metrics::new();
        let watched =
            direct.clone().decorated(|inner| Arc::new(Watched { inner, versions: versions.clone() }));
        let cached = watched
            .clone()
            .decorated(|inner| Arc::new(Cached::around(inner, versions.clone(), metrics.clone())));
        let row = |fingerprint: &str| KnownSeed {
            purpose: "a".into(),
            fingerprint: fingerprint.into(),
            at: Timestamp(0),
        };
        let read = async || {
            let row = cached.get::<KnownSeed>(("a".to_owned(),), ()).await.unwrap();
            row.map(|row| row.fingerprint)
        };
        assert_eq!(read().await, None);
        watched.put(row("first")).await.unwrap();
        assert_eq!(read().await.as_deref(), Some("first"), "what is absent is not kept");
        // As another process would write it.
        direct.put(row("second")).await.unwrap();
        assert_eq!(read().await.as_deref(), Some("first"), "it was not heard of");
        versions.written_elsewhere("a");
        assert_eq!(read().await.as_deref(), Some("second"));
        watched.put(row("third")).await.unwrap();
        assert_eq!(read().await.as_deref(), Some("third"), "a write of this process is seen at once");
        direct.put(row("fourth")).await.unwrap();
        tokio::time::sleep(AGE_MAX).await;
        assert_eq!(read().await.as_deref(), Some("fourth"));
        let looks = |outcome| metrics.row_cache_looks.of(outcome).get();
        assert_eq!((looks("hit"), looks("stale"), looks("miss")), (1, 3, 2));
        cached.close().await.unwrap();
    }
}
