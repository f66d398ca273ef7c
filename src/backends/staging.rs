//! Where the bytes of an upload gather until it is whole: one file an upload, whose length is how far it is.
//! A length that was told to a client has been fsynced. Bytes go from the socket to the file in pieces; no upload
//! is ever in memory as a whole.

use std::{
    collections::HashSet,
    io::{self, SeekFrom},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::{
    fs::{self, File, OpenOptions},
    io::{AsyncSeekExt, AsyncWriteExt},
};

use crate::domain::ids::UploadId;

/// Bytes gathered before a write: fewer trips to the blocking pool.
const WRITE_LEN: usize = 256 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum StagingError {
    #[error("no space is left on the disk")]
    NoSpace,
    /// Another request writes this upload.
    #[error("the upload is being written by another request")]
    Locked,
    #[error("the upload is not here")]
    NotFound,
    #[error("the upload stands at {offset} bytes")]
    WrongOffset { offset: u64 },
    #[error("more bytes came than the upload may have")]
    TooLong,
    #[error(transparent)]
    Io(io::Error),
}

impl From<io::Error> for StagingError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StagingError::NoSpace,
            io::ErrorKind::NotFound => StagingError::NotFound,
            _ => StagingError::Io(error),
        }
    }
}

/// How an append ended. Either way `offset` bytes are durable.
#[derive(Debug)]
pub struct Appended {
    pub offset: u64,
    /// Why no more came, if not because the sender was done.
    pub broken: Option<StagingError>,
}

#[derive(Clone)]
pub struct Staging {
    folder: Arc<Path>,
    writing: Arc<Mutex<HashSet<UploadId>>>,
}

impl Staging {
    pub fn open(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        Ok(Self { folder: folder.into(), writing: Arc::default() })
    }

    pub fn path(&self, id: &UploadId) -> PathBuf {
        self.folder.join(format!("{id}.part"))
    }

    /// Begins an upload with no bytes.
    pub async fn create(&self, id: &UploadId) -> Result<(), StagingError> {
        let file = OpenOptions::new().write(true).create_new(true).open(self.path(id)).await?;
        file.sync_all().await?;
        File::open(&self.folder).await?.sync_all().await?;
        Ok(())
    }

    /// Bytes that are here.
    pub async fn offset(&self, id: &UploadId) -> Result<u64, StagingError> {
        Ok(fs::metadata(self.path(id)).await?.len())
    }

