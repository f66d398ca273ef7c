//! The redb driver: a copy-on-write B+tree in one file. Slower to write than fjall and faster to read; the
//! second adapter that keeps the contract honest and the engine replaceable.

use std::{ops::ControlFlow, path::Path};

use redb::{Database, DatabaseError, ReadableDatabase, TableDefinition};

use super::{
    super::{
        engine::{Direction, StoreError, StoreResult},
        open::OpenError,
    },
    key_value::{Batch, Expiry, KeyValue, Visit},
    keys::KeyRange,
};

const ROWS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("rows");
const CACHE_BYTES: usize = 64 << 20;

pub(super) struct Redb {
    database: Database,
}

impl Redb {
    pub(super) fn open(dir: &Path) -> Result<Self, OpenError> {
        let database = Database::builder()
            .set_cache_size(CACHE_BYTES)
            .create(dir.join("rows.redb"))
            .map_err(|error| open_error(dir, error))?;
        let store = Self { database };
        // Makes the table, so that reads before the first write find one.
        store
            .write(Vec::new())
            .map_err(|error| OpenError::Damaged { path: dir.into(), reason: error.to_string() })?;
        Ok(store)
    }

    fn write(&self, batch: Batch) -> Result<(), redb::Error> {
        let transaction = self.database.begin_write()?;
        {
            let mut rows = transaction.open_table(ROWS)?;
            for (key, value) in &batch {
                match value {
                    Some(value) => rows.insert(key.as_slice(), value.as_slice())?,
                    None => rows.remove(key.as_slice())?,
                };
            }
        }
        Ok(transaction.commit()?)
    }

    fn read(&self) -> Result<redb::ReadOnlyTable<&'static [u8], &'static [u8]>, redb::Error> {
        Ok(self.database.begin_read()?.open_table(ROWS)?)
    }
}

impl KeyValue for Redb {
    fn get(&self, key: &[u8]) -> StoreResult<Option<Vec<u8>>> {
        // The table keeps the transaction, and with it the page, until the value is copied.
        let table = self.read().map_err(read_error)?;
        let value = table.get(key).map_err(read_error)?;
        Ok(value.map(|value| value.value().to_vec()))
    }

    fn visit(&self, (start, end): KeyRange, direction: Direction, visit: Visit<'_>) -> StoreResult<()> {
        let range = (start.as_ref().map(Vec::as_slice), end.as_ref().map(Vec::as_slice));
        let table = self.read().map_err(read_error)?;
        let mut entries = table.range::<&[u8]>(range).map_err(read_error)?;
        let mut next = || match direction {
            Direction::Declared => entries.next(),
            Direction::Reversed => entries.next_back(),
        };
        while let Some(entry) = next() {
            let (key, value) = entry.map_err(read_error)?;
            if let ControlFlow::Break(()) = visit(key.value(), value.value())? {
                break;
            }
        }
        Ok(())
    }

    fn commit(&self, batch: Batch) -> StoreResult<()> {
        self.write(batch).map_err(|error| StoreError::Poisoned(error.to_string()))
    }

    fn expiry(&self) -> Expiry {
        Expiry::Writer
    }
}

fn open_error(dir: &Path, error: DatabaseError) -> OpenError {
    match error {
        DatabaseError::DatabaseAlreadyOpen => OpenError::Locked(dir.into()),
        error => OpenError::Damaged { path: dir.into(), reason: error.to_string() },
    }
}

fn read_error(error: impl Into<redb::Error>) -> StoreError {
    StoreError::Unavailable(error.into().to_string())
}
