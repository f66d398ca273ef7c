//! What a job tells: how far it is, what its video's row says, its log.

use super::{DurationChange, Effect, SAVE_INTERVAL, Standing, State, VideoChange};
use crate::{
    actors::transcode::progress::{self, Outlook},
    backends::store::tables::video::{JobEvent, JobState},
    domain::{
        clock::Timestamp,
        video::{Failure, Status},
    },
};

const LOG_LEN_MAX: usize = 100;

impl State {
    pub(super) fn on_progress(&mut self, run: u32, percent: u8, now: Timestamp) -> Vec<Effect> {
        let Some(step) = self.running.get(&run) else { return Vec::new() };
        self.progress.note(step.label(), percent);
        let overall = i64::from(self.overall_percent());
        if overall <= self.job.percent || now.since(self.saved_at) < SAVE_INTERVAL {
            return Vec::new();
        }
        self.job.percent = overall;
        self.saved_at = now;
        vec![self.save_video(), Effect::Tell]
    }

    pub fn outlook(&self, now: Timestamp) -> Outlook {
        let saved = self.plan.as_ref().zip(self.job.plan.as_ref());
        let (chunks_done, chunks) =
            saved.map_or((0, 0), |(planned, saved)| progress::chunks(&planned.pieces, &saved.finished));
        let works = self.job.state == JobState::Running;
        let left = self.progress.left(self.overall_percent(), now).filter(|_| works);
        Outlook { percent: self.job.percent, left, chunks_done, chunks }
    }

    pub(super) fn overall_percent(&self) -> u8 {
        let Some((planned, saved)) = self.plan.as_ref().zip(self.job.plan.as_ref()) else { return 0 };
        self.progress.overall(&planned.plan, &planned.pieces, &saved.finished)
    }

    pub fn video_change(&self) -> VideoChange {
        let status = match self.job.state {
            JobState::Queued | JobState::Running => Status::Processing,
            JobState::Done => Status::Ready,
            JobState::Failed | JobState::Cancelled => Status::Failed,
        };
        let probe = self.plan.as_ref().map(|planned| &planned.plan.probe);
        let duration = match probe.filter(|_| self.standing() != Standing::OnTrial) {
            Some(probe) => DurationChange::Now(i64::try_from(probe.duration_ms).ok().filter(|ms| *ms > 0)),
            None => DurationChange::AsBefore,
        };
        VideoChange {
            status,
            stage: self.job.stage,
            percent: self.job.percent,
            failure: self.job.failure.clone(),
            duration,
        }
    }

    /// How a file fares that is to take the place of this one, and why the last one could not.
    pub fn replacement(&self) -> Option<(&'static str, Option<&Failure>)> {
        let refused = self.job.refused.as_ref().map(|refused| ("refused", Some(&refused.failure)));
        match self.standing() {
            Standing::OnTrial => Some(("on_trial", None)),
            Standing::NoTrial | Standing::Accepted | Standing::Refused => refused,
        }
    }

    /// Says what goes on for a while, and not each time anew.
    pub(super) fn log_once(&mut self, now: Timestamp, detail: String) {
        if self.job.log.0.last().is_none_or(|last| last.detail != detail) {
            self.log(now, detail);
        }
    }

    pub(super) fn log(&mut self, at: Timestamp, detail: String) {
        let log = &mut self.job.log.0;
        if log.len() >= LOG_LEN_MAX {
            log.remove(0);
        }
        log.push(JobEvent { at, stage: self.job.stage, detail });
    }
}
