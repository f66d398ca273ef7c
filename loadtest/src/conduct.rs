//! One process from its arguments to its exit code: makes or joins a company, runs the scenario with the second hand
//! beside it, and lets the one that leads write the report.

use std::{process::ExitCode, sync::Arc, time::Duration};

use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::{
    args,
    company::{Company, Doing, Gathering, Outcome, Worker},
    measure::{Counter, Recorder, Second, Tally},
    playhouse::{http::Http, world},
    proc,
    progress::Progress,
    report::{self, Report},
    run::{Run, Share},
    scenarios::{self, nature},
};

/// What the second hand has gathered.
#[derive(Default)]
struct Journal {
    all: Tally,
    seconds: Vec<Second>,
    cpu_at_start: Option<Duration>,
}

pub async fn run(args: &args::Run) -> anyhow::Result<ExitCode> {
    match &args.join {
        Some(host) => follow(host).await,
        None => lead(args).await,
    }
}

async fn lead(args: &args::Run) -> anyhow::Result<ExitCode> {
    let plan = args.plan()?;
    let http = Arc::new(Http::to(&plan.target, plan.returns_max).await?);
    let recorder = Arc::new(Recorder::default());
    let gathering = match &args.listen {
        Some(host) => Some(Gathering::listen(host, args.workers).await?),
        None => None,
    };
    let videos = nature(plan.scenario).videos;
    let world = world::furnish(&http, &recorder, plan.rooms as usize, videos).await?;
    let (company, of) = match gathering {
        Some(gathering) => {
            eprintln!("waiting for {} workers at {}", args.workers, gathering.address()?);
            let coordinator = gathering.tell_all(&plan, &world).await?;
            (Company::Leading(Arc::new(coordinator)), args.workers + 1)
        }
        None => (Company::Alone, 1),
    };
    let run = Arc::new(Run::new(plan, Share { index: 0, of }, world, http, recorder, company));
    let mut journal = Journal::default();
    conduct(&run, &mut journal).await?;
    let own = outcome(&run, &journal);
    let outcomes = run.company.conclude(own).await?.unwrap_or_default();
    // What workers counted in their last part of a second came before their last word.
    journal.turn(&run, &mut Progress::silent()).await?;
    scenarios::check(&run, &mut journal.all).await?;
    report::conclude(args, &Report::of(&run, &journal.all, &journal.seconds, &outcomes, args.gates()))
}

async fn follow(host: &str) -> anyhow::Result<ExitCode> {
    let (worker, task) = Worker::join(host).await?;
    let http = Arc::new(Http::to(&task.plan.target, task.plan.returns_max).await?);
    let recorder = Arc::new(Recorder::default());
    let company = Company::Following(Arc::new(worker));
    eprintln!("share {} of {}, {} users in all", task.share.index + 1, task.share.of, task.plan.users);
    let run = Arc::new(Run::new(task.plan, task.share, task.world, http, recorder, company));
    let mut journal = Journal::default();
    conduct(&run, &mut journal).await?;
    run.company.conclude(outcome(&run, &journal)).await?;
    Ok(ExitCode::SUCCESS)
}

/// The scenario, with the second hand and the watch on our own lateness beside it.
async fn conduct(run: &Arc<Run>, journal: &mut Journal) -> anyhow::Result<()> {
    let mut progress = Progress::default();
    let turning = async {
        let mut seconds = interval(Duration::from_secs(1));
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            seconds.tick().await;
            if let Err(reason) = journal.turn(run, &mut progress).await {
                return reason;
            }
        }
    };
    tokio::select! {
        done = scenarios::run(run) => done?,
        reason = turning => return Err(reason),
        () = run.watch_own_lateness() => {}
    }
    journal.turn(run, &mut progress).await?;
    progress.end();
    Ok(())
}

impl Journal {
    /// Takes what came since the last turn of the second hand.
    async fn turn(&mut self, run: &Run, progress: &mut Progress) -> anyhow::Result<()> {
        let tally = run.recorder.take();
        let cpu = proc::cpu_of("self")?;
        let started = run.has_started().filter(|start| *start <= Instant::now());
        if started.is_some() {
            self.cpu_at_start.get_or_insert(cpu);
        }
        let doing = Doing { users: run.recorder.users(), client_cores: progress.cores_since_last(cpu) };
        let Some((tally, doing)) = run.company.second(tally, doing).await? else { return Ok(()) };
        self.all.add(&tally);
        let main = nature(run.plan.scenario).main;
        let at_s = started.map_or(0.0, |start| start.elapsed().as_secs_f64());
        let second = Second::of(&tally, main, at_s, doing.users, doing.client_cores);
        // The rest of a second at the very end would look like a fall.
        let whole = self.seconds.last().is_none_or(|last| second.at_s - last.at_s > 0.5);
        if started.is_some() && whole {
            self.seconds.push(second);
        }
        progress.show(&second, started.is_some(), self.all.sum(Counter::ERRORS));
        Ok(())
    }
}

fn outcome(run: &Run, journal: &Journal) -> Outcome {
    let acted_for = run.acted_for();
    let used = proc::cpu_of("self").unwrap_or_default() - journal.cpu_at_start.unwrap_or_default();
    let client_cores = used.as_secs_f64() / acted_for.as_secs_f64().max(0.001);
    let cores = std::thread::available_parallelism().map_or(1.0, |cores| usize::from(cores) as f64);
    Outcome { acted_for, client_cores, client_busy: client_cores / cores }
}
