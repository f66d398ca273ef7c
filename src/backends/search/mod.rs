//! The video index: what a search looks through. One contract, embedded on tantivy and distant on Quickwit. It is
//! derived data: whatever is lost of it is made again from the store by the indexer, its only writer. Texts are cut into
//! terms here (`analysis`), so that all engines agree on what matches.

mod analysis;
mod document;
mod highlight;
mod open;
mod place;
mod query;
mod quickwit;
mod tantivy;

use std::{collections::BTreeMap, sync::Arc};

use futures_util::future::BoxFuture;

pub use self::{
    document::{Change, Document, Mark},
    highlight::{Field, Highlight, Part},
    open::{OpenError, Settings, open},
    place::Place,
    query::{Filters, Hit, Hits, Query, Sort, Words},
};
use crate::domain::ids::VideoId;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    /// Nothing is known of what was asked; asking again is safe.
    #[error("the search index is not available: {0}")]
    Unavailable(String),
    /// The engine understood and will not do it, however often it is asked.
    #[error("the search index refuses: {0}")]
    Refused(String),
}

pub type SearchResult<T> = Result<T, SearchError>;

/// Whose index it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Of this node alone: each keeps its own.
    Node,
    /// Of all nodes that name the same one: one of them writes at a time.
    Shared,
}

/// A part of what an index holds, and where the next begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MarkPage {
    pub marks: Vec<(VideoId, Mark)>,
    /// What to ask with for what follows. A page may be empty although there is more.
    pub next: Option<String>,
}

/// The contract of an index. Of several versions of one video the highest counts, in whatever order they come; what is
/// removed stays known by its version, so that a late older one does not bring it back.
pub trait Index: Send + Sync + 'static {
    /// Takes changes in. When this returns they are found by every query and survive a crash; what is not higher than
    /// what is there changes nothing. After an error some may have been taken; asking again is safe.
    fn apply<'a>(&'a self, changes: Vec<Change>) -> BoxFuture<'a, SearchResult<()>>;

    fn query<'a>(&'a self, query: Query) -> BoxFuture<'a, SearchResult<Hits>>;

    /// What the index holds of these videos, the removed ones that are still known among them.
    fn marks_of<'a>(&'a self, ids: Vec<VideoId>) -> BoxFuture<'a, SearchResult<BTreeMap<VideoId, Mark>>>;

    /// All videos that a query may find, in no order that means anything, about `limit` at a time. What changes meanwhile
    /// may or may not be among them.
    fn marks<'a>(&'a self, after: Option<String>, limit: usize) -> BoxFuture<'a, SearchResult<MarkPage>>;

    /// Forgets everything, versions included.
    fn clear<'a>(&'a self) -> BoxFuture<'a, SearchResult<()>>;

    /// Uses the index: what `/health/ready` and `doctor` ask.
    fn probe<'a>(&'a self) -> BoxFuture<'a, SearchResult<()>>;

    /// Ends the engine; what is asked later is `Unavailable`, and its files are free. A dropped one closes by itself.
    fn close<'a>(&'a self) -> BoxFuture<'a, ()>;

    fn scope(&self) -> Scope;
}

pub type SharedIndex = Arc<dyn Index>;
