//! What the worker takes away from itself before it reads its task: it dies with its parent, gains no
//! privilege, leaves no core, and has a bounded address space and few files. Long work also
//! steps back behind the server and behind short work.

use std::env;

use rustix::process::{Resource, Rlimit, Signal};

use crate::media::failure::{Failure, FailureCode};

/// Tells the child who started it, so that it can see whether that one still lives.
pub const PARENT_VARIABLE: &str = "PLAYHOUSE_PARENT";

const ADDRESS_SPACE_MAX_BYTES: u64 = 4 << 30;
const FILES_MAX: u64 = 256;
const NICENESS: i32 = 10;

pub fn confine() -> Result<(), Failure> {
    let refused = |error: rustix::io::Errno| {
        Failure::new(FailureCode::WorkerFailed, format!("the worker cannot confine itself: {error}"))
    };
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).map_err(refused)?;
    check_parent()?;
    rustix::thread::set_no_new_privs(true).map_err(refused)?;
    limit(Resource::Core, 0).map_err(refused)?;
    limit(Resource::As, ADDRESS_SPACE_MAX_BYTES).map_err(refused)?;
    limit(Resource::Nofile, FILES_MAX).map_err(refused)?;
    Ok(())
}

/// For long work: probing and passing through are what a viewer waits for, and stay ahead of all
/// ladders. A machine that does not allow it loses nothing but the order.
pub fn step_back() {
    rustix::process::nice(NICENESS).ok();
}

/// The parent may have died before the signal was armed; then nobody waits for us. Without the variable a
/// person runs the worker by hand.
fn check_parent() -> Result<(), Failure> {
    let Some(expected) = env::var(PARENT_VARIABLE).ok().and_then(|pid| pid.parse::<i32>().ok()) else {
        return Ok(());
    };
    let parent = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get());
    if parent == Some(expected) {
        return Ok(());
    }
    Err(Failure::new(FailureCode::WorkerFailed, "the server that started this worker is gone"))
}

/// Never raises a limit that is lower already.
fn limit(resource: Resource, most: u64) -> rustix::io::Result<()> {
    let hard = rustix::process::getrlimit(resource).maximum.map_or(most, |hard| hard.min(most));
    rustix::process::setrlimit(resource, Rlimit { current: Some(hard), maximum: Some(hard) })
}
