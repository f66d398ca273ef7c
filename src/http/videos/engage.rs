//! Reactions and views: the REST twins of the socket's `react` and `watch`.

use axum::{Json, extract::State};
use playhouse_protocol::rest;

use super::visible;
use crate::{
    domain::{
        ids::{PlaybackId, VideoId},
        reaction::Reaction,
    },
    http::{
        Ctx,
        extract::{self, Caller, Id, MaybeCaller},
        limit::Client,
        problem::{ApiError, ApiResult},
    },
};

/// Like, dislike, or neither
#[utoipa::path(
    put, path = "/videos/{id}/reaction", tag = "engagement", params(("id" = String, Path)),
    security(("bearer" = [])), request_body = rest::NewReaction,
    responses((status = 200, body = rest::ReactionTotals, description = "It is durable"),
        (status = 401, description = "`unauthenticated`"), (status = 404, description = "`not_found`"))
)]
pub async fn react(
    State(ctx): State<Ctx>,
    Id(id): Id<VideoId>,
    Caller(who): Caller,
    extract::Json(body): extract::Json<rest::NewReaction>,
) -> ApiResult<Json<rest::ReactionTotals>> {
    visible(&ctx, &id, Some(&who)).await?;
    let reaction = match body.reaction {
        rest::ReactionKind::Like => Some(Reaction::Like),
        rest::ReactionKind::Dislike => Some(Reaction::Dislike),
        rest::ReactionKind::None => None,
    };
    Ok(Json(ctx.rooms.react(&id, &who.user_id, reaction).await?))
}

/// Report how much of a playing was watched
#[utoipa::path(
    post, path = "/videos/{id}/views", tag = "engagement", params(("id" = String, Path)),
    request_body = rest::NewView,
    responses((status = 200, body = rest::ViewOutcome), (status = 404, description = "`not_found`"))
)]
pub async fn view(
    State(ctx): State<Ctx>,
    Id(id): Id<VideoId>,
    MaybeCaller(who): MaybeCaller,
    client: Client,
    extract::Json(body): extract::Json<rest::NewView>,
) -> ApiResult<Json<rest::ViewOutcome>> {
    let video = visible(&ctx, &id, who.as_ref()).await?;
    let playback: PlaybackId =
        body.playback_id.parse().map_err(|error| ApiError::invalid("playback_id", error))?;
    let viewer = ctx.keys.viewer(who.as_ref(), &client.0, ctx.clock.now());
    let duration_ms = video.duration_ms.and_then(|ms| u64::try_from(ms).ok());
    let counted = ctx.rooms.view(&id, viewer, playback, body.watched_ms, duration_ms).await?;
    Ok(Json(rest::ViewOutcome { counted }))
}
