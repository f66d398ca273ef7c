//! What every store engine must do, said once and run against each of them through the public contract.
#![cfg(test)]

mod killed_child;
mod store_suite;

use std::{sync::Arc, time::Duration};

use playhouse::{
    backends::store::{self, OpenError, Settings, Store, StoreError},
    domain::clock::{ManualClock, SystemClock, Timestamp},
};
use store_suite::{conditions, expiry, failure, kill, order};

/// A store in its own directory, on a clock that the test moves.
pub struct Bed {
    pub store: Store,
    pub clock: Arc<ManualClock>,
    pub dir: tempfile::TempDir,
    pub uri: &'static str,
}

impl Bed {
    fn new(uri: &'static str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp(1_700_000_000_000)));
        let store = store::open(uri, dir.path(), clock.clone()).unwrap();
        Self { store, clock, dir, uri }
    }

    pub fn open_again(&self) -> Store {
        store::open(self.uri, self.dir.path(), self.clock.clone()).unwrap()
    }
}

macro_rules! conformance {
    ($engine:ident at $uri:literal: $($suite:ident { $($case:ident),+ $(,)? })+) => {
        mod $engine {
            use super::*;
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    $suite::$case(Bed::new($uri)).await;
                }
            )+)+

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

every_engine! {
    order {
        absence_is_none_and_a_put_row_is_read_back,
        rows_come_in_the_declared_order_of_every_column,
        a_descending_integer_column_orders_negative_numbers_too,
        ranges_hold_their_bounds_in_both_orders,
        cursors_walk_every_row_once_in_both_directions,
        partitions_with_similar_names_stay_apart,
        a_scan_of_nothing_is_an_empty_page,
    }
    conditions {
        of_many_inserts_at_once_exactly_one_wins,
        concurrent_updates_of_a_partition_all_count,
        a_change_is_applied_as_a_whole_with_its_statics,
        a_deleted_partition_is_gone_with_its_statics_and_no_other,
        an_empty_change_writes_nothing,
        an_update_of_a_single_row_sees_what_was_there,
        an_update_that_panics_fails_alone,
    }
    failure {
        keys_and_rows_beyond_the_limits_are_refused_and_harm_nothing,
    }
    expiry {
        a_row_is_absent_once_its_time_is_over,
        an_expired_row_is_no_obstacle_to_an_insert,
        statics_outlive_expired_rows,
        a_put_without_a_time_makes_a_row_permanent,
        a_closed_store_refuses_and_reopens_with_everything,
        a_dropped_store_frees_its_directory,
        a_probe_writes_and_reads,
    }
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
    let open =
        |uri: &str| store::open(uri, dir.path(), Arc::new(SystemClock)).err().map(|error| error.to_string());
    assert!(open("scylla://a,b/playhouse").is_some_and(|text| text.contains("not built yet")));
    assert!(open("mysql://a").is_some_and(|text| text.contains("`mysql:` is not known")));
    let first = store::open("embedded:", dir.path(), Arc::new(SystemClock)).unwrap();
    assert!(matches!(store::open("embedded:", dir.path(), Arc::new(SystemClock)), Err(OpenError::Locked(_))));
    drop(first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_started_on_an_empty_directory_is_observed_when_it_commits() {
    let dir = tempfile::tempdir().unwrap();
    let (tx, rx) = std::sync::mpsc::channel();
    let observer = Arc::new(move |latency: Duration, rows| tx.send((latency, rows)).unwrap());
    let settings = Settings { observer, ..Settings::default() };
    let store = store::open_with("embedded:", dir.path(), Arc::new(SystemClock), settings).unwrap();
    store.probe().await.unwrap();
    assert_eq!(rx.recv().unwrap().1, 1);
    store.close().await.unwrap();
    assert!(matches!(store.probe().await, Err(StoreError::Unavailable(_))));
}
