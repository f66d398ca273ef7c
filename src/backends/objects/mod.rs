//! Bytes: sources, segments, pictures. One contract, kept by a directory on this machine and by a bucket of an S3 store.
//! Uploads and media jobs write here, the HTTP layer streams from here; nobody else touches the files.

mod directory;
mod join;
mod key;
mod s3;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures_util::{future::BoxFuture, stream::BoxStream};

pub use self::{
    join::{Portion, join},
    key::{InvalidKey, ObjectKey, Prefix},
};
use super::location::Location;
use crate::domain::clock::{SharedClock, SystemClock};

#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// Nothing was kept of what was written.
    #[error("there is no space left for objects")]
    NoSpace,
    #[error("the range lies outside the object's {size} bytes")]
    RangeNotSatisfiable { size: u64 },
    #[error("no such multipart upload, or a part of it is missing")]
    NoSuchUpload,
    /// Only the last part of a multipart upload may have less than [`PART_BYTES_MIN`].
    #[error("part {number} of a multipart upload is too small")]
    PartTooSmall { number: u32 },
    /// A directory cannot hold both `a` and `a/b`, nor can a bucket that is one.
    #[error("the key is the beginning of another, or the other way round")]
    KeyConflict,
    /// What was to be written ended with an error of its own; nothing was kept.
    #[error("the source of the object failed: {0}")]
    Source(io::Error),
    #[error("the object store is not available: {0}")]
    Unavailable(String),
}

pub type ObjectResult<T> = Result<T, ObjectError>;
/// What is written, piece by piece. An error ends the write and leaves no object.
pub type Source = BoxStream<'static, io::Result<Bytes>>;
/// What is read, piece by piece.
pub type Body = BoxStream<'static, ObjectResult<Bytes>>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    pub size: u64,
    /// Without quotes. Changes whenever other bytes are written; it is no checksum of them.
    pub etag: String,
}

/// Part of an object, as an HTTP range says it (RFC 9110, 14.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteRange {
    From(u64),
    /// Both ends belong to it.
    Between(u64, u64),
    Last(u64),
}

impl ByteRange {
    /// First byte and length within an object of `size` bytes. What lies beyond the end is left out.
    pub fn within(self, size: u64) -> ObjectResult<(u64, u64)> {
        let (first, end) = match self {
            ByteRange::From(first) => (first, size),
            ByteRange::Between(first, last) if first > last => (size, size),
            ByteRange::Between(first, last) => (first, last.saturating_add(1).min(size)),
            ByteRange::Last(len) => (size.saturating_sub(len), size),
        };
        if first < end { Ok((first, end - first)) } else { Err(ObjectError::RangeNotSatisfiable { size }) }
    }
}

/// An object that is being read.
pub struct Object {
    /// Of the whole object, whatever the range.
    pub info: ObjectInfo,
    pub first_byte: u64,
    pub len: u64,
    pub body: Body,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub key: ObjectKey,
    pub info: ObjectInfo,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    pub objects: Vec<Listed>,
    pub more: bool,
}

/// A multipart upload that was begun. It outlives the process, and any process may go on with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MultipartId(String);

/// What every part but the last has at least; S3 demands it.
pub const PART_BYTES_MIN: u64 = 5 << 20;

/// How an object is to be shown to whoever fetches it at an address of its own.
#[derive(Debug, Clone, Copy)]
pub struct Handing {
    /// Its media type.
    pub kind: &'static str,
    pub good_for: Duration,
}

/// Keeps objects. A write that returned is durable; until then the object is as it was before, for everyone.
/// Objects are replaced as a whole and never changed in place: who is reading goes on with what there was.
/// Keys are listed in the order of their bytes. Absence is `None`; to delete what is absent succeeds.
pub trait Objects: Send + Sync + 'static {
    fn put<'a>(&'a self, key: &'a ObjectKey, source: Source) -> BoxFuture<'a, ObjectResult<ObjectInfo>>;

    /// As [`Objects::put`], of a length that is known: a distant store has to be told of what is very large.
    fn put_long<'a>(
        &'a self,
        key: &'a ObjectKey,
        source: Source,
        bytes: u64,
    ) -> BoxFuture<'a, ObjectResult<ObjectInfo>>;

    /// Makes a file an object. The file is gone afterwards; where it can be renamed, nothing is copied.
    fn put_file<'a>(&'a self, key: &'a ObjectKey, file: &'a Path) -> BoxFuture<'a, ObjectResult<ObjectInfo>>;

    fn begin_multipart<'a>(&'a self, key: &'a ObjectKey) -> BoxFuture<'a, ObjectResult<MultipartId>>;

    /// Parts are numbered from 1 and come in any order; a part may be put again. One that is too small is refused when
    /// the upload is completed.
    fn put_part<'a>(
        &'a self,
        upload: &'a MultipartId,
        number: u32,
        source: Source,
    ) -> BoxFuture<'a, ObjectResult<()>>;

    /// Joins the parts 1 to `parts` in their order.
    fn complete_multipart<'a>(
        &'a self,
        upload: &'a MultipartId,
        parts: u32,
    ) -> BoxFuture<'a, ObjectResult<ObjectInfo>>;

    fn abort_multipart<'a>(&'a self, upload: &'a MultipartId) -> BoxFuture<'a, ObjectResult<()>>;

    fn head<'a>(&'a self, key: &'a ObjectKey) -> BoxFuture<'a, ObjectResult<Option<ObjectInfo>>>;

    fn get<'a>(
        &'a self,
        key: &'a ObjectKey,
        range: Option<ByteRange>,
    ) -> BoxFuture<'a, ObjectResult<Option<Object>>>;

    /// The first `limit` objects below the prefix whose keys come after `after`.
    fn list<'a>(
        &'a self,
        prefix: &'a Prefix,
        after: Option<&'a ObjectKey>,
        limit: usize,
    ) -> BoxFuture<'a, ObjectResult<Listing>>;

    fn delete<'a>(&'a self, key: &'a ObjectKey) -> BoxFuture<'a, ObjectResult<()>>;

    fn delete_prefix<'a>(&'a self, prefix: &'a Prefix) -> BoxFuture<'a, ObjectResult<()>>;

    /// Where the object can be read in place, if this engine keeps it on this machine. It need not exist.
    fn local_path(&self, key: &ObjectKey) -> Option<PathBuf>;

    /// An address at which anyone can fetch the object for a while, if this engine is reached over the network. It need
    /// not exist.
    fn address<'a>(
        &'a self,
        key: &'a ObjectKey,
        handing: Handing,
    ) -> BoxFuture<'a, ObjectResult<Option<String>>>;
}

