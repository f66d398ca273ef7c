//! How a partition is changed as if nobody else did: it is looked at, a change is decided, and one conditional batch writes
//! it if the version is still the same.
//!
//! Each decision has a token. A batch of unknown outcome is sent again as it was, since it can be applied but once, and
//! before that the agreed version is read: it tells whether it was applied, may still be, or never will. Only in the last
//! case the change is decided anew.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
};

use futures_util::{StreamExt, TryStreamExt, stream};
use scylla::{
    response::query_result::QueryResult,
    statement::batch::{Batch, BatchType},
    value::{CqlValue, Row as Answer},
};

use super::{
    super::{
        engine::{Change, Decide, Key, Reads, Row, Snapshot, StoreError, StoreResult},
        table::Table,
        value::Value,
    },
    Scylla,
    cells::{self, Bind, binds},
    failure::{Failure, Patience},
    keys,
    statements::{Shape, is_single},
    version::{Fate, Version},
    write::{Before, Write},
};

/// ScyllaDB takes no more values than this after one `IN`.
const VALUES_MAX: usize = 100;
const READS_AT_ONCE: usize = 16;

/// A partition as it was looked at.
pub(super) struct Look {
    pub(super) before: Before,
    pub(super) snapshot: Snapshot,
}

/// What to write on what was seen; `None` leaves it as it is.
pub(super) type Plan<'a> = &'a mut (dyn FnMut(Look) -> StoreResult<Option<Write>> + Send);

impl Scylla {
    /// Looks, plans and writes until the write is agreed on. Answers with the rows written.
    pub(super) async fn change(
        &self,
        table: &'static Table,
        partition: &[Value],
        reads: &Reads,
        plan: Plan<'_>,
    ) -> StoreResult<usize> {
        keys::check_partition(table, partition)?;
        let _turn = self.turns.take(table, partition).await;
        let mut patience = Patience::of(self.cluster.deadline);
        loop {
            let look = self.look(table, partition, reads).await?;
            let version = look.before.version.clone();
            match plan(look)? {
                Some(write) if self.settle(&write, &mut patience).await? => {
                    return Ok(write.statements.len());
                }
                None if self.is_still(table, partition, reads, &version).await? => return Ok(0),
                Some(_) | None => {}
            }
            patience.pause(|| StoreError::Contended).await?;
        }
    }

    /// The version is read before the rows, never after: a write in between then meets a version that has moved on.
    async fn look(&self, table: &'static Table, partition: &[Value], reads: &Reads) -> StoreResult<Look> {
        let mut before = Before::default();
        let mut snapshot = Snapshot { statics: None, rows: Vec::new() };
        if is_single(table) {
            let asked = matches!(reads, Reads::Keys(keys) if !keys.is_empty());
            let found = self.row(table, partition, &[]).await?;
            let row = found.as_ref().and_then(|found| found.row.clone());
            before.rows.insert(Vec::new(), row.as_ref().map(|row| set(&row.columns)));
            before.version = found.and_then(|found| found.version);
            snapshot.rows.extend(row.filter(|_| asked));
            return Ok(Look { before, snapshot });
        }
        let shared = self.shared(table, partition).await?;
        if let Some((version, statics)) = shared {
            before.statics = set(&statics);
            snapshot.statics = Some(statics).filter(|_| version.holds && !table.statics.is_empty());
            before.version = Some(version);
        }
        if let Reads::Keys(keys) = reads {
            let rows = self.rows(table, partition, keys).await?;
            for key in keys {
                let row = rows.get(key);
                before.rows.insert(key.clone(), row.map(|row| set(&row.columns)));
                snapshot.rows.extend(row.cloned());
            }
        }
        Ok(Look { before, snapshot })
    }

    /// By their clustering keys.
    pub(super) async fn rows(
        &self,
        table: &'static Table,
        partition: &[Value],
        keys: &[Vec<Value>],
    ) -> StoreResult<BTreeMap<Vec<Value>, Row>> {
        keys.iter().try_for_each(|key| keys::check(table, partition, key))?;
        let found: Vec<Vec<Row>> = match table.clustering.len() {
            1 => {
                let some = keys.chunks(VALUES_MAX).map(|keys| self.some_rows(table, partition, keys));
                let some: Vec<_> = some.collect();
                stream::iter(some).buffer_unordered(READS_AT_ONCE).try_collect().await?
            }
            _ => {
                let each: Vec<_> = keys.iter().map(|key| self.one_row(table, partition, key)).collect();
                stream::iter(each).buffer_unordered(READS_AT_ONCE).try_collect().await?
            }
        };
        Ok(found.into_iter().flatten().map(|row| (row.key.clustering.clone(), row)).collect())
    }

