//! The contract of a store engine: eight verbs over untyped rows. Callers use the typed [`Store`](super::Store).
//!
//! An acknowledged write is durable: it survives `kill -9` and, on a disk that honours fsync, a power cut.
//! Writes to one partition are applied in one order that all readers agree on. A read sees every write
//! acknowledged before it began. A row whose time to live is over is absent: by the `Clock` in an embedded engine, by their
//! own clocks and in whole seconds, rounded up, on the nodes of a cluster.

use std::{ops::Bound, time::Duration};

use futures_util::future::BoxFuture;

use super::{table::Table, value::Value};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The write was not applied, or it is not known whether it was; asking again is safe.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// The engine refuses every further write until the process is restarted.
    #[error("the store has failed and must be restarted: {0}")]
    Poisoned(String),
    /// The partition kept changing under `update_partition`.
    #[error("the partition is written too often to be updated")]
    Contended,
    /// A stored row cannot be read as the table is declared, or one to be stored has another shape or is beyond
    /// what engines take (keys of 8 KiB, rows of 16 MiB; a key of one column is never empty).
    #[error("table {table}: a row does not fit its declaration")]
    Corrupt { table: &'static str },
}

pub type StoreResult<T> = Result<T, StoreError>;

pub const KEY_BYTES_MAX: usize = 8 << 10;
pub const ROW_BYTES_MAX: usize = 16 << 20;

#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    pub partition: Vec<Value>,
    pub clustering: Vec<Value>,
}

/// A row with its cells in the order of the table's declaration.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub key: Key,
    pub columns: Vec<Option<Value>>,
}

#[derive(Debug, Clone)]
pub struct Put {
    pub row: Row,
    pub ttl: Option<Duration>,
}

/// Part of one partition: a range of its first clustering column, in clustering order or against it.
#[derive(Debug, Clone)]
pub struct Scan {
    pub partition: Vec<Value>,
    /// Bounds by value: `from` is the smaller one, whatever the column's order.
    pub from: Bound<Value>,
    pub to: Bound<Value>,
    pub direction: Direction,
    pub limit: usize,
    /// The clustering key of the last row of the page before.
    pub after: Option<Vec<Value>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// In the declared clustering order.
    Declared,
    Reversed,
}

#[derive(Debug, Clone)]
pub struct RowPage {
    pub rows: Vec<Row>,
    /// Set when there may be more rows after the last one.
    pub more: bool,
}

/// The rows that an `update_partition` wants to see before it decides.
#[derive(Debug, Clone)]
pub enum Reads {
    /// Only the static columns.
    Statics,
    /// Those rows of these clustering keys that exist.
    Keys(Vec<Vec<Value>>),
}

/// What `update_partition` read.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// `None` while the partition has no statics yet.
    pub statics: Option<Vec<Option<Value>>>,
    pub rows: Vec<Row>,
}

/// What `update_partition` writes, all of it or nothing. An empty change writes nothing.
#[derive(Debug, Clone, Default)]
pub struct Change {
    pub statics: Option<Vec<Option<Value>>>,
    pub puts: Vec<Put>,
    /// Clustering keys.
    pub deletes: Vec<Vec<Value>>,
}

/// Decides a change from what was read. Called again when the partition changed meanwhile, so it must not
/// keep anything between calls but the last answer.
pub type Decide = Box<dyn FnMut(Snapshot) -> Change + Send>;

pub trait Engine: Send + Sync + 'static {
    /// One row. Absence is `None`.
    fn get<'a>(&'a self, table: &'static Table, key: Key) -> BoxFuture<'a, StoreResult<Option<Row>>>;

    /// Those rows of a partition with these clustering keys, all different, that exist; in no order that means anything.
    fn get_some<'a>(
        &'a self,
        table: &'static Table,
        partition: Vec<Value>,
        keys: Vec<Vec<Value>>,
    ) -> BoxFuture<'a, StoreResult<Vec<Row>>>;

    /// What all rows of a partition share, as `get` reads a row. `None` until an `update_partition` wrote it.
    fn get_statics<'a>(
        &'a self,
        table: &'static Table,
        partition: Vec<Value>,
    ) -> BoxFuture<'a, StoreResult<Option<Vec<Option<Value>>>>>;

    /// Rows of one partition in clustering order. A page may be shorter than its limit although `more` is set.
    fn scan<'a>(&'a self, table: &'static Table, scan: Scan) -> BoxFuture<'a, StoreResult<RowPage>>;

    /// Writes a whole row over whatever was there.
    fn put<'a>(&'a self, table: &'static Table, put: Put) -> BoxFuture<'a, StoreResult<()>>;

    /// Removes a row; removing an absent one succeeds.
    fn delete<'a>(&'a self, table: &'static Table, key: Key) -> BoxFuture<'a, StoreResult<()>>;

    /// `true` if the row was written, `false` if one was there. Of any number at once exactly one gets `true`.
    fn insert_if_absent<'a>(&'a self, table: &'static Table, put: Put) -> BoxFuture<'a, StoreResult<bool>>;

    /// Reads, decides and writes within one partition as if alone. This and `insert_if_absent` are for tables that are
    /// declared conditional; `put` and `delete` of their rows take their place in the same order of writes.
    fn update_partition<'a>(
        &'a self,
        table: &'static Table,
        partition: Vec<Value>,
        reads: Reads,
        decide: Decide,
    ) -> BoxFuture<'a, StoreResult<()>>;

    /// Removes every row of a partition and what they share. Removing an absent one succeeds.
    fn delete_partition<'a>(
        &'a self,
        table: &'static Table,
        partition: Vec<Value>,
    ) -> BoxFuture<'a, StoreResult<()>>;

    /// Rows of a table, and partitions whose rows share something: reads all of it. For tests and for people who look
    /// for what was left behind.
    fn count<'a>(&'a self, table: &'static Table) -> BoxFuture<'a, StoreResult<u64>>;

    /// Writes and reads back a probe row: what `/health/ready` and `doctor` ask.
    fn probe<'a>(&'a self) -> BoxFuture<'a, StoreResult<()>>;

    /// Ends the engine: what was asked before is answered, what is asked later is `Unavailable`, and what the
    /// engine held (locks, connections) is free. A dropped engine closes by itself.
    fn close<'a>(&'a self) -> BoxFuture<'a, StoreResult<()>>;
}
