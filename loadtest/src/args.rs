//! What the command line may say. A wrong word is refused in one line with exit code 2.

use std::{io::Write, path::PathBuf, process::ExitCode, str::FromStr, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};

#[derive(Debug, Parser)]
#[command(name = "playhouse-loadtest", version, about = "Simulated users against a running Playhouse")]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run one scenario and write its report.
    Run(Run),
    /// Measure Playhouse beside bun, Socket.IO and centrifuge.
    Compare(crate::compare::Compare),
}

#[derive(Debug, Clone, Args)]
pub struct Run {
    #[arg(long, value_enum)]
    pub scenario: Scenario,
    /// The server, such as http://127.0.0.1:8080. It needs limits.enabled=false: all users come from one address.
    #[arg(long, value_parser = target)]
    pub target: String,
    /// Simulated users, each with an account and a socket of its own.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub users: u32,
    /// How long users talk, such as 500ms, 30s or 2m.
    #[arg(long, value_parser = duration, default_value = "30s")]
    pub duration: Duration,
    /// Comments a second of all users together.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub comments_per_s: u32,
    /// The same seed gives the same choices.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// A folder for report.json and report.md.
    #[arg(long)]
    pub report: PathBuf,
    /// NAME=VALUE: the figure of that name in the report may not be above VALUE (below it for names in `_per_s`).
    #[arg(long = "gate")]
    pub gates: Vec<Gate>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// Everyone joins one room, comments, and reads what all the others say.
    Chat,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    pub name: String,
    pub value: f64,
}

impl FromStr for Gate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("allowed: NAME=VALUE")?;
        if !crate::report::FIGURES.contains(&name) {
            return Err(format!(
                "no figure is called {name}, allowed: {}",
                crate::report::FIGURES.join(", ")
            ));
        }
        let value = value.parse().map_err(|_| format!("{value} is no number"))?;
        Ok(Self { name: name.to_owned(), value })
    }
}

fn target(text: &str) -> Result<String, String> {
    let host = text.strip_prefix("http://").map(|host| host.trim_end_matches('/'));
    let host = host.filter(|host| !host.is_empty() && !host.contains('/'));
    host.map(str::to_owned).ok_or_else(|| "allowed: http://HOST:PORT".to_owned())
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
    number.checked_mul(unit_ms).map(Duration::from_millis).ok_or_else(|| "too long".to_owned())
}

/// Help, or the first line of what clap has to say.
pub fn explain(answer: &clap::Error) -> ExitCode {
    let text = answer.to_string();
    if answer.use_stderr() {
        let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        return refuse(line);
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

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        for text in ["30", "s", "-1s", "3 s", "99999999999999999999s", "18446744073709551615h"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_gate_names_a_figure_of_the_report() {
        assert_eq!("p99_ms=100".parse(), Ok(Gate { name: "p99_ms".into(), value: 100.0 }));
        for text in ["p99_ms", "p99_ms=fast", "happiness=1"] {
            assert!(text.parse::<Gate>().is_err(), "{text}");
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
