//! What becomes of a job: which pieces run next, what is worth writing down and telling, and what a failure means.
//! Pure: the shell gives it time, chance and events and performs the effects it answers with, in their order.

mod plans;

use std::{collections::BTreeMap, time::Duration};

use self::plans::Planned;
use super::{
    names::of_run,
    progress::{self, Outlook, Progress},
    step::{Run, Step, describe},
};
use crate::{
    backends::store::tables::video::{Job, JobEvent, JobState},
    domain::{
        clock::Timestamp,
        codec::Codec,
        video::{Failure, Stage, Status},
    },
    media::{self, Catalogue, Event, FailureCode, Plan, Probe, plan},
};

/// How often growing renditions and a percentage are written and told at most.
const SAVE_INTERVAL: Duration = Duration::from_secs(1);
const LOG_LEN_MAX: usize = 100;
/// How long a piece rests that found no room in the line of this node.
const BUSY_PAUSE: Duration = Duration::from_secs(30);
/// How long a video waits before it is asked again whether the malware scanner is back.
const SCANNER_PAUSE: Duration = Duration::from_secs(5);
const PAUSE_MIN: Duration = Duration::from_secs(2);
const PAUSE_DOUBLINGS_MAX: u32 = 5;

#[derive(Debug, Clone)]
pub struct Options {
    pub ladder: Vec<u32>,
    pub second_codec: Option<Codec>,
    /// How often one piece may fail.
    pub attempts_max: u32,
    /// Pieces of one job at the same time, those that wait for their turn included.
    pub pieces_at_once_max: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    Run(Box<Run>),
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
    /// Stop the workers that run, if any.
    StopWorkers,
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
    plan: Option<Planned>,
    options: Options,
    running: BTreeMap<u32, Step>,
    /// Pieces that failed, and when each may run again.
    resting: BTreeMap<String, Timestamp>,
    progress: Progress,
    published: bool,
    saved_at: Timestamp,
}

impl State {
    /// A job as the store knows it, from an earlier life or new.
    pub fn load(job: Job, catalogue: Catalogue, options: Options) -> Self {
        let plan = job.plan.as_ref().and_then(|plan| serde_json::from_str(&plan.plan).ok()).map(Planned::new);
        let published = catalogue.is_playable();
        let mut state = Self {
            job,
            catalogue,
            plan,
            options,
            running: BTreeMap::new(),
            resting: BTreeMap::new(),
            progress: Progress::default(),
            published,
            saved_at: Timestamp(0),
        };
        state.drop_half_made();
        state
    }

    /// As it is written.
    pub fn row(&self) -> Job {
        self.job.clone()
    }

    /// Whether a row says what is known here.
    pub fn is_of(&self, row: &Job) -> bool {
        let Job { state, runs, attempts, .. } = row;
        (*state, *runs, *attempts) == (self.job.state, self.job.runs, self.job.attempts)
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
        if self.is_settled() || !self.running.is_empty() { Vec::new() } else { self.next(now) }
    }

    /// The worker says what the source is.
    pub fn on_probed(&mut self, run: u32, probe: Probe, now: Timestamp) -> Vec<Effect> {
        if self.running.remove(&run).is_none() {
            return Vec::new();
        }
        let applied = self.catalogue.apply(&Event::Probed { probe: probe.clone() });
        applied.expect("a probe follows from nothing");
        self.adopt(Plan::new(probe, &self.options.ladder).with_second_codec(self.options.second_codec));
        self.next(now)
    }

