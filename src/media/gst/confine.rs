//! What the worker takes away from itself: it dies with its parent, gains no privilege, leaves no core, has bounded
//! memory and few files, and no network ([`fence`]). When it knows its task, also bounded processor time, files of a
//! bounded size, and no files but its own. Long work steps back behind the server and behind short work.
//! How many processes there may be is not limited: the kernel counts those of the whole user, the server's included.

use std::env;

use rustix::process::{Resource, Rlimit, Signal};

use super::fence;
use crate::media::{
    chunk::LEAD_MAX_NS,
    failure::{Failure, FailureCode},
    protocol::{Guards, InForce, Job, Made, Task},
};

/// Tells the child who started it, so that it can see whether that one still lives.
pub const PARENT_VARIABLE: &str = "PLAYHOUSE_PARENT";

const ADDRESS_SPACE_MAX_BYTES: u64 = 4 << 30;
const FILES_MAX: u64 = 256;
const PROCESSOR_MIN_S: u64 = 120;
/// What a container adds to what is in it.
const FILE_SURPLUS_BYTES: u64 = 64 << 20;
const NICENESS: i32 = 10;

/// Before the task is read. Answers whether the network is gone.
pub fn confine() -> Result<InForce, Failure> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).map_err(refused)?;
    check_parent()?;
    rustix::thread::set_no_new_privs(true).map_err(refused)?;
    limit(Resource::Core, 0).map_err(refused)?;
    limit(Resource::As, ADDRESS_SPACE_MAX_BYTES).map_err(refused)?;
    limit(Resource::Nofile, FILES_MAX).map_err(refused)?;
    Ok(fence::leave_network().into())
}

/// By what the task may take at most.
pub fn bound(task: &Task, network: InForce) -> Result<Guards, Failure> {
    limit(Resource::Cpu, processor_s(&task.job)).map_err(refused)?;
    limit(Resource::Fsize, file_bytes(task)).map_err(refused)?;
    Ok(Guards { network, files: fence::close_files(task).into() })
}

fn refused(error: rustix::io::Errno) -> Failure {
    Failure::new(FailureCode::WorkerFailed, format!("the worker cannot confine itself: {error}"))
}

/// Many times what a slow machine takes: the watchdog looks at progress, this ends what makes progress for ever.
fn processor_s(job: &Job) -> u64 {
    let (by_source, duration_ms) = match job {
        Job::Check { .. } | Job::Probe => (0, 0),
        Job::Passthrough { probe } | Job::Sound { probe } => (10, probe.duration_ms),
        Job::Thumbnails { probe } => (30, probe.duration_ms),
        Job::Verify { made } => (30, made.iter().map(Made::duration_ms).sum()),
        Job::Ladder { probe, chunk, .. } => {
            // What lies before a chunk may have to be decoded, too.
            let chunk_ms = (chunk.duration_ns(probe.duration_ms * 1_000_000) + LEAD_MAX_NS) / 1_000_000;
            (200, chunk_ms)
        }
    };
    PROCESSOR_MIN_S + by_source * duration_ms / 1000
}

/// The largest file is a segment of a source with one keyframe, passed through.
fn file_bytes(task: &Task) -> u64 {
    task.limits.size_max_bytes.saturating_add(FILE_SURPLUS_BYTES)
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
