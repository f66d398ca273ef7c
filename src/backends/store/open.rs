//! From a URI to a store: `embedded:PATH` is fjall, `embedded+redb:PATH` is redb.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::{
    CommitObserver, Store,
    embedded::{Driver, Embedded},
};
use crate::{backends::location::Location, domain::clock::SharedClock};

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("store `{scheme}:` is not known; use `embedded:PATH` or `embedded+redb:PATH`")]
    UnknownScheme { scheme: String },
    #[error("store `{scheme}:` is planned but not built yet; use `embedded:PATH`")]
    NotBuilt { scheme: String },
    #[error("another process has the store at {} open; stop it first", .0.display())]
    Locked(PathBuf),
    #[error("cannot open the store at {}: {reason}", path.display())]
    Damaged { path: PathBuf, reason: String },
}

/// What may be set of an embedded engine.
pub struct Settings {
    /// How long a write may take, its wait for the writer included.
    pub deadline: Duration,
    /// Told of every commit, on the writer's thread.
    pub observer: CommitObserver,
}

impl Default for Settings {
    fn default() -> Self {
        Self { deadline: Duration::from_secs(10), observer: Arc::new(|_latency, _rows| {}) }
    }
}

/// Opens the store a URI names; a path left empty is `store` in `data_dir`. Blocks while a journal is replayed.
pub fn open(uri: &str, data_dir: &Path, clock: SharedClock) -> Result<Store, OpenError> {
    open_with(uri, data_dir, clock, Settings::default())
}

pub fn open_with(
    uri: &str,
    data_dir: &Path,
    clock: SharedClock,
    settings: Settings,
) -> Result<Store, OpenError> {
    let location = Location::of(uri);
    let driver = match location.scheme {
        "embedded" => Driver::Fjall,
        "embedded+redb" => Driver::Redb,
        "scylla" => return Err(OpenError::NotBuilt { scheme: location.scheme.into() }),
        _ => return Err(OpenError::UnknownScheme { scheme: location.scheme.into() }),
    };
    let engine = Embedded::open(driver, &location.dir(data_dir, "store"), clock, settings)?;
    Ok(Store::new(Arc::new(engine)))
}
