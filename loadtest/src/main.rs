//! The load harness bundled with Playhouse: simulated users against a running server, and a report.
//! `playhouse-loadtest run --scenario chat --target http://127.0.0.1:8080 --users 50 --duration 30s --report out`.
//! Exit codes: 0 held, 1 a gate fell, 2 wrong arguments or no such server, 3 the client was the bottleneck.

mod args;
mod compare;
mod measure;
mod proc;
mod report;
mod rest;
mod scenarios;
mod socket;
mod user;
mod wire;

use std::process::ExitCode;

use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    let command = match args::Arguments::try_parse() {
        Ok(arguments) => arguments.command,
        Err(answer) => return args::explain(&answer),
    };
    let concluded = match command {
        args::Command::Run(run) => scenarios::run(&run).await.map(|outcome| report::conclude(&run, &outcome)),
        args::Command::Compare(compare) => compare::run(&compare).await.map(|table| args::print(&table)),
    };
    concluded.unwrap_or_else(|reason| args::refuse(&format!("{reason:#}")))
}
