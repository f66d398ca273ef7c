//! `POST /uploads`: begins an upload, and takes its first bytes if they come along.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
};
use playhouse_protocol::problem::Code;

use super::{
    metadata,
    protocol::{self, name},
    write,
};
use crate::http::{
    Ctx,
    extract::Caller,
    problem::{ApiError, ApiResult},
};

/// Begin a resumable upload
#[utoipa::path(
    post, path = "/uploads", tag = "uploads", security(("bearer" = [])),
    params(("Upload-Length" = u64, Header), ("Upload-Metadata" = Option<String>, Header,
        description = "`filename`, `filetype`, `title`, `description`, `tags` (comma separated), `visibility`")),
    responses((status = 201, description = "`Location`, and `Upload-Offset` if bytes came along"),
        (status = 400, description = "`malformed`"), (status = 413, description = "`too_large`"),
        (status = 429, description = "`too_many` unfinished uploads"))
)]
pub async fn create(
    State(ctx): State<Ctx>,
    Caller(who): Caller,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<(StatusCode, HeaderMap)> {
    if headers.contains_key(name::UPLOAD_DEFER_LENGTH) {
        return Err(ApiError::new(Code::Malformed, "send Upload-Length; a deferred length is not taken yet"));
    }
    let length = protocol::number(&headers, &name::UPLOAD_LENGTH)?;
    let length = length.ok_or_else(|| ApiError::new(Code::Malformed, "Upload-Length is missing"))?;
    let kept = headers.get(name::UPLOAD_METADATA).map(|value| value.to_str());
    let kept =
        kept.transpose().map_err(|_| ApiError::new(Code::Malformed, "Upload-Metadata is not ASCII"))?;
    let input = metadata::parse(kept.unwrap_or_default())?;
    let upload = ctx.uploads.begin(&who, length, kept.unwrap_or_default().into(), input).await?;
    let mut answer = HeaderMap::new();
    let location = format!("/api/v1/uploads/{}", upload.upload_id);
    answer.insert(header::LOCATION, protocol::text(&location));
    answer.insert(name::VIDEO_ID, protocol::text(upload.video_id.as_str()));
    if protocol::is_offset_stream(&headers) || length == 0 {
        let offset = write::receive(&ctx, &upload, 0, body).await?;
        answer.insert(name::UPLOAD_OFFSET, HeaderValue::from(offset));
    }
    Ok((StatusCode::CREATED, answer))
}
