//! Keys of encrypted videos. Whoever asks was found to be allowed to watch, for each key anew; here they are counted,
//! slowed down and written in the log, which is the record of who was given what.

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};

use super::Asked;
use crate::{
    backends::store::tables::video::Video,
    http::{Ctx, limit, problem::ApiResult},
    media::Protection,
};

pub async fn deliver(
    ctx: &Ctx,
    video: &Video,
    protection: &Protection,
    number: u64,
    asked: &Asked,
) -> ApiResult<Response> {
    if let Err(limited) = limit::content_key(ctx, &asked.client).await {
        record(ctx, video, protection.set(), number, asked, "limited");
        return Err(limited);
    }
    record(ctx, video, protection.set(), number, asked, "given");
    let mut response = protection.key(number).to_vec().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Somebody asked who may not watch.
pub fn refused(ctx: &Ctx, video: &Video, set: &str, number: u64, asked: &Asked) {
    record(ctx, video, set, number, asked, "refused");
}

/// The viewer is named by a pseudonym of the day: a log has no addresses and no tokens.
fn record(ctx: &Ctx, video: &Video, set: &str, number: u64, asked: &Asked, outcome: &'static str) {
    ctx.metrics.content_keys.of(outcome).inc();
    tracing::info!(
        video.id = %video.video_id,
        key.set = set,
        key.number = number,
        viewer = ctx.keys.pseudonym(&asked.client.0, ctx.clock.now()),
        outcome,
        "a key of an encrypted video was asked for"
    );
}
