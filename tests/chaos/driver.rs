//! A run: the crowd acts while faults pass over the nodes and what is behind them; then all is well, and everything is audited.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use playhouse::telemetry::tasks;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};

use crate::{
    audit,
    diary::Diary,
    faults::Spell,
    field::{Field, open_poll, say_last_words},
    ground,
    load::Load,
    observer::{Observer, Seen},
    person,
    proxy::Proxy,
    served::random::{Random, setting},
    uploads::{self, Uploaded},
    verdict,
    world::{Stores, World},
};

const VIDEOS: usize = 9;
const UPLOADERS: usize = 2;
const DURATION_S: u64 = 120;
/// Of the load harness, beside those who are audited.
const LOAD_USERS: usize = 2_000;
/// How long its users take to come, and a line of its progress after that.
const LOAD_COMES_WITHIN: Duration = Duration::from_secs(30);

/// Who acts. `CHAOS_PEOPLE`, `CHAOS_OBSERVERS` and `CHAOS_RATE` change it.
#[derive(Debug, Clone, Copy)]
struct Plan {
    people: usize,
    observers: usize,
    operations_per_s: u64,
}

impl Plan {
    fn of_environment(self) -> Self {
        let number =
            |name, own: usize| setting(name).and_then(|number| number.try_into().ok()).unwrap_or(own);
        Self {
            people: number("CHAOS_PEOPLE", self.people),
            observers: number("CHAOS_OBSERVERS", self.observers),
            operations_per_s: setting("CHAOS_RATE").unwrap_or(self.operations_per_s),
        }
    }
}

/// All who act.
struct Crowd {
    people: Vec<JoinHandle<Diary>>,
    observers: Vec<JoinHandle<Seen>>,
    uploaders: Vec<JoinHandle<Uploaded>>,
}

/// What they know in the end.
struct Known {
    diaries: Vec<Diary>,
    seen: Vec<Seen>,
    uploaded: Uploaded,
}

impl Crowd {
    fn gather(field: &Arc<Field>, plan: Plan) -> Self {
        let interval = Duration::from_secs_f64(plan.people as f64 / plan.operations_per_s as f64);
        Self {
            people: (0..plan.people)
                .map(|number| tasks::spawn("person", person::act(field.clone(), number, interval)))
                .collect(),
            observers: (0..plan.observers)
                .map(|number| tasks::spawn("observer", Observer::new(field.clone(), number).watch()))
                .collect(),
            uploaders: (0..UPLOADERS)
                .map(|number| tasks::spawn("uploader", uploads::act(field.clone(), number)))
                .collect(),
        }
    }

    /// Nobody begins anything new, and all hear what they still can.
    async fn come_to_rest(self, field: &Field) -> Known {
        let observers = self.observers.len();
        field.over.cancel();
        let mut diaries = all(self.people).await;
        let mut uploaded = Uploaded::default();
        for one in all(self.uploaders).await {
            uploaded.accepted.extend(one.accepted);
            uploaded.repeated += one.repeated;
            uploaded.wrong.extend(one.wrong);
        }
        say_last_words(observers, field, &mut diaries[0]).await;
        field.record.settle();
        Known { diaries, seen: all(self.observers).await, uploaded }
    }
}

async fn all<T>(tasks: Vec<JoinHandle<T>>) -> Vec<T> {
    join_all(tasks).await.into_iter().map(|ended| ended.expect("it ends")).collect()
}

impl Known {
    fn report(&self, took: Duration) {
        let acknowledged: u64 = self.diaries.iter().map(|diary| diary.acknowledged).sum();
        let unheard: u64 = self.diaries.iter().map(|diary| diary.unheard).sum();
        let comments: usize = self.diaries.iter().map(|diary| diary.comments.len()).sum();
        let resumed: u64 = self.seen.iter().map(|seen| seen.resumed).sum();
        eprintln!(
            "{acknowledged} operations acknowledged in {:.0} s, {comments} comments asked for, {unheard} never answered, \
             {resumed} streams resumed, {} files accepted, {} requests for them repeated",
            took.as_secs_f64(),
            self.uploaded.accepted.len(),
            self.uploaded.repeated,
        );
        assert!(acknowledged > self.diaries.len() as u64, "hardly anything happened");
    }
}

