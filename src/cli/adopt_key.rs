//! `playhouse doctor adopt-key`: goes on with this node's key file where the installation's is lost.

use std::sync::Arc;

use super::{Exit, Output};
use crate::{app, config::Config, domain::clock::SystemClock};

pub(super) fn run(config: &Config, output: &mut Output<'_>) -> std::io::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match runtime.block_on(app::adopt_key(config, Arc::new(SystemClock))) {
        Ok(fingerprint) => {
            writeln!(
                output.out,
                "the key of this installation is {fingerprint} now; copy the file to every node"
            )?;
            Ok(Exit::Stopped)
        }
        Err(error) => {
            writeln!(output.err, "{error:#}")?;
            Ok(Exit::Failed)
        }
    }
}
