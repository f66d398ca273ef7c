//! `PATCH /uploads/{id}`: adds bytes at the offset where the upload stands.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode},
};
use playhouse_protocol::problem::Code;

use super::{
    checksum::Check,
    pieces::Pieces,
    protocol::{self, name},
};
use crate::{
    actors::uploads::{Concat, Held, length},
    backends::staging::StagingError,
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
    params(("id" = String, Path), ("Upload-Offset" = u64, Header), ("Upload-Length" = Option<u64>, Header,
        description = "Where the length was deferred"), ("Upload-Checksum" = Option<String>, Header,
        description = "`sha1`, `sha256` or `crc32` and base64; or in a trailer")),
    request_body(content = String, content_type = "application/offset+octet-stream"),
    responses((status = 204, description = "`Upload-Offset`, all of it durable; `Playhouse-Video-Id`"),
        (status = 409, description = "`offset_mismatch`, with the right `Upload-Offset`"),
        (status = 403, description = "`forbidden`: a final upload takes no bytes"),
        (status = 413, description = "`too_large`"), (status = 415, description = "`unsupported_media_type`"),
        (status = 423, description = "`locked`"), (status = 460, description = "`checksum_mismatch`"), (status = 507, description = "`no_space`"))
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
    let length = protocol::number(&headers, &name::UPLOAD_LENGTH)?;
    let mut held = ctx.uploads.hold(&who, &id).await?;
    if matches!(Concat::of(&held.upload)?, Concat::Final(_)) {
        return Err(ApiError::new(
            Code::Forbidden,
            "a final upload has the bytes of its parts and takes no others",
        ));
    }
    if offset != held.offset {
        return Err(StagingError::WrongOffset { offset: held.offset }.into());
    }
    if let Some(length) = length {
        ctx.uploads.set_length(&mut held, length).await?;
    }
    if !held.upload.finished {
        receive(&ctx, &mut held, &headers, body).await?;
    }
    Ok((StatusCode::NO_CONTENT, protocol::standing(&held)))
}

/// Takes what the client sends; finishes the upload when it is whole.
pub async fn receive(ctx: &Ctx, held: &mut Held, headers: &HeaderMap, body: Body) -> ApiResult<()> {
    let check = Check::asked_by(headers)?;
    let start = held.offset;
    ctx.metrics.uploads_receiving.inc();
    let written = write(ctx, held, check, body).await;
    ctx.metrics.uploads_receiving.dec();
    let (offset, broken) = written?;
    held.offset = offset;
    ctx.metrics.upload_bytes.inc_by(offset - start);
    if length(&held.upload) == Some(offset) {
        ctx.uploads.finish(held).await?;
    } else {
        ctx.uploads.touch(held).await?;
    }
    broken.map_or(Ok(()), |reason| Err(broken_off(reason)))
}

async fn write(
    ctx: &Ctx,
    held: &Held,
    check: Option<Check>,
    body: Body,
) -> ApiResult<(u64, Option<StagingError>)> {
    let length_max = length(&held.upload).unwrap_or(ctx.options.upload_bytes_max);
    let mut writing = held.hold.write(held.offset).await?;
    if let Some(check) = &check {
        writing = writing.checked(check.digests()).await?;
    }
    let mut pieces = Pieces::of(body);
    let mut received = writing.receive(length_max, &mut pieces).await;
    let Some((check, digests)) = check.zip(received.take_digests()) else {
        return Ok(received.keep().await?);
    };
    // Of what broke off nothing can be said, so nothing of it is kept.
    let broken = received.broken.take().map(broken_off);
    match broken.map_or_else(|| check.hold(digests, &pieces.trailers), Err) {
        Ok(()) => Ok(received.keep().await?),
        Err(refused) => {
            received.discard().await?;
            Err(refused)
        }
    }
}

/// Why a request could not be taken to its end.
fn broken_off(reason: StagingError) -> ApiError {
    match reason {
        StagingError::Io(_) => ApiError::new(Code::Malformed, "the request broke off; what came is kept"),
        StagingError::TooLong => {
            ApiError::new(Code::TooLarge, "more bytes came than the upload may have; the rest was dropped")
        }
        other => other.into(),
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
            StagingError::Taken => ApiError::new(Code::Locked, detail),
            StagingError::Io(error) => ApiError::internal(&error),
        }
    }
}
