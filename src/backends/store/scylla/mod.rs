//! The engine on ScyllaDB or Apache Cassandra, which take the same CQL (`schema/playhouse.cql`).
//!
//! Tables declared `conditional` are written by conditional writes alone, whole-row `put` and `delete` included, since
//! plain writes to the same rows would race with them. All other tables are written plainly, each write with the time it
//! was made at. A read waits for a quorum, so it sees what was acknowledged. Time to live is kept by the servers, on their
//! clocks and in whole seconds.

mod cells;
mod cluster;
mod conditional;
mod failure;
mod keys;
mod place;
mod ranges;
pub(super) mod schema;
mod statements;
mod turns;
mod version;
mod write;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Instant,
};

use futures_util::{StreamExt, TryStreamExt, future::BoxFuture, stream};
use scylla::response::PagingState;
use tokio::time::timeout;

pub(super) use self::place::Place;
use self::{
    cells::{Bind, binds},
    cluster::Cluster,
    conditional::{Found, Look},
    failure::{Failure, Patience},
    statements::{Shape, is_single},
    turns::Turns,
    write::Write,
};
use super::{
    embedded::CommitObserver,
    engine::{Change, Decide, Engine, Key, Put, Reads, Row, RowPage, Scan, StoreError, StoreResult},
    open::{OpenError, Settings},
    table::{Record, Table, Writes},
    tables::probe::Probe,
    value::{Kind, Value},
};
use crate::domain::clock::SharedClock;

const PREPARES_AT_ONCE: usize = 16;

pub(super) struct Scylla {
    cluster: Arc<Cluster>,
    clock: SharedClock,
    turns: Turns,
    /// When the last plain write was made, in microseconds: no two have the same time.
    last_us: AtomicI64,
    observer: CommitObserver,
}

impl Scylla {
    /// Connects, holds the schema against the declarations, and prepares what every start needs.
    pub(super) async fn open(
        place: Place,
        clock: SharedClock,
        settings: Settings,
    ) -> Result<Self, OpenError> {
        let Settings { deadline, observer, tables } = settings;
        let session = cluster::connect(&place, deadline).await?;
        schema::check_with(&session, &place, tables).await?;
        let cluster = Arc::new(Cluster::new(session, place, deadline));
        let engine = Self { cluster, clock, turns: Turns::default(), last_us: AtomicI64::new(0), observer };
        let nodes = engine.cluster.place.nodes.join(", ");
        engine
            .warm_up(tables)
            .await
            .map_err(|error| OpenError::Refused { nodes, reason: error.to_string() })?;
        Ok(engine)
    }

