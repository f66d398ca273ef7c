//! From a URI to a store: `embedded:PATH` is fjall, `embedded+redb:PATH` is redb.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
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

/// Opens the store a URI names; relative paths lie in `data_dir`. Blocks while a journal is replayed.
pub fn open(uri: &str, data_dir: &Path, clock: SharedClock) -> Result<Store, OpenError> {
    open_observed(uri, data_dir, clock, Arc::new(|_latency, _rows| {}))
}

/// As [`open`]; `observer` is told of every commit, on the writer's thread.
pub fn open_observed(
    uri: &str,
    data_dir: &Path,
    clock: SharedClock,
    observer: CommitObserver,
) -> Result<Store, OpenError> {
    let location = Location::of(uri);
    let driver = match location.scheme {
        "embedded" => Driver::Fjall,
        "embedded+redb" => Driver::Redb,
        "scylla" => return Err(OpenError::NotBuilt { scheme: location.scheme.into() }),
        _ => return Err(OpenError::UnknownScheme { scheme: location.scheme.into() }),
    };
    let engine = Embedded::open(driver, &location.dir(data_dir, "store"), clock, observer)?;
    Ok(Store::new(Arc::new(engine)))
}
