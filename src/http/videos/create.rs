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
    actors::uploads::DraftInput,
    backends::staging::{Hold, StagingError},
    domain::{account::Identity, ids::UploadId},
    http::{
        Ctx,
        extract::Caller,
        problem::{ApiError, ApiResult},
    },
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
    #[schema(content_media_type = "application/octet-stream")]
    file: String,
}

/// Upload a video in one request
#[utoipa::path(
    post, path = "/videos", tag = "videos", security(("bearer" = [])),
    request_body(content = NewVideo, content_type = "multipart/form-data"),
    responses((status = 202, body = rest::Video), (status = 413, description = "`too_large`"),
        (status = 422, description = "`invalid`"), (status = 507, description = "`no_space`"))
)]
pub async fn create(
    State(ctx): State<Ctx>,
    Caller(who): Caller,
    request: Request,
) -> ApiResult<(StatusCode, Json<rest::Video>)> {
    let form = Multipart::from_request(request, &()).await;
    let form = form.map_err(|_| ApiError::new(Code::UnsupportedMediaType, "send multipart/form-data"))?;
    let staged = UploadId::new(ctx.clock.now());
    // Held until it is a video: what nobody holds and has no row is swept away.
    let hold = ctx.staging.hold(&staged).await?;
    let outcome = receive(&ctx, &who, form, &hold).await;
    if outcome.is_err() {
        ctx.metrics.uploads.of("refused").inc();
        ctx.staging.remove(&staged).await?;
    }
    Ok((StatusCode::ACCEPTED, Json(outcome?)))
}

async fn receive(ctx: &Ctx, who: &Identity, mut form: Multipart, hold: &Hold) -> ApiResult<rest::Video> {
    let mut input = DraftInput::default();
    let mut has_file = false;
    for _ in 0..FIELDS_MAX {
        let Some(field) = form.next_field().await.map_err(broken)? else { break };
        match field.name().unwrap_or_default().to_owned().as_str() {
            "title" => input.title = Some(text(field, "title").await?),
            "description" => input.description = Some(text(field, "description").await?),
            "tags" | "tags[]" => input.tags.push(text(field, "tags").await?),
            "visibility" => input.visibility = Some(text(field, "visibility").await?),
            "file" if has_file => return Err(ApiError::invalid("file", "stands twice")),
            "file" => {
                has_file = true;
                input.filename = field.file_name().map(str::to_owned);
                file(ctx, field, hold).await?;
            }
            other => return Err(ApiError::invalid(other, "is not a field of this form")),
        }
    }
    if !has_file {
        return Err(ApiError::invalid("file", "is missing"));
    }
    let video = ctx.uploads.publish_file(who, hold.id(), input).await?;
    view::video(ctx, video, Some(who)).await
}

async fn file(ctx: &Ctx, field: Field<'_>, hold: &Hold) -> ApiResult<()> {
    let limit = ctx.options.upload_bytes_max;
    ctx.staging.create(hold.id()).await?;
    ctx.metrics.uploads_receiving.inc();
    let bytes = futures_util::StreamExt::map(field, |piece| piece.map_err(std::io::Error::other));
    let received = hold.write(0).await?.receive(limit, Box::pin(bytes)).await;
    ctx.metrics.uploads_receiving.dec();
    let (offset, broken) = received.keep().await?;
    ctx.metrics.upload_bytes.inc_by(offset);
    match broken {
        None => Ok(()),
        Some(StagingError::TooLong) => {
            Err(ApiError::new(Code::TooLarge, format!("a file has at most {limit} bytes")))
        }
        Some(StagingError::Io(_)) => Err(ApiError::new(Code::Malformed, "the upload broke off")),
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
