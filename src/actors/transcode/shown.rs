//! How a job stands: in the metrics, and as its owner is told.

use std::sync::Arc;

use super::{Residence, Transcode};
use crate::{backends::store::tables::video::JobState, telemetry::Metrics};

/// A job in the gauge of jobs by state, as long as it is in memory.
pub struct Shown {
    metrics: Arc<Metrics>,
    state: JobState,
}

impl Shown {
    pub fn new(metrics: Arc<Metrics>, state: JobState) -> Self {
        metrics.jobs.of(state.as_str()).inc();
        Self { metrics, state }
    }

    /// Counts an attempt when it ends.
    pub fn change(&mut self, state: JobState) {
        if state == self.state {
            return;
        }
        let outcome = match state {
            JobState::Queued => Some("retried"),
            JobState::Running => None,
            JobState::Done | JobState::Failed | JobState::Cancelled => Some(state.as_str()),
        };
        if let Some(outcome) = outcome {
            self.metrics.job_attempts.of(outcome).inc();
        }
        self.metrics.jobs.of(self.state.as_str()).dec();
        self.metrics.jobs.of(state.as_str()).inc();
        self.state = state;
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.metrics.jobs.of(self.state.as_str()).dec();
    }
}

impl Transcode {
    pub async fn tell_owner(&self, job: &Residence) {
        let change = job.state.video_change();
        let data = serde_json::json!({
            "video_id": job.video.as_str(),
            "status": change.status.as_str(),
            "stage": change.stage.as_str(),
            "percent": change.percent,
            "failure": change.failure,
            "replacement": job.state.replacement().map(|(status, failure)| {
                serde_json::json!({ "status": status, "failure": failure })
            }),
        });
        self.workshop.notices.tell(&job.owner.account, "job", data).await;
    }
}
