//! What may stand behind `playhouse` on the command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::domain::access::Role;

/// A video platform engine in one binary: upload, transcode, stream, and talk about it live.
#[derive(Debug, Parser)]
#[command(name = "playhouse", version)]
pub(super) struct Arguments {
    /// A TOML file laid over the defaults; PLAYHOUSE__SECTION__KEY=value wins over both.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serve until SIGTERM. This is also what `playhouse` does without a command.
    Serve {
        /// What this node does, instead of node.roles: http, ws, media, all; separated by commas.
        #[arg(long, value_delimiter = ',', value_name = "ROLES")]
        roles: Vec<String>,
    },
    /// Check what the server needs on this machine, and say what to install or change.
    Doctor {
        #[command(subcommand)]
        task: Option<DoctorTask>,
    },
    /// Make accounts, set passwords, give roles. The server must be stopped.
    #[command(subcommand)]
    User(UserCommand),
    /// Print the OpenAPI document.
    Openapi,
    /// The CQL schema of a store on ScyllaDB or Cassandra; prints it when nothing follows.
    Schema {
        #[command(subcommand)]
        task: Option<SchemaTask>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum DoctorTask {
    /// Count every tally anew from its members, and put right what is wrong. The server must be stopped.
    Recount,
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub(super) enum SchemaTask {
    /// Print the tables as they are declared.
    Print,
    /// Make the keyspace, tables and columns that backends.store lacks; what is there stays as it is.
    Apply,
    /// Say what backends.store lacks, and whether `apply` can make it.
    Check,
}

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Make an account; the password is read from standard input.
    Add { username: String, email: String },
    /// Set a password, read from standard input.
    Password { username: String },
    /// Give a role: viewer, creator, moderator or admin.
    Role { username: String, role: Role },
}
