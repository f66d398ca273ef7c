//! What a job's state wants done. The shell performs effects in their order.

use std::time::Duration;

use crate::{
    actors::transcode::step::Run,
    backends::store::tables::video::Job,
    domain::video::{Failure, Stage, Status},
    media::Catalogue,
};

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
    /// Let another node have the job, once the workers are gone.
    HandOver,
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
    pub duration: DurationChange,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DurationChange {
    AsBefore,
    /// `None` where the file does not say.
    Now(Option<i64>),
}
