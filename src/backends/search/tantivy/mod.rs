//! The index of one node, in a folder, on tantivy. One thread writes and commits what waits together; queries read the
//! last commit. What cannot be opened is thrown away and begun anew, since the indexer fills it again.

mod fields;
mod folder;
mod rank;
mod read;
mod wanted;
mod writer;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tantivy::{Index as Segments, IndexReader, IndexWriter, TantivyError};
use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    task::spawn_blocking,
    time::{Instant, sleep, timeout},
};

use self::{
    fields::Fields,
    folder::Unopened,
    read::Reading,
    writer::{Request, Work, Writer},
};
use super::{Change, Hits, Index, Mark, MarkPage, Query, Scope, SearchError, SearchResult};
use crate::domain::ids::VideoId;

/// Requests to write that may wait.
const WAITING_MAX: usize = 64;
/// How long another process may take to leave the folder.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(20);
/// Read at once for each core: a query is all computing.
const READS_PER_CORE: usize = 2;

pub(super) struct Tantivy {
    shared: Arc<Shared>,
    requests: mpsc::Sender<Request>,
    turns: Semaphore,
    deadline: Duration,
}

struct Shared {
    segments: Segments,
    reader: IndexReader,
    fields: Fields,
}

impl Tantivy {
    pub(super) async fn open(path: PathBuf, deadline: Duration) -> SearchResult<Self> {
        let (shared, writer) = opened(path).await?;
        let shared = Arc::new(shared);
        let (requests, inbox) = mpsc::channel(WAITING_MAX);
        let writer = Writer { shared: shared.clone(), requests: inbox, writer: Some(writer) };
        let thread = std::thread::Builder::new().name("search-writer".into()).spawn(move || writer.run());
        thread.map_err(|error| SearchError::Unavailable(error.to_string()))?;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Self { shared, requests, turns: Semaphore::new(cores * READS_PER_CORE), deadline })
    }

    async fn write(&self, work: Work) -> SearchResult<()> {
        let (reply, answer) = oneshot::channel();
        let written = async {
            self.requests.send(Request { work, reply }).await.map_err(|_| closed())?;
            answer.await.map_err(|_| closed())?
        };
        timeout(self.deadline, written).await.map_err(|_| late())?
    }

    /// On a thread that may block, since pages of the index come from the disk.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reading<'_>) -> tantivy::Result<T> + Send + 'static,
    ) -> SearchResult<T> {
        if self.requests.is_closed() {
            return Err(closed());
        }
        let shared = self.shared.clone();
        let reading = async {
            let _turn = self.turns.acquire().await.map_err(|_| closed())?;
            let read = spawn_blocking(move || {
                let searcher = shared.reader.searcher();
                read(&Reading { searcher: &searcher, fields: &shared.fields })
            });
            read.await.map_err(lost)?.map_err(unavailable)
        };
        timeout(self.deadline, reading).await.map_err(|_| late())?
    }
}

impl Index for Tantivy {
    fn apply<'a>(&'a self, changes: Vec<Change>) -> BoxFuture<'a, SearchResult<()>> {
        Box::pin(self.write(Work::Apply(changes)))
    }

    fn query<'a>(&'a self, query: Query) -> BoxFuture<'a, SearchResult<Hits>> {
        Box::pin(self.read(move |reading| reading.query(&query)))
    }

    fn marks_of<'a>(&'a self, ids: Vec<VideoId>) -> BoxFuture<'a, SearchResult<BTreeMap<VideoId, Mark>>> {
        Box::pin(self.read(move |reading| reading.marks_of(&ids)))
    }

    fn marks<'a>(&'a self, after: Option<String>, limit: usize) -> BoxFuture<'a, SearchResult<MarkPage>> {
        Box::pin(self.read(move |reading| reading.marks(after.as_deref(), limit)))
    }

    fn clear<'a>(&'a self) -> BoxFuture<'a, SearchResult<()>> {
        Box::pin(self.write(Work::Clear))
    }

    fn probe<'a>(&'a self) -> BoxFuture<'a, SearchResult<()>> {
        Box::pin(self.read(|reading| reading.query(&Query { limit: 1, ..Query::default() }).map(drop)))
    }

    fn close<'a>(&'a self) -> BoxFuture<'a, ()> {
        Box::pin(async {
            // Closed already is as good.
            drop(self.write(Work::Close).await);
        })
    }

    fn scope(&self) -> Scope {
        Scope::Node
    }
}

/// Waits a little for another process that is just leaving the folder.
async fn opened(path: PathBuf) -> SearchResult<(Shared, IndexWriter)> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let place = path.clone();
        match spawn_blocking(move || folder::open(&place)).await.map_err(lost)? {
            Ok(opened) => return Ok(opened),
            Err(Unopened::Busy) if Instant::now() < deadline => sleep(LOOK_AGAIN_AFTER).await,
            Err(Unopened::Busy) => {
                let place = path.display();
                return Err(SearchError::Unavailable(format!(
                    "another process writes the index in {place}; stop it, or name another folder"
                )));
            }
            Err(Unopened::Failed(error)) => {
                let place = path.display();
                return Err(SearchError::Unavailable(format!("no index can be made in {place}: {error}")));
            }
        }
    }
}

fn unavailable(error: TantivyError) -> SearchError {
    SearchError::Unavailable(error.to_string())
}

fn lost(error: tokio::task::JoinError) -> SearchError {
    SearchError::Unavailable(format!("reading the index broke off: {error}"))
}

fn closed() -> SearchError {
    SearchError::Unavailable("it is closed".into())
}

fn late() -> SearchError {
    SearchError::Unavailable("it did not answer in time".into())
}
