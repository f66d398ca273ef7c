//! What a room must know of its video. Read from the video's row when the room starts and when it is told of a change.

use crate::{
    backends::store::{Store, StoreResult, tables::video::Video},
    domain::{
        access::{self, Visibility},
        account::Identity,
        ids::{ChannelId, UserId, VideoId},
        video::Status,
    },
};

#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    pub owner: UserId,
    pub channel: ChannelId,
    pub visibility: Visibility,
    pub status: Status,
    pub duration_ms: Option<u64>,
}

impl Facts {
    pub async fn read(store: &Store, video: &VideoId) -> StoreResult<Option<Self>> {
        Ok(store.get::<Video>((video.clone(),), ()).await?.map(|row| Self::of(&row)))
    }

    pub fn of(row: &Video) -> Self {
        Self {
            owner: row.owner_id.clone(),
            channel: row.channel_id.clone(),
            visibility: row.visibility,
            status: row.status,
            duration_ms: row.duration_ms.and_then(|ms| u64::try_from(ms).ok()),
        }
    }

    /// Whether the room exists for someone. While its file is still being uploaded it does for the owner alone.
    pub fn is_open_to(&self, who: Option<&Identity>) -> bool {
        let own = who.is_some_and(|who| who.user_id == self.owner);
        access::may_see(self.visibility, &self.owner, who) && (own || self.status != Status::Uploading)
    }
}
