//! A subscriber's inbox: bounded, oldest events dropped first, and the gap told in its place.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tokio::sync::Notify;

/// What a subscriber gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    Event(Bytes),
    /// So many events are lost to this subscriber: it must look at the truth again. A time during which the bus was
    /// away counts as one, as nobody knows how many there were.
    Missed(u64),
}

/// Events that wait for a subscriber.
pub const INBOX_LEN_MAX: usize = 1_024;
const INBOX_BYTES_MAX: usize = 4 << 20;

#[derive(Default)]
pub(super) struct Inbox {
    contents: Mutex<Contents>,
    changed: Notify,
}

#[derive(Default)]
struct Contents {
    events: VecDeque<Bytes>,
    bytes: usize,
    missed: u64,
}

impl Inbox {
    /// How many events had to go for this one.
    pub(super) fn push(&self, event: Bytes) -> u64 {
        let mut contents = self.contents();
        contents.bytes += event.len();
        contents.events.push_back(event);
        let mut dropped = 0;
        while contents.events.len() > INBOX_LEN_MAX || contents.bytes > INBOX_BYTES_MAX {
            let Some(oldest) = contents.events.pop_front() else { break };
            contents.bytes -= oldest.len();
            dropped += 1;
        }
        contents.missed += dropped;
        drop(contents);
        self.changed.notify_one();
        dropped
    }

    pub(super) fn miss(&self) {
        self.contents().missed += 1;
        self.changed.notify_one();
    }

    fn take(&self) -> Option<Delivery> {
        let mut contents = self.contents();
        if contents.missed > 0 {
            return Some(Delivery::Missed(std::mem::take(&mut contents.missed)));
        }
        let event = contents.events.pop_front()?;
        contents.bytes -= event.len();
        Some(Delivery::Event(event))
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in a topic's audience, given up when dropped.
pub struct Subscription {
    inbox: Arc<Inbox>,
    leave: Option<Box<dyn FnOnce() + Send + Sync>>,
}

impl Subscription {
    pub(super) fn new(inbox: Arc<Inbox>, leave: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self { inbox, leave: Some(Box::new(leave)) }
    }

    /// The next delivery, whenever it comes. May be cancelled without losing one.
    pub async fn next(&mut self) -> Delivery {
        loop {
            if let Some(delivery) = self.inbox.take() {
                return delivery;
            }
            self.inbox.changed.notified().await;
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(leave) = self.leave.take() {
            leave();
        }
    }
}