    async fn one_row(
        &self,
        table: &'static Table,
        partition: &[Value],
        key: &[Value],
    ) -> StoreResult<Vec<Row>> {
        let found = self.row(table, partition, key).await?;
        Ok(found.and_then(|found| found.row).into_iter().collect())
    }

    async fn some_rows(
        &self,
        table: &'static Table,
        partition: &[Value],
        keys: &[Vec<Value>],
    ) -> StoreResult<Vec<Row>> {
        let values = Bind::Values(keys.iter().flatten().cloned().collect());
        let binds: Vec<Bind> = binds(partition).chain([values]).collect();
        let answers = self.cluster.read(table, Shape::GetSome, &binds, usize::MAX).await?;
        let rows = answers.into_iter().map(|answer| Ok(self.found(table, partition, answer)?.row));
        Ok(rows.collect::<StoreResult<Vec<_>>>()?.into_iter().flatten().collect())
    }

    /// The version of a partition of several rows, and its statics.
    pub(super) async fn shared(
        &self,
        table: &'static Table,
        partition: &[Value],
    ) -> StoreResult<Option<(Version, Vec<Option<Value>>)>> {
        let binds: Vec<Bind> = binds(partition).collect();
        let answer = self.cluster.read(table, Shape::Shared, &binds, 1).await?.pop();
        answer.map_or(Ok(None), |answer| shared_of(table, answer))
    }

    /// Rows are not read at the same moment as the version; an answer that rests on both must still hold.
    async fn is_still(
        &self,
        table: &'static Table,
        partition: &[Value],
        reads: &Reads,
        version: &Option<Version>,
    ) -> StoreResult<bool> {
        match reads {
            Reads::Keys(keys) if !keys.is_empty() && !is_single(table) => {
                let now = self.shared(table, partition).await?.map(|(version, _)| version);
                Ok(now == *version)
            }
            _ => Ok(true),
        }
    }

    /// `true` once the write is agreed on, `false` once it is certain that it never will be.
    async fn settle(&self, write: &Write, patience: &mut Patience) -> StoreResult<bool> {
        let mut unsure = false;
        loop {
            let sent = match self.send(write).await {
                Ok(None) => return Ok(true),
                Ok(Some(current)) => Ok(current),
                Err(Failure::Refused(reason)) => return Err(StoreError::Unavailable(reason)),
                Err(Failure::Passing(reason)) => {
                    unsure = true;
                    patience.pause(|| StoreError::Unavailable(reason)).await?;
                    self.agreed(write).await
                }
            };
            let current = match sent {
                Ok(current) => current,
                Err(failure) => {
                    patience.after(failure).await?;
                    continue;
                }
            };
            match Version::fate(write.token, write.before.as_ref(), current.as_ref()) {
                Fate::Applied => return Ok(true),
                Fate::Lost => return Ok(false),
                Fate::Unknown if !unsure => return Ok(false),
                Fate::Unknown => {
                    let reason = "it is not known whether a write was applied: others followed it";
                    return Err(StoreError::Unavailable(reason.into()));
                }
                Fate::Open => patience.pause(|| StoreError::Contended).await?,
            }
        }
    }

    /// `None` if it was applied, else the version that stands in its way.
    async fn send(&self, write: &Write) -> Result<Option<Option<Version>>, Failure> {
        let session = self.cluster.session().map_err(|closed| Failure::Refused(closed.to_string()))?;
        if let [(shape, binds)] = write.statements.as_slice() {
            let head = self.cluster.prepared(&session, write.table, *shape).await?;
            return verdict(session.execute_unpaged(&head, binds.as_slice()).await?);
        }
        let mut batch = Batch::new(BatchType::Logged);
        let mut values = Vec::with_capacity(write.statements.len());
        for (shape, binds) in &write.statements {
            batch.append_statement(self.cluster.prepared(&session, write.table, *shape).await?);
            values.push(binds.as_slice());
        }
        batch.set_execution_profile_handle(Some(self.cluster.conditional_profile()));
        verdict(session.batch(&batch, values.as_slice()).await?)
    }

    async fn agreed(&self, write: &Write) -> Result<Option<Version>, Failure> {
        let table = write.table;
        let shape = if is_single(table) { Shape::Get } else { Shape::Shared };
        let binds: Vec<Bind> = binds(&write.partition).collect();
        let Some(answer) = self.cluster.read_agreed(table, shape, &binds).await? else { return Ok(None) };
        let version = match is_single(table) {
            true => self.found(table, &write.partition, answer).map(|found| found.version),
            false => shared_of(table, answer).map(|shared| shared.map(|(version, _)| version)),
        };
        version.map_err(|error| Failure::Refused(error.to_string()))
    }

