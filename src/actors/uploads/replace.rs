//! Uploads that take the place of a video's file. Who may is asked when one begins, and the video is reserved for it; the
//! rest is an upload like any other until its file is whole. Then its file is tried by the video's job.

use super::{Held, UploadError, Uploads, begin::Names};
use crate::{
    actors::{
        channel::{ChannelError, NewFile},
        replacements::{self, Reserved},
        transcode,
    },
    backends::store::tables::{
        upload::Upload,
        video::{Removal, Video},
    },
    domain::{
        access,
        account::Identity,
        ids::{VideoId, shard_of},
    },
};

/// The video that an upload becomes, or whose file it replaces.
pub fn becomes(upload: &Upload) -> &VideoId {
    upload.replaces.as_ref().unwrap_or(&upload.video_id)
}

impl Uploads {
    /// The video whose file is to be replaced, if one is named and the caller may.
    pub async fn replaceable(
        &self,
        who: &Identity,
        named: Option<&str>,
    ) -> Result<Option<VideoId>, UploadError> {
        let Some(named) = named else { return Ok(None) };
        let id: VideoId = named.trim().parse().map_err(|_| UploadError::NoSuchVideo)?;
        let video = self.store.get::<Video>((id.clone(),), ()).await?;
        let video = video.filter(|video| access::may_see(video.visibility, &video.owner_id, Some(who)));
        let video = video.ok_or(UploadError::NoSuchVideo)?;
        if !access::may_edit(&video.owner_id, who) {
            return Err(UploadError::NotYours);
        }
        match self.store.get::<Removal>((shard_of(id.as_str()),), (id.clone(),)).await? {
            Some(_) => Err(UploadError::BeingRemoved),
            None => Ok(Some(id)),
        }
    }

    /// Reserves the video for an upload whose row is written.
    pub(super) async fn reserve(&self, upload: &Upload) -> Result<(), UploadError> {
        let Some(video) = &upload.replaces else { return Ok(()) };
        match replacements::reserve(&self.store, video, &upload.upload_id).await? {
            Reserved::Mine => Ok(()),
            Reserved::Taken(other) => Err(UploadError::Replacing(other)),
        }
    }

    pub(super) async fn release(&self, upload: &Upload) -> Result<(), UploadError> {
        let Some(video) = &upload.replaces else { return Ok(()) };
        Ok(replacements::release(&self.store, video, &upload.upload_id).await?)
    }

    /// Hands a file that is in its place over to the video's job. Where the video is gone, the file goes too.
    pub(super) async fn replace(&self, upload: &Upload, video: &VideoId) -> Result<(), UploadError> {
        let new = NewFile {
            video_id: video.clone(),
            source: transcode::NewSource {
                upload_id: upload.upload_id.clone(),
                file_id: upload.video_id.clone(),
            },
        };
        match self.channels.replace_file(&upload.channel_id, new).await {
            Err(ChannelError::NotFound) => {
                self.objects.delete(&transcode::source_key(video, Some(&upload.upload_id))).await?;
                self.remove(upload).await?;
                Err(UploadError::VideoGone)
            }
            other => Ok(other?),
        }
    }

    /// Of a file that came in one request nobody knows the upload. What its key has brought is told by this row.
    pub(super) async fn remember(&self, held: Held, names: Names) -> Result<(), UploadError> {
        let upload = Upload { upload_id: names.upload_id, ..held.upload };
        Ok(self.store.put_for(upload, self.options.expire_after).await?)
    }
}
