//! The index of many nodes, on Quickwit (0.9). Documents there are never changed: each version of a video is one of its
//! own, and what a search finds counts only if no newer version is there. Old ones are forgotten by `clear` alone, so
//! `playhouse doctor reindex` is also what makes it small again.

mod client;
mod document;
mod mapping;
mod pages;
mod wanted;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use self::{
    client::Client,
    document::{ID, Stored, TIE, VERSION},
};
use super::{Change, Hits, Index, Mark, MarkPage, Query, Scope, SearchError, SearchResult};
use crate::domain::ids::VideoId;

/// Documents in one call, and bytes of them: Quickwit takes 10 MB.
const INGEST_LEN_MAX: usize = 500;
const INGEST_BYTES_MAX: usize = 4 << 20;
/// Videos whose newest version is asked for in one call.
const IDS_LEN_MAX: usize = 100;
/// Documents in one answer to that. Quickwit gives out the first 10,000 of a search and no more.
const VERSIONS_LEN_MAX: usize = 1_000;
const OFFSET_MAX: usize = 10_000;

pub(super) struct Quickwit {
    client: Client,
    /// Set once the index is known to be there and to have our fields.
    prepared: OnceCell<()>,
    is_closed: AtomicBool,
}

impl Quickwit {
    /// Asks nothing yet: a node starts without its index.
    pub(super) fn at(rest: &str, deadline: Duration) -> SearchResult<Self> {
        let client = Client::at(rest, deadline)?;
        Ok(Self { client, prepared: OnceCell::new(), is_closed: AtomicBool::new(false) })
    }

    async fn prepare(&self) -> SearchResult<&Client> {
        if self.is_closed.load(Ordering::Acquire) {
            return Err(SearchError::Unavailable("it is closed".into()));
        }
        self.prepared.get_or_try_init(|| mapping::prepare(&self.client)).await?;
        Ok(&self.client)
    }

    async fn write(&self, changes: Vec<Change>) -> SearchResult<()> {
        let client = self.prepare().await?;
        let ids: BTreeSet<VideoId> = changes.iter().map(|change| change.video_id.clone()).collect();
        let mut held = self.newest(&ids.into_iter().collect::<Vec<_>>()).await?;
        let mut wanted: BTreeMap<VideoId, Change> = BTreeMap::new();
        for change in changes {
            let before = held.get(&change.video_id).map_or(0, |mark| mark.version);
            if change.version > before {
                held.insert(change.video_id.clone(), change.mark());
                wanted.insert(change.video_id.clone(), change);
            }
        }
        let mut lines = String::new();
        let mut len = 0;
        for change in wanted.values() {
            lines.push_str(&document::line(change));
            len += 1;
            if len == INGEST_LEN_MAX || lines.len() > INGEST_BYTES_MAX {
                client.ingest(std::mem::take(&mut lines), std::mem::take(&mut len)).await?;
            }
        }
        match len {
            0 => Ok(()),
            len => client.ingest(lines, len).await,
        }
    }

    /// The newest version of each that is known.
    async fn newest(&self, ids: &[VideoId]) -> SearchResult<BTreeMap<VideoId, Mark>> {
        let mut newest = BTreeMap::new();
        for ids in ids.chunks(IDS_LEN_MAX) {
            self.newest_of_some(ids, &mut newest).await?;
        }
        Ok(newest)
    }

    /// Newest first, so the first of a video is the one; goes on until all are met or there is no more.
    async fn newest_of_some(
        &self,
        ids: &[VideoId],
        newest: &mut BTreeMap<VideoId, Mark>,
    ) -> SearchResult<()> {
        let client = self.prepare().await?;
        let names: Vec<&str> = ids.iter().map(VideoId::as_str).collect();
        let mut missing: BTreeSet<&VideoId> = ids.iter().collect();
        let mut below: Option<Value> = None;
        while !missing.is_empty() {
            let mut search = json!({
                "query": {"terms": {ID: names}},
                "sort": [{VERSION: {"order": "desc"}}, {TIE: {"order": "desc"}}],
                "size": VERSIONS_LEN_MAX,
            });
            if let Some(below) = below.take() {
                search["search_after"] = below;
            }
            let found = client.search(&search).await?;
            for hit in &found {
                let Some(stored) = Stored::read(&hit.source) else { continue };
                let mark = stored.mark();
                let known = newest.entry(stored.video_id.clone()).or_insert(mark);
                // Of two writers that took the same version one has to be the one, for everybody.
                if mark.version == known.version && mark.fingerprint > known.fingerprint {
                    *known = mark;
                }
                missing.remove(&stored.video_id);
            }
            match found.last() {
                Some(last) if found.len() == VERSIONS_LEN_MAX => below = Some(last.sort.clone()),
                _ => break,
            }
        }
        Ok(())
    }
}

impl Index for Quickwit {
    fn apply<'a>(&'a self, changes: Vec<Change>) -> BoxFuture<'a, SearchResult<()>> {
        Box::pin(self.write(changes))
    }

    fn query<'a>(&'a self, query: Query) -> BoxFuture<'a, SearchResult<Hits>> {
        Box::pin(async move { self.page(&query).await })
    }

    fn marks_of<'a>(&'a self, ids: Vec<VideoId>) -> BoxFuture<'a, SearchResult<BTreeMap<VideoId, Mark>>> {
        Box::pin(async move { self.newest(&ids).await })
    }

    fn marks<'a>(&'a self, after: Option<String>, limit: usize) -> BoxFuture<'a, SearchResult<MarkPage>> {
        Box::pin(self.marks_after(after, limit))
    }

    fn clear<'a>(&'a self) -> BoxFuture<'a, SearchResult<()>> {
        Box::pin(async { self.prepare().await?.clear().await })
    }

    fn probe<'a>(&'a self) -> BoxFuture<'a, SearchResult<()>> {
        Box::pin(async { self.page(&Query { limit: 1, ..Query::default() }).await.map(drop) })
    }

    fn close<'a>(&'a self) -> BoxFuture<'a, ()> {
        self.is_closed.store(true, Ordering::Release);
        Box::pin(std::future::ready(()))
    }

    fn scope(&self) -> Scope {
        Scope::Shared
    }
}
