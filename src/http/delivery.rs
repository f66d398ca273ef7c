//! What players fetch: playlists and manifests rendered from the catalogue, segments and pictures from the object
//! store, keys of what is encrypted. Public and unlisted videos lie under `/media/v/<video>/`; private ones under
//! `/media/t/<token>/<video>/`, so that plain players, which send no headers, can play them. All URIs inside playlists
//! are relative. An encrypted video has no clear segments for anyone.

mod address;
mod document;
mod key;
mod object;
mod sealed;

use std::time::Duration;

use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, Method, header},
    response::Response,
    routing::get,
};

use self::address::{Address, File};
use super::{
    Ctx,
    limit::Client,
    problem::{ApiError, ApiResult},
};
use crate::{
    backends::store::tables::video::Video,
    domain::{
        access::{self, Visibility},
        account::Identity,
        clock::Timestamp,
        encryption::Encryption,
        ids::VideoId,
    },
    media::Protection,
};

const PURPOSE: &str = "playback";

/// How long an answer may be kept, and by whom.
enum Keep {
    /// For ever: another content would have another address.
    Always,
    /// For a few seconds.
    Briefly,
    /// As long as it is asked again each time whether it is still so.
    Checked,
}

impl Keep {
    /// What is private may lie in no cache but its viewer's.
    fn rule(self, visibility: Visibility) -> HeaderValue {
        HeaderValue::from_static(match (self, visibility) {
            (Keep::Always, Visibility::Private) => "private, max-age=31536000, immutable",
            (Keep::Always, _) => "public, max-age=31536000, immutable",
            (Keep::Briefly, Visibility::Public | Visibility::Unlisted) => {
                "public, max-age=5, must-revalidate"
            }
            (Keep::Briefly | Keep::Checked, Visibility::Private) => "private, no-cache",
            (Keep::Checked, _) => "no-cache",
        })
    }
}

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

/// A request for one of a video's files.
struct Asked {
    method: Method,
    headers: HeaderMap,
    client: Client,
}

async fn open(
    State(ctx): State<Ctx>,
    Path((video, path)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
    client: Client,
) -> ApiResult<Response> {
    let asked = Asked { method, headers, client };
    let video = find(&ctx, &video).await?;
    let allowed =
        access::may_see(video.visibility, &video.owner_id, bearer(&ctx, &video, &asked.headers).as_ref());
    deliver_if(allowed, &ctx, &video, &path, &asked).await
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
    client: Client,
) -> ApiResult<Response> {
    let asked = Asked { method, headers, client };
    let video = find(&ctx, &video).await?;
    let allowed = token.split_once('-').is_some_and(|(expires_s, mac)| {
        let message = format!("{}.{expires_s}", video.video_id);
        let expires = expires_s.parse().map_or(Timestamp(0), |s: i64| Timestamp(s.saturating_mul(1000)));
        ctx.keys.mac_is_right(PURPOSE, &message, mac) && ctx.clock.now() < expires
    });
    deliver_if(allowed, &ctx, &video, &path, &asked).await
}

async fn find(ctx: &Ctx, id: &str) -> ApiResult<Video> {
    let id: VideoId = id.parse().map_err(|_| ApiError::not_found())?;
    ctx.store.get::<Video>((id,), ()).await?.ok_or_else(ApiError::not_found)
}

/// What a video's segments are encrypted with; `None` for one that is delivered clear.
pub async fn protection(ctx: &Ctx, video: &Video) -> ApiResult<Option<Protection>> {
    match video.encryption {
        Encryption::None => Ok(None),
        // Without its keys an encrypted video is not there: it must not fall back to clear.
        Encryption::Aes128 => {
            let keys = ctx.content_keys.of(&video.video_id).await?;
            keys.ok_or_else(ApiError::not_found).map(Some)
        }
    }
}

async fn deliver_if(
    allowed: bool,
    ctx: &Ctx,
    video: &Video,
    path: &str,
    asked: &Asked,
) -> ApiResult<Response> {
    let address = Address::parse(path).ok_or_else(ApiError::not_found)?;
    if !allowed {
        if let Address::Key { set, number } = address {
            key::refused(ctx, video, set, number, asked);
        }
        return Err(ApiError::not_found());
    }
    let protection = protection(ctx, video).await?;
    match (address, protection) {
        (Address::Document(document), protection) => {
            document::deliver(ctx, video, &document, protection.as_ref(), asked).await
        }
        (Address::Picture, _) => object::picture(ctx, video, path, asked).await,
        (Address::Clear(File::Init), _) | (Address::Clear(File::Segment { .. }), None) => {
            object::clear(ctx, video, path, asked).await
        }
        (Address::Encrypted { set, file, object }, Some(protection)) if protection.set() == set => {
            object::encrypted(ctx, video, &object, file, &protection, asked).await
        }
        (Address::Key { set, number }, Some(protection)) if protection.set() == set => {
            key::deliver(ctx, video, &protection, number, asked).await
        }
        _ => Err(ApiError::not_found()),
    }
}