/// `disturb` does to the world what it does until the time is over, and says what went wrong meanwhile. Answers with what
/// everybody knows, once all of it was found to be right.
async fn run(
    plan: Plan,
    stores: Stores,
    disturb: impl AsyncFnOnce(&mut World, &mut Random, Duration) -> Vec<String>,
) -> Known {
    let plan = plan.of_environment();
    let seed = setting("CHAOS_SEED").unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let duration = Duration::from_secs(setting("CHAOS_SECONDS").unwrap_or(DURATION_S));
    eprintln!("CHAOS_SEED={seed} CHAOS_SECONDS={} repeats it; {plan:?}", duration.as_secs());
    let mut world = World::make(stores, seed).await;
    let ground = ground::prepare(&world.machines[0].program, plan.people, VIDEOS).await;
    world.start_all().await;
    let poll = open_poll(world.front, &ground).await;
    let mut field = Field::new(seed, world.front, ground, poll);
    field.lingers = true;
    let field = Arc::new(field);
    let started = Instant::now();
    let crowd = Crowd::gather(&field, plan);
    let mut wrong = disturb(&mut world, &mut Random::new(seed ^ 0x00C4_A05E), duration).await;
    world.until_ready().await;
    let known = crowd.come_to_rest(&field).await;
    known.report(started.elapsed());

    wrong.extend(known.uploaded.wrong.clone());
    wrong.extend(audit::nodes_agree(&world, &field).await);
    let (ready, unready) = audit::uploads(&world, &known.uploaded.accepted).await;
    eprintln!("{ready} files are ready");
    wrong.extend(unready);
    for machine in &mut world.machines {
        if !machine.stop().await {
            wrong.push("a node did not stop in order".to_owned());
        }
    }
    wrong.extend(audit::objects(&world, &known.uploaded.accepted).await);
    let mut field = Arc::into_inner(field).expect("nobody acts any more");
    field.addr = world.machines[0].program.addr;
    wrong.extend(verdict::check(&world.machines[0].program, &field, &known.diaries, &known.seen).await);
    for log in world.logs() {
        wrong.extend(log.lines().filter(|line| line.contains("panicked")).map(ToOwned::to_owned));
    }
    conclude(seed, &wrong, &world);
    known
}

/// Where something is wrong, what the nodes have logged is kept.
fn conclude(seed: u64, wrong: &[String], world: &World) {
    if wrong.is_empty() {
        return;
    }
    let folder = std::env::temp_dir().join(format!("playhouse-chaos-{seed}"));
    std::fs::create_dir_all(&folder).expect("a folder");
    for (number, log) in world.logs().iter().enumerate() {
        std::fs::write(folder.join(format!("node-{number}.log")), log).expect("a file");
    }
    std::fs::write(folder.join("wrong"), wrong.join("\n")).expect("a file");
    let shown: Vec<_> = wrong.iter().take(20).map(String::as_str).collect();
    panic!(
        "CHAOS_SEED={seed}: {} things are wrong, all of them and the logs are in {}:\n{}",
        wrong.len(),
        folder.display(),
        shown.join("\n")
    );
}

/// Faults one after the other, some of them two at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_acknowledged_outlives_whatever_goes_wrong() {
    let plan = Plan { people: 40, observers: 6, operations_per_s: 20 };
    run(plan, Stores::Three, async |world, random, duration| {
        let (started, mut wrong) = (Instant::now(), Vec::new());
        while started.elapsed() < duration {
            let spell = Spell::draw(random);
            eprintln!("{:5.1} s: {:?} for {:?}", started.elapsed().as_secs_f64(), spell.faults, spell.lasts);
            wrong.extend(spell.pass(world).await);
        }
        wrong
    })
    .await;
}

/// Two processes on the same videos, over a store that answers late, twice or not at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_count_exactly_over_a_store_that_is_badly_reached() {
    let plan = Plan { people: 40, observers: 6, operations_per_s: 40 };
    run(plan, Stores::OneBadlyReached, async |world, _, duration| {
        let trouble = |troubles: bool| world.stores.iter().for_each(|proxy| proxy.trouble(troubles));
        trouble(true);
        sleep(duration).await;
        trouble(false);
        let cuts: u64 = world.stores.iter().map(Proxy::cuts).sum();
        eprintln!("{cuts} lines to the store were cut");
        assert!(cuts > 5, "hardly anything went wrong");
        Vec::new()
    })
    .await;
}

/// As a new version is brought: in order, one node after the other, each once the one before is ready again. Whoever sits at a
/// node that goes comes back once; with two nodes some do at both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_are_restarted_under_load_and_nobody_loses_more_than_a_socket() {
    let plan = Plan { people: 40, observers: 20, operations_per_s: 20 };
    let users = setting("CHAOS_USERS").map_or(LOAD_USERS, |users| users as usize);
    let report = tempfile::tempdir().expect("a folder");
    let known = run(plan, Stores::Three, async |world, _, duration| {
        let mut load = Load::start(world.front, users, world.machines.len(), duration, report.path());
        let mut wrong = Vec::new();
        load.until_all_came().await;
        let between = duration.saturating_sub(LOAD_COMES_WITHIN) / (world.machines.len() as u32 + 1);
        for number in 0..world.machines.len() {
            let began = Instant::now();
            if !world.machines[number].stop().await {
                wrong.push(format!("node {number} did not stop in order"));
            }
            let stopped = began.elapsed();
            world.machines[number].start().await;
            world.until_ready().await;
            let ready = began.elapsed();
            eprintln!("node {number}: stopped in {stopped:.1?}, ready again after {ready:.1?}");
            sleep(between).await;
        }
        wrong.extend(load.end().await);
        wrong
    })
    .await;
    // The first, one for each restart, and the one that looks at the end.
    let most = known.seen.iter().map(|seen| seen.sockets).max().unwrap_or(0);
    let all: u64 = known.seen.iter().map(|seen| seen.sockets).sum();
    eprintln!("{all} sockets of {} observers, {most} at most of one", known.seen.len());
    assert!(most <= 4, "somebody needed {most} sockets for two restarts");
    let unheard: u64 = known.diaries.iter().map(|diary| diary.unheard).sum();
    eprintln!("{unheard} requests that are not repeated were not answered");
}
