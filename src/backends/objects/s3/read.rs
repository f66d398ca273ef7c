//! Reading an object or a part of it. A body that breaks off is gone on with where it stood, as long as the object is
//! still the same.

use std::sync::Arc;

use aws_sdk_s3::{operation::get_object::GetObjectOutput, primitives::ByteStream};
use bytes::Bytes;
use futures_util::stream;
use tokio::time::timeout;

use super::{
    super::{Body, ByteRange, Object, ObjectError, ObjectInfo, ObjectKey, ObjectResult},
    Bucket, failure, plain_etag, size,
};

/// Times in a row that a body may break off without a byte in between.
const BREAKS_MAX: u32 = 3;

impl Bucket {
    pub(super) async fn head(&self, key: &ObjectKey) -> ObjectResult<Option<ObjectInfo>> {
        match self.brief.head_object().bucket(self.name()).key(key.as_str()).send().await {
            Ok(head) => {
                self.now_known();
                let info = ObjectInfo { size: size(head.content_length()), etag: plain_etag(head.e_tag()) };
                Ok(Some(info))
            }
            Err(error) if failure::is_absence(&error) => self.absent().await,
            Err(error) => Err(self.failed(&error)),
        }
    }

    pub(super) async fn get(
        self: &Arc<Self>,
        key: &ObjectKey,
        range: Option<ByteRange>,
    ) -> ObjectResult<Option<Object>> {
        if range.is_some_and(is_void) {
            return self.beside(key).await;
        }
        match self.ask(key, range.map(text)).await {
            Ok(answer) => self.opened(key, range, answer).map(Some),
            Err(error) if failure::status(&error) == Some(416) => self.beside(key).await,
            Err(error) if failure::is_absence(&error) => self.absent().await,
            Err(error) => Err(self.failed(&error)),
        }
    }

    async fn ask(
        &self,
        key: &ObjectKey,
        range: Option<String>,
    ) -> Result<GetObjectOutput, failure::Refused<aws_sdk_s3::operation::get_object::GetObjectError>> {
        self.brief.get_object().bucket(self.name()).key(key.as_str()).set_range(range).send().await
    }

    /// What is said of a range that lies beside the object.
    async fn beside(&self, key: &ObjectKey) -> ObjectResult<Option<Object>> {
        match self.head(key).await? {
            Some(info) => Err(ObjectError::RangeNotSatisfiable { size: info.size }),
            None => Ok(None),
        }
    }

    fn opened(
        self: &Arc<Self>,
        key: &ObjectKey,
        range: Option<ByteRange>,
        answer: GetObjectOutput,
    ) -> ObjectResult<Object> {
        self.now_known();
        let came = size(answer.content_length());
        let (first_byte, whole) = answer.content_range().and_then(content_range).unwrap_or((0, came));
        let (first_wanted, wanted) = match range {
            None => (0, whole),
            Some(range) => range.within(whole)?,
        };
        if (first_wanted, wanted) != (first_byte, came) {
            let told = format!("{} answers with {came} bytes from {first_byte} of {whole}", self.address);
            return Err(ObjectError::Unavailable(told));
        }
        let info = ObjectInfo { size: whole, etag: plain_etag(answer.e_tag()) };
        let reading = Reading {
            bucket: self.clone(),
            key: key.clone(),
            etag: info.etag.clone(),
            at: first_byte,
            end: first_byte + came,
            bytes: answer.body,
            breaks: 0,
        };
        Ok(Object { info, first_byte, len: came, body: reading.into_body() })
    }
}

/// A body on its way.
struct Reading {
    bucket: Arc<Bucket>,
    key: ObjectKey,
    etag: String,
    at: u64,
    end: u64,
    bytes: ByteStream,
    breaks: u32,
}

impl Reading {
    fn into_body(self) -> Body {
        Box::pin(stream::try_unfold(self, |mut reading| async move {
            Ok(reading.next().await?.map(|piece| (piece, reading)))
        }))
    }

    async fn next(&mut self) -> ObjectResult<Option<Bytes>> {
        while self.at < self.end {
            match timeout(self.bucket.deadline, self.bytes.next()).await {
                Ok(Some(Ok(piece))) if piece.is_empty() => {}
                Ok(Some(Ok(mut piece))) => {
                    piece.truncate(usize::try_from(self.end - self.at).unwrap_or(usize::MAX));
                    self.at += piece.len() as u64;
                    self.breaks = 0;
                    return Ok(Some(piece));
                }
                Ok(Some(Err(_)) | None) | Err(_) => self.go_on().await?,
            }
        }
        Ok(None)
    }

    async fn go_on(&mut self) -> ObjectResult<()> {
        self.breaks += 1;
        if self.breaks > BREAKS_MAX {
            let address = &self.bucket.address;
            let told = format!("{address} breaks off in the middle of an object; see the network between");
            return Err(ObjectError::Unavailable(told));
        }
        let rest = text(ByteRange::Between(self.at, self.end - 1));
        let answer = self.bucket.ask(&self.key, Some(rest)).await;
        let answer = answer.map_err(|error| self.bucket.failed(&error))?;
        let from = answer.content_range().and_then(content_range).map(|(first, _)| first);
        if plain_etag(answer.e_tag()) != self.etag || from != Some(self.at) {
            return Err(ObjectError::Unavailable(
                "the object was replaced while it was read; read it again".into(),
            ));
        }
        self.bytes = answer.body;
        Ok(())
    }
}

/// A range that no object has, and that S3 takes for none at all.
fn is_void(range: ByteRange) -> bool {
    matches!(range, ByteRange::Last(0)) || matches!(range, ByteRange::Between(first, last) if first > last)
}

/// Numbers that a store cannot read make it forget the range.
fn text(range: ByteRange) -> String {
    let readable = |number: u64| number.min(i64::MAX.unsigned_abs());
    match range {
        ByteRange::From(first) => format!("bytes={}-", readable(first)),
        ByteRange::Between(first, last) => format!("bytes={}-{}", readable(first), readable(last)),
        ByteRange::Last(len) => format!("bytes=-{}", readable(len)),
    }
}

/// First byte and whole size out of `bytes 0-9/100`.
fn content_range(text: &str) -> Option<(u64, u64)> {
    let (range, whole) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = range.split_once('-')?;
    Some((first.parse().ok()?, whole.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_said_and_understood_as_http_says_them() {
        assert_eq!(text(ByteRange::From(3)), "bytes=3-");
        assert_eq!(text(ByteRange::Between(3, 5)), "bytes=3-5");
        assert_eq!(text(ByteRange::Last(5)), "bytes=-5");
        assert_eq!(text(ByteRange::Between(8, u64::MAX)), "bytes=8-9223372036854775807");
        assert!(is_void(ByteRange::Last(0)) && is_void(ByteRange::Between(5, 3)));
        assert!(!is_void(ByteRange::From(0)) && !is_void(ByteRange::Between(3, 3)));
        assert_eq!(content_range("bytes 5-9/10"), Some((5, 10)));
        assert_eq!(content_range("bytes */10"), None);
    }
}
