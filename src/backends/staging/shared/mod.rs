//! Uploads whose bytes gather in an object store that all nodes share: each as pieces, `uploads/ID/START-NONCE`. A piece
//! counts once its row says so, and a row is written only by the request whose fence is the last that was given out: so
//! a request that was thought to be dead can do no harm, however late it wakes, and what is told to a client stays.

mod chain;
mod claim;
mod gathering;
mod sweep;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use tokio::sync::Semaphore;

use self::{
    claim::Asks,
    gathering::{STEP_BYTES, permits},
};
pub(super) use self::{
    claim::Claim,
    gathering::{Gathered, Gathering},
};
use super::StagingError;
use crate::{
    backends::{
        bus::SharedBus,
        objects::{self, ObjectKey, Prefix, SharedObjects},
        store::{Store, tables::upload::UploadStand},
    },
    domain::ids::UploadId,
};

/// What uploads gather in, and by what nodes agree.
pub struct BackEnds {
    pub store: Store,
    pub objects: SharedObjects,
    pub bus: SharedBus,
}

#[derive(Clone)]
pub(super) struct Shared {
    inner: Arc<Inner>,
}

struct Inner {
    back_ends: BackEnds,
    /// This process, as others see it.
    owner: String,
    asks: Asks,
    /// Bytes that may be gathered, in steps.
    memory: Arc<Semaphore>,
}

impl UploadStand {
    pub(super) fn reach(&self) -> u64 {
        u64::try_from(self.reach_bytes).unwrap_or(0)
    }
}

impl Shared {
    pub(super) async fn open(back_ends: BackEnds, memory_max_bytes: u64) -> Self {
        let steps = usize::try_from(memory_max_bytes / STEP_BYTES as u64).unwrap_or(usize::MAX);
        let memory = Arc::new(Semaphore::new(permits(steps)));
        let owner = format!("{:016x}", rand::random::<u64>());
        let asks = Asks::listen(&back_ends.bus, &owner).await;
        Self { inner: Arc::new(Inner { back_ends, owner, asks, memory }) }
    }

    fn store(&self) -> &Store {
        &self.inner.back_ends.store
    }

    fn objects(&self) -> &SharedObjects {
        &self.inner.back_ends.objects
    }

    fn bus(&self) -> &SharedBus {
        &self.inner.back_ends.bus
    }

    /// Makes all pieces one object. Doing it again changes nothing.
    pub(super) async fn go_to(&self, id: &UploadId, key: &ObjectKey) -> Result<(), StagingError> {
        let stand = self.stand(id).await?.ok_or(StagingError::NotFound)?;
        let there = self.objects().head(key).await?;
        if there.is_some_and(|info| info.size == stand.reach()) {
            return Ok(());
        }
        let pieces = self.pieces(id, &stand).await?;
        objects::join(self.objects(), key, pieces).await?;
        Ok(())
    }
}

/// All pieces of one upload.
fn prefix(id: &UploadId) -> Prefix {
    format!("uploads/{id}/").parse().expect("an id is part of a key")
}

/// For a piece that nobody else writes.
fn piece_key(id: &UploadId, start: u64) -> ObjectKey {
    let nonce: u64 = rand::random();
    format!("uploads/{id}/{start:020}-{nonce:016x}").parse().expect("an id is part of a key")
}

/// Of what waits for another node or for memory, while a client waits for it.
const WAIT_MAX: Duration = Duration::from_secs(60);
