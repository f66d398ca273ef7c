//! Caption tracks over REST. A file is read and written anew here; what is not understood is refused or left out, and
//! never reaches the store.

use axum::{
    Json,
    extract::{Request, State},
    http::{StatusCode, header},
};
use playhouse_protocol::{
    problem::Code,
    rest::{self, List},
};
use serde::Deserialize;

use super::{
    Ctx, delivery,
    extract::{self, Caller, Id, Ids, MaybeCaller, Query},
    problem::{ApiError, ApiResult},
    videos,
};
use crate::{
    actors::channel::{NewCaption, PutCaption},
    backends::store::tables::{caption::Caption, video::Video},
    domain::{
        caption::{self, Kind, Language},
        ids::VideoId,
    },
    media::{
        captions::{self, Script},
        layout,
        manifest::CaptionTrack,
    },
};

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PutQuery {
    /// What viewers choose it by, at most 60 characters; the language when left out.
    label: Option<String>,
    /// `subtitles`, or `captions` for those who do not hear the sound. `subtitles` when left out.
    kind: Option<String>,
}

impl PutQuery {
    fn kind(&self) -> ApiResult<Kind> {
        let given = self.kind.as_deref().unwrap_or(Kind::Subtitles.as_str());
        given.parse().map_err(|_| ApiError::invalid("kind", "is `subtitles` or `captions`"))
    }
}

/// Caption tracks of a video
#[utoipa::path(
    get, path = "/videos/{id}/captions", tag = "videos", params(("id" = String, Path)),
    responses((status = 200, body = List<rest::CaptionTrack>), (status = 404, description = "`not_found`"))
)]
pub async fn list(
    State(ctx): State<Ctx>,
    Id(id): Id<VideoId>,
    MaybeCaller(who): MaybeCaller,
) -> ApiResult<Json<List<rest::CaptionTrack>>> {
    let video = videos::visible(&ctx, &id, who.as_ref()).await?;
    let rows = ctx.store.all::<Caption>((id,)).await?;
    let items = rows.into_iter().map(|row| track(&ctx, &video, row)).collect();
    Ok(Json(List { items, next_cursor: None }))
}

/// Upload captions in a language, in place of those it has
///
/// WebVTT or SubRip, told apart by what is in it, of at most 2 MiB and 20,000 cues. Written anew as WebVTT: times, words,
/// places and the tags `b i u c v lang ruby rt` are kept, everything else is escaped or left out.
#[utoipa::path(
    put, path = "/videos/{id}/captions/{language}", tag = "videos", security(("bearer" = [])),
    params(("id" = String, Path), ("language" = String, Path, description = "a BCP 47 tag"), PutQuery),
    request_body(content((String = "text/vtt"), (String = "application/x-subrip"))),
    responses((status = 200, body = rest::CaptionTrack, description = "Replaced"),
        (status = 201, body = rest::CaptionTrack, description = "Created"),
        (status = 403, description = "`forbidden`"), (status = 404, description = "`not_found`"),
        (status = 409, description = "`conflict`: 64 tracks are the most"),
        (status = 413, description = "`too_large`"), (status = 415, description = "`unsupported_media_type`"),
        (status = 422, description = "`invalid`"))
)]
pub async fn put(
    State(ctx): State<Ctx>,
    Ids(id, language): Ids<VideoId, String>,
    Caller(who): Caller,
    Query(query): Query<PutQuery>,
    request: Request,
) -> ApiResult<(StatusCode, Json<rest::CaptionTrack>)> {
    let video = videos::describable(&ctx, &id, &who).await?;
    let language: Language = language.parse().map_err(|reason| ApiError::invalid("language", reason))?;
    let kind = query.kind()?;
    let label = caption::label(query.label.as_deref(), &language);
    let label = label.map_err(|reason| ApiError::invalid("label", reason))?;
    let script = script(request).await?;
    let new = NewCaption { language, label, kind, script };
    let (status, row) = match ctx.channels.put_caption(&video.channel_id, &id, new).await? {
        PutCaption::Created(row) => (StatusCode::CREATED, row),
        PutCaption::Replaced(row) => (StatusCode::OK, row),
    };
    Ok((status, Json(track(&ctx, &video, row))))
}

/// Remove the captions in a language
#[utoipa::path(
    delete, path = "/videos/{id}/captions/{language}", tag = "videos", security(("bearer" = [])),
    params(("id" = String, Path), ("language" = String, Path)),
    responses((status = 204, description = "They are gone"), (status = 403, description = "`forbidden`"),
        (status = 404, description = "`not_found`"))
)]
pub async fn remove(
    State(ctx): State<Ctx>,
    Ids(id, language): Ids<VideoId, Language>,
    Caller(who): Caller,
) -> ApiResult<StatusCode> {
    let video = videos::describable(&ctx, &id, &who).await?;
    ctx.channels.delete_caption(&video.channel_id, &id, language).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The tracks of a video as its manifests name them.
pub async fn tracks(ctx: &Ctx, video: &VideoId) -> ApiResult<Vec<CaptionTrack>> {
    let rows = ctx.store.all::<Caption>((video.clone(),)).await?;
    let named = |row: Caption| CaptionTrack { language: row.language, label: row.label, kind: row.kind };
    Ok(rows.into_iter().map(named).collect())
}

pub async fn exists(ctx: &Ctx, video: &VideoId, language: Language) -> ApiResult<bool> {
    Ok(ctx.store.get::<Caption>((video.clone(),), (language,)).await?.is_some())
}

/// As `playback` hands them out.
pub fn playable(base: &str, tracks: &[CaptionTrack]) -> Vec<rest::Caption> {
    let shown = |track: &CaptionTrack| rest::Caption {
        language: track.language.to_string(),
        label: track.label.clone(),
        kind: track.kind.to_string(),
        url: format!("{base}/{}", layout::captions(&track.language)),
    };
    tracks.iter().map(shown).collect()
}

fn track(ctx: &Ctx, video: &Video, row: Caption) -> rest::CaptionTrack {
    let base = delivery::base_url(ctx, video);
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    rest::CaptionTrack {
        url: format!("{base}/{}", layout::captions(&row.language)),
        language: row.language.to_string(),
        label: row.label,
        kind: row.kind.to_string(),
        cues: count(row.cues),
        skipped: count(row.skipped),
        updated_at: row.updated_at.to_rfc3339(),
    }
}

async fn script(request: Request) -> ApiResult<Script> {
    const TYPES: [&str; 4] = ["text/vtt", "application/x-subrip", "application/srt", "text/srt"];
    let given = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence =
        given.and_then(|given| given.split(';').next()).unwrap_or_default().trim().to_ascii_lowercase();
    if !TYPES.contains(&essence.as_str()) {
        return Err(ApiError::new(Code::UnsupportedMediaType, "send text/vtt or application/x-subrip"));
    }
    let body = extract::whole(request.into_body(), captions::BYTES_MAX).await?;
    // Two mebibytes are read in tens of milliseconds: too long for a thread that answers others too.
    let read = tokio::task::spawn_blocking(move || captions::read(&body)).await;
    let read = read.map_err(|error| ApiError::internal(&error))?;
    read.map_err(|fault| ApiError::invalid("body", fault))
}
