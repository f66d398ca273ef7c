//! Keeps the versions of several nodes together: what was written here is told to the others over the bus, and what
//! they tell is counted here. Who may have missed something supposes that everything was written.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::{task::JoinHandle, time::sleep};
use tracing::warn;

use super::{
    bus::{Delivery, SharedBus, Subscription},
    store::{Versions, Written},
};
use crate::telemetry::{Metrics, tasks};

const TOPIC: &str = "versions";
/// Before others are told again, when the bus did not take it.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Goes on until it is dropped.
pub struct Invalidations(JoinHandle<()>);

impl Drop for Invalidations {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[derive(Serialize, Deserialize)]
struct News {
    /// The process that has written, which need not hear of it.
    from: u64,
    /// `None`: everything.
    written: Option<Vec<String>>,
}

impl Invalidations {
    /// From when this returns, writes of other nodes are heard of.
    pub async fn start(versions: Arc<Versions>, bus: SharedBus, metrics: Arc<Metrics>) -> Self {
        let from = rand::random();
        let heard = bus.subscribe(TOPIC).await;
        Self(tasks::spawn("invalidations", async move {
            match heard {
                Ok(heard) => {
                    tokio::join!(
                        tell(&versions, &bus, from, &metrics),
                        heed(&versions, heard, from, &metrics)
                    );
                }
                Err(error) => warn!(error.chain = %error, "writes of other nodes will be seen late"),
            }
        }))
    }
}

async fn tell(versions: &Versions, bus: &SharedBus, from: u64, metrics: &Metrics) {
    loop {
        let written = match versions.take_written().await {
            Written::Some(names) => Some(names.into_iter().collect()),
            Written::Everything => None,
        };
        let told = written.as_ref().map_or(1, |names: &Vec<String>| names.len());
        let news = rmp_serde::to_vec(&News { from, written }).expect("plain data");
        match bus.publish(TOPIC, news.into()).await {
            Ok(()) => {
                metrics.invalidations.of("told").inc_by(told as u64);
            }
            Err(_) => {
                sleep(RETRY_AFTER).await;
                versions.untold();
            }
        }
    }
}

async fn heed(versions: &Versions, mut heard: Subscription, from: u64, metrics: &Metrics) {
    loop {
        let written = match heard.next().await {
            Delivery::Missed(_) => None,
            Delivery::Event(event) => match read(&event) {
                Some(news) if news.from == from => continue,
                Some(news) => news.written,
                None => None,
            },
        };
        match written {
            Some(names) => {
                names.iter().for_each(|name| versions.written_elsewhere(name));
                metrics.invalidations.of("heard").inc_by(names.len() as u64);
            }
            None => {
                versions.all_written_elsewhere();
                metrics.invalidations.of("all").inc();
            }
        }
    }
}

/// `None` where a newer build says what this one does not understand.
fn read(event: &Bytes) -> Option<News> {
    rmp_serde::from_slice(event).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        backends::{
            bus,
            store::{self, Record, Watched, tables::feed::FeedBucket},
        },
        domain::clock::ManualClock,
    };

    const PATIENCE: Duration = Duration::from_secs(10);

    async fn until(is_so: impl Fn() -> bool) {
        let wait = async {
            while !is_so() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("it was heard of");
    }

    #[tokio::test]
    async fn a_write_of_one_node_is_counted_on_the_other_and_not_twice_on_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::default());
        let bus = bus::embedded(clock.clone());
        let (one, other) =
            (Versions::of_tables(&[FeedBucket::TABLE]), Versions::of_tables(&[FeedBucket::TABLE]));
        let metrics = Metrics::new();
        let _running = [
            Invalidations::start(one.clone(), bus.clone(), metrics.clone()).await,
            Invalidations::start(other.clone(), bus.clone(), metrics.clone()).await,
        ];
        let store = store::open("embedded:", folder.path(), clock).await.unwrap();
        let store = store.decorated(|inner| Arc::new(Watched { inner, versions: one.clone() }));
        store.put(FeedBucket { feed: "a".into(), bucket: 1 }).await.unwrap();
        assert_eq!(one.of("a"), 1);
        until(|| other.of("a") == 1).await;
        bus.publish(TOPIC, Bytes::from_static(b"from the future")).await.unwrap();
        // What is not understood may be anything; and it comes after what was said before.
        until(|| other.of("a") == 2 && one.of("a") == 2).await;
        store.close().await.unwrap();
    }
}
