//! How a row's cells become bytes. Form 1: `[1][flags][expiry: 8, if flagged]` and then, for each cell that is
//! set, `[column: 4][kind][content]`. A column is a stable hash of its name, so columns may be added, dropped
//! and reordered between versions as they may in CQL; a renamed column is a new one.

use std::{collections::BTreeMap, time::Duration};

use super::{
    super::{
        engine::{ROW_BYTES_MAX, StoreError, StoreResult},
        table::{Column, Table},
        value::{Kind, Value},
    },
    keys::name_hash,
};
use crate::domain::clock::Timestamp;

const FORM: u8 = 1;
const EXPIRES: u8 = 1;

/// `ttl` counts from `now`; without one the row stays until it is deleted. `None` if the cells do not fit the
/// columns or are too large.
pub(super) fn encode(
    columns: &[Column],
    cells: &[Option<Value>],
    ttl: Option<Duration>,
    now: Timestamp,
) -> Option<Vec<u8>> {
    if columns.len() != cells.len() {
        return None;
    }
    let mut out = vec![FORM, if ttl.is_some() { EXPIRES } else { 0 }];
    if let Some(ttl) = ttl {
        out.extend_from_slice(&now.plus(ttl).0.to_be_bytes());
    }
    for (column, cell) in columns.iter().zip(cells) {
        let Some(value) = cell else { continue };
        if value.kind() != column.kind {
            return None;
        }
        out.extend_from_slice(&name_hash(column.name).to_be_bytes());
        encode_value(value, &mut out)?;
    }
    (out.len() <= ROW_BYTES_MAX).then_some(out)
}

fn encode_value(value: &Value, out: &mut Vec<u8>) -> Option<()> {
    out.push(tag(value.kind()));
    match value {
        Value::Int(number) => out.extend_from_slice(&number.to_be_bytes()),
        Value::Text(text) => encode_bytes(text.as_bytes(), out)?,
        Value::Bytes(bytes) => encode_bytes(bytes, out)?,
        Value::Counts(counts) => {
            out.extend_from_slice(&u32::try_from(counts.len()).ok()?.to_be_bytes());
            for (name, count) in counts {
                out.extend_from_slice(&name.to_be_bytes());
                out.extend_from_slice(&count.to_be_bytes());
            }
        }
    }
    Some(())
}

fn encode_bytes(bytes: &[u8], out: &mut Vec<u8>) -> Option<()> {
    out.extend_from_slice(&u32::try_from(bytes.len()).ok()?.to_be_bytes());
    out.extend_from_slice(bytes);
    Some(())
}

fn tag(kind: Kind) -> u8 {
    match kind {
        Kind::Text => 1,
        Kind::Int => 2,
        Kind::Bytes => 3,
        Kind::Counts => 4,
    }
}

/// The cells in declared order, or `None` when the row's time is over.
pub(super) fn decode(
    table: &'static Table,
    columns: &[Column],
    stored: &[u8],
    now: Timestamp,
) -> StoreResult<Option<Vec<Option<Value>>>> {
    let corrupt = StoreError::Corrupt { table: table.name };
    let Some(header) = Header::read(stored) else { return Err(corrupt) };
    if header.expired(now) {
        return Ok(None);
    }
    decode_cells(columns, header.cells).map(Some).ok_or(corrupt)
}

/// Whether a stored row's time is over; what cannot be read is kept, so that nothing is lost to a mistake.
pub(super) fn is_expired(stored: &[u8], now: Timestamp) -> bool {
    Header::read(stored).is_some_and(|header| header.expired(now))
}

struct Header<'a> {
    expires_at: Option<Timestamp>,
    cells: &'a [u8],
}

impl<'a> Header<'a> {
    fn read(stored: &'a [u8]) -> Option<Self> {
        match stored {
            [FORM, 0, cells @ ..] => Some(Self { expires_at: None, cells }),
            [FORM, EXPIRES, rest @ ..] => {
                let (expiry, cells) = rest.split_first_chunk::<8>()?;
                Some(Self { expires_at: Some(Timestamp(i64::from_be_bytes(*expiry))), cells })
            }
            _ => None,
        }
    }

    fn expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}

fn decode_cells(columns: &[Column], mut rest: &[u8]) -> Option<Vec<Option<Value>>> {
    let mut cells = vec![None; columns.len()];
    while !rest.is_empty() {
        let name = u32::from_be_bytes(take(&mut rest)?);
        let value = decode_value(&mut rest)?;
        let Some(index) = columns.iter().position(|column| name_hash(column.name) == name) else { continue };
        if value.kind() != columns[index].kind {
            return None;
        }
        cells[index] = Some(value);
    }
    Some(cells)
}

