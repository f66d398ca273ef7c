//! `GET /videos`: the public list, or a channel's.

use axum::{Json, extract::State};
use futures_util::{StreamExt, TryStreamExt, stream};
use playhouse_protocol::rest::{self, List};
use serde::Deserialize;

use super::view;
use crate::{
    backends::{feeds::Feed, store::tables::video::Video},
    domain::{
        account::Identity,
        ids::{ChannelId, VideoId},
        page::Cursor,
    },
    http::{
        Ctx,
        extract::{MaybeCaller, PageQuery, Query},
        problem::{ApiError, ApiResult},
    },
};

/// Hints that lead nowhere are made good by further pages, up to this many.
const PAGES_MAX: usize = 5;
/// Videos of one list that are looked at at the same time.
const AT_ONCE: usize = 8;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Only videos of this channel. Its owner also gets those that are not public.
    channel: Option<String>,
    /// `newest` (the default). `most_viewed` and `trending` are not there yet.
    sort: Option<String>,
}

/// Public videos, newest first
#[utoipa::path(
    get, path = "/videos", tag = "videos", params(ListQuery, PageQuery),
    responses((status = 200, body = List<rest::Video>), (status = 422, description = "`invalid`"))
)]
pub async fn list(
    State(ctx): State<Ctx>,
    MaybeCaller(who): MaybeCaller,
    Query(query): Query<ListQuery>,
    Query(page): Query<PageQuery>,
) -> ApiResult<Json<List<rest::Video>>> {
    if !matches!(query.sort.as_deref(), None | Some("newest")) {
        return Err(ApiError::invalid("sort", "takes only `newest` in this version"));
    }
    let channel = query.channel.map(|id| id.parse::<ChannelId>().map_err(|_| ApiError::not_found()));
    let feed = channel.transpose()?.map_or(Feed::Public, Feed::Channel);
    let (rows, next) = rows(&ctx, &feed, page.limit()?, page.cursor()?, who.as_ref()).await?;
    let views: Vec<_> = rows.into_iter().map(|row| view::listed(&ctx, row, who.as_ref())).collect();
    let items = stream::iter(views).buffered(AT_ONCE).try_collect().await?;
    Ok(Json(List { items, next_cursor: next.map(|cursor| cursor.as_str().to_owned()) }))
}

async fn rows(
    ctx: &Ctx,
    feed: &Feed,
    limit: usize,
    mut cursor: Option<Cursor>,
    who: Option<&Identity>,
) -> ApiResult<(Vec<Video>, Option<Cursor>)> {
    let mut rows = Vec::new();
    for _ in 0..PAGES_MAX {
        let page = ctx.feeds.page(feed, limit - rows.len(), cursor.take()).await?;
        let looks: Vec<_> = page.items.iter().map(|id| listed(ctx, feed, id, who)).collect();
        let found: Vec<_> = stream::iter(looks).buffered(AT_ONCE).try_collect().await?;
        rows.extend(found.into_iter().flatten());
        cursor = page.next_cursor;
        if rows.len() >= limit || cursor.is_none() {
            break;
        }
    }
    Ok((rows, cursor))
}

/// The video behind a hint, if this list shows it to this caller.
async fn listed(ctx: &Ctx, feed: &Feed, id: &VideoId, who: Option<&Identity>) -> ApiResult<Option<Video>> {
    let video = ctx.cached.get::<Video>((id.clone(),), ()).await?;
    Ok(video.filter(|video| {
        let own = who.is_some_and(|who| who.user_id == video.owner_id);
        video.is_listed() || (own && *feed != Feed::Public)
    }))
}