    /// Prepares the statements of all tables, and reads agreed versions, for which ScyllaDB makes a table of its own the
    /// first time.
    async fn warm_up(&self, tables: &[&'static Table]) -> StoreResult<()> {
        let each: Vec<_> = tables.iter().map(|table| self.warm_up_table(table)).collect();
        stream::iter(each).buffer_unordered(PREPARES_AT_ONCE).try_collect::<()>().await
    }

    async fn warm_up_table(&self, table: &'static Table) -> StoreResult<()> {
        let session = self.cluster.session()?;
        for shape in [Shape::Get, Shape::Put, Shape::Delete] {
            self.cluster.prepared(&session, table, shape).await.map_err(Failure::told)?;
        }
        if table.writes == Writes::Plain {
            return Ok(());
        }
        self.cluster.prepared(&session, table, Shape::Head).await.map_err(Failure::told)?;
        let shape = if is_single(table) { Shape::Get } else { Shape::Shared };
        let nobody = table.partition.iter().map(|column| match column.kind {
            Kind::Text => Value::Text("nobody".into()),
            kind => keys::least(kind),
        });
        let nobody: Vec<Bind> = nobody.map(Bind::Value).collect();
        self.cluster.read_agreed(table, shape, &nobody).await.map_err(Failure::told)?;
        Ok(())
    }

    /// Ends what takes longer than a call may.
    async fn within<T>(&self, work: impl Future<Output = StoreResult<T>>) -> StoreResult<T> {
        let deadline = self.cluster.deadline;
        let late = || StoreError::Unavailable(format!("no answer within {} ms", deadline.as_millis()));
        timeout(deadline, work).await.unwrap_or_else(|_| Err(late()))
    }

    /// As `within`, and tells the observer. Work answers with the rows it has written.
    async fn writing(&self, work: BoxFuture<'_, StoreResult<usize>>) -> StoreResult<usize> {
        let since = Instant::now();
        let rows = self.within(work).await?;
        if rows > 0 {
            (self.observer)(since.elapsed(), rows);
        }
        Ok(rows)
    }

    fn now_us(&self) -> i64 {
        let now = self.clock.now().0.saturating_mul(1_000);
        let next = |last: i64| Some(now.max(last.saturating_add(1)));
        let last = self.last_us.fetch_update(Ordering::AcqRel, Ordering::Acquire, next);
        now.max(last.unwrap_or(now).saturating_add(1))
    }

    async fn row(
        &self,
        table: &'static Table,
        partition: &[Value],
        clustering: &[Value],
    ) -> StoreResult<Option<Found>> {
        keys::check(table, partition, clustering)?;
        let key: Vec<Bind> = binds(partition).chain(binds(clustering)).collect();
        let answer = self.cluster.read(table, Shape::Get, &key, 1).await?.pop();
        answer.map(|answer| self.found(table, partition, answer)).transpose()
    }

    async fn scan(&self, table: &'static Table, scan: Scan) -> StoreResult<RowPage> {
        let mut page = RowPage { rows: Vec::new(), more: false };
        if scan.limit == 0 {
            return Ok(page);
        }
        if table.clustering.is_empty() {
            let row = self.row(table, &scan.partition, &[]).await?.and_then(|found| found.row);
            page.rows.extend(row.filter(|_| scan.after.is_none()));
            return Ok(page);
        }
        keys::check_partition(table, &scan.partition)?;
        for (shape, mut binds) in ranges::of(table, &scan) {
            // One more than asked for tells whether there are more.
            let wanted = scan.limit - page.rows.len() + 1;
            binds.push(Bind::Int(i32::try_from(wanted).unwrap_or(i32::MAX)));
            for answer in self.cluster.read(table, shape, &binds, wanted).await? {
                page.rows.extend(self.found(table, &scan.partition, answer)?.row);
            }
            if page.rows.len() > scan.limit {
                page.more = true;
                page.rows.truncate(scan.limit);
                break;
            }
        }
        Ok(page)
    }

    async fn put(&self, table: &'static Table, put: Put) -> StoreResult<usize> {
        let key = &put.row.key;
        keys::check(table, &key.partition, &key.clustering)?;
        keys::check_columns(table, table.columns, &put.row.columns)?;
        if table.writes == Writes::Plain {
            let binds = write::plain(&key.partition, put.clone());
            self.cluster.write(table, Shape::Put, &binds, self.now_us()).await?;
            return Ok(1);
        }
        let mut plan = |look: Look| {
            let change = Change { puts: vec![put.clone()], ..Change::default() };
            Write::of(table, &key.partition, look.before, change).map(Some)
        };
        self.change(table, &key.partition, &Reads::Statics, &mut plan).await
    }

    async fn insert_if_absent(&self, table: &'static Table, put: Put) -> StoreResult<usize> {
        let key = &put.row.key;
        keys::check(table, &key.partition, &key.clustering)?;
        keys::check_columns(table, table.columns, &put.row.columns)?;
        let mut plan = |look: Look| {
            if !look.snapshot.rows.is_empty() {
                return Ok(None);
            }
            let change = Change { puts: vec![put.clone()], ..Change::default() };
            Write::of(table, &key.partition, look.before, change).map(Some)
        };
        let reads = Reads::Keys(vec![key.clustering.clone()]);
        self.change(table, &key.partition, &reads, &mut plan).await
    }

    async fn delete(&self, table: &'static Table, key: Key) -> StoreResult<usize> {
        keys::check(table, &key.partition, &key.clustering)?;
        if table.writes == Writes::Plain {
            let binds: Vec<Bind> = binds(&key.partition).chain(binds(&key.clustering)).collect();
            self.cluster.write(table, Shape::Delete, &binds, self.now_us()).await?;
            return Ok(1);
        }
        let mut plan = |look: Look| {
            if look.before.version.as_ref().is_none_or(|version| is_single(table) && !version.holds) {
                return Ok(None);
            }
            let change = Change { deletes: vec![key.clustering.clone()], ..Change::default() };
            Write::of(table, &key.partition, look.before, change).map(Some)
        };
        self.change(table, &key.partition, &Reads::Statics, &mut plan).await
    }

    async fn delete_partition(&self, table: &'static Table, partition: Vec<Value>) -> StoreResult<usize> {
        keys::check_partition(table, &partition)?;
        if table.writes == Writes::Plain {
            let binds: Vec<Bind> = binds(&partition).collect();
            self.cluster.write(table, Shape::DeletePartition, &binds, self.now_us()).await?;
            return Ok(1);
        }
        let mut plan = |look: Look| match look.before.version {
            None => Ok(None),
            Some(_) => Write::emptying(table, &partition, look.before).map(Some),
        };
        self.change(table, &partition, &Reads::Statics, &mut plan).await
    }

    async fn count(&self, table: &'static Table) -> StoreResult<u64> {
        let mut count = self.count_of(table, Shape::EveryRow).await?;
        if !table.statics.is_empty() {
            count += self.count_of(table, Shape::EveryPartition).await?;
        }
        Ok(count)
    }

    /// Each page has the whole deadline of a call.
    async fn count_of(&self, table: &'static Table, shape: Shape) -> StoreResult<u64> {
        let version_at = if shape == Shape::EveryPartition { table.partition.len() } else { 1 };
        let by_version = shape == Shape::EveryPartition || is_single(table);
        let mut count = 0;
        let mut patience = Patience::of(self.cluster.deadline);
        let mut next = Some(PagingState::start());
        while let Some(state) = next.take() {
            let (answers, following) = match self.cluster.page(table, shape, &[], state.clone()).await {
                Ok(page) => page,
                Err(failure) => {
                    patience.after(failure).await?;
                    next = Some(state);
                    continue;
                }
            };
            for mut answer in answers {
                let marker = answer.columns.get_mut(version_at).and_then(Option::take);
                let is_there = match by_version {
                    true => conditional::version_of(marker).flatten().is_some_and(|version| version.holds),
                    false => marker.is_some() || table.clustering.is_empty(),
                };
                count += u64::from(is_there);
            }
            patience = Patience::of(self.cluster.deadline);
            next = following;
        }
        Ok(count)
    }

    async fn probe(&self) -> StoreResult<()> {
        let key = Key { partition: vec![Value::Text("probe".into())], clustering: Vec::new() };
        let columns = vec![Some(Value::Int(self.clock.now().0))];
        let put = Put { row: Row { key: key.clone(), columns }, ttl: None };
        self.put(Probe::TABLE, put).await?;
        match self.row(Probe::TABLE, &key.partition, &[]).await?.and_then(|found| found.row) {
            Some(_) => Ok(()),
            None => Err(StoreError::Unavailable("a written row cannot be read back".into())),
        }
    }
}

impl Engine for Scylla {
    fn get<'a>(&'a self, table: &'static Table, key: Key) -> BoxFuture<'a, StoreResult<Option<Row>>> {
        Box::pin(self.within(async move {
            Ok(self.row(table, &key.partition, &key.clustering).await?.and_then(|found| found.row))
        }))
    }

