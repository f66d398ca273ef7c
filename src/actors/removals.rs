//! Videos that are being removed. What shows a video goes at once; what a long talk about it has left takes longer and
//! is erased behind it. A row says that this is under way, so that a crash in the middle costs time and leaves nothing.
//! Called by the channel actor, and by a supervised one that looks for what was left.

use std::sync::Arc;

use super::{
    room::{RoomError, Rooms},
    supervise::Child,
    transcode::{made_prefix, quarantine_prefix, source_prefix},
};
use crate::{
    backends::{
        objects::{ObjectError, SharedObjects},
        store::{
            Store, StoreError, StoreResult,
            tables::{
                caption::Caption,
                poster::Poster,
                video::{Removal, Replacement, Video},
            },
        },
    },
    domain::ids::{SHARDS, VideoId, shard_of},
    telemetry::{Metrics, tasks},
};

#[derive(Clone)]
pub struct Removals {
    pub store: Store,
    pub objects: SharedObjects,
    pub rooms: Rooms,
    pub metrics: Arc<Metrics>,
}

#[derive(Debug, thiserror::Error)]
enum EraseError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Objects(#[from] ObjectError),
    #[error(transparent)]
    Room(#[from] RoomError),
}

impl Removals {
    /// Says that a video is being removed: before anything of it is.
    pub async fn begin(&self, video: &VideoId) -> StoreResult<()> {
        self.store.put(Removal { shard: shard_of(video.as_str()), video_id: video.clone() }).await
    }

    /// Erases the rest of a video whose row is gone. What fails is tried again by the sweep.
    pub fn finish(&self, video: VideoId) {
        let removals = self.clone();
        drop(tasks::spawn("video_removal", async move { removals.try_to_erase(&video).await }));
    }

    /// As a child for the supervisor.
    pub fn sweeper(&self) -> Child {
        let removals = self.clone();
        Child::sweeper("video-remover", "removals cannot be looked through", move || {
            let removals = removals.clone();
            async move { removals.sweep().await }
        })
    }

    async fn try_to_erase(&self, video: &VideoId) {
        match self.erase(video).await {
            Ok(()) => {
                self.metrics.videos_removed.inc();
            }
            Err(error) => {
                tracing::warn!(video.id = %video, error.chain = %error, "a removed video is not erased yet");
            }
        }
    }

    async fn erase(&self, video: &VideoId) -> Result<(), EraseError> {
        self.objects.delete_prefix(&made_prefix(video)).await?;
        self.objects.delete_prefix(&source_prefix(video)).await?;
        self.objects.delete_prefix(&quarantine_prefix(video)).await?;
        self.store.delete_partition::<Caption>((video.clone(),)).await?;
        self.store.delete::<Poster>((video.clone(),), ()).await?;
        self.store.delete::<Replacement>((video.clone(),), ()).await?;
        self.rooms.erase(video).await?;
        Ok(self.store.delete::<Removal>((shard_of(video.as_str()),), (video.clone(),)).await?)
    }

    /// Goes on with every removal that has not come to its end. A video that still has its row was not removed: its
    /// owner was told so, and can ask again.
    async fn sweep(&self) -> StoreResult<()> {
        for shard in 0..SHARDS {
            for Removal { video_id, .. } in self.store.all::<Removal>((shard,)).await? {
                if self.store.get::<Video>((video_id.clone(),), ()).await?.is_none() {
                    self.try_to_erase(&video_id).await;
                }
            }
        }
        Ok(())
    }
}
