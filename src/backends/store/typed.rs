//! The store as the rest of the house sees it: eight verbs over declared records.

use std::{
    marker::PhantomData,
    ops::Bound,
    sync::{Arc, Mutex},
    time::Duration,
};

use super::{
    engine::{Change, Direction, Engine, Key, Put, Reads, Row, Scan, Snapshot, StoreError, StoreResult},
    row_cache::RowCache,
    table::{Cells, Record, Table},
    value::{Cell, Value},
};
use crate::domain::page::{Cursor, Page};

/// A cheap handle on an engine.
#[derive(Clone)]
pub struct Store {
    engine: Arc<dyn Engine>,
    rows: Option<Arc<RowCache>>,
}

impl Store {
    pub fn new(engine: Arc<dyn Engine>) -> Self {
        Self { engine, rows: None }
    }

    /// The same store with something around its engine.
    #[must_use]
    pub fn decorated(self, decorate: impl FnOnce(Arc<dyn Engine>) -> Arc<dyn Engine>) -> Self {
        Self { engine: decorate(self.engine), ..self }
    }

    /// The same store for who may be shown single rows as they were a moment ago.
    #[must_use]
    pub fn cached(self, rows: RowCache) -> Self {
        Self { rows: Some(Arc::new(rows)), ..self }
    }

    pub async fn get<R: Record>(
        &self,
        partition: R::Partition,
        clustering: R::Clustering,
    ) -> StoreResult<Option<R>> {
        let key = key_of::<R>(partition, clustering);
        let row = match &self.rows {
            Some(rows) => rows.get(self.engine.as_ref(), R::TABLE, key).await?,
            None => self.engine.get(R::TABLE, key).await?,
        };
        row.map(record::<R>).transpose()
    }

    /// Those rows of a partition with these keys that exist, in no order that means anything.
    pub async fn get_some<R: Record>(
        &self,
        partition: R::Partition,
        keys: Vec<R::Clustering>,
    ) -> StoreResult<Vec<R>> {
        let keys = keys.into_iter().map(Cells::into_key).collect();
        let rows = self.engine.get_some(R::TABLE, partition.into_key(), keys).await?;
        rows.into_iter().map(record::<R>).collect()
    }

    /// What the rows of a partition share; `None` until an `update_partition` wrote it.
    pub async fn statics<R: Record>(&self, partition: R::Partition) -> StoreResult<Option<R::Statics>> {
        let cells = self.engine.get_statics(R::TABLE, partition.into_key()).await?;
        let corrupt = StoreError::Corrupt { table: R::TABLE.name };
        cells.map(|cells| R::Statics::from_cells(cells).ok_or(corrupt)).transpose()
    }

    /// A page in the query's direction; its cursor is set when there may be more.
    pub async fn scan<R: Record>(&self, query: Query<R>) -> StoreResult<Page<R>> {
        let page = self.engine.scan(R::TABLE, query.scan).await?;
        let next = page.rows.last().filter(|_| page.more).map(|row| encode_cursor(&row.key.clustering));
        let items = page.rows.into_iter().map(record::<R>).collect::<StoreResult<Vec<_>>>()?;
        Ok(Page { items, next_cursor: next })
    }

    /// Every row of a partition. For partitions that are small by design.
    pub async fn all<R: Record>(&self, partition: R::Partition) -> StoreResult<Vec<R>> {
        let mut rows = Vec::new();
        let mut after = None;
        loop {
            let page = self.scan(Query::<R>::of(partition.clone(), 1_000).after(after.take())).await?;
            rows.extend(page.items);
            after = page.next_cursor;
            if after.is_none() {
                return Ok(rows);
            }
        }
    }

    pub async fn put<R: Record>(&self, record: R) -> StoreResult<()> {
        self.engine.put(R::TABLE, Put { row: row_of(record), ttl: None }).await
    }

