//! A store to try a case on, and how time passes for it.

use std::{path::Path, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use playhouse::{
    backends::store::{
        self, Record, Settings, Store, Table,
        tables::{feed::FeedEntry, probe::Probe, tally},
    },
    domain::clock::SharedClock,
};

use super::{Entry, Member, Mixed, Named, Single, limits::Blob};

/// What the cases write to.
pub const TABLES: &[&Table] = &[
    Entry::TABLE,
    Mixed::TABLE,
    Named::TABLE,
    Single::TABLE,
    Member::TABLE,
    Blob::TABLE,
    Probe::TABLE,
    tally::Member::TABLE,
    FeedEntry::TABLE,
];

/// The time a store goes by.
pub trait Time: Send + Sync {
    fn clock(&self) -> SharedClock;
    /// What the cases call an hour.
    fn hour(&self) -> Duration;
    /// Lets that much time pass; what is less than an hour may be skipped, and what is more may be cut short.
    fn pass(&self, duration: Duration) -> BoxFuture<'_, ()>;
}

pub struct Bed {
    pub store: Store,
    pub uri: String,
    pub dir: tempfile::TempDir,
    pub time: Arc<dyn Time>,
    /// A row of this size is taken.
    pub row_bytes: usize,
}

impl Bed {
    pub async fn of(uri: &str, time: Arc<dyn Time>, row_bytes: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = open(uri, dir.path(), time.clock()).await;
        Self { store, uri: uri.into(), dir, time, row_bytes }
    }

    pub async fn open_again(&self) -> Store {
        open(&self.uri, self.dir.path(), self.time.clock()).await
    }
}

async fn open(uri: &str, dir: &Path, clock: SharedClock) -> Store {
    let settings = Settings { tables: TABLES, ..Settings::default() };
    store::open_with(uri, dir, clock, settings).await.unwrap()
}
