//! Who listens to what. A topic exists while somebody does.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use dashmap::DashMap;

use super::{BusCounts, Subscription, subscription::Inbox};

#[derive(Default)]
pub(super) struct Topics {
    audiences: DashMap<String, Vec<Arc<Inbox>>>,
    published: AtomicU64,
    dropped: AtomicU64,
}

impl Topics {
    pub(super) fn publish(&self, topic: &str, event: &Bytes) {
        self.published();
        self.deliver(topic, event);
    }

    /// Counts an event that was published elsewhere than here.
    pub(super) fn published(&self) {
        self.published.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn deliver(&self, topic: &str, event: &Bytes) {
        let Some(audience) = self.audiences.get(topic) else { return };
        let dropped: u64 = audience.iter().map(|inbox| inbox.push(event.clone())).sum();
        self.dropped.fetch_add(dropped, Ordering::Relaxed);
    }

    /// Tells subscribers that events may be lost; nobody knows how many.
    pub(super) fn miss(&self, concerns: impl Fn(&str) -> bool) {
        for audience in self.audiences.iter().filter(|audience| concerns(audience.key())) {
            audience.iter().for_each(|inbox| inbox.miss());
        }
    }

    pub(super) fn subscribe(self: &Arc<Self>, topic: &str) -> Subscription {
        let inbox = Arc::new(Inbox::default());
        self.audiences.entry(topic.to_string()).or_default().push(inbox.clone());
        let (topics, topic, own) = (self.clone(), topic.to_string(), inbox.clone());
        Subscription::new(inbox, move || topics.leave(&topic, &own))
    }

    fn leave(&self, topic: &str, inbox: &Arc<Inbox>) {
        if let Some(mut audience) = self.audiences.get_mut(topic) {
            audience.retain(|other| !Arc::ptr_eq(other, inbox));
        }
        self.audiences.remove_if(topic, |_, audience| audience.is_empty());
    }

    pub(super) fn counts(&self) -> BusCounts {
        BusCounts {
            published: self.published.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            ..BusCounts::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_forgotten_with_its_last_subscriber() {
        let topics = Arc::new(Topics::default());
        let (first, second) = (topics.subscribe("t"), topics.subscribe("t"));
        drop(first);
        assert_eq!(topics.audiences.len(), 1);
        drop(second);
        assert!(topics.audiences.is_empty());
        topics.publish("t", &Bytes::new());
        assert!(topics.audiences.is_empty());
    }
}
