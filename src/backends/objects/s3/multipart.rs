//! Multipart uploads, which outlive this process: their id names the key and the upload, and what has arrived is asked
//! of the store. One whose writer goes away is aborted.

use std::{sync::Arc, time::Duration};

use aws_sdk_s3::{
    error::ProvideErrorMetadata,
    primitives::ByteStream,
    types::{CompletedMultipartUpload, CompletedPart},
};
use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;

use super::{
    super::{MultipartId, ObjectError, ObjectInfo, ObjectKey, ObjectResult, PART_BYTES_MIN, Source},
    Bucket, failure, plain_etag, size,
};
use crate::telemetry::tasks;

/// After which no part is on its way any more whose request was dropped.
const SETTLED_AFTER: Duration = Duration::from_secs(2);

/// A part that has arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    number: u32,
    /// As the store writes it.
    etag: String,
    size: u64,
}

/// An upload as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Upload {
    key: ObjectKey,
    id: String,
}

impl Upload {
    /// No key has a colon.
    fn to_id(&self) -> MultipartId {
        MultipartId(format!("{}:{}", self.key, self.id))
    }

    fn of_id(id: &MultipartId) -> ObjectResult<Self> {
        let (key, id) = id.0.split_once(':').ok_or(ObjectError::NoSuchUpload)?;
        Ok(Self { key: key.parse().map_err(|_| ObjectError::NoSuchUpload)?, id: id.to_owned() })
    }
}

impl Bucket {
    pub(super) async fn begin_multipart(&self, key: &ObjectKey) -> ObjectResult<MultipartId> {
        Ok(self.begin(key).await?.to_id())
    }

    pub(super) async fn put_part(
        &self,
        upload: &MultipartId,
        number: u32,
        source: Source,
    ) -> ObjectResult<()> {
        let gather = async |mut bytes: BytesMut, piece: Bytes| {
            bytes.extend_from_slice(&piece);
            Ok(bytes)
        };
        let bytes = source.try_fold(BytesMut::new(), gather).await.map_err(ObjectError::Source)?;
        self.send(&Upload::of_id(upload)?, number, bytes.freeze()).await.map(drop)
    }

    pub(super) async fn complete_multipart(
        &self,
        upload: &MultipartId,
        parts: u32,
    ) -> ObjectResult<ObjectInfo> {
        let upload = Upload::of_id(upload)?;
        let mut arrived = self.arrived(&upload).await?;
        arrived.retain(|part| part.number <= parts);
        if arrived.len() != parts as usize {
            return Err(ObjectError::NoSuchUpload);
        }
        if let Some(small) = arrived.iter().find(|part| part.size < PART_BYTES_MIN && part.number < parts) {
            return Err(ObjectError::PartTooSmall { number: small.number });
        }
        self.complete(&upload, arrived).await
    }

    pub(super) async fn abort_multipart(&self, upload: &MultipartId) -> ObjectResult<()> {
        self.abort(&Upload::of_id(upload)?).await
    }

    async fn begin(&self, key: &ObjectKey) -> ObjectResult<Upload> {
        let begun = self.brief.create_multipart_upload().bucket(self.name()).key(key.as_str()).send().await;
        let begun = begun.map_err(|error| self.failed(&error))?;
        let nameless = || ObjectError::Unavailable(format!("{} names no upload", self.address));
        Ok(Upload { key: key.clone(), id: begun.upload_id().ok_or_else(nameless)?.to_owned() })
    }

    async fn send(&self, upload: &Upload, number: u32, bytes: Bytes) -> ObjectResult<Part> {
        let size = bytes.len() as u64;
        let request = self.lasting.upload_part().bucket(self.name()).key(upload.key.as_str());
        let request = request.upload_id(&upload.id).part_number(i32::try_from(number).unwrap_or(i32::MAX));
        let sent = request.body(ByteStream::from(bytes)).send().await;
        let sent = sent.map_err(|error| self.failed(&error))?;
        Ok(Part { number, etag: sent.e_tag().unwrap_or_default().to_owned(), size })
    }

