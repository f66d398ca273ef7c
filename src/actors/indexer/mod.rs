//! Keeps the search index equal to the store: public videos that play are in it, as they are now, and nothing else is.
//! It follows what is written, here and on other nodes, and looks through everything now and then, so that a change it
//! did not hear of costs time only. The only writer of the index. Of an index that nodes share, one of them is in charge.

mod charge;
mod state;
mod sweep;
mod truth;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::{
    sync::Mutex,
    time::{sleep, timeout},
};

pub use self::sweep::Counted;
use self::{charge::Charge, sweep::Sweep, truth::Truth};
use crate::{
    actors::supervise::Child,
    backends::{
        bus::{BusError, SharedBus},
        feeds::Feeds,
        search::{Change, Scope, SearchError, SharedIndex},
        store::{Store, StoreError, Versions, Written},
        tallies::Tallies,
    },
    domain::{clock::SharedClock, ids::VideoId},
    telemetry::Metrics,
};

/// How long changes gather before they are looked at together.
const GATHER: Duration = Duration::from_millis(150);
/// How long it waits for a change before it looks whether something else is due.
const LISTEN: Duration = Duration::from_millis(250);
/// Between two slices of looking through everything, so that it does not take the store for itself.
const PAUSE: Duration = Duration::from_millis(50);
/// After a failure.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Videos that wait because the index failed; of more, everything is looked through.
const WAITING_LEN_MAX: usize = 10_000;
/// Videos looked at together.
const SLICE_LEN: usize = 100;

