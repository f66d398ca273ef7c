//! Finds jobs that are pending and sees to it that they run: at the start of the process, and again and again, since
//! a trigger may be lost. Takes no input on purpose: what is pending in the store is all that counts.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Transcodes;
use crate::{
    backends::store::{StoreResult, tables::video::PendingJob},
    domain::ids::VideoId,
};

const SHARDS: i64 = 16;
const INTERVAL: Duration = Duration::from_secs(30);

/// The shard of the pending table a video is in; the same for ever.
pub(super) fn shard_of(video: &VideoId) -> i64 {
    let sum =
        video.as_str().bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    i64::from(sum) % SHARDS
}

/// Runs until `stop`.
pub async fn sweep_for_ever(transcodes: Transcodes, stop: CancellationToken) {
    loop {
        if let Err(error) = sweep(&transcodes).await {
            tracing::warn!(error.chain = %error, "pending jobs could not be read; trying again");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}

async fn sweep(transcodes: &Transcodes) -> StoreResult<()> {
    for shard in 0..SHARDS {
        for pending in transcodes.workshop.store.all::<PendingJob>((shard,)).await? {
            transcodes.nudge(&pending.video_id).await;
        }
    }
    Ok(())
}
