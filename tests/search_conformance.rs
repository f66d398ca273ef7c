//! The index against what every index must do, and what is of one engine alone.
#![cfg(test)]

mod killed_child;
mod quickwit;
mod ready_video;
mod reconciling;
mod search_embedded;
mod search_suite;

use std::{path::Path, time::Duration};

use playhouse::backends::search::{self, Settings, SharedIndex};
use search_suite::Bed;

async fn open_in(folder: &Path) -> SharedIndex {
    open_at("tantivy:", folder).await
}

async fn open_at(uri: &str, folder: &Path) -> SharedIndex {
    let settings = Settings { deadline: Duration::from_secs(20) };
    search::open(uri, folder, settings).await.unwrap()
}

async fn tantivy() -> Bed {
    let folder = tempfile::tempdir().unwrap();
    Bed { index: open_in(folder.path()).await, _kept: Box::new(folder) }
}

search_conformance!(embedded, super::tantivy);
search_conformance!(distant, super::quickwit::bed);

#[tokio::test]
async fn what_cannot_be_opened_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { deadline: Duration::from_secs(5) };
    let error = search::open("solr://localhost", folder.path(), settings).await.err();
    assert!(error.unwrap().to_string().contains("`solr:` is not known"));
}
