//! The bus of many processes, on Redis 7: alone, behind Sentinel or as a cluster. Events go over sharded pub/sub, leases,
//! limits and jobs are Lua. Whatever happens to Redis, a call returns within its deadline; subscriptions stay and are told
//! what they may have missed.

mod address;
mod events;
mod jobs;
mod leases;
mod node;
mod nodes;
mod rates;
mod script;
mod slots;
mod tier;
mod topology;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::{BoxFuture, ready};
use redis::{FromRedisValue, Value, cmd};
use tokio::sync::{Notify, Semaphore};

use self::{
    address::{Address, AddressError},
    events::{Events, sealed},
    node::Surroundings,
    nodes::{Nodes, StartError},
    rates::CHECKS_AT_ONCE_MAX,
    script::Script,
    slots::channel_of,
    tier::Tier,
};
use super::{
    Bus, BusCounts, BusError, BusResult, Dispatch, Enqueued, Lease, Limit, Settings, Subscription, Taken,
    TimeOf, Verdict, canary,
};
use crate::domain::clock::{SharedClock, Timestamp};

/// How long a fence outlives its lease.
const FENCE_KEEP: Duration = Duration::from_secs(3_600);

#[derive(Debug, thiserror::Error)]
pub enum RedisError {
    #[error("the URI is not right: {0}")]
    Address(#[from] AddressError),
    #[error("redis cannot be reached: {0}")]
    Start(String),
}

impl From<StartError> for RedisError {
    fn from(error: StartError) -> Self {
        Self::Start(error.to_string())
    }
}

pub(super) struct Redis {
    prefix: String,
    nodes: Nodes,
    events: Arc<Events>,
    clock: SharedClock,
    time: TimeOf,
    tier: Mutex<Tier>,
    checks: Semaphore,
    limits_here: AtomicU64,
    limits_asked: AtomicU64,
    limits_alone: AtomicU64,
}

impl Redis {
    pub(super) async fn open(scheme: &str, rest: &str, settings: Settings) -> Result<Self, RedisError> {
        let address = Address::of(scheme, rest)?;
        let prefix = address.prefix.clone();
        let events = Arc::new(Events::new(&prefix));
        let surroundings =
            Surroundings { events: events.clone(), deadline: settings.deadline, trouble: Notify::new() };
        Ok(Self {
            prefix,
            nodes: Nodes::start(address, surroundings).await?,
            events,
            clock: settings.clock,
            time: settings.time,
            tier: Mutex::default(),
            checks: Semaphore::new(CHECKS_AT_ONCE_MAX),
            limits_here: AtomicU64::new(0),
            limits_asked: AtomicU64::new(0),
            limits_alone: AtomicU64::new(0),
        })
    }

    async fn send(&self, topic: &str, event: &[u8]) -> BusResult<()> {
        let channel = self.events.channels.name(channel_of(topic));
        let mut publish = cmd("SPUBLISH");
        publish.arg(channel).arg(&sealed(topic, event)[..]);
        self.nodes.call(slots::slot(channel), &publish).await.map(drop)
    }

    /// What scripts get as the time: nothing where they are to take the server's.
    fn now_us(&self) -> String {
        match self.time {
            TimeOf::Server => String::new(),
            TimeOf::Clock => self.clock.now().0.saturating_mul(1_000).to_string(),
        }
    }

    async fn run<T: FromRedisValue>(
        &self,
        script: &Script,
        keys: &[&str],
        arguments: &[&str],
    ) -> BusResult<T> {
        read(self.nodes.run(script, keys, arguments).await?)
    }

    fn tier(&self) -> MutexGuard<'_, Tier> {
        self.tier.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read<T: FromRedisValue>(value: Value) -> BusResult<T> {
    T::from_redis_value(value)
        .map_err(|error| BusError::Unavailable(format!("redis gave a strange answer: {error}")))
}

fn us(duration: Duration) -> String {
    duration.as_micros().to_string()
}

/// A moment in microseconds, as scripts answer it.
fn moment(us: i64) -> Timestamp {
    Timestamp(us / 1_000)
}

impl Bus for Redis {
    fn publish<'a>(&'a self, topic: &'a str, event: Bytes) -> BoxFuture<'a, BusResult<()>> {
        Box::pin(async move {
            self.send(topic, &event).await?;
            self.events.topics.published();
            Ok(())
        })
    }

    /// Succeeds while Redis is away too: then the subscriber is told that it missed something once Redis is back.
    fn subscribe<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, BusResult<Subscription>> {
        Box::pin(ready(Ok(self.events.topics.subscribe(topic))))
    }

    fn acquire<'a>(
        &'a self,
        name: &'a str,
        owner: &'a str,
        hold: Duration,
    ) -> BoxFuture<'a, BusResult<Option<Lease>>> {
        Box::pin(self.lease(name, owner, hold))
    }

    fn renew<'a>(&'a self, lease: &'a Lease, hold: Duration) -> BoxFuture<'a, BusResult<Option<Lease>>> {
        Box::pin(self.renew_lease(lease, hold))
    }

    fn release<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, BusResult<()>> {
        Box::pin(self.release_lease(lease))
    }

    fn check<'a>(&'a self, key: &'a str, limit: Limit) -> BoxFuture<'a, BusResult<Verdict>> {
        Box::pin(async move { Ok(self.verdict(key, limit).await) })
    }

    fn enqueue<'a>(&'a self, job: Dispatch) -> BoxFuture<'a, BusResult<Enqueued>> {
        Box::pin(async move { self.enqueue_job(&job).await })
    }

    fn take<'a>(
        &'a self,
        queue: &'a str,
        owner: &'a str,
        hold: Duration,
        wait: Duration,
    ) -> BoxFuture<'a, BusResult<Option<Taken>>> {
        Box::pin(self.take_job(queue, owner, hold, wait))
    }

    fn renew_job<'a>(&'a self, job: &'a Taken, hold: Duration) -> BoxFuture<'a, BusResult<bool>> {
        Box::pin(self.renew_taken(job, hold))
    }

    fn finish<'a>(&'a self, job: &'a Taken) -> BoxFuture<'a, BusResult<bool>> {
        Box::pin(self.finish_job(job))
    }

    fn give_back<'a>(&'a self, job: &'a Taken) -> BoxFuture<'a, BusResult<bool>> {
        Box::pin(self.give_job_back(job))
    }

    fn cancel<'a>(&'a self, queue: &'a str, id: &'a str) -> BoxFuture<'a, BusResult<()>> {
        Box::pin(self.cancel_job(queue, id))
    }

    fn canaries(&self) -> Vec<String> {
        let random: u64 = rand::random();
        let of_channel = |channel| {
            (0..u64::MAX)
                .map(|step| canary(random.wrapping_add(step)))
                .find(|topic| channel_of(topic) == channel)
        };
        self.nodes.channels().into_iter().filter_map(of_channel).collect()
    }

    fn counts(&self) -> BusCounts {
        BusCounts {
            disconnections: self.events.disconnections(),
            limits_here: self.limits_here.load(Ordering::Relaxed),
            limits_asked: self.limits_asked.load(Ordering::Relaxed),
            limits_alone: self.limits_alone.load(Ordering::Relaxed),
            ..self.events.topics.counts()
        }
    }
}
