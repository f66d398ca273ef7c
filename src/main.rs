//! The `playhouse` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("media-worker") => playhouse::media::worker_main(),
        _ => ExitCode::from(2),
    }
}
