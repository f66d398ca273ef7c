//! What the embedded engine needs of a storage driver: ordered bytes, and batches that are durable when
//! `commit` returns. Only the writer thread calls `commit`; reads come from any thread.

use std::ops::ControlFlow;

use super::{
    super::engine::{Direction, StoreResult},
    keys::KeyRange,
};

/// Rows to write (`Some`) and to remove (`None`), each key once.
pub(super) type Batch = Vec<(Vec<u8>, Option<Vec<u8>>)>;

pub(super) type Visit<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> StoreResult<ControlFlow<()>>;

/// Who removes rows whose time is over. Until then reads step over them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expiry {
    /// The driver, while it compacts.
    Driver,
    /// The writer, some keys at a time.
    Writer,
}

pub(super) trait KeyValue: Send + Sync + 'static {
    fn get(&self, key: &[u8]) -> StoreResult<Option<Vec<u8>>>;

    /// Calls `visit` for each entry of the range as it was at one moment, until it breaks.
    fn visit(&self, range: KeyRange, direction: Direction, visit: Visit<'_>) -> StoreResult<()>;

    /// All of it or nothing, durable and then visible.
    fn commit(&self, batch: Batch) -> StoreResult<()>;

    fn expiry(&self) -> Expiry;
}
