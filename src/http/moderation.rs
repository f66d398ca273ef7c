//! The rules of a room's talk over REST: slow mode, the pinned comment, who is silenced, who moderates. The REST twins of
//! the socket's `slow_mode`, `pin` and `time_out`; the room decides who may.

use std::time::Duration;

use axum::{Json, extract::State, http::StatusCode};
use playhouse_protocol::{
    problem::Code,
    rest::{self, List},
};

use super::{
    Ctx,
    extract::{self, Caller, Id, Ids, MaybeCaller},
    limit,
    problem::{ApiError, ApiResult},
    videos,
};
use crate::{
    actors::room::CommentsOf,
    backends::store::tables::channel::{Channel, Moderator},
    domain::{
        access,
        account::Identity,
        clock::Timestamp,
        emoji::Emoji,
        ids::{ChannelId, CommentId, UserId, VideoId},
    },
};

/// How a room is talked in
#[utoipa::path(
    get, path = "/videos/{id}/chat", tag = "chat", params(("id" = String, Path)),
    responses((status = 200, body = rest::ChatView), (status = 404, description = "`not_found`"))
)]
pub async fn chat(
    State(ctx): State<Ctx>,
    Id(id): Id<VideoId>,
    MaybeCaller(who): MaybeCaller,
) -> ApiResult<Json<rest::ChatView>> {
    videos::visible(&ctx, &id, who.as_ref()).await?;
    let room = ctx.rooms.of(&id);
    let (moderator, timed_out_until) = match &who {
        Some(who) => {
            let moderator = access::may_moderate(room.standing(who).await?);
            (moderator, room.timed_out_until(&who.user_id).await?.map(Timestamp::to_rfc3339))
        }
        None => (false, None),
    };
    let emoji = Emoji::ALL.map(str::to_owned).to_vec();
    Ok(Json(rest::ChatView { chat: room.chat().await?, emoji, moderator, timed_out_until }))
}

/// Set the pause between two comments of one account
#[utoipa::path(
    put, path = "/videos/{id}/chat/slow-mode", tag = "chat", security(("bearer" = [])),
    params(("id" = String, Path)), request_body = rest::SlowMode,
    responses((status = 200, body = rest::Chat, description = "It is durable"),
        (status = 403, description = "`forbidden`"), (status = 404, description = "`not_found`"),
        (status = 422, description = "`invalid`"))
)]
pub async fn slow_mode(
    State(ctx): State<Ctx>,
    Id(id): Id<VideoId>,
    Caller(who): Caller,
    extract::Json(body): extract::Json<rest::SlowMode>,
) -> ApiResult<Json<rest::Chat>> {
    admit(&ctx, &id, &who).await?;
    let pause = Duration::from_secs(body.slow_mode_s);
    Ok(Json(ctx.rooms.of(&id).set_slow_mode(&who, pause).await?))
}

/// Pin a comment
#[utoipa::path(
    put, path = "/videos/{id}/chat/pin", tag = "chat", security(("bearer" = [])),
    params(("id" = String, Path)), request_body = rest::Pin,
    responses((status = 200, body = rest::Chat, description = "It is durable"),
        (status = 403, description = "`forbidden`"), (status = 404, description = "`not_found`"))
)]
pub async fn pin(
    State(ctx): State<Ctx>,
    Id(id): Id<VideoId>,
    Caller(who): Caller,
    extract::Json(body): extract::Json<rest::Pin>,
) -> ApiResult<Json<rest::Chat>> {
    admit(&ctx, &id, &who).await?;
    let comment: CommentId = body.comment_id.parse().map_err(|_| ApiError::not_found())?;
    Ok(Json(ctx.rooms.of(&id).pin(&who, Some(&comment)).await?))
}

/// Pin nothing any more
#[utoipa::path(
    delete, path = "/videos/{id}/chat/pin", tag = "chat", security(("bearer" = [])), params(("id" = String, Path)),
    responses((status = 200, body = rest::Chat, description = "It is durable"),
        (status = 403, description = "`forbidden`"), (status = 404, description = "`not_found`"))
)]
pub async fn unpin(
    State(ctx): State<Ctx>,
    Id(id): Id<VideoId>,
    Caller(who): Caller,
) -> ApiResult<Json<rest::Chat>> {
    admit(&ctx, &id, &who).await?;
    Ok(Json(ctx.rooms.of(&id).pin(&who, None).await?))
}

/// Who is silenced in a room
#[utoipa::path(
    get, path = "/videos/{id}/time-outs", tag = "chat", security(("bearer" = [])), params(("id" = String, Path)),
    responses((status = 200, body = List<rest::TimeOut>, description = "All of them, on one page"),
        (status = 403, description = "`forbidden`"), (status = 404, description = "`not_found`"))
)]
pub async fn timed_out(
    State(ctx): State<Ctx>,
    Id(id): Id<VideoId>,
    Caller(who): Caller,
) -> ApiResult<Json<List<rest::TimeOut>>> {
    videos::visible(&ctx, &id, Some(&who)).await?;
    Ok(Json(List { items: ctx.rooms.of(&id).timed_out(&who).await?, next_cursor: None }))
}