    /// Something came into place. What does not follow from what came before is the worker's fault.
    pub fn on_event(&mut self, run: u32, event: &Event, now: Timestamp, chance: f64) -> Vec<Effect> {
        if !self.running.contains_key(&run) {
            return Vec::new();
        }
        if let Event::Progress { percent } = event {
            return self.on_progress(run, *percent, now);
        }
        if let Err(error) = self.catalogue.apply(event) {
            let code = match error {
                media::catalogue::OutOfOrder::Unequal(_) => FailureCode::NotCuttable,
                _ => FailureCode::WorkerFailed,
            };
            let detail = format!("the worker reported out of order: {error}");
            return self.on_failed(run, retryable(code.as_str(), detail), now, chance);
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

    pub fn on_step_finished(&mut self, run: u32, now: Timestamp) -> Vec<Effect> {
        let Some(Step::Make(piece)) = self.running.remove(&run) else { return Vec::new() };
        if let Some(plan) = &mut self.job.plan {
            plan.finished.insert(piece.name());
        }
        self.progress.forget(&piece.name());
        let mut effects = self.close_shared(&piece);
        if !piece.chunk.is_whole() {
            self.log(now, format!("{} is made", describe(&piece)));
            // What is finished and what is there must never be told apart by a crash.
            effects.push(Effect::SaveCatalogue(Box::new(self.catalogue.clone())));
        }
        effects.extend(self.next(now));
        effects
    }

    /// With the last chunk of a stage, what its chunks made together is complete.
    fn close_shared(&mut self, piece: &plan::Piece) -> Vec<Effect> {
        let Some((planned, saved)) = self.plan.as_ref().zip(self.job.plan.as_ref()) else {
            return Vec::new();
        };
        let mut alike = planned.pieces.iter().filter(|other| other.stage == piece.stage);
        if !alike.all(|other| saved.finished.contains(&other.name())) {
            return Vec::new();
        }
        let shared = piece.shared_renditions();
        let generation = saved.generation;
        if shared.is_empty() {
            return Vec::new();
        }
        for rendition in shared {
            let rendition = of_run(&rendition, generation);
            // A chunk that is finished has opened what it is a part of.
            self.catalogue.apply(&Event::Closed { rendition: rendition.clone() }).ok();
            self.supersede(&rendition);
        }
        vec![Effect::Tell]
    }

    /// A worker failed, or its source is at fault. `chance` is between 0 and 1.
    pub fn on_failed(&mut self, run: u32, failure: Failure, now: Timestamp, chance: f64) -> Vec<Effect> {
        let Some(step) = self.running.remove(&run) else { return Vec::new() };
        if self.is_settled() {
            return Vec::new();
        }
        let label = step.label();
        self.progress.forget(&label);
        if failure.code == FailureCode::Busy.as_str() {
            return self.rest(label, BUSY_PAUSE.mul_f64(1.0 + chance), now);
        }
        if failure.code == FailureCode::ScannerAway.as_str() {
            self.log_once(now, failure.detail);
            return self.rest(label, SCANNER_PAUSE.mul_f64(1.0 + chance), now);
        }
        self.job.attempts += 1;
        self.log(now, format!("{label}: {}: {}", failure.code, failure.detail));
        let comes_last = matches!(&step, Step::Make(piece) if piece.comes_last());
        if !comes_last && self.plan_otherwise(&step, &failure) {
            let mut effects = vec![Effect::StopWorkers];
            self.running.clear();
            effects.extend(self.next(now));
            return effects;
        }
        let failed = self.count_failure(&label);
        if !failure.retryable || failed >= self.options.attempts_max {
            return if comes_last { self.do_without_second_codec(now) } else { self.give_up(failure) };
        }
        self.rest(label, pause(failed, chance), now)
    }

    /// Others may run meanwhile.
    fn rest(&mut self, label: String, pause: Duration, now: Timestamp) -> Vec<Effect> {
        self.resting.insert(label, now.plus(pause));
        if self.running.is_empty() {
            self.job.state = JobState::Queued;
            self.progress.look_away();
        }
        let launched = self.launch(now);
        let mut effects = vec![self.save_job(), Effect::Tell, Effect::RetryAfter(pause)];
        effects.extend(launched);
        effects
    }

    /// How often this piece has failed by now.
    fn count_failure(&mut self, label: &str) -> u32 {
        match &mut self.job.plan {
            Some(plan) => {
                let failed = plan.failed.entry(label.to_owned()).or_default();
                *failed += 1;
                *failed
            }
            None => run_number(self.job.attempts),
        }
    }

    fn give_up(&mut self, failure: Failure) -> Vec<Effect> {
        self.running.clear();
        self.job.state = JobState::Failed;
        self.job.stage = Stage::Failed;
        self.job.failure = Some(failure);
        vec![Effect::StopWorkers, self.save_job(), self.save_video(), Effect::Tell, Effect::Settle]
    }

    pub fn on_retry_due(&mut self, now: Timestamp) -> Vec<Effect> {
        if self.is_settled() { Vec::new() } else { self.next(now) }
    }

    /// The owner asks for another attempt. Nothing happens unless the job has failed or was cancelled.
    pub fn on_retry_asked(&mut self, now: Timestamp) -> Vec<Effect> {
        if !matches!(self.job.state, JobState::Failed | JobState::Cancelled) {
            return Vec::new();
        }
        self.job.attempts = 0;
        self.job.failure = None;
        if let Some(plan) = &mut self.job.plan {
            plan.failed.clear();
        }
        self.resting.clear();
        self.log(now, "retried by its owner".into());
        self.drop_half_made();
        self.next(now)
    }

    /// The owner wants no more of it.
    pub fn on_cancelled(&mut self, now: Timestamp) -> Vec<Effect> {
        if self.is_settled() {
            return Vec::new();
        }
        self.log(now, "cancelled".into());
        self.running.clear();
        self.job.state = JobState::Cancelled;
        self.job.stage = Stage::Failed;
        self.job.failure = Some(retryable("cancelled", "the job was cancelled; it can be retried".into()));
        vec![Effect::StopWorkers, self.save_job(), self.save_video(), Effect::Tell, Effect::Settle]
    }

    /// Starts what can start, or ends.
    fn next(&mut self, now: Timestamp) -> Vec<Effect> {
        let launched = self.launch(now);
        if launched.is_empty() && self.is_all_made() {
            return self.finish(now);
        }
        self.job.percent = self.job.percent.max(i64::from(self.overall_percent()));
        if launched.is_empty() {
            return vec![self.save_job()];
        }
        // The row is written before the runs begin that it counts.
        let mut effects = vec![self.save_job(), self.save_video(), Effect::Tell];
        effects.extend(launched);
        effects
    }

    fn is_all_made(&self) -> bool {
        let Some((planned, saved)) = self.plan.as_ref().zip(self.job.plan.as_ref()) else { return false };
        planned.pieces.iter().all(|piece| saved.finished.contains(&piece.name()))
    }

    fn launch(&mut self, now: Timestamp) -> Vec<Effect> {
        let mut effects = Vec::new();
        while self.running.len() < self.options.pieces_at_once_max
            && let Some(step) = self.ready(now)
        {
            self.drop_half_made();
            self.job.state = JobState::Running;
            self.job.stage = step.shown_as();
            self.job.runs += 1;
            let number = run_number(self.job.runs);
            if step.begins_a_stage() {
                self.log(now, format!("{} begins", step.shown_as()));
            }
            let run = self.run(step.clone(), number);
            self.progress.watch(self.overall_percent(), now);
            self.running.insert(number, step);
            effects.push(Effect::Run(Box::new(run)));
        }
        effects
    }

    /// The first step that neither is done, nor runs, nor rests, nor depends on one that does.
    fn ready(&self, now: Timestamp) -> Option<Step> {
        let free = |label: &str| {
            let rests = self.resting.get(label).is_some_and(|due| *due > now);
            !rests && !self.running.values().any(|step| step.label() == label)
        };
        let Some((planned, saved)) = self.plan.as_ref().zip(self.job.plan.as_ref()) else {
            return Some(Step::Probe).filter(|step| free(&step.label()));
        };
        let is_unmade = |piece: &plan::Piece| !saved.finished.contains(&piece.name());
        for piece in planned.pieces.iter().filter(|piece| is_unmade(piece)) {
            if piece.comes_last()
                && planned.pieces.iter().any(|other| !other.comes_last() && is_unmade(other))
            {
                return None;
            }
            if free(&piece.name()) {
                return Some(Step::Make(Box::new(piece.clone())));
            }
            if piece.is_alone() {
                return None;
            }
        }
        None
    }

    fn run(&self, step: Step, number: u32) -> Run {
        let generation = self.job.plan.as_ref().map_or(number, |plan| plan.generation);
        let Step::Make(piece) = &step else {
            return Run { step, number, generation: number, kept: BTreeMap::new() };
        };
        let shared = piece.shared_renditions();
        let generation = if shared.is_empty() { number } else { generation };
        let first = piece.chunk.first_sequence;
        let kept = shared.into_iter().map(|rendition| {
            let rendition = of_run(&rendition, generation);
            let next = self.catalogue.kept(&rendition, first);
            (rendition, next)
        });
        let kept = kept.collect();
        Run { step, number, generation, kept }
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

    fn on_progress(&mut self, run: u32, percent: u8, now: Timestamp) -> Vec<Effect> {
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

    fn overall_percent(&self) -> u8 {
        let Some((planned, saved)) = self.plan.as_ref().zip(self.job.plan.as_ref()) else { return 0 };
        self.progress.overall(&planned.plan, &planned.pieces, &saved.finished)
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
        let probe = self.plan.as_ref().map(|planned| &planned.plan.probe);
        let duration_ms = probe.map(|probe| probe.duration_ms).filter(|ms| *ms > 0);
        VideoChange {
            status,
            stage: self.job.stage,
            percent: self.job.percent,
            failure: self.job.failure.clone(),
            duration_ms: duration_ms.and_then(|ms| i64::try_from(ms).ok()),
        }
    }

    /// Says what goes on for a while, and not each time anew.
    fn log_once(&mut self, now: Timestamp, detail: String) {
        if self.job.log.0.last().is_none_or(|last| last.detail != detail) {
            self.log(now, detail);
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

/// Doubles with each failure of a piece; half of it is left to chance, so that what failed together does not come
/// back together.
fn pause(failed: u32, chance: f64) -> Duration {
    let longest = PAUSE_MIN * (1 << failed.saturating_sub(1).min(PAUSE_DOUBLINGS_MAX));
    longest.mul_f64(0.5 + 0.5 * chance.clamp(0.0, 1.0))
}

fn run_number(count: i64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn retryable(code: &str, detail: String) -> Failure {
    Failure { code: code.into(), detail, retryable: true }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
