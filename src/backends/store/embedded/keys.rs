//! How keys become bytes whose order is the declared order. Both embedded engines share this form.
//!
//! `[table: 4][partition columns][0 = statics | 1 = row][clustering columns]`. The table is a stable hash of its
//! name, so the form does not depend on the order of declarations (a test proves that no two tables share one).
//! Integers are big-endian with the sign bit flipped; texts and blobs end with `00 00` and hold `00 ff` for a
//! zero byte; a descending column is the bitwise complement of its ascending form.

use std::ops::Bound;

use super::super::{
    engine::{Direction, KEY_BYTES_MAX, Scan, StoreError, StoreResult},
    table::{Order, Table},
    value::{Kind, Value},
};

const STATICS: u8 = 0;
const ROW: u8 = 1;

pub(super) type KeyRange = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// FNV-1a: stable over versions and machines. Used for names of tables and columns, never for outside input.
pub(in crate::backends::store) const fn name_hash(name: &str) -> u32 {
    let bytes = name.as_bytes();
    let mut hash = 0x811c_9dc5_u32;
    let mut index = 0;
    while index < bytes.len() {
        hash = (hash ^ bytes[index] as u32).wrapping_mul(0x0100_0193);
        index += 1;
    }
    hash
}

/// Where the statics and rows of a partition begin.
#[derive(Debug, Clone)]
pub(super) struct PartitionKey {
    table: &'static Table,
    bytes: Vec<u8>,
}

impl PartitionKey {
    pub(super) fn new(table: &'static Table, partition: &[Value]) -> StoreResult<Self> {
        let mut bytes = name_hash(table.name).to_be_bytes().to_vec();
        let is_empty = match partition {
            [Value::Text(text)] => text.is_empty(),
            [Value::Bytes(bytes)] => bytes.is_empty(),
            _ => false,
        };
        if is_empty || partition.len() != table.partition.len() {
            return Err(StoreError::Corrupt { table: table.name });
        }
        for (column, value) in table.partition.iter().zip(partition) {
            encode(table, column.kind, Order::Ascending, value, &mut bytes)?;
        }
        if bytes.len() > KEY_BYTES_MAX {
            return Err(StoreError::Corrupt { table: table.name });
        }
        Ok(Self { table, bytes })
    }

    pub(super) fn statics(&self) -> Vec<u8> {
        self.with_marker(STATICS)
    }

    pub(super) fn row(&self, clustering: &[Value]) -> StoreResult<Vec<u8>> {
        if clustering.len() != self.table.clustering.len() {
            return Err(StoreError::Corrupt { table: self.table.name });
        }
        let mut bytes = self.with_marker(ROW);
        for (column, value) in self.table.clustering.iter().zip(clustering) {
            encode(self.table, column.kind, column.order, value, &mut bytes)?;
        }
        if bytes.len() > KEY_BYTES_MAX {
            Err(StoreError::Corrupt { table: self.table.name })
        } else {
            Ok(bytes)
        }
    }

    /// The clustering columns of a stored row of this partition.
    pub(super) fn clustering_of(&self, key: &[u8]) -> StoreResult<Vec<Value>> {
        let corrupt = StoreError::Corrupt { table: self.table.name };
        let Some(mut rest) = key.strip_prefix(self.with_marker(ROW).as_slice()) else { return Err(corrupt) };
        let mut values = Vec::with_capacity(self.table.clustering.len());
        for column in self.table.clustering {
            match decode(column.kind, column.order, &mut rest) {
                Some(value) => values.push(value),
                None => return Err(corrupt),
            }
        }
        if rest.is_empty() { Ok(values) } else { Err(corrupt) }
    }

    /// The stored keys of the statics and all rows.
    pub(super) fn range(&self) -> KeyRange {
        (Bound::Included(self.statics()), below_successor(self.with_marker(ROW)))
    }

    /// The stored keys a scan may answer with; `None` when there can be none.
    pub(super) fn range_of(&self, scan: &Scan) -> StoreResult<Option<KeyRange>> {
        let rows = self.with_marker(ROW);
        let (mut start, mut end) = (Bound::Included(rows.clone()), below_successor(rows));
        if let Some(column) = self.table.clustering.first() {
            let (low, high) = match column.order {
                Order::Ascending => (&scan.from, &scan.to),
                Order::Descending => (&scan.to, &scan.from),
            };
            start = match low {
                Bound::Unbounded => start,
                Bound::Included(value) => Bound::Included(self.first_column(value)?),
                Bound::Excluded(value) => at_successor(self.first_column(value)?),
            };
            end = match high {
                Bound::Unbounded => end,
                Bound::Included(value) => below_successor(self.first_column(value)?),
                Bound::Excluded(value) => Bound::Excluded(self.first_column(value)?),
            };
        }
        if let Some(after) = &scan.after {
            let last = self.row(after)?;
            match scan.direction {
                Direction::Declared => start = later(start, last),
                Direction::Reversed => end = earlier(end, last),
            }
        }
        Ok(holds_any(&start, &end).then_some((start, end)))
    }

