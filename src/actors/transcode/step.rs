//! One run of a worker as the job sees it: what it makes, by which name, and how it is spoken of.

use std::collections::BTreeMap;

use crate::{
    domain::video::Stage,
    media::{RenditionId, plan},
};

/// One run of a worker.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    Probe,
    Make(Box<plan::Piece>),
}

impl Step {
    pub fn name(&self) -> &'static str {
        match self {
            Step::Probe => plan::Stage::Probe.as_str(),
            Step::Make(piece) => piece.stage.as_str(),
        }
    }

    /// The same in every life of the job.
    pub fn label(&self) -> String {
        match self {
            Step::Probe => "probe/0".into(),
            Step::Make(piece) => piece.name(),
        }
    }

    /// Of the chunks of a stage, the first; the others are heard of when they are made.
    pub fn begins_a_stage(&self) -> bool {
        match self {
            Step::Probe => true,
            Step::Make(piece) => piece.chunk.index == 0,
        }
    }

    pub fn shown_as(&self) -> Stage {
        match self {
            Step::Probe => Stage::Probing,
            Step::Make(piece) => match piece.stage {
                plan::Stage::Probe => Stage::Probing,
                plan::Stage::Passthrough => Stage::Packaging,
                plan::Stage::Sound
                | plan::Stage::FirstRung
                | plan::Stage::Ladder
                | plan::Stage::SecondCodec => Stage::Encoding,
                plan::Stage::Thumbnails => Stage::Thumbnails,
                plan::Stage::Verify => Stage::Finishing,
            },
        }
    }
}

/// A step with what its files are called and which of them are there already.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    pub step: Step,
    /// Numbers it among all runs of the video.
    pub number: u32,
    /// By what its files are named: a run of its own, or what it shares with other chunks.
    pub generation: u32,
    /// Up to which sequence each rendition is published already.
    pub kept: BTreeMap<RenditionId, u64>,
}

/// For the job's log.
pub fn describe(piece: &plan::Piece) -> String {
    format!("chunk {} of the {}", piece.chunk.index + 1, piece.stage.as_str().replace('_', " "))
}
