//! Writing an object: in one piece if it is small, else in parts, a few at a time. What is in memory of one object are
//! those few parts, of which one may still be gathering.

use std::{path::Path, sync::Arc};

use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use futures_util::{StreamExt, stream::FuturesUnordered};

use super::{
    super::{ObjectError, ObjectInfo, ObjectKey, ObjectResult, Source},
    Bucket,
    multipart::{Part, Unfinished},
    parts::{self, PART_BYTES, PARTS_LEN_MAX, Parts},
    plain_etag,
};

/// Parts of one object in memory at the same time.
const AT_ONCE: usize = 3;
/// How often a store that is a directory may lose a folder under a writer, because its last object was just deleted.
const CONFLICTS_MAX: usize = 8;

impl Bucket {
    pub(super) async fn put(self: &Arc<Self>, key: &ObjectKey, source: Source) -> ObjectResult<ObjectInfo> {
        self.put_parts(key, Parts::of(source, PART_BYTES)).await
    }

    pub(super) async fn put_long(
        self: &Arc<Self>,
        key: &ObjectKey,
        source: Source,
        bytes: u64,
    ) -> ObjectResult<ObjectInfo> {
        self.put_parts(key, Parts::of(source, parts::part_bytes(bytes))).await
    }

    pub(super) async fn put_file(self: &Arc<Self>, key: &ObjectKey, path: &Path) -> ObjectResult<ObjectInfo> {
        let (file, len) = parts::open(path).await?;
        let info = self.put_parts(key, Parts::of_file(file, len)).await?;
        let removed = tokio::fs::remove_file(path).await;
        removed.map_err(|error| ObjectError::Unavailable(format!("{}: {error}", path.display())))?;
        Ok(info)
    }

    async fn put_parts(self: &Arc<Self>, key: &ObjectKey, mut parts: Parts) -> ObjectResult<ObjectInfo> {
        let first = parts.next().await?.unwrap_or_default();
        if first.len() < parts.part_bytes() {
            return self.put_whole(key, first).await;
        }
        let Some(second) = parts.next().await? else { return self.put_whole(key, first).await };
        let unfinished = Unfinished::begin(self, key).await?;
        let outcome = self.send_parts(&unfinished, [first, second], parts).await;
        match outcome {
            Ok(sent) => unfinished.complete(sent).await,
            Err(error) => {
                unfinished.abort().await;
                Err(error)
            }
        }
    }

    async fn put_whole(&self, key: &ObjectKey, bytes: Bytes) -> ObjectResult<ObjectInfo> {
        let mut outcome = self.try_to_put(key, bytes.clone()).await;
        for _ in 1..CONFLICTS_MAX {
            if !matches!(outcome, Err(ObjectError::KeyConflict)) {
                break;
            }
            outcome = self.try_to_put(key, bytes.clone()).await;
        }
        outcome
    }

    async fn try_to_put(&self, key: &ObjectKey, bytes: Bytes) -> ObjectResult<ObjectInfo> {
        let size = bytes.len() as u64;
        let put = self.lasting.put_object().bucket(self.name()).key(key.as_str());
        let put = put.body(ByteStream::from(bytes)).send().await.map_err(|error| self.failed(&error))?;
        self.now_known();
        Ok(ObjectInfo { size, etag: plain_etag(put.e_tag()) })
    }

    /// Returns when nothing is on its way any more, however it ended: what arrives after an abort would stay behind.
    async fn send_parts(
        &self,
        unfinished: &Unfinished,
        first: [Bytes; 2],
        mut parts: Parts,
    ) -> ObjectResult<Vec<Part>> {
        let mut sending = FuturesUnordered::new();
        for (bytes, number) in first.into_iter().zip(1..) {
            sending.push(unfinished.send(number, bytes));
        }
        let (mut sent, mut number, mut more) = (Vec::new(), 2, true);
        let outcome = loop {
            tokio::select! {
                part = parts.next(), if more && sending.len() < AT_ONCE => match part {
                    Ok(Some(_)) if u64::from(number) == PARTS_LEN_MAX => break Err(too_long()),
                    Ok(Some(bytes)) => {
                        number += 1;
                        sending.push(unfinished.send(number, bytes));
                    }
                    Ok(None) => more = false,
                    Err(error) => break Err(error),
                },
                Some(part) = sending.next() => match part {
                    Ok(part) => sent.push(part),
                    Err(error) => break Err(error),
                },
                else => break Ok(()),
            }
        };
        while sending.next().await.is_some() {}
        outcome.map(|()| sent)
    }
}

fn too_long() -> ObjectError {
    let bytes_max = PARTS_LEN_MAX * PART_BYTES as u64;
    let told = format!("a stream of more than {bytes_max} bytes cannot be put; put it as a file");
    ObjectError::Source(std::io::Error::other(told))
}
