//! From a URI to a store: `embedded:PATH` is fjall, `embedded+redb:PATH` is redb, `scylla://HOST/KEYSPACE` is a cluster.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::task::spawn_blocking;

use super::scylla::{Place, Scylla};
use super::{
    CommitObserver, Store, Table,
    embedded::{Driver, Embedded},
    tables,
};
use crate::{backends::location::Location, domain::clock::SharedClock};

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(
        "store `{scheme}:` is not known; use `embedded:PATH`, `embedded+redb:PATH` or `scylla://HOST/KEYSPACE`"
    )]
    UnknownScheme { scheme: String },
    #[error("`{uri}` does not say where the store is: {reason}")]
    Unreadable { uri: String, reason: String },
    #[error("another process has the store at {} open; stop it first", .0.display())]
    Locked(PathBuf),
    #[error("cannot open the store at {}: {reason}", path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error("the store's nodes at {nodes} do not answer; start them, or set backends.store ({reason})")]
    Away { nodes: String, reason: String },
    #[error("the store's nodes at {nodes} do not do what they are asked: {reason}")]
    Refused { nodes: String, reason: String },
    #[error("the store's schema is not what this program needs ({what}); {remedy}")]
    Schema { what: String, remedy: String },
}

/// What may be set of an engine.
pub struct Settings {
    /// How long a call may take, its wait for its turn and all its attempts included.
    pub deadline: Duration,
    /// Told of every commit, on the writer's thread; on a cluster of every write and what it took.
    pub observer: CommitObserver,
    /// What a cluster must have; embedded engines make any table.
    pub tables: &'static [&'static Table],
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(10),
            observer: Arc::new(|_latency, _rows| {}),
            tables: tables::ALL,
        }
    }
}

/// Opens the store a URI names; a path left empty is `store` in `data_dir`. Takes as long as a journal is replayed or
/// nodes are asked.
pub async fn open(uri: &str, data_dir: &Path, clock: SharedClock) -> Result<Store, OpenError> {
    open_with(uri, data_dir, clock, Settings::default()).await
}

pub async fn open_with(
    uri: &str,
    data_dir: &Path,
    clock: SharedClock,
    settings: Settings,
) -> Result<Store, OpenError> {
    let location = Location::of(uri);
    let driver = match location.scheme {
        "embedded" => Driver::Fjall,
        "embedded+redb" => Driver::Redb,
        "scylla" => {
            let engine = Scylla::open(place(uri)?, clock, settings).await?;
            return Ok(Store::new(Arc::new(engine)));
        }
        _ => return Err(OpenError::UnknownScheme { scheme: location.scheme.into() }),
    };
    let dir = location.dir(data_dir, "store");
    let opening = {
        let dir = dir.clone();
        spawn_blocking(move || Embedded::open(driver, &dir, clock, settings))
    };
    let lost = |error: tokio::task::JoinError| OpenError::Damaged { path: dir, reason: error.to_string() };
    Ok(Store::new(Arc::new(opening.await.map_err(lost)??)))
}

pub(super) fn place(uri: &str) -> Result<Place, OpenError> {
    let unreadable = |reason| OpenError::Unreadable { uri: uri.to_owned(), reason };
    Place::read(Location::of(uri).rest).map_err(unreadable)
}
