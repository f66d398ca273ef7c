//! A job as its actor has it in memory: its state, its workers and its pauses.

use std::time::Duration;

use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    Failure, Message, Transcode,
    shown::Shown,
    state::{Effect, STORAGE_PAUSE, State},
    turns::Owner,
};
use crate::{
    actors::directory::{Myself, Reply},
    domain::{clock::Timestamp, ids::VideoId},
};

/// A job in memory.
pub struct Residence {
    pub state: State,
    pub video: VideoId,
    pub owner: Owner,
    pub myself: Myself<Transcode>,
    pub running: Vec<Running>,
    /// Pauses that are not over yet.
    pub pauses: usize,
    /// Until when the job is this node's for certain.
    pub held_until: Timestamp,
    /// Whether a renewal is on its way.
    pub renews: bool,
    /// Whether other nodes are to have it once its workers are gone.
    pub hands_over: bool,
    pub removal: Vec<Reply<()>>,
    pub shown: Shown,
    /// Ends with it.
    pub _listening: DropGuard,
}

/// A worker under way; it is stopped when this is dropped.
pub struct Running {
    pub run: u32,
    pub cancel: CancellationToken,
    pub _guard: DropGuard,
}

impl Residence {
    pub fn is_busy(&self) -> bool {
        !self.running.is_empty() || self.pauses > 0
    }

    pub fn pause(&mut self, pause: Duration) {
        self.pauses += 1;
        self.myself.tell_after(pause, Message::RetryDue);
    }

    pub fn wait_until_fit(&mut self) {
        self.pause(STORAGE_PAUSE);
    }

    /// Its worker is gone.
    pub fn forget(&mut self, run: u32) {
        self.running.retain(|running| running.run != run);
    }
}

impl Transcode {
    /// A pause is over.
    pub async fn resume(&self, job: &mut Residence, now: Timestamp) -> Result<Vec<Effect>, Failure> {
        if job.state.is_settled() {
            return Ok(Vec::new());
        }
        if !self.workshop.fitness.is_fit().await {
            job.wait_until_fit();
            return Ok(Vec::new());
        }
        Ok(if self.claim(job, now).await? { job.state.on_retry_due(now) } else { Vec::new() })
    }
}
