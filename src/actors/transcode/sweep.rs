//! Finds jobs that are pending and sees to it that they run, since a trigger may be lost.

use super::Transcodes;
use crate::{
    actors::{directory::Refused, supervise::Child},
    backends::store::{StoreResult, tables::video::PendingJob},
    domain::ids::SHARDS,
};

impl Transcodes {
    /// As a child for the supervisor.
    pub fn dispatcher(&self) -> Child {
        let transcodes = self.clone();
        Child::sweeper("transcode-dispatcher", "pending jobs could not be read", move || {
            let transcodes = transcodes.clone();
            async move { sweep(&transcodes).await }
        })
    }
}

async fn sweep(transcodes: &Transcodes) -> StoreResult<()> {
    if !transcodes.workshop.fitness.is_fit().await {
        return Ok(());
    }
    for shard in 0..SHARDS {
        for pending in transcodes.workshop.store.all::<PendingJob>((shard,)).await? {
            let Err(Refused::Absent) = transcodes.nudge(&pending.video_id).await else { continue };
            transcodes.mend(&pending).await?;
        }
    }
    Ok(())
}
