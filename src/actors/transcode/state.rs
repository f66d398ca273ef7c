//! What becomes of a job: which step runs next, what is worth writing down and telling, and what a failure means.
//! Pure: the shell gives it time and events and performs the effects it answers with, in their order.

use std::time::Duration;

use crate::{
    backends::store::tables::video::{Job, JobEvent, JobPlan, JobState},
    domain::{
        clock::Timestamp,
        video::{Failure, Stage, Status},
    },
    media::{self, Catalogue, Event, Probe, RenditionId, plan},
};

/// How often growing renditions and a percentage are written and told at most.
const SAVE_INTERVAL: Duration = Duration::from_secs(1);
const LOG_LEN_MAX: usize = 100;

#[derive(Debug, Clone)]
pub struct Options {
    pub ladder: Vec<u32>,
    pub attempts_max: u32,
}

/// One run of a worker.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    Probe,
    Make { stage: plan::Stage, job: Box<media::Job> },
}

impl Step {
    pub fn name(&self) -> &'static str {
        match self {
            Step::Probe => plan::Stage::Probe.as_str(),
            Step::Make { stage, .. } => stage.as_str(),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Start a worker; `run` numbers it among all runs of the video, so that its files have names of their own.
    Run {
        step: Step,
        run: u32,
    },
    SaveJob(Box<Job>),
    SaveCatalogue(Box<Catalogue>),
    /// Write the video's own row.
    SaveVideo(VideoChange),
    /// A first segment of everything needed is there: publish the video.
    Publish,
    /// Tell the owner's sessions.
    Tell,
    /// Ask again after a pause.
    RetryAfter(Duration),
    /// Stop the worker that runs, if any.
    StopWorker,
    /// Nothing is left to do: the job is not pending any more.
    Settle,
}

/// The processing fields of a video's row.
#[derive(Debug, Clone, PartialEq)]
pub struct VideoChange {
    pub status: Status,
    pub stage: Stage,
    pub percent: i64,
    pub failure: Option<Failure>,
    pub duration_ms: Option<i64>,
}

pub struct State {
    job: Job,
    catalogue: Catalogue,
    plan: Option<Plan>,
    options: Options,
    published: bool,
    saved_at: Timestamp,
}

struct Plan {
    probe: Probe,
    stages: Vec<(plan::Stage, media::Job)>,
    finished: usize,
}

impl State {
    /// A job as the store knows it, from an earlier life or new.
    pub fn load(job: Job, mut catalogue: Catalogue, options: Options) -> Self {
        let plan = job.plan.as_ref().and_then(|plan| {
            let probe: Probe = serde_json::from_str(&plan.probe).ok()?;
            let stages = plan::stages(&probe, &options.ladder);
            Some(Plan { probe, finished: plan.finished.min(stages.len()), stages })
        });
        let published = catalogue.is_playable();
        catalogue.renditions.retain(media::Rendition::is_complete);
        Self { job, catalogue, plan, options, published, saved_at: Timestamp(0) }
    }

    #[cfg(test)]
    pub fn job(&self) -> &Job {
        &self.job
    }

    #[cfg(test)]
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    pub fn is_settled(&self) -> bool {
        matches!(self.job.state, JobState::Done | JobState::Failed | JobState::Cancelled)
    }

    /// Begins, or goes on after a restart of the process.
    pub fn start(&mut self, now: Timestamp) -> Vec<Effect> {
        if self.is_settled() { Vec::new() } else { self.next(now) }
    }

    /// The worker says what the source is.
    pub fn on_probed(&mut self, probe: Probe, now: Timestamp) -> Vec<Effect> {
        let stages = plan::stages(&probe, &self.options.ladder);
        let applied = self.catalogue.apply(&Event::Probed { probe: probe.clone() });
        applied.expect("a probe follows from nothing");
        let text = serde_json::to_string(&probe).expect("plain data always serialises");
        self.job.plan = Some(JobPlan { probe: text, finished: 0 });
        self.plan = Some(Plan { probe, stages, finished: 0 });
        self.next(now)
    }

