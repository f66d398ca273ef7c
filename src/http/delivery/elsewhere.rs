//! Where players fetch what they play, if not all of it from this server. Who may see what is decided here all the same:
//! a request is sent on only after it was allowed, and a CDN gets from this server what is open to everyone.

use std::time::Duration;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{Asked, shelf::Known};
use crate::{
    actors::transcode,
    backends::{objects::Handing, store::tables::video::Video},
    domain::{access::Visibility, encryption::Encryption},
    http::{
        Ctx,
        extract::is_head,
        problem::{ApiError, ApiResult},
    },
};

/// How long an address at the store is good; a player may take its time between the redirect and the request.
const GOOD_FOR: Duration = Duration::from_secs(15 * 60);
/// How long a player may keep the redirect.
const REDIRECT: &str = "private, max-age=300";

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Elsewhere {
    Nowhere,
    /// Requests for clear segments are sent on to the object store at this origin.
    Store {
        origin: String,
    },
    /// A CDN that gets from this server what it does not have.
    Cdn {
        origin: String,
    },
}

impl Elsewhere {
    /// Whom the page has to let its player talk to.
    pub fn origin(&self) -> Option<&str> {
        match self {
            Elsewhere::Nowhere => None,
            Elsewhere::Store { origin } | Elsewhere::Cdn { origin } => Some(origin),
        }
    }

    /// What stands before the path of a video's streams: nothing, or a CDN. The keys of an encrypted video are counted by
    /// who asks for them, which a CDN would hide.
    pub fn before(&self, video: &Video) -> &str {
        match self {
            Elsewhere::Cdn { origin }
                if video.visibility == Visibility::Public && video.encryption == Encryption::None =>
            {
                origin
            }
            _ => "",
        }
    }
}

/// Sends a request for a clear file of a rendition on to the store, where that is wanted and possible.
pub async fn sent_on(ctx: &Ctx, known: &Known, path: &str, asked: &Asked) -> ApiResult<Option<Response>> {
    let wanted = matches!(ctx.options.elsewhere, Elsewhere::Store { .. });
    // The address is good for GET, and what is encrypted is so on its way through this server.
    if !wanted || known.protection.is_some() || is_head(&asked.method) {
        return Ok(None);
    }
    let key = transcode::object_key(&known.video.video_id, path);
    let handing = Handing { kind: "video/mp4", good_for: GOOD_FOR };
    let Some(address) = ctx.objects.address(&key, handing).await? else { return Ok(None) };
    let location = HeaderValue::from_str(&address).map_err(|error| ApiError::internal(&error))?;
    let headers = [(header::LOCATION, location), (header::CACHE_CONTROL, HeaderValue::from_static(REDIRECT))];
    Ok(Some((StatusCode::TEMPORARY_REDIRECT, headers).into_response()))
}
