//! Reactions and views: the REST twins of the socket's `react` and `watch`.

use axum::{Json, extract::State};
use playhouse_protocol::rest;

use super::visible;
use crate::{
    actors::room::{WatchedFor, viewer_key},
    domain::{ids::VideoId, reaction::Reaction},
    http::{
        Ctx,
        extract::{self, Caller, Id, MaybeCaller},
        limit::{self, Client},
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
    limit::person(ctx.user_limits.react(&who.user_id).await)?;
    let reaction = match body.reaction {
        rest::ReactionKind::Like => Some(Reaction::Like),
        rest::ReactionKind::Dislike => Some(Reaction::Dislike),
        rest::ReactionKind::None => None,
    };
    Ok(Json(ctx.rooms.of(&id).react(who, reaction).await?))
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
    visible(&ctx, &id, who.as_ref()).await?;
    let playback_id = body.playback_id.parse().map_err(|error| ApiError::invalid("playback_id", error))?;
    let anonymous = ctx.keys.pseudonym(&client.0, ctx.clock.now());
    let viewer_key = viewer_key(who.as_ref(), &anonymous);
    let watched = WatchedFor { viewer: who, viewer_key, playback_id, watched_ms: body.watched_ms };
    Ok(Json(rest::ViewOutcome { counted: ctx.rooms.of(&id).view(watched).await? }))
}
