//! Opens the index a URI names.

use std::{path::Path, sync::Arc, time::Duration};

use super::{SearchError, SharedIndex, quickwit::Quickwit};
use crate::backends::location::Location;

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("search `{scheme}:` is not known; use `tantivy:PATH` or `quickwit+http://HOST:PORT/INDEX`")]
    UnknownScheme { scheme: String },
    #[error(transparent)]
    Search(#[from] SearchError),
}

/// What an index needs besides its URI.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How long one call may take.
    pub deadline: Duration,
}

/// A path that is left empty lies below `data_dir`.
pub async fn open(uri: &str, data_dir: &Path, settings: Settings) -> Result<SharedIndex, OpenError> {
    let location = Location::of(uri);
    match location.scheme {
        "tantivy" => {
            let path = location.dir(data_dir, "search");
            Ok(Arc::new(super::tantivy::Tantivy::open(path, settings.deadline).await?))
        }
        "quickwit+http" => Ok(Arc::new(Quickwit::at(location.rest, settings.deadline)?)),
        scheme => Err(OpenError::UnknownScheme { scheme: scheme.into() }),
    }
}
