//! Resumable uploads for HTTP (draft-ietf-httpbis-resumable-upload), interop versions 5 to 8. Interim answers are left
//! out, which the draft allows: a careful client begins with an empty POST and `Upload-Complete: ?0`.
//! <https://datatracker.ietf.org/doc/draft-ietf-httpbis-resumable-upload/>

use axum::http::{HeaderMap, HeaderValue, header};
use playhouse_protocol::problem::Code;

use super::{
    dialect::{Append, Begin, Bytes},
    protocol::{self, name},
};
use crate::{
    actors::uploads::{Held, UploadOptions, becomes, length},
    http::problem::{ApiError, ApiResult},
};

const CONTENT_TYPE: &str = "application/partial-upload";
const MISMATCHING_OFFSET: &str = "https://iana.org/assignments/http-problem-types#mismatching-upload-offset";
const INCONSISTENT_LENGTH: &str =
    "https://iana.org/assignments/http-problem-types#inconsistent-upload-length";
const NO: HeaderValue = HeaderValue::from_static("?0");
const YES: HeaderValue = HeaderValue::from_static("?1");

/// The version of the draft that a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interop(u8);

impl Interop {
    const OLDEST: u8 = 5;
    const NEWEST: u8 = 8;
    /// The first whose appending requests have a content type of their own.
    const TYPED: Interop = Interop(6);

    /// `None` where the draft is not spoken.
    pub fn asked_by(headers: &HeaderMap) -> ApiResult<Option<Self>> {
        let Some(version) = headers.get(name::UPLOAD_DRAFT_INTEROP_VERSION) else {
            // The finished standard will have no such header.
            let spoken =
                headers.contains_key(name::UPLOAD_COMPLETE) && !headers.contains_key(name::TUS_RESUMABLE);
            return Ok(spoken.then_some(Self(Self::NEWEST)));
        };
        let version = version.to_str().ok().and_then(|text| text.trim().parse().ok());
        match version.filter(|version| (Self::OLDEST..=Self::NEWEST).contains(version)) {
            Some(version) => Ok(Some(Self(version))),
            None => Err(ApiError::new(
                Code::Malformed,
                format!("Upload-Draft-Interop-Version is {} to {}", Self::OLDEST, Self::NEWEST),
            )),
        }
    }
}

pub fn begin(headers: &HeaderMap) -> ApiResult<Begin> {
    let bytes = completeness(headers)?;
    let length_bytes = length_with(headers, bytes, 0)?;
    Ok(Begin { length_bytes, concat: None, bytes: Some(bytes) })
}

pub fn append(interop: Interop, headers: &HeaderMap) -> ApiResult<Append> {
    if interop >= Interop::TYPED && !protocol::has_type(headers, CONTENT_TYPE) {
        let detail = format!("send the bytes as {CONTENT_TYPE}");
        return Err(ApiError::new(Code::UnsupportedMediaType, detail));
    }
    let offset = protocol::offset(headers)?;
    let bytes = completeness(headers)?;
    let length_bytes = length_with(headers, bytes, offset)?;
    Ok(Append { offset, length_bytes, bytes })
}

/// `Upload-Complete`: a boolean of RFC 9651.
fn completeness(headers: &HeaderMap) -> ApiResult<Bytes> {
    match headers.get(name::UPLOAD_COMPLETE).map(|value| value.as_bytes()) {
        Some(b"?0") => Ok(Bytes::Some),
        Some(b"?1") => Ok(Bytes::Last),
        _ => Err(ApiError::new(Code::Malformed, "Upload-Complete is ?0 or ?1")),
    }
}

/// What the request says of the whole length: in so many words, or by the bytes it will end with.
fn length_with(headers: &HeaderMap, bytes: Bytes, offset: u64) -> ApiResult<Option<u64>> {
    let said = protocol::number(headers, &name::UPLOAD_LENGTH)?;
    let came = protocol::number(headers, &header::CONTENT_LENGTH)?.filter(|_| bytes == Bytes::Last);
    let ends_at = came.map(|came| offset.saturating_add(came));
    match (said, ends_at) {
        (Some(said), Some(ends_at)) if said != ends_at => Err(wrong_length(ApiError::new(
            Code::Malformed,
            format!("Upload-Length is {said}, and the last bytes end at {ends_at}"),
        ))),
        (said, ends_at) => Ok(said.or(ends_at)),
    }
}

pub fn state(held: &Held, options: &UploadOptions) -> HeaderMap {
    let mut headers = standing(held, options);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(length) = length(&held.upload) {
        headers.insert(name::UPLOAD_LENGTH, HeaderValue::from(length));
    }
    headers
}

pub fn standing(held: &Held, options: &UploadOptions) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(name::UPLOAD_OFFSET, HeaderValue::from(held.offset));
    headers.insert(name::UPLOAD_COMPLETE, if held.upload.finished { YES } else { NO });
    headers.insert(name::UPLOAD_LIMIT, limit(options));
    headers.insert(name::VIDEO_ID, protocol::text(becomes(&held.upload).as_str()));
    headers
}

/// `Upload-Limit`: a dictionary of RFC 9651.
pub fn limit(options: &UploadOptions) -> HeaderValue {
    let (size, age) = (options.size_max_bytes, options.expire_after.as_secs());
    protocol::text(&format!("max-size={size}, min-size=0, max-age={age}"))
}

pub fn wrong_offset(error: ApiError, expected: u64, provided: u64) -> ApiError {
    let members = [("expected-offset", expected), ("provided-offset", provided)];
    error.known_as(MISMATCHING_OFFSET, &members).header(name::UPLOAD_COMPLETE, NO)
}

pub fn wrong_length(error: ApiError) -> ApiError {
    error.known_as(INCONSISTENT_LENGTH, &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs =
            pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)));
        pairs.collect()
    }

    #[test]
    fn the_draft_is_spoken_where_a_header_says_so() {
        let asked = |pairs: &[(&'static str, &'static str)]| Interop::asked_by(&headers(pairs)).ok();
        assert_eq!(asked(&[]), Some(None));
        assert_eq!(asked(&[("upload-draft-interop-version", "6")]), Some(Some(Interop(6))));
        assert_eq!(asked(&[("upload-complete", "?1")]), Some(Some(Interop(8))));
        assert_eq!(asked(&[("upload-complete", "?1"), ("tus-resumable", "1.0.0")]), Some(None));
        for other in ["3", "9", "x"] {
            assert_eq!(asked(&[("upload-draft-interop-version", other)]), None, "{other}");
        }
    }

    #[test]
    fn the_last_bytes_say_how_long_the_whole_is() {
        let length = |pairs| length_with(&headers(pairs), Bytes::Last, 10).ok();
        assert_eq!(length(&[("content-length", "5")]), Some(Some(15)));
        assert_eq!(length(&[("upload-length", "15"), ("content-length", "5")]), Some(Some(15)));
        assert_eq!(length(&[("upload-length", "16"), ("content-length", "5")]), None);
        assert_eq!(length(&[]), Some(None), "it is chunked");
        let open = length_with(&headers(&[("content-length", "5")]), Bytes::Some, 10);
        assert_eq!(open.ok(), Some(None));
    }
}
