//! `playhouse doctor reindex`: throws the search index away and fills it anew from the store.

use std::sync::Arc;

use super::{Exit, Output, offline};
use crate::{app, config::Config, domain::clock::SystemClock};

pub(super) fn run(config: &Config, output: &mut Output<'_>) -> std::io::Result<Exit> {
    let filled = offline(app::reindex(config, Arc::new(SystemClock)), output.err)?;
    let Some(counted) = filled else { return Ok(Exit::Failed) };
    writeln!(output.out, "{} public videos looked at, {} indexed", counted.videos, counted.changed)?;
    Ok(Exit::Stopped)
}
