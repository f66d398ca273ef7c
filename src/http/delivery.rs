//! What players fetch: playlists and manifests rendered from the catalogue, segments and pictures from the object
//! store. Public and unlisted videos lie under `/media/v/<video>/`; private ones under `/media/t/<token>/<video>/`,
//! so that plain players, which send no headers, can play them. All URIs inside playlists are relative.

use std::time::Duration;

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use playhouse_protocol::problem::Code;

use super::{
    Ctx,
    extract::is_head,
    problem::{ApiError, ApiResult},
    range::{self, Slice},
};
use crate::{
    actors::transcode,
    backends::{
        objects::{ByteRange, ObjectKey},
        store::tables::video::Video,
    },
    domain::{
        access::{self, Visibility},
        account::Identity,
        clock::Timestamp,
        ids::VideoId,
    },
    media::{Catalogue, RenditionId, layout},
};

const PURPOSE: &str = "playback";
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
const PRIVATE_CHECKED: &str = "private, no-cache";
const PRIVATE_IMMUTABLE: &str = "private, max-age=31536000, immutable";

pub fn routes() -> Router<Ctx> {
    Router::new()
        .route("/media/v/{video}/{*path}", get(open))
        .route("/media/t/{token}/{video}/{*path}", get(with_token))
}

/// The folder below which everything of a video is found, with the permission inside where one is needed.
pub fn base_url(ctx: &Ctx, video: &Video) -> String {
    match video.visibility {
        Visibility::Public | Visibility::Unlisted => format!("/media/v/{}", video.video_id),
        Visibility::Private => {
            let ttl = Duration::from_secs(ctx.options.playback_token_ttl_s);
            let expires_s = ctx.clock.now().plus(ttl).as_seconds();
            let mac = ctx.keys.mac(PURPOSE, &format!("{}.{expires_s}", video.video_id));
            format!("/media/t/{expires_s}-{mac}/{}", video.video_id)
        }
    }
}

async fn open(
    State(ctx): State<Ctx>,
    Path((video, path)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let video = find(&ctx, &video).await?;
    match access::may_see(video.visibility, &video.owner_id, bearer(&ctx, &video, &headers).as_ref()) {
        true => deliver(&ctx, &video, &path, &method, &headers).await,
        false => Err(ApiError::not_found()),
    }
}

/// Who asks, where that matters. A bad token is none here: it must not stop a player from what is open to all, and
/// 401 would say that there is something.
fn bearer(ctx: &Ctx, video: &Video, headers: &HeaderMap) -> Option<Identity> {
    if video.visibility != Visibility::Private {
        return None;
    }
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    ctx.accounts.authenticate(token.trim()).ok()
}

async fn with_token(
    State(ctx): State<Ctx>,
    Path((token, video, path)): Path<(String, String, String)>,
    method: Method,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let video = find(&ctx, &video).await?;
    let allowed = token.split_once('-').is_some_and(|(expires_s, mac)| {
        let message = format!("{}.{expires_s}", video.video_id);
        let expires = expires_s.parse().map_or(Timestamp(0), |s: i64| Timestamp(s.saturating_mul(1000)));
        ctx.keys.mac_is_right(PURPOSE, &message, mac) && ctx.clock.now() < expires
    });
    match allowed {
        true => deliver(&ctx, &video, &path, &method, &headers).await,
        false => Err(ApiError::not_found()),
    }
}

async fn find(ctx: &Ctx, id: &str) -> ApiResult<Video> {
    let id: VideoId = id.parse().map_err(|_| ApiError::not_found())?;
    ctx.store.get::<Video>((id,), ()).await?.ok_or_else(ApiError::not_found)
}

async fn deliver(
    ctx: &Ctx,
    video: &Video,
    path: &str,
    method: &Method,
    headers: &HeaderMap,
) -> ApiResult<Response> {
    if let Some(kind) = object_type(path) {
        return object(ctx, video, path, kind, method, headers).await;
    }
    let catalogue = transcode::catalogue(&ctx.store, &video.video_id).await?;
    let (text, kind) = rendered(&catalogue, path).ok_or_else(ApiError::not_found)?;
    Ok(document(text, kind, &catalogue, video, headers))
}

/// Playlists and the like: made on request from what there is now.
fn rendered(catalogue: &Catalogue, path: &str) -> Option<(String, &'static str)> {
    const HLS: &str = "application/vnd.apple.mpegurl";
    match path {
        layout::MASTER => catalogue.master().map(|text| (text, HLS)),
        layout::MPD => catalogue.mpd().map(|text| (text, "application/dash+xml")),
        layout::THUMBNAILS => catalogue.thumbnails_vtt().map(|text| (text, "text/vtt; charset=utf-8")),
        path => {
            let rendition = path.strip_suffix(layout::PLAYLIST)?.strip_suffix('/')?;
            let rendition = RenditionId::parse(rendition).ok()?;
            catalogue.media_playlist(&rendition).map(|text| (text, HLS))
        }
    }
}

fn document(
    text: String,
    kind: &'static str,
    catalogue: &Catalogue,
    video: &Video,
    headers: &HeaderMap,
) -> Response {
    let etag = range::etag_of(text.as_bytes());
    let growing = catalogue.renditions.iter().any(|rendition| !rendition.is_complete());
    let cache = match (growing, video.visibility) {
        (_, Visibility::Private) => PRIVATE_CHECKED,
        (true, _) => "no-cache",
        (false, _) => "public, max-age=5, must-revalidate",
    };
    let mut response = match range::is_unchanged(headers, &etag) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => text.into_response(),
    };
    let answer = response.headers_mut();
    answer.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    answer.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    answer.insert(header::ETAG, etag);
    response
}

