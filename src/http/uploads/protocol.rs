//! The words of both protocols: header names and how their values are read and written.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use playhouse_protocol::problem::Code;

use super::ietf;
use crate::{
    actors::uploads::UploadOptions,
    domain::checksum::Algorithm,
    http::problem::{ApiError, ApiResult},
};

pub const TUS_VERSION: HeaderValue = HeaderValue::from_static("1.0.0");
const EXTENSIONS: HeaderValue = HeaderValue::from_static(
    "creation,creation-defer-length,creation-with-upload,expiration,checksum,checksum-trailer,termination,concatenation,\
     concatenation-unfinished",
);

pub mod name {
    use axum::http::HeaderName;

    pub const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
    pub const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
    pub const TUS_EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
    pub const TUS_MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
    pub const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
    pub const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
    pub const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
    pub const UPLOAD_DEFER_LENGTH: HeaderName = HeaderName::from_static("upload-defer-length");
    pub const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
    pub const UPLOAD_CONCAT: HeaderName = HeaderName::from_static("upload-concat");
    pub const UPLOAD_CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
    pub const UPLOAD_COMPLETE: HeaderName = HeaderName::from_static("upload-complete");
    pub const UPLOAD_LIMIT: HeaderName = HeaderName::from_static("upload-limit");
    pub const UPLOAD_DRAFT_INTEROP_VERSION: HeaderName =
        HeaderName::from_static("upload-draft-interop-version");
    pub const TUS_CHECKSUM_ALGORITHM: HeaderName = HeaderName::from_static("tus-checksum-algorithm");
    pub const METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");
    pub const VIDEO_ID: HeaderName = HeaderName::from_static("playhouse-video-id");
}

/// What is spoken here, in the words of both.
pub fn options(options: &UploadOptions) -> Response {
    let headers = [
        (name::TUS_VERSION, TUS_VERSION),
        (name::TUS_EXTENSION, EXTENSIONS),
        (name::TUS_MAX_SIZE, HeaderValue::from(options.size_max_bytes)),
        (name::TUS_CHECKSUM_ALGORITHM, text(&Algorithm::ALL.map(Algorithm::name).join(","))),
        (name::UPLOAD_LIMIT, ietf::limit(options)),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// Ids and metadata were checked to be visible ASCII before they were kept.
pub fn text(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// A header that holds a count of bytes; `None` when it is not there.
pub fn number(headers: &HeaderMap, name: &HeaderName) -> ApiResult<Option<u64>> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let digits = value.to_str().ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
    match digits.and_then(|text| text.parse().ok()) {
        Some(number) => Ok(Some(number)),
        None => Err(ApiError::new(Code::Malformed, format!("{name} is a count of bytes"))),
    }
}

/// A header that is kept and echoed as it came.
pub fn kept(headers: &HeaderMap, name: &HeaderName) -> ApiResult<Option<String>> {
    let value = headers.get(name).map(|value| value.to_str().map(str::to_owned));
    value.transpose().map_err(|_| ApiError::new(Code::Malformed, format!("{name} is not ASCII")))
}

pub fn offset(headers: &HeaderMap) -> ApiResult<u64> {
    let offset = number(headers, &name::UPLOAD_OFFSET)?;
    offset.ok_or_else(|| ApiError::new(Code::Malformed, "Upload-Offset is missing"))
}

pub fn has_type(headers: &HeaderMap, content_type: &str) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.is_some_and(|value| value.trim().eq_ignore_ascii_case(content_type))
}
