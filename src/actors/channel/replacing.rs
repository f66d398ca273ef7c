//! A file that takes the place of a channel's video's. Through the channel's actor, as the deletion of a video is, so that
//! nothing is tried for a video that is being deleted.

use super::{Channel, ChannelError, Channels, Message};
use crate::{
    actors::transcode::NewSource,
    backends::store::tables::video::Removal,
    domain::ids::{ChannelId, VideoId, shard_of},
};

/// A file that is in its place beside the one that it is to replace.
#[derive(Debug, Clone)]
pub struct NewFile {
    pub video_id: VideoId,
    pub source: NewSource,
}

impl Channels {
    /// Has a file tried by the video's job. Asking again for the same changes nothing.
    pub async fn replace_file(&self, channel: &ChannelId, new: NewFile) -> Result<(), ChannelError> {
        self.directory.call(channel, |reply| Message::ReplaceFile(Box::new(new), reply)).await?
    }
}

impl Channel {
    pub(super) async fn replace_file(&self, id: &ChannelId, new: NewFile) -> Result<(), ChannelError> {
        let NewFile { video_id, source } = new;
        let video = self.own_video(id, &video_id).await?;
        let office = &self.office;
        let removal = (shard_of(video_id.as_str()),);
        if office.store.get::<Removal>(removal, (video_id.clone(),)).await?.is_some() {
            return Err(ChannelError::NotFound);
        }
        match office.transcodes.replace(&video_id, &video.owner_id, source).await? {
            true => Ok(()),
            false => Err(ChannelError::Replacing),
        }
    }
}
