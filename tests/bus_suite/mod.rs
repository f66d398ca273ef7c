//! What every bus must do, said once and run against each engine through the public contract.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use playhouse::{
    backends::bus::{
        Delivery, Dispatch, Enqueued, INBOX_LEN_MAX, Limit, SharedBus, Subscription, Taken, Verdict,
    },
    domain::clock::{ManualClock, Timestamp},
};
use tokio::task::JoinSet;

const MINUTE: Duration = Duration::from_secs(60);
/// Long enough that reaching it means a failure.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A bus of its own, on a clock that the test moves.
pub struct Bed {
    pub bus: SharedBus,
    pub clock: Arc<ManualClock>,
    /// Whatever must live as long as the bus.
    pub _engine: Box<dyn std::any::Any + Send + Sync>,
}

pub fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(Timestamp(1_700_000_000_000)))
}

/// A test for each case. `$bed` makes a [`Bed`] from the case's name.
#[macro_export]
macro_rules! bus_conformance {
    ($engine:ident, $bed:path) => {
        $crate::bus_conformance!($engine, $bed:
            events_reach_every_subscriber_of_their_topic_in_order,
            a_slow_subscriber_is_told_what_it_missed_before_what_follows,
            large_events_are_bounded_by_bytes,
            of_many_who_ask_for_a_lease_exactly_one_gets_it,
            a_lease_ends_by_release_or_time_and_its_fence_rises,
            a_burst_is_allowed_and_then_an_even_pace,
            keys_have_limits_of_their_own,
            jobs_come_by_priority_and_then_in_order,
            a_job_is_in_the_queue_once,
            every_job_is_taken_by_exactly_one_worker,
            a_silent_worker_loses_its_job_and_cannot_finish_it,
            a_job_given_back_is_taken_at_once_by_who_waits,
            a_cancelled_job_is_gone_for_its_worker_too,
        );
    };
    ($engine:ident, $bed:path: $($case:ident),+ $(,)?) => {
        mod $engine {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    $crate::bus_suite::$case($bed(stringify!($case)).await).await;
                }
            )+
        }
    };
}

