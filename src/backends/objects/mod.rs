//! Bytes: sources, segments, pictures. One contract, a directory on this machine now and a bucket later.
//! Uploads and media jobs write here, the HTTP layer streams from here; nobody else touches the files.

mod directory;
mod key;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures_util::{future::BoxFuture, stream::BoxStream};

pub use self::key::{InvalidKey, ObjectKey, Prefix};
use super::location::Location;
use crate::domain::clock::Timestamp;

#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// Nothing was kept of what was written.
    #[error("there is no space left for objects")]
    NoSpace,
    #[error("the range lies outside the object's {size} bytes")]
    RangeNotSatisfiable { size: u64 },
    #[error("no such multipart upload, or a part of it is missing")]
    NoSuchUpload,
    /// A directory cannot hold both `a` and `a/b`.
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
    /// Without quotes. Changes whenever the object is written; says nothing about its content.
    pub etag: String,
    pub modified_at: Timestamp,
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

/// A multipart upload that was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MultipartId(String);

/// Keeps objects. A write that returned is durable; until then the object is as it was before, for everyone.
/// Objects are replaced as a whole and never changed in place: who is reading goes on with what there was.
/// Keys are listed in the order of their bytes. Absence is `None`; to delete what is absent succeeds.
pub trait Objects: Send + Sync + 'static {
    fn put<'a>(&'a self, key: &'a ObjectKey, source: Source) -> BoxFuture<'a, ObjectResult<ObjectInfo>>;

    /// Makes a file an object. The file is gone afterwards; where it can be renamed, nothing is copied.
    fn put_file<'a>(&'a self, key: &'a ObjectKey, file: &'a Path) -> BoxFuture<'a, ObjectResult<ObjectInfo>>;

    fn begin_multipart<'a>(&'a self, key: &'a ObjectKey) -> BoxFuture<'a, ObjectResult<MultipartId>>;

    /// Parts are numbered from 1 and come in any order; a part may be put again.
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
    #[error("object store `{scheme}:` is not known; use `dir:PATH`")]
    UnknownScheme { scheme: String },
    #[error("object store `{scheme}:` is planned but not built yet; use `dir:PATH`")]
    NotBuilt { scheme: String },
    #[error("cannot use the object directory {}: {reason}", path.display())]
    Unusable { path: PathBuf, reason: io::Error },
}

/// Opens the object store a URI names; a path left empty is `objects` in `data_dir`.
pub fn open(uri: &str, data_dir: &Path) -> Result<SharedObjects, OpenError> {
    let location = Location::of(uri);
    match location.scheme {
        "dir" => {
            let root = location.dir(data_dir, "objects");
            let opened = directory::Directory::open(root.clone());
            Ok(Arc::new(opened.map_err(|reason| OpenError::Unusable { path: root, reason })?))
        }
        "s3" => Err(OpenError::NotBuilt { scheme: location.scheme.into() }),
        _ => Err(OpenError::UnknownScheme { scheme: location.scheme.into() }),
    }
}

/// Multipart uploads that nobody touched for so long are removed when an engine opens.
const ABANDONED_AFTER: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Writes and reads back one object: what `/health/ready` and `doctor` ask.
pub async fn probe(objects: &SharedObjects) -> ObjectResult<()> {
    const CONTENT: &[u8] = b"probe";
    let key: ObjectKey = "health/probe".parse().expect("a plain key");
    objects.put(&key, source_of(CONTENT)).await?;
    let object = objects.get(&key, None).await?;
    let lost = || ObjectError::Unavailable("what was written is not there".into());
    let content = read_all(object.ok_or_else(lost)?.body).await?;
    if content == CONTENT { Ok(()) } else { Err(lost()) }
}