    pub async fn put_for<R: Record>(&self, record: R, ttl: Duration) -> StoreResult<()> {
        self.engine.put(R::TABLE, Put { row: row_of(record), ttl: Some(ttl) }).await
    }

    pub async fn delete<R: Record>(
        &self,
        partition: R::Partition,
        clustering: R::Clustering,
    ) -> StoreResult<()> {
        self.engine.delete(R::TABLE, key_of::<R>(partition, clustering)).await
    }

    /// `true` if the row is now this one, `false` if another was there already.
    pub async fn insert_if_absent<R: Record>(&self, record: R, ttl: Option<Duration>) -> StoreResult<bool> {
        const { assert!(R::CONDITIONAL, "declare the table conditional") };
        self.engine.insert_if_absent(R::TABLE, Put { row: row_of(record), ttl }).await
    }

    /// Reads the statics and the rows at `keys`, decides, and writes all or nothing. `decide` may be called
    /// more than once; the answer of its last call is returned once its edit is durable.
    pub async fn update_partition<R, T>(
        &self,
        partition: R::Partition,
        keys: Vec<R::Clustering>,
        mut decide: impl FnMut(View<R>) -> (Edit<R>, T) + Send + 'static,
    ) -> StoreResult<T>
    where
        R: Record,
        T: Send + 'static,
    {
        const { assert!(R::CONDITIONAL, "declare the table conditional") };
        let answer: Arc<Mutex<Option<StoreResult<T>>>> = Arc::default();
        let slot = answer.clone();
        let decide = move |snapshot: Snapshot| {
            let (change, outcome) = match view::<R>(snapshot).map(&mut decide) {
                Ok((edit, outcome)) => (edit.into_change(), Ok(outcome)),
                Err(error) => (Change::default(), Err(error)),
            };
            *slot.lock().expect("no code panics while it holds this lock") = Some(outcome);
            change
        };
        let reads = match keys.is_empty() {
            true => Reads::Statics,
            false => Reads::Keys(keys.into_iter().map(Cells::into_key).collect()),
        };
        self.engine.update_partition(R::TABLE, partition.into_key(), reads, Box::new(decide)).await?;
        let outcome = answer.lock().expect("no code panics while it holds this lock").take();
        outcome.expect("an engine that succeeds has asked for a decision")
    }

    /// Changes one row of a table that has one row a partition. `None` from `decide` leaves it as it is.
    pub async fn update<R, T>(
        &self,
        partition: R::Partition,
        mut decide: impl FnMut(Option<R>) -> (Option<R>, T) + Send + 'static,
    ) -> StoreResult<T>
    where
        R: Record<Clustering = ()>,
        T: Send + 'static,
    {
        self.update_partition::<R, T>(partition, vec![()], move |mut view| {
            let (row, answer) = decide(view.rows.pop());
            let mut edit = Edit::default();
            edit.puts.extend(row.map(|row| (row, None)));
            (edit, answer)
        })
        .await
    }

    /// Removes every row of a partition and what they share.
    pub async fn delete_partition<R: Record>(&self, partition: R::Partition) -> StoreResult<()> {
        self.engine.delete_partition(R::TABLE, partition.into_key()).await
    }

    /// Rows of a whole table, statics counted as one: see [`Engine::count`].
    pub async fn count(&self, table: &'static Table) -> StoreResult<u64> {
        self.engine.count(table).await
    }

    pub async fn probe(&self) -> StoreResult<()> {
        self.engine.probe().await
    }

    /// Ends the engine for every handle on it; the same place may be opened again afterwards.
    pub async fn close(&self) -> StoreResult<()> {
        self.engine.close().await
    }
}

/// A range of one partition: see [`Scan`].
pub struct Query<R> {
    scan: Scan,
    record: PhantomData<fn() -> R>,
}

impl<R: Record> Query<R> {
    pub fn of(partition: R::Partition, limit: usize) -> Self {
        let scan = Scan {
            partition: partition.into_key(),
            from: Bound::Unbounded,
            to: Bound::Unbounded,
            direction: Direction::Declared,
            limit,
            after: None,
        };
        Self { scan, record: PhantomData }
    }

