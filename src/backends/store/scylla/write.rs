//! A conditional write: the head that compares and sets the version, and the rows that go with it, decided on a partition
//! as it was seen. Cells are removed only where something may stand in them, since every removal is a tombstone.

use std::{collections::BTreeMap, time::Duration};

use super::{
    super::{
        engine::{Change, Put, StoreError, StoreResult},
        table::Table,
        value::Value,
    },
    cells::{Bind, binds},
    keys,
    statements::{Shape, is_single},
    version::{Token, Version},
};

/// How long an emptied partition is remembered: longer than any write of unknown outcome is asked about.
const EMPTIED_S: i32 = 600;
/// What both servers take as a time to live.
const TTL_S_MAX: u64 = 20 * 365 * 24 * 3_600;

/// A partition as it was before the write.
#[derive(Debug, Default)]
pub(super) struct Before {
    pub(super) version: Option<Version>,
    /// Which statics were set.
    pub(super) statics: Vec<bool>,
    /// Which columns were set, of those rows that were looked at; `None` for a row that was not there.
    pub(super) rows: BTreeMap<Vec<Value>, Option<Vec<bool>>>,
}

impl Before {
    fn holds(&self) -> bool {
        self.version.as_ref().is_some_and(|version| version.holds)
    }
}

pub(super) struct Write {
    pub(super) table: &'static Table,
    pub(super) partition: Vec<Value>,
    pub(super) token: Token,
    pub(super) before: Option<Version>,
    /// The head first.
    pub(super) statements: Vec<(Shape, Vec<Bind>)>,
}

impl Write {
    pub(super) fn of(
        table: &'static Table,
        partition: &[Value],
        before: Before,
        change: Change,
    ) -> StoreResult<Self> {
        if change.puts.iter().any(|put| put.row.key.partition != partition) {
            return Err(StoreError::Corrupt { table: table.name });
        }
        match is_single(table) {
            true => Self::of_single_row(table, partition, before, change),
            false => Self::of_rows(table, partition, before, change),
        }
    }

    fn of_single_row(
        table: &'static Table,
        partition: &[Value],
        before: Before,
        change: Change,
    ) -> StoreResult<Self> {
        let row = change.puts.into_iter().next_back();
        if let Some(put) = &row {
            keys::check_columns(table, table.columns, &put.row.columns)?;
        }
        let old = before.rows.get(&Vec::new()).cloned().flatten();
        let ttl = row.as_ref().map_or(EMPTIED_S, |put| seconds(put.ttl));
        let holds = row.is_some();
        let cells = match row {
            Some(put) => cells(put.row.columns, Known::of(Some(&old))),
            None => cells(vec![None; table.columns.len()], Known::of(Some(&old))),
        };
        Ok(Self::begin(table, partition, before, Head { ttl, holds, cells }))
    }

    fn of_rows(
        table: &'static Table,
        partition: &[Value],
        before: Before,
        change: Change,
    ) -> StoreResult<Self> {
        let mut rows: BTreeMap<Vec<Value>, Option<Put>> = BTreeMap::new();
        rows.extend(change.deletes.into_iter().map(|key| (key, None)));
        rows.extend(change.puts.into_iter().map(|put| (put.row.key.clustering.clone(), Some(put))));
        let mut statements = Vec::with_capacity(rows.len());
        for (clustering, put) in rows {
            keys::check(table, partition, &clustering)?;
            let key = binds(partition).chain(binds(&clustering));
            let Some(put) = put else {
                statements.push((Shape::Delete, key.collect()));
                continue;
            };
            keys::check_columns(table, table.columns, &put.row.columns)?;
            let cells = cells(put.row.columns, Known::of(before.rows.get(&clustering)));
            let all = key.chain(cells).chain([Bind::Int(seconds(put.ttl))]);
            statements.push((Shape::Put, all.collect()));
        }
        let holds = change.statics.is_some() || before.holds();
        let cells = match change.statics {
            Some(statics) => {
                keys::check_columns(table, table.statics, &statics)?;
                cells(statics, Known::Row(&before.statics))
            }
            None => vec![Bind::Unset; table.statics.len()],
        };
        let mut write = Self::begin(table, partition, before, Head { ttl: 0, holds, cells });
        write.statements.extend(statements);
        Ok(write)
    }

    /// Removes the statics and all rows.
    pub(super) fn emptying(table: &'static Table, partition: &[Value], before: Before) -> StoreResult<Self> {
        if is_single(table) {
            return Self::of_single_row(table, partition, before, Change::default());
        }
        let cells = cells(vec![None; table.statics.len()], Known::Row(&before.statics));
        let mut write = Self::begin(table, partition, before, Head { ttl: EMPTIED_S, holds: false, cells });
        let least = Bind::Value(keys::least(table.clustering[0].kind));
        write.statements.push((Shape::Clear, binds(partition).chain([least]).collect()));
        Ok(write)
    }

    fn begin(table: &'static Table, partition: &[Value], before: Before, head: Head) -> Self {
        let token: Token = rand::random();
        let version = Version::after(before.version.as_ref(), token, head.holds);
        let expected = before.version.as_ref().map_or(Bind::Null, |version| Bind::bytes(version.encode()));
        let all = [Bind::Int(head.ttl), Bind::bytes(version.encode())].into_iter().chain(head.cells);
        let all = all.chain(binds(partition)).chain([expected]).collect();
        let partition = partition.to_vec();
        Self { table, partition, token, before: before.version, statements: vec![(Shape::Head, all)] }
    }
}

struct Head {
    ttl: i32,
    holds: bool,
    cells: Vec<Bind>,
}