    fn first_column(&self, value: &Value) -> StoreResult<Vec<u8>> {
        let mut bytes = self.with_marker(ROW);
        let column = &self.table.clustering[0];
        encode(self.table, column.kind, column.order, value, &mut bytes)?;
        Ok(bytes)
    }

    fn with_marker(&self, marker: u8) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.bytes.len() + 64);
        bytes.extend_from_slice(&self.bytes);
        bytes.push(marker);
        bytes
    }
}

/// The stored keys of a whole table.
pub(super) fn range_of_table(table: &Table) -> KeyRange {
    let prefix = name_hash(table.name).to_be_bytes().to_vec();
    (Bound::Included(prefix.clone()), below_successor(prefix))
}

/// A cursor may lie outside the range it is used with: the narrower bound wins.
fn later(start: Bound<Vec<u8>>, last: Vec<u8>) -> Bound<Vec<u8>> {
    match &start {
        Bound::Included(key) | Bound::Excluded(key) if *key > last => start,
        _ => Bound::Excluded(last),
    }
}

fn earlier(end: Bound<Vec<u8>>, last: Vec<u8>) -> Bound<Vec<u8>> {
    match &end {
        Bound::Included(key) | Bound::Excluded(key) if *key < last => end,
        _ => Bound::Excluded(last),
    }
}

/// Engines may panic on an inverted range, so none is passed on.
fn holds_any(start: &Bound<Vec<u8>>, end: &Bound<Vec<u8>>) -> bool {
    match (start, end) {
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => true,
        (Bound::Included(low), Bound::Included(high)) => low <= high,
        (Bound::Included(low) | Bound::Excluded(low), Bound::Excluded(high) | Bound::Included(high)) => {
            low < high
        }
    }
}

/// The first key that does not begin with `prefix`, if any key can be greater.
fn successor(mut prefix: Vec<u8>) -> Option<Vec<u8>> {
    while let Some(last) = prefix.pop() {
        if last < u8::MAX {
            prefix.push(last + 1);
            return Some(prefix);
        }
    }
    None
}

fn below_successor(prefix: Vec<u8>) -> Bound<Vec<u8>> {
    successor(prefix).map_or(Bound::Unbounded, Bound::Excluded)
}

fn at_successor(prefix: Vec<u8>) -> Bound<Vec<u8>> {
    let unreachable_key = vec![u8::MAX; prefix.len() + 1];
    Bound::Included(successor(prefix).unwrap_or(unreachable_key))
}

fn encode(table: &Table, kind: Kind, order: Order, value: &Value, out: &mut Vec<u8>) -> StoreResult<()> {
    let begin = out.len();
    match value {
        _ if value.kind() != kind => return Err(StoreError::Corrupt { table: table.name }),
        Value::Int(number) => out.extend_from_slice(&(number.cast_unsigned() ^ (1 << 63)).to_be_bytes()),
        Value::Text(text) => encode_bytes(text.as_bytes(), out),
        Value::Bytes(bytes) => encode_bytes(bytes, out),
        Value::Counts(_) => return Err(StoreError::Corrupt { table: table.name }),
    }
    if order == Order::Descending {
        out[begin..].iter_mut().for_each(|byte| *byte = !*byte);
    }
    Ok(())
}

fn encode_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    for &byte in bytes {
        out.push(byte);
        if byte == 0 {
            out.push(u8::MAX);
        }
    }
    out.extend_from_slice(&[0, 0]);
}

/// Reads one column off the front of `rest`; `None` when it is not well formed.
fn decode(kind: Kind, order: Order, rest: &mut &[u8]) -> Option<Value> {
    let flip = if order == Order::Descending { u8::MAX } else { 0 };
    match kind {
        Kind::Int => {
            let (number, tail) = rest.split_first_chunk::<8>()?;
            *rest = tail;
            let number = u64::from_be_bytes(number.map(|byte| byte ^ flip)) ^ (1 << 63);
            Some(Value::Int(number.cast_signed()))
        }
        Kind::Text => String::from_utf8(decode_bytes(flip, rest)?).ok().map(Value::Text),
        Kind::Bytes => decode_bytes(flip, rest).map(Value::Bytes),
        Kind::Counts => None,
    }
}