    /// Limits the first clustering column: `from` is the smaller bound, whatever the declared order.
    pub fn between<C: Cell>(mut self, from: Bound<C>, to: Bound<C>) -> Self {
        let value = |cell: C| cell.into_value().expect("key columns are never optional");
        self.scan.from = from.map(value);
        self.scan.to = to.map(value);
        self
    }

    pub fn reversed(mut self) -> Self {
        self.scan.direction = Direction::Reversed;
        self
    }

    /// Goes on after a page. A cursor that no page has given is ignored.
    pub fn after(mut self, cursor: Option<Cursor>) -> Self {
        self.scan.after = cursor.and_then(|cursor| decode_cursor::<R>(&cursor));
        self
    }
}

/// What an `update_partition` sees: the statics (their default while none were written) and the rows asked for.
pub struct View<R: Record> {
    pub statics: Option<R::Statics>,
    pub rows: Vec<R>,
}

/// What an `update_partition` writes.
pub struct Edit<R: Record> {
    pub statics: Option<R::Statics>,
    pub puts: Vec<(R, Option<Duration>)>,
    pub deletes: Vec<R::Clustering>,
}

impl<R: Record> Default for Edit<R> {
    fn default() -> Self {
        Self { statics: None, puts: Vec::new(), deletes: Vec::new() }
    }
}

impl<R: Record> Edit<R> {
    fn into_change(self) -> Change {
        Change {
            statics: self.statics.map(Cells::into_cells),
            puts: self.puts.into_iter().map(|(row, ttl)| Put { row: row_of(row), ttl }).collect(),
            deletes: self.deletes.into_iter().map(Cells::into_key).collect(),
        }
    }
}

fn key_of<R: Record>(partition: R::Partition, clustering: R::Clustering) -> Key {
    Key { partition: partition.into_key(), clustering: clustering.into_key() }
}

fn row_of<R: Record>(record: R) -> Row {
    let key = key_of::<R>(record.partition(), record.clustering());
    Row { key, columns: record.into_columns() }
}

fn record<R: Record>(row: Row) -> StoreResult<R> {
    R::from_parts(row.key.partition, row.key.clustering, row.columns)
        .ok_or(StoreError::Corrupt { table: R::TABLE.name })
}

fn view<R: Record>(snapshot: Snapshot) -> StoreResult<View<R>> {
    let corrupt = || StoreError::Corrupt { table: R::TABLE.name };
    let statics =
        snapshot.statics.map(|cells| R::Statics::from_cells(cells).ok_or_else(corrupt)).transpose()?;
    let rows = snapshot.rows.into_iter().map(record::<R>).collect::<StoreResult<Vec<_>>>()?;
    Ok(View { statics, rows })
}

fn encode_cursor(clustering: &[Value]) -> Cursor {
    let parts: Vec<serde_json::Value> = clustering
        .iter()
        .map(|value| match value {
            Value::Text(text) => text.as_str().into(),
            Value::Int(number) => (*number).into(),
            Value::Bytes(_) | Value::Counts(_) => serde_json::Value::Null,
        })
        .collect();
    Cursor::of(&serde_json::Value::from(parts).to_string())
}

fn decode_cursor<R: Record>(cursor: &Cursor) -> Option<Vec<Value>> {
    let parts: Vec<serde_json::Value> = serde_json::from_str(&cursor.text()?).ok()?;
    let values: Option<Vec<Value>> = parts
        .into_iter()
        .map(|part| match part {
            serde_json::Value::String(text) => Some(Value::Text(text)),
            other => other.as_i64().map(Value::Int),
        })
        .collect();
    let values = values?;
    let fits = values.len() == R::TABLE.clustering.len()
        && values.iter().zip(R::TABLE.clustering).all(|(value, column)| value.kind() == column.kind);
    fits.then_some(values)
}
