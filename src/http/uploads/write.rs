//! `PATCH /uploads/{id}`: adds bytes at the offset where the upload stands.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode},
};
use playhouse_protocol::problem::Code;

use super::{
    checksum::Check,
    dialect::{Bytes, Dialect},
    pieces::Pieces,
    protocol::name,
};
use crate::{
    actors::uploads::{Concat, Held, UploadError, length},
    backends::staging::StagingError,
    domain::{account::Identity, ids::UploadId},
    http::{
        Ctx,
        extract::{Caller, Id},
        problem::{ApiError, ApiResult},
    },
    telemetry::{Raised, tasks},
};

/// Go on with an upload
#[utoipa::path(
    patch, path = "/uploads/{id}", tag = "uploads", security(("bearer" = [])),
    params(("id" = String, Path), ("Upload-Offset" = u64, Header), ("Upload-Length" = Option<u64>, Header,
        description = "Where the length was deferred"), ("Upload-Checksum" = Option<String>, Header,
        description = "`sha1`, `sha256` or `crc32` and base64; or in a trailer"), ("Upload-Complete" = Option<String>, Header,
        description = "IETF draft: `?1` with the last bytes, else `?0`; the body is application/partial-upload")),
    request_body(content = String, content_type = "application/offset+octet-stream"),
    responses((status = 204, description = "`Upload-Offset`, all of it durable; `Playhouse-Video-Id`"),
        (status = 409, description = "`offset_mismatch`, with the right `Upload-Offset`"),
        (status = 403, description = "`forbidden`: a final upload takes no bytes"),
        (status = 410, description = "`gone`: the video that was to be replaced"),
        (status = 413, description = "`too_large`"), (status = 415, description = "`unsupported_media_type`"),
        (status = 423, description = "`locked`"), (status = 460, description = "`checksum_mismatch`"),
        (status = 503, description = "`too_slow`"), (status = 507, description = "`no_space`"))
)]
pub async fn append(
    State(ctx): State<Ctx>,
    dialect: Dialect,
    Id(id): Id<UploadId>,
    Caller(who): Caller,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<(StatusCode, HeaderMap)> {
    let append = dialect.append(&headers)?;
    let mut held = ctx.uploads.hold(&who, &id).await?;
    if matches!(Concat::of(&held.upload)?, Concat::Final(_)) {
        return Err(ApiError::new(
            Code::Forbidden,
            "a final upload has the bytes of its parts and takes no others",
        ));
    }
    if append.offset != held.offset {
        return Err(dialect.wrong_offset(held.offset, append.offset));
    }
    if let Some(length) = append.length_bytes {
        set_length(&ctx, &who, &mut held, length, dialect).await?;
    }
    if !held.upload.finished {
        let incoming = Incoming { dialect, bytes: append.bytes, check: Check::asked_by(&headers)?, body };
        held = receive(&ctx, &who, held, incoming).await?;
    }
    Ok((StatusCode::NO_CONTENT, dialect.standing(&held, &ctx.uploads.options)))
}

async fn set_length(
    ctx: &Ctx,
    who: &Identity,
    held: &mut Held,
    length_bytes: u64,
    dialect: Dialect,
) -> ApiResult<()> {
    let set = ctx.uploads.set_length(who, held, length_bytes).await;
    set.map_err(|error| match error {
        UploadError::LengthKnown(_) => dialect.wrong_length(error),
        other => other.into(),
    })
}

/// The body of a request, and what is to be made of it.
pub struct Incoming {
    pub dialect: Dialect,
    pub bytes: Bytes,
    pub check: Option<Check>,
    pub body: Body,
}

/// Takes what the client sends; finishes the upload when it is whole. In a task of its own, so that what came is kept
/// also where the client's going away ends the request.
pub async fn receive(ctx: &Ctx, who: &Identity, held: Held, incoming: Incoming) -> ApiResult<Held> {
    let (ctx, who) = (ctx.clone(), who.clone());
    let received = tasks::spawn("upload", async move { received(&ctx, &who, held, incoming).await });
    received.await.map_err(|error| ApiError::internal(&error))?
}

async fn received(ctx: &Ctx, who: &Identity, mut held: Held, incoming: Incoming) -> ApiResult<Held> {
    let Incoming { dialect, bytes, check, body } = incoming;
    let start = held.offset;
    let length_max = ctx.uploads.length_max(who, &held).await?;
    let (offset, broken) = write(ctx, &held, length_max, check, body).await?;
    held.offset = offset;
    ctx.metrics.upload_bytes.inc_by(offset - start);
    if bytes == Bytes::Last && broken.is_none() {
        set_length(ctx, who, &mut held, offset, dialect).await?;
    }
    if length(&held.upload) == Some(offset) {
        ctx.uploads.finish(&mut held).await?;
    } else {
        ctx.uploads.touch(&mut held).await?;
    }
    broken.map_or(Ok(held), |reason| Err(broken_off(reason)))
}

async fn write(
    ctx: &Ctx,
    held: &Held,
    length_max: u64,
    check: Option<Check>,
    body: Body,
) -> ApiResult<(u64, Option<StagingError>)> {
    let mut writing = held.hold.write(held.offset).await?;
    if let Some(check) = &check {
        writing = writing.checked(check.digests()).await?;
    }
    let mut pieces = Pieces::of(body);
    let receiving = Raised::of(&ctx.metrics.uploads_receiving);
    let mut received = writing.receive(length_max, &mut pieces).await?;
    drop(receiving);
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
        StagingError::BrokenOff(_) => {
            ApiError::new(Code::Malformed, "the request broke off; what came is kept")
        }
        StagingError::TooSlow => {
            ApiError::new(Code::TooSlow, "the bytes come too slowly; what came is kept, go on later")
        }
        StagingError::TooLong => {
            ApiError::new(Code::TooLarge, "more bytes came than the upload may have; the rest was dropped")
        }
        StagingError::Object(error) => {
            ApiError::new(Code::Unavailable, format!("{error}; what is stored of it is kept, go on later"))
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
            StagingError::TooSlow => ApiError::new(Code::TooSlow, detail),
            StagingError::BrokenOff(_) => ApiError::new(Code::Malformed, detail),
            StagingError::TooManyPieces => ApiError::new(Code::TooLarge, detail),
            StagingError::Busy => ApiError::new(Code::Unavailable, detail),
            StagingError::Object(error) => error.into(),
            StagingError::Store(error) => error.into(),
            StagingError::Io(error) => ApiError::internal(&error),
        }
    }
}
