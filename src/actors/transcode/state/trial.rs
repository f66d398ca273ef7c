//! A file that is to take the place of a video's. Until something of it plays, the old one is shown and nothing of it is
//! touched. Then one write shows the new one, and what is left of the old one goes. A file of which nothing can be played
//! goes itself, and the job stands as it did before.

use std::mem;

use super::{Effect, State, plans::Planned};
use crate::{
    actors::transcode::progress::Progress,
    backends::store::tables::video::{Job, JobBefore, JobState, RefusedFile, Trial},
    domain::{
        clock::Timestamp,
        ids::{UploadId, VideoId},
        video::{Failure, Stage},
    },
    media::{FailureCode, plan},
};

/// A file that is in its place and waits for its trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSource {
    pub upload_id: UploadId,
    /// What it is counted as.
    pub file_id: VideoId,
}

/// How the replacement of a file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    NoTrial,
    /// The old file is shown, the new one is worked on.
    OnTrial,
    /// The new one is shown; something of the old one is left.
    Accepted,
    /// The old one stays; something of the new one is left.
    Refused,
}

/// What a settled trial has left to be removed.
#[derive(Debug, Clone, PartialEq)]
pub struct Leftovers {
    pub trial: Trial,
    pub verdict: Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Accepted,
    Refused,
}

impl Leftovers {
    /// Whether what this run has made is to go.
    pub fn are_of(&self, run: u32) -> bool {
        let is_old = i64::from(run) <= self.trial.runs_before;
        match self.verdict {
            Verdict::Accepted => is_old,
            Verdict::Refused => !is_old,
        }
    }
}

impl State {
    pub fn standing(&self) -> Standing {
        let Some(trial) = &self.job.trial else { return Standing::NoTrial };
        let refused = self.job.refused.as_ref();
        if self.source.as_ref() == Some(&trial.upload_id) {
            Standing::Accepted
        } else if refused.is_some_and(|refused| refused.upload_id == trial.upload_id) {
            Standing::Refused
        } else {
            Standing::OnTrial
        }
    }

    /// The upload whose file is worked on; `None` for the one that the video began with.
    pub fn source(&self) -> Option<&UploadId> {
        match (&self.job.trial, self.standing()) {
            (Some(trial), Standing::OnTrial) => Some(&trial.upload_id),
            _ => self.source.as_ref(),
        }
    }

    /// The upload whose file is shown by the next write, and the one whose file was shown before.
    pub fn sources(&self) -> (Option<UploadId>, Option<UploadId>) {
        (self.source.clone(), self.former_source.clone())
    }

    pub fn leftovers(&self) -> Option<Leftovers> {
        let verdict = match self.standing() {
            Standing::Accepted => Verdict::Accepted,
            Standing::Refused => Verdict::Refused,
            Standing::NoTrial | Standing::OnTrial => return None,
        };
        Some(Leftovers { trial: self.job.trial.clone()?, verdict })
    }

    /// A file is in its place that is to be tried. `None` while another is; asking again for the same changes nothing.
    pub fn on_replaced(&mut self, new: NewSource, now: Timestamp) -> Option<Vec<Effect>> {
        if self.has_met(&new.upload_id) {
            return Some(Vec::new());
        }
        if self.job.trial.is_some() {
            return None;
        }
        let job = &mut self.job;
        let before = JobBefore {
            state: job.state,
            stage: job.stage,
            percent: job.percent,
            attempts: job.attempts,
            plan: job.plan.take(),
            failure: job.failure.take(),
        };
        let NewSource { upload_id, file_id } = new;
        job.trial = Some(Trial { upload_id, file_id, runs_before: job.runs, before });
        job.refused = None;
        (job.state, job.stage, job.percent, job.attempts) = (JobState::Queued, Stage::Queued, 0, 0);
        self.log(now, "another file is to take the place of this one".into());
        self.set_aside();
        let mut effects = vec![Effect::StopWorkers];
        effects.extend(self.next(now));
        Some(effects)
    }

    fn has_met(&self, upload: &UploadId) -> bool {
        let trial = self.job.trial.as_ref().map(|trial| &trial.upload_id);
        let refused = self.job.refused.as_ref().map(|refused| &refused.upload_id);
        [trial, refused, self.source.as_ref()].contains(&Some(upload))
    }

    /// What is shown stays as it is while another file is tried, from its beginning.
    pub(super) fn set_aside(&mut self) {
        self.forget_work();
        (self.job.plan, self.plan) = (None, None);
        self.shown = Some(mem::take(&mut self.catalogue));
        self.published = false;
    }

    fn forget_work(&mut self) {
        self.running.clear();
        self.resting.clear();
        self.progress = Progress::default();
    }

    /// Something of the file on trial plays: the next write shows it.
    pub(super) fn accept(&mut self, now: Timestamp) {
        self.former_source = self.source.take();
        self.source = self.job.trial.as_ref().map(|trial| trial.upload_id.clone());
        self.shown = None;
        self.log(now, "the new file has taken the place of the old one".into());
    }

    /// The old file stays, and its job with it. It goes on once nothing is left of the new one.
    pub(super) fn refuse(&mut self, failure: Failure, now: Timestamp) -> Vec<Effect> {
        let Some(Trial { upload_id, before, .. }) = self.job.trial.clone() else { return Vec::new() };
        self.log(now, format!("the new file is not taken and the old one stays: {}", failure.detail));
        self.forget_work();
        let job = &mut self.job;
        job.refused = Some(RefusedFile { upload_id, failure });
        (job.state, job.stage, job.percent, job.attempts) =
            (before.state, before.stage, before.percent, before.attempts);
        (job.plan, job.failure) = (before.plan, before.failure);
        self.plan = planned(&self.job);
        self.catalogue = self.shown.take().unwrap_or_default();
        self.published = self.catalogue.is_playable();
        self.drop_half_made();
        vec![Effect::StopWorkers, self.save_job()]
    }

    /// All that could make the file on trial play is made, and it does not.
    pub(super) fn is_unplayable(&self) -> bool {
        let Some((planned, saved)) = self.plan.as_ref().zip(self.job.plan.as_ref()) else { return false };
        let mut open = planned.pieces.iter().filter(|piece| !saved.finished.contains(&piece.name()));
        self.standing() == Standing::OnTrial
            && self.running.is_empty()
            && open.all(|piece| piece.act() > 0 || piece.stage == plan::Stage::Thumbnails)
    }

    pub(super) fn refuse_unplayable(&mut self, now: Timestamp) -> Vec<Effect> {
        let failure = Failure {
            code: FailureCode::WorkerFailed.as_str().into(),
            detail: "nothing that could be made of it can be played".into(),
            retryable: false,
        };
        self.refuse(failure, now)
    }

    /// Nothing of the file that had to go is left.
    pub fn on_cleared(&mut self, now: Timestamp) -> Vec<Effect> {
        self.job.trial = None;
        let launched = if self.is_settled() { Vec::new() } else { self.launch(now) };
        let mut effects = vec![self.save_job(), self.save_video(), Effect::Tell];
        if self.is_settled() {
            effects.push(Effect::Settle);
        } else if launched.is_empty() && self.is_all_made() {
            effects.extend(self.finish(now));
        }
        effects.extend(launched);
        effects
    }
}

/// What a job goes by, as it was written.
pub(super) fn planned(job: &Job) -> Option<Planned> {
    job.plan.as_ref().and_then(|plan| serde_json::from_str(&plan.plan).ok()).map(Planned::new)
}
