//! How a file that is whole becomes a video.

use super::{
    Concat, DraftInput, Held, UploadError, Uploads, becomes, begin::Names, draft, entry, length, signed,
};
use crate::{
    actors::{channel::NewVideo, transcode},
    backends::{
        staging::Hold,
        store::tables::{upload::Upload, video::Video},
    },
    domain::{
        account::Identity,
        ids::{UploadId, VideoId},
        storage::FileState,
    },
};

/// A file that came in one request.
pub struct WholeFile {
    pub hold: Hold,
    pub length_bytes: u64,
    pub input: DraftInput,
    /// The same key of the same account is the same video.
    pub key: Option<String>,
}

impl Uploads {
    /// What is to be done with an upload that is whole: a video is made of it, unless it is a part of another.
    /// Finishing a finished one answers alike.
    pub async fn finish(&self, held: &mut Held) -> Result<(), UploadError> {
        if held.upload.finished {
            return Ok(());
        }
        held.hold.confirm().await?;
        match Concat::of(&held.upload)? {
            Concat::Part => self.finish_part(held).await,
            Concat::Whole => self.publish(held).await,
            Concat::Final(parts) => {
                self.publish(held).await?;
                self.remove_parts(parts).await
            }
        }
    }

    async fn finish_part(&self, held: &mut Held) -> Result<(), UploadError> {
        let counted = entry(&held.upload, FileState::Part, held.offset);
        self.ledger.count(&held.upload.owner_id, counted).await?;
        held.upload.finished = true;
        self.store.put(held.upload.clone()).await?;
        // Whoever asks for the whole, and the sweep, try again.
        if let Err(error) = Box::pin(self.part_finished(&held.upload)).await {
            tracing::warn!(upload.id = %held.upload.upload_id, error.chain = %error, "parts are not joined yet");
        }
        Ok(())
    }

    async fn publish(&self, held: &mut Held) -> Result<(), UploadError> {
        let Held { upload, hold, .. } = held;
        let replacing = upload.replaces.as_ref().map(|_| &upload.upload_id);
        let key = transcode::source_key(becomes(upload), replacing);
        if hold.begin_to_end().await? {
            // Before the move: once the video's job has the file, it is the job that counts it.
            let counted = entry(upload, FileState::Stored, length(upload).unwrap_or(0));
            self.ledger.count(&upload.owner_id, counted).await?;
            hold.go_to(&self.objects, &key).await?;
        }
        match &upload.replaces {
            Some(video) => self.replace(upload, video).await?,
            None => self.add_video(upload).await?,
        }
        upload.finished = true;
        // Whoever has not heard that it is finished may ask for a while.
        self.store.put_for(upload.clone(), self.options.expire_after).await?;
        self.staging.remove(&upload.upload_id).await?;
        self.metrics.uploads.of("finished").inc();
        Ok(())
    }

    async fn add_video(&self, upload: &Upload) -> Result<(), UploadError> {
        let new = NewVideo {
            video_id: upload.video_id.clone(),
            owner_id: upload.owner_id.clone(),
            draft: upload.draft.clone(),
        };
        self.channels.add_video(&upload.channel_id, new).await?;
        Ok(())
    }

    /// Makes a video of a file that came in one request and is whole.
    pub async fn publish_file(&self, who: &Identity, file: WholeFile) -> Result<Video, UploadError> {
        let replaces = self.replaceable(who, file.input.replaces.as_deref()).await?;
        let draft = draft(file.input)?;
        let names = self.names(who, file.key.as_deref()).await?;
        if let Some(video) = self.brought(&names).await? {
            self.staging.remove(file.hold.id()).await?;
            return Ok(video);
        }
        let now = self.clock.now();
        // What replaces a file is counted beside it, and so is a second request of the same key.
        let video_id = replaces.as_ref().map_or_else(|| names.video_id.clone(), |_| VideoId::new(now));
        let upload = Upload {
            upload_id: file.hold.id().clone(),
            owner_id: who.user_id.clone(),
            channel_id: who.channel_id.clone(),
            video_id,
            length_bytes: Some(signed(file.length_bytes)),
            metadata: String::new(),
            concat: None,
            draft,
            import: None,
            replaces,
            finished: false,
            created_at: now,
            expires_at: now.plus(self.options.expire_after),
        };
        self.store.put(upload.clone()).await?;
        let admitted = match self.reserve(&upload).await {
            Ok(()) => self.admit(who, &upload, FileState::Stored, file.length_bytes).await,
            taken => taken,
        };
        if let Err(refused) = admitted {
            self.remove(&upload).await?;
            return Err(refused);
        }
        let mut held = Held { upload, hold: file.hold, offset: file.length_bytes };
        self.finish(&mut held).await?;
        // Nobody asks for an upload that was never told of.
        self.store.delete::<Upload>((held.upload.upload_id.clone(),), ()).await?;
        let video = self.store.get::<Video>((becomes(&held.upload).clone(),), ()).await?;
        if file.key.is_some() && held.upload.replaces.is_some() {
            self.remember(held, names).await?;
        }
        video.ok_or(UploadError::NotFound)
    }

    /// Forgets a file that was refused. One that was counted already is left to the sweep, which makes a video of it.
    pub async fn abandon(&self, id: &UploadId) -> Result<(), UploadError> {
        self.metrics.uploads.of("refused").inc();
        match self.store.get::<Upload>((id.clone(),), ()).await? {
            Some(_) => Ok(()),
            None => Ok(self.staging.remove(id).await?),
        }
    }

    /// The video that this key has brought already.
    pub async fn published(&self, who: &Identity, key: &str) -> Result<Option<Video>, UploadError> {
        match self.named(who, key).await? {
            Some(names) => self.brought(&names).await,
            None => Ok(None),
        }
    }

    /// The video that was made under these names, or whose file was replaced.
    async fn brought(&self, names: &Names) -> Result<Option<Video>, UploadError> {
        if let Some(video) = self.store.get::<Video>((names.video_id.clone(),), ()).await? {
            return Ok(Some(video));
        }
        let upload = self.store.get::<Upload>((names.upload_id.clone(),), ()).await?;
        let Some(replaced) = upload.filter(|upload| upload.finished).and_then(|upload| upload.replaces)
        else {
            return Ok(None);
        };
        Ok(self.store.get::<Video>((replaced,), ()).await?)
    }
}
