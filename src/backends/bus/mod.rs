//! What nodes tell each other and agree on: events by topic, leases, rate limits, and which worker does a job.
//! One contract, in memory for a single process and on Redis for many. Nothing here is the truth: events may
//! be missed (and then the subscriber is told), jobs are rows that a sweeper enqueues again.

mod limits;
mod memory;
mod redis;
mod subscription;
mod topics;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::{BoxFuture, try_join_all};

pub use self::redis::RedisError;
pub use self::subscription::{Delivery, INBOX_LEN_MAX, Subscription};
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

impl Limit {
    /// Between two at an even pace.
    fn interval_ns(&self) -> i64 {
        let interval = self.period / self.count.max(1);
        i64::try_from(interval.as_nanos()).unwrap_or(i64::MAX).max(1)
    }

    /// How far ahead of the even pace somebody may be.
    fn tolerance_ns(&self) -> i64 {
        self.interval_ns().saturating_mul(i64::from(self.burst.max(1)))
    }
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
    /// How often a connection to the bus was lost.
    pub disconnections: u64,
    /// Rate limits that were decided by what this node knew.
    pub limits_here: u64,
    /// Rate limits that the distant bus was asked for.
    pub limits_asked: u64,
    /// Rate limits that this node counted alone, because the distant bus was away or too busy.
    pub limits_alone: u64,
}

/// The contract of a bus. Delivery is at most once and in the order of publishing per publisher and topic; a
/// subscriber that missed something is told how much before it gets what follows.
pub trait Bus: Send + Sync + 'static {
    fn publish<'a>(&'a self, topic: &'a str, event: Bytes) -> BoxFuture<'a, BusResult<()>>;

    /// Everything published to the topic after this returns. What was published just before may come too.
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

    /// Counts one for the key if that is allowed now (GCRA, ITU-T I.371). What is refused does not count. Where the score
    /// is kept on a distant bus, a node may let a little through before it asks, and counts alone while that is away.
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

    /// Topics nobody else uses, whose events together pass through every part of the bus.
    fn canaries(&self) -> Vec<String>;

    fn counts(&self) -> BusCounts;
}

pub type SharedBus = Arc<dyn Bus>;

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("bus `{scheme}:` is not known; use `embedded:`, `redis:`, `redis+cluster:` or `redis+sentinel:`")]
    UnknownScheme { scheme: String },
    #[error(transparent)]
    Redis(#[from] RedisError),
}

/// What a bus needs besides its URI.
pub struct Settings {
    pub clock: SharedClock,
    /// How long one call may take.
    pub deadline: Duration,
    pub time: TimeOf,
}

/// Whose time leases, limits and jobs on a distant bus go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeOf {
    /// Its own, so that all nodes agree.
    Server,
    /// The clock's that was given: for tests, which move it.
    Clock,
}

/// Opens the bus a URI names. A distant one must be there.
pub async fn open(uri: &str, settings: Settings) -> Result<SharedBus, OpenError> {
    let Location { scheme, rest } = Location::of(uri);
    match scheme {
        "embedded" => Ok(embedded(settings.clock)),
        "redis" | "redis+cluster" | "redis+sentinel" => {
            Ok(Arc::new(self::redis::Redis::open(scheme, rest, settings).await?))
        }
        _ => Err(OpenError::UnknownScheme { scheme: scheme.into() }),
    }
}

/// The bus of a single process.
pub fn embedded(clock: SharedClock) -> SharedBus {
    Arc::new(memory::Memory::new(clock))
}

/// Publishes events and sees them arrive: what `/health/ready` asks, since a bus that only takes is dead.
pub async fn probe(bus: &SharedBus) -> BusResult<()> {
    // Orchestrators often wait for a second only.
    const ARRIVAL_MAX: Duration = Duration::from_millis(800);
    let topics = bus.canaries();
    let one = async |topic: &String| {
        let mut subscription = bus.subscribe(topic).await?;
        bus.publish(topic, Bytes::from_static(b"probe")).await?;
        match subscription.next().await {
            Delivery::Event(_) => Ok(()),
            Delivery::Missed(_) => Err(BusError::Unavailable("the connection was just lost".into())),
        }
    };
    let all = try_join_all(topics.iter().map(one));
    let late = BusError::Unavailable("an event that was published did not arrive".into());
    tokio::time::timeout(ARRIVAL_MAX, all).await.unwrap_or(Err(late)).map(drop)
}

fn canary(number: u64) -> String {
    format!("health.{number:016x}")
}
