//! One file that is written on the blocking pool: a block is written while the next is gathered. Large blocks go past
//! the page cache, where the file system lets them (`open(2)`, `O_DIRECT`): to fill the cache and have an fsync empty it
//! costs more processor time than all else an upload does.

use std::{
    fs::{File, OpenOptions},
    io, mem,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use bytes::Bytes;
use tokio::task::{JoinHandle, spawn_blocking};

use super::{
    StagingError,
    block::{ALIGNMENT, Block},
};
use crate::domain::checksum::Digests;

/// From here on the way to the device costs less than the copy that saves it.
const DIRECT_LEN_MIN: usize = 256 * 1024;
/// Bytes in the page cache after which the disk is asked to begin, so that the last fsync finds little left to do.
const SYNC_EVERY_BYTES: u64 = 32 << 20;

/// The end of a file that grows.
pub(super) struct Disk {
    file: File,
    /// The same file past the page cache.
    direct: Option<File>,
    /// Everything before this was written whole.
    offset: u64,
    unsynced: u64,
    space_min_bytes: u64,
    pub(super) digests: Option<Digests>,
}

impl Disk {
    pub(super) async fn open(path: &Path, space_min_bytes: u64) -> Result<Self, StagingError> {
        let path = path.to_owned();
        let opened = spawn_blocking(move || {
            let file = OpenOptions::new().write(true).open(&path)?;
            let flags = i32::try_from(rustix::fs::OFlags::DIRECT.bits()).unwrap_or_default();
            // Not every file system can.
            let direct = OpenOptions::new().write(true).custom_flags(flags).open(&path).ok();
            let offset = file.metadata()?.len();
            Ok::<_, io::Error>(Self { file, direct, offset, unsynced: 0, space_min_bytes, digests: None })
        });
        Ok(opened.await.map_err(io::Error::other)??)
    }

    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Writes all of these, or fails and stands where it stood.
    fn write(&mut self, bytes: &[u8]) -> Result<(), StagingError> {
        if space_bytes(&self.file)? < self.space_min_bytes {
            return Err(StagingError::NoSpace);
        }
        let past_the_cache = self.write_directly(bytes)?;
        let cached = &bytes[past_the_cache..];
        write_all(&self.file, cached, self.offset + past_the_cache as u64)?;
        if let Some(digests) = &mut self.digests {
            digests.update(bytes);
        }
        self.offset += bytes.len() as u64;
        self.unsynced += cached.len() as u64;
        if self.unsynced >= SYNC_EVERY_BYTES {
            self.file.sync_data()?;
            self.unsynced = 0;
        }
        Ok(())
    }

    /// How many of them went past the page cache: none, if they are few or do not lie as the device wants it.
    fn write_directly(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let aligned = bytes.len() / ALIGNMENT * ALIGNMENT;
        let Some(direct) = &self.direct else { return Ok(0) };
        if aligned < DIRECT_LEN_MIN || !self.offset.is_multiple_of(ALIGNMENT as u64) {
            return Ok(0);
        }
        match write_all(direct, &bytes[..aligned], self.offset) {
            Ok(()) => Ok(aligned),
            // It wants another alignment.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                self.direct = None;
                Ok(0)
            }
            Err(error) => Err(error),
        }
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

fn write_all(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = match rustix::io::pwrite(file, bytes, offset) {
            Err(rustix::io::Errno::INTR) => continue,
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            other => other?,
        };
        (bytes, offset) = (&bytes[written..], offset + written as u64);
    }
    Ok(())
}

/// Bytes that may still be written where a file lies.
pub(super) fn space_bytes(file: &File) -> io::Result<u64> {
    let space = rustix::fs::fstatvfs(file)?;
    Ok(space.f_bavail.saturating_mul(space.f_frsize))
}

type Written = (Disk, Block, Result<(), StagingError>);

/// Gathers for a file and writes to it.
pub(super) struct Writer {
    place: Place,
    block: Block,
    /// Where the block goes.
    offset: u64,
    /// The block that was written last, to be used again.
    spare: Option<Block>,
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
        let offset = disk.offset();
        Self { place: Place::Here(disk.into()), block: Block::first(offset), offset, spare: None }
    }
}

impl Writer {
    pub(super) async fn gather(&mut self, mut piece: Bytes) -> Result<(), StagingError> {
        while !piece.is_empty() {
            self.block.take(&mut piece);
            if self.block.is_full() {
                self.write().await?;
            }
        }
        Ok(())
    }

    /// Begins to write what was gathered, after what is being written.
    async fn write(&mut self) -> Result<(), StagingError> {
        self.disk().await?;
        let Place::Here(mut disk) = mem::replace(&mut self.place, Place::Lost) else { return Err(lost()) };
        self.offset += self.block.bytes().len() as u64;
        let next = self.block.next(self.offset, self.spare.take());
        let block = mem::replace(&mut self.block, next);
        self.place = Place::Away(spawn_blocking(move || {
            let outcome = disk.write(block.bytes());
            (*disk, block, outcome)
        }));
        Ok(())
    }

    /// The file, once nothing is being written to it.
    pub(super) async fn disk(&mut self) -> Result<&mut Disk, StagingError> {
        if let Place::Away(writing) = &mut self.place {
            let written = writing.await;
            self.place = Place::Lost;
            let (disk, block, outcome) = written.map_err(|_| lost())?;
            if outcome.is_err() {
                // What was gathered since would stand in the place of what could not be written.
                self.offset = disk.offset();
                self.block = Block::first(self.offset);
            }
            self.place = Place::Here(disk.into());
            self.spare = Some(block);
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

#[cfg(test)]
mod tests {
    use super::*;

    const LEN: usize = 3 << 20;

    async fn writer(path: &Path, space_min_bytes: u64) -> Writer {
        Disk::open(path, space_min_bytes).await.unwrap().into()
    }

    fn bytes(len: usize) -> Bytes {
        (0..len).map(|at| (at * 7 / 5) as u8).collect()
    }

    #[tokio::test]
    async fn every_length_is_written_byte_by_byte_wherever_it_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "").unwrap();
        let all = bytes(3 * LEN);
        let mut from = 0;
        for until in [1, 4096, 70_001, LEN, LEN + 5, 2 * LEN + 4096, 3 * LEN] {
            let mut writer = writer(&path, 0).await;
            // Pieces of odd lengths, as they come from a socket.
            for piece in all.slice(from..until).chunks(99_991) {
                writer.gather(all.slice_ref(piece)).await.unwrap();
            }
            let (disk, failed) = writer.finish().await.unwrap();
            assert!(failed.is_none());
            disk.end_at(until as u64).await.unwrap();
            assert!(std::fs::read(&path).unwrap() == all[..until], "until {until}");
            from = until;
        }
    }

    #[tokio::test]
    async fn nothing_is_written_in_the_place_of_what_could_not_be() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "").unwrap();
        let mut writer = writer(&path, u64::MAX).await;
        let failed = writer.gather(bytes(LEN)).await;
        assert!(matches!(failed, Err(StagingError::NoSpace)));
        writer.disk().await.unwrap().space_min_bytes = 0;
        let (disk, failed) = writer.finish().await.unwrap();
        assert!(failed.is_none());
        assert_eq!(disk.offset(), 0);
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 0);
    }
}
