//! What this engine takes: the same as the embedded ones.

use super::{
    super::{
        engine::{KEY_BYTES_MAX, ROW_BYTES_MAX, StoreError, StoreResult},
        table::{Column, Table},
        value::{Kind, Value},
    },
    cells::len_of,
};

/// Holds a whole key against the declaration.
pub(super) fn check(table: &'static Table, partition: &[Value], clustering: &[Value]) -> StoreResult<()> {
    check_partition(table, partition)?;
    let kinds = table.clustering.iter().map(|column| column.kind);
    let fits = kinds.eq(clustering.iter().map(Value::kind)) && is_short(partition, clustering);
    if fits { Ok(()) } else { Err(StoreError::Corrupt { table: table.name }) }
}

pub(super) fn check_partition(table: &'static Table, partition: &[Value]) -> StoreResult<()> {
    let kinds = table.partition.iter().map(|column| column.kind);
    let fits = kinds.eq(partition.iter().map(Value::kind)) && is_short(partition, &[]);
    let is_empty = partition.len() == 1 && partition.iter().all(|value| len_of(value) == 0);
    if fits && !is_empty { Ok(()) } else { Err(StoreError::Corrupt { table: table.name }) }
}

fn is_short(partition: &[Value], clustering: &[Value]) -> bool {
    partition.iter().chain(clustering).map(len_of).sum::<usize>() <= KEY_BYTES_MAX
}

pub(super) fn check_columns(
    table: &'static Table,
    columns: &[Column],
    cells: &[Option<Value>],
) -> StoreResult<()> {
    let kinds = columns.iter().zip(cells).all(|(column, cell)| match cell {
        None => true,
        Some(value) => value.kind() == column.kind,
    });
    let len: usize = cells.iter().flatten().map(len_of).sum();
    let fits = columns.len() == cells.len() && kinds && len <= ROW_BYTES_MAX;
    if fits { Ok(()) } else { Err(StoreError::Corrupt { table: table.name }) }
}

/// The value that all others of a key column come after or are.
pub(super) fn least(kind: Kind) -> Value {
    match kind {
        Kind::Text => Value::Text(String::new()),
        Kind::Int => Value::Int(i64::MIN),
        Kind::Bytes | Kind::Counts => Value::Bytes(Vec::new()),
    }
}
