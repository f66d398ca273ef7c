//! Bytes on their way into an upload that is held: taken from a sender, then kept or thrown away. While some are
//! written, the next are gathered.

use std::{io, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::{
    fs::{self, File, OpenOptions},
    io::AsyncWriteExt,
    time::{Instant, sleep_until},
};

use super::{
    Hold, StagingError,
    disk::{Disk, Writer},
};
use crate::domain::{checksum::Digests, ids::UploadId};

/// The least that must come of an upload in each span of time.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    pub bytes_min: u64,
    pub within: Duration,
}

impl Hold {
    pub fn id(&self) -> &UploadId {
        &self.id
    }

    /// Bytes that are here, and durable.
    pub async fn offset(&self) -> Result<u64, StagingError> {
        let file = OpenOptions::new().write(true).open(self.staging.path(&self.id)).await?;
        if let Some(good) = self.mark().await? {
            file.set_len(good).await?;
            file.sync_data().await?;
            fs::remove_file(self.staging.mark(&self.id)).await?;
        }
        file.sync_data().await?;
        Ok(file.metadata().await?.len())
    }

    /// Where the good bytes of a request end that was checked and never came to its end.
    async fn mark(&self) -> Result<Option<u64>, StagingError> {
        match fs::read_to_string(self.staging.mark(&self.id)).await {
            // A mark that is not whole was made before the first byte came.
            Ok(text) => Ok(text.strip_suffix('\n').and_then(|text| text.parse().ok())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Begins to add to an upload that stands at `offset`, as [`Hold::offset`] has said.
    pub async fn write(&self, offset: u64) -> Result<Writing<'_>, StagingError> {
        let disk = Disk::open(&self.staging.path(&self.id), self.staging.options.space_min_bytes).await?;
        if disk.offset() != offset {
            return Err(StagingError::WrongOffset { offset: disk.offset() });
        }
        Ok(Writing { hold: self, writer: disk.into(), start: offset, marked: false })
    }

    /// Adds all bytes of another upload, which the kernel copies.
    pub async fn add(&self, other: &UploadId) -> Result<u64, StagingError> {
        let (from, to) = (self.staging.path(other), self.staging.path(&self.id));
        let copied = tokio::task::spawn_blocking(move || {
            let mut from = std::fs::File::open(from)?;
            let mut to = std::fs::OpenOptions::new().append(true).open(to)?;
            let copied = io::copy(&mut from, &mut to)?;
            to.sync_data()?;
            Ok::<u64, io::Error>(copied)
        });
        Ok(copied.await.map_err(io::Error::other)??)
    }

    /// Throws away all bytes that are here.
    pub async fn clear(&self) -> Result<(), StagingError> {
        let file = OpenOptions::new().write(true).open(self.staging.path(&self.id)).await?;
        file.set_len(0).await?;
        Ok(file.sync_data().await?)
    }

    /// Says, durably, that the whole file now goes where it belongs. `false`: it has gone already.
    pub async fn begin_to_end(&self) -> Result<bool, StagingError> {
        File::create(self.staging.end(&self.id)).await?;
        self.staging.sync_folder().await?;
        Ok(fs::try_exists(self.staging.path(&self.id)).await?)
    }

    pub async fn is_ending(&self) -> Result<bool, StagingError> {
        Ok(fs::try_exists(self.staging.end(&self.id)).await?)
    }

    /// Whether a whole upload has left for where it belongs.
    pub async fn has_gone(&self) -> Result<bool, StagingError> {
        Ok(self.is_ending().await? && !fs::try_exists(self.staging.path(&self.id)).await?)
    }

    /// Returns once another request asks for the upload.
    pub async fn asked(&self) {
        self.holder.asked.cancelled().await;
    }
}

/// An upload that is being added to. What came is neither told nor durable before it is kept.
pub struct Writing<'a> {
    hold: &'a Hold,
    writer: Writer,
    start: u64,
    /// Whether a mark says where the good bytes end.
    marked: bool,
}

/// Everything that came, in the file.
pub struct Received<'a> {
    hold: &'a Hold,
    disk: Disk,
    start: u64,
    marked: bool,
    /// Why no more came, if not because the sender was done.
    pub broken: Option<StagingError>,
}

