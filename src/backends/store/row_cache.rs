//! Rows that a store keeps once they were read, for readers of many of them: lists and search results. A kept row is good while no
//! row with its partition was written, which is known at once for writes of this process and soon for those of other nodes;
//! the age limit covers what was not heard of. What is absent is not kept.

use std::{sync::Arc, time::Instant};

use quick_cache::sync::Cache;

use super::{
    engine::{Engine, Key, Row, StoreResult},
    table::Table,
    value::Value,
    watched::{KEPT_FOR, Versions},
};
use crate::telemetry::Metrics;

const ROWS_MAX: usize = 16_384;

/// Of watched tables, the rows with a partition of one text and nothing else for a key.
pub struct RowCache {
    versions: Arc<Versions>,
    rows: Cache<(&'static str, String), Arc<Kept>>,
    metrics: Arc<Metrics>,
}

struct Kept {
    row: Row,
    version: u64,
    read_at: Instant,
}

impl RowCache {
    pub fn new(versions: Arc<Versions>, metrics: Arc<Metrics>) -> Self {
        Self { versions, rows: Cache::new(ROWS_MAX), metrics }
    }

    /// As `engine` has it, or had it a moment ago.
    pub(super) async fn get(
        &self,
        engine: &dyn Engine,
        table: &'static Table,
        key: Key,
    ) -> StoreResult<Option<Row>> {
        match self.name_of(table, &key) {
            Some(name) => self.read(engine, table, key, name).await,
            None => engine.get(table, key).await,
        }
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
        engine: &dyn Engine,
        table: &'static Table,
        key: Key,
        name: (&'static str, String),
    ) -> StoreResult<Option<Row>> {
        let version = self.versions.of(&name.1);
        let before = self.rows.get(&name);
        let is_good = |kept: &Kept| kept.version == version && kept.read_at.elapsed() < KEPT_FOR;
        if let Some(kept) = before.as_ref().filter(|kept| is_good(kept)) {
            self.metrics.row_cache_looks.of("hit").inc();
            self.metrics.row_cache_age_seconds.observe(kept.read_at.elapsed().as_secs_f64());
            return Ok(Some(kept.row.clone()));
        }
        self.metrics.row_cache_looks.of(if before.is_some() { "stale" } else { "miss" }).inc();
        let read_at = Instant::now();
        let row = engine.get(table, key).await?;
        match &row {
            Some(row) => self.rows.insert(name, Arc::new(Kept { row: row.clone(), version, read_at })),
            None => drop(self.rows.remove(&name)),
        }
        self.metrics.row_cache_rows.set(i64::try_from(self.rows.len()).unwrap_or(i64::MAX));
        Ok(row)
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
        let cached = watched.clone().cached(RowCache::new(versions.clone(), metrics.clone()));
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
        tokio::time::sleep(KEPT_FOR).await;
        assert_eq!(read().await.as_deref(), Some("fourth"));
        let looks = |outcome| metrics.row_cache_looks.of(outcome).get();
        assert_eq!((looks("hit"), looks("stale"), looks("miss")), (1, 3, 2));
        cached.close().await.unwrap();
    }
}