/// Waits until something is so.
pub async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = tokio::time::Instant::now() + PATIENCE;
    while !is_so() {
        assert!(tokio::time::Instant::now() < until, "{what} did not come");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

pub async fn next(subscription: &mut Subscription) -> Delivery {
    tokio::time::timeout(PATIENCE, subscription.next()).await.expect("nothing was delivered")
}

fn event(number: u32) -> Bytes {
    number.to_be_bytes().to_vec().into()
}

pub async fn events_reach_every_subscriber_of_their_topic_in_order(bed: Bed) {
    let bus = &bed.bus;
    bus.publish("t", event(0)).await.unwrap();
    let (mut first, mut second) = (bus.subscribe("t").await.unwrap(), bus.subscribe("t").await.unwrap());
    let mut other = bus.subscribe("u").await.unwrap();
    for number in 1..=100 {
        bus.publish("t", event(number)).await.unwrap();
    }
    bus.publish("u", event(7)).await.unwrap();
    for subscription in [&mut first, &mut second] {
        let mut delivery = next(subscription).await;
        if delivery == Delivery::Event(event(0)) {
            delivery = next(subscription).await;
        }
        assert_eq!(delivery, Delivery::Event(event(1)));
        for number in 2..=100 {
            assert_eq!(next(subscription).await, Delivery::Event(event(number)));
        }
    }
    assert_eq!(next(&mut other).await, Delivery::Event(event(7)));
    drop(first);
    bus.publish("t", event(101)).await.unwrap();
    assert_eq!(next(&mut second).await, Delivery::Event(event(101)));
    assert_eq!(bus.counts().published, 103);
}

pub async fn a_slow_subscriber_is_told_what_it_missed_before_what_follows(bed: Bed) {
    let mut slow = bed.bus.subscribe("t").await.unwrap();
    for number in 0..10_000 {
        bed.bus.publish("t", event(number)).await.unwrap();
    }
    let dropped = 10_000 - u64::try_from(INBOX_LEN_MAX).unwrap();
    until("the last event", || bed.bus.counts().dropped == dropped).await;
    let Delivery::Missed(missed) = next(&mut slow).await else { panic!("the gap was not told") };
    assert_eq!(missed, dropped);
    for number in u32::try_from(missed).unwrap()..10_000 {
        assert_eq!(next(&mut slow).await, Delivery::Event(event(number)));
    }
    bed.bus.publish("t", event(1)).await.unwrap();
    assert_eq!(next(&mut slow).await, Delivery::Event(event(1)));
}

pub async fn large_events_are_bounded_by_bytes(bed: Bed) {
    let mut slow = bed.bus.subscribe("t").await.unwrap();
    for _ in 0..100 {
        bed.bus.publish("t", vec![0; 1 << 20].into()).await.unwrap();
    }
    until("the last event", || bed.bus.counts().dropped == 96).await;
    let Delivery::Missed(missed) = next(&mut slow).await else { panic!("the gap was not told") };
    assert_eq!(missed, 96, "4 MiB are kept");
}

pub async fn of_many_who_ask_for_a_lease_exactly_one_gets_it(bed: Bed) {
    let mut tasks = JoinSet::new();
    for owner in 0..64 {
        let bus = bed.bus.clone();
        tasks.spawn(async move { bus.acquire("room", &owner.to_string(), MINUTE).await.unwrap() });
    }
    assert_eq!(tasks.join_all().await.into_iter().flatten().count(), 1);
}

pub async fn a_lease_ends_by_release_or_time_and_its_fence_rises(bed: Bed) {
    let bus = &bed.bus;
    let first = bus.acquire("room", "a", MINUTE).await.unwrap().unwrap();
    assert_eq!(bus.acquire("room", "a", MINUTE).await.unwrap(), None);
    bed.clock.advance(MINUTE / 2);
    let renewed = bus.renew(&first, MINUTE).await.unwrap().unwrap();
    assert_eq!(renewed.fence, first.fence);
    bed.clock.advance(MINUTE / 2);
    assert_eq!(bus.acquire("room", "b", MINUTE).await.unwrap(), None, "it was renewed");
    bed.clock.advance(MINUTE / 2);
    assert_eq!(bus.renew(&renewed, MINUTE).await.unwrap(), None, "it is over");
    let second = bus.acquire("room", "b", MINUTE).await.unwrap().unwrap();
    assert!(second.fence > first.fence);
    bus.release(&first).await.unwrap();
    assert_eq!(bus.acquire("room", "c", MINUTE).await.unwrap(), None, "a late release freed another's lease");
    bus.release(&second).await.unwrap();
    let third = bus.acquire("room", "c", MINUTE).await.unwrap().unwrap();
    assert!(third.fence > second.fence);
}

pub async fn a_burst_is_allowed_and_then_an_even_pace(bed: Bed) {
    let limit = Limit { count: 60, period: MINUTE, burst: 5 };
    for _ in 0..5 {
        assert_eq!(bed.bus.check("user", limit).await.unwrap(), Verdict::Allowed);
    }
    let second = Duration::from_secs(1);
    assert_eq!(bed.bus.check("user", limit).await.unwrap(), Verdict::RetryAfter(second));
    bed.clock.advance(second / 4);
    assert_eq!(bed.bus.check("user", limit).await.unwrap(), Verdict::RetryAfter(second * 3 / 4));
    bed.clock.advance(second * 3 / 4);
    assert_eq!(bed.bus.check("user", limit).await.unwrap(), Verdict::Allowed);
    assert_eq!(bed.bus.check("user", limit).await.unwrap(), Verdict::RetryAfter(second));
    let mut allowed = 0;
    for _ in 0..600 {
        bed.clock.advance(second / 10);
        allowed += u32::from(bed.bus.check("user", limit).await.unwrap() == Verdict::Allowed);
    }
    assert_eq!(allowed, 60, "in a minute of steady asking");
    bed.clock.advance(MINUTE);
    for _ in 0..5 {
        assert_eq!(bed.bus.check("user", limit).await.unwrap(), Verdict::Allowed);
    }
}

pub async fn keys_have_limits_of_their_own(bed: Bed) {
    let limit = Limit { count: 1, period: MINUTE, burst: 1 };
    assert_eq!(bed.bus.check("a", limit).await.unwrap(), Verdict::Allowed);
    assert_eq!(bed.bus.check("a", limit).await.unwrap(), Verdict::RetryAfter(MINUTE));
    assert_eq!(bed.bus.check("b", limit).await.unwrap(), Verdict::Allowed);
}

fn job(id: &str, priority: i32) -> Dispatch {
    Dispatch { queue: "transcode".into(), id: id.into(), priority }
}

async fn take(bus: &SharedBus, owner: &str) -> Option<Taken> {
    bus.take("transcode", owner, MINUTE, Duration::ZERO).await.unwrap()
}

pub async fn jobs_come_by_priority_and_then_in_order(bed: Bed) {
    for (id, priority) in [("low", -1), ("first", 0), ("second", 0), ("high", 5)] {
        assert_eq!(bed.bus.enqueue(job(id, priority)).await.unwrap(), Enqueued::Now);
    }
    bed.bus.enqueue(Dispatch { queue: "other".into(), id: "x".into(), priority: 9 }).await.unwrap();
    for id in ["high", "first", "second", "low"] {
        assert_eq!(take(&bed.bus, "w").await.unwrap().id, id);
    }
    assert_eq!(take(&bed.bus, "w").await, None);
}

pub async fn a_job_is_in_the_queue_once(bed: Bed) {
    bed.bus.enqueue(job("a", 0)).await.unwrap();
    assert_eq!(bed.bus.enqueue(job("a", 3)).await.unwrap(), Enqueued::Before);
    let taken = take(&bed.bus, "w").await.unwrap();
    assert_eq!(bed.bus.enqueue(job("a", 0)).await.unwrap(), Enqueued::Before);
    assert_eq!(take(&bed.bus, "w").await, None);
    assert!(bed.bus.finish(&taken).await.unwrap());
    assert!(!bed.bus.finish(&taken).await.unwrap());
    assert_eq!(bed.bus.enqueue(job("a", 0)).await.unwrap(), Enqueued::Now);
    assert_eq!(take(&bed.bus, "w").await.unwrap().attempt, 1);
}

pub async fn every_job_is_taken_by_exactly_one_worker(bed: Bed) {
    let mut workers = JoinSet::new();
    for worker in 0..8 {
        let bus = bed.bus.clone();
        workers.spawn(async move {
            let mut done = Vec::new();
            while done.last().is_none_or(|id| id != "stop") {
                let taken = bus.take("transcode", &worker.to_string(), MINUTE, PATIENCE).await.unwrap();
                let taken = taken.expect("a job was not given out");
                assert!(bus.finish(&taken).await.unwrap());
                done.push(if taken.id.starts_with("stop") { "stop".to_string() } else { taken.id });
            }
            done
        });
    }
    for number in 0..500 {
        bed.bus.enqueue(job(&format!("job {number}"), 0)).await.unwrap();
    }
    for number in 0..8 {
        bed.bus.enqueue(job(&format!("stop {number}"), -1)).await.unwrap();
    }
    let mut done = workers.join_all().await.concat();
    done.retain(|id| id != "stop");
    assert_eq!(done.len(), 500);
    done.sort_unstable();
    done.dedup();
    assert_eq!(done.len(), 500);
}

pub async fn a_silent_worker_loses_its_job_and_cannot_finish_it(bed: Bed) {
    let bus = &bed.bus;
    bus.enqueue(job("a", 0)).await.unwrap();
    let first = take(bus, "slow").await.unwrap();
    bed.clock.advance(MINUTE / 2);
    assert!(bus.renew_job(&first, MINUTE).await.unwrap());
    bed.clock.advance(MINUTE / 2);
    assert_eq!(take(bus, "other").await, None, "it was renewed");
    bed.clock.advance(MINUTE / 2);
    let second = take(bus, "other").await.unwrap();
    assert_eq!((second.id.as_str(), second.attempt), ("a", 2));
    assert!(second.fence > first.fence);
    assert!(!bus.renew_job(&first, MINUTE).await.unwrap());
    assert!(!bus.finish(&first).await.unwrap());
    assert!(!bus.give_back(&first).await.unwrap());
    assert!(bus.finish(&second).await.unwrap());
}

pub async fn a_job_given_back_is_taken_at_once_by_who_waits(bed: Bed) {
    bed.bus.enqueue(job("a", 0)).await.unwrap();
    let first = take(&bed.bus, "leaving").await.unwrap();
    let bus = bed.bus.clone();
    let mut waiting = JoinSet::new();
    waiting.spawn(async move { bus.take("transcode", "next", MINUTE, PATIENCE).await.unwrap() });
    assert!(bed.bus.give_back(&first).await.unwrap());
    let second = waiting.join_next().await.unwrap().unwrap().unwrap();
    assert_eq!((second.id.as_str(), second.attempt), ("a", 2));
}

pub async fn a_cancelled_job_is_gone_for_its_worker_too(bed: Bed) {
    bed.bus.enqueue(job("waiting", 0)).await.unwrap();
    bed.bus.enqueue(job("running", 1)).await.unwrap();
    let running = take(&bed.bus, "w").await.unwrap();
    bed.bus.cancel("transcode", "waiting").await.unwrap();
    bed.bus.cancel("transcode", "running").await.unwrap();
    bed.bus.cancel("nowhere", "x").await.unwrap();
    assert_eq!(take(&bed.bus, "w").await, None);
    assert!(!bed.bus.renew_job(&running, MINUTE).await.unwrap());
    assert!(!bed.bus.finish(&running).await.unwrap());
}
