//! The picture that stands for a video of a channel: one of those its job made, or one of the owner's. The file first,
//! then the row that names it.

use super::{Channel, ChannelError, Channels, Message};
use crate::{
    actors::transcode::object_key,
    backends::{
        objects::source_of,
        store::tables::poster::{Poster, PosterChoice},
    },
    domain::ids::{ChannelId, VideoId},
    media::layout,
};

/// What is to stand for a video.
pub enum NewPoster {
    /// The best of the candidates again.
    Best,
    /// A candidate that there is.
    Candidate(usize),
    /// A JPEG that was written here.
    Own(Vec<u8>),
}

impl Channels {
    pub async fn set_poster(
        &self,
        channel: &ChannelId,
        video: &VideoId,
        new: NewPoster,
    ) -> Result<(), ChannelError> {
        let video = video.clone();
        self.directory.call(channel, |reply| Message::SetPoster(video, new, reply)).await?
    }
}

impl Channel {
    pub(super) async fn set_poster(
        &self,
        id: &ChannelId,
        video: VideoId,
        new: NewPoster,
    ) -> Result<(), ChannelError> {
        self.own_video(id, &video).await?;
        let (store, objects) = (&self.office.store, &self.office.objects);
        let key = object_key(&video, layout::OWN_POSTER);
        let choice = match new {
            NewPoster::Own(jpeg) => {
                objects.put(&key, source_of(jpeg)).await?;
                Some(PosterChoice::Own)
            }
            NewPoster::Candidate(number) => Some(PosterChoice::Candidate(number)),
            NewPoster::Best => None,
        };
        match choice {
            Some(choice) => {
                let chosen_at = self.office.clock.now();
                store.put(Poster { video_id: video, choice, chosen_at }).await?;
            }
            None => store.delete::<Poster>((video,), ()).await?,
        }
        if choice != Some(PosterChoice::Own) {
            objects.delete(&key).await?;
        }
        Ok(())
    }
}
