//! Videos as REST shows them. `view` makes the body; the other files are the calls.

pub mod chapters;
pub mod create;
pub mod edit;
pub mod engage;
pub mod list;
pub mod original;
pub mod playback;
pub mod read;
pub mod thumbnails;
mod view;

pub use view::{encryption, failure, listed, visibility_of};

use super::{
    Ctx,
    problem::{ApiError, ApiResult},
};
use crate::{
    backends::store::tables::video::Video,
    domain::{access, account::Identity, ids::VideoId},
};

/// A video that the caller may know of; 404 otherwise.
pub async fn visible(ctx: &Ctx, id: &VideoId, who: Option<&Identity>) -> ApiResult<Video> {
    let video = ctx.store.get::<Video>((id.clone(),), ()).await?;
    video
        .filter(|video| access::may_see(video.visibility, &video.owner_id, who))
        .ok_or_else(ApiError::not_found)
}

/// A video whose words and pictures the caller may change: its owner, and whoever moderates the house.
pub async fn describable(ctx: &Ctx, id: &VideoId, who: &Identity) -> ApiResult<Video> {
    let video = visible(ctx, id, Some(who)).await?;
    match access::may_describe(&video.owner_id, who) {
        true => Ok(video),
        false => Err(ApiError::new(
            playhouse_protocol::problem::Code::Forbidden,
            "only the owner of a video and moderators may change this",
        )),
    }
}

/// A video that the caller may change: 404 if they may not know of it, 403 if they may.
pub async fn editable(ctx: &Ctx, id: &VideoId, who: &Identity) -> ApiResult<Video> {
    let video = visible(ctx, id, Some(who)).await?;
    match access::may_edit(&video.owner_id, who) {
        true => Ok(video),
        false => Err(ApiError::new(
            playhouse_protocol::problem::Code::Forbidden,
            "only the owner of a video may change it",
        )),
    }
}