    /// The parts that are there, by their numbers.
    async fn arrived(&self, upload: &Upload) -> ObjectResult<Vec<Part>> {
        let request = self.brief.list_parts().bucket(self.name()).key(upload.key.as_str());
        let mut pages = request.upload_id(&upload.id).into_paginator().send();
        let mut arrived = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.failed(&error))?;
            arrived.extend(page.parts().iter().map(|part| Part {
                number: part.part_number().and_then(|number| u32::try_from(number).ok()).unwrap_or(0),
                etag: part.e_tag().unwrap_or_default().to_owned(),
                size: size(part.size()),
            }));
        }
        arrived.sort_by_key(|part| part.number);
        Ok(arrived)
    }

    async fn complete(&self, upload: &Upload, mut parts: Vec<Part>) -> ObjectResult<ObjectInfo> {
        parts.sort_by_key(|part| part.number);
        let size = parts.iter().map(|part| part.size).sum();
        let named = parts.into_iter().map(|part| {
            let number = i32::try_from(part.number).unwrap_or(i32::MAX);
            CompletedPart::builder().part_number(number).e_tag(part.etag).build()
        });
        let joined = CompletedMultipartUpload::builder().set_parts(Some(named.collect())).build();
        let request = self.lasting.complete_multipart_upload().bucket(self.name()).key(upload.key.as_str());
        match request.upload_id(&upload.id).multipart_upload(joined).send().await {
            Ok(completed) => {
                self.now_known();
                Ok(ObjectInfo { size, etag: plain_etag(completed.e_tag()) })
            }
            // The answer to an earlier attempt was lost: nobody else ends this upload.
            Err(error) if error.code() == Some("NoSuchUpload") => {
                let there = self.head(&upload.key).await?;
                there.filter(|info| info.size == size).ok_or(ObjectError::NoSuchUpload)
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    async fn abort(&self, upload: &Upload) -> ObjectResult<()> {
        let request = self.brief.abort_multipart_upload().bucket(self.name()).key(upload.key.as_str());
        match request.upload_id(&upload.id).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("NoSuchUpload") || failure::is_absence(&error) => Ok(()),
            Err(error) => Err(self.failed(&error)),
        }
    }
}

/// An upload whose parts are on their way. It leaves nothing behind if it is not completed, also when whoever writes it
/// is dropped.
pub(super) struct Unfinished {
    bucket: Arc<Bucket>,
    /// `None` once it has come to an end.
    upload: Option<Upload>,
}

impl Unfinished {
    pub(super) async fn begin(bucket: &Arc<Bucket>, key: &ObjectKey) -> ObjectResult<Self> {
        let upload = bucket.begin(key).await?;
        Ok(Self { bucket: bucket.clone(), upload: Some(upload) })
    }

    pub(super) async fn send(&self, number: u32, bytes: Bytes) -> ObjectResult<Part> {
        let upload = self.upload.as_ref().ok_or(ObjectError::NoSuchUpload)?;
        self.bucket.send(upload, number, bytes).await
    }

    pub(super) async fn complete(mut self, parts: Vec<Part>) -> ObjectResult<ObjectInfo> {
        let upload = self.upload.as_ref().ok_or(ObjectError::NoSuchUpload)?;
        let outcome = self.bucket.complete(upload, parts).await;
        match outcome {
            Ok(info) => {
                self.upload = None;
                Ok(info)
            }
            Err(error) => {
                self.abort().await;
                Err(error)
            }
        }
    }

    pub(super) async fn abort(mut self) {
        if let Some(upload) = self.upload.take() {
            end(&self.bucket, &upload).await;
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let Some(upload) = self.upload.take() else { return };
        let bucket = self.bucket.clone();
        // Without a runtime the sweep does it.
        if tokio::runtime::Handle::try_current().is_ok() {
            tasks::spawn("abort of a multipart upload", async move {
                end(&bucket, &upload).await;
                // A part that was on its way may have come after the end, and would lie there.
                tokio::time::sleep(SETTLED_AFTER).await;
                end(&bucket, &upload).await;
            });
        }
    }
}

async fn end(bucket: &Bucket, upload: &Upload) {
    if let Err(error) = bucket.abort(upload).await {
        tracing::warn!(error.chain = %error, "parts of an object that failed are left; the sweep removes them");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_which_upload_of_which_key() {
        let upload = Upload { key: "a/b.c".parse().unwrap(), id: "x:y/=".into() };
        assert_eq!(Upload::of_id(&upload.to_id()).unwrap(), upload);
        for id in ["", "a", "../b:x"] {
            assert!(matches!(Upload::of_id(&MultipartId(id.into())), Err(ObjectError::NoSuchUpload)), "{id}");
        }
    }
}
