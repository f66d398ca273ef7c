//! Imports: a file is fetched from a URL instead of being sent.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use playhouse_protocol::rest;

use super::{
    Ctx,
    extract::{self, Caller, Id, idempotency_key},
    problem::ApiResult,
    videos,
};
use crate::{
    actors::uploads::{DraftInput, NewUpload, becomes, length},
    backends::store::tables::upload::Upload,
    domain::ids::UploadId,
};

/// Import a file from a URL
///
/// It is fetched in the background and becomes a video of the id told here. Only public addresses are fetched from.
#[utoipa::path(
    post, path = "/imports", tag = "uploads", security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key of the same account is the same import")),
    request_body = rest::NewImport,
    responses((status = 202, body = rest::Import), (status = 403, description = "`forbidden`"),
        (status = 404, description = "`not_found`"), (status = 409, description = "`conflict`"), (status = 413, description = "`over_quota`"),
        (status = 422, description = "`invalid`: what may not be fetched"),
        (status = 429, description = "`too_many` unfinished uploads"), (status = 507, description = "`no_space`"))
)]
pub async fn create(
    State(ctx): State<Ctx>,
    Caller(who): Caller,
    headers: HeaderMap,
    extract::Json(body): extract::Json<rest::NewImport>,
) -> ApiResult<(StatusCode, Json<rest::Import>)> {
    let input = DraftInput {
        title: body.title,
        description: body.description,
        tags: body.tags,
        visibility: body.visibility.map(|visibility| videos::visibility_of(visibility).to_string()),
        filename: name_in(&body.url),
        replaces: body.replaces,
    };
    let new = NewUpload {
        length_bytes: None,
        metadata: String::new(),
        concat: None,
        input,
        key: idempotency_key(&headers)?,
        import: None,
    };
    let upload = ctx.uploads.begin_import(&who, &body.url, new).await?;
    Ok((StatusCode::ACCEPTED, Json(import(upload, 0))))
}

/// How far an import is
#[utoipa::path(
    get, path = "/imports/{id}", tag = "uploads", security(("bearer" = [])), params(("id" = String, Path)),
    responses((status = 200, body = rest::Import), (status = 404, description = "`not_found`"))
)]
pub async fn read(
    State(ctx): State<Ctx>,
    Id(id): Id<UploadId>,
    Caller(who): Caller,
) -> ApiResult<Json<rest::Import>> {
    let (upload, received_bytes) = ctx.uploads.find_import(&who, &id).await?;
    Ok(Json(import(upload, received_bytes)))
}

/// End an import
#[utoipa::path(
    delete, path = "/imports/{id}", tag = "uploads", security(("bearer" = [])), params(("id" = String, Path)),
    responses((status = 204, description = "It is gone; a video that it has become stays"),
        (status = 404, description = "`not_found`"))
)]
pub async fn remove(
    State(ctx): State<Ctx>,
    Id(id): Id<UploadId>,
    Caller(who): Caller,
) -> ApiResult<StatusCode> {
    ctx.uploads.find_import(&who, &id).await?;
    ctx.uploads.end_import(&who, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The last part of the path, which may be a file's name.
fn name_in(url: &str) -> Option<String> {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let name = path.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map(|(_, path)| path);
    name.and_then(|path| path.rsplit('/').next()).filter(|name| !name.is_empty()).map(str::to_owned)
}

fn import(upload: Upload, received_bytes: u64) -> rest::Import {
    let failure = upload.import.as_ref().and_then(|import| import.failure.clone());
    let status = match (&failure, upload.finished) {
        (Some(_), _) => "failed",
        (None, true) => "done",
        (None, false) => "fetching",
    };
    rest::Import {
        id: upload.upload_id.to_string(),
        video_id: becomes(&upload).to_string(),
        replaces: upload.replaces.as_ref().map(ToString::to_string),
        status: status.into(),
        received_bytes,
        length_bytes: length(&upload),
        failure: failure.map(videos::failure),
        created_at: upload.created_at.to_rfc3339(),
    }
}
