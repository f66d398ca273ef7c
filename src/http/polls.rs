//! Polls over REST: the twins of the socket's `open_poll`, `close_poll` and `vote`, and the results of all there were.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use playhouse_protocol::rest::{self, List};

use super::{
    Ctx,
    extract::{self, Caller, Id, Ids, MaybeCaller, PageQuery, Query},
    moderation::admit,
    problem::{ApiError, ApiResult},
    videos,
};
use crate::{
    actors::room::NewPoll,
    domain::ids::{PollId, VideoId},
};

/// Polls of a video's room, newest first
#[utoipa::path(
    get, path = "/videos/{id}/polls", tag = "chat", params(("id" = String, Path), PageQuery),
    responses((status = 200, body = List<rest::Poll>), (status = 404, description = "`not_found`"))
)]
pub async fn list(
    State(ctx): State<Ctx>,
    Id(id): Id<VideoId>,
    MaybeCaller(who): MaybeCaller,
    Query(page): Query<PageQuery>,
) -> ApiResult<Json<List<rest::Poll>>> {
    videos::visible(&ctx, &id, who.as_ref()).await?;
    let found = ctx.rooms.of(&id).polls(page.limit()?, page.cursor()?).await?;
    let next_cursor = found.next_cursor.map(|cursor| cursor.as_str().to_owned());
    Ok(Json(List { items: found.items, next_cursor }))
}

/// Put a question to the room. One poll is open at a time
#[utoipa::path(
    post, path = "/videos/{id}/polls", tag = "chat", security(("bearer" = [])),
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header, description = "The same key of the same user is the same poll, while it is open")),
    request_body = rest::NewPoll,
    responses((status = 201, body = rest::Poll, description = "It is durable"),
        (status = 403, description = "`forbidden`"), (status = 404, description = "`not_found`"),
        (status = 409, description = "`conflict`: another poll is open"), (status = 422, description = "`invalid`"))
)]
pub async fn open(
    State(ctx): State<Ctx>,
    Id(id): Id<VideoId>,
    Caller(who): Caller,
    headers: HeaderMap,
    extract::Json(body): extract::Json<rest::NewPoll>,
) -> ApiResult<(StatusCode, Json<rest::Poll>)> {
    admit(&ctx, &id, &who).await?;
    let key = extract::idempotency_key(&headers)?;
    let new = NewPoll { question: body.question, options: body.options, key };
    Ok((StatusCode::CREATED, Json(ctx.rooms.of(&id).open_poll(&who, new).await?)))
}

/// A poll with its results, and the caller's own vote
#[utoipa::path(
    get, path = "/videos/{id}/polls/{poll_id}", tag = "chat",
    params(("id" = String, Path), ("poll_id" = String, Path)),
    responses((status = 200, body = rest::Poll), (status = 404, description = "`not_found`"))
)]
pub async fn read(
    State(ctx): State<Ctx>,
    Ids(id, poll): Ids<VideoId, PollId>,
    MaybeCaller(who): MaybeCaller,
) -> ApiResult<Json<rest::Poll>> {
    videos::visible(&ctx, &id, who.as_ref()).await?;
    let found = ctx.rooms.of(&id).poll(&poll, who.as_ref().map(|who| &who.user_id)).await?;
    found.map(Json).ok_or_else(ApiError::not_found)
}

/// Close a poll: votes that were acknowledged are in it
#[utoipa::path(
    post, path = "/videos/{id}/polls/{poll_id}/close", tag = "chat", security(("bearer" = [])),
    params(("id" = String, Path), ("poll_id" = String, Path)),
    responses((status = 200, body = rest::Poll, description = "It is durable"),
        (status = 403, description = "`forbidden`"), (status = 404, description = "`not_found`"),
        (status = 409, description = "`poll_closed`"))
)]
pub async fn close(
    State(ctx): State<Ctx>,
    Ids(id, poll): Ids<VideoId, PollId>,
    Caller(who): Caller,
) -> ApiResult<Json<rest::Poll>> {
    admit(&ctx, &id, &who).await?;
    Ok(Json(ctx.rooms.of(&id).close_poll(&who, &poll).await?))
}

/// Vote. Voting again changes the vote
#[utoipa::path(
    put, path = "/videos/{id}/polls/{poll_id}/vote", tag = "chat", security(("bearer" = [])),
    params(("id" = String, Path), ("poll_id" = String, Path)), request_body = rest::NewVote,
    responses((status = 200, body = rest::Poll, description = "It is durable"),
        (status = 404, description = "`not_found`"), (status = 409, description = "`poll_closed`"),
        (status = 422, description = "`invalid`"))
)]
pub async fn vote(
    State(ctx): State<Ctx>,
    Ids(id, poll): Ids<VideoId, PollId>,
    Caller(who): Caller,
    extract::Json(body): extract::Json<rest::NewVote>,
) -> ApiResult<Json<rest::Poll>> {
    admit(&ctx, &id, &who).await?;
    Ok(Json(ctx.rooms.of(&id).vote(who, &poll, body.option).await?))
}
