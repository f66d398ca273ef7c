//! The bus of a single process. Everything is lost with the process, as everyone who cared is.

mod jobs;
mod leases;

use std::{
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::{BoxFuture, ready};
use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

use self::{jobs::Jobs, leases::Leases};
use super::{
    Bus, BusCounts, BusResult, Dispatch, Enqueued, Lease, Limit, Subscription, Taken, Verdict, canary,
    limits::Limits, topics::Topics,
};
use crate::domain::clock::{SharedClock, Timestamp};

/// How often a waiting worker looks for jobs whose lease has ended.
const REAP_EVERY: Duration = Duration::from_secs(1);

pub(super) struct Memory {
    clock: SharedClock,
    fences: Fences,
    topics: Arc<Topics>,
    leases: Mutex<Leases>,
    limits: Mutex<Limits>,
    jobs: Mutex<Jobs>,
    jobs_changed: Notify,
}

/// Rising numbers. They begin at the time in milliseconds, so that they rise over restarts too.
#[derive(Default)]
struct Fences(AtomicU64);

impl Fences {
    fn next(&self, now: Timestamp) -> u64 {
        let floor = u64::try_from(now.0).unwrap_or(0);
        self.0.fetch_max(floor, Ordering::Relaxed);
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

impl Memory {
    pub(super) fn new(clock: SharedClock) -> Self {
        Self {
            clock,
            fences: Fences::default(),
            topics: Arc::default(),
            leases: Mutex::default(),
            limits: Mutex::default(),
            jobs: Mutex::default(),
            jobs_changed: Notify::new(),
        }
    }

    async fn take(&self, queue: &str, owner: &str, hold: Duration, wait: Duration) -> Option<Taken> {
        let until = Instant::now() + wait;
        loop {
            let mut changed = pin!(self.jobs_changed.notified());
            // Listens from here on, so that nothing enqueued after the look below is slept through.
            changed.as_mut().enable();
            let now = self.clock.now();
            let taken = locked(&self.jobs).take(queue, owner, now.plus(hold), now, &self.fences);
            if taken.is_some() || Instant::now() >= until {
                return taken;
            }
            // Whether told or timed out, look again.
            drop(timeout_at(until.min(Instant::now() + REAP_EVERY), changed).await);
        }
    }
}

fn locked<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn done<'a, T: Send + 'a>(answer: T) -> BoxFuture<'a, BusResult<T>> {
    Box::pin(ready(Ok(answer)))
}

impl Bus for Memory {
    fn publish<'a>(&'a self, topic: &'a str, event: Bytes) -> BoxFuture<'a, BusResult<()>> {
        self.topics.publish(topic, &event);
        done(())
    }

    fn subscribe<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, BusResult<Subscription>> {
        done(self.topics.subscribe(topic))
    }

    fn acquire<'a>(
        &'a self,
        name: &'a str,
        owner: &'a str,
        hold: Duration,
    ) -> BoxFuture<'a, BusResult<Option<Lease>>> {
        let now = self.clock.now();
        done(locked(&self.leases).acquire(name, owner, now.plus(hold), now, &self.fences))
    }

    fn renew<'a>(&'a self, lease: &'a Lease, hold: Duration) -> BoxFuture<'a, BusResult<Option<Lease>>> {
        let now = self.clock.now();
        done(locked(&self.leases).renew(lease, now.plus(hold), now))
    }

    fn release<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, BusResult<()>> {
        locked(&self.leases).release(lease);
        done(())
    }

    fn check<'a>(&'a self, key: &'a str, limit: Limit) -> BoxFuture<'a, BusResult<Verdict>> {
        done(locked(&self.limits).check(key, limit, self.clock.now()))
    }

    fn enqueue<'a>(&'a self, job: Dispatch) -> BoxFuture<'a, BusResult<Enqueued>> {
        let answer = locked(&self.jobs).enqueue(job);
        self.jobs_changed.notify_waiters();
        done(answer)
    }

    fn take<'a>(
        &'a self,
        queue: &'a str,
        owner: &'a str,
        hold: Duration,
        wait: Duration,
    ) -> BoxFuture<'a, BusResult<Option<Taken>>> {
        Box::pin(async move { Ok(self.take(queue, owner, hold, wait).await) })
    }

    fn renew_job<'a>(&'a self, job: &'a Taken, hold: Duration) -> BoxFuture<'a, BusResult<bool>> {
        done(locked(&self.jobs).renew(job, self.clock.now().plus(hold)))
    }

    fn finish<'a>(&'a self, job: &'a Taken) -> BoxFuture<'a, BusResult<bool>> {
        done(locked(&self.jobs).finish(job))
    }

    fn give_back<'a>(&'a self, job: &'a Taken) -> BoxFuture<'a, BusResult<bool>> {
        let answer = locked(&self.jobs).give_back(job);
        self.jobs_changed.notify_waiters();
        done(answer)
    }

    fn cancel<'a>(&'a self, queue: &'a str, id: &'a str) -> BoxFuture<'a, BusResult<()>> {
        locked(&self.jobs).cancel(queue, id);
        done(())
    }

    fn canaries(&self) -> Vec<String> {
        vec![canary(rand::random())]
    }

    fn counts(&self) -> BusCounts {
        self.topics.counts()
    }
}