    /// Something came into place. What does not follow from what came before is the worker's fault.
    pub fn on_event(&mut self, event: &Event, now: Timestamp) -> Vec<Effect> {
        if let Event::Progress { percent } = event {
            return self.on_progress(*percent, now);
        }
        if let Err(error) = self.catalogue.apply(event) {
            let detail = format!("the worker reported out of order: {error}");
            return self.on_failed(retryable("worker_failed", detail), now);
        }
        if let Event::Closed { rendition } = event {
            self.supersede(rendition);
        }
        let mut effects = Vec::new();
        let first_playable = !self.published && self.catalogue.is_playable();
        let whole =
            matches!(event, Event::Closed { .. } | Event::SpriteWritten { .. } | Event::PosterWritten { .. });
        if first_playable || whole || now.since(self.saved_at) >= SAVE_INTERVAL {
            self.saved_at = now;
            effects.push(Effect::SaveCatalogue(Box::new(self.catalogue.clone())));
        }
        if first_playable {
            self.published = true;
            effects.push(Effect::Publish);
        }
        if first_playable || matches!(event, Event::Closed { .. }) {
            effects.push(Effect::Tell);
        }
        effects
    }

    pub fn on_step_finished(&mut self, now: Timestamp) -> Vec<Effect> {
        let Some(plan) = &mut self.plan else { return Vec::new() };
        plan.finished += 1;
        if let Some(saved) = &mut self.job.plan {
            saved.finished = plan.finished;
        }
        self.next(now)
    }

    /// A worker failed, or its source is at fault.
    pub fn on_failed(&mut self, failure: Failure, now: Timestamp) -> Vec<Effect> {
        if self.is_settled() {
            return Vec::new();
        }
        self.job.attempts += 1;
        self.log(now, format!("{}: {}", failure.code, failure.detail));
        if failure.retryable && self.encode_instead() {
            return self.next(now);
        }
        let again = failure.retryable && self.job.attempts < i64::from(self.options.attempts_max);
        if again {
            let pause = Duration::from_secs(1 << self.job.attempts.clamp(0, 6));
            self.job.state = JobState::Queued;
            return vec![Effect::StopWorker, self.save_job(), Effect::Tell, Effect::RetryAfter(pause)];
        }
        self.job.state = JobState::Failed;
        self.job.stage = Stage::Failed;
        self.job.failure = Some(failure);
        vec![Effect::StopWorker, self.save_job(), self.save_video(), Effect::Tell, Effect::Settle]
    }

    /// The pause after a failure is over.
    pub fn on_retry_due(&mut self, now: Timestamp) -> Vec<Effect> {
        if self.job.state == JobState::Queued { self.next(now) } else { Vec::new() }
    }

    /// The owner asks for another try.
    pub fn on_retry_asked(&mut self, now: Timestamp) -> Vec<Effect> {
        if !matches!(self.job.state, JobState::Failed | JobState::Cancelled) {
            return Vec::new();
        }
        self.job.attempts = 0;
        self.job.failure = None;
        self.log(now, "retried by its owner".into());
        self.next(now)
    }

    pub fn on_cancelled(&mut self, now: Timestamp) -> Vec<Effect> {
        if self.is_settled() {
            return Vec::new();
        }
        self.log(now, "cancelled".into());
        self.job.state = JobState::Cancelled;
        self.job.stage = Stage::Failed;
        self.job.failure = Some(retryable("cancelled", "the job was cancelled; it can be retried".into()));
        vec![Effect::StopWorker, self.save_job(), self.save_video(), Effect::Tell, Effect::Settle]
    }

    /// What an earlier run made of the same name is worth nothing any more.
    fn supersede(&mut self, newest: &RenditionId) {
        let name = without_run(newest);
        self.catalogue.renditions.retain(|known| known.id == *newest || without_run(&known.id) != name);
    }

    /// Where a picture could not be passed through for a reason that is not the file's, it is encoded like any other.
    fn encode_instead(&mut self) -> bool {
        let Some(plan) = &mut self.plan else { return false };
        let passing =
            plan.stages.get(plan.finished).is_some_and(|(stage, _)| *stage == plan::Stage::Passthrough);
        if !passing || plan.probe.video.is_none() {
            return false;
        }
        plan.stages = plan::stages_encoding(&plan.probe, &self.options.ladder);
        true
    }

