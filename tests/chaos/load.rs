//! The bundled load harness as a crowd of strangers: `mixed`, over the same front as everybody.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStderr, Command},
};

use crate::served::program_file;

/// What the harness counts of which there may be none. `failed` and `unanswered` hold only what stayed so after being asked
/// again, `cut` who came back more often than they may.
const NONE_OF: [&str; 7] =
    ["failed", "unanswered", "cut", "gaps", "duplicates", "unrecovered", "wrong_counts"];

/// Three Cassandra nodes, two nodes and their clients have to live on two cores.
const THINK: &str = "30s";

pub struct Load {
    child: Child,
    users: usize,
    lines: Lines<BufReader<ChildStderr>>,
    report: PathBuf,
}

impl Load {
    pub fn start(front: SocketAddr, users: usize, returns: usize, lasts: Duration, report: &Path) -> Self {
        let program = program_file().with_file_name("playhouse-loadtest");
        let mut child = Command::new(&program)
            .args(["run", "--scenario", "mixed", "--rooms", "10", "--speakers", "400", "--think", THINK])
            .args(["--target", &format!("http://{front}"), "--users", &users.to_string()])
            .args(["--returns", &returns.to_string(), "--duration", &format!("{}s", lasts.as_secs())])
            .arg("--report")
            .arg(report)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}; `make rolling` builds it", program.display()));
        let lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        Self { child, users, lines, report: report.into() }
    }

    /// Until all users are there.
    pub async fn until_all_came(&mut self) {
        let all = format!("{} users", self.users);
        while let Some(line) = self.line().await {
            if line.contains(&all) && !line.contains("set-up") {
                return;
            }
        }
    }

    async fn line(&mut self) -> Option<String> {
        let line = self.lines.next_line().await.expect("a line")?;
        eprintln!("  {line}");
        Some(line)
    }

    /// Its own end, and what went wrong.
    pub async fn end(mut self) -> Vec<String> {
        while self.line().await.is_some() {}
        let status = self.child.wait().await.expect("it ends");
        let Ok(report) = std::fs::read(self.report.join("report.json")) else {
            return vec![format!("the load harness wrote no report, {status}")];
        };
        let report: Value = serde_json::from_slice(&report).expect("JSON");
        let figure = |name: &str| report["figures"][name].as_f64().unwrap_or(0.0);
        let names =
            ["connected", "joins", "returns", "comments", "reactions", "requests", "segments", "uploads"];
        let counted: Vec<_> = names.iter().map(|name| format!("{name} {}", figure(name))).collect();
        eprintln!("the load: {}; {}", report["verdict"], counted.join(", "));
        let settle = ["settle_p50_ms", "settle_p99_ms", "settle_max_ms", "rest_p99_ms", "answer_p99_ms"];
        let timed: Vec<_> = settle.iter().map(|name| format!("{name} {:.0}", figure(name))).collect();
        eprintln!("the load: {}", timed.join(", "));
        let wrong = NONE_OF.iter().filter(|name| figure(name) > 0.0);
        let mut wrong: Vec<_> = wrong.map(|name| format!("the load: {} {name}", figure(name))).collect();
        if !wrong.is_empty() {
            wrong.push(format!("the load: {}", report["problems"]));
        }
        wrong
    }
}
