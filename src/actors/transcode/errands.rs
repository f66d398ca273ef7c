//! Jobs on a node that makes no videos, or cannot now: it writes down what is to be done, says so, and leaves it to the others.

use bytes::Bytes;

use super::{Residence, Transcode, Transcodes, Workshop};
use crate::{
    backends::{
        bus::{Delivery, SharedBus},
        store::tables::video::JobState,
    },
    domain::{clock::Timestamp, ids::VideoId},
    telemetry::tasks,
};

const TOPIC: &str = "transcode";

/// Whether this node makes videos, or leaves that to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Works {
    Here,
    Elsewhere,
}

/// Begins what other nodes call for.
pub fn answer(transcodes: &Transcodes) {
    let Some(bus) = transcodes.workshop.bus.clone() else { return };
    if transcodes.workshop.works == Works::Elsewhere {
        return;
    }
    let transcodes = transcodes.clone();
    drop(tasks::spawn("transcode-errands", async move {
        let closing = transcodes.closing.clone();
        closing.run_until_cancelled(listen(&bus, &transcodes)).await;
    }));
}

/// What is missed is found by the sweep.
async fn listen(bus: &SharedBus, transcodes: &Transcodes) {
    let Ok(mut calls) = bus.subscribe(TOPIC).await else { return };
    loop {
        let Delivery::Event(event) = calls.next().await else { continue };
        let video: Option<VideoId> = std::str::from_utf8(&event).ok().and_then(|text| text.parse().ok());
        // Who cannot begin either must not call again.
        if let Some(video) = video
            && transcodes.workshop.fitness.is_fit().await
        {
            drop(transcodes.nudge(&video).await);
        }
    }
}

impl Workshop {
    /// Says that a job waits. Whoever does not hear it finds it when it sweeps.
    pub async fn call(&self, video: &VideoId) {
        if let Some(bus) = &self.bus {
            drop(bus.publish(TOPIC, Bytes::copy_from_slice(video.as_str().as_bytes())).await);
        }
    }
}

impl Transcode {
    /// A job that this node has touched and does not work on must not wait for the end of its lease.
    pub async fn leave_to_others(&self, job: &mut Residence) {
        let leaves = self.workshop.works == Works::Elsewhere || job.hands_over;
        if !leaves || !job.running.is_empty() {
            return;
        }
        job.hands_over = false;
        let waits = matches!(job.state.row().state, JobState::Queued | JobState::Running);
        let held = std::mem::take(&mut job.held_until) > Timestamp(0);
        if waits && held {
            self.release(job).await;
            self.workshop.call(&job.video).await;
        }
    }
}
