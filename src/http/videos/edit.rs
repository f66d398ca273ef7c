//! `PATCH` and `DELETE /videos/{id}`.

use axum::{Json, extract::State, http::StatusCode};
use playhouse_protocol::rest;

use super::{editable, view};
use crate::{
    actors::channel::VideoPatch,
    domain::ids::VideoId,
    http::{
        Ctx,
        extract::{self, Caller, Id},
        problem::ApiResult,
    },
};

/// Change a video's words or who may see it
#[utoipa::path(
    patch, path = "/videos/{id}", tag = "videos", params(("id" = String, Path)), security(("bearer" = [])),
    request_body = rest::VideoPatch,
    responses((status = 200, body = rest::Video), (status = 403, description = "`forbidden`"),
        (status = 404, description = "`not_found`"), (status = 422, description = "`invalid`"))
)]
pub async fn edit(
    State(ctx): State<Ctx>,
    Id(id): Id<VideoId>,
    Caller(who): Caller,
    extract::Json(patch): extract::Json<rest::VideoPatch>,
) -> ApiResult<Json<rest::Video>> {
    let video = editable(&ctx, &id, &who).await?;
    let patch = VideoPatch {
        title: patch.title,
        description: patch.description,
        tags: patch.tags,
        visibility: patch.visibility.map(view::visibility_of),
        encryption: patch.encryption.map(extract::encryption),
    };
    let changed = ctx.channels.edit_video(&video.channel_id, &id, patch).await?;
    Ok(Json(view::video(&ctx, changed, Some(&who)).await?))
}

/// Delete a video and all that was made of it
#[utoipa::path(
    delete, path = "/videos/{id}", tag = "videos", params(("id" = String, Path)), security(("bearer" = [])),
    responses((status = 204, description = "It is gone"), (status = 403, description = "`forbidden`"),
        (status = 404, description = "`not_found`"))
)]
pub async fn delete(
    State(ctx): State<Ctx>,
    Id(id): Id<VideoId>,
    Caller(who): Caller,
) -> ApiResult<StatusCode> {
    let video = editable(&ctx, &id, &who).await?;
    ctx.channels.delete_video(&video.channel_id, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
