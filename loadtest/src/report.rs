//! The report of a run: figures by name, gates held against them, JSON for programs and Markdown for people, and the
//! exit code. Losing or repeating a comment fails a run without any gate being asked for.

use std::{fs, path::Path, process::ExitCode};

use anyhow::Context;
use serde::Serialize;

use crate::{
    args::{Gate, Run, refuse},
    scenarios::Outcome,
};

/// The figures a gate may name.
pub const FIGURES: &[&str] = &[
    "accepted",
    "refused",
    "unanswered",
    "received",
    "missing",
    "repeated",
    "cut",
    "comments_per_s",
    "deliveries_per_s",
    "p50_ms",
    "p90_ms",
    "p99_ms",
    "max_ms",
    "answer_p50_ms",
    "answer_p99_ms",
    "client_lag_p99_ms",
];

/// Above it the client measures itself.
const CLIENT_LAG_P99_MAX_MS: f64 = 50.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Held,
    GateFell,
    ClientWasTheBottleneck,
}

impl Verdict {
    fn exit_code(self) -> u8 {
        match self {
            Self::Held => 0,
            Self::GateFell => 1,
            Self::ClientWasTheBottleneck => 3,
        }
    }
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    scenario: String,
    target: &'a str,
    users: u32,
    duration_s: f64,
    seed: u64,
    tls: bool,
    verdict: Verdict,
    fallen: Vec<String>,
    figures: serde_json::Map<String, serde_json::Value>,
    refused_by_code: &'a std::collections::BTreeMap<String, u64>,
    cut: &'a [String],
}

/// Writes the report and says how the run ended.
pub fn conclude(run: &Run, outcome: &Outcome) -> ExitCode {
    let figures = figures(outcome);
    let fallen = fallen(&run.gates, &figures);
    let report = Report {
        scenario: format!("{:?}", run.scenario).to_lowercase(),
        target: &run.target,
        users: run.users,
        duration_s: outcome.talked_for.as_secs_f64(),
        seed: run.seed,
        tls: false,
        verdict: verdict(&figures, &fallen),
        fallen,
        figures: figures.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect(),
        refused_by_code: &outcome.tally.refused,
        cut: &outcome.tally.cut[..outcome.tally.cut.len().min(20)],
    };
    let page = markdown(&report, &figures);
    if let Err(reason) = write(&run.report, &report, &page) {
        return refuse(&format!("{reason:#}"));
    }
    eprintln!("{page}");
    ExitCode::from(report.verdict.exit_code())
}

fn figures(outcome: &Outcome) -> Vec<(&'static str, f64)> {
    let tally = &outcome.tally;
    let seconds = outcome.talked_for.as_secs_f64().max(f64::EPSILON);
    let values = [
        tally.accepted as f64,
        tally.refused.values().sum::<u64>() as f64,
        tally.unanswered as f64,
        tally.received as f64,
        outcome.missing as f64,
        tally.repeated as f64,
        tally.cut.len() as f64,
        tally.accepted as f64 / seconds,
        tally.received as f64 / seconds,
        tally.delivery.percentile_ms(0.5),
        tally.delivery.percentile_ms(0.9),
        tally.delivery.percentile_ms(0.99),
        tally.delivery.max_ms(),
        tally.answer.percentile_ms(0.5),
        tally.answer.percentile_ms(0.99),
        outcome.client_lag.percentile_ms(0.99),
    ];
    FIGURES.iter().copied().zip(values).collect()
}

