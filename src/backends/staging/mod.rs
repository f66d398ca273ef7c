//! Where the bytes of an upload gather until it is whole: one file an upload, whose length is how far it is.
//! A length that was told to a client has been fsynced. Bytes go from the socket to the file in pieces; no upload
//! is ever in memory as a whole.
//!
//! One request at a time holds an upload. Whoever comes later asks the holder to let go: after a lost connection the
//! client is back long before the server hears that its former request is dead.

mod block;
mod disk;
mod writing;

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::{
    fs::{self, File},
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

pub use self::writing::{Pace, Received, Writing};
use crate::domain::ids::UploadId;

/// How long a holder may take to save what it has and let go.
const LET_GO_WITHIN: Duration = Duration::from_secs(10);

#[derive(Debug, thiserror::Error)]
pub enum StagingError {
    #[error("no space is left on the disk")]
    NoSpace,
    /// Another request holds this upload and does not let go.
    #[error("the upload is being written by another request")]
    Locked,
    /// Another request has asked for this upload.
    #[error("another request goes on with this upload")]
    Taken,
    #[error("the upload is not here")]
    NotFound,
    #[error("the upload stands at {offset} bytes")]
    WrongOffset { offset: u64 },
    #[error("more bytes came than the upload may have")]
    TooLong,
    #[error("the bytes come too slowly")]
    TooSlow,
    /// The sender is gone, or what it sends is no body.
    #[error("the request broke off")]
    BrokenOff(#[source] io::Error),
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

#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// What must stay free on the disk: the store needs some of it to go on.
    pub space_min_bytes: u64,
    pub pace: Pace,
}

#[derive(Clone)]
pub struct Staging {
    folder: Arc<Path>,
    options: Options,
    holders: Arc<Mutex<HashMap<UploadId, Holder>>>,
}

/// A request that holds an upload, as others see it.
#[derive(Clone, Default)]
struct Holder {
    /// Cancelled to ask it to let go.
    asked: CancellationToken,
    /// Cancelled when it has.
    gone: CancellationToken,
}

/// The right to one upload. Dropping it lets go.
pub struct Hold {
    id: UploadId,
    staging: Staging,
    holder: Holder,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.staging.holders().remove(&self.id);
        self.holder.gone.cancel();
    }
}

impl Staging {
    pub fn open(folder: &Path, options: Options) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        Ok(Self { folder: folder.into(), options, holders: Arc::default() })
    }

    /// Refuses what would leave too little free on the disk. What others have begun and not sent is not counted.
    pub async fn check_space(&self, length_bytes: u64) -> Result<(), StagingError> {
        let (folder, space_min_bytes) = (self.folder.clone(), self.options.space_min_bytes);
        let space = tokio::task::spawn_blocking(move || disk::space_bytes(&std::fs::File::open(folder)?));
        let space_bytes = space.await.map_err(io::Error::other)??;
        match space_bytes.saturating_sub(space_min_bytes) < length_bytes || space_bytes < space_min_bytes {
            true => Err(StagingError::NoSpace),
            false => Ok(()),
        }
    }

    pub fn path(&self, id: &UploadId) -> PathBuf {
        self.folder.join(format!("{id}.part"))
    }

    /// While this is there, only so many bytes of the upload are known to be good.
    fn mark(&self, id: &UploadId) -> PathBuf {
        self.folder.join(format!("{id}.good"))
    }

    /// While this is there, a whole upload is on its way to where it belongs.
    fn end(&self, id: &UploadId) -> PathBuf {
        self.folder.join(format!("{id}.end"))
    }

    /// Begins an upload with no bytes.
    pub async fn create(&self, id: &UploadId) -> Result<(), StagingError> {
        File::create(self.path(id)).await?;
        self.sync_folder().await
    }

    /// Takes an upload, from whoever holds it now.
    pub async fn hold(&self, id: &UploadId) -> Result<Hold, StagingError> {
        self.hold_within(id, LET_GO_WITHIN).await
    }

    async fn hold_within(&self, id: &UploadId, patience: Duration) -> Result<Hold, StagingError> {
        let deadline = Instant::now() + patience;
        loop {
            let gone = match self.try_hold(id) {
                Ok(hold) => return Ok(hold),
                Err(holder) => {
                    holder.asked.cancel();
                    holder.gone
                }
            };
            timeout_at(deadline, gone.cancelled()).await.map_err(|_| StagingError::Locked)?;
        }
    }

    /// An upload that nobody holds; else who does.
    fn try_hold(&self, id: &UploadId) -> Result<Hold, Holder> {
        let mut holders = self.holders();
        if let Some(holder) = holders.get(id) {
            return Err(holder.clone());
        }
        let holder = Holder::default();
        holders.insert(id.clone(), holder.clone());
        Ok(Hold { id: id.clone(), staging: self.clone(), holder })
    }

    /// Bytes that are here, durable or not, while another may be writing.
    pub async fn length(&self, id: &UploadId) -> Result<u64, StagingError> {
        match fs::metadata(self.path(id)).await {
            Ok(metadata) => Ok(metadata.len()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    pub fn is_held(&self, id: &UploadId) -> bool {
        self.holders().contains_key(id)
    }

    pub async fn remove(&self, id: &UploadId) -> Result<(), StagingError> {
        for path in [self.path(id), self.mark(id), self.end(id)] {
            match fs::remove_file(path).await {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Every upload that has a file here.
    pub async fn list(&self) -> Result<Vec<UploadId>, StagingError> {
        let mut found = Vec::new();
        let mut entries = fs::read_dir(&self.folder).await?;
        while let Some(entry) = entries.next_entry().await? {
            let name = entry.file_name();
            let id = name.to_str().and_then(|name| name.split_once('.')).and_then(|(id, _)| id.parse().ok());
            found.extend(id);
        }
        found.sort();
        found.dedup();
        Ok(found)
    }

    async fn sync_folder(&self) -> Result<(), StagingError> {
        Ok(File::open(&self.folder).await?.sync_all().await?)
    }

    fn holders(&self) -> MutexGuard<'_, HashMap<UploadId, Holder>> {
        self.holders.lock().expect("no code panics while it holds this lock")
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::{Stream, StreamExt, stream};

    use super::*;
    use crate::domain::{
        checksum::{Algorithm, Digests},
        clock::Timestamp,
    };

    fn pieces(texts: &[&'static str]) -> impl Stream<Item = io::Result<Bytes>> + Unpin {
        stream::iter(texts.iter().map(|text| Ok(Bytes::from_static(text.as_bytes()))).collect::<Vec<_>>())
    }

    async fn begun() -> (tempfile::TempDir, Staging, UploadId) {
        begun_with(0, Duration::from_secs(60)).await
    }

    async fn begun_with(space_min_bytes: u64, within: Duration) -> (tempfile::TempDir, Staging, UploadId) {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { space_min_bytes, pace: Pace { bytes_min: 1, within } };
        let staging = Staging::open(folder.path(), options).unwrap();
        let id = UploadId::new(Timestamp(1));
        staging.create(&id).await.unwrap();
        (folder, staging, id)
    }

    #[tokio::test]
    async fn an_upload_goes_on_where_it_broke_off() {
        let (_folder, staging, id) = begun().await;
        let hold = staging.hold(&id).await.unwrap();
        let cut = stream::iter([Ok(Bytes::from_static(b"hel")), Err(io::Error::other("cut"))]);
        let first = hold.write(0).await.unwrap().receive(10, cut).await.unwrap().keep().await.unwrap();
        assert!(matches!(first, (3, Some(StagingError::BrokenOff(_)))));
        assert!(matches!(hold.write(2).await, Err(StagingError::WrongOffset { offset: 3 })));
        let second =
            hold.write(3).await.unwrap().receive(10, pieces(&["lo"])).await.unwrap().keep().await.unwrap();
        assert!(matches!(second, (5, None)));
        assert_eq!(fs::read(staging.path(&id)).await.unwrap(), b"hello");
    }

    #[tokio::test]
    async fn no_byte_beyond_the_length_is_kept() {
        let (_folder, staging, id) = begun().await;
        let hold = staging.hold(&id).await.unwrap();
        let nothing = hold.write(0).await.unwrap().receive(4, pieces(&["", ""])).await.unwrap();
        assert!(matches!(nothing.keep().await.unwrap(), (0, None)));
        let received = hold.write(0).await.unwrap().receive(4, pieces(&["abc", "def"])).await.unwrap();
        assert!(matches!(received.keep().await.unwrap(), (4, Some(StagingError::TooLong))));
        assert_eq!(hold.offset().await.unwrap(), 4);
    }

    #[tokio::test]
    async fn what_has_another_checksum_never_was() {
        let (_folder, staging, id) = begun().await;
        let hold = staging.hold(&id).await.unwrap();
        hold.write(0).await.unwrap().receive(9, pieces(&["good"])).await.unwrap().keep().await.unwrap();
        let digests = || Digests::of(&[Algorithm::Crc32]);
        let writing = hold.write(4).await.unwrap().checked(digests()).await.unwrap();
        let received = writing.receive(9, pieces(&["bad"])).await.unwrap();
        assert_eq!(received.discard().await.unwrap(), 4);
        let writing = hold.write(4).await.unwrap().checked(digests()).await.unwrap();
        // More than is gathered before a write, and then the process dies: nobody decides.
        let large: &'static str = "x".repeat(300_000).leak();
        drop(writing.receive(1 << 20, pieces(&[large])).await.unwrap());
        assert!(fs::metadata(staging.path(&id)).await.unwrap().len() > 4, "something has been written");
        assert_eq!(hold.offset().await.unwrap(), 4);
        let writing = hold.write(4).await.unwrap().checked(digests()).await.unwrap();
        let mut received = writing.receive(20, pieces(&["123456789"])).await.unwrap();
        let check = 0xcbf4_3926_u32.to_be_bytes();
        assert!(received.take_digests().unwrap().have(Algorithm::Crc32, &check), "of nine digits");
        assert!(matches!(received.keep().await.unwrap(), (13, None)));
        assert_eq!(hold.offset().await.unwrap(), 13);
    }

    #[tokio::test]
    async fn whoever_comes_later_gets_the_upload_with_what_came_before() {
        let (_folder, staging, id) = begun().await;
        let first = staging.hold(&id).await.unwrap();
        // Says a little and then nothing more, like a connection that is lost.
        let (said, heard) = tokio::sync::oneshot::channel();
        let silence = stream::once(async {
            said.send(()).expect("somebody waits for it");
            std::future::pending().await
        });
        let ghost = Box::pin(pieces(&["abc"]).chain(silence));
        let (told, later) = tokio::join!(
            async {
                let kept =
                    first.write(0).await.unwrap().receive(9, ghost).await.unwrap().keep().await.unwrap();
                drop(first);
                kept
            },
            async {
                heard.await.unwrap();
                staging.hold(&id).await.unwrap()
            },
        );
        assert!(matches!(told, (3, Some(StagingError::Taken))));
        assert_eq!(later.offset().await.unwrap(), 3);
        assert!(staging.is_held(&id));
        drop(later);
        assert!(!staging.is_held(&id));
    }

    #[tokio::test]
    async fn a_sender_that_says_too_little_is_cut_off_and_what_it_said_is_kept() {
        let (_folder, staging, id) = begun_with(0, Duration::from_millis(50)).await;
        let hold = staging.hold(&id).await.unwrap();
        let began = Instant::now();
        let slow = Box::pin(pieces(&["abc"]).chain(stream::pending()));
        let kept = hold.write(0).await.unwrap().receive(9, slow).await.unwrap().keep().await.unwrap();
        assert!(matches!(kept, (3, Some(StagingError::TooSlow))));
        assert!(began.elapsed() >= Duration::from_millis(100), "the span in which something came was good");
    }

    #[tokio::test]
    async fn nothing_is_written_into_the_last_of_the_space() {
        let (_folder, full, id) = begun_with(u64::MAX, Duration::from_secs(60)).await;
        assert!(matches!(full.check_space(0).await, Err(StagingError::NoSpace)));
        let hold = full.hold(&id).await.unwrap();
        let kept =
            hold.write(0).await.unwrap().receive(9, pieces(&["abc"])).await.unwrap().keep().await.unwrap();
        assert!(matches!(kept, (0, Some(StagingError::NoSpace))));
    }

    #[tokio::test]
    async fn a_holder_that_does_not_let_go_keeps_it() {
        let (_folder, staging, id) = begun().await;
        let _held = staging.hold(&id).await.unwrap();
        let refused = staging.hold_within(&id, Duration::from_millis(20)).await;
        assert!(matches!(refused, Err(StagingError::Locked)));
    }
}
