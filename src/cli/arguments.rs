//! What may stand behind `playhouse` on the command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// A video platform engine in one binary: upload, transcode, stream, and talk about it live.
#[derive(Debug, Parser)]
#[command(name = "playhouse", version)]
pub(super) struct Arguments {
    /// A TOML file laid over the defaults; PLAYHOUSE__SECTION__KEY=value wins over both.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check what the server needs on this machine, and say what to install or change.
    Doctor,
}
