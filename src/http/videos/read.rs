//! `GET /videos/{id}`.

use axum::{Json, extract::State};
use playhouse_protocol::rest;

use super::{view, visible};
use crate::{
    domain::ids::VideoId,
    http::{
        Ctx,
        extract::{Id, MaybeCaller},
        problem::ApiResult,
    },
};

/// A video
#[utoipa::path(
    get, path = "/videos/{id}", tag = "videos", params(("id" = String, Path)),
    responses((status = 200, body = rest::Video), (status = 404, description = "`not_found`"))
)]
pub async fn read(
    State(ctx): State<Ctx>,
    Id(id): Id<VideoId>,
    MaybeCaller(who): MaybeCaller,
) -> ApiResult<Json<rest::Video>> {
    let row = visible(&ctx, &id, who.as_ref()).await?;
    Ok(Json(view::video(&ctx, row, who.as_ref()).await?))
}
