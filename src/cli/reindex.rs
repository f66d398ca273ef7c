//! `playhouse doctor reindex`: throws the search index away and fills it anew from the store.

use std::sync::Arc;

use super::{Exit, Output};
use crate::{app, config::Config, domain::clock::SystemClock};

pub(super) fn run(config: &Config, output: &mut Output<'_>) -> std::io::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match runtime.block_on(app::reindex(config, Arc::new(SystemClock))) {
        Ok(counted) => {
            writeln!(output.out, "{} public videos looked at, {} indexed", counted.videos, counted.changed)?;
            Ok(Exit::Stopped)
        }
        Err(error) => {
            writeln!(output.err, "{error:#}")?;
            Ok(Exit::Failed)
        }
    }
}
