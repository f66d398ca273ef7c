//! `GET /videos/{id}/playback`: URLs that play as they are.

use std::time::Duration;

use axum::{Json, extract::State};
use playhouse_protocol::{problem::Code, rest};

use super::{chapters, visible};
use crate::{
    actors::transcode,
    domain::ids::VideoId,
    http::{
        Ctx, captions, delivery,
        extract::{Id, MaybeCaller},
        problem::{ApiError, ApiResult},
    },
};

/// Where to play a video
#[utoipa::path(
    get, path = "/videos/{id}/playback", tag = "videos", params(("id" = String, Path)),
    responses((status = 200, body = rest::Playback), (status = 404, description = "`not_found`"),
        (status = 409, description = "`not_playable_yet`, with `Retry-After`"))
)]
pub async fn playback(
    State(ctx): State<Ctx>,
    Id(id): Id<VideoId>,
    MaybeCaller(who): MaybeCaller,
) -> ApiResult<Json<rest::Playback>> {
    let video = visible(&ctx, &id, who.as_ref()).await?;
    let catalogue = transcode::catalogue(&ctx.store, &id).await?;
    if !catalogue.is_playable() {
        let detail = match &video.failure {
            Some(failure) => format!("the video failed: {}", failure.detail),
            None => format!("the video is at stage `{}`, {} %", video.stage, video.percent),
        };
        return Err(ApiError::new(Code::NotPlayableYet, detail).retry_after_s(1));
    }
    let beside = delivery::beside(&ctx, &video).await?;
    let dash = match delivery::protection(&ctx, &video).await? {
        Some(protection) => catalogue.protected_mpd(&protection, &beside),
        None => catalogue.mpd(&beside),
    };
    let has_chapters = !chapters::of(&video, &catalogue).is_empty();
    let (base, streams) = (delivery::base_url(&ctx, &video), delivery::stream_url(&ctx, &video));
    let expires_at = ctx.clock.now().plus(Duration::from_secs(ctx.options.playback_token_ttl_s));
    Ok(Json(rest::Playback {
        hls: format!("{streams}/master.m3u8"),
        dash: dash.map(|_| format!("{streams}/manifest.mpd")),
        thumbnails_vtt: catalogue.thumbnails.map(|_| format!("{base}/thumbnails.vtt")),
        poster: catalogue.poster.map(|_| format!("{base}/poster.jpg")),
        captions: captions::playable(&base, &beside.captions),
        chapters_vtt: has_chapters.then(|| format!("{base}/chapters.vtt")),
        expires_at: expires_at.to_rfc3339(),
    }))
}
