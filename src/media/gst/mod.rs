//! The inside of `playhouse media-worker`: the only code that loads GStreamer. Reads one task from stdin,
//! does it, tells what it makes on stdout, ends. Runs in a process of its own, because what it decodes may be
//! hostile and what decodes it is C.

use std::process::ExitCode;

/// Tells the child who started it, so that it can see whether that one still lives.
pub const PARENT_VARIABLE: &str = "PLAYHOUSE_PARENT";

/// What `playhouse media-worker` does.
pub fn worker_main() -> ExitCode {
    ExitCode::from(1)
}
