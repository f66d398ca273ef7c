//! The plan a job goes by: adopted after the probe, replaced where a source turns out otherwise, and what of an earlier
//! one's work is kept.

use super::{Effect, State};
use crate::{
    actors::transcode::{
        names::{of_run, run_of, without_run},
        step::Step,
    },
    backends::store::tables::video::JobPlan,
    domain::{clock::Timestamp, video::Failure},
    media::{FailureCode, Plan, RenditionId, plan},
};

pub struct Planned {
    pub plan: Plan,
    pub pieces: Vec<plan::Piece>,
}

/// What of an earlier plan's work is good for another.
#[derive(Clone, Copy)]
pub(super) enum Kept {
    NotEncoded,
    Pictures,
}

impl Kept {
    fn holds(self, piece: &str) -> bool {
        let stages: &[plan::Stage] = match self {
            Self::NotEncoded => &[plan::Stage::Passthrough, plan::Stage::Thumbnails],
            Self::Pictures => &[plan::Stage::Thumbnails],
        };
        stages.iter().any(|stage| piece.starts_with(stage.as_str()))
    }
}

impl Planned {
    pub fn new(plan: Plan) -> Self {
        Self { pieces: plan.pieces(), plan }
    }
}

impl State {
    /// Goes by this plan from now on; what is finished of an earlier one stays finished where it is still asked for.
    pub(super) fn adopt(&mut self, plan: Plan, kept: Kept) {
        self.job.runs += 1;
        let text = serde_json::to_string(&plan).expect("plain data always serialises");
        let planned = Planned::new(plan);
        self.catalogue.expect_rungs(planned.plan.rungs().len());
        self.catalogue.expect_sounds(planned.plan.probe.sounds.len());
        let (mut finished, mut failed) =
            self.job.plan.take().map(|old| (old.finished, old.failed)).unwrap_or_default();
        finished.retain(|name| kept.holds(name));
        failed.retain(|name, _| kept.holds(name) || name.starts_with(plan::Stage::Verify.as_str()));
        let generation = super::run_number(self.job.runs);
        self.job.plan = Some(JobPlan { plan: text, generation, finished, failed });
        self.plan = Some(planned);
        self.resting.clear();
        self.drop_half_made();
    }

    /// What an earlier run made of the same name is worth nothing any more.
    pub(super) fn supersede(&mut self, newest: &RenditionId) {
        let name = without_run(newest);
        self.catalogue.retain(|known| known.id == *newest || without_run(&known.id) != name);
    }

    /// What a failed run left half-made is made anew, unless it is made of chunks.
    pub(super) fn drop_half_made(&mut self) {
        let generation = self.job.plan.as_ref().map(|plan| plan.generation);
        let shared: Vec<RenditionId> = match (&self.plan, generation) {
            (Some(planned), Some(generation)) => {
                let shared = planned.pieces.iter().flat_map(plan::Piece::shared_renditions);
                shared.map(|rendition| of_run(&rendition, generation)).collect()
            }
            _ => Vec::new(),
        };
        let running = self.running.keys().copied().collect::<Vec<u32>>();
        self.catalogue.retain(|known| {
            known.is_complete()
                || shared.contains(&known.id)
                || running.iter().any(|run| run_of(&known.id) == Some(*run))
        });
    }

    /// What is there in H.264 plays everywhere: a second codec that cannot be made is done without.
    pub(super) fn do_without_second_codec(&mut self, now: Timestamp) -> Vec<Effect> {
        self.running.clear();
        if let Some((planned, saved)) = self.plan.as_ref().zip(self.job.plan.as_mut()) {
            let last = planned.pieces.iter().filter(|piece| piece.comes_last());
            saved.finished.extend(last.map(plan::Piece::name));
        }
        self.catalogue.retain(|known| !known.is_in_second_codec());
        self.log(now, "goes without the second codec".into());
        let mut effects = vec![Effect::StopWorkers];
        effects.extend(self.next(now));
        effects
    }

    /// A picture that could not be passed through for a reason that is not the file's is encoded like any other, one
    /// that cannot be cut is made in one piece, and where one of several sounds is damaged the first has to do.
    pub(super) fn plan_otherwise(&mut self, step: &Step, failure: &Failure) -> bool {
        let (Some(planned), Step::Make(piece)) = (&self.plan, step) else { return false };
        let plan = planned.plan.clone();
        let is = |code: FailureCode| failure.code == code.as_str();
        if is(FailureCode::OutputBroken) {
            let again = self.count_failure(&step.label()) < self.options.attempts_max;
            if again {
                self.adopt(plan, Kept::Pictures);
            }
            return again;
        }
        let other = if is(FailureCode::NotCuttable) && plan.cutting == plan::Cutting::Chunks {
            Plan { cutting: plan::Cutting::Whole, ..plan }
        } else if failure.retryable && piece.stage == plan::Stage::Passthrough && plan.probe.video.is_some() {
            Plan { picture: plan::Picture::Encode, ..plan }
        } else if piece.makes_sounds()
            && plan.probe.sounds.len() > 1
            && (is(FailureCode::Damaged) || is(FailureCode::CodecNotSupported))
        {
            plan.first_sound_alone()
        } else {
            return false;
        };
        self.adopt(other, Kept::NotEncoded);
        true
    }
}
