//! The bus over real Redis servers, which are killed, paused and replaced meanwhile.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use playhouse::{
    backends::{
        bus::{
            self, BusError, Delivery, Dispatch, Limit, Settings, SharedBus, Subscription, TimeOf, Verdict,
        },
        invalidations::Invalidations,
        store::{self, Record, Versions, Watched, tables::feed::FeedBucket},
    },
    domain::clock::{SharedClock, SystemClock},
    telemetry::Metrics,
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::{
    bus_conformance,
    bus_suite::{Bed, PATIENCE, clock, next, until},
    redis::{Sentinel, Service, Shared, tell},
};

const DEADLINE: Duration = Duration::from_secs(2);

async fn open(uri: &str, clock: SharedClock, time: TimeOf) -> SharedBus {
    let settings = Settings { clock, deadline: DEADLINE, time };
    bus::open(uri, settings).await.expect("the bus opens")
}

async fn connected(uri: &str) -> SharedBus {
    open(uri, Arc::new(SystemClock), TimeOf::Server).await
}

async fn bed_on(service: Arc<Service>, case: &str) -> Bed {
    let clock = clock();
    let bus = open(&service.uri(case), clock.clone(), TimeOf::Clock).await;
    Bed { bus, clock, _engine: Box::new(service) }
}

async fn on_one_server(case: &str) -> Bed {
    static SERVICE: Shared = Shared::new();
    bed_on(SERVICE.get(Service::redis).await, case).await
}

async fn on_three_masters(case: &str) -> Bed {
    static SERVICE: Shared = Shared::new();
    bed_on(SERVICE.get(Service::cluster).await, case).await
}

bus_conformance!(one_server, super::on_one_server);
bus_conformance!(three_masters, super::on_three_masters);

/// The first event, whatever gaps are told before it.
async fn next_event(subscription: &mut bus::Subscription) -> (u64, Bytes) {
    let mut missed = 0;
    loop {
        match next(subscription).await {
            Delivery::Missed(more) => missed += more,
            Delivery::Event(event) => return (missed, event),
        }
    }
}

