//! The inside of `playhouse media-worker`: the only code that loads GStreamer. Reads one task from stdin,
//! does it, tells what it makes on stdout, ends. Runs in a process of its own, because what it decodes may be
//! hostile and what decodes it is C. Pipelines here are built from the probe, never by guessing.

mod aac;
mod codec_name;
mod confine;
mod discover;
mod discover_chapters;
mod discover_streams;
mod elements;
mod encode;
mod ending;
mod entry_points;
mod fence;
mod jumps;
mod outputs;
mod passthrough;
mod pictures;
mod pipeline;
mod report;
mod seek;
mod segments;
mod shrink;
mod source;
mod timeline;
mod tracks;
mod verify;
mod waveform;

use std::{io::BufRead, process::ExitCode, sync::Arc};

use report::Reporter;

use super::{
    failure::{Failure, FailureCode},
    protocol::{Event, Guards, Job, Task},
    sniff,
};

pub use confine::PARENT_VARIABLE;

/// A probe and its rungs are below 16 KiB.
const TASK_MAX_BYTES: u64 = 64 * 1024;

/// What `playhouse media-worker` does. Not for people: it waits for a task on stdin.
pub fn worker_main() -> ExitCode {
    let reporter = Arc::new(Reporter::default());
    let outcome = confine::confine().and_then(|network| {
        let task = read_task()?;
        let guards = confine::bound(&task, network)?;
        perform(&task, guards, &reporter)
    });
    match outcome {
        Ok(()) => {
            reporter.tell(&Event::Done);
            ExitCode::SUCCESS
        }
        Err(failure) => {
            reporter.tell(&Event::Failed { failure });
            ExitCode::FAILURE
        }
    }
}

fn read_task() -> Result<Task, Failure> {
    let mut line = String::new();
    let read = std::io::Read::take(std::io::stdin().lock(), TASK_MAX_BYTES).read_line(&mut line);
    let parsed = read.map_err(|error| error.to_string());
    let parsed = parsed.and_then(|_| serde_json::from_str(&line).map_err(|error| error.to_string()));
    parsed
        .map_err(|error| Failure::new(FailureCode::WorkerFailed, format!("the worker got no task: {error}")))
}

fn perform(task: &Task, guards: Guards, reporter: &Arc<Reporter>) -> Result<(), Failure> {
    if let Job::Check { second_codec } = task.job {
        let (gstreamer, missing) = elements::look(second_codec)?;
        reporter.tell(&Event::Checked { gstreamer, missing, guards });
        return Ok(());
    }
    if let Job::Verify { made } = &task.job {
        confine::step_back();
        elements::init()?;
        return verify::run(task, made, reporter);
    }
    let container = sniff::sniff(&task.source, &task.limits)?;
    if let Job::Ladder { .. } | Job::Sound { .. } | Job::Thumbnails { .. } = task.job {
        confine::step_back();
    }
    elements::init()?;
    match &task.job {
        Job::Check { .. } | Job::Verify { .. } => Ok(()),
        Job::Probe => {
            let probe = discover::discover(&task.source, container, &task.limits)?;
            reporter.tell(&Event::Probed { probe });
            Ok(())
        }
        Job::Passthrough { probe } => passthrough::run(task, probe, reporter),
        Job::Ladder { probe, rungs, sound, chunk } => {
            let order = encode::Order { probe, rungs, sound: *sound, chunk: *chunk };
            encode::run(task, &order, reporter)
        }
        Job::Sound { probe } => passthrough::sounds_alone(task, probe, reporter),
        Job::Thumbnails { probe } => pictures::run(task, probe, reporter),
    }
}
