//! The `playhouse` binary.

use std::process::ExitCode;

/// A media worker is no command for people: it is started by the server and speaks JSON lines, so it is told apart
/// before anything else is set up.
fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("media-worker") => playhouse::media::worker_main(),
        _ => playhouse::cli::main(),
    }
}
