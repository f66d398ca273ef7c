//! `playhouse serve`: starts the app, says where it is, and waits for SIGTERM or SIGINT. A second signal ends it at
//! once. A meltdown of the actors ends it with exit code 1 and a clear last line.

use std::{io::Write, sync::Arc};

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

use super::{Exit, Output, open_files};
use crate::{
    app::{App, Surroundings},
    config::{Config, LogFormat},
    domain::clock::SystemClock,
    telemetry::logs,
};

pub(super) fn run(config: Config, output: &mut Output<'_>) -> std::io::Result<Exit> {
    let surroundings = Surroundings {
        clock: Arc::new(SystemClock),
        program: std::env::current_exe()?,
        children: Vec::new(),
    };
    run_in(config, surroundings, output)
}

/// As `playhouse serve`, in surroundings that the caller chooses.
pub fn run_in(config: Config, surroundings: Surroundings, output: &mut Output<'_>) -> std::io::Result<Exit> {
    let format = match config.telemetry.format {
        LogFormat::Text => logs::Format::Text,
        LogFormat::Json => logs::Format::Json,
    };
    if let Err(refusal) = logs::install(&config.telemetry.log, format) {
        writeln!(output.err, "telemetry.log: {refusal}")?;
        return Ok(Exit::Refused);
    }
    open_files::raise_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match runtime.block_on(serve(config, surroundings, output.out)) {
        Ok(()) => Ok(Exit::Stopped),
        Err(error) => {
            writeln!(output.err, "playhouse stopped: {error:#}")?;
            Ok(Exit::Failed)
        }
    }
}

async fn serve(config: Config, surroundings: Surroundings, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be listened for")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be listened for")?;
    let mut app = App::start(config, surroundings).await?;
    welcome(&app, out)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        meltdown = app.melted_down() => anyhow::bail!("{meltdown}"),
    }
    tracing::info!("going away: finishing what is under way; a second signal ends at once");
    tokio::select! {
        () = app.stop() => Ok(()),
        _ = terminate.recv() => anyhow::bail!("ended at once by a second signal"),
        _ = interrupt.recv() => anyhow::bail!("ended at once by a second signal"),
    }
}

/// The address, the administrator of a first start, and a line to try.
fn welcome(app: &App, out: &mut dyn Write) -> std::io::Result<()> {
    let url = app.public_url();
    writeln!(out, "playhouse listens on {url}")?;
    if let Some(admin) = app.first_admin() {
        writeln!(out, "\nAn administrator was made. This password is shown only once:")?;
        writeln!(out, "  user name  {}\n  password   {}", admin.username, admin.password)?;
    }
    writeln!(out, "\nTry it:\n  curl {url}/api/v1/videos")?;
    out.flush()
}
