//! tus 1.0.0: what its headers ask for, and the headers that tell how an upload stands.
//! <https://tus.io/protocols/resumable-upload>

use axum::http::{HeaderMap, HeaderValue, header};
use playhouse_protocol::problem::Code;

use super::{
    dialect::{Append, Begin, Bytes},
    protocol::{self, name, text},
};
use crate::{
    actors::uploads::{Concat, Held, becomes, length},
    http::problem::{ApiError, ApiResult},
};

const CONTENT_TYPE: &str = "application/offset+octet-stream";

pub fn begin(headers: &HeaderMap) -> ApiResult<Begin> {
    let concat = protocol::kept(headers, &name::UPLOAD_CONCAT)?;
    let is_final = matches!(Concat::parse(concat.as_deref())?, Concat::Final(_));
    let length_bytes = if is_final { no_length(headers)? } else { said_length(headers)? };
    let come_along = protocol::has_type(headers, CONTENT_TYPE) || length_bytes == Some(0);
    Ok(Begin { length_bytes, concat, bytes: (come_along && !is_final).then_some(Bytes::Some) })
}

pub fn append(headers: &HeaderMap) -> ApiResult<Append> {
    if !protocol::has_type(headers, CONTENT_TYPE) {
        let detail = format!("send the bytes as {CONTENT_TYPE}");
        return Err(ApiError::new(Code::UnsupportedMediaType, detail));
    }
    let offset = protocol::offset(headers)?;
    let length_bytes = protocol::number(headers, &name::UPLOAD_LENGTH)?;
    Ok(Append { offset, length_bytes, bytes: Bytes::Some })
}

/// The length, or the word that it is said later.
fn said_length(headers: &HeaderMap) -> ApiResult<Option<u64>> {
    let malformed = |detail: &str| Err(ApiError::new(Code::Malformed, detail));
    let length = protocol::number(headers, &name::UPLOAD_LENGTH)?;
    match (length, headers.get(name::UPLOAD_DEFER_LENGTH).map(|value| value.as_bytes())) {
        (Some(length), None) => Ok(Some(length)),
        (None, Some(b"1")) => Ok(None),
        (None, None) => malformed("send Upload-Length, or Upload-Defer-Length: 1"),
        (None, Some(_)) => malformed("Upload-Defer-Length is 1"),
        (Some(_), Some(_)) => malformed("send either Upload-Length or Upload-Defer-Length"),
    }
}

fn no_length(headers: &HeaderMap) -> ApiResult<Option<u64>> {
    match headers.contains_key(name::UPLOAD_LENGTH) {
        true => Err(ApiError::new(
            Code::Malformed,
            "a final upload is as long as its parts; send no Upload-Length",
        )),
        false => Ok(None),
    }
}

/// How an upload stands: the answer to HEAD.
pub fn state(held: &Held) -> HeaderMap {
    let mut headers = standing(held);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let upload = &held.upload;
    match length(upload) {
        Some(length) => headers.insert(name::UPLOAD_LENGTH, HeaderValue::from(length)),
        None if upload.concat.is_none() => {
            headers.insert(name::UPLOAD_DEFER_LENGTH, HeaderValue::from_static("1"))
        }
        None => None,
    };
    if !upload.metadata.is_empty() {
        headers.insert(name::UPLOAD_METADATA, text(&upload.metadata));
    }
    if let Some(concat) = &upload.concat {
        headers.insert(name::UPLOAD_CONCAT, text(concat));
    }
    headers
}

/// What every answer about an upload says: how far it is, until when it is kept, and the video it becomes.
pub fn standing(held: &Held) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let upload = &held.upload;
    let concat = Concat::of(upload).unwrap_or(Concat::Whole);
    // One that waits for its parts is nowhere yet.
    if upload.finished || !matches!(concat, Concat::Final(_)) {
        headers.insert(name::UPLOAD_OFFSET, HeaderValue::from(held.offset));
    }
    if concat != Concat::Part {
        headers.insert(name::VIDEO_ID, text(becomes(upload).as_str()));
    }
    if !upload.finished || concat == Concat::Part {
        headers.insert(name::UPLOAD_EXPIRES, text(&upload.expires_at.to_http_date()));
    }
    headers
}