async fn until_published(bus: &SharedBus, topic: &str, event: &'static [u8]) {
    let until = Instant::now() + PATIENCE;
    while let Err(error) = bus.publish(topic, Bytes::from_static(event)).await {
        assert!(Instant::now() < until, "{error}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_node_publishes_arrives_on_all_others() {
    for service in [Service::redis().await, Service::cluster().await] {
        let (one, other) = (connected(&service.uri("p")).await, connected(&service.uri("p")).await);
        let stranger = connected(&service.uri("q")).await;
        // Enough that every master has some.
        let topics: Vec<String> = (0..200).map(|number| format!("room.{number}")).collect();
        let mut heard = Vec::new();
        for topic in &topics {
            heard.push(other.subscribe(topic).await.unwrap());
        }
        let mut elsewhere = stranger.subscribe(&topics[0]).await.unwrap();
        for topic in &topics {
            one.publish(topic, topic.clone().into()).await.unwrap();
        }
        for (topic, subscription) in topics.iter().zip(&mut heard) {
            assert_eq!(next(subscription).await, Delivery::Event(topic.clone().into()));
        }
        stranger.publish(&topics[0], Bytes::from_static(b"own")).await.unwrap();
        assert_eq!(next(&mut elsewhere).await, Delivery::Event(Bytes::from_static(b"own")));
        for bus in [&one, &other, &stranger] {
            bus::probe(bus).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leases_limits_and_jobs_hold_between_nodes_and_by_the_servers_time() {
    let service = Service::cluster().await;
    let (one, other) = (connected(&service.uri("p")).await, connected(&service.uri("p")).await);
    let short = Duration::from_millis(300);
    let lease = one.acquire("room", "one", short).await.unwrap().unwrap();
    assert_eq!(other.acquire("room", "other", short).await.unwrap(), None);
    let taken_over = loop {
        if let Some(lease) = other.acquire("room", "other", short).await.unwrap() {
            break lease;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(taken_over.fence > lease.fence);
    assert_eq!(one.renew(&lease, short).await.unwrap(), None);
    let limit = Limit { count: 3, period: Duration::from_secs(3_600), burst: 3 };
    for bus in [&one, &other, &one] {
        assert_eq!(bus.check("login", limit).await.unwrap(), Verdict::Allowed);
    }
    assert!(matches!(other.check("login", limit).await.unwrap(), Verdict::RetryAfter(_)));
    let job = Dispatch { queue: "transcode".into(), id: "a".into(), priority: 0 };
    let (first, enqueued) = tokio::join!(other.take("transcode", "other", short, PATIENCE), one.enqueue(job));
    enqueued.unwrap();
    let first = first.unwrap().expect("a job");
    let second = one.take("transcode", "one", short, PATIENCE).await.unwrap().expect("its lease ends");
    assert_eq!((second.id.as_str(), second.attempt), ("a", 2));
    assert!(!other.finish(&first).await.unwrap());
    assert!(one.finish(&second).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_answer_as_the_embedded_ones_do() {
    let service = Service::redis().await;
    let clock = clock();
    let redis = open(&service.uri("p"), clock.clone(), TimeOf::Clock).await;
    let embedded = bus::embedded(clock.clone());
    let mut random = StdRng::seed_from_u64(6);
    let (mut allowed, mut refused) = (0, 0);
    for key in 0..60 {
        let limit = Limit {
            count: random.random_range(1..100),
            period: Duration::from_millis(random.random_range(1..100_000)),
            burst: random.random_range(1..=8),
        };
        for _ in 0..50 {
            clock.advance(Duration::from_millis(random.random_range(0..2_000)));
            let key = key.to_string();
            let verdict = redis.check(&key, limit).await.unwrap();
            assert_eq!(verdict, embedded.check(&key, limit).await.unwrap(), "{limit:?}");
            *(if verdict == Verdict::Allowed { &mut allowed } else { &mut refused }) += 1;
        }
    }
    assert!(allowed > 300 && refused > 300, "{allowed} allowed, {refused} refused");
    assert_eq!(redis.counts().limits_alone, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_a_flood_nor_common_traffic_becomes_load_on_redis() {
    let service = Service::redis().await;
    let clock = clock();
    let nodes = [
        open(&service.uri("p"), clock.clone(), TimeOf::Clock).await,
        open(&service.uri("p"), clock.clone(), TimeOf::Clock).await,
    ];
    let limit = Limit { count: 100, period: Duration::from_secs(1), burst: 200 };
    let mut allowed = 0;
    for call in 0..20_000 {
        allowed += u32::from(nodes[call % 2].check("flood", limit).await.unwrap() == Verdict::Allowed);
    }
    assert!((180..=220).contains(&allowed), "{allowed} of a burst of 200");
    let asked = |nodes: &[SharedBus]| nodes.iter().map(|node| node.counts().limits_asked).sum::<u64>();
    let for_flood = asked(&nodes);
    assert!(for_flood < 120, "Redis was asked {for_flood} times for 20,000 calls");
    // A minute of somebody who calls fifty times a second.
    for call in 0..3_000 {
        clock.advance(Duration::from_millis(20));
        assert_eq!(nodes[call % 2].check("common", limit).await.unwrap(), Verdict::Allowed);
    }
    let for_common = asked(&nodes) - for_flood;
    assert!(for_common < 600, "Redis was asked {for_common} times for 3,000 calls");
    assert_eq!(nodes[0].counts().limits_alone + nodes[1].counts().limits_alone, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_there_at_the_start_is_named() {
    let service = Service::redis().await;
    service.kill().await;
    let settings = || Settings { clock: Arc::new(SystemClock), deadline: DEADLINE, time: TimeOf::Server };
    let started = Instant::now();
    let error = bus::open(&service.uri("p"), settings()).await.err().expect("nobody is there").to_string();
    assert!(error.contains(&format!("127.0.0.1:{}", service.port)), "{error}");
    assert!(started.elapsed() < DEADLINE * 2);
    service.go_on().await;
    drop(connected(&service.uri("p")).await);
}

/// Processor time that this thread has used, and with it everything of a test on one thread.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    Duration::from_nanos(text.split(' ').next().and_then(|ns| ns.parse().ok()).expect("a number"))
}

async fn unavailable<T>(what: &str, call: impl Future<Output = Result<T, BusError>>) {
    let started = Instant::now();
    let answer = call.await;
    assert!(matches!(answer, Err(BusError::Unavailable(_))), "{what} was served");
    assert!(started.elapsed() < DEADLINE + Duration::from_millis(500), "{what}: {:?}", started.elapsed());
}

/// Every call while there is no server.
async fn everything_is_refused_in_time(bus: &SharedBus) {
    let key = format!("{:?}", Instant::now());
    let minute = Duration::from_secs(60);
    unavailable("publish", bus.publish("t", Bytes::new())).await;
    unavailable("acquire", bus.acquire("x", "me", minute)).await;
    unavailable("enqueue", bus.enqueue(Dispatch { queue: "q".into(), id: "1".into(), priority: 0 })).await;
    unavailable("take", bus.take("q", "me", minute, minute)).await;
    unavailable("cancel", bus.cancel("q", "1")).await;
    unavailable("probe", bus::probe(bus)).await;
    let limit = Limit { count: 5, period: minute, burst: 5 };
    let mut allowed = 0;
    for _ in 0..20 {
        allowed += u32::from(bus.check(&key, limit).await.unwrap() == Verdict::Allowed);
    }
    assert_eq!(allowed, 10, "alone, a node counts at twice the rate");
}

#[tokio::test]
async fn a_server_that_is_killed_is_survived_and_its_subscribers_are_told() {
    let service = Service::redis().await;
    let bus = connected(&service.uri("p")).await;
    let mut before = bus.subscribe("t").await.unwrap();
    bus.publish("t", Bytes::from_static(b"1")).await.unwrap();
    assert_eq!(next(&mut before).await, Delivery::Event(Bytes::from_static(b"1")));
    service.kill().await;
    until("the loss", || bus.counts().disconnections == 1).await;
    everything_is_refused_in_time(&bus).await;
    let mut meanwhile = bus.subscribe("t").await.unwrap();
    let cpu_before = cpu();
    let away = Duration::from_secs(5);
    let over = Instant::now() + away;
    while Instant::now() < over {
        assert!(bus.publish("t", Bytes::from_static(b"lost")).await.is_err());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let used = cpu() - cpu_before;
    assert!(used < away / 20, "{used:?} of processor time in {away:?} with nobody there");
    service.go_on().await;
    until_published(&bus, "t", b"2").await;
    for subscription in [&mut before, &mut meanwhile] {
        let (missed, event) = next_event(subscription).await;
        assert_eq!(event, Bytes::from_static(b"2"));
        assert!(missed > 0, "the gap was not told");
    }
    bus::probe(&bus).await.unwrap();
    assert!(
        bus.acquire("room", "me", Duration::from_secs(1)).await.unwrap().is_some(),
        "scripts are sent anew"
    );
    eprintln!("away for {away:?} with 200 calls a second: {used:?} of processor time");
}

#[tokio::test]
async fn a_server_that_hangs_is_survived_and_its_subscribers_are_told() {
    let service = Service::redis().await;
    let bus = connected(&service.uri("p")).await;
    let mut subscription = bus.subscribe("t").await.unwrap();
    service.pause();
    everything_is_refused_in_time(&bus).await;
    until("the loss", || bus.counts().disconnections == 1).await;
    let started = Instant::now();
    everything_is_refused_in_time(&bus).await;
    assert!(started.elapsed() < Duration::from_millis(100), "once it is known, calls are refused at once");
    let cpu_before = cpu();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let used = cpu() - cpu_before;
    assert!(used < Duration::from_millis(150), "{used:?} of processor time in 3 s");
    service.resume();
    until_published(&bus, "t", b"after").await;
    let (missed, event) = loop {
        let (missed, event) = next_event(&mut subscription).await;
        // What was sent to a server that hung may arrive when it goes on.
        if !event.is_empty() {
            break (missed, event);
        }
    };
    assert_eq!(event, Bytes::from_static(b"after"));
    assert!(missed > 0, "the gap was not told");
}

#[tokio::test]
async fn connections_that_are_cut_are_made_again_and_the_gap_is_told() {
    let service = Service::redis().await;
    let bus = connected(&service.uri("p")).await;
    let mut subscription = bus.subscribe("t").await.unwrap();
    for round in 1..=3 {
        tell(service.port, &["CLIENT", "KILL", "TYPE", "pubsub"]).await;
        until("the loss", || bus.counts().disconnections == round).await;
        until_published(&bus, "t", b"after").await;
        let (missed, _) = next_event(&mut subscription).await;
        assert!(missed > 0, "the gap was not told");
    }
}

/// Topics enough that every node of a cluster has some.
async fn hear_sixty(bus: &SharedBus) -> (Vec<String>, Vec<Subscription>) {
    let topics: Vec<String> = (0..60).map(|number| format!("room.{number}")).collect();
    let mut heard = Vec::new();
    for topic in &topics {
        heard.push(bus.subscribe(topic).await.unwrap());
    }
    (topics, heard)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_without_one_master_serves_the_rest_and_says_so() {
    let service = Service::cluster().await;
    let bus = connected(&service.uri("p")).await;
    let (topics, mut heard) = hear_sixty(&bus).await;
    // Otherwise the others would serve nothing while one is missing.
    for port in 0..3 {
        tell(service.port + port, &["CONFIG", "SET", "cluster-require-full-coverage", "no"]).await;
        tell(service.port + port, &["CONFIG", "SET", "cluster-allow-pubsubshard-when-down", "yes"]).await;
    }
    service.kill_one(2).await;
    until("the loss", || bus.counts().disconnections == 1).await;
    let mut served = 0;
    for topic in &topics {
        served += usize::from(bus.publish(topic, Bytes::from_static(b"during")).await.is_ok());
    }
    assert!((20..60).contains(&served), "{served} of {} topics were served", topics.len());
    unavailable("probe", bus::probe(&bus)).await;
    service.go_on().await;
    for topic in &topics {
        until_published(&bus, topic, b"after").await;
    }
    let mut told = 0;
    for subscription in &mut heard {
        let mut missed = 0;
        loop {
            let (more, event) = next_event(subscription).await;
            missed += more;
            if event == "after" {
                break;
            }
        }
        told += usize::from(missed > 0);
    }
    assert_eq!(told, topics.len() - served, "those whose events were lost are told, and no others");
    bus::probe(&bus).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_that_move_to_another_master_are_followed() {
    let service = Service::cluster().await;
    let bus = connected(&service.uri("p")).await;
    let (topics, mut heard) = hear_sixty(&bus).await;
    let lease = bus.acquire("room", "me", Duration::from_secs(60)).await.unwrap().unwrap();
    let port = service.port;
    let ids = [tell(port, &["CLUSTER", "MYID"]).await, tell(port + 1, &["CLUSTER", "MYID"]).await];
    let [from, to] = ids.map(|id| id.trim().to_owned());
    let address = format!("127.0.0.1:{port}");
    let reshard = ["--cluster", "reshard", &address, "--cluster-from", &from, "--cluster-to", &to];
    let reshard = [&reshard[..], &["--cluster-slots", "2000", "--cluster-yes"]].concat();
    let resharding = tell(port, &reshard);
    let publishing = async {
        for topic in topics.iter().cycle() {
            bus.publish(topic, Bytes::from_static(b"during")).await.expect("a slot is somewhere at any time");
        }
    };
    let moved = tokio::select! {
        moved = resharding => moved,
        () = publishing => unreachable!("it goes on for ever"),
    };
    assert!(moved.contains("Moving slot"), "{moved}");
    for topic in &topics {
        until_published(&bus, topic, b"after").await;
    }
    for subscription in &mut heard {
        while next_event(subscription).await.1 != "after" {}
    }
    assert!(bus.renew(&lease, Duration::from_secs(60)).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_a_sentinel_replaces_is_followed() {
    let watched = Sentinel::start().await;
    let bus = connected(&watched.uri("p")).await;
    let mut subscription = bus.subscribe("t").await.unwrap();
    bus.publish("t", Bytes::from_static(b"before")).await.unwrap();
    assert_eq!(next(&mut subscription).await, Delivery::Event(Bytes::from_static(b"before")));
    let lease = bus.acquire("room", "me", Duration::from_secs(60)).await.unwrap().unwrap();
    watched.until_replicated().await;
    watched.master.kill().await;
    until_published(&bus, "t", b"after").await;
    let (missed, event) = next_event(&mut subscription).await;
    assert_eq!(event, Bytes::from_static(b"after"));
    assert!(missed > 0, "the gap was not told");
    assert!(bus.renew(&lease, Duration::from_secs(60)).await.unwrap().is_some(), "the replica knows it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_node_writes_another_looks_at_again_and_after_a_gap_at_everything() {
    let service = Service::redis().await;
    let (one, other) = (Versions::of_tables(&[FeedBucket::TABLE]), Versions::of_tables(&[FeedBucket::TABLE]));
    let buses = [connected(&service.uri("p")).await, connected(&service.uri("p")).await];
    let _running = [
        Invalidations::start(one.clone(), buses[0].clone(), Metrics::new()).await,
        Invalidations::start(other.clone(), buses[1].clone(), Metrics::new()).await,
    ];
    let folder = tempfile::tempdir().unwrap();
    let store = store::open("embedded:", folder.path(), Arc::new(SystemClock)).await.unwrap();
    let store = store.decorated(|inner| Arc::new(Watched { inner, versions: one.clone() }));
    store.put(FeedBucket { feed: "a".into(), bucket: 1 }).await.unwrap();
    until("the news", || other.of("a") == 1).await;
    service.kill().await;
    until("the loss", || buses.iter().all(|bus| bus.counts().disconnections == 1)).await;
    store.put(FeedBucket { feed: "a".into(), bucket: 2 }).await.unwrap();
    let seen = other.of("a");
    service.go_on().await;
    until("the news", || other.of("a") > seen).await;
    store.close().await.unwrap();
}