fn fallen(gates: &[Gate], figures: &[(&'static str, f64)]) -> Vec<String> {
    let implied = ["missing", "repeated", "cut"].map(|name| Gate { name: name.to_owned(), value: 0.0 });
    let figure =
        |name: &str| figures.iter().find(|(known, _)| *known == name).map_or(0.0, |(_, value)| *value);
    let mut fallen: Vec<String> = Vec::new();
    for Gate { name, value } in implied.iter().chain(gates) {
        let (found, floor) = (figure(name), name.ends_with("_per_s"));
        if (floor && found < *value) || (!floor && found > *value) {
            fallen.push(format!("{name} is {found:.1}, allowed: {} {value}", if floor { "≥" } else { "≤" }));
        }
    }
    if figure("accepted") < 1.0 {
        fallen.push("no comment was accepted at all".to_owned());
    }
    fallen
}

/// A slow client makes every latency its own, so it is said first.
fn verdict(figures: &[(&'static str, f64)], fallen: &[String]) -> Verdict {
    let lag = figures.iter().find(|(name, _)| *name == "client_lag_p99_ms").map_or(0.0, |(_, value)| *value);
    match fallen {
        _ if lag > CLIENT_LAG_P99_MAX_MS => Verdict::ClientWasTheBottleneck,
        [] => Verdict::Held,
        _ => Verdict::GateFell,
    }
}

fn markdown(report: &Report<'_>, figures: &[(&'static str, f64)]) -> String {
    let mut page = format!(
        "# Load test `{}`: {:?}\n\n{} users for {} s against {}, seed {}, no TLS, client on {} cores\n\n",
        report.scenario,
        report.verdict,
        report.users,
        report.duration_s,
        report.target,
        report.seed,
        std::thread::available_parallelism().map_or(0, usize::from),
    );
    for line in &report.fallen {
        page.push_str(&format!("- fell: {line}\n"));
    }
    page.push_str("\n| figure | value |\n|---|---|\n");
    for (name, value) in figures {
        page.push_str(&format!("| {name} | {value:.1} |\n"));
    }
    page
}

fn write(folder: &Path, report: &Report<'_>, page: &str) -> anyhow::Result<()> {
    let at = |name: &str| folder.join(name);
    fs::create_dir_all(folder).with_context(|| format!("--report: {} cannot be made", folder.display()))?;
    fs::write(at("report.json"), serde_json::to_vec_pretty(report)?).context("report.json")?;
    fs::write(at("report.md"), page).context("report.md")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::measure::{Latencies, Tally};

    fn outcome() -> Outcome {
        let mut tally = Tally { accepted: 100, received: 1_000, ..Tally::default() };
        tally.delivery.record(Duration::from_millis(40));
        Outcome { tally, missing: 0, client_lag: Latencies::default(), talked_for: Duration::from_secs(10) }
    }

    fn judge(gates: &[&str], outcome: &Outcome) -> Verdict {
        let gates: Vec<Gate> = gates.iter().map(|gate| gate.parse().unwrap()).collect();
        let figures = figures(outcome);
        verdict(&figures, &fallen(&gates, &figures))
    }

    #[test]
    fn a_gate_is_a_ceiling_and_for_rates_a_floor() {
        assert_eq!(judge(&[], &outcome()), Verdict::Held);
        assert_eq!(judge(&["p99_ms=41", "deliveries_per_s=100"], &outcome()), Verdict::Held);
        assert_eq!(judge(&["p99_ms=39"], &outcome()), Verdict::GateFell);
        assert_eq!(judge(&["deliveries_per_s=101"], &outcome()), Verdict::GateFell);
    }

    #[test]
    fn losing_repeating_or_accepting_nothing_fails_without_a_gate() {
        assert_eq!(judge(&[], &Outcome { missing: 1, ..outcome() }), Verdict::GateFell);
        let mut repeated = outcome();
        repeated.tally.repeated = 1;
        assert_eq!(judge(&[], &repeated), Verdict::GateFell);
        let mut mute = outcome();
        mute.tally.accepted = 0;
        assert_eq!(judge(&[], &mute), Verdict::GateFell);
    }

    #[test]
    fn a_slow_client_is_said_before_any_gate() {
        let mut slow = Outcome { missing: 5, ..outcome() };
        slow.client_lag.record(Duration::from_millis(80));
        assert_eq!(judge(&[], &slow), Verdict::ClientWasTheBottleneck);
        assert_eq!(Verdict::ClientWasTheBottleneck.exit_code(), 3);
    }
}