/// The media type of a file of the object store; `None` for what is rendered.
fn object_type(path: &str) -> Option<&'static str> {
    match path {
        layout::POSTER | layout::SPRITE => Some("image/jpeg"),
        path => {
            let (rendition, file) = path.split_once('/')?;
            RenditionId::parse(rendition).ok()?;
            let digits = file.strip_prefix("seg").and_then(|rest| rest.strip_suffix(".m4s"));
            let segment = digits.is_some_and(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()));
            (segment || file == layout::INIT).then_some("video/mp4")
        }
    }
}

async fn object(
    ctx: &Ctx,
    video: &Video,
    path: &str,
    kind: &'static str,
    method: &Method,
    headers: &HeaderMap,
) -> ApiResult<Response> {
    let key = transcode::object_key(&video.video_id, path);
    let head = ctx.objects.head(&key).await?.ok_or_else(ApiError::not_found)?;
    let etag =
        HeaderValue::from_str(&format!("\"{}\"", head.etag)).map_err(|error| ApiError::internal(&error))?;
    // Files of a run never change; pictures keep their name when they are made anew.
    let cache = match (path.contains('/'), video.visibility) {
        (false, Visibility::Private) => PRIVATE_CHECKED,
        (false, _) => "no-cache",
        (true, Visibility::Private) => PRIVATE_IMMUTABLE,
        (true, Visibility::Public | Visibility::Unlisted) => IMMUTABLE,
    };
    let mut response = if range::is_unchanged(headers, &etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let slice = range::requested(headers, head.size, &etag);
        body(ctx, &key, head.size, slice, method).await?
    };
    let answer = response.headers_mut();
    answer.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    answer.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    answer.insert(header::ETAG, etag);
    answer.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    Ok(response)
}

async fn body(ctx: &Ctx, key: &ObjectKey, size: u64, slice: Slice, method: &Method) -> ApiResult<Response> {
    let (status, first, length) = match slice {
        Slice::Whole => (StatusCode::OK, 0, size),
        Slice::Part { first, last } => (StatusCode::PARTIAL_CONTENT, first, last - first + 1),
        Slice::Unsatisfiable => {
            let error = ApiError::new(Code::RangeNotSatisfiable, format!("there are {size} bytes"));
            let value = range::content_range(None, size);
            return Ok(error.header(header::CONTENT_RANGE, value).into_response());
        }
    };
    let body = match is_head(method) || length == 0 {
        true => Body::empty(),
        false => {
            let part = ByteRange::Between(first, first + length - 1);
            let object = ctx.objects.get(key, Some(part)).await?.ok_or_else(ApiError::not_found)?;
            Body::from_stream(object.body)
        }
    };
    let mut response = (status, body).into_response();
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    if let Slice::Part { first, last } = slice {
        response.headers_mut().insert(header::CONTENT_RANGE, range::content_range(Some((first, last)), size));
    }
    Ok(response)
}
