//! What the command line may say. A wrong word is refused in one line with exit code 2.

use std::{io::Write, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context;
use clap::{Args, Parser, Subcommand};

use crate::{
    compare::Compare,
    report::Gate,
    run::{Plan, Scenario},
    scenarios::nature,
};

#[derive(Debug, Parser)]
#[command(name = "playhouse-loadtest", version, about = "Simulated users against a running Playhouse")]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run one scenario and write its report.
    Run(Box<Run>),
    /// Measure Playhouse beside bun, Socket.IO and centrifuge.
    Compare(Box<Compare>),
}

#[derive(Debug, Clone, Args)]
pub struct Run {
    #[arg(long, value_enum, required_unless_present = "join")]
    pub scenario: Option<Scenario>,
    /// The server, such as http://127.0.0.1:8080. It needs limits.enabled=false: all users come from one address.
    #[arg(long, value_parser = target, required_unless_present = "join")]
    pub target: Option<String>,
    /// Simulated users. One process holds up to about 19,000 sockets; above that, use --workers.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000_000), required_unless_present = "join")]
    pub users: Option<u32>,
    /// How long users act, such as 500ms, 30s or 2m.
    #[arg(long, value_parser = duration, default_value = "30s")]
    pub duration: Duration,
    /// Operations a second of all users together: comments, reactions or uploads. The crowd of `mixed` goes by --think.
    #[arg(long, value_parser = rate)]
    pub rate: Option<f64>,
    /// How long it takes until all users are there, or the full rate is reached.
    #[arg(long, value_parser = duration)]
    pub ramp: Option<Duration>,
    /// The mean pause between two things a user of `mixed` does.
    #[arg(long, value_parser = duration)]
    pub think: Option<Duration>,
    /// How often a user whose socket ends comes back, asks for what was missed and again for what was not answered.
    #[arg(long, default_value_t = 0)]
    pub returns: u32,
    /// Users with an account; the others only read.
    #[arg(long)]
    pub speakers: Option<u32>,
    /// Rooms, and so videos, over which users spread.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub rooms: u32,
    /// The length of a comment.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(40..=2_000))]
    pub text_bytes: u32,
    /// The same seed gives the same choices at the same moments.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// An administrator's access token, to make accounts in bulk where the server can.
    #[arg(long)]
    pub admin_token: Option<String>,
    /// A folder for report.json, report.md and report.html.
    #[arg(long, required_unless_present = "join")]
    pub report: Option<PathBuf>,
    /// NAME=VALUE: the figure of that name in the report may not be above VALUE (below it for names in `_per_s`).
    #[arg(long = "gate")]
    gates: Vec<Gate>,
    /// HOST:PORT to wait at for workers, which share the users with this process.
    #[arg(long, requires = "workers")]
    pub listen: Option<String>,
    /// How many workers to wait for.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1_000), requires = "listen")]
    pub workers: u32,
    /// HOST:PORT of the process that leads; everything else is what that one was told.
    #[arg(long, conflicts_with_all = ["scenario", "target", "users", "report", "gates", "listen"])]
    pub join: Option<String>,
}

impl Run {
    pub fn plan(&self) -> anyhow::Result<Plan> {
        let scenario = self.scenario.context("--scenario is missing")?;
        let users = self.users.context("--users is missing")?;
        let nature = nature(scenario);
        let think = self.think.unwrap_or(Duration::from_secs(nature.think_s));
        let speakers = self.speakers.unwrap_or_else(|| (nature.speakers)(users)).min(users);
        Ok(Plan {
            scenario,
            target: self.target.clone().context("--target is missing")?,
            users,
            speakers: if scenario == Scenario::Likes { users } else { speakers },
            rooms: self.rooms,
            per_s: match scenario {
                Scenario::Mixed => f64::from(users) / think.as_secs_f64().max(0.001),
                _ => self.rate.unwrap_or_else(|| (nature.per_s)(users)),
            },
            duration: self.duration,
            ramp: self.ramp.unwrap_or(Duration::from_secs(nature.ramp_s)).min(self.duration),
            think,
            returns_max: self.returns,
            text_bytes: self.text_bytes as usize,
            seed: self.seed,
            admin_token: self.admin_token.clone(),
        })
    }

