//! Channels and who subscribes to them.

use axum::{Json, extract::State};
use playhouse_protocol::rest;

use super::{
    Ctx,
    extract::{self, Caller, Id, MaybeCaller},
    problem::{ApiError, ApiResult},
    videos,
};
use crate::{
    actors::channel::ChannelPatch, backends::store::tables::channel::Channel, domain::account::Identity,
    domain::ids::ChannelId,
};

/// A channel
#[utoipa::path(
    get, path = "/channels/{id}", tag = "channels", params(("id" = String, Path)),
    responses((status = 200, body = rest::Channel), (status = 404, description = "`not_found`"))
)]
pub async fn read(
    State(ctx): State<Ctx>,
    Id(id): Id<ChannelId>,
    MaybeCaller(who): MaybeCaller,
) -> ApiResult<Json<rest::Channel>> {
    let row = ctx.store.get::<Channel>((id,), ()).await?.ok_or_else(ApiError::not_found)?;
    Ok(Json(view(&ctx, row, who.as_ref()).await?))
}

/// Change one's own channel
#[utoipa::path(
    patch, path = "/channels/{id}", tag = "channels", security(("bearer" = [])), params(("id" = String, Path)),
    request_body = rest::ChannelPatch,
    responses((status = 200, body = rest::Channel), (status = 403, description = "`forbidden`"),
        (status = 404, description = "`not_found`"), (status = 409, description = "`handle_taken`"))
)]
pub async fn edit(
    State(ctx): State<Ctx>,
    Id(id): Id<ChannelId>,
    Caller(who): Caller,
    extract::Json(patch): extract::Json<rest::ChannelPatch>,
) -> ApiResult<Json<rest::Channel>> {
    let row = ctx.store.get::<Channel>((id.clone(),), ()).await?.ok_or_else(ApiError::not_found)?;
    if row.owner_id != who.user_id {
        let detail = "only the owner of a channel may change it";
        return Err(ApiError::new(playhouse_protocol::problem::Code::Forbidden, detail));
    }
    let patch = ChannelPatch {
        handle: patch.handle,
        title: patch.title,
        description: patch.description,
        avatar_color: patch.avatar_color,
        encryption: patch.encryption.map(extract::encryption),
    };
    let changed = ctx.channels.edit(&id, patch).await?;
    Ok(Json(view(&ctx, changed, Some(&who)).await?))
}

/// Subscribe
#[utoipa::path(
    put, path = "/channels/{id}/subscription", tag = "channels", security(("bearer" = [])),
    params(("id" = String, Path)),
    responses((status = 200, body = rest::Channel, description = "It is durable"),
        (status = 404, description = "`not_found`"))
)]
pub async fn subscribe(
    State(ctx): State<Ctx>,
    Id(id): Id<ChannelId>,
    Caller(who): Caller,
) -> ApiResult<Json<rest::Channel>> {
    ctx.channels.subscribe(&id, &who.user_id).await?;
    read(State(ctx), Id(id), MaybeCaller(Some(who))).await
}

/// Unsubscribe
#[utoipa::path(
    delete, path = "/channels/{id}/subscription", tag = "channels", security(("bearer" = [])),
    params(("id" = String, Path)),
    responses((status = 200, body = rest::Channel, description = "It is durable"),
        (status = 404, description = "`not_found`"))
)]
pub async fn unsubscribe(
    State(ctx): State<Ctx>,
    Id(id): Id<ChannelId>,
    Caller(who): Caller,
) -> ApiResult<Json<rest::Channel>> {
    ctx.channels.unsubscribe(&id, &who.user_id).await?;
    read(State(ctx), Id(id), MaybeCaller(Some(who))).await
}

async fn view(ctx: &Ctx, row: Channel, who: Option<&Identity>) -> ApiResult<rest::Channel> {
    let user = who.map(|who| &who.user_id);
    let (subscribers, subscribed) = ctx.channels.subscribers(&row.channel_id, user).await?;
    Ok(rest::Channel {
        id: row.channel_id.to_string(),
        handle: row.handle,
        title: row.title,
        description: row.description,
        avatar_color: row.avatar_color,
        encryption: videos::encryption(row.encryption),
        subscribers,
        subscribed,
        created_at: row.created_at.to_rfc3339(),
    })
}
