//! Whatever comes and goes, nothing stays: after a round of churn every gauge of `/metrics` is where it was at the start,
//! and the memory is where it was after a first round. That round is the warm-up: it fills the allocator's pools, the
//! store's caches and the kernel's tables once, which is no leak; what grows with every further round would be.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use reqwest::{Client, Method};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::{
    churn::{self, LOUD, Place},
    ground,
    served::{Program, Served, random::setting},
};

/// How long the program may take to notice that everybody is gone: dead peers among them, which only a ping finds.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);
/// How long freed memory may take to go back to the system.
const GIVEN_BACK_WITHIN: Duration = Duration::from_secs(20);
/// What does not change for so long is at rest.
const REST: Duration = Duration::from_secs(1);
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// What memory may grow by in a round, in percent of what it was before it.
const GROWTH_MAX_PERCENT: u64 = 10;

struct Plan {
    seed: u64,
    warm_up: Duration,
    churn: Duration,
    connects_per_s: u32,
    /// The memory must be at rest after one of so many rounds.
    rounds_max: u64,
}

struct Soak {
    served: Served,
    place: Arc<Place>,
    client: Client,
    start: BTreeMap<String, f64>,
}

impl Soak {
    async fn metrics(&self) -> String {
        let answer =
            self.client.get(format!("{}/metrics", self.served.url())).send().await.expect("an answer");
        answer.text().await.expect("text")
    }

    /// Every gauge that is not 0, by its name and labels.
    async fn gauges(&self) -> BTreeMap<String, f64> {
        let text = self.metrics().await;
        let gauges: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" gauge")).collect();
        let values =
            text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(' '));
        values
            .filter(|(name, _)| gauges.contains(&name.split('{').next().unwrap_or_default()))
            .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
            .filter(|(_, value): &(String, f64)| *value != 0.0)
            .collect()
    }

    /// Every gauge once the start has come to its end: the program listens before all of its tasks are there.
    async fn gauges_at_rest(&self) -> BTreeMap<String, f64> {
        let deadline = Instant::now() + SETTLED_WITHIN;
        let mut before = self.gauges().await;
        loop {
            sleep(REST).await;
            let now = self.gauges().await;
            if now == before {
                return now;
            }
            assert!(Instant::now() < deadline, "the program does not come to rest: {now:?}");
            before = now;
        }
    }

    async fn counter(&self, line: &str) -> u64 {
        let text = self.metrics().await;
        let value = text.lines().find_map(|found| found.strip_prefix(line)?.trim().parse().ok());
        value.unwrap_or(0)
    }

    /// Waits until no gauge is above what it was at the start, when some tasks of the start may still have been at work.
    /// Returns the memory.
    async fn settled(&self, when: &str) -> u64 {
        let deadline = Instant::now() + SETTLED_WITHIN;
        loop {
            let gauges = self.gauges().await;
            let above =
                gauges.iter().find(|(name, value)| **value > self.start.get(*name).copied().unwrap_or(0.0));
            if above.is_none() {
                return self.served.rss_kib();
            }
            assert!(Instant::now() < deadline, "{when}: {gauges:?} instead of {:?}", self.start);
            sleep(LOOK_AGAIN).await;
        }
    }

    /// The memory when all are gone, and given back as far as it will be.
    async fn memory_at_rest(&self, limit_kib: u64) -> u64 {
        let mut rss_kib = self.settled("after the churn").await;
        let deadline = Instant::now() + GIVEN_BACK_WITHIN;
        while rss_kib > limit_kib && Instant::now() < deadline {
            sleep(LOOK_AGAIN).await;
            rss_kib = self.served.rss_kib();
        }
        rss_kib
    }
}

async fn run(plan: Plan) {
    eprintln!("FIRE_SEED={} {:?} of churn after {:?} of warm-up", plan.seed, plan.churn, plan.warm_up);
    let folder = tempfile::tempdir().expect("a folder");
    let program = Program::new(folder.path(), &[("ROOMS__PASSIVATE_AFTER_S", "1")]);
    let ground = ground::prepare(&program, 10, 40).await;
    let served = program.start();
    let place = Arc::new(Place { addr: program.addr, ground, connects_per_s: plan.connects_per_s });
    let client = Client::builder().pool_max_idle_per_host(0).build().expect("a client");
    let mut soak = Soak { served, place, client, start: BTreeMap::new() };
    soak.start = soak.gauges_at_rest().await;
    fill_the_loud_room(&soak).await;

    churn::round(&soak.place, plan.seed, plan.warm_up).await;
    let mut kib = vec![soak.settled("after the warm-up").await];
    for round in 1..=plan.rounds_max {
        let limit_kib = kib[kib.len() - 1] * (100 + GROWTH_MAX_PERCENT) / 100;
        let visits = churn::round(&soak.place, plan.seed + round, plan.churn).await;
        kib.push(soak.memory_at_rest(limit_kib).await);
        eprintln!(
            "round {round}: {visits} connections, then {} KiB, at most {limit_kib} asked",
            kib[kib.len() - 1]
        );
        if kib[kib.len() - 1] <= limit_kib {
            break;
        }
        assert!(round < plan.rounds_max, "memory grows with every round: {kib:?} KiB");
    }
    for code in ["4001", "4002"] {
        let closed = soak.counter(&format!("playhouse_connections_closed_total{{code=\"{code}\"}}")).await;
        assert!(closed > 0, "nobody was closed with {code}, so the churn was not what it is meant to be");
    }
    assert!(soak.served.stop().success(), "{}", program.log());
    assert!(!program.log().contains("panicked"), "{}", program.log());
}

/// A snapshot of about 100 KB for those who ask and do not read.
async fn fill_the_loud_room(soak: &Soak) {
    let path = format!("{}/api/v1/videos/{}/comments", soak.served.url(), soak.place.ground.videos[LOUD]);
    let token = &soak.place.ground.users[0].token;
    for _ in 0..50 {
        let body = json!({"text": "x".repeat(1_900)});
        let request = soak.client.request(Method::POST, &path).bearer_auth(token).json(&body);
        assert!(request.send().await.expect("an answer").status().is_success());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_of_those_who_came_and_went() {
    let seed = setting("FIRE_SEED").unwrap_or(1);
    let (warm_up, churn) = (Duration::from_secs(3), Duration::from_secs(3));
    run(Plan { seed, warm_up, churn, connects_per_s: 100, rounds_max: 4 }).await;
}

/// `make test-long`: 10 minutes; `FIRE_SECONDS` for another time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn nothing_is_left_after_ten_minutes_of_churn() {
    let seed = setting("FIRE_SEED").unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let churn = Duration::from_secs(setting("FIRE_SECONDS").unwrap_or(600));
    run(Plan {
        seed,
        warm_up: churn.min(Duration::from_secs(60)),
        churn,
        connects_per_s: 200,
        rounds_max: 1,
    })
    .await;
}
