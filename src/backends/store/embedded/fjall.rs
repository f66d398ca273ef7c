//! The fjall driver: a log-structured merge tree. One keyspace, so that its memory has one bound and the
//! journal one owner; small memtables and a small journal, so that a reopening after a crash replays little.

use std::{ops::ControlFlow, panic::AssertUnwindSafe, path::Path, sync::Arc};

use fjall::{
    Database, Error, Keyspace, KeyspaceCreateOptions, PersistMode,
    compaction::filter::{CompactionFilter, CompactionFilterResult, Context, Factory, ItemAccessor, Verdict},
};

use super::{
    super::{
        engine::{Direction, StoreError, StoreResult},
        open::OpenError,
    },
    cells,
    key_value::{Batch, Expiry, KeyValue, Visit},
    keys::KeyRange,
};
use crate::domain::clock::{SharedClock, Timestamp};

const CACHE_BYTES: u64 = 64 << 20;
const MEMTABLE_BYTES: u64 = 8 << 20;
/// The least that fjall allows.
const JOURNAL_BYTES: u64 = 64 << 20;

pub(super) struct Fjall {
    rows: Keyspace,
    database: Database,
}

impl Fjall {
    pub(super) fn open(dir: &Path, clock: SharedClock) -> Result<Self, OpenError> {
        let filters: Arc<dyn Factory> = Arc::new(ExpiryFilters(AssertUnwindSafe(clock)));
        let database = Database::builder(dir)
            .cache_size(CACHE_BYTES)
            .max_journaling_size(JOURNAL_BYTES)
            .with_compaction_filter_factories(Arc::new(move |_keyspace| Some(filters.clone())))
            .open()
            .map_err(|error| open_error(dir, error))?;
        let options = || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES);
        let rows = database.keyspace("rows", options).map_err(|error| open_error(dir, error))?;
        Ok(Self { rows, database })
    }
}

impl KeyValue for Fjall {
    fn get(&self, key: &[u8]) -> StoreResult<Option<Vec<u8>>> {
        Ok(self.rows.get(key).map_err(read_error)?.map(|value| value.to_vec()))
    }

    fn visit(&self, range: KeyRange, direction: Direction, visit: Visit<'_>) -> StoreResult<()> {
        let mut entries = self.rows.range(range);
        let mut next = || match direction {
            Direction::Declared => entries.next(),
            Direction::Reversed => entries.next_back(),
        };
        while let Some(entry) = next() {
            let (key, value) = entry.into_inner().map_err(read_error)?;
            if let ControlFlow::Break(()) = visit(&key, &value)? {
                break;
            }
        }
        Ok(())
    }

    fn commit(&self, batch: Batch) -> StoreResult<()> {
        let mut writes = self.database.batch().durability(Some(PersistMode::SyncData));
        for (key, value) in batch {
            match value {
                Some(value) => writes.insert(&self.rows, key, value),
                None => writes.remove(&self.rows, key),
            }
        }
        // Whatever fails here has poisoned the database: nobody knows what reached the disk.
        writes.commit().map_err(|error| StoreError::Poisoned(error.to_string()))
    }

    fn expiry(&self) -> Expiry {
        Expiry::Driver
    }
}

fn open_error(dir: &Path, error: Error) -> OpenError {
    match error {
        Error::Locked => OpenError::Locked(dir.into()),
        error => OpenError::Damaged { path: dir.into(), reason: error.to_string() },
    }
}

fn read_error(error: Error) -> StoreError {
    match error {
        Error::Poisoned => StoreError::Poisoned(error.to_string()),
        error => StoreError::Unavailable(error.to_string()),
    }
}

/// Drops rows whose time is over while tables are compacted. Reads are asserted unwind-safe because a clock
/// that panics leaves nothing half-done.
struct ExpiryFilters(AssertUnwindSafe<SharedClock>);

impl Factory for ExpiryFilters {
    fn name(&self) -> &str {
        "expiry"
    }

    fn make_filter(&self, _ctx: &Context) -> Box<dyn CompactionFilter> {
        Box::new(ExpiryFilter { now: self.0.now() })
    }
}

struct ExpiryFilter {
    now: Timestamp,
}

impl CompactionFilter for ExpiryFilter {
    fn filter_item(&mut self, item: ItemAccessor<'_>, _ctx: &Context) -> CompactionFilterResult {
        Ok(if cells::is_expired(&item.value()?, self.now) { Verdict::Remove } else { Verdict::Keep })
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;
    use crate::domain::clock::ManualClock;

    #[test]
    fn compaction_removes_rows_whose_time_is_over_and_no_others() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp(1_000)));
        let driver = Fjall::open(dir.path(), clock.clone()).unwrap();
        let row = |ttl| cells::encode(&[], &[], ttl, Timestamp(1_000));
        let hour = Duration::from_secs(3_600);
        let batch = vec![
            (b"for ever".to_vec(), row(None)),
            (b"an hour".to_vec(), row(Some(hour))),
            (b"two hours".to_vec(), row(Some(hour * 2))),
            (b"foreign".to_vec(), Some(b"not a row".to_vec())),
        ];
        driver.commit(batch).unwrap();
        clock.advance(hour);
        driver.rows.rotate_memtable_and_wait().unwrap();
        driver.rows.major_compact().unwrap();
        let is_there = |key: &[u8]| driver.get(key).unwrap().is_some();
        assert!(!is_there(b"an hour"));
        assert!(is_there(b"for ever") && is_there(b"two hours") && is_there(b"foreign"));
    }
}