/// Silence someone in a room for a while
#[utoipa::path(
    put, path = "/videos/{id}/time-outs/{user_id}", tag = "chat", security(("bearer" = [])),
    params(("id" = String, Path), ("user_id" = String, Path)), request_body = rest::NewTimeOut,
    responses((status = 200, body = rest::TimedOut, description = "It is durable, and what was to be removed is gone"),
        (status = 403, description = "`forbidden`: they moderate themselves, or you do not"),
        (status = 404, description = "`not_found`"), (status = 422, description = "`invalid`"))
)]
pub async fn time_out(
    State(ctx): State<Ctx>,
    Ids(id, user): Ids<VideoId, UserId>,
    Caller(who): Caller,
    extract::Json(body): extract::Json<rest::NewTimeOut>,
) -> ApiResult<Json<rest::TimedOut>> {
    admit(&ctx, &id, &who).await?;
    if body.duration_s == 0 {
        return Err(ApiError::invalid("duration_s", "is at least 1"));
    }
    let comments = if body.remove_comments { CommentsOf::Go } else { CommentsOf::Stay };
    let duration = Duration::from_secs(body.duration_s);
    Ok(Json(ctx.rooms.of(&id).time_out(&who, &user, duration, comments).await?))
}

/// Let someone speak again
#[utoipa::path(
    delete, path = "/videos/{id}/time-outs/{user_id}", tag = "chat", security(("bearer" = [])),
    params(("id" = String, Path), ("user_id" = String, Path)),
    responses((status = 204, description = "They may"), (status = 403, description = "`forbidden`"),
        (status = 404, description = "`not_found`"))
)]
pub async fn lift(
    State(ctx): State<Ctx>,
    Ids(id, user): Ids<VideoId, UserId>,
    Caller(who): Caller,
) -> ApiResult<StatusCode> {
    admit(&ctx, &id, &who).await?;
    ctx.rooms.of(&id).time_out(&who, &user, Duration::ZERO, CommentsOf::Stay).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whom a channel has appointed to moderate
#[utoipa::path(
    get, path = "/channels/{id}/moderators", tag = "channels", security(("bearer" = [])),
    params(("id" = String, Path)),
    responses((status = 200, body = List<rest::Author>, description = "All of them, on one page"),
        (status = 403, description = "`forbidden`"), (status = 404, description = "`not_found`"))
)]
pub async fn moderators(
    State(ctx): State<Ctx>,
    Id(id): Id<ChannelId>,
    Caller(who): Caller,
) -> ApiResult<Json<List<rest::Author>>> {
    appointing(&ctx, &id, &who).await?;
    let rows = ctx.store.all::<Moderator>((id,)).await?;
    let author = |row: Moderator| rest::Author {
        id: row.user_id.to_string(),
        username: row.username,
        display_name: row.display_name,
        avatar_url: None,
    };
    Ok(Json(List { items: rows.into_iter().map(author).collect(), next_cursor: None }))
}

/// Let someone moderate the talk about a channel's videos
#[utoipa::path(
    put, path = "/channels/{id}/moderators/{user_id}", tag = "channels", security(("bearer" = [])),
    params(("id" = String, Path), ("user_id" = String, Path)),
    responses((status = 204, description = "They may"), (status = 403, description = "`forbidden`"),
        (status = 404, description = "`not_found`"), (status = 409, description = "`conflict`: 100 are enough"))
)]
pub async fn appoint(
    State(ctx): State<Ctx>,
    Ids(id, user): Ids<ChannelId, UserId>,
    Caller(who): Caller,
) -> ApiResult<StatusCode> {
    appointing(&ctx, &id, &who).await?;
    let account = ctx.accounts.get(&user).await?;
    let author = crate::domain::account::Author {
        id: account.user_id,
        username: account.username,
        display_name: account.display_name,
    };
    ctx.channels.appoint(&id, author).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Let someone moderate no more
#[utoipa::path(
    delete, path = "/channels/{id}/moderators/{user_id}", tag = "channels", security(("bearer" = [])),
    params(("id" = String, Path), ("user_id" = String, Path)),
    responses((status = 204, description = "They may not"), (status = 403, description = "`forbidden`"),
        (status = 404, description = "`not_found`"))
)]
pub async fn dismiss(
    State(ctx): State<Ctx>,
    Ids(id, user): Ids<ChannelId, UserId>,
    Caller(who): Caller,
) -> ApiResult<StatusCode> {
    appointing(&ctx, &id, &who).await?;
    ctx.channels.dismiss(&id, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether there is such a video for someone, and they have not asked for too much.
pub async fn admit(ctx: &Ctx, id: &VideoId, who: &Identity) -> ApiResult<()> {
    videos::visible(ctx, id, Some(who)).await?;
    limit::person(ctx.user_limits.react(&who.user_id).await)
}

async fn appointing(ctx: &Ctx, id: &ChannelId, who: &Identity) -> ApiResult<()> {
    let channel = ctx.store.get::<Channel>((id.clone(),), ()).await?.ok_or_else(ApiError::not_found)?;
    match access::may_appoint(&channel.owner_id, who) {
        true => Ok(()),
        false => Err(ApiError::new(Code::Forbidden, "only the owner of a channel appoints its moderators")),
    }
}
