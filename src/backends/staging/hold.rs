//! The right to one upload, and what its holder may do besides adding bytes.

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    Place, Staging, StagingError,
    shared::{Claim, Shared},
    writing::Writing,
};
use crate::{
    backends::objects::{ObjectKey, SharedObjects},
    domain::ids::UploadId,
};

/// A request that holds an upload, as others see it.
#[derive(Clone, Default)]
pub(super) struct Holder {
    /// Cancelled to ask it to let go.
    pub(super) asked: CancellationToken,
    /// Cancelled when it has.
    pub(super) gone: CancellationToken,
}

/// The right to one upload. Dropping it lets go.
pub struct Hold {
    pub(super) id: UploadId,
    pub(super) staging: Staging,
    pub(super) holder: Holder,
    /// Among all nodes, where they share the upload.
    claim: Option<Claim>,
}

impl Drop for Hold {
    fn drop(&mut self) {
        let (staging, id, holder) = (self.staging.clone(), self.id.clone(), self.holder.clone());
        let let_go = move || {
            staging.holders.all().remove(&id);
            holder.gone.cancel();
        };
        match self.claim.take() {
            // Who waits here takes it up when other nodes see it free.
            Some(claim) => claim.release(let_go),
            None => let_go(),
        }
    }
}

impl Hold {
    pub(super) fn new(id: UploadId, staging: Staging, holder: Holder) -> Self {
        Self { id, staging, holder, claim: None }
    }

    /// Takes it from whoever holds it on another node.
    pub(super) async fn claim(&mut self, shared: &Shared, deadline: Instant) -> Result<(), StagingError> {
        let claim = self.claim.insert(shared.claim(&self.id, &self.holder.asked, deadline).await?);
        claim.take_over(shared, &self.id).await
    }

    /// What fences its writes off from those of earlier holders.
    pub(super) fn fence(&self) -> i64 {
        self.claim.as_ref().map_or(0, Claim::fence)
    }

    pub fn id(&self) -> &UploadId {
        &self.id
    }

    /// Begins an upload with no bytes.
    pub async fn create(&self) -> Result<(), StagingError> {
        match (&self.staging.place, &self.claim) {
            (Place::Shared(shared), Some(claim)) => claim.begin(shared, &self.id).await,
            (Place::Shared(_), None) => Err(StagingError::Taken),
            (Place::Folder(folder), _) => folder.create(&self.id).await,
        }
    }

    /// Bytes that are here, and durable.
    pub async fn offset(&self) -> Result<u64, StagingError> {
        match &self.staging.place {
            Place::Folder(folder) => folder.offset(&self.id).await,
            Place::Shared(shared) => shared.offset(&self.id, self.fence()).await,
        }
    }

    /// Refuses who was thought to be dead and has lost the upload to another request: what it would write of it may be
    /// long past.
    pub async fn confirm(&self) -> Result<(), StagingError> {
        match &self.staging.place {
            Place::Folder(_) => Ok(()),
            Place::Shared(shared) => shared.offset(&self.id, self.fence()).await.map(drop),
        }
    }

    /// Begins to add to an upload that stands at `offset`, as [`Hold::offset`] has said.
    pub async fn write(&self, offset: u64) -> Result<Writing<'_>, StagingError> {
        Writing::begin(self, offset).await
    }

    /// Adds all bytes of another upload.
    pub async fn add(&self, other: &UploadId) -> Result<(), StagingError> {
        match &self.staging.place {
            Place::Folder(folder) => folder.add(&self.id, other).await,
            Place::Shared(shared) => shared.add(&self.id, self.fence(), other).await,
        }
    }

    /// Throws away all bytes that are here.
    pub async fn clear(&self) -> Result<(), StagingError> {
        match &self.staging.place {
            Place::Folder(folder) => folder.clear(&self.id).await,
            Place::Shared(shared) => shared.clear(&self.id, self.fence()).await,
        }
    }

    /// Says, durably, that the whole file now goes where it belongs. `false`: it has gone already.
    pub async fn begin_to_end(&self) -> Result<bool, StagingError> {
        match &self.staging.place {
            Place::Folder(folder) => folder.begin_to_end(&self.id).await,
            Place::Shared(shared) => shared.begin_to_end(&self.id, self.fence()).await.map(|()| true),
        }
    }

    /// Makes the whole file an object.
    pub async fn go_to(&self, objects: &SharedObjects, key: &ObjectKey) -> Result<(), StagingError> {
        match &self.staging.place {
            Place::Folder(folder) => drop(objects.put_file(key, &folder.path(&self.id)).await?),
            Place::Shared(shared) => shared.go_to(&self.id, key).await?,
        }
        Ok(())
    }

    pub async fn is_ending(&self) -> Result<bool, StagingError> {
        match &self.staging.place {
            Place::Folder(folder) => folder.is_ending(&self.id).await,
            Place::Shared(shared) => Ok(shared.stand(&self.id).await?.is_some_and(|stand| stand.ending)),
        }
    }

    /// Whether a whole upload has left for where it belongs.
    pub async fn has_gone(&self) -> Result<bool, StagingError> {
        match &self.staging.place {
            Place::Folder(folder) => folder.has_gone(&self.id).await,
            // Its pieces stay until its rows say that it is there.
            Place::Shared(_) => Ok(false),
        }
    }

    /// Returns once another request asks for the upload.
    pub async fn asked(&self) {
        self.holder.asked.cancelled().await;
    }
}
