//! The picture that stands for a video: which there are, and which is chosen. Images of the owner's are decoded and
//! written anew on the blocking pool, two at once at most; what was uploaded is never kept.

use std::time::Duration;

use axum::{
    Json,
    extract::{FromRequest, Request, State},
    http::{StatusCode, header},
};
use playhouse_protocol::{problem::Code, rest};
use tokio::{sync::Semaphore, time::timeout};

use super::describable;
use crate::{
    actors::{channel::NewPoster, transcode},
    backends::store::tables::{
        poster::{Poster, PosterChoice},
        video::Video,
    },
    domain::ids::VideoId,
    http::{
        Ctx, delivery,
        extract::{self, Caller, Id},
        problem::{ApiError, ApiResult},
    },
    media::{Catalogue, image, layout},
};

/// Each may need two hundred megabytes.
static TURNS: Semaphore = Semaphore::const_new(2);
const TURN_WITHIN: Duration = Duration::from_secs(10);

/// Pictures that may stand for a video
#[utoipa::path(
    get, path = "/videos/{id}/thumbnails", tag = "videos", security(("bearer" = [])),
    params(("id" = String, Path)),
    responses((status = 200, body = rest::ThumbnailChoices), (status = 403, description = "`forbidden`"),
        (status = 404, description = "`not_found`"))
)]
pub async fn list(
    State(ctx): State<Ctx>,
    Id(id): Id<VideoId>,
    Caller(who): Caller,
) -> ApiResult<Json<rest::ThumbnailChoices>> {
    let video = describable(&ctx, &id, &who).await?;
    choices(&ctx, &video).await.map(Json)
}

/// Choose the picture that stands for a video
///
/// An image of one's own (JPEG, PNG or WebP, at most 8 MiB and 40 million pixels), or `{"candidate": n}` as JSON.
#[utoipa::path(
    put, path = "/videos/{id}/thumbnail", tag = "videos", security(("bearer" = [])),
    params(("id" = String, Path)),
    request_body(content((rest::ThumbnailChoice = "application/json"), (Vec<u8> = "image/jpeg"),
        (Vec<u8> = "image/png"), (Vec<u8> = "image/webp"))),
    responses((status = 200, body = rest::ThumbnailChoices), (status = 403, description = "`forbidden`"),
        (status = 404, description = "`not_found`"), (status = 413, description = "`too_large`"),
        (status = 415, description = "`unsupported_media_type`"), (status = 422, description = "`invalid`"))
)]
pub async fn put(
    State(ctx): State<Ctx>,
    Id(id): Id<VideoId>,
    Caller(who): Caller,
    request: Request,
) -> ApiResult<Json<rest::ThumbnailChoices>> {
    let video = describable(&ctx, &id, &who).await?;
    let given = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence =
        given.and_then(|given| given.split(';').next()).unwrap_or_default().trim().to_ascii_lowercase();
    let new = match essence.as_str() {
        "image/jpeg" | "image/png" | "image/webp" => NewPoster::Own(own(request).await?),
        "application/json" => candidate(&ctx, &id, request).await?,
        _ => {
            let detail = "send image/jpeg, image/png or image/webp, or application/json";
            return Err(ApiError::new(Code::UnsupportedMediaType, detail));
        }
    };
    ctx.channels.set_poster(&video.channel_id, &id, new).await?;
    choices(&ctx, &video).await.map(Json)
}

/// Return to the best of the candidates
#[utoipa::path(
    delete, path = "/videos/{id}/thumbnail", tag = "videos", security(("bearer" = [])),
    params(("id" = String, Path)),
    responses((status = 204, description = "The best candidate stands for it again"),
        (status = 403, description = "`forbidden`"), (status = 404, description = "`not_found`"))
)]
pub async fn reset(
    State(ctx): State<Ctx>,
    Id(id): Id<VideoId>,
    Caller(who): Caller,
) -> ApiResult<StatusCode> {
    let video = describable(&ctx, &id, &who).await?;
    ctx.channels.set_poster(&video.channel_id, &id, NewPoster::Best).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The file that stands for a video.
pub async fn poster_file(ctx: &Ctx, video: &VideoId) -> ApiResult<String> {
    let row = ctx.store.get::<Poster>((video.clone(),), ()).await?;
    let chosen = match row.map(|row| row.choice) {
        Some(PosterChoice::Own) => layout::OWN_POSTER.to_owned(),
        Some(PosterChoice::Candidate(number)) => layout::candidate(number),
        None => return Ok(layout::POSTER.to_owned()),
    };
    // A job that was run again may have found fewer candidates.
    let found = ctx.objects.head(&transcode::object_key(video, &chosen)).await?;
    Ok(found.map_or_else(|| layout::POSTER.to_owned(), |_| chosen))
}

async fn candidate(ctx: &Ctx, video: &VideoId, request: Request) -> ApiResult<NewPoster> {
    let extract::Json(rest::ThumbnailChoice { candidate }) =
        extract::Json::from_request(request, ctx).await?;
    let known = transcode::catalogue(&ctx.store, video).await?.candidates.len();
    match usize::try_from(candidate).ok().filter(|number| *number < known) {
        Some(number) => Ok(NewPoster::Candidate(number)),
        None => Err(ApiError::invalid("candidate", format!("is one of {known}, counted from 0"))),
    }
}

async fn own(request: Request) -> ApiResult<Vec<u8>> {
    let body = extract::whole(request.into_body(), image::BYTES_MAX).await?;
    let turn = timeout(TURN_WITHIN, TURNS.acquire()).await;
    let busy = |_| ApiError::new(Code::Unavailable, "too many images are being read; try again");
    let _turn = turn.map_err(busy)?.map_err(|error| ApiError::internal(&error))?;
    let written = tokio::task::spawn_blocking(move || image::poster(&body)).await;
    let written = written.map_err(|error| ApiError::internal(&error))?;
    written.map_err(|fault| ApiError::invalid("body", fault))
}

async fn choices(ctx: &Ctx, video: &Video) -> ApiResult<rest::ThumbnailChoices> {
    let catalogue: Catalogue = transcode::catalogue(&ctx.store, &video.video_id).await?;
    let row = ctx.store.get::<Poster>((video.video_id.clone(),), ()).await?;
    let base = delivery::base_url(ctx, video);
    let selected = match row.map(|row| row.choice) {
        Some(PosterChoice::Own) => None,
        Some(PosterChoice::Candidate(number)) => u32::try_from(number).ok(),
        None => (!catalogue.candidates.is_empty()).then_some(0),
    };
    let shown = |(number, candidate): (u32, &crate::media::catalogue::Candidate)| rest::ThumbnailCandidate {
        candidate: number,
        at_ms: candidate.at_ms,
        url: format!("{base}/{}", layout::candidate(number as usize)),
    };
    Ok(rest::ThumbnailChoices {
        poster: format!("{base}/{}", layout::POSTER),
        selected,
        candidates: (0..).zip(&catalogue.candidates).map(shown).collect(),
    })
}