/// What is known of a row that is written over.
#[derive(Clone, Copy)]
enum Known<'a> {
    Nothing,
    Absent,
    Row(&'a [bool]),
}

impl<'a> Known<'a> {
    fn of(looked_at: Option<&'a Option<Vec<bool>>>) -> Self {
        match looked_at {
            None => Known::Nothing,
            Some(None) => Known::Absent,
            Some(Some(set)) => Known::Row(set),
        }
    }
}

fn cells(cells: Vec<Option<Value>>, known: Known<'_>) -> Vec<Bind> {
    let absent = |index: usize| match known {
        Known::Nothing => Bind::Null,
        Known::Absent => Bind::Unset,
        Known::Row(set) if set.get(index).copied().unwrap_or(false) => Bind::Null,
        Known::Row(_) => Bind::Unset,
    };
    let bind = |(index, cell): (usize, Option<Value>)| cell.map_or_else(|| absent(index), Bind::Value);
    cells.into_iter().enumerate().map(bind).collect()
}

/// A plain write of a whole row: nothing is known of what it replaces.
pub(super) fn plain(partition: &[Value], put: Put) -> Vec<Bind> {
    let key = binds(partition).chain(binds(&put.row.key.clustering));
    let ttl = Bind::Int(seconds(put.ttl));
    key.chain(cells(put.row.columns, Known::Nothing)).chain([ttl]).collect()
}

/// Rounded up, so that a row lives as long as it was promised; 0 is for ever.
fn seconds(ttl: Option<Duration>) -> i32 {
    let whole = |ttl: Duration| ttl.as_millis().div_ceil(1_000).max(1);
    let seconds = ttl.map(whole).and_then(|seconds| u64::try_from(seconds).ok());
    seconds
        .filter(|seconds| *seconds <= TTL_S_MAX)
        .and_then(|seconds| i32::try_from(seconds).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{
        super::super::{
            Cells, Key, Record, Row,
            tables::{
                tally::{Member, MemberBucket},
                upload::{StoredFile, StoredTotals},
            },
        },
        *,
    };

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    fn partition() -> Vec<Value> {
        vec![text("video"), text("reaction"), Value::Int(0)]
    }

    fn member(name: &str, ttl: Option<Duration>) -> Put {
        let key = Key { partition: partition(), clustering: vec![text(name)] };
        Put { row: Row { key, columns: vec![Some(Value::Int(1))] }, ttl }
    }

    #[test]
    fn a_row_that_is_put_and_deleted_at_once_is_put() {
        let change = Change {
            puts: vec![member("a", None), member("a", Some(Duration::from_millis(1_001)))],
            deletes: vec![vec![text("a")], vec![text("b")]],
            statics: None,
        };
        let write = Write::of(Member::TABLE, &partition(), Before::default(), change).unwrap();
        let shapes: Vec<Shape> = write.statements.iter().map(|(shape, _)| *shape).collect();
        assert_eq!(shapes, [Shape::Head, Shape::Put, Shape::Delete]);
        assert_eq!(write.statements[1].1.last(), Some(&Bind::Int(2)));
        let head = &write.statements[0].1;
        assert_eq!((&head[0], &head[2], head.last()), (&Bind::Int(0), &Bind::Unset, Some(&Bind::Null)));
    }

    #[test]
    fn only_cells_that_may_be_set_are_removed() {
        let none = || vec![None, Some(Value::Int(1)), None];
        let unset = |known| cells(none(), known);
        let one = Bind::Value(Value::Int(1));
        assert_eq!(unset(Known::Nothing), [Bind::Null, one.clone(), Bind::Null]);
        assert_eq!(unset(Known::Absent), [Bind::Unset, one.clone(), Bind::Unset]);
        assert_eq!(unset(Known::Row(&[true, true, false])), [Bind::Null, one, Bind::Unset]);
    }

    #[test]
    fn statics_that_end_unset_are_removed_and_the_version_says_that_there_are_some() {
        let statics = StoredTotals { used_bytes: 1, open_uploads: 0, quota_bytes: None };
        let change = Change { statics: Some(statics.into_cells()), ..Change::default() };
        let before = Before { statics: vec![true, true, true], ..Before::default() };
        let write = Write::of(StoredFile::TABLE, &[text("owner")], before, change).unwrap();
        let head = &write.statements[0].1;
        assert_eq!(head[4], Bind::Null);
        let Bind::Value(Value::Bytes(version)) = &head[1] else { panic!("no version") };
        assert!(Version::decode(version).unwrap().holds);
    }

    #[test]
    fn an_emptied_partition_is_remembered_for_a_while() {
        let before = Before {
            statics: MemberBucket::default().into_cells().iter().map(Option::is_some).collect(),
            ..Before::default()
        };
        let write = Write::emptying(Member::TABLE, &partition(), before).unwrap();
        assert_eq!(write.statements[0].1[0], Bind::Int(EMPTIED_S));
        assert_eq!(write.statements[1].1.last(), Some(&Bind::Value(text(""))));
        let foreign = Change { puts: vec![member("a", None)], ..Change::default() };
        assert!(Write::of(Member::TABLE, &[text("other")], Before::default(), foreign).is_err());
    }

    #[test]
    fn times_to_live_are_whole_seconds_and_never_too_short() {
        let cases = [(None, 0), (Some(1), 1), (Some(1_000), 1), (Some(1_001), 2), (Some(u64::MAX), 0)];
        for (millis, expected) in cases {
            assert_eq!(seconds(millis.map(Duration::from_millis)), expected);
        }
    }
}