    /// Adds what a sender sends to an upload that stands at `offset`, up to `length_max` bytes in all. Whatever
    /// ends the stream, what came before is kept.
    pub async fn append<E: Into<io::Error>>(
        &self,
        id: &UploadId,
        offset: u64,
        length_max: u64,
        mut bytes: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<Appended, StagingError> {
        let _writing = self.lock(id)?;
        let mut file = OpenOptions::new().write(true).open(self.path(id)).await?;
        let here = file.metadata().await?.len();
        if here != offset {
            return Err(StagingError::WrongOffset { offset: here });
        }
        file.seek(SeekFrom::Start(offset)).await?;
        let mut sink = Sink { file, offset, waiting: Vec::with_capacity(WRITE_LEN) };
        let broken = loop {
            let piece = match bytes.next().await {
                None => break None,
                Some(Err(error)) => break Some(StagingError::Io(error.into())),
                Some(Ok(piece)) => piece,
            };
            let room = length_max.saturating_sub(sink.len());
            let fits = usize::try_from(room).unwrap_or(usize::MAX).min(piece.len());
            if let Err(error) = sink.take(&piece[..fits]).await {
                break Some(error);
            }
            if fits < piece.len() {
                break Some(StagingError::TooLong);
            }
        };
        let (offset, unfinished) = sink.finish().await?;
        Ok(Appended { offset, broken: broken.or(unfinished) })
    }

    pub async fn remove(&self, id: &UploadId) -> Result<(), StagingError> {
        match fs::remove_file(self.path(id)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Every upload that has a file.
    pub async fn list(&self) -> Result<Vec<UploadId>, StagingError> {
        let mut found = Vec::new();
        let mut entries = fs::read_dir(&self.folder).await?;
        while let Some(entry) = entries.next_entry().await? {
            let name = entry.file_name();
            let id = name.to_str().and_then(|name| name.strip_suffix(".part"));
            found.extend(id.and_then(|id| id.parse().ok()));
        }
        Ok(found)
    }

    fn lock(&self, id: &UploadId) -> Result<Writing, StagingError> {
        let mut writing = self.writing.lock().expect("no code panics while it holds this lock");
        match writing.insert(id.clone()) {
            true => Ok(Writing { id: id.clone(), all: self.writing.clone() }),
            false => Err(StagingError::Locked),
        }
    }
}

/// The right to write one upload.
struct Writing {
    id: UploadId,
    all: Arc<Mutex<HashSet<UploadId>>>,
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.all.lock().expect("no code panics while it holds this lock").remove(&self.id);
    }
}

struct Sink {
    file: File,
    /// Bytes in the file.
    offset: u64,
    waiting: Vec<u8>,
}

impl Sink {
    /// Bytes taken, those that wait included.
    fn len(&self) -> u64 {
        self.offset + self.waiting.len() as u64
    }

    async fn take(&mut self, piece: &[u8]) -> Result<(), StagingError> {
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

    /// Writes what waits and makes it durable. A write that fails half-way is cut off again, so that the file's
    /// length is always what was told.
    async fn finish(mut self) -> Result<(u64, Option<StagingError>), StagingError> {
        let failed = self.write().await.err();
        if failed.is_some() {
            self.file.set_len(self.offset).await?;
        }
        self.file.sync_data().await?;
        Ok((self.offset, failed))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;
    use crate::domain::clock::Timestamp;

    fn pieces(texts: &[&'static str]) -> impl Stream<Item = io::Result<Bytes>> + Unpin {
        stream::iter(texts.iter().map(|text| Ok(Bytes::from_static(text.as_bytes()))).collect::<Vec<_>>())
    }

    async fn begun() -> (tempfile::TempDir, Staging, UploadId) {
        let folder = tempfile::tempdir().unwrap();
        let staging = Staging::open(folder.path()).unwrap();
        let id = UploadId::new(Timestamp(1));
        staging.create(&id).await.unwrap();
        (folder, staging, id)
    }

    #[tokio::test]
    async fn an_upload_goes_on_where_it_broke_off() {
        let (_folder, staging, id) = begun().await;
        let cut = stream::iter([Ok(Bytes::from_static(b"hel")), Err(io::Error::other("cut"))]);
        let first = staging.append(&id, 0, 10, cut).await.unwrap();
        assert_eq!(first.offset, 3);
        assert!(matches!(first.broken, Some(StagingError::Io(_))));
        let refused = staging.append(&id, 2, 10, pieces(&["x"])).await;
        assert!(matches!(refused, Err(StagingError::WrongOffset { offset: 3 })));
        let second = staging.append(&id, 3, 10, pieces(&["lo"])).await.unwrap();
        assert!(second.offset == 5 && second.broken.is_none());
        assert_eq!(fs::read(staging.path(&id)).await.unwrap(), b"hello");
    }

    #[tokio::test]
    async fn no_byte_beyond_the_length_is_kept() {
        let (_folder, staging, id) = begun().await;
        let appended = staging.append(&id, 0, 4, pieces(&["abc", "def"])).await.unwrap();
        assert_eq!(appended.offset, 4);
        assert!(matches!(appended.broken, Some(StagingError::TooLong)));
        assert_eq!(staging.offset(&id).await.unwrap(), 4);
    }

    #[tokio::test]
    async fn only_one_request_writes_an_upload() {
        let (_folder, staging, id) = begun().await;
        let held = staging.lock(&id).unwrap();
        assert!(matches!(staging.append(&id, 0, 4, pieces(&["a"])).await, Err(StagingError::Locked)));
        drop(held);
        assert_eq!(staging.append(&id, 0, 4, pieces(&["a"])).await.unwrap().offset, 1);
    }
}
