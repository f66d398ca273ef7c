//! The `playhouse` binary.

use std::process::ExitCode;

/// Gives back what a storm of sockets or a large upload has used, where the system's own would keep it in pieces.
/// `.cargo/config.toml` has its settings.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A media worker is no command for people: it is started by the server and speaks JSON lines, so it is told apart
/// before anything else is set up.
fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("media-worker") => playhouse::media::worker_main(),
        _ => playhouse::cli::main(),
    }
}
