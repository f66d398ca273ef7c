//! Where the bytes of an upload gather until it is whole. Where objects lie on this machine: one file an upload, whose
//! length is how far it is (`folder`). Where they lie in a store of all nodes: pieces in that store, so that any node may
//! go on (`shared`). What was told to a client is durable; no upload is ever in memory as a whole.
//!
//! One request at a time holds an upload. Whoever comes later asks the holder to let go: after a lost connection the
//! client is back long before the server hears that its former request is dead.

mod block;
mod disk;
mod folder;
mod hold;
mod shared;
mod writing;

use std::{
    collections::HashMap,
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::time::{Instant, timeout_at};

use self::{folder::Folder, hold::Holder, shared::Shared};
pub use self::{
    hold::Hold,
    shared::BackEnds,
    writing::{Pace, Received, Writing},
};
use super::{objects::ObjectError, store::StoreError};
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
    #[error("the upload came in too many pieces; begin it anew and send larger ones")]
    TooManyPieces,
    #[error("the bytes come too slowly")]
    TooSlow,
    #[error("too many uploads come at once; go on in a while")]
    Busy,
    /// The sender is gone, or what it sends is no body.
    #[error("the request broke off")]
    BrokenOff(#[source] io::Error),
    #[error(transparent)]
    Io(io::Error),
    #[error(transparent)]
    Object(#[from] ObjectError),
    #[error(transparent)]
    Store(#[from] StoreError),
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
    /// What all uploads of this node may have in memory, where they gather in a store of all nodes.
    pub memory_max_bytes: u64,
    pub pace: Pace,
}

#[derive(Clone)]
pub struct Staging {
    place: Place,
    pace: Pace,
    holders: Holders,
}

#[derive(Clone)]
enum Place {
    Folder(Folder),
    Shared(Shared),
}

/// Who holds what on this node.
#[derive(Clone, Default)]
struct Holders(Arc<Mutex<HashMap<UploadId, Holder>>>);

impl Holders {
    fn all(&self) -> MutexGuard<'_, HashMap<UploadId, Holder>> {
        self.0.lock().expect("no code panics while it holds this lock")
    }
}

impl Staging {
    /// In files of this machine.
    pub fn open(folder: &Path, options: Options) -> io::Result<Self> {
        let place = Place::Folder(Folder::open(folder, options.space_min_bytes)?);
        Ok(Self { place, pace: options.pace, holders: Holders::default() })
    }

    /// In a store of objects that all nodes share.
    pub async fn open_shared(back_ends: BackEnds, options: Options) -> Self {
        let place = Place::Shared(Shared::open(back_ends, options.memory_max_bytes).await);
        Self { place, pace: options.pace, holders: Holders::default() }
    }

    /// Refuses what would leave too little free on the disk. What others have begun and not sent is not counted.
    pub async fn check_space(&self, length_bytes: u64) -> Result<(), StagingError> {
        match &self.place {
            Place::Folder(folder) => folder.check_space(length_bytes).await,
            Place::Shared(_) => Ok(()),
        }
    }

    /// Takes an upload, from whoever holds it now.
    pub async fn hold(&self, id: &UploadId) -> Result<Hold, StagingError> {
        self.hold_within(id, LET_GO_WITHIN).await
    }

    async fn hold_within(&self, id: &UploadId, patience: Duration) -> Result<Hold, StagingError> {
        let deadline = Instant::now() + patience;
        let mut hold = loop {
            let gone = match self.try_hold(id) {
                Ok(hold) => break hold,
                Err(holder) => {
                    holder.asked.cancel();
                    holder.gone
                }
            };
            timeout_at(deadline, gone.cancelled()).await.map_err(|_| StagingError::Locked)?;
        };
        if let Place::Shared(shared) = &self.place {
            hold.claim(shared, deadline).await?;
        }
        Ok(hold)
    }

    /// An upload that nobody holds on this node; else who does.
    fn try_hold(&self, id: &UploadId) -> Result<Hold, Holder> {
        let mut holders = self.holders.all();
        if let Some(holder) = holders.get(id) {
            return Err(holder.clone());
        }
        let holder = Holder::default();
        holders.insert(id.clone(), holder.clone());
        Ok(Hold::new(id.clone(), self.clone(), holder))
    }

    /// Bytes that are here, durable or not, while another may be writing.
    pub async fn length(&self, id: &UploadId) -> Result<u64, StagingError> {
        match &self.place {
            Place::Folder(folder) => folder.length(id).await,
            Place::Shared(shared) => Ok(shared.stand(id).await?.map_or(0, |stand| stand.reach())),
        }
    }

    /// Whether an upload of this length may have come to its end, as far as can be told without holding it.
    pub async fn may_be_whole(&self, id: &UploadId, length: Option<u64>) -> Result<bool, StagingError> {
        match &self.place {
            Place::Folder(_) => Ok(true),
            Place::Shared(_) => Ok(Some(self.length(id).await?) == length),
        }
    }

    /// Whether some request has it, on any node.
    pub async fn is_held(&self, id: &UploadId) -> bool {
        let here = self.holders.all().contains_key(id);
        match &self.place {
            Place::Folder(_) => here,
            Place::Shared(shared) => here || shared.is_held_elsewhere(id).await,
        }
    }

    pub async fn remove(&self, id: &UploadId) -> Result<(), StagingError> {
        match &self.place {
            Place::Folder(folder) => folder.remove(id).await,
            Place::Shared(shared) => shared.remove(id).await,
        }
    }

    /// Every upload that gathers here, on whichever node it was begun.
    pub async fn list(&self) -> Result<Vec<UploadId>, StagingError> {
        match &self.place {
            Place::Folder(folder) => folder.list().await,
            Place::Shared(shared) => shared.list().await,
        }
    }

    /// Removes what belongs to no upload any more: a request may have been so late that nobody knows of it.
    pub async fn remove_strays(&self) -> Result<(), StagingError> {
        match &self.place {
            Place::Folder(_) => Ok(()),
            Place::Shared(shared) => shared.remove_strays().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use bytes::Bytes;
    use futures_util::{Stream, StreamExt, stream};
    use tokio::fs;

    use super::*;
    use crate::domain::{
        checksum::{Algorithm, Digests},
        clock::Timestamp,
    };

    fn pieces(texts: &[&'static str]) -> impl Stream<Item = io::Result<Bytes>> + Unpin {
        stream::iter(texts.iter().map(|text| Ok(Bytes::from_static(text.as_bytes()))).collect::<Vec<_>>())
    }

    fn path(staging: &Staging, id: &UploadId) -> PathBuf {
        match &staging.place {
            Place::Folder(folder) => folder.path(id),
            Place::Shared(_) => unreachable!("it was opened on a folder"),
        }
    }

    async fn begun() -> (tempfile::TempDir, Staging, UploadId) {
        begun_with(0, Duration::from_secs(60)).await
    }

    async fn begun_with(space_min_bytes: u64, within: Duration) -> (tempfile::TempDir, Staging, UploadId) {
        let folder = tempfile::tempdir().unwrap();
        let pace = Pace { bytes_min: 1, within };
        let options = Options { space_min_bytes, memory_max_bytes: 0, pace };
        let staging = Staging::open(folder.path(), options).unwrap();
        let id = UploadId::new(Timestamp(1));
        staging.hold(&id).await.unwrap().create().await.unwrap();
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
        assert_eq!(fs::read(path(&staging, &id)).await.unwrap(), b"hello");
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
        assert!(fs::metadata(path(&staging, &id)).await.unwrap().len() > 4, "something has been written");
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
        assert!(staging.is_held(&id).await);
        drop(later);
        assert!(!staging.is_held(&id).await);
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
