//! `GET /search`: finds public videos by their words, within bounds. The index is a little behind the store, so what it
//! finds is shown as the store has it, or not at all.

use axum::{Json, extract::State};
use playhouse_protocol::rest::{self, List, SearchHit};
use serde::Deserialize;

use super::{
    Ctx,
    extract::{MaybeCaller, PageQuery, Query},
    problem::{ApiError, ApiResult},
    videos,
};
use crate::{
    backends::{
        search::{self, Field, Filters, Hit, Hits, Place, Sort, Words},
        store::tables::video::Video,
    },
    domain::{account::Identity, clock::Timestamp},
};

const QUERY_LEN_MAX: usize = 500;
/// Hits that are not public any more are made good by further pages, up to this many.
const PAGES_MAX: usize = 5;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    /// Words that all have to be there, in the title, the tags or the description; `"words in a row"`; `-unwanted`.
    /// At most 500 characters. Without it, everything is found.
    #[serde(default)]
    q: String,
    duration_from_s: Option<f64>,
    duration_to_s: Option<f64>,
    /// A moment as RFC 3339, or a day as `2026-11-27`: uploaded then or later.
    uploaded_after: Option<String>,
    /// Uploaded earlier than that.
    uploaded_before: Option<String>,
    /// In pixels, as in `720p`.
    min_height: Option<u64>,
    #[serde(default)]
    #[param(inline)]
    sort: rest::SearchSort,
}

/// Public videos with these words
#[utoipa::path(
    get, path = "/search", tag = "search", params(SearchQuery, PageQuery),
    responses(
        (status = 200, body = List<SearchHit>),
        (status = 422, description = "`invalid`"),
        (status = 503, description = "`unavailable`: the index is away")
    )
)]
pub async fn search(
    State(ctx): State<Ctx>,
    MaybeCaller(who): MaybeCaller,
    Query(query): Query<SearchQuery>,
    Query(page): Query<PageQuery>,
) -> ApiResult<Json<List<SearchHit>>> {
    let query = asked(query, &page)?;
    let began = std::time::Instant::now();
    let found = pages(&ctx, query, who.as_ref()).await;
    let outcome = match &found {
        Ok(found) if found.items.is_empty() => "none",
        Ok(_) => "found",
        Err(_) => "failed",
    };
    ctx.metrics.search_seconds.of(outcome).observe(began.elapsed().as_secs_f64());
    found.map(Json)
}

fn asked(query: SearchQuery, page: &PageQuery) -> ApiResult<search::Query> {
    if query.q.chars().count() > QUERY_LEN_MAX {
        return Err(ApiError::invalid("q", format!("has at most {QUERY_LEN_MAX} characters")));
    }
    let filters = Filters {
        duration_from_ms: milliseconds("duration_from_s", query.duration_from_s)?,
        duration_to_ms: milliseconds("duration_to_s", query.duration_to_s)?,
        uploaded_after: moment("uploaded_after", query.uploaded_after.as_deref())?,
        uploaded_before: moment("uploaded_before", query.uploaded_before.as_deref())?,
        height_min: query.min_height,
    };
    let sort = match query.sort {
        rest::SearchSort::Relevance => Sort::Relevance,
        rest::SearchSort::Date => Sort::Date,
        rest::SearchSort::Views => Sort::Views,
    };
    let words = Words::of(&query.q);
    let mut asked = search::Query { words, filters, sort, limit: page.limit()?, after: None };
    if let Some(cursor) = page.cursor()? {
        let place = Place::read(&cursor, asked.order());
        let foreign = || ApiError::invalid("cursor", "is not one that this search has given");
        asked.after = Some(place.ok_or_else(foreign)?);
    }
    Ok(asked)
}

fn milliseconds(field: &str, seconds: Option<f64>) -> ApiResult<Option<u64>> {
    let Some(seconds) = seconds else { return Ok(None) };
    match std::time::Duration::try_from_secs_f64(seconds) {
        Ok(duration) => Ok(Some(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))),
        Err(_) => Err(ApiError::invalid(field, "is a number of seconds, 0 or more")),
    }
}

fn moment(field: &str, text: Option<&str>) -> ApiResult<Option<Timestamp>> {
    let Some(text) = text else { return Ok(None) };
    match Timestamp::parse(text) {
        Some(at) => Ok(Some(at)),
        None => Err(ApiError::invalid(field, "is a moment such as 2026-11-27T00:00:00Z, or a day")),
    }
}

async fn pages(ctx: &Ctx, mut query: search::Query, who: Option<&Identity>) -> ApiResult<List<SearchHit>> {
    let limit = query.limit;
    let mut items = Vec::new();
    for _ in 0..PAGES_MAX {
        query.limit = limit - items.len();
        let Hits { items: hits, next } = ctx.search.query(query.clone()).await?;
        for hit in hits {
            items.extend(shown(ctx, hit, who).await?);
        }
        query.after = next;
        if items.len() >= limit || query.after.is_none() {
            break;
        }
    }
    let next_cursor = query.after.map(|place| place.write().as_str().to_owned());
    Ok(List { items, next_cursor })
}

/// `None` for a video that is not to be found any more.
async fn shown(ctx: &Ctx, hit: Hit, who: Option<&Identity>) -> ApiResult<Option<SearchHit>> {
    let row = ctx.cached.get::<Video>((hit.video_id,), ()).await?;
    let Some(row) = row.filter(Video::is_listed) else { return Ok(None) };
    let video = videos::listed(ctx, row, who).await?;
    Ok(Some(SearchHit {
        video,
        score: hit.score,
        highlights: hit.highlights.into_iter().map(highlight).collect(),
    }))
}

fn highlight(found: search::Highlight) -> rest::Highlight {
    let part = |part: search::Part| rest::HighlightPart { text: part.text, matched: part.matched };
    rest::Highlight {
        field: match found.field {
            Field::Title => rest::HighlightField::Title,
            Field::Description => rest::HighlightField::Description,
            Field::Tags => rest::HighlightField::Tags,
        },
        parts: found.parts.into_iter().map(part).collect(),
    }
}