fn decode_value(rest: &mut &[u8]) -> Option<Value> {
    let [kind] = take::<1>(rest)?;
    match kind {
        1 => String::from_utf8(decode_bytes(rest)?.to_vec()).ok().map(Value::Text),
        2 => Some(Value::Int(i64::from_be_bytes(take(rest)?))),
        3 => Some(Value::Bytes(decode_bytes(rest)?.to_vec())),
        4 => {
            let mut counts = BTreeMap::new();
            for _ in 0..u32::from_be_bytes(take(rest)?) {
                counts.insert(i32::from_be_bytes(take(rest)?), i64::from_be_bytes(take(rest)?));
            }
            Some(Value::Counts(counts))
        }
        _ => None,
    }
}

fn decode_bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = u32::from_be_bytes(take(rest)?) as usize;
    let (bytes, tail) = rest.split_at_checked(len)?;
    *rest = tail;
    Some(bytes)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk::<N>()?;
    *rest = tail;
    Some(*head)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::super::Writes, *};

    const NOW: Timestamp = Timestamp(1_000);
    const COLUMNS: &[Column] = &[
        Column { name: "text", kind: Kind::Text },
        Column { name: "number", kind: Kind::Int },
        Column { name: "blob", kind: Kind::Bytes },
        Column { name: "counts", kind: Kind::Counts },
    ];
    static TABLE: Table = Table {
        name: "cells",
        about: "",
        partition: &[],
        clustering: &[],
        columns: COLUMNS,
        statics: &[],
        writes: Writes::Plain,
    };

    fn cells() -> impl Strategy<Value = Vec<Option<Value>>> {
        let blob = proptest::collection::vec(any::<u8>(), 0..20);
        let counts = proptest::collection::btree_map(any::<i32>(), any::<i64>(), 0..4);
        (
            any::<Option<String>>(),
            any::<Option<i64>>(),
            proptest::option::of(blob),
            proptest::option::of(counts),
        )
            .prop_map(|(text, number, blob, counts)| {
                vec![
                    text.map(Value::Text),
                    number.map(Value::Int),
                    blob.map(Value::Bytes),
                    counts.map(Value::Counts),
                ]
            })
    }

    proptest! {
        #[test]
        fn cells_survive_the_way_into_bytes_and_back(cells in cells()) {
            let stored = encode(COLUMNS, &cells, None, NOW).unwrap();
            prop_assert_eq!(decode(&TABLE, COLUMNS, &stored, NOW).unwrap(), Some(cells));
        }

        #[test]
        fn damaged_rows_are_refused_and_do_not_panic(
            cells in cells(), at in any::<prop::sample::Index>(), flip in 1..=255_u8, cut in any::<prop::sample::Index>()
        ) {
            let mut stored = encode(COLUMNS, &cells, Some(Duration::from_secs(9)), NOW).unwrap();
            let at = at.index(stored.len());
            stored[at] ^= flip;
            stored.truncate(cut.index(stored.len() + 1));
            match decode(&TABLE, COLUMNS, &stored, NOW) {
                Ok(Some(cells)) => prop_assert_eq!(cells.len(), COLUMNS.len()),
                Ok(None) | Err(StoreError::Corrupt { table: "cells" }) => {}
                Err(other) => panic!("{other}"),
            }
        }
    }

    #[test]
    fn columns_may_be_added_dropped_and_reordered() {
        let old = [Some(Value::Text("x".into())), Some(Value::Int(7)), None, None];
        let stored = encode(COLUMNS, &old, None, NOW).unwrap();
        let newer = [Column { name: "added", kind: Kind::Int }, COLUMNS[1]];
        assert_eq!(decode(&TABLE, &newer, &stored, NOW).unwrap(), Some(vec![None, Some(Value::Int(7))]));
    }

    #[test]
    fn a_row_ends_at_its_time_and_not_before() {
        let stored =
            encode(COLUMNS, &[None, None, None, None], Some(Duration::from_millis(50)), NOW).unwrap();
        assert!(!is_expired(&stored, Timestamp(1_049)));
        assert!(is_expired(&stored, Timestamp(1_050)));
        assert!(!is_expired(b"no such form", Timestamp(i64::MAX)));
    }
}
