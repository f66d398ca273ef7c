//! Bytes on their way into an upload that is held: taken from a sender, then kept or thrown away.

use std::io::{self, SeekFrom};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::{
    fs::{self, File, OpenOptions},
    io::{AsyncSeekExt, AsyncWriteExt},
};
use tokio_util::sync::CancellationToken;

use super::{Hold, StagingError};
use crate::domain::{checksum::Digests, ids::UploadId};

/// Bytes gathered before a write: fewer trips to the blocking pool.
const WRITE_LEN: usize = 256 * 1024;

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

    /// Begins to add to an upload that stands at `offset`.
    pub async fn write(&self, offset: u64) -> Result<Writing<'_>, StagingError> {
        let here = self.offset().await?;
        if here != offset {
            return Err(StagingError::WrongOffset { offset: here });
        }
        let file = OpenOptions::new().write(true).open(self.staging.path(&self.id)).await?;
        Ok(Writing {
            hold: self,
            file,
            start: offset,
            offset,
            waiting: Vec::new(),
            digests: None,
            marked: false,
        })
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

    fn asked_to_let_go(&self) -> &CancellationToken {
        &self.holder.asked
    }
}

/// An upload that is being added to. What came is neither told nor durable before it is kept.
pub struct Writing<'a> {
    hold: &'a Hold,
    file: File,
    start: u64,
    /// Bytes in the file.
    offset: u64,
    waiting: Vec<u8>,
    digests: Option<Digests>,
    /// Whether a mark says where the good bytes end.
    marked: bool,
}

/// Everything that came.
pub struct Received<'a> {
    writing: Writing<'a>,
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
        self.digests = Some(digests);
        self.marked = true;
        Ok(self)
    }

    /// Takes what a sender sends, up to `length_max` bytes in all, until it ends, breaks off, or another request asks
    /// for the upload. What is here already when it asks is taken along.
    pub async fn receive<E: Into<io::Error>>(
        mut self,
        length_max: u64,
        mut bytes: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Received<'a> {
        self.waiting.reserve(WRITE_LEN);
        let asked = self.hold.asked_to_let_go().clone();
        let broken = loop {
            let piece = tokio::select! {
                biased;
                piece = bytes.next() => match piece {
                    None => break None,
                    Some(Err(error)) => break Some(StagingError::Io(error.into())),
                    Some(Ok(piece)) => piece,
                },
                () = asked.cancelled() => break Some(StagingError::Taken),
            };
            let room = length_max.saturating_sub(self.offset + self.waiting.len() as u64);
            let fits = usize::try_from(room).unwrap_or(usize::MAX).min(piece.len());
            if let Err(error) = self.take(&piece[..fits]).await {
                break Some(error);
            }
            if fits < piece.len() {
                break Some(StagingError::TooLong);
            }
            if asked.is_cancelled() {
                break Some(StagingError::Taken);
            }
        };
        Received { writing: self, broken }
    }

    async fn take(&mut self, piece: &[u8]) -> Result<(), StagingError> {
        if let Some(digests) = &mut self.digests {
            digests.update(piece);
        }
        self.waiting.extend_from_slice(piece);
        if self.waiting.len() >= WRITE_LEN { self.write().await } else { Ok(()) }
    }

    /// Starts where the file ends for us, so that a write that failed half-way is written over.
    async fn write(&mut self) -> Result<(), StagingError> {
        self.file.seek(SeekFrom::Start(self.offset)).await?;
        self.file.write_all(&self.waiting).await?;
        self.file.flush().await?;
        self.offset += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }

    async fn end(self, len: u64) -> Result<u64, StagingError> {
        self.file.set_len(len).await?;
        self.file.sync_data().await?;
        if self.marked {
            fs::remove_file(self.hold.staging.mark(&self.hold.id)).await?;
        }
        Ok(len)
    }
}

impl Received<'_> {
    /// The checksums of what came, if they were asked for.
    pub fn take_digests(&mut self) -> Option<Digests> {
        self.writing.digests.take()
    }

    /// Makes what came durable. Returns how far the upload is, and why not all could be kept. A write that fails
    /// half-way is cut off again, so that the file's length is always what is told.
    pub async fn keep(mut self) -> Result<(u64, Option<StagingError>), StagingError> {
        let failed = self.writing.write().await.err();
        let offset = self.writing.offset;
        Ok((self.writing.end(offset).await?, self.broken.or(failed)))
    }

    /// As if nothing had come.
    pub async fn discard(self) -> Result<u64, StagingError> {
        let start = self.writing.start;
        self.writing.end(start).await
    }
}
