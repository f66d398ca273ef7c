//! Comments over REST. Reads come from the store; writes are decided by the video's room, as those of sockets.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use playhouse_protocol::rest::{self, List};
use serde::Deserialize;

use super::{
    Ctx,
    extract::{self, Caller, Id, Ids, MaybeCaller, PageQuery, Query},
    limit,
    problem::{ApiError, ApiResult},
    range, videos,
};
use crate::{
    actors::room::{
        NewComment,
        history::{self, ListComments, Selection, TimelineWindow},
    },
    backends::store::tables::room::MOMENT_WINDOW_MS,
    domain::{
        access::Visibility,
        ids::{CommentId, VideoId},
    },
};

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Only those pinned to the timeline from here, inclusive; with `at_to_ms`.
    at_from_ms: Option<u64>,
    /// Only those pinned up to here, inclusive.
    at_to_ms: Option<u64>,
    /// Only replies to this comment.
    parent: Option<String>,
}

impl ListQuery {
    fn parse(self) -> ApiResult<Selection> {
        match (self.parent, self.at_from_ms, self.at_to_ms) {
            (Some(parent), None, None) => {
                Ok(Selection::Replies(parent.parse().map_err(|_| ApiError::not_found())?))
            }
            (Some(_), ..) => Err(ApiError::invalid("parent", "does not go with at_from_ms and at_to_ms")),
            (None, None, None) => Ok(Selection::Newest),
            (None, from, to) => {
                let (from_ms, to_ms) = (from.unwrap_or(0), to.unwrap_or(u64::MAX));
                match from_ms <= to_ms {
                    true => Ok(Selection::Moments { from_ms, to_ms }),
                    false => Err(ApiError::invalid("at_to_ms", "is not before at_from_ms")),
                }
            }
        }
    }
}

/// Comments of a video, newest first
#[utoipa::path(
    get, path = "/videos/{id}/comments", tag = "engagement",
    params(("id" = String, Path), ListQuery, PageQuery),
    responses((status = 200, body = List<rest::Comment>), (status = 404, description = "`not_found`"))
)]
pub async fn list(
    State(ctx): State<Ctx>,
    Id(id): Id<VideoId>,
    MaybeCaller(who): MaybeCaller,
    Query(query): Query<ListQuery>,
    Query(page): Query<PageQuery>,
) -> ApiResult<Json<List<rest::Comment>>> {
    videos::visible(&ctx, &id, who.as_ref()).await?;
    let wanted = ListComments { selection: query.parse()?, limit: page.limit()?, cursor: page.cursor()? };
    let found = history::list_comments(&ctx.store, &id, wanted).await?;
    let next_cursor = found.next_cursor.map(|cursor| cursor.as_str().to_owned());
    Ok(Json(List { items: found.items, next_cursor }))
}

/// The longest video there may be is a week long.
const WINDOWS_MAX: u64 = 7 * 24 * 60;

/// Comments along one minute of a video
#[utoipa::path(
    get, path = "/videos/{id}/comments/timeline/{window}", tag = "engagement",
    params(("id" = String, Path), ("window" = u64, Path, description = "The minute of the video, from 0")),
    responses((status = 200, body = rest::Timeline, description = "With `ETag`; of a public video caches may keep it for 5 s"),
        (status = 304, description = "As `If-None-Match` has it"), (status = 404, description = "`not_found`"))
)]
pub async fn timeline(
    State(ctx): State<Ctx>,
    Ids(id, window): Ids<VideoId, u64>,
    MaybeCaller(who): MaybeCaller,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let video = videos::visible(&ctx, &id, who.as_ref()).await?;
    if window >= WINDOWS_MAX {
        return Err(ApiError::not_found());
    }
    let TimelineWindow { items, truncated } = history::timeline(&ctx.store, &id, window).await?;
    let from_ms = window * MOMENT_WINDOW_MS;
    let to_ms = from_ms + MOMENT_WINDOW_MS - 1;
    let body = serde_json::to_vec(&rest::Timeline { window, from_ms, to_ms, items, truncated })
        .expect("the protocol's types always serialise");
    let etag = range::etag_of(&body);
    let mut response = match range::is_unchanged(&headers, &etag) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
    };
    // What a moderator has removed is gone from every cache five seconds later.
    let cache = match video.visibility {
        Visibility::Public => "public, max-age=5, must-revalidate",
        Visibility::Unlisted | Visibility::Private => "private, no-cache",
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    response.headers_mut().insert(header::ETAG, etag);
    Ok(response)
}

/// Say something
#[utoipa::path(
    post, path = "/videos/{id}/comments", tag = "engagement", security(("bearer" = [])),
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header, description = "The same key of the same user is the same comment")),
    request_body = rest::NewComment,
    responses((status = 201, body = rest::Comment, description = "It is durable"),
        (status = 403, description = "`timed_out`"), (status = 404, description = "`not_found`"),
        (status = 422, description = "`invalid`"), (status = 429, description = "`too_many`, `slow_mode`"))
)]
pub async fn create(
    State(ctx): State<Ctx>,
    Id(id): Id<VideoId>,
    Caller(who): Caller,
    headers: HeaderMap,
    extract::Json(body): extract::Json<rest::NewComment>,
) -> ApiResult<(StatusCode, Json<rest::Comment>)> {
    videos::visible(&ctx, &id, Some(&who)).await?;
    limit::person(ctx.user_limits.comment(&who.user_id).await)?;
    let parent_id = body.parent_id.map(|parent| parent.parse::<CommentId>());
    let new = NewComment {
        who,
        text: body.text,
        at_ms: body.at_ms,
        parent_id: parent_id.transpose().map_err(|_| ApiError::invalid("parent_id", "is no comment"))?,
        key: extract::idempotency_key(&headers)?,
    };
    let posted = ctx.rooms.of(&id).comment(new).await?;
    Ok((StatusCode::CREATED, Json(posted.comment)))
}

/// Change a comment of one's own
#[utoipa::path(
    patch, path = "/comments/{id}", tag = "engagement", security(("bearer" = [])),
    params(("id" = String, Path)), request_body = rest::CommentPatch,
    responses((status = 200, body = rest::Comment), (status = 403, description = "`forbidden`, `timed_out`"),
        (status = 404, description = "`not_found`"))
)]
pub async fn edit(
    State(ctx): State<Ctx>,
    Id(id): Id<CommentId>,
    Caller(who): Caller,
    extract::Json(body): extract::Json<rest::CommentPatch>,
) -> ApiResult<Json<rest::Comment>> {
    let video = video_of(&id)?;
    videos::visible(&ctx, &video, Some(&who)).await?;
    limit::person(ctx.user_limits.comment(&who.user_id).await)?;
    Ok(Json(ctx.rooms.of(&video).edit(&id, who, &body.text).await?.comment))
}

/// Remove a comment: one's own, or any as a moderator of the room
#[utoipa::path(
    delete, path = "/comments/{id}", tag = "engagement", security(("bearer" = [])), params(("id" = String, Path)),
    responses((status = 204, description = "It is gone, from snapshots and replays too"),
        (status = 403, description = "`forbidden`"), (status = 404, description = "`not_found`"))
)]
pub async fn remove(
    State(ctx): State<Ctx>,
    Id(id): Id<CommentId>,
    Caller(who): Caller,
) -> ApiResult<StatusCode> {
    let video = video_of(&id)?;
    videos::visible(&ctx, &video, Some(&who)).await?;
    ctx.rooms.of(&video).remove(&id, who).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn video_of(id: &CommentId) -> ApiResult<VideoId> {
    id.location().map(|(video, _)| video).ok_or_else(ApiError::not_found)
}
