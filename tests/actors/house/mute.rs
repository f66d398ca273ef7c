//! A bus on which one node can be heard no more, though it hears the others. The bus inside is the real one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use playhouse::backends::bus::{
    Bus, BusCounts, BusError, BusResult, Dispatch, Enqueued, Lease, Limit, SharedBus, Subscription, Taken,
    Verdict,
};

pub struct Mute {
    bus: SharedBus,
    is_mute: AtomicBool,
}

impl Mute {
    pub fn around(bus: SharedBus) -> Arc<Self> {
        Arc::new(Self { bus, is_mute: AtomicBool::new(false) })
    }

    pub fn set(&self, is_mute: bool) {
        self.is_mute.store(is_mute, Ordering::SeqCst);
    }
}

impl Bus for Mute {
    fn publish<'a>(&'a self, topic: &'a str, event: Bytes) -> BoxFuture<'a, BusResult<()>> {
        match self.is_mute.load(Ordering::SeqCst) {
            true => Box::pin(async { Err(BusError::Unavailable("nobody hears it".into())) }),
            false => self.bus.publish(topic, event),
        }
    }

    fn subscribe<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, BusResult<Subscription>> {
        self.bus.subscribe(topic)
    }

    fn acquire<'a>(
        &'a self,
        name: &'a str,
        owner: &'a str,
        hold: Duration,
    ) -> BoxFuture<'a, BusResult<Option<Lease>>> {
        self.bus.acquire(name, owner, hold)
    }

    fn renew<'a>(&'a self, lease: &'a Lease, hold: Duration) -> BoxFuture<'a, BusResult<Option<Lease>>> {
        self.bus.renew(lease, hold)
    }

    fn release<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, BusResult<()>> {
        self.bus.release(lease)
    }

    fn check<'a>(&'a self, key: &'a str, limit: Limit) -> BoxFuture<'a, BusResult<Verdict>> {
        self.bus.check(key, limit)
    }

    fn enqueue<'a>(&'a self, job: Dispatch) -> BoxFuture<'a, BusResult<Enqueued>> {
        self.bus.enqueue(job)
    }

    fn take<'a>(
        &'a self,
        queue: &'a str,
        owner: &'a str,
        hold: Duration,
        wait: Duration,
    ) -> BoxFuture<'a, BusResult<Option<Taken>>> {
        self.bus.take(queue, owner, hold, wait)
    }

    fn renew_job<'a>(&'a self, job: &'a Taken, hold: Duration) -> BoxFuture<'a, BusResult<bool>> {
        self.bus.renew_job(job, hold)
    }

    fn finish<'a>(&'a self, job: &'a Taken) -> BoxFuture<'a, BusResult<bool>> {
        self.bus.finish(job)
    }

    fn give_back<'a>(&'a self, job: &'a Taken) -> BoxFuture<'a, BusResult<bool>> {
        self.bus.give_back(job)
    }

    fn cancel<'a>(&'a self, queue: &'a str, id: &'a str) -> BoxFuture<'a, BusResult<()>> {
        self.bus.cancel(queue, id)
    }

    fn canaries(&self) -> Vec<String> {
        self.bus.canaries()
    }

    fn counts(&self) -> BusCounts {
        self.bus.counts()
    }
}
