//! One file that is written on the blocking pool: a write is under way while the next bytes are gathered. Bytes are
//! written from where they were read into; they are not copied on their way.

use std::{
    fs::File,
    io::{self, IoSlice},
    mem,
};

use bytes::Bytes;
use tokio::task::{JoinHandle, spawn_blocking};

use super::StagingError;
use crate::domain::checksum::Digests;

/// What one call of the kernel takes (`IOV_MAX`).
const SLICES_MAX: usize = 1_024;
/// Written bytes after which the disk is asked to begin, so that the last fsync finds little left to do.
const SYNC_EVERY_BYTES: u64 = 32 << 20;

/// The end of a file that grows.
pub(super) struct Disk {
    file: File,
    /// Everything before this was written whole.
    offset: u64,
    unsynced: u64,
    space_min_bytes: u64,
    pub(super) digests: Option<Digests>,
}

impl Disk {
    pub(super) fn new(file: File, offset: u64, space_min_bytes: u64) -> Self {
        Self { file, offset, unsynced: 0, space_min_bytes, digests: None }
    }

    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Writes all of these, or fails and stands where it stood.
    fn write(&mut self, pieces: &[Bytes]) -> Result<(), StagingError> {
        if space_bytes(&self.file)? < self.space_min_bytes {
            return Err(StagingError::NoSpace);
        }
        let mut offset = self.offset;
        for pieces in pieces.chunks(SLICES_MAX) {
            let mut slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
            let mut left: &mut [IoSlice<'_>] = &mut slices;
            while !left.is_empty() {
                let written = retry_interrupted(|| rustix::io::pwritev(&self.file, left, offset))?;
                offset += written as u64;
                IoSlice::advance_slices(&mut left, written);
            }
        }
        if let Some(digests) = &mut self.digests {
            pieces.iter().for_each(|piece| digests.update(piece));
        }
        self.unsynced += offset - self.offset;
        self.offset = offset;
        if self.unsynced >= SYNC_EVERY_BYTES {
            self.file.sync_data()?;
            self.unsynced = 0;
        }
        Ok(())
    }

    /// Makes the file end here, durably.
    pub(super) async fn end_at(self, length_bytes: u64) -> Result<(), StagingError> {
        let ended = spawn_blocking(move || {
            self.file.set_len(length_bytes)?;
            self.file.sync_data()
        });
        Ok(ended.await.map_err(io::Error::other)??)
    }
}

/// Bytes that may still be written where a file lies.
pub(super) fn space_bytes(file: &File) -> io::Result<u64> {
    let space = rustix::fs::fstatvfs(file)?;
    Ok(space.f_bavail.saturating_mul(space.f_frsize))
}

fn retry_interrupted(mut call: impl FnMut() -> rustix::io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(rustix::io::Errno::INTR) => {}
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            other => return Ok(other?),
        }
    }
}

type Written = (Disk, Result<(), StagingError>);

/// Gathers for a file and writes to it.
pub(super) struct Writer {
    place: Place,
    pieces: Vec<Bytes>,
    gathered: usize,
}

enum Place {
    Here(Box<Disk>),
    /// A write is under way.
    Away(JoinHandle<Written>),
    /// The runtime went away with it.
    Lost,
}

impl From<Disk> for Writer {
    fn from(disk: Disk) -> Self {
        Self { place: Place::Here(disk.into()), pieces: Vec::new(), gathered: 0 }
    }
}

impl Writer {
    pub(super) fn gather(&mut self, piece: Bytes) {
        // The kernel's zero for an empty write would be taken for a full disk.
        if !piece.is_empty() {
            self.gathered += piece.len();
            self.pieces.push(piece);
        }
    }

    pub(super) fn gathered(&self) -> usize {
        self.gathered
    }

    /// Begins to write what was gathered, after what is being written.
    pub(super) async fn write(&mut self) -> Result<(), StagingError> {
        self.disk().await?;
        let Place::Here(mut disk) = mem::replace(&mut self.place, Place::Lost) else { return Err(lost()) };
        let pieces = mem::take(&mut self.pieces);
        self.gathered = 0;
        self.place = Place::Away(spawn_blocking(move || {
            let outcome = disk.write(&pieces);
            (*disk, outcome)
        }));
        Ok(())
    }

    /// The file, once nothing is being written to it.
    pub(super) async fn disk(&mut self) -> Result<&mut Disk, StagingError> {
        if let Place::Away(writing) = &mut self.place {
            let written = writing.await;
            self.place = Place::Lost;
            let (disk, outcome) = written.map_err(|_| lost())?;
            self.place = Place::Here(disk.into());
            outcome?;
        }
        match &mut self.place {
            Place::Here(disk) => Ok(disk),
            Place::Away(_) | Place::Lost => Err(lost()),
        }
    }

    /// Writes all that was gathered. Returns the file, and what failed if not all of it could be written.
    pub(super) async fn finish(mut self) -> Result<(Disk, Option<StagingError>), StagingError> {
        let failed = match self.write().await {
            Ok(()) => self.disk().await.err(),
            Err(error) => Some(error),
        };
        match self.place {
            Place::Here(disk) => Ok((*disk, failed)),
            Place::Away(_) | Place::Lost => Err(failed.unwrap_or_else(lost)),
        }
    }
}

fn lost() -> StagingError {
    StagingError::Io(io::Error::other("the runtime is shutting down"))
}
