//! The load harness bundled with Playhouse: simulated users against a running server, and a report.
//! `playhouse-loadtest run --scenario chat --target http://127.0.0.1:8080 --users 50 --duration 30s --report out`.
//! Exit codes: 0 held, 1 a gate fell, 2 wrong arguments or no such server, 3 the client was the bottleneck.

mod args;
mod company;
mod compare;
mod conduct;
mod measure;
mod playhouse;
mod proc;
mod progress;
mod report;
mod run;
mod scenarios;
mod schedule;
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
        args::Command::Run(run) => Box::pin(conduct::run(&run)).await,
        args::Command::Compare(compare) => {
            Box::pin(compare::run(&compare)).await.map(|table| args::print(&table))
        }
    };
    concluded.unwrap_or_else(|reason| args::refuse(&format!("{reason:#}")))
}
