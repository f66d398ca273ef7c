//! Structured logs on standard error, so that standard output stays what a command prints. Installed once by `cli`.
//! A line is for people or one JSON object; the fields of the request's span (its id among them) are in every line.
//! Never logged: tokens, cookies, addresses, bodies.

use std::io::{self, IsTerminal};

use tracing_subscriber::{EnvFilter, layer::SubscriberExt, registry, util::SubscriberInitExt};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Text,
    Json,
}

#[derive(Debug, thiserror::Error)]
pub enum LogsError {
    #[error("the log filter cannot be read: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    #[error("logs are already installed: {0}")]
    Installed(#[from] tracing_subscriber::util::TryInitError),
}

/// Sends the logs of this process that pass `filter` to standard error.
pub fn install(filter: &str, format: Format) -> Result<(), LogsError> {
    let lines = registry().with(EnvFilter::try_new(filter)?);
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    match format {
        Format::Text => lines.with(layer.with_ansi(io::stderr().is_terminal())).try_init()?,
        Format::Json => lines.with(layer.json().flatten_event(true)).try_init()?,
    }
    Ok(())
}
