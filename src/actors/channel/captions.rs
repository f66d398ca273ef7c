//! Caption tracks of a channel's videos: the file first, then its row, so that what is listed is there. Both go through
//! the channel's actor, as the deletion of a video does, so that nothing is written for a video that is being deleted.

use super::{Channel, ChannelError, Channels, Message};
use crate::{
    actors::transcode::object_key,
    backends::{
        objects::source_of,
        store::tables::{caption::Caption, video::Video},
    },
    domain::{
        caption::{Kind, Language, TRACKS_MAX},
        ids::{ChannelId, VideoId},
    },
    media::{captions::Script, layout},
};

/// A track as its uploader gave it.
#[derive(Debug, Clone)]
pub struct NewCaption {
    pub language: Language,
    pub label: String,
    pub kind: Kind,
    pub script: Script,
}

/// What became of a track that was given.
#[derive(Debug, Clone)]
pub enum PutCaption {
    Created(Caption),
    Replaced(Caption),
}

impl Channels {
    /// Keeps a caption track, in place of the one its language had.
    pub async fn put_caption(
        &self,
        channel: &ChannelId,
        video: &VideoId,
        new: NewCaption,
    ) -> Result<PutCaption, ChannelError> {
        let (video, new) = (video.clone(), Box::new(new));
        self.directory.call(channel, |reply| Message::PutCaption(video, new, reply)).await?
    }

    pub async fn delete_caption(
        &self,
        channel: &ChannelId,
        video: &VideoId,
        language: Language,
    ) -> Result<(), ChannelError> {
        let video = video.clone();
        self.directory.call(channel, |reply| Message::DeleteCaption(video, language, reply)).await?
    }
}

impl Channel {
    pub(super) async fn put_caption(
        &self,
        id: &ChannelId,
        video: VideoId,
        new: NewCaption,
    ) -> Result<PutCaption, ChannelError> {
        self.own_video(id, &video).await?;
        let office = &self.office;
        let known = office.store.all::<Caption>((video.clone(),)).await?;
        let replaces = known.iter().any(|caption| caption.language == new.language);
        if !replaces && known.len() >= TRACKS_MAX {
            return Err(ChannelError::TooManyCaptions);
        }
        let key = object_key(&video, &layout::captions(&new.language));
        office.objects.put(&key, source_of(new.script.to_webvtt())).await?;
        let row = Caption {
            video_id: video,
            language: new.language,
            label: new.label,
            kind: new.kind,
            cues: i64::try_from(new.script.cues.len()).unwrap_or(i64::MAX),
            skipped: i64::try_from(new.script.skipped).unwrap_or(i64::MAX),
            updated_at: office.clock.now(),
        };
        office.store.put(row.clone()).await?;
        Ok(if replaces { PutCaption::Replaced(row) } else { PutCaption::Created(row) })
    }

    pub(super) async fn delete_caption(
        &self,
        id: &ChannelId,
        video: VideoId,
        language: Language,
    ) -> Result<(), ChannelError> {
        self.own_video(id, &video).await?;
        let office = &self.office;
        let row = office.store.get::<Caption>((video.clone(),), (language.clone(),)).await?;
        row.ok_or(ChannelError::NotFound)?;
        office.objects.delete(&object_key(&video, &layout::captions(&language))).await?;
        Ok(office.store.delete::<Caption>((video,), (language,)).await?)
    }

    pub(super) async fn own_video(&self, id: &ChannelId, video: &VideoId) -> Result<Video, ChannelError> {
        let row = self.office.store.get::<Video>((video.clone(),), ()).await?;
        row.filter(|row| row.channel_id == *id).ok_or(ChannelError::NotFound)
    }
}