    /// Starts the next step, or ends.
    fn next(&mut self, now: Timestamp) -> Vec<Effect> {
        // What a failed run left half-made is made anew.
        self.catalogue.renditions.retain(media::Rendition::is_complete);
        let step = match &self.plan {
            None => Some(Step::Probe),
            Some(plan) => plan
                .stages
                .get(plan.finished)
                .map(|(stage, job)| Step::Make { stage: *stage, job: Box::new(job.clone()) }),
        };
        self.job.percent = i64::from(self.overall_percent(0));
        let Some(step) = step else { return self.finish(now) };
        self.job.state = JobState::Running;
        self.job.stage = stage_of(&step);
        self.job.runs += 1;
        self.log(now, format!("{} begins", self.job.stage));
        let run = u32::try_from(self.job.runs).unwrap_or(u32::MAX);
        vec![self.save_job(), self.save_video(), Effect::Tell, Effect::Run { step, run }]
    }

    fn finish(&mut self, now: Timestamp) -> Vec<Effect> {
        self.job.state = JobState::Done;
        self.job.stage = Stage::Done;
        self.job.percent = 100;
        self.job.failure = None;
        self.log(now, "done".into());
        let catalogue = Effect::SaveCatalogue(Box::new(self.catalogue.clone()));
        vec![catalogue, self.save_job(), self.save_video(), Effect::Tell, Effect::Settle]
    }

    fn on_progress(&mut self, percent: u8, now: Timestamp) -> Vec<Effect> {
        let overall = i64::from(self.overall_percent(percent));
        if overall <= self.job.percent || now.since(self.saved_at) < SAVE_INTERVAL {
            return Vec::new();
        }
        self.job.percent = overall;
        self.saved_at = now;
        vec![self.save_video(), Effect::Tell]
    }

    fn overall_percent(&self, percent: u8) -> u8 {
        self.plan.as_ref().map_or(0, |plan| plan::overall_percent(&plan.stages, plan.finished, percent))
    }

    fn save_job(&self) -> Effect {
        Effect::SaveJob(Box::new(self.job.clone()))
    }

    fn save_video(&self) -> Effect {
        Effect::SaveVideo(self.video_change())
    }

    pub fn video_change(&self) -> VideoChange {
        let status = match self.job.state {
            JobState::Queued | JobState::Running => Status::Processing,
            JobState::Done => Status::Ready,
            JobState::Failed | JobState::Cancelled => Status::Failed,
        };
        let duration_ms = self.plan.as_ref().map(|plan| plan.probe.duration_ms).filter(|ms| *ms > 0);
        VideoChange {
            status,
            stage: self.job.stage,
            percent: self.job.percent,
            failure: self.job.failure.clone(),
            duration_ms: duration_ms.and_then(|ms| i64::try_from(ms).ok()),
        }
    }

    fn log(&mut self, at: Timestamp, detail: String) {
        let log = &mut self.job.log.0;
        if log.len() >= LOG_LEN_MAX {
            log.remove(0);
        }
        log.push(JobEvent { at, stage: self.job.stage, detail });
    }
}

/// Names a rendition as this run makes it: `v720` of run 4 is `v720r4`.
pub fn of_run(rendition: &RenditionId, run: u32) -> RenditionId {
    RenditionId::parse(&format!("{rendition}r{run}")).unwrap_or_else(|_| rendition.clone())
}

/// `v720r4` is `v720`.
fn without_run(rendition: &RenditionId) -> &str {
    let name = rendition.as_str();
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    stem.strip_suffix('r').filter(|_| stem.len() < name.len()).unwrap_or(name)
}

fn stage_of(step: &Step) -> Stage {
    match step {
        Step::Probe => Stage::Probing,
        Step::Make { stage, .. } => match stage {
            plan::Stage::Probe => Stage::Probing,
            plan::Stage::Passthrough => Stage::Packaging,
            plan::Stage::FirstRung | plan::Stage::Ladder => Stage::Encoding,
            plan::Stage::Thumbnails => Stage::Thumbnails,
        },
    }
}

fn retryable(code: &str, detail: String) -> Failure {
    Failure { code: code.into(), detail, retryable: true }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