pub type SharedObjects = Arc<dyn Objects>;

/// A source out of bytes that are at hand.
pub fn source_of(bytes: impl Into<Bytes>) -> Source {
    let bytes = bytes.into();
    Box::pin(futures_util::stream::once(async move { Ok(bytes) }))
}

/// All bytes of a body. For objects that are small by design.
pub async fn read_all(mut body: Body) -> ObjectResult<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(piece) = futures_util::StreamExt::next(&mut body).await {
        bytes.extend_from_slice(&piece?);
    }
    Ok(bytes)
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("object store `{scheme}:` is not known; use `dir:PATH` or `s3://BUCKET?endpoint=…&region=…`")]
    UnknownScheme { scheme: String },
    #[error("cannot use the object directory {}: {reason}", path.display())]
    Unusable { path: PathBuf, reason: io::Error },
    #[error(transparent)]
    S3(#[from] s3::OpenError),
}

#[derive(Clone)]
pub struct Settings {
    /// Of one call to a distant store, but those that carry many bytes.
    pub deadline: Duration,
    pub clock: SharedClock,
    /// Multipart uploads that nobody touched for so long are removed.
    pub abandoned_after: Duration,
    /// How long after the opening a distant store is first looked through for them.
    pub swept_after: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(5),
            clock: Arc::new(SystemClock),
            abandoned_after: Duration::from_secs(7 * 24 * 3_600),
            swept_after: Duration::from_secs(60),
        }
    }
}

/// Opens the object store a URI names; a path left empty is `objects` in `data_dir`.
pub fn open(uri: &str, data_dir: &Path) -> Result<SharedObjects, OpenError> {
    open_with(uri, data_dir, Settings::default())
}

/// A distant store is not asked anything yet: it may be away while a server starts.
pub fn open_with(uri: &str, data_dir: &Path, settings: Settings) -> Result<SharedObjects, OpenError> {
    let location = Location::of(uri);
    match location.scheme {
        "dir" => {
            let root = location.dir(data_dir, "objects");
            let opened = directory::Directory::open(root.clone(), settings.abandoned_after);
            Ok(Arc::new(opened.map_err(|reason| OpenError::Unusable { path: root, reason })?))
        }
        "s3" => Ok(Arc::new(s3::S3::open(uri, settings)?)),
        _ => Err(OpenError::UnknownScheme { scheme: location.scheme.into() }),
    }
}

/// Scheme and host of the addresses that objects have, if they have any. Nothing is asked for it.
pub async fn origin(objects: &SharedObjects) -> ObjectResult<Option<String>> {
    let handing = Handing { kind: "video/mp4", good_for: Duration::from_secs(1) };
    let address = objects.address(&probe_key(), handing).await?;
    let url = address.and_then(|address| url::Url::parse(&address).ok());
    Ok(url.map(|url| url.origin().ascii_serialization()))
}

/// Writes and reads back one object: what `/health/ready` and `doctor` ask.
pub async fn probe(objects: &SharedObjects) -> ObjectResult<()> {
    const CONTENT: &[u8] = b"probe";
    let key = probe_key();
    objects.put(&key, source_of(CONTENT)).await?;
    let object = objects.get(&key, None).await?;
    let lost = || ObjectError::Unavailable("what was written is not there".into());
    let content = read_all(object.ok_or_else(lost)?.body).await?;
    if content == CONTENT { Ok(()) } else { Err(lost()) }
}

fn probe_key() -> ObjectKey {
    "health/probe".parse().expect("a plain key")
}