    fn get_some<'a>(
        &'a self,
        table: &'static Table,
        partition: Vec<Value>,
        keys: Vec<Vec<Value>>,
    ) -> BoxFuture<'a, StoreResult<Vec<Row>>> {
        Box::pin(self.within(async move {
            let rows = self.rows(table, &partition, &keys).await?;
            Ok(rows.into_values().collect())
        }))
    }

    fn get_statics<'a>(
        &'a self,
        table: &'static Table,
        partition: Vec<Value>,
    ) -> BoxFuture<'a, StoreResult<Option<Vec<Option<Value>>>>> {
        Box::pin(self.within(async move {
            keys::check_partition(table, &partition)?;
            if table.statics.is_empty() {
                return Ok(None);
            }
            let shared = self.shared(table, &partition).await?;
            Ok(shared.filter(|(version, _)| version.holds).map(|(_, statics)| statics))
        }))
    }

    fn scan<'a>(&'a self, table: &'static Table, scan: Scan) -> BoxFuture<'a, StoreResult<RowPage>> {
        Box::pin(self.within(self.scan(table, scan)))
    }

    fn put<'a>(&'a self, table: &'static Table, put: Put) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(async move { self.writing(Box::pin(self.put(table, put))).await.map(drop) })
    }

    fn delete<'a>(&'a self, table: &'static Table, key: Key) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(async move { self.writing(Box::pin(self.delete(table, key))).await.map(drop) })
    }

    fn insert_if_absent<'a>(&'a self, table: &'static Table, put: Put) -> BoxFuture<'a, StoreResult<bool>> {
        Box::pin(async move {
            let rows = self.writing(Box::pin(self.insert_if_absent(table, put))).await?;
            Ok(rows > 0)
        })
    }

    fn update_partition<'a>(
        &'a self,
        table: &'static Table,
        partition: Vec<Value>,
        reads: Reads,
        decide: Decide,
    ) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(async move {
            let update = Box::pin(self.update(table, &partition, reads, decide));
            self.writing(update).await.map(drop)
        })
    }

    fn delete_partition<'a>(
        &'a self,
        table: &'static Table,
        partition: Vec<Value>,
    ) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(
            async move { self.writing(Box::pin(self.delete_partition(table, partition))).await.map(drop) },
        )
    }

    fn count<'a>(&'a self, table: &'static Table) -> BoxFuture<'a, StoreResult<u64>> {
        Box::pin(self.count(table))
    }

    fn probe<'a>(&'a self) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(self.within(self.probe()))
    }

    fn close<'a>(&'a self) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(async move {
            self.cluster.close();
            Ok(())
        })
    }
}
