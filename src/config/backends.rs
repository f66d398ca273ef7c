//! `[backends]`: which engine holds rows, bytes, the index and the talk between nodes, each chosen by a URI.
//! A path that is left empty lies below `server.data_dir`; any other is taken as it is written.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Deserializer, de::Error};

use super::{
    Millis,
    range::{Range, range},
};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backends {
    #[serde(deserialize_with = "store")]
    pub store: EngineUri,
    #[serde(deserialize_with = "bus")]
    pub bus: EngineUri,
    #[serde(deserialize_with = "search")]
    pub search: EngineUri,
    #[serde(deserialize_with = "objects")]
    pub objects: EngineUri,
    pub deadline_ms: Millis,
}

pub(super) const RANGES: &[Range] = &[range("deadline_ms", 100, 60_000)];

impl Backends {
    /// Gives every engine that was left without a path its place below the data folder.
    pub(super) fn place_below(&mut self, data_dir: &Path) {
        self.store.place(data_dir, "store");
        self.search.place(data_dir, "search");
        self.objects.place(data_dir, "objects");
    }
}

/// `SCHEME:REST`, where the scheme is one this build has an engine for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineUri {
    scheme: &'static str,
    rest: String,
}

impl EngineUri {
    pub fn scheme(&self) -> &str {
        self.scheme
    }

    /// Where an embedded engine keeps its files.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(&self.rest)
    }

    /// For people to read: without user and password.
    pub fn shown(&self) -> String {
        match self.rest.rsplit_once('@') {
            Some((_, place)) => format!("{}://{place}", self.scheme),
            None => self.to_string(),
        }
    }

    fn place(&mut self, data_dir: &Path, folder: &str) {
        if self.rest.is_empty() && self.scheme != "s3" {
            self.rest = data_dir.join(folder).to_string_lossy().into_owned();
        }
    }

    fn read<'de, D: Deserializer<'de>>(
        source: D,
        schemes: &'static [&'static str],
        allowed: &'static str,
    ) -> Result<Self, D::Error> {
        let text = String::deserialize(source)?;
        let known = text.split_once(':').and_then(|(found, rest)| {
            let scheme = schemes.iter().find(|scheme| **scheme == found)?;
            Some(Self { scheme, rest: rest.to_owned() })
        });
        known.ok_or_else(|| {
            D::Error::custom(format!("this build has no engine for \"{text}\", allowed: {allowed}"))
        })
    }
}

impl fmt::Display for EngineUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.scheme, self.rest)
    }
}

fn store<'de, D: Deserializer<'de>>(source: D) -> Result<EngineUri, D::Error> {
    let allowed = "embedded:PATH, embedded+redb:PATH or scylla://HOST/KEYSPACE";
    EngineUri::read(source, &["embedded", "embedded+redb", "scylla"], allowed)
}

fn bus<'de, D: Deserializer<'de>>(source: D) -> Result<EngineUri, D::Error> {
    EngineUri::read(
        source,
        &["embedded", "redis", "redis+cluster", "redis+sentinel"],
        "embedded:, redis://HOST:PORT, redis+cluster://HOST:PORT,… or redis+sentinel://HOST:PORT,…/MASTER",
    )
}

fn search<'de, D: Deserializer<'de>>(source: D) -> Result<EngineUri, D::Error> {
    EngineUri::read(source, &["tantivy", "quickwit+http"], "tantivy:PATH or quickwit+http://HOST:PORT/INDEX")
}

fn objects<'de, D: Deserializer<'de>>(source: D) -> Result<EngineUri, D::Error> {
    EngineUri::read(source, &["dir", "s3"], "dir:PATH or s3://BUCKET?endpoint=URL&region=NAME")
}
