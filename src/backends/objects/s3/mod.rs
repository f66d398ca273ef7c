//! Objects in a bucket of AWS S3 or of a server that speaks its protocol. A write is one PUT up to the size of a part,
//! beyond it a multipart upload whose parts go in parallel; both show nothing before they are complete. Nothing is
//! kept on this machine. Conditional writes are not relied on: few stores know them.

mod address;
mod client;
mod failure;
mod list;
mod multipart;
mod parts;
mod put;
mod read;
mod sweep;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use aws_sdk_s3::{Client, presigning::PresigningConfig};
use futures_util::future::BoxFuture;

pub use self::address::OpenError;
use self::{address::Address, client::Patience, sweep::Sweep};
use super::{
    ByteRange, Handing, Listing, MultipartId, Object, ObjectError, ObjectInfo, ObjectKey, ObjectResult,
    Objects, Prefix, Settings, Source,
};

/// For calls that carry up to a part of bytes, or have the store join parts.
const LASTING: Patience = Patience { attempt: Duration::from_secs(60), whole: Duration::from_secs(300) };

pub(super) struct S3 {
    bucket: Arc<Bucket>,
}

/// The bucket itself, and what every part of the engine does with it.
struct Bucket {
    address: Address,
    /// For calls that carry little.
    brief: Client,
    lasting: Client,
    /// Of one call that carries little, and of each piece of a body.
    deadline: Duration,
    /// Whether the store has once answered for this bucket.
    known: AtomicBool,
}

impl S3 {
    /// Asks the store nothing. Within a runtime, a task removes abandoned parts from time to time.
    pub(super) fn open(uri: &str, settings: Settings) -> Result<Self, OpenError> {
        let address = Address::parse(uri)?;
        let (keys, shared) = (address.keys()?, client::Shared::new());
        // An attempt that hangs leaves time for another.
        let brief = Patience { attempt: settings.deadline / 2, whole: settings.deadline };
        let client = |patience| client::client(&address, &keys, &shared, patience);
        let (brief, lasting) = (client(brief), client(LASTING));
        let bucket = Arc::new(Bucket {
            address,
            brief,
            lasting,
            deadline: settings.deadline,
            known: AtomicBool::new(false),
        });
        let Settings { clock, abandoned_after, swept_after, .. } = settings;
        Sweep { clock, abandoned_after }.begin(&bucket, swept_after);
        Ok(Self { bucket })
    }
}

impl Bucket {
    fn name(&self) -> &str {
        &self.address.bucket
    }

    fn is_known(&self) -> bool {
        self.known.load(Ordering::Relaxed)
    }

    fn now_known(&self) {
        self.known.store(true, Ordering::Relaxed);
    }

    async fn delete(&self, key: &ObjectKey) -> ObjectResult<()> {
        let deleted = self.brief.delete_object().bucket(self.name()).key(key.as_str()).send().await;
        match deleted {
            Err(error) if failure::is_absence(&error) => self.absent::<()>().await.map(drop),
            outcome => outcome.map(drop).map_err(|error| self.failed(&error)),
        }
    }

    async fn address(&self, key: &ObjectKey, handing: Handing) -> ObjectResult<String> {
        let lifetime = PresigningConfig::expires_in(handing.good_for);
        let lifetime = lifetime.map_err(|error| ObjectError::Unavailable(error.to_string()))?;
        let request = self.brief.get_object().bucket(self.name()).key(key.as_str());
        let signed = request.response_content_type(handing.kind).presigned(lifetime).await;
        Ok(signed.map_err(|error| self.failed(&error))?.uri().to_owned())
    }
}

/// As the store writes it, without its quotes.
fn plain_etag(etag: Option<&str>) -> String {
    etag.unwrap_or_default().trim_start_matches("W/").trim_matches('"').to_owned()
}

/// Lengths are never negative in an answer that is well formed.
fn size(length: Option<i64>) -> u64 {
    length.and_then(|length| u64::try_from(length).ok()).unwrap_or(0)
}

impl Objects for S3 {
    fn put<'a>(&'a self, key: &'a ObjectKey, source: Source) -> BoxFuture<'a, ObjectResult<ObjectInfo>> {
        Box::pin(self.bucket.put(key, source))
    }

    fn put_long<'a>(
        &'a self,
        key: &'a ObjectKey,
        source: Source,
        bytes: u64,
    ) -> BoxFuture<'a, ObjectResult<ObjectInfo>> {
        Box::pin(self.bucket.put_long(key, source, bytes))
    }

    fn put_file<'a>(&'a self, key: &'a ObjectKey, file: &'a Path) -> BoxFuture<'a, ObjectResult<ObjectInfo>> {
        Box::pin(self.bucket.put_file(key, file))
    }

    fn begin_multipart<'a>(&'a self, key: &'a ObjectKey) -> BoxFuture<'a, ObjectResult<MultipartId>> {
        Box::pin(self.bucket.begin_multipart(key))
    }

    fn put_part<'a>(
        &'a self,
        upload: &'a MultipartId,
        number: u32,
        source: Source,
    ) -> BoxFuture<'a, ObjectResult<()>> {
        Box::pin(self.bucket.put_part(upload, number, source))
    }

    fn complete_multipart<'a>(
        &'a self,
        upload: &'a MultipartId,
        parts: u32,
    ) -> BoxFuture<'a, ObjectResult<ObjectInfo>> {
        Box::pin(self.bucket.complete_multipart(upload, parts))
    }

    fn abort_multipart<'a>(&'a self, upload: &'a MultipartId) -> BoxFuture<'a, ObjectResult<()>> {
        Box::pin(self.bucket.abort_multipart(upload))
    }

    fn head<'a>(&'a self, key: &'a ObjectKey) -> BoxFuture<'a, ObjectResult<Option<ObjectInfo>>> {
        Box::pin(self.bucket.head(key))
    }

    fn get<'a>(
        &'a self,
        key: &'a ObjectKey,
        range: Option<ByteRange>,
    ) -> BoxFuture<'a, ObjectResult<Option<Object>>> {
        Box::pin(self.bucket.get(key, range))
    }

    fn list<'a>(
        &'a self,
        prefix: &'a Prefix,
        after: Option<&'a ObjectKey>,
        limit: usize,
    ) -> BoxFuture<'a, ObjectResult<Listing>> {
        Box::pin(self.bucket.list(prefix, after, limit))
    }

    fn delete<'a>(&'a self, key: &'a ObjectKey) -> BoxFuture<'a, ObjectResult<()>> {
        Box::pin(self.bucket.delete(key))
    }

    fn delete_prefix<'a>(&'a self, prefix: &'a Prefix) -> BoxFuture<'a, ObjectResult<()>> {
        Box::pin(self.bucket.delete_prefix(prefix))
    }

    fn local_path(&self, _: &ObjectKey) -> Option<PathBuf> {
        None
    }

    fn address<'a>(
        &'a self,
        key: &'a ObjectKey,
        handing: Handing,
    ) -> BoxFuture<'a, ObjectResult<Option<String>>> {
        Box::pin(async move { self.bucket.address(key, handing).await.map(Some) })
    }
}
