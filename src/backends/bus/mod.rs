//! What nodes tell each other and agree on: events by topic, leases, rate limits, and which worker does a job.
//! One contract, in memory for a single process now and on Redis later. Nothing here is the truth: events may
//! be missed (and then the subscriber is told), jobs are rows that a sweeper enqueues again.

mod memory;
mod subscription;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::BoxFuture;

pub use self::subscription::{Delivery, Subscription};
use super::location::Location;
use crate::domain::clock::{SharedClock, Timestamp};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    #[error("the bus is not available: {0}")]
    Unavailable(String),
}

pub type BusResult<T> = Result<T, BusError>;

/// The right to act for a name until a moment. `fence` is greater than that of every earlier holder, so what is
/// written with it can be told from what an earlier holder writes late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub name: String,
    pub owner: String,
    pub fence: u64,
    pub expires_at: Timestamp,
}

/// So many in a period at an even pace, and up to `burst` of them at once. Both are at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    pub count: u32,
    pub period: Duration,
    pub burst: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Allowed,
    RetryAfter(Duration),
}

/// A job that waits for a worker. Its id is that of the row that says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispatch {
    pub queue: String,
    pub id: String,
    /// Greater comes first; among equals, who was enqueued first.
    pub priority: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enqueued {
    Now,
    /// It waits or is worked on already.
    Before,
}

/// A job in a worker's hands, until its lease is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    pub queue: String,
    pub id: String,
    pub owner: String,
    pub fence: u64,
    /// 1 for the first time. Counted by the bus since it was enqueued.
    pub attempt: u32,
}

/// What a bus has done so far, for the metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BusCounts {
    pub published: u64,
    /// Events that a subscriber did not get because it was too slow.
    pub dropped: u64,
}

/// The contract of a bus. Delivery is at most once and in the order of publishing per publisher and topic; a
/// subscriber that missed something is told how much before it gets what follows.
pub trait Bus: Send + Sync + 'static {
    fn publish<'a>(&'a self, topic: &'a str, event: Bytes) -> BoxFuture<'a, BusResult<()>>;

    /// Everything published to the topic after this returns.
    fn subscribe<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, BusResult<Subscription>>;

    /// `None` while somebody holds it, the owner itself included.
    fn acquire<'a>(
        &'a self,
        name: &'a str,
        owner: &'a str,
        hold: Duration,
    ) -> BoxFuture<'a, BusResult<Option<Lease>>>;

    /// The lease with its new end; `None` if it is over or was lost.
    fn renew<'a>(&'a self, lease: &'a Lease, hold: Duration) -> BoxFuture<'a, BusResult<Option<Lease>>>;

    /// Without effect if the lease is no longer held.
    fn release<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, BusResult<()>>;

    /// Counts one for the key if that is allowed now (GCRA, ITU-T I.371). What is refused does not count.
    fn check<'a>(&'a self, key: &'a str, limit: Limit) -> BoxFuture<'a, BusResult<Verdict>>;

    fn enqueue<'a>(&'a self, job: Dispatch) -> BoxFuture<'a, BusResult<Enqueued>>;

    /// The next job of the queue, waiting for one at most so long. A job whose worker let its lease end is
    /// given out again.
    fn take<'a>(
        &'a self,
        queue: &'a str,
        owner: &'a str,
        hold: Duration,
        wait: Duration,
    ) -> BoxFuture<'a, BusResult<Option<Taken>>>;

    /// `false` if the job was given to somebody else or is finished: then this worker must stop.
    fn renew_job<'a>(&'a self, job: &'a Taken, hold: Duration) -> BoxFuture<'a, BusResult<bool>>;

    /// Forgets the job. `false`, and nothing done, if it is no longer this worker's.
    fn finish<'a>(&'a self, job: &'a Taken) -> BoxFuture<'a, BusResult<bool>>;

    /// Puts the job back for another worker at once. `false` as for [`Bus::finish`].
    fn give_back<'a>(&'a self, job: &'a Taken) -> BoxFuture<'a, BusResult<bool>>;

    /// Takes a job out of its queue, or from under its worker, who learns it at its next renewal.
    fn cancel<'a>(&'a self, queue: &'a str, id: &'a str) -> BoxFuture<'a, BusResult<()>>;

    fn counts(&self) -> BusCounts;
}

pub type SharedBus = Arc<dyn Bus>;

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("bus `{scheme}:` is not known; use `embedded:`")]
    UnknownScheme { scheme: String },
    #[error("bus `{scheme}:` is planned but not built yet; use `embedded:`")]
    NotBuilt { scheme: String },
}

/// Opens the bus a URI names.
pub fn open(uri: &str, clock: SharedClock) -> Result<SharedBus, OpenError> {
    let scheme = Location::of(uri).scheme;
    match scheme {
        "embedded" => Ok(Arc::new(memory::Memory::new(clock))),
        "redis" | "redis+cluster" | "redis+sentinel" => Err(OpenError::NotBuilt { scheme: scheme.into() }),
        _ => Err(OpenError::UnknownScheme { scheme: scheme.into() }),
    }
}

/// Publishes an event and sees it arrive: what `/health/ready` asks, since a bus that only takes is dead.
pub async fn probe(bus: &SharedBus) -> BusResult<()> {
    const ARRIVAL_MAX: Duration = Duration::from_secs(2);
    let topic = format!("health.{:016x}", rand::random::<u64>());
    let mut subscription = bus.subscribe(&topic).await?;
    bus.publish(&topic, Bytes::from_static(b"probe")).await?;
    match tokio::time::timeout(ARRIVAL_MAX, subscription.next()).await {
        Ok(Delivery::Event(_)) => Ok(()),
        _ => Err(BusError::Unavailable("an event that was published did not arrive".into())),
    }
}
