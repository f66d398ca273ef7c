//! `POST /videos`: a file and its words in one multipart request, in any order. The file goes to the staging folder
//! as it arrives.

use axum::{
    Json,
    extract::{FromRequest, Multipart, Request, State, multipart::Field},
    http::StatusCode,
};
use playhouse_protocol::{problem::Code, rest};

use super::view;
use crate::{
    actors::uploads::{DraftInput, WholeFile},
    backends::staging::{Hold, StagingError},
    domain::{account::Identity, ids::UploadId},
    http::{
        Ctx,
        extract::{Caller, idempotency_key},
        problem::{ApiError, ApiResult},
    },
    telemetry::Raised,
};

/// The longest text field, in bytes.
const TEXT_BYTES_MAX: usize = 64 * 1024;
const FIELDS_MAX: usize = 64;

/// What `POST /videos` takes, for the document only.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a multipart body")]
pub struct NewVideo {
    title: Option<String>,
    description: Option<String>,
    /// Repeatable.
    tags: Option<Vec<String>>,
    visibility: Option<rest::Visibility>,
    /// The video whose file it takes the place of; then the others say nothing.
    replaces: Option<String>,
    #[schema(content_media_type = "application/octet-stream")]
    file: String,
}

/// Upload a video in one request
#[utoipa::path(
    post, path = "/videos", tag = "videos", security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key of the same account is the same video")),
    request_body(content = NewVideo, content_type = "multipart/form-data"),
    responses((status = 202, body = rest::Video), (status = 403, description = "`forbidden`"),
        (status = 404, description = "`not_found`: there is no such video to be replaced"),
        (status = 409, description = "`conflict`: another upload replaces the video"), (status = 413, description = "`too_large`, `over_quota`"),
        (status = 422, description = "`invalid`"), (status = 507, description = "`no_space`"))
)]
pub async fn create(
    State(ctx): State<Ctx>,
    Caller(who): Caller,
    request: Request,
) -> ApiResult<(StatusCode, Json<rest::Video>)> {
    let key = idempotency_key(request.headers())?;
    if let Some(key) = &key
        && let Some(video) = ctx.uploads.published(&who, key).await?
    {
        return Ok((StatusCode::ACCEPTED, Json(view::video(&ctx, video, Some(&who)).await?)));
    }
    let form = Multipart::from_request(request, &()).await;
    let form = form.map_err(|_| ApiError::new(Code::UnsupportedMediaType, "send multipart/form-data"))?;
    let staged = UploadId::new(ctx.clock.now());
    // Held until it is a video: what nobody holds and has no row is swept away.
    let hold = ctx.staging.hold(&staged).await?;
    let outcome = receive(&ctx, &who, form, &hold).await;
    let outcome = match outcome {
        Ok((length_bytes, input)) => {
            let file = WholeFile { hold, length_bytes, input, key };
            ctx.uploads.publish_file(&who, file).await.map_err(ApiError::from)
        }
        Err(refused) => Err(refused),
    };
    match outcome {
        Ok(video) => Ok((StatusCode::ACCEPTED, Json(view::video(&ctx, video, Some(&who)).await?))),
        Err(refused) => {
            ctx.uploads.abandon(&staged).await?;
            Err(refused)
        }
    }
}

/// How long the file is, and what was said about it.
async fn receive(
    ctx: &Ctx,
    who: &Identity,
    mut form: Multipart,
    hold: &Hold,
) -> ApiResult<(u64, DraftInput)> {
    let mut input = DraftInput::default();
    let mut length_bytes = None;
    for _ in 0..FIELDS_MAX {
        let Some(field) = form.next_field().await.map_err(broken)? else { break };
        match field.name().unwrap_or_default().to_owned().as_str() {
            "title" => input.title = Some(text(field, "title").await?),
            "description" => input.description = Some(text(field, "description").await?),
            "tags" | "tags[]" => input.tags.push(text(field, "tags").await?),
            "visibility" => input.visibility = Some(text(field, "visibility").await?),
            "replaces" => {
                let named = text(field, "replaces").await?;
                // Before the file comes, if it comes later; it is asked again when the file is here.
                ctx.uploads.replaceable(who, Some(&named)).await?;
                input.replaces = Some(named);
            }
            "file" if length_bytes.is_some() => return Err(ApiError::invalid("file", "stands twice")),
            "file" => {
                input.filename = field.file_name().map(str::to_owned);
                length_bytes = Some(file(ctx, who, field, hold).await?);
            }
            other => return Err(ApiError::invalid(other, "is not a field of this form")),
        }
    }
    let length_bytes = length_bytes.ok_or_else(|| ApiError::invalid("file", "is missing"))?;
    Ok((length_bytes, input))
}

async fn file(ctx: &Ctx, who: &Identity, field: Field<'_>, hold: &Hold) -> ApiResult<u64> {
    let limit = ctx.uploads.room(who).await?;
    ctx.staging.check_space(0).await?;
    hold.create().await?;
    let receiving = Raised::of(&ctx.metrics.uploads_receiving);
    let bytes = futures_util::StreamExt::map(field, |piece| piece.map_err(std::io::Error::other));
    let received = hold.write(0).await?.receive(limit, Box::pin(bytes)).await?;
    drop(receiving);
    let (offset, broken) = received.keep().await?;
    ctx.metrics.upload_bytes.inc_by(offset);
    match broken {
        None => Ok(offset),
        Some(StagingError::TooLong) => {
            Err(ApiError::new(Code::TooLarge, format!("the file may have at most {limit} bytes")))
        }
        Some(error) => Err(error.into()),
    }
}

async fn text(mut field: Field<'_>, name: &str) -> ApiResult<String> {
    let mut bytes = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(broken)? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > TEXT_BYTES_MAX {
            return Err(ApiError::invalid(name, format!("has at most {TEXT_BYTES_MAX} bytes")));
        }
    }
    String::from_utf8(bytes).map_err(|_| ApiError::invalid(name, "is not UTF-8"))
}

fn broken(error: axum::extract::multipart::MultipartError) -> ApiError {
    ApiError::new(Code::Malformed, format!("the form is broken: {}", error.body_text()))
}
