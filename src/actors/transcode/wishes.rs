//! What the owner of a video wishes of its job. Once the video is being removed, what is asked for comes too late.

use super::{
    Failure, Residence, Transcode,
    state::{Effect, NewSource},
};
use crate::domain::clock::Timestamp;

impl Transcode {
    pub async fn retry(&self, job: &mut Residence, now: Timestamp) -> Result<Vec<Effect>, Failure> {
        match job.removal.is_empty() && self.claim(job, now).await? {
            true => Ok(job.state.on_retry_asked(now)),
            false => Ok(Vec::new()),
        }
    }

    /// `None` where another file cannot be tried now.
    pub async fn replace(
        &self,
        job: &mut Residence,
        new: NewSource,
        now: Timestamp,
    ) -> Result<Option<Vec<Effect>>, Failure> {
        if !job.removal.is_empty() {
            return Ok(None);
        }
        self.seize(job, now).await?;
        Ok(job.state.on_replaced(new, now))
    }

    pub async fn cancel(&self, job: &mut Residence, now: Timestamp) -> Result<Vec<Effect>, Failure> {
        self.seize(job, now).await?;
        Ok(job.state.on_cancelled(now))
    }
}
