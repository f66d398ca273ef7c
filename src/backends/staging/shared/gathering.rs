//! Bytes on their way into pieces. One piece is put while the next gathers, and one after another: so all before a piece
//! that counts are there. What a node has in memory is bounded: where it is short, pieces are put before they are full.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinHandle,
    time::{Duration, Instant, timeout},
};

use super::{
    super::{Hold, StagingError},
    Shared, WAIT_MAX,
    chain::Piece,
    piece_key,
};
use crate::{
    backends::objects::source_of,
    domain::{checksum::Digests, ids::UploadId},
    telemetry::tasks,
};

/// Memory is taken in steps.
pub(super) const STEP_BYTES: usize = 256 << 10;
const PIECE_BYTES: usize = 8 << 20;
/// Of what lies beyond [`LARGE_FROM`], so that no upload has too many pieces.
const LARGE_PIECE_BYTES: usize = 32 << 20;
const LARGE_FROM: u64 = 64 << 30;
/// A slow sender's piece is put before it is full: nobody keeps memory for long, and a node that dies loses little.
const GATHERS_FOR: Duration = Duration::from_secs(10);

/// What a semaphore can count.
pub(super) fn permits(steps: usize) -> usize {
    steps.clamp(1, Semaphore::MAX_PERMITS)
}

/// The end of an upload that grows.
pub(in super::super) struct Gathering {
    place: Place,
    /// Where what is gathered goes.
    offset: u64,
    block: Option<Block>,
    saving: Option<JoinHandle<Result<Piece, StagingError>>>,
    gathered: Gathered,
}

/// Whose pieces they are.
#[derive(Clone)]
struct Place {
    shared: Shared,
    id: UploadId,
    fence: i64,
}

/// Memory in which a piece gathers. Room for a whole one is reserved and not used, so that nothing is copied.
struct Block {
    bytes: BytesMut,
    len_max: usize,
    memory: OwnedSemaphorePermit,
    since: Instant,
}

impl Block {
    /// Bytes it may take without more memory.
    fn room(&self) -> usize {
        (self.memory.num_permits() * STEP_BYTES).min(self.len_max) - self.bytes.len()
    }

    fn is_full(&self) -> bool {
        self.bytes.len() == self.len_max
    }
}

/// Everything that came, in pieces.
pub(in super::super) struct Gathered {
    place: Place,
    start: u64,
    /// How far the pieces go that are in the store.
    reach: u64,
    pub(in super::super) digests: Option<Digests>,
    /// What does not count before it has been held against a checksum; `None`: each counts at once.
    unproven: Option<Vec<Piece>>,
}

impl Gathering {
    pub(in super::super) fn begin(shared: &Shared, hold: &Hold, start: u64) -> Self {
        let place = Place { shared: shared.clone(), id: hold.id().clone(), fence: hold.fence() };
        let gathered = Gathered { place: place.clone(), start, reach: start, digests: None, unproven: None };
        Self { place, offset: start, block: None, saving: None, gathered }
    }

    pub(in super::super) fn check(&mut self, digests: Digests) {
        self.gathered.digests = Some(digests);
        self.gathered.unproven = Some(Vec::new());
    }

    pub(in super::super) async fn gather(&mut self, mut piece: Bytes) -> Result<(), StagingError> {
        if let Some(digests) = &mut self.gathered.digests {
            digests.update(&piece);
        }
        while !piece.is_empty() {
            let block = self.block_with_room().await?;
            let taken = block.room().min(piece.len());
            block.bytes.extend_from_slice(&piece.split_to(taken));
            if block.is_full() {
                self.save().await?;
            }
        }
        if self.block.as_ref().is_some_and(|block| block.since.elapsed() >= GATHERS_FOR) {
            self.save().await?;
        }
        Ok(())
    }

    async fn block_with_room(&mut self) -> Result<&mut Block, StagingError> {
        if self.block.as_ref().is_none_or(|block| block.room() == 0) {
            let step = self.step().await?;
            match &mut self.block {
                Some(block) => block.memory.merge(step),
                none => *none = Some(block(self.offset, step)),
            }
        }
        Ok(self.block.as_mut().expect("it was just put there"))
    }

