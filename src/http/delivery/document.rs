//! Playlists and the like: made on request from what there is now.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{Asked, Keep, address::Document};
use crate::{
    actors::transcode,
    backends::store::tables::video::Video,
    http::{
        Ctx,
        problem::{ApiError, ApiResult},
        range,
    },
    media::{Catalogue, Protection},
};

const HLS: &str = "application/vnd.apple.mpegurl";

pub async fn deliver(
    ctx: &Ctx,
    video: &Video,
    document: &Document,
    protection: Option<&Protection>,
    asked: &Asked,
) -> ApiResult<Response> {
    let catalogue = transcode::catalogue(&ctx.store, &video.video_id).await?;
    let (text, kind) = rendered(&catalogue, document, protection).ok_or_else(ApiError::not_found)?;
    let growing = catalogue.renditions.iter().any(|rendition| !rendition.is_complete());
    let keep = if growing { Keep::Checked } else { Keep::Briefly };
    let etag = range::etag_of(text.as_bytes());
    let mut response = match range::is_unchanged(&asked.headers, &etag) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => text.into_response(),
    };
    let answer = response.headers_mut();
    answer.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    answer.insert(header::CACHE_CONTROL, keep.rule(video.visibility));
    answer.insert(header::ETAG, etag);
    Ok(response)
}

fn rendered(
    catalogue: &Catalogue,
    document: &Document,
    protection: Option<&Protection>,
) -> Option<(String, &'static str)> {
    let (text, kind) = match (document, protection) {
        (Document::Master, _) => (catalogue.master(), HLS),
        (Document::Playlist(rendition), None) => (catalogue.media_playlist(rendition), HLS),
        (Document::Playlist(rendition), Some(protection)) => {
            (catalogue.protected_playlist(rendition, protection), HLS)
        }
        (Document::Mpd, None) => (catalogue.mpd(), "application/dash+xml"),
        (Document::Mpd, Some(protection)) => (catalogue.protected_mpd(protection), "application/dash+xml"),
        (Document::Thumbnails, _) => (catalogue.thumbnails_vtt(), "text/vtt; charset=utf-8"),
    };
    text.map(|text| (text, kind))
}