    /// Asks `decide`; its mistakes are its caller's alone.
    pub(super) async fn update(
        &self,
        table: &'static Table,
        partition: &[Value],
        reads: Reads,
        mut decide: Decide,
    ) -> StoreResult<usize> {
        let mut plan = |look: Look| {
            let decide = AssertUnwindSafe(|| decide(look.snapshot));
            let change = catch_unwind(decide)
                .map_err(|_| StoreError::Unavailable("the code that decides this write panicked".into()))?;
            let is_empty = |change: &Change| {
                change.statics.is_none() && change.puts.is_empty() && change.deletes.is_empty()
            };
            let change = Some(change).filter(|change| !is_empty(change));
            change.map(|change| Write::of(table, partition, look.before, change)).transpose()
        };
        self.change(table, partition, &reads, &mut plan).await
    }

    /// A row as it was answered.
    pub(super) fn found(
        &self,
        table: &'static Table,
        partition: &[Value],
        answer: Answer,
    ) -> StoreResult<Found> {
        let corrupt = || StoreError::Corrupt { table: table.name };
        let mut cells = answer.columns.into_iter().skip(1);
        let mut clustering = Vec::with_capacity(table.clustering.len());
        for column in table.clustering {
            let cell = cells.next().ok_or_else(corrupt)?;
            // Statics without rows are answered as a row without a key.
            let Some(cell) = cell else { return Ok(Found { row: None, version: None }) };
            let value = cells::value_of(cell).filter(|value| value.kind() == column.kind);
            clustering.push(value.ok_or_else(corrupt)?);
        }
        let columns = cells::cells_of(table.columns, &mut cells).ok_or_else(corrupt)?;
        let row = Row { key: Key { partition: partition.to_vec(), clustering }, columns };
        if !is_single(table) {
            return Ok(Found { row: Some(row), version: None });
        }
        let version = version_of(cells.next().flatten()).ok_or_else(corrupt)?;
        let holds = version.as_ref().is_some_and(|version| version.holds);
        Ok(Found { row: Some(row).filter(|_| holds), version })
    }
}

pub(super) struct Found {
    pub(super) row: Option<Row>,
    /// In conditional tables of single rows.
    pub(super) version: Option<Version>,
}

fn set(cells: &[Option<Value>]) -> Vec<bool> {
    cells.iter().map(Option::is_some).collect()
}

fn shared_of(table: &'static Table, answer: Answer) -> StoreResult<Option<(Version, Vec<Option<Value>>)>> {
    let corrupt = || StoreError::Corrupt { table: table.name };
    let mut cells = answer.columns.into_iter().skip(table.partition.len());
    let Some(version) = version_of(cells.next().flatten()).ok_or_else(corrupt)? else { return Ok(None) };
    Ok(Some((version, cells::cells_of(table.statics, &mut cells).ok_or_else(corrupt)?)))
}

/// `None` when the cell holds something else than a version.
pub(super) fn version_of(cell: Option<CqlValue>) -> Option<Option<Version>> {
    match cell {
        None => Some(None),
        Some(CqlValue::Blob(bytes)) => Version::decode(&bytes).map(Some),
        Some(_) => None,
    }
}

/// Cassandra answers an applied write with `[applied]` alone, ScyllaDB with the old row too, one for each statement: so
/// that everything is read by its name, from the first row.
fn verdict(result: QueryResult) -> Result<Option<Option<Version>>, Failure> {
    let unreadable = |what: &str| Failure::Passing(format!("the answer to a conditional write {what}"));
    let rows = result.into_rows_result().map_err(|_| unreadable("has no rows"))?;
    let place = |name| rows.column_specs().get_by_name(name).map(|(index, _)| index);
    let (applied, version) = (place("[applied]"), place("version"));
    let mut answer: Answer = rows.first_row().map_err(|_| unreadable("has no row"))?;
    let mut cell = |index: Option<usize>| index.and_then(|index| answer.columns[index].take());
    match cell(applied) {
        Some(CqlValue::Boolean(true)) => Ok(None),
        Some(CqlValue::Boolean(false)) => {
            version_of(cell(version)).map(Some).ok_or_else(|| unreadable("has no version"))
        }
        _ => Err(unreadable("does not say whether it was applied")),
    }
}
