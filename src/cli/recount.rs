//! `playhouse doctor recount`: counts every tally anew from its members and puts right what is wrong.

use std::sync::Arc;

use super::{Exit, Output};
use crate::{app, config::Config, domain::clock::SystemClock};

pub(super) fn run(config: &Config, output: &mut Output<'_>) -> std::io::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match runtime.block_on(app::recount(config, Arc::new(SystemClock))) {
        Ok(report) => {
            for line in &report.repaired {
                writeln!(output.out, "put right: {line}")?;
            }
            writeln!(output.out, "{} tallies counted, {} put right", report.counted, report.repaired.len())?;
            Ok(Exit::Stopped)
        }
        Err(error) => {
            writeln!(output.err, "{error:#}")?;
            Ok(Exit::Failed)
        }
    }
}
