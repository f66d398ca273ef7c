//! What becomes of a job: which pieces run next, what is worth writing down and telling, and what a failure means.
//! Pure: the shell gives it time, chance and events and performs the effects it answers with, in their order.

mod effect;
mod plans;
mod telling;
mod trial;

use std::{collections::BTreeMap, time::Duration};

pub use self::{
    effect::{DurationChange, Effect, VideoChange},
    trial::{Leftovers, NewSource, Standing, Verdict},
};
use self::{
    plans::{Kept, Planned},
    trial::planned,
};
use super::{
    made::Made,
    names::of_run,
    progress::Progress,
    step::{Run, Step, describe},
};
use crate::{
    backends::store::tables::video::{Job, JobState},
    domain::{
        clock::Timestamp,
        codec::Codec,
        ids::UploadId,
        video::{Failure, Stage},
    },
    media::{self, Catalogue, Event, FailureCode, Plan, Probe, plan},
};

/// How often growing renditions and a percentage are written and told at most.
const SAVE_INTERVAL: Duration = Duration::from_secs(1);
/// How long a piece rests that found no room in the line of this node.
const BUSY_PAUSE: Duration = Duration::from_secs(30);
/// How long a video waits before it is asked again whether the malware scanner is back.
const SCANNER_PAUSE: Duration = Duration::from_secs(5);
/// How long a job waits before this node asks again whether it can go on.
pub const STORAGE_PAUSE: Duration = Duration::from_secs(5);
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

pub struct State {
    job: Job,
    /// Of the file that is worked on.
    catalogue: Catalogue,
    /// The upload whose file is shown; `None` for the one that the video began with.
    source: Option<UploadId>,
    /// The same before a file took its place in this life of the job.
    former_source: Option<UploadId>,
    /// What is shown, while another file is worked on.
    shown: Option<Catalogue>,
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
    pub fn load(job: Job, made: Made, options: Options) -> Self {
        let mut state = Self {
            plan: planned(&job),
            published: made.catalogue.is_playable(),
            job,
            catalogue: made.catalogue,
            former_source: made.source.clone(),
            source: made.source,
            shown: None,
            options,
            running: BTreeMap::new(),
            resting: BTreeMap::new(),
            progress: Progress::default(),
            saved_at: Timestamp(0),
        };
        // What was made of a file on trial was not written.
        match state.standing() {
            Standing::OnTrial => state.set_aside(),
            _ => state.drop_half_made(),
        }
        state
    }

    /// As it is written.
    pub fn row(&self) -> Job {
        self.job.clone()
    }

    /// Whether a row says what is known here.
    pub fn is_of(&self, row: &Job) -> bool {
        let Job { state, runs, attempts, trial, .. } = row;
        (*state, *runs, *attempts, trial)
            == (self.job.state, self.job.runs, self.job.attempts, &self.job.trial)
    }

    #[cfg(test)]
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    #[cfg(test)]
    pub fn made(&self) -> Made {
        let catalogue = self.shown.as_ref().unwrap_or(&self.catalogue).clone();
        Made { catalogue, source: self.source.clone() }
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
        let plan = Plan::new(probe, &self.options.ladder).with_second_codec(self.options.second_codec);
        self.adopt(plan, Kept::NotEncoded);
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
        let accepted = first_playable && self.standing() == Standing::OnTrial;
        if accepted {
            self.accept(now);
        }
        let whole =
            matches!(event, Event::Closed { .. } | Event::SpriteWritten { .. } | Event::PosterWritten { .. });
        if first_playable || whole || now.since(self.saved_at) >= SAVE_INTERVAL {
            self.saved_at = now;
            effects.extend(self.save_catalogue());
        }
        if first_playable {
            self.published = true;
            effects.push(Effect::Publish);
        }
        if accepted {
            effects.push(self.save_video());
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
            effects.extend(self.save_catalogue());
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
        if failure.code == FailureCode::StorageAway.as_str() {
            return self.hand_over(failure.detail, chance, now);
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
            return if comes_last { self.do_without_second_codec(now) } else { self.give_up(failure, now) };
        }
        self.rest(label, pause(failed, chance), now)
    }

    /// This node cannot go on. Another may; if none does, it asks itself again.
    fn hand_over(&mut self, why: String, chance: f64, now: Timestamp) -> Vec<Effect> {
        self.log_once(now, format!("it waits: {why}"));
        self.running.clear();
        self.job.state = JobState::Queued;
        self.progress.look_away();
        let pause = Effect::RetryAfter(STORAGE_PAUSE.mul_f64(1.0 + chance));
        vec![Effect::StopWorkers, self.save_job(), Effect::Tell, Effect::HandOver, pause]
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

    fn give_up(&mut self, failure: Failure, now: Timestamp) -> Vec<Effect> {
        if self.standing() == Standing::OnTrial {
            return self.refuse(failure, now);
        }
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
        (self.job.state, self.job.stage) = (JobState::Queued, Stage::Queued);
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
        let failure = retryable("cancelled", "the job was cancelled; it can be retried".into());
        if self.standing() == Standing::OnTrial {
            return self
                .refuse(Failure { retryable: false, detail: "it was cancelled".into(), ..failure }, now);
        }
        self.running.clear();
        self.job.state = JobState::Cancelled;
        self.job.stage = Stage::Failed;
        self.job.failure = Some(failure);
        vec![Effect::StopWorkers, self.save_job(), self.save_video(), Effect::Tell, Effect::Settle]
    }

    /// Starts what can start, or ends.
    fn next(&mut self, now: Timestamp) -> Vec<Effect> {
        let launched = self.launch(now);
        if launched.is_empty() && self.is_unplayable() {
            return self.refuse_unplayable(now);
        }
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
        if self.standing() == Standing::Refused {
            return effects;
        }
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
        // Pictures keep their names, so they are made when nobody is shown the former ones any more.
        let is_held =
            |piece: &plan::Piece| self.job.trial.is_some() && piece.stage == plan::Stage::Thumbnails;
        let open: Vec<&plan::Piece> =
            planned.pieces.iter().filter(|piece| !saved.finished.contains(&piece.name())).collect();
        for piece in open.iter().filter(|piece| !is_held(piece)) {
            if open.iter().any(|other| other.act() < piece.act()) {
                return None;
            }
            if free(&piece.name()) {
                return Some(Step::Make(Box::new(self.filled_in(piece))));
            }
            if piece.is_alone() {
                return None;
            }
        }
        None
    }

    /// What there is to verify is known only now.
    fn filled_in(&self, piece: &plan::Piece) -> plan::Piece {
        match piece.job {
            media::Job::Verify { .. } => {
                plan::Piece { job: media::Job::Verify { made: self.catalogue.to_verify() }, ..piece.clone() }
            }
            _ => piece.clone(),
        }
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
        let mut effects = Vec::from_iter(self.save_catalogue());
        effects.extend([self.save_job(), self.save_video(), Effect::Tell, Effect::Settle]);
        effects
    }

    fn save_job(&self) -> Effect {
        Effect::SaveJob(Box::new(self.job.clone()))
    }

    /// Nothing is shown of a file on trial.
    fn save_catalogue(&self) -> Option<Effect> {
        let shown = self.standing() != Standing::OnTrial;
        shown.then(|| Effect::SaveCatalogue(Box::new(self.catalogue.clone())))
    }

    fn save_video(&self) -> Effect {
        Effect::SaveVideo(self.video_change())
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
