//! `playhouse doctor recount`: counts every tally anew from its members and puts right what is wrong.

use std::sync::Arc;

use super::{Exit, Output, offline};
use crate::{app, config::Config, domain::clock::SystemClock};

pub(super) fn run(config: &Config, output: &mut Output<'_>) -> std::io::Result<Exit> {
    let counted = offline(app::recount(config, Arc::new(SystemClock)), output.err)?;
    let Some(report) = counted else { return Ok(Exit::Failed) };
    for line in &report.repaired {
        writeln!(output.out, "put right: {line}")?;
    }
    writeln!(output.out, "{} tallies counted, {} put right", report.counted, report.repaired.len())?;
    Ok(Exit::Stopped)
}
