//! What every store engine must do, said once and run against each of them through the public contract.
#![cfg(test)]

mod killed_child;
mod store_embedded;
mod store_suite;

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use playhouse::{
    backends::store::{self, OpenError, Settings, StoreError},
    domain::clock::{ManualClock, SharedClock, SystemClock, Timestamp},
};
use store_embedded::{failure, kill};
use store_suite::{Bed, Single, bed::Time, every_case};

/// A clock that the test moves.
struct Manual(Arc<ManualClock>);

impl Time for Manual {
    fn clock(&self) -> SharedClock {
        self.0.clone()
    }

    fn hour(&self) -> Duration {
        Duration::from_secs(3_600)
    }

    fn pass(&self, duration: Duration) -> BoxFuture<'_, ()> {
        self.0.advance(duration);
        Box::pin(std::future::ready(()))
    }
}

/// A store in its own directory.
async fn bed(uri: &str) -> Bed {
    let clock = Arc::new(ManualClock::at(Timestamp(1_700_000_000_000)));
    Bed::of(uri, Arc::new(Manual(clock)), 15 << 20).await
}

macro_rules! conformance {
    ($engine:ident at $uri:literal: $($suite:ident { $($case:ident),+ $(,)? })+) => {
        mod $engine {
            use super::*;
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    store_suite::$suite::$case(bed($uri).await).await;
                }
            )+)+

            #[tokio::test]
            async fn a_dropped_store_frees_its_directory() {
                frees_its_directory_when_dropped($uri).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn acknowledged_writes_survive_kill_9_and_no_half_write_does() {
                kill::acknowledged_writes_survive_kill_9_and_no_half_write_does($uri).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn a_disk_that_takes_no_more_poisons_and_what_was_acknowledged_stays() {
                failure::a_disk_that_takes_no_more_poisons_and_what_was_acknowledged_stays($uri).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn a_write_that_cannot_be_served_in_time_is_refused() {
                failure::a_write_that_cannot_be_served_in_time_is_refused($uri).await;
            }
        }
    };
}

macro_rules! every_engine {
    ($($suite:tt)+) => {
        conformance!(fjall at "embedded:": $($suite)+);
        conformance!(redb at "embedded+redb:": $($suite)+);
    };
}

every_case!(every_engine);

async fn frees_its_directory_when_dropped(uri: &str) {
    let Bed { store, dir, time, .. } = bed(uri).await;
    store.put(Single { name: "n".into(), count: 7 }).await.unwrap();
    drop(store);
    let again = store::open(uri, dir.path(), time.clock()).await.unwrap();
    assert_eq!(again.get::<Single>(("n".into(),), ()).await.unwrap().map(|row| row.count), Some(7));
}

#[tokio::test]
#[ignore = "the child process of the kill -9 tests"]
async fn child_that_writes_until_it_is_killed() {
    kill::child().await;
}

#[tokio::test]
#[ignore = "the child process of the full disk tests"]
async fn child_that_fills_its_disk() {
    failure::child().await;
}

#[tokio::test]
async fn schemes_that_cannot_be_opened_say_why() {
    let dir = tempfile::tempdir().unwrap();
    let open = async |uri: &str| store::open(uri, dir.path(), Arc::new(SystemClock)).await.map(drop);
    let refusal = async |uri: &str| open(uri).await.unwrap_err().to_string();
    assert!(refusal("scylla://a,b").await.contains("names no keyspace"));
    assert!(refusal("scylla://a/Play").await.contains("a keyspace is a lower-case letter"));
    assert!(refusal("mysql://a").await.contains("`mysql:` is not known"));
    let away = refusal("scylla://127.0.0.1:1/playhouse").await;
    assert!(away.contains("127.0.0.1:1 do not answer; start them, or set backends.store"), "{away}");
    let first = store::open("embedded:", dir.path(), Arc::new(SystemClock)).await.unwrap();
    assert!(matches!(open("embedded:").await, Err(OpenError::Locked(_))));
    drop(first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_started_on_an_empty_directory_is_observed_when_it_commits() {
    let dir = tempfile::tempdir().unwrap();
    let (tx, rx) = std::sync::mpsc::channel();
    let observer = Arc::new(move |latency: Duration, rows| tx.send((latency, rows)).unwrap());
    let settings = Settings { observer, ..Settings::default() };
    let store = store::open_with("embedded:", dir.path(), Arc::new(SystemClock), settings).await.unwrap();
    store.probe().await.unwrap();
    assert_eq!(rx.recv().unwrap().1, 1);
    store.close().await.unwrap();
    assert!(matches!(store.probe().await, Err(StoreError::Unavailable(_))));
}