#[derive(Debug, thiserror::Error)]
pub enum IndexerError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Search(#[from] SearchError),
    #[error(transparent)]
    Bus(#[from] BusError),
    #[error("another node looks after the index; stop it, or wait for half a minute after it was killed")]
    NotInCharge,
}

/// What the indexer needs of the house.
pub struct Needs {
    pub store: Store,
    pub feeds: Feeds,
    pub tallies: Tallies,
    pub versions: Arc<Versions>,
    pub index: SharedIndex,
    pub bus: SharedBus,
    pub clock: SharedClock,
    pub metrics: Arc<Metrics>,
    /// The name of this node.
    pub node: String,
    /// From the end of one look through everything to the next.
    pub sweep_interval: Duration,
}

pub struct Indexer {
    truth: Truth,
    feeds: Feeds,
    versions: Arc<Versions>,
    index: SharedIndex,
    clock: SharedClock,
    metrics: Arc<Metrics>,
    progress: Mutex<Progress>,
}

/// What a step leaves for the next.
struct Progress {
    charge: Charge,
    /// Videos whose change is not in the index yet.
    waiting: BTreeSet<VideoId>,
    sweep: Sweep,
}

impl Indexer {
    pub fn new(needs: Needs) -> Arc<Self> {
        let charge = match needs.index.scope() {
            Scope::Node => Charge::Own,
            Scope::Shared => Charge::of_many(needs.bus, needs.clock.clone(), needs.node),
        };
        let sweep = Sweep::new(needs.sweep_interval);
        Arc::new(Self {
            truth: Truth { store: needs.store, tallies: needs.tallies },
            feeds: needs.feeds,
            versions: needs.versions,
            index: needs.index,
            clock: needs.clock,
            metrics: needs.metrics,
            progress: Mutex::new(Progress { charge, waiting: BTreeSet::new(), sweep }),
        })
    }

    /// As a child for the supervisor.
    pub fn child(self: &Arc<Self>) -> Child {
        let indexer = self.clone();
        let step = move || {
            let indexer = indexer.clone();
            async move { indexer.step().await }
        };
        Child::repeating("indexer", "the search index falls behind", Duration::ZERO, step)
    }

    /// Leaves the index to another node, for a process that goes away.
    pub async fn close(&self) {
        if let Err(error) = self.progress.lock().await.charge.give_back().await {
            tracing::warn!(error.chain = %error, "the search index waits until this node's turn is over");
        }
    }

    /// Throws the index away and fills it anew.
    pub async fn rebuild(&self) -> Result<Counted, IndexerError> {
        let mut progress = self.progress.lock().await;
        if !progress.charge.is_mine().await? {
            return Err(IndexerError::NotInCharge);
        }
        self.index.clear().await?;
        self.look_through(&mut progress).await
    }

    /// Looks through everything once, without a pause.
    pub async fn sweep(&self) -> Result<Counted, IndexerError> {
        let mut progress = self.progress.lock().await;
        if !progress.charge.is_mine().await? {
            return Err(IndexerError::NotInCharge);
        }
        self.look_through(&mut progress).await
    }

    async fn look_through(&self, progress: &mut Progress) -> Result<Counted, IndexerError> {
        progress.sweep.begin();
        while !progress.sweep.is_over() {
            progress.sweep.slice(self).await?;
            progress.charge.is_mine().await?;
        }
        Ok(progress.sweep.counted())
    }

    /// One round: what has changed, and a slice of everything when that is due.
    async fn step(&self) -> Result<(), IndexerError> {
        let mut progress = self.progress.lock().await;
        let progress = &mut *progress;
        let outcome = self.round(progress).await;
        if outcome.is_err() {
            self.metrics.search_changes.of("failed").inc();
            sleep(RETRY_AFTER).await;
        }
        outcome
    }

    async fn round(&self, progress: &mut Progress) -> Result<(), IndexerError> {
        let pause = if progress.sweep.is_over() { LISTEN } else { PAUSE };
        let changed = timeout(pause, self.versions.take_changed()).await;
        if changed.is_ok() {
            sleep(GATHER).await;
        }
        progress.hear(changed.ok());
        if !progress.charge.is_mine().await? {
            progress.wait_for_charge();
            return Ok(());
        }
        while !progress.waiting.is_empty() {
            let slice: Vec<VideoId> = progress.waiting.iter().take(SLICE_LEN).cloned().collect();
            self.reconcile(&slice).await?;
            progress.waiting.retain(|video| !slice.contains(video));
        }
        progress.sweep.begin_if_due(self.clock.now());
        if !progress.sweep.is_over() {
            progress.sweep.slice(self).await?;
        }
        Ok(())
    }

    /// Makes what the index holds of these videos what it should hold.
    async fn reconcile(&self, videos: &[VideoId]) -> Result<usize, IndexerError> {
        let mut marks = self.index.marks_of(videos.to_vec()).await?;
        let mut changes = Vec::new();
        for (video, document) in self.truth.of(videos).await? {
            let mark = marks.remove(&video);
            changes.extend(state::change(self.clock.now(), video, mark, document));
        }
        self.apply(changes).await
    }

    async fn apply(&self, changes: Vec<Change>) -> Result<usize, IndexerError> {
        if changes.is_empty() {
            return Ok(0);
        }
        let all = changes.len();
        let put = changes.iter().filter(|change| change.document.is_some()).count();
        self.index.apply(changes).await?;
        self.metrics.search_changes.of("put").inc_by(put as u64);
        self.metrics.search_changes.of("removed").inc_by((all - put) as u64);
        Ok(all)
    }
}

impl Progress {
    fn hear(&mut self, changed: Option<Written>) {
        match changed {
            None => {}
            // Names of other tables' partitions among them are no videos and will not be found.
            Some(Written::Some(names)) => {
                self.waiting.extend(names.iter().filter_map(|name| name.parse::<VideoId>().ok()));
            }
            Some(Written::Everything) => self.sweep.ask(),
        }
        if self.waiting.len() > WAITING_LEN_MAX {
            self.waiting.clear();
            self.sweep.ask();
        }
    }

    /// Another node looks after the index; what it has not heard of when it goes, nobody knows.
    fn wait_for_charge(&mut self) {
        self.waiting.clear();
        self.sweep.ask();
    }
}
