//! A run: people and observers act while the program is killed and started again; then it is stopped in order, started
//! once more, and everything is compared.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use playhouse::telemetry::tasks;
use tokio::time::{Instant, sleep};

use crate::{
    field::{Field, open_poll, say_last_words},
    ground,
    observer::Observer,
    person,
    served::{
        Program, Served,
        random::{Random, setting},
    },
    verdict,
};

#[derive(Debug)]
pub struct Plan {
    pub seed: u64,
    pub people: usize,
    /// The first is the one that everybody is interested in.
    pub videos: usize,
    pub observers: usize,
    pub kills: usize,
    pub storms: usize,
    pub operations_per_s: u64,
    /// How long the program lives before it is killed, or before all who watch are cut off.
    pub life_ms: std::ops::Range<usize>,
}

impl Plan {
    /// `FIRE_*` in the environment changes a plan.
    fn of_environment(self) -> Self {
        let number =
            |name, own: usize| setting(name).map_or(own, |number| usize::try_from(number).unwrap_or(own));
        Self {
            seed: setting("FIRE_SEED").unwrap_or(self.seed),
            people: number("FIRE_PEOPLE", self.people),
            videos: number("FIRE_VIDEOS", self.videos),
            kills: number("FIRE_KILLS", self.kills),
            operations_per_s: setting("FIRE_RATE").unwrap_or(self.operations_per_s),
            ..self
        }
    }
}

/// What the program is told, so that every promise of `docs/realtime.md` can be checked to the end: one window of
/// views, and a memory for idempotency keys and resuming that outlasts a restart.
const SETTINGS: &[(&str, &str)] = &[
    ("ROOMS__VIEW_WINDOW_S", "604800"),
    ("ROOMS__HISTORY_LEN_MAX", "10000"),
    ("LIMITS__ROOMS_PER_SESSION_MAX", "1000"),
];

pub async fn run(plan: Plan) {
    let plan = plan.of_environment();
    eprintln!("{plan:?}; FIRE_SEED={} repeats it", plan.seed);
    let folder = tempfile::tempdir().expect("a folder");
    let program = Arc::new(Program::new(folder.path(), SETTINGS));
    let ground = ground::prepare(&program, plan.people, plan.videos).await;
    let mut served = program.start();
    let poll = open_poll(program.addr, &ground).await;
    let field = Arc::new(Field::new(plan.seed, program.addr, ground, poll));
    let observers: Vec<_> = (0..plan.observers)
        .map(|number| tasks::spawn("observer", Observer::new(field.clone(), number).watch()))
        .collect();
    let interval = Duration::from_secs_f64(plan.people as f64 / plan.operations_per_s as f64);
    let people: Vec<_> = (0..plan.people)
        .map(|number| tasks::spawn("person", person::act(field.clone(), number, interval)))
        .collect();
    let started = Instant::now();
    served = keep_disturbing(&plan, &field, &program, served).await;
    let took = started.elapsed();
    field.over.cancel();
    let mut diaries: Vec<_> =
        join_all(people).await.into_iter().map(|diary| diary.expect("it ends")).collect();
    // Everybody has heard all they will hear; now observers look a last time.
    say_last_words(plan.observers, &field, &mut diaries[0]).await;
    field.record.settle();
    let seen: Vec<_> = join_all(observers).await.into_iter().map(|seen| seen.expect("it ends")).collect();

    let acknowledged: u64 = diaries.iter().map(|diary| diary.acknowledged).sum();
    let unheard: u64 = diaries.iter().map(|diary| diary.unheard).sum();
    let resumed: u64 = seen.iter().map(|seen| seen.resumed).sum();
    eprintln!(
        "{acknowledged} operations acknowledged in {:.1} s ({:.0}/s), {unheard} never answered, {} kills, {resumed} streams resumed",
        took.as_secs_f64(),
        acknowledged as f64 / took.as_secs_f64(),
        plan.kills,
    );
    assert!(served.stop().success(), "it did not stop in order:\n{}", program.log());
    let wrong = verdict::check(&program, &field, &diaries, &seen).await;
    let shown: Vec<_> = wrong.iter().take(30).cloned().collect();
    assert!(
        wrong.is_empty(),
        "FIRE_SEED={}: {} things are wrong:\n{}",
        plan.seed,
        wrong.len(),
        shown.join("\n")
    );
    assert!(!program.log().contains("panicked"), "{}", program.log());
    assert!(acknowledged > plan.people as u64, "hardly anything happened");
    let comebacks = plan.observers * (plan.kills + plan.storms);
    assert!(resumed >= comebacks as u64, "{resumed} streams were resumed, in {comebacks} comebacks");
}

/// Kills as often as planned, then storms as often, at moments that the seed chooses; after the last it lives on for
/// a while.
async fn keep_disturbing(plan: &Plan, field: &Field, program: &Arc<Program>, mut served: Served) -> Served {
    let mut moments = Random::new(plan.seed ^ 0x00C1_0C4B);
    let mut moment =
        || Duration::from_millis((plan.life_ms.start + moments.below(plan.life_ms.len())) as u64);
    for _ in 0..plan.kills {
        sleep(moment()).await;
        let (program, killed) = (program.clone(), Instant::now());
        let again = move || {
            served.kill();
            program.start()
        };
        served = tokio::task::spawn_blocking(again).await.expect("it starts again");
        eprintln!("killed, and listening again after {:?}", killed.elapsed());
    }
    for _ in 0..plan.storms {
        sleep(moment()).await;
        field.storms.send_modify(|storms| *storms += 1);
    }
    sleep(moment()).await;
    served
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_acknowledged_is_there_once_whenever_the_program_is_killed() {
    run(Plan {
        seed: 1,
        people: 60,
        videos: 21,
        observers: 2,
        kills: 3,
        storms: 0,
        operations_per_s: 800,
        life_ms: 600..2_000,
    })
    .await;
}

/// Comments flow while everybody who watches is gone; each gets exactly what they missed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_who_are_cut_off_at_once_come_back_to_exactly_what_they_missed() {
    run(Plan {
        seed: 2,
        people: 40,
        videos: 5,
        observers: 150,
        kills: 0,
        storms: 4,
        operations_per_s: 400,
        life_ms: 300..1_200,
    })
    .await;
}

/// `make test-long`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn what_is_acknowledged_is_there_once_on_a_thousand_videos_and_after_twenty_kills() {
    run(Plan {
        seed: u64::from(rand::random::<u32>()),
        people: 1_000,
        videos: 1_001,
        observers: 4,
        kills: 20,
        storms: 5,
        operations_per_s: 10_000,
        life_ms: 3_000..12_000,
    })
    .await;
}
