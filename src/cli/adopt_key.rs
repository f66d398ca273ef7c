//! `playhouse doctor adopt-key`: goes on with this node's key file where the installation's is lost.

use std::sync::Arc;

use super::{Exit, Output, offline};
use crate::{app, config::Config, domain::clock::SystemClock};

pub(super) fn run(config: &Config, output: &mut Output<'_>) -> std::io::Result<Exit> {
    let adopted = offline(app::adopt_key(config, Arc::new(SystemClock)), output.err)?;
    let Some(fingerprint) = adopted else { return Ok(Exit::Failed) };
    writeln!(output.out, "the key of this installation is {fingerprint} now; copy the file to every node")?;
    Ok(Exit::Stopped)
}
