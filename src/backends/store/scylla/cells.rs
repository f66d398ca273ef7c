//! Cells on their way into statements and out of answers.

use scylla::{
    cluster::metadata::ColumnType,
    errors::SerializationError,
    serialize::{
        value::SerializeValue,
        writers::{CellWriter, WrittenCellProof},
    },
    value::CqlValue,
};

use super::super::{table::Column, value::Value};

/// What is bound to a `?`.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Bind {
    Value(Value),
    Values(Vec<Value>),
    /// A limit, or a time to live in seconds; 0 is for ever.
    Int(i32),
    /// Removes what the cell holds.
    Null,
    /// Leaves the cell as it is.
    Unset,
}

impl Bind {
    pub(super) fn bytes(bytes: Vec<u8>) -> Self {
        Bind::Value(Value::Bytes(bytes))
    }
}

pub(super) fn binds(values: &[Value]) -> impl Iterator<Item = Bind> {
    values.iter().cloned().map(Bind::Value)
}

/// Bytes of content.
pub(super) fn len_of(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Int(_) => 8,
        Value::Bytes(bytes) => bytes.len(),
        Value::Counts(counts) => counts.len() * 12,
    }
}

impl SerializeValue for Bind {
    fn serialize<'b>(
        &self,
        kind: &ColumnType,
        writer: CellWriter<'b>,
    ) -> Result<WrittenCellProof<'b>, SerializationError> {
        match self {
            Bind::Value(value) => value.serialize(kind, writer),
            Bind::Values(values) => values.serialize(kind, writer),
            Bind::Int(number) => number.serialize(kind, writer),
            Bind::Null => Ok(writer.set_null()),
            Bind::Unset => Ok(writer.set_unset()),
        }
    }
}

impl SerializeValue for Value {
    fn serialize<'b>(
        &self,
        kind: &ColumnType,
        writer: CellWriter<'b>,
    ) -> Result<WrittenCellProof<'b>, SerializationError> {
        match self {
            Value::Text(text) => text.serialize(kind, writer),
            Value::Int(number) => number.serialize(kind, writer),
            Value::Bytes(bytes) => bytes.serialize(kind, writer),
            Value::Counts(counts) => counts.serialize(kind, writer),
        }
    }
}

/// `None` when it is no value that a declared column can have.
pub(super) fn value_of(cell: CqlValue) -> Option<Value> {
    match cell {
        CqlValue::Text(text) => Some(Value::Text(text)),
        CqlValue::BigInt(number) => Some(Value::Int(number)),
        CqlValue::Blob(bytes) => Some(Value::Bytes(bytes)),
        CqlValue::Map(pairs) => {
            let pair = |(name, count)| match (name, count) {
                (CqlValue::Int(name), CqlValue::BigInt(count)) => Some((name, count)),
                _ => None,
            };
            pairs.into_iter().map(pair).collect::<Option<_>>().map(Value::Counts)
        }
        _ => None,
    }
}

/// The cells of these columns, in their order; `None` when one of them is not what was declared.
pub(super) fn cells_of(
    columns: &[Column],
    found: &mut impl Iterator<Item = Option<CqlValue>>,
) -> Option<Vec<Option<Value>>> {
    let cell = |column: &Column| match found.next()? {
        None => Some(None),
        Some(cell) => value_of(cell).filter(|value| value.kind() == column.kind).map(Some),
    };
    columns.iter().map(cell).collect()
}
