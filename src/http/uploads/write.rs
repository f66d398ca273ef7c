//! `PATCH /uploads/{id}`: adds bytes at the offset where the upload stands.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode},
};
use playhouse_protocol::problem::Code;

use super::{
    bytes,
    protocol::{self, name},
};
use crate::{
    backends::{staging::StagingError, store::tables::upload::Upload},
    domain::ids::UploadId,
    http::{
        Ctx,
        extract::{Caller, Id},
        problem::{ApiError, ApiResult},
    },
};

/// Go on with an upload
#[utoipa::path(
    patch, path = "/uploads/{id}", tag = "uploads", security(("bearer" = [])),
    params(("id" = String, Path), ("Upload-Offset" = u64, Header)),
    request_body(content = String, content_type = "application/offset+octet-stream"),
    responses((status = 204, description = "`Upload-Offset`, all of it durable; `Playhouse-Video-Id`"),
        (status = 409, description = "`offset_mismatch`, with the right `Upload-Offset`"),
        (status = 413, description = "`too_large`"), (status = 415, description = "`unsupported_media_type`"),
        (status = 423, description = "`locked`"), (status = 507, description = "`no_space`"))
)]
pub async fn append(
    State(ctx): State<Ctx>,
    Id(id): Id<UploadId>,
    Caller(who): Caller,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<(StatusCode, HeaderMap)> {
    if !protocol::is_offset_stream(&headers) {
        let detail = format!("send the bytes as {}", protocol::CONTENT_TYPE);
        return Err(ApiError::new(Code::UnsupportedMediaType, detail));
    }
    let offset = protocol::number(&headers, &name::UPLOAD_OFFSET)?;
    let offset = offset.ok_or_else(|| ApiError::new(Code::Malformed, "Upload-Offset is missing"))?;
    let (upload, here) = ctx.uploads.find(&who, &id).await?;
    if offset != here {
        return Err(StagingError::WrongOffset { offset: here }.into());
    }
    let offset = match upload.finished {
        true => here,
        false => receive(&ctx, &upload, offset, body).await?,
    };
    let mut answer = HeaderMap::new();
    answer.insert(name::UPLOAD_OFFSET, HeaderValue::from(offset));
    answer.insert(name::VIDEO_ID, protocol::text(upload.video_id.as_str()));
    Ok((StatusCode::NO_CONTENT, answer))
}

/// Takes what the client sends; finishes the upload when it is whole. Answers with the offset reached.
pub async fn receive(ctx: &Ctx, upload: &Upload, offset: u64, body: Body) -> ApiResult<u64> {
    let length = u64::try_from(upload.length_bytes).unwrap_or(0);
    ctx.metrics.uploads_receiving.inc();
    let appended = ctx.staging.append(&upload.upload_id, offset, length, bytes(body)).await;
    ctx.metrics.uploads_receiving.dec();
    let appended = appended?;
    ctx.metrics.upload_bytes.inc_by(appended.offset - offset);
    if appended.offset == length {
        ctx.uploads.finish(upload).await?;
    }
    match appended.broken {
        None => Ok(appended.offset),
        Some(StagingError::Io(_)) => {
            Err(ApiError::new(Code::Malformed, "the request broke off; what came is kept"))
        }
        Some(StagingError::TooLong) => Err(ApiError::new(
            Code::TooLarge,
            "more bytes came than Upload-Length says; the rest was dropped",
        )),
        Some(error) => Err(error.into()),
    }
}

impl From<StagingError> for ApiError {
    fn from(error: StagingError) -> Self {
        let detail = error.to_string();
        match error {
            StagingError::NoSpace => ApiError::new(Code::NoSpace, "no space is left; what came is kept"),
            StagingError::Locked => ApiError::new(Code::Locked, detail),
            StagingError::NotFound => ApiError::new(Code::Gone, detail),
            StagingError::TooLong => ApiError::new(Code::TooLarge, detail),
            StagingError::WrongOffset { offset } => ApiError::new(Code::OffsetMismatch, detail)
                .header(name::UPLOAD_OFFSET, HeaderValue::from(offset)),
            StagingError::Io(error) => ApiError::internal(&error),
        }
    }
}
