//! Pieces of jobs that any node may make. The node a job belongs to offers pieces for which it has no worker free (`offer`);
//! a node that has takes them (`hand`). A piece on offer is a row, and the row decides who makes it: the queue of the bus
//! only tells where to look, and a word on the bus when. What is made has the names of its run, so a piece that two nodes
//! make does no harm. The job's node alone writes what was made of the video.

mod board;
mod hand;
mod offer;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

pub use self::{
    board::{Board, WORD_JOB},
    hand::{Hands, spawn as lend_hands},
    offer::{Place, here_or_elsewhere},
};
use super::{
    Message, Transcode, demand,
    run::Order,
    step::{Run, Step},
    turns::{Lane, Owner},
};
use crate::{
    actors::directory::Myself,
    backends::bus::{BusResult, Delivery},
    domain::ids::{UploadId, VideoId},
    media::{Event, Failure, RenditionId, plan},
    telemetry::tasks,
};

/// Pieces of one job that are on offer at the same time, beyond those that this node has workers for.
pub const OFFERED_MAX: usize = 12;

/// What another node has to know to make a piece.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Given {
    owner: Owner,
    source: Option<UploadId>,
    number: u32,
    generation: u32,
    kept: Vec<(String, u64)>,
    piece: plan::Piece,
}

/// What came of it: everything that came into place, and why it ended if it failed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub events: Vec<Event>,
    pub failure: Option<Failure>,
}

/// Whether others may make it: what somebody waits for in front of a screen stays, and what is one piece only.
pub fn may_be_given(order: &Order) -> bool {
    let is_chunk = matches!(&order.run.step, Step::Make(piece) if !piece.chunk.is_whole());
    is_chunk && demand::of(&order.run.step, &order.owner).lane == Lane::Heavy
}

/// Tells the job's actor when somebody says that the job may be another node's.
pub async fn overhear(
    board: &Board,
    video: &VideoId,
    job: Myself<Transcode>,
    until: CancellationToken,
) -> BusResult<()> {
    let mut words = board.listen(video).await?;
    let hear = async move {
        loop {
            let concerns = match words.next().await {
                Delivery::Event(word) => word == WORD_JOB,
                Delivery::Missed(_) => true,
            };
            if concerns && job.tell(Message::Look).is_err() {
                return;
            }
        }
    };
    drop(tasks::spawn("job_words", async move { until.run_until_cancelled(hear).await }));
    Ok(())
}

impl Given {
    pub fn of(order: &Order) -> Option<Self> {
        let Step::Make(piece) = &order.run.step else { return None };
        Some(Self {
            owner: order.owner.clone(),
            source: order.source.clone(),
            number: order.run.number,
            generation: order.run.generation,
            kept: order.run.kept.iter().map(|(id, next)| (id.to_string(), *next)).collect(),
            piece: (**piece).clone(),
        })
    }

    /// The order of a node that makes it as `worker`.
    pub fn into_order(self, video: VideoId, worker: &str, cancel: CancellationToken) -> Order {
        let kept =
            self.kept.iter().filter_map(|(id, next)| Some((RenditionId::parse(id).ok()?, *next))).collect();
        let run = Run {
            step: Step::Make(Box::new(self.piece)),
            number: self.number,
            generation: self.generation,
            kept,
        };
        let scratch = format!("{worker}-{}", self.number);
        Order { video, owner: self.owner, source: self.source, run, cancel, scratch }
    }
}
