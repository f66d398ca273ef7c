//! What becomes of a video's own row: made, published, edited, removed. Called by the channel and transcode actors,
//! which are its writers; each change is one conditional update, so that both may write at once.

use super::room::Rooms;
use crate::{
    backends::{
        feeds::{Feed, Feeds},
        store::{Store, StoreResult, tables::video::Video},
    },
    domain::{access::Visibility, clock::Timestamp, ids::VideoId},
};

/// Marks a video as playable and lists it where its visibility says. Asking again changes nothing.
pub async fn publish(store: &Store, feeds: &Feeds, video: &VideoId, now: Timestamp) -> StoreResult<()> {
    let published = store.update::<Video, _>((video.clone(),), move |row| match row {
        Some(row) if row.published_at.is_none() => {
            let row = Video { published_at: Some(now), ..row };
            (Some(row.clone()), Some(row))
        }
        other => (None, other),
    });
    match published.await? {
        Some(video) => list(feeds, &video).await,
        None => Ok(()),
    }
}

/// Brings the public list in line with a video's row.
pub async fn list(feeds: &Feeds, video: &Video) -> StoreResult<()> {
    match (video.published_at, video.visibility) {
        (Some(at), Visibility::Public) => feeds.add(&Feed::Public, at, &video.video_id).await,
        (Some(at), Visibility::Unlisted | Visibility::Private) => {
            feeds.remove(&Feed::Public, at, &video.video_id).await
        }
        (None, _) => Ok(()),
    }
}

/// Takes a video out of every list.
pub async fn unlist(feeds: &Feeds, video: &Video) -> StoreResult<()> {
    if let Some(at) = video.published_at {
        feeds.remove(&Feed::Public, at, &video.video_id).await?;
    }
    feeds.remove(&Feed::Channel(video.channel_id.clone()), video.created_at, &video.video_id).await
}

/// Tells a video's room, if it is in memory, that the row has changed. A room that cannot be told reads the row when
/// it starts the next time.
pub async fn tell_room(rooms: &Rooms, video: &VideoId) {
    if let Err(error) = rooms.of(video).video_changed().await {
        tracing::warn!(video.id = %video, error.chain = %error, "a room was not told that its video has changed");
    }
}