    /// More memory. Where there is none, what is gathered goes first, and what others have put gives its memory back.
    async fn step(&mut self) -> Result<OwnedSemaphorePermit, StagingError> {
        let memory: Arc<Semaphore> = self.place.shared.inner.memory.clone();
        if let Ok(step) = memory.clone().try_acquire_owned() {
            return Ok(step);
        }
        self.save().await?;
        let step = timeout(WAIT_MAX, memory.acquire_owned()).await.map_err(|_| StagingError::Busy)?;
        step.map_err(|_| StagingError::Busy)
    }

    /// Begins to put what is gathered, after what is being put.
    async fn save(&mut self) -> Result<(), StagingError> {
        self.saved().await?;
        let Some(Block { bytes, memory, .. }) = self.block.take() else { return Ok(()) };
        let (start, counts) = (self.offset, self.gathered.unproven.is_none());
        self.offset += bytes.len() as u64;
        let place = self.place.clone();
        self.saving = Some(tasks::spawn("piece of an upload", async move {
            let piece = place.put(start, bytes.freeze()).await;
            drop(memory);
            match piece {
                Ok(piece) if counts => place.register(start, piece).await,
                other => other,
            }
        }));
        Ok(())
    }

    /// Waits for what is being put. Where that fails, what was gathered since would stand in its place.
    async fn saved(&mut self) -> Result<(), StagingError> {
        let Some(saving) = self.saving.take() else { return Ok(()) };
        let saved = saving.await.map_err(|error| StagingError::Io(std::io::Error::other(error))).flatten();
        match saved {
            Ok(piece) => {
                self.gathered.reach += piece.bytes;
                if let Some(unproven) = &mut self.gathered.unproven {
                    unproven.push(piece);
                }
                Ok(())
            }
            Err(error) => {
                (self.block, self.offset) = (None, self.gathered.reach);
                Err(error)
            }
        }
    }

    /// Puts all that was gathered. Returns what is there, and what failed if not all could be put.
    pub(in super::super) async fn finish(mut self) -> (Gathered, Option<StagingError>) {
        let failed = match self.save().await {
            Ok(()) => self.saved().await.err(),
            Err(error) => Some(error),
        };
        (self.gathered, failed)
    }
}

fn block(offset: u64, memory: OwnedSemaphorePermit) -> Block {
    let len_max = if offset < LARGE_FROM { PIECE_BYTES } else { LARGE_PIECE_BYTES };
    Block { bytes: BytesMut::with_capacity(len_max), len_max, memory, since: Instant::now() }
}

impl Place {
    async fn put(&self, start: u64, bytes: Bytes) -> Result<Piece, StagingError> {
        let (object, len) = (piece_key(&self.id, start), bytes.len() as u64);
        self.shared.objects().put(&object, source_of(bytes)).await?;
        Ok(Piece { object, bytes: len })
    }

    async fn register(&self, start: u64, piece: Piece) -> Result<Piece, StagingError> {
        let registered =
            self.shared.register(&self.id, self.fence, start, std::slice::from_ref(&piece)).await;
        match registered {
            Ok(_) => Ok(piece),
            // Another has the upload now, and this piece belongs to nothing.
            Err(StagingError::Taken) => {
                self.forget(std::slice::from_ref(&piece)).await;
                Err(StagingError::Taken)
            }
            Err(error) => Err(error),
        }
    }

    async fn forget(&self, pieces: &[Piece]) {
        for piece in pieces {
            if let Err(error) = self.shared.objects().delete(&piece.object).await {
                tracing::warn!(upload.id = %self.id, error.chain = %error, "a piece is left behind for a while");
            }
        }
    }
}

impl Gathered {
    /// Makes all of it count. Returns how far the upload is.
    pub(in super::super) async fn keep(self) -> Result<u64, StagingError> {
        let Self { place, start, reach, unproven, .. } = self;
        let Some(pieces) = unproven else { return Ok(reach) };
        match place.shared.register(&place.id, place.fence, start, &pieces).await {
            Err(StagingError::Taken) => {
                place.forget(&pieces).await;
                Err(StagingError::Taken)
            }
            registered => registered,
        }
    }

    /// Forgets what was to be held against a checksum. Returns how far the upload is.
    pub(in super::super) async fn discard(self) -> Result<u64, StagingError> {
        match &self.unproven {
            None => Ok(self.reach),
            Some(pieces) => {
                self.place.forget(pieces).await;
                Ok(self.start)
            }
        }
    }
}