impl<'a> Writing<'a> {
    /// What comes will be held against a checksum. Should this process die before it has been, it is thrown away.
    pub async fn checked(mut self, digests: Digests) -> Result<Self, StagingError> {
        let mark = self.hold.staging.mark(&self.hold.id);
        let mut file = File::create(mark).await?;
        file.write_all(format!("{}\n", self.start).as_bytes()).await?;
        file.sync_all().await?;
        self.hold.staging.sync_folder().await?;
        self.writer.disk().await?.digests = Some(digests);
        self.marked = true;
        Ok(self)
    }

    /// Takes what a sender sends, up to `length_max` bytes in all, until it ends, breaks off, is too slow, or another
    /// request asks for the upload. What is here already when it asks is taken along.
    pub async fn receive<E: Into<io::Error>>(
        mut self,
        length_max: u64,
        bytes: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<Received<'a>, StagingError> {
        let broken = self.gather(length_max, bytes).await.err();
        let written = self.writer.finish().await;
        let (disk, failed) = written?;
        let Self { hold, start, marked, .. } = self;
        Ok(Received { hold, disk, start, marked, broken: broken.or(failed) })
    }

    async fn gather<E: Into<io::Error>>(
        &mut self,
        length_max: u64,
        mut bytes: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<(), StagingError> {
        let hold = self.hold;
        let mut haste = Haste::new(self.hold.staging.options.pace);
        let mut room = length_max.saturating_sub(self.start);
        loop {
            let mut piece = tokio::select! {
                biased;
                piece = bytes.next() => match piece {
                    None => return Ok(()),
                    Some(piece) => piece.map_err(|error| StagingError::BrokenOff(error.into()))?,
                },
                () = hold.asked() => return Err(StagingError::Taken),
                () = haste.missed() => return Err(StagingError::TooSlow),
            };
            haste.came += piece.len() as u64;
            let sent = piece.len();
            piece.truncate(usize::try_from(room).unwrap_or(usize::MAX));
            room -= piece.len() as u64;
            let cut = piece.len() < sent;
            self.writer.gather(piece).await?;
            if cut {
                return Err(StagingError::TooLong);
            }
            if hold.holder.asked.is_cancelled() {
                return Err(StagingError::Taken);
            }
        }
    }
}

impl Received<'_> {
    /// The checksums of what came, if they were asked for.
    pub fn take_digests(&mut self) -> Option<Digests> {
        self.disk.digests.take()
    }

    /// Makes what came durable. Returns how far the upload is, and why not all could be kept. A write that fails
    /// half-way is cut off again, so that the file's length is always what is told.
    pub async fn keep(mut self) -> Result<(u64, Option<StagingError>), StagingError> {
        let (offset, broken) = (self.disk.offset(), self.broken.take());
        Ok((self.end(offset).await?, broken))
    }

    /// As if nothing had come.
    pub async fn discard(self) -> Result<u64, StagingError> {
        let start = self.start;
        self.end(start).await
    }

    async fn end(self, length_bytes: u64) -> Result<u64, StagingError> {
        self.disk.end_at(length_bytes).await?;
        if self.marked {
            fs::remove_file(self.hold.staging.mark(&self.hold.id)).await?;
        }
        Ok(length_bytes)
    }
}

/// Whether enough came lately.
struct Haste {
    pace: Pace,
    came: u64,
    due: Instant,
}

impl Haste {
    fn new(pace: Pace) -> Self {
        Self { pace, came: 0, due: Instant::now() + pace.within }
    }

    /// Returns once a span of time is over in which too little came.
    async fn missed(&mut self) {
        loop {
            sleep_until(self.due).await;
            if self.came < self.pace.bytes_min {
                return;
            }
            (self.came, self.due) = (0, Instant::now() + self.pace.within);
        }
    }
}
