//! The report of a run: JSON for programs, Markdown for a commit or a chat, one page of HTML for people, and the exit code.

mod figures;
mod html;
mod markdown;

use std::{collections::BTreeMap, fs, process::ExitCode};

use anyhow::Context;
use serde::Serialize;

pub use self::figures::Gate;
use self::figures::{Judged, Verdict};
use crate::{
    args,
    company::Outcome,
    measure::{Counter, Second, Tally, Timer},
    run::{Run, Scenario},
    scenarios::nature,
};

#[derive(Debug, Serialize)]
pub struct Report {
    scenario: Scenario,
    target: String,
    users: u32,
    speakers: u32,
    rooms: u32,
    operations_asked_per_s: f64,
    duration_s: f64,
    ramp_s: f64,
    seed: u64,
    tls: bool,
    processes: usize,
    client_cores: f64,
    verdict: Verdict,
    gates: Vec<Judged>,
    main: &'static str,
    figures: BTreeMap<String, f64>,
    counters: Vec<Counted>,
    timers: Vec<Timed>,
    problems: BTreeMap<String, u64>,
    seconds: Vec<Second>,
}

#[derive(Debug, Serialize)]
struct Counted {
    name: &'static str,
    meaning: &'static str,
    value: u64,
    per_s: f64,
}

#[derive(Debug, Serialize)]
struct Timed {
    name: &'static str,
    meaning: &'static str,
    count: u64,
    p50_ms: f64,
    p90_ms: f64,
    p99_ms: f64,
    p999_ms: f64,
    max_ms: f64,
    /// Upper bound in milliseconds and how many, in buckets that double.
    buckets: Vec<(f64, u64)>,
}

impl Report {
    pub fn of(run: &Run, all: &Tally, seconds: &[Second], outcomes: &[Outcome], gates: &[Gate]) -> Self {
        let main = nature(run.plan.scenario).main;
        let acted_for = outcomes.iter().map(|outcome| outcome.acted_for).max().unwrap_or_default();
        let busiest = outcomes.iter().map(|outcome| outcome.client_busy).fold(0.0, f64::max);
        let figures = figures::figures(all, main, acted_for);
        let judged = figures::judge(gates, &figures, main);
        Self {
            scenario: run.plan.scenario,
            target: run.plan.target.clone(),
            users: run.plan.users,
            speakers: run.plan.speakers,
            rooms: run.plan.rooms,
            operations_asked_per_s: run.plan.per_s,
            duration_s: run.plan.duration.as_secs_f64(),
            ramp_s: run.plan.ramp.as_secs_f64(),
            seed: run.plan.seed,
            tls: false,
            processes: outcomes.len(),
            client_cores: outcomes.iter().map(|outcome| outcome.client_cores).sum(),
            verdict: figures::verdict(&judged, &figures, busiest),
            gates: judged,
            main: main.name(),
            figures: figures.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
            counters: counted(all, acted_for.as_secs_f64()),
            timers: Timer::ALL.iter().filter_map(|timer| timed(*timer, all)).collect(),
            problems: all.problems.clone(),
            seconds: seconds.to_vec(),
        }
    }
}

fn counted(all: &Tally, seconds: f64) -> Vec<Counted> {
    let seen = |counter: &&Counter| all.of(**counter) > 0 || Counter::ERRORS.contains(counter);
    let one = |counter: &Counter| Counted {
        name: counter.name(),
        meaning: counter.meaning().trim(),
        value: all.of(*counter),
        per_s: all.of(*counter) as f64 / seconds.max(0.001),
    };
    Counter::ALL.iter().filter(seen).map(one).collect()
}

fn timed(timer: Timer, all: &Tally) -> Option<Timed> {
    let latencies = all.latencies(timer)?;
    Some(Timed {
        name: timer.name(),
        meaning: timer.meaning().trim(),
        count: latencies.count(),
        p50_ms: latencies.percentile_ms(0.5),
        p90_ms: latencies.percentile_ms(0.9),
        p99_ms: latencies.percentile_ms(0.99),
        p999_ms: latencies.percentile_ms(0.999),
        max_ms: latencies.max_ms(),
        buckets: latencies.doubling(),
    })
}

/// Writes the report and says how the run ended.
pub fn conclude(args: &args::Run, report: &Report) -> anyhow::Result<ExitCode> {
    let folder = args.report.as_deref().context("--report is missing")?;
    let page = markdown::page(report);
    fs::create_dir_all(folder).with_context(|| format!("--report: {} cannot be made", folder.display()))?;
    fs::write(folder.join("report.json"), serde_json::to_vec_pretty(report)?).context("report.json")?;
    fs::write(folder.join("report.md"), &page).context("report.md")?;
    fs::write(folder.join("report.html"), html::page(report)?).context("report.html")?;
    eprintln!("{page}");
    Ok(ExitCode::from(report.verdict.exit_code()))
}
