//! What players fetch: playlists and manifests rendered from the catalogue, segments and pictures from the object
//! store, keys of what is encrypted. Public and unlisted videos lie under `/media/v/<video>/`; private ones under
//! `/media/t/<token>/<video>/`, so that plain players, which send no headers, can play them. All URIs inside playlists
//! are relative. An encrypted video has no clear segments for anyone.

mod address;
mod document;
mod elsewhere;
mod hot;
mod key;
mod object;
mod sealed;
mod shelf;

use std::time::Duration;

use axum::{
    Router,
    body::{Body, HttpBody},
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderValue, Method, header},
    response::{IntoResponse, Response},
    routing::get,
};

use self::{
    address::{Address, File},
    shelf::Known,
};
pub use self::{elsewhere::Elsewhere, object::stored, shelf::Shelf};
use super::{
    Ctx, captions,
    extract::is_head,
    limit::Client,
    problem::{ApiError, ApiResult},
    videos,
};
use crate::{
    backends::store::tables::video::Video,
    domain::{
        access::{self, Visibility},
        account::Identity,
        clock::Timestamp,
        encryption::Encryption,
    },
    media::{Protection, manifest::Beside},
};

const PURPOSE: &str = "playback";
const OPEN: &str = "/media/v/{video}/{*path}";
const WITH_TOKEN: &str = "/media/t/{token}/{video}/{*path}";

/// What an answer has room for from the start, with what `middleware` adds.
const HEADERS: usize = 14;

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
    Router::new().route(OPEN, get(open)).route(WITH_TOKEN, get(with_token))
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

/// The same folder as players of its streams find it, which may be at a CDN. All that a manifest names lies beside it.
pub fn stream_url(ctx: &Ctx, video: &Video) -> String {
    format!("{}{}", ctx.options.elsewhere.before(video), base_url(ctx, video))
}

/// A request for one of a video's files.
pub struct Asked {
    pub method: Method,
    pub headers: HeaderMap,
    pub client: Client,
}

/// What a path below `/media/` names: a video, a file of it, and perhaps a permission.
pub struct Target {
    token: Option<String>,
    video: String,
    path: String,
}

impl Target {
    /// `None` for what only the router can read, and for what is not there.
    pub fn of(path: &str) -> Option<Self> {
        let (way, rest) = path.strip_prefix("/media/")?.split_once('/')?;
        let (token, rest) = match way {
            "v" => (None, rest),
            "t" => rest.split_once('/').map(|(token, rest)| (Some(token.to_owned()), rest))?,
            _ => return None,
        };
        let (video, path) = rest.split_once('/').filter(|_| !rest.contains('%'))?;
        Some(Self { token, video: video.to_owned(), path: path.to_owned() })
    }

    pub fn route(&self) -> &'static str {
        match self.token {
            None => OPEN,
            Some(_) => WITH_TOKEN,
        }
    }
}

pub async fn answer(ctx: &Ctx, target: Target, request: Request, client: Client) -> Response {
    let (parts, _) = request.into_parts();
    let asked = Asked { method: parts.method, headers: parts.headers, client };
    let wants_head = is_head(&asked.method);
    let response = found(ctx, target, asked).await.unwrap_or_else(IntoResponse::into_response);
    if wants_head { without_body(response) } else { response }
}

/// As the router answers HEAD.
fn without_body(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    if let Some(len) = body.size_hint().exact().filter(|len| *len > 0) {
        parts.headers.entry(header::CONTENT_LENGTH).or_insert(len.into());
    }
    Response::from_parts(parts, Body::empty())
}

async fn open(
    State(ctx): State<Ctx>,
    Path((video, path)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
    client: Client,
) -> ApiResult<Response> {
    found(&ctx, Target { token: None, video, path }, Asked { method, headers, client }).await
}

async fn with_token(
    State(ctx): State<Ctx>,
    Path((token, video, path)): Path<(String, String, String)>,
    method: Method,
    headers: HeaderMap,
    client: Client,
) -> ApiResult<Response> {
    found(&ctx, Target { token: Some(token), video, path }, Asked { method, headers, client }).await
}

async fn found(ctx: &Ctx, target: Target, asked: Asked) -> ApiResult<Response> {
    let known = shelf::video(ctx, &target.video).await?;
    let video = &known.video;
    let allowed = match &target.token {
        Some(token) => is_good(ctx, video, token),
        None => {
            let who = bearer(ctx, video, &asked.headers);
            access::may_see(video.visibility, &video.owner_id, who.as_ref())
        }
    };
    deliver_if(allowed, ctx, &known, &target.path, &asked).await
}

/// Whether a permission is one of ours for this video, and not over.
fn is_good(ctx: &Ctx, video: &Video, token: &str) -> bool {
    token.split_once('-').is_some_and(|(expires_s, mac)| {
        let message = format!("{}.{expires_s}", video.video_id);
        let expires = expires_s.parse().map_or(Timestamp(0), |s: i64| Timestamp(s.saturating_mul(1000)));
        ctx.keys.mac_is_right(PURPOSE, &message, mac) && ctx.clock.now() < expires
    })
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

/// What manifests name beside the renditions.
pub async fn beside(ctx: &Ctx, video: &Video) -> ApiResult<Beside> {
    Ok(Beside {
        title: video.title.clone(),
        description: video.description.clone(),
        captions: captions::tracks(ctx, &video.video_id).await?,
        ..Beside::default()
    })
}

async fn deliver_if(
    allowed: bool,
    ctx: &Ctx,
    known: &Known,
    path: &str,
    asked: &Asked,
) -> ApiResult<Response> {
    let address = Address::parse(path).ok_or_else(ApiError::not_found)?;
    if !allowed {
        if let Address::Key { set, number } = address {
            key::refused(ctx, &known.video, set, number, asked);
        }
        return Err(ApiError::not_found());
    }
    match (address, &known.protection) {
        (Address::Document(document), _) => document::deliver(ctx, known, &document, asked).await,
        (Address::Poster, _) => {
            let chosen = videos::thumbnails::poster_file(ctx, &known.video.video_id).await?;
            object::picture(ctx, known, &chosen, asked).await
        }
        (Address::Picture, _) => object::picture(ctx, known, path, asked).await,
        (Address::Captions, _) => object::captions(ctx, known, path, asked).await,
        (Address::Clear(File::Init), _) | (Address::Clear(File::Segment { .. }), None) => {
            match elsewhere::sent_on(ctx, known, path, asked).await? {
                Some(redirect) => Ok(redirect),
                None => object::clear(ctx, known, path, asked).await,
            }
        }
        (Address::Encrypted { set, file, object }, Some(protection)) if protection.set() == set => {
            object::encrypted(ctx, known, &object, file, protection, asked).await
        }
        (Address::Key { set, number }, Some(protection)) if protection.set() == set => {
            key::deliver(ctx, &known.video, protection, number, asked).await
        }
        _ => Err(ApiError::not_found()),
    }
}