    pub fn gates(&self) -> &[Gate] {
        &self.gates
    }
}

fn target(text: &str) -> Result<String, String> {
    let host = text.strip_prefix("http://").map(|host| host.trim_end_matches('/'));
    let host = host.filter(|host| !host.is_empty() && !host.contains('/'));
    host.map(str::to_owned).ok_or_else(|| "allowed: http://HOST:PORT".to_owned())
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "allowed: a number".to_owned())?;
    if rate > 0.0 && rate <= 1e7 { Ok(rate) } else { Err("allowed: above 0, at most 10000000".to_owned()) }
}

pub fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| "allowed: 500ms, 30s, 2m, 1h".to_owned())?;
    let unit_ms = match &text[digits.len()..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err("allowed: 500ms, 30s, 2m, 1h".to_owned()),
    };
    let lasts = number.checked_mul(unit_ms).filter(|ms| *ms <= 7 * 24 * 3_600_000);
    lasts.map(Duration::from_millis).ok_or_else(|| "too long, allowed: up to a week".to_owned())
}

/// Help, or the first line of what clap has to say.
pub fn explain(answer: &clap::Error) -> ExitCode {
    let text = answer.to_string();
    if answer.use_stderr() {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let mut line = lines.next().unwrap_or_default().to_owned();
        // What is missing stands in the next line.
        if line.ends_with(':') {
            line = format!("{line} {}", lines.next().unwrap_or_default());
        }
        return refuse(&line);
    }
    print(&text)
}

pub fn print(text: &str) -> ExitCode {
    match write!(std::io::stdout(), "{text}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(2),
    }
}

pub fn refuse(line: &str) -> ExitCode {
    eprintln!("{line}");
    ExitCode::from(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(words: &str) -> Result<Plan, String> {
        let words = format!("playhouse-loadtest run {words}");
        let arguments = Arguments::try_parse_from(words.split(' ')).map_err(|error| error.to_string())?;
        let Command::Run(run) = arguments.command else { return Err("another command".into()) };
        run.plan().map_err(|error| error.to_string())
    }

    const LEAST: &str = "--target http://a:1 --users 1000 --report out --scenario";

    #[test]
    fn the_least_that_must_be_said_is_enough() {
        for scenario in ["chat", "watch", "surge", "likes", "reconnect", "upload", "mixed"] {
            assert_eq!(plan(&format!("{LEAST} {scenario}")).unwrap().users, 1_000, "{scenario}");
        }
        assert_eq!(plan(&format!("{LEAST} chat")).unwrap().speakers, 100);
        assert_eq!(plan(&format!("{LEAST} likes --speakers 5")).unwrap().speakers, 1_000);
        assert_eq!(plan(&format!("{LEAST} mixed --think 5s")).unwrap().per_s, 200.0);
    }

    #[test]
    fn what_is_wrong_or_does_not_go_together_is_refused() {
        for words in [
            "dance".to_owned(),
            "chat --gate happiness=1".to_owned(),
            "chat --rate 0".to_owned(),
            "chat --users 0".to_owned(),
            "chat --join a:1".to_owned(),
            "chat --workers 2".to_owned(),
            "chat --listen a:1".to_owned(),
            "chat --duration 8000h".to_owned(),
        ] {
            assert!(plan(&format!("{LEAST} {words}")).is_err(), "{words}");
        }
        assert!(plan("--scenario chat --target http://a:1 --users 5").is_err(), "no report");
    }

    #[test]
    fn a_worker_needs_to_know_its_coordinator_only() {
        let words = ["playhouse-loadtest", "run", "--join", "127.0.0.1:7700"];
        assert!(Arguments::try_parse_from(words).is_ok());
    }

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        for text in ["30", "s", "-1s", "3 s", "99999999999999999999s", "18446744073709551615h"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_target_is_a_plain_http_origin() {
        assert_eq!(target("http://127.0.0.1:8080/"), Ok("127.0.0.1:8080".to_owned()));
        for text in ["127.0.0.1:8080", "https://a", "http://", "http://a/b"] {
            assert!(target(text).is_err(), "{text}");
        }
    }
}