fn decode_bytes(flip: u8, rest: &mut &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut stored = rest.iter().map(|byte| byte ^ flip);
    let mut consumed = 0;
    loop {
        let byte = stored.next()?;
        consumed += 1;
        if byte == 0 {
            consumed += 1;
            match stored.next()? {
                0 => break,
                u8::MAX => {}
                _ => return None,
            }
        }
        bytes.push(byte);
    }
    *rest = &rest[consumed..];
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::backends::store::table::{ClusteringColumn, Column, Writes};

    macro_rules! table_ordered {
        ($name:ident, $first:ident, $second:ident) => {
            static $name: Table = Table {
                name: "ordered",
                about: "",
                partition: &[Column { name: "p", kind: Kind::Text }, Column { name: "q", kind: Kind::Bytes }],
                clustering: &[
                    ClusteringColumn { name: "a", kind: Kind::Text, order: Order::$first },
                    ClusteringColumn { name: "b", kind: Kind::Int, order: Order::$second },
                    ClusteringColumn { name: "c", kind: Kind::Bytes, order: Order::$first },
                ],
                columns: &[],
                statics: &[],
                writes: Writes::Plain,
            };
        };
    }
    table_ordered!(UP_DOWN, Ascending, Descending);
    table_ordered!(DOWN_UP, Descending, Ascending);

    /// Few distinct characters, so that prefixes, zero bytes and equal columns are common.
    fn clustering() -> impl Strategy<Value = Vec<Value>> {
        let text = prop_oneof!["[\0\u{1}a\u{ff}]{0,4}", ".{0,6}"];
        let number = prop_oneof![Just(i64::MIN), Just(i64::MAX), -2..3_i64, any::<i64>()];
        let bytes = proptest::collection::vec(prop_oneof![Just(0_u8), Just(255), any::<u8>()], 0..4);
        (text, number, bytes).prop_map(|(a, b, c)| vec![Value::Text(a), Value::Int(b), Value::Bytes(c)])
    }

    fn declared_order(table: &Table, left: &[Value], right: &[Value]) -> std::cmp::Ordering {
        let columns = table.clustering.iter().zip(left.iter().zip(right));
        columns.fold(std::cmp::Ordering::Equal, |so_far, (column, (left, right))| {
            so_far.then(match column.order {
                Order::Ascending => left.cmp(right),
                Order::Descending => right.cmp(left),
            })
        })
    }

    proptest! {
        #[test]
        fn bytes_sort_as_the_declaration_says(left in clustering(), right in clustering()) {
            for table in [&UP_DOWN, &DOWN_UP] {
                let partition = PartitionKey::new(table, &[Value::Text("p".into()), Value::Bytes(vec![0])]).unwrap();
                let bytes = (partition.row(&left).unwrap(), partition.row(&right).unwrap());
                prop_assert_eq!(bytes.0.cmp(&bytes.1), declared_order(table, &left, &right));
            }
        }

        #[test]
        fn keys_survive_the_way_into_bytes_and_back(key in clustering()) {
            for table in [&UP_DOWN, &DOWN_UP] {
                let partition = PartitionKey::new(table, &[Value::Text("p".into()), Value::Bytes(vec![0])]).unwrap();
                prop_assert_eq!(&partition.clustering_of(&partition.row(&key).unwrap()).unwrap(), &key);
            }
        }

        #[test]
        fn no_partition_is_the_beginning_of_another(a in "[\0a\u{ff}]{0,3}", b in "[\0a\u{ff}]{0,3}", q in any::<[u8; 2]>()) {
            let key = |text: &str| PartitionKey::new(&UP_DOWN, &[Value::Text(text.into()), Value::Bytes(q.into())]);
            let (left, right) = (key(&a).unwrap().bytes, key(&b).unwrap().bytes);
            prop_assert!(a == b || !left.starts_with(&right));
        }

        #[test]
        fn damaged_keys_are_refused_and_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let partition = PartitionKey::new(&UP_DOWN, &[Value::Text("p".into()), Value::Bytes(vec![])]).unwrap();
            let mut key = partition.with_marker(ROW);
            key.extend(bytes);
            if let Ok(values) = partition.clustering_of(&key) {
                prop_assert_eq!(partition.row(&values).unwrap(), key);
            }
        }
    }

    #[test]
    fn a_value_of_another_kind_is_refused() {
        assert!(PartitionKey::new(&UP_DOWN, &[Value::Int(1), Value::Bytes(vec![])]).is_err());
        assert!(PartitionKey::new(&UP_DOWN, &[Value::Text(String::new())]).is_err());
    }
}
