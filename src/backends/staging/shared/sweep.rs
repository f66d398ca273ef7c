//! What is left to be found: uploads by their list, and pieces that belong to none of them.

use std::{collections::BTreeSet, time::Duration};

use super::{super::StagingError, Shared, prefix};
use crate::{
    backends::{
        objects::{ObjectKey, Prefix},
        store::tables::upload::{GatheringUpload, UploadPiece},
    },
    domain::ids::{SHARDS, UploadId, shard_of},
};

/// Listing all pieces is not free; one node does it, now and then.
const STRAYS_EVERY: Duration = Duration::from_secs(24 * 3_600);
const STRAYS_LEASE: &str = "uploads.strays";
const PAGE_LEN: usize = 1_000;

impl Shared {
    /// Rows first: what is written from then on is refused. The list last: what fails half-way is found again.
    pub(in super::super) async fn remove(&self, id: &UploadId) -> Result<(), StagingError> {
        self.store().delete_partition::<UploadPiece>((id.clone(),)).await?;
        self.objects().delete_prefix(&prefix(id)).await?;
        Ok(self.store().delete::<GatheringUpload>((shard_of(id.as_str()),), (id.clone(),)).await?)
    }

    pub(in super::super) async fn list(&self) -> Result<Vec<UploadId>, StagingError> {
        let mut found = Vec::new();
        for shard in 0..SHARDS {
            let listed = self.store().all::<GatheringUpload>((shard,)).await?;
            found.extend(listed.into_iter().map(|row| row.upload_id));
        }
        Ok(found)
    }

    /// Removes pieces of uploads that are not on the list. An upload is listed before its first piece, so nothing young
    /// is taken for lost.
    pub(in super::super) async fn remove_strays(&self) -> Result<(), StagingError> {
        match self.bus().acquire(STRAYS_LEASE, &self.inner.owner, STRAYS_EVERY).await {
            Ok(Some(_)) => self.look_for_strays().await,
            Ok(None) | Err(_) => Ok(()),
        }
    }

    async fn look_for_strays(&self) -> Result<(), StagingError> {
        let uploads: Prefix = "uploads/".parse().expect("a plain prefix");
        let mut after: Option<ObjectKey> = None;
        loop {
            let page = self.objects().list(&uploads, after.as_ref(), PAGE_LEN).await?;
            let ids: BTreeSet<UploadId> =
                page.objects.iter().filter_map(|listed| id_of(&listed.key)).collect();
            for id in ids {
                let listed = (shard_of(id.as_str()),);
                if self.store().get::<GatheringUpload>(listed, (id.clone(),)).await?.is_none() {
                    self.objects().delete_prefix(&prefix(&id)).await?;
                    tracing::info!(upload.id = %id, "pieces that belonged to no upload were removed");
                }
            }
            after = page.objects.last().map(|listed| listed.key.clone());
            if !page.more {
                return Ok(());
            }
        }
    }
}

fn id_of(key: &ObjectKey) -> Option<UploadId> {
    key.as_str().split('/').nth(1)?.parse().ok()
}
