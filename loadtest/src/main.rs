//! The load harness bundled with Playhouse: simulated users against a running server, and a report.
//! `playhouse-loadtest run --scenario chat --target http://127.0.0.1:8080 --users 50 --duration 30s --report out`.
//! Exit codes: 0 held, 1 a gate fell, 2 wrong arguments or no such server, 3 the client was the bottleneck.

mod args;
mod measure;
mod report;
mod rest;
mod scenarios;
mod socket;
mod user;

use std::process::ExitCode;

use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    let args::Command::Run(run) = match args::Arguments::try_parse() {
        Ok(arguments) => arguments.command,
        Err(answer) => return args::explain(&answer),
    };
    match scenarios::run(&run).await {
        Ok(outcome) => report::conclude(&run, &outcome),
        Err(reason) => args::refuse(&format!("{reason:#}")),
    }
}
