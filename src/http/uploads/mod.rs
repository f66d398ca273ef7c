//! Resumable uploads at `/api/v1/uploads`: tus 1.0.0 with every extension, and the IETF's draft. Bytes go from the
//! socket to `backends::staging`; everything else is decided by `actors::uploads`.

mod checksum;
mod create;
mod dialect;
mod ietf;
mod metadata;
mod pieces;
mod protocol;
mod tus;
mod write;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
    middleware,
    response::{IntoResponse, Response},
};
use playhouse_protocol::problem::Code;
use utoipa_axum::{router::OpenApiRouter, routes};

use self::{dialect::Dialect, protocol::name};
use super::{
    Ctx,
    extract::{Caller, Id},
    problem::{ApiError, ApiResult},
};
use crate::{
    actors::uploads::{Concat, UploadError, length},
    domain::ids::UploadId,
};

pub fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new()
        .routes(routes!(create::create, options))
        .routes(routes!(write::append, head, terminate, options_of_one, override_method))
        .layer(middleware::from_fn(dialect::speak))
}

/// What is spoken here
#[utoipa::path(options, path = "/uploads", tag = "uploads", responses((status = 204, description = "In the headers")))]
async fn options(State(ctx): State<Ctx>) -> Response {
    protocol::options(&ctx.uploads.options)
}

/// What is spoken here
#[utoipa::path(
    options, path = "/uploads/{id}", tag = "uploads", params(("id" = String, Path)),
    responses((status = 204, description = "In the headers"))
)]
async fn options_of_one(State(ctx): State<Ctx>) -> Response {
    protocol::options(&ctx.uploads.options)
}

/// How far an upload is
#[utoipa::path(
    head, path = "/uploads/{id}", tag = "uploads", security(("bearer" = [])), params(("id" = String, Path)),
    responses((status = 200, description = "`Upload-Offset`, `Upload-Length`, `Upload-Expires`, `Upload-Concat`,
        `Playhouse-Video-Id`"),
        (status = 404, description = "`not_found`"), (status = 410, description = "`gone`"))
)]
async fn head(
    State(ctx): State<Ctx>,
    dialect: Dialect,
    Id(id): Id<UploadId>,
    Caller(who): Caller,
) -> ApiResult<(StatusCode, HeaderMap)> {
    let mut held = ctx.uploads.hold(&who, &id).await?;
    if let Concat::Final(_) = Concat::of(&held.upload)? {
        ctx.uploads.assemble(&mut held).await?;
    } else if length(&held.upload) == Some(held.offset) {
        // The answer to its last byte was lost, or the server was: finish now.
        ctx.uploads.finish(&mut held).await?;
    }
    Ok(dialect.state(&held, &ctx.uploads.options))
}

/// End an unfinished upload
#[utoipa::path(
    delete, path = "/uploads/{id}", tag = "uploads", security(("bearer" = [])), params(("id" = String, Path)),
    responses((status = 204, description = "It is gone"), (status = 404, description = "`not_found`"))
)]
async fn terminate(
    State(ctx): State<Ctx>,
    Id(id): Id<UploadId>,
    Caller(who): Caller,
) -> ApiResult<StatusCode> {
    let held = ctx.uploads.hold(&who, &id).await?;
    if held.upload.finished && Concat::of(&held.upload)? != Concat::Part {
        return Err(ApiError::new(Code::Gone, "the upload is finished; delete the video instead"));
    }
    ctx.uploads.terminate(held).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST` with `X-HTTP-Method-Override`, for clients behind proxies that pass no PATCH or DELETE
#[utoipa::path(
    post, path = "/uploads/{id}", tag = "uploads", security(("bearer" = [])),
    params(("id" = String, Path), ("X-HTTP-Method-Override" = String, Header, description = "PATCH, HEAD or DELETE")),
    responses((status = 204, description = "As the method it names"))
)]
async fn override_method(
    state: State<Ctx>,
    dialect: Dialect,
    id: Id<UploadId>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match headers.get(name::METHOD_OVERRIDE).map(|method| method.as_bytes()) {
        Some(b"PATCH") => write::append(state, dialect, id, caller, headers, body).await.into_response(),
        Some(b"HEAD") => head(state, dialect, id, caller).await.into_response(),
        Some(b"DELETE") => terminate(state, id, caller).await.into_response(),
        _ => ApiError::new(Code::MethodNotAllowed, "name PATCH, HEAD or DELETE in X-HTTP-Method-Override")
            .into_response(),
    }
}

impl From<UploadError> for ApiError {
    fn from(error: UploadError) -> Self {
        let code = match error {
            UploadError::Invalid { field, reason } => return ApiError::invalid(field, reason),
            UploadError::Url(error) => return ApiError::invalid("url", error),
            UploadError::Staging(error) => return error.into(),
            UploadError::Object(error) => return error.into(),
            UploadError::Channel(error) => return error.into(),
            UploadError::Store(error) => return error.into(),
            UploadError::TooLarge(_) => Code::TooLarge,
            UploadError::TooMany(_) => Code::TooMany,
            UploadError::OverQuota { .. } => Code::OverQuota,
            UploadError::KeyUsed | UploadError::BeingRemoved | UploadError::Replacing(_) => Code::Conflict,
            UploadError::NoSuchPart | UploadError::LengthKnown(_) => Code::Malformed,
            UploadError::NotFound | UploadError::NoSuchVideo => Code::NotFound,
            UploadError::NotYours => Code::Forbidden,
            UploadError::Expired | UploadError::VideoGone => Code::Gone,
        };
        ApiError::new(code, error.to_string())
    }
}
