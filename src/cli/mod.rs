//! The `playhouse` command: arguments in, an exit code out. Every subcommand is one file with one function that is
//! called from the one `match` here; what it prints goes to the writer it is given.
//! Exit codes: 0 stopped, 1 failed while running, 2 wrong configuration or arguments (one line that names the key).

mod adopt_key;
mod arguments;
mod doctor;
pub mod open_files;
mod recount;
mod reindex;
mod schema;
pub mod serve;
mod user;

use std::{io::Write, process::ExitCode};

use clap::Parser;

use self::arguments::{Arguments, Command, DoctorTask, SchemaTask};
use crate::{
    config::{Config, Roles},
    http,
};

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Stopped,
    Failed,
    Refused,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Where a command writes.
pub struct Output<'a> {
    pub out: &'a mut dyn Write,
    pub err: &'a mut dyn Write,
}

/// The whole command, on this process's arguments, environment and streams.
pub fn main() -> ExitCode {
    let arguments = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned());
    let environment = std::env::vars_os().filter_map(|(name, value)| {
        let readable = name.into_string().ok().zip(value.into_string().ok());
        readable.filter(|(name, _)| name.starts_with("PLAYHOUSE__"))
    });
    let mut output = Output { out: &mut std::io::stdout(), err: &mut std::io::stderr() };
    // An output that nobody reads any more (`playhouse doctor | head -1`) leaves nothing to say.
    run(arguments, environment, &mut output).unwrap_or(Exit::Failed).into()
}

/// Runs the command that `arguments` name; the first is the program's own name.
pub fn run(
    arguments: impl Iterator<Item = String>,
    environment: impl Iterator<Item = (String, String)>,
    output: &mut Output<'_>,
) -> std::io::Result<Exit> {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(answer) => return explain(&answer, output),
    };
    let mut config = match Config::load(arguments.config.as_deref(), environment) {
        Ok(config) => config,
        Err(refusal) => {
            writeln!(output.err, "{refusal}")?;
            return Ok(Exit::Refused);
        }
    };
    match arguments.command.unwrap_or(Command::Serve { roles: Vec::new() }) {
        Command::Serve { roles } => {
            if !roles.is_empty() {
                config.node.roles = match Roles::parse(roles.iter().map(String::as_str)) {
                    Ok(roles) => roles,
                    Err(refusal) => {
                        writeln!(output.err, "--roles: {refusal}")?;
                        return Ok(Exit::Refused);
                    }
                };
            }
            serve::run(config, output)
        }
        Command::Doctor { task: None } => doctor::run(&config, output.out),
        Command::Doctor { task: Some(DoctorTask::Recount) } => recount::run(&config, output),
        Command::Doctor { task: Some(DoctorTask::AdoptKey) } => adopt_key::run(&config, output),
        Command::Doctor { task: Some(DoctorTask::Reindex) } => reindex::run(&config, output),
        Command::User(command) => user::run(&config, command, output),
        Command::Openapi => print(&http::document(), output),
        Command::Schema { task } => schema::run(&config, task.unwrap_or(SchemaTask::Print), output),
    }
}

fn print(text: &str, output: &mut Output<'_>) -> std::io::Result<Exit> {
    output.out.write_all(text.as_bytes())?;
    Ok(Exit::Stopped)
}

/// Does what needs no server around it. `None` if it failed, which has been said then.
fn offline<T>(
    work: impl Future<Output = anyhow::Result<T>>,
    err: &mut dyn Write,
) -> std::io::Result<Option<T>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match runtime.block_on(work) {
        Ok(done) => Ok(Some(done)),
        Err(error) => {
            writeln!(err, "{error:#}")?;
            Ok(None)
        }
    }
}

/// Help was asked for, or an argument is wrong: then one line, since the rest of clap's answer is in `--help`.
fn explain(answer: &clap::Error, output: &mut Output<'_>) -> std::io::Result<Exit> {
    let text = answer.to_string();
    if answer.use_stderr() {
        let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        writeln!(output.err, "{line} (see `playhouse --help`)")?;
        return Ok(Exit::Refused);
    }
    write!(output.out, "{text}")?;
    Ok(Exit::Stopped)
}

#[cfg(test)]
mod tests;
