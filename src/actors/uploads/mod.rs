//! Uploads: begins, finishes and ends them. The bytes themselves go from the socket to `backends::staging` and are
//! http's; here it is decided who may upload what, and what becomes of a whole file. A finished upload is finished
//! again without harm, so a crash between two steps is made good by the next HEAD or the next sweep.

mod concat;
mod draft;
mod sweep;

use std::{sync::Arc, time::Duration};

pub use self::{
    concat::Concat,
    draft::{DraftInput, draft},
    sweep::Sweeper,
};
use super::{
    channel::{ChannelError, Channels, NewVideo},
    transcode,
};
use crate::{
    backends::{
        objects::{ObjectError, SharedObjects},
        staging::{Hold, Staging, StagingError},
        store::{
            Store, StoreError,
            tables::{
                upload::{OpenUpload, Upload},
                video::Video,
            },
        },
    },
    domain::{
        account::Identity,
        clock::SharedClock,
        ids::{UploadId, VideoId},
        text::Invalid,
    },
    telemetry::Metrics,
};

#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    #[error("{field} {reason}")]
    Invalid { field: &'static str, reason: Invalid },
    #[error("an upload has at most {0} bytes")]
    TooLarge(u64),
    #[error("{0} uploads are unfinished; finish or delete one first")]
    TooMany(usize),
    #[error("there is no such upload")]
    NotFound,
    #[error("Upload-Concat names an upload that is no part of yours")]
    NoSuchPart,
    #[error("the upload has expired")]
    Expired,
    #[error("the length of the upload is {0} bytes and stays so")]
    LengthKnown(u64),
    #[error(transparent)]
    Staging(#[from] StagingError),
    #[error(transparent)]
    Object(#[from] ObjectError),
    #[error(transparent)]
    Channel(#[from] ChannelError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Debug, Clone, Copy)]
pub struct UploadOptions {
    pub size_max_bytes: u64,
    pub unfinished_max: usize,
    pub expire_after: Duration,
}

/// An upload to be, as its client asks for it.
pub struct NewUpload {
    /// `None` for one whose length is said later, and for one that is made of others.
    pub length_bytes: Option<u64>,
    /// Kept as they came, to be echoed.
    pub metadata: String,
    pub concat: Option<String>,
    pub input: DraftInput,
}

pub struct Uploads {
    pub store: Store,
    pub staging: Staging,
    pub objects: SharedObjects,
    pub channels: Channels,
    pub clock: SharedClock,
    pub options: UploadOptions,
    pub metrics: Arc<Metrics>,
}

/// An upload in the hands of one request.
pub struct Held {
    pub upload: Upload,
    pub hold: Hold,
    /// Bytes that are here.
    pub offset: u64,
}

/// What is known of an upload's length.
pub fn length(upload: &Upload) -> Option<u64> {
    upload.length_bytes.map(|length| u64::try_from(length).unwrap_or(0))
}

impl Uploads {
    /// Begins a resumable upload.
    pub async fn begin(&self, who: &Identity, new: NewUpload) -> Result<Held, UploadError> {
        let draft = draft(new.input)?;
        if new.length_bytes.is_some_and(|length| length > self.options.size_max_bytes) {
            return Err(UploadError::TooLarge(self.options.size_max_bytes));
        }
        let open = self.store.all::<OpenUpload>((who.user_id.clone(),)).await?.len();
        if open >= self.options.unfinished_max {
            return Err(UploadError::TooMany(open));
        }
        let now = self.clock.now();
        let mut upload = Upload {
            upload_id: UploadId::new(now),
            owner_id: who.user_id.clone(),
            channel_id: who.channel_id.clone(),
            video_id: VideoId::new(now),
            length_bytes: new.length_bytes.map(signed),
            metadata: new.metadata,
            concat: new.concat,
            draft,
            finished: false,
            created_at: now,
            expires_at: now.plus(self.options.expire_after),
        };
        if let Concat::Final(parts) = Concat::of(&upload)? {
            upload.length_bytes = self.length_of(&upload, &parts).await?.map(signed);
        }
        let (owner_id, upload_id) = (who.user_id.clone(), upload.upload_id.clone());
        self.store.put(OpenUpload { owner_id, upload_id, created_at: now }).await?;
        self.store.put(upload.clone()).await?;
        let hold = self.staging.hold(&upload.upload_id).await?;
        self.staging.create(&upload.upload_id).await?;
        Ok(Held { upload, hold, offset: 0 })
    }

    /// Takes an upload from whoever holds it; only its owner finds it.
    pub async fn hold(&self, who: &Identity, id: &UploadId) -> Result<Held, UploadError> {
        // Looked at before, so that nobody else's request ends the one that holds it.
        let upload = self.store.get::<Upload>((id.clone(),), ()).await?;
        let upload = upload.filter(|upload| upload.owner_id == who.user_id).ok_or(UploadError::NotFound)?;
        self.take(upload).await
    }

    async fn take(&self, upload: Upload) -> Result<Held, UploadError> {
        let hold = self.staging.hold(&upload.upload_id).await?;
        // As whoever held it has left it.
        let upload = self.store.get::<Upload>((upload.upload_id,), ()).await?.ok_or(UploadError::NotFound)?;
        if upload.finished {
            let offset = length(&upload).unwrap_or(0);
            return Ok(Held { upload, hold, offset });
        }
        match hold.offset().await {
            Ok(offset) => Ok(Held { upload, hold, offset }),
            // After a crash between the move and the rows the file is in its place already.
            Err(StagingError::NotFound) => self.moved(upload, hold).await,
            Err(error) => Err(error.into()),
        }
    }

    async fn moved(&self, upload: Upload, hold: Hold) -> Result<Held, UploadError> {
        match self.objects.head(&transcode::source_key(&upload.video_id)).await? {
            Some(_) => Ok(Held { offset: length(&upload).unwrap_or(0), upload, hold }),
            None => Err(UploadError::Expired),
        }
    }

    /// Says how long an upload is that was begun without a length.
    pub async fn set_length(&self, held: &mut Held, length_bytes: u64) -> Result<(), UploadError> {
        match length(&held.upload) {
            Some(known) if known == length_bytes => return Ok(()),
            Some(known) => return Err(UploadError::LengthKnown(known)),
            None if length_bytes > self.options.size_max_bytes => {
                return Err(UploadError::TooLarge(self.options.size_max_bytes));
            }
            None if length_bytes < held.offset => {
                return Err(UploadError::Invalid {
                    field: "Upload-Length",
                    reason: Invalid("is less than what is here already"),
                });
            }
            None => {}
        }
        held.upload.length_bytes = Some(signed(length_bytes));
        Ok(self.store.put(held.upload.clone()).await?)
    }

    /// Somebody goes on with it: it is kept for another while.
    pub async fn touch(&self, held: &mut Held) -> Result<(), UploadError> {
        held.upload.expires_at = self.clock.now().plus(self.options.expire_after);
        Ok(self.store.put(held.upload.clone()).await?)
    }

    /// What is to be done with an upload that is whole: a video is made of it, unless it is a part of another. Finishing
    /// a finished one answers alike.
    pub async fn finish(&self, held: &mut Held) -> Result<(), UploadError> {
        if held.upload.finished {
            return Ok(());
        }
        let is_part = Concat::of(&held.upload)? == Concat::Part;
        if !is_part {
            let key = transcode::source_key(&held.upload.video_id);
            if self.objects.head(&key).await?.is_none() {
                self.objects.put_file(&key, &self.staging.path(&held.upload.upload_id)).await?;
            }
            self.add_video(&held.upload).await?;
        }
        held.upload.finished = true;
        self.store.put(held.upload.clone()).await?;
        self.forget_open(&held.upload).await?;
        if is_part {
            // Whoever asks for the whole, and the sweep, try again.
            if let Err(error) = Box::pin(self.part_finished(&held.upload)).await {
                tracing::warn!(upload.id = %held.upload.upload_id, error.chain = %error, "parts are not joined yet");
            }
            return Ok(());
        }
        self.metrics.uploads.of("finished").inc();
        Ok(())
    }

    /// Makes a video of a file that came in one request and is whole.
    pub async fn publish_file(
        &self,
        who: &Identity,
        staged: &UploadId,
        input: DraftInput,
    ) -> Result<Video, UploadError> {
        let draft = draft(input)?;
        let now = self.clock.now();
        let upload = Upload {
            upload_id: staged.clone(),
            owner_id: who.user_id.clone(),
            channel_id: who.channel_id.clone(),
            video_id: VideoId::new(now),
            length_bytes: None,
            metadata: String::new(),
            concat: None,
            draft,
            finished: false,
            created_at: now,
            expires_at: now,
        };
        let key = transcode::source_key(&upload.video_id);
        self.objects.put_file(&key, &self.staging.path(staged)).await?;
        let video = self.add_video(&upload).await?;
        self.metrics.uploads.of("finished").inc();
        Ok(video)
    }

    /// Ends an upload that is no video yet and forgets its bytes.
    pub async fn terminate(&self, held: Held) -> Result<(), UploadError> {
        self.remove(&held.upload).await?;
        self.metrics.uploads.of("terminated").inc();
        Ok(())
    }

    async fn add_video(&self, upload: &Upload) -> Result<Video, UploadError> {
        let new = NewVideo {
            video_id: upload.video_id.clone(),
            owner_id: upload.owner_id.clone(),
            draft: upload.draft.clone(),
        };
        Ok(self.channels.add_video(&upload.channel_id, new).await?)
    }

    async fn remove(&self, upload: &Upload) -> Result<(), UploadError> {
        self.staging.remove(&upload.upload_id).await?;
        self.store.delete::<Upload>((upload.upload_id.clone(),), ()).await?;
        self.forget_open(upload).await
    }

    async fn forget_open(&self, upload: &Upload) -> Result<(), UploadError> {
        let key = (upload.owner_id.clone(),);
        Ok(self.store.delete::<OpenUpload>(key, (upload.upload_id.clone(),)).await?)
    }
}

fn signed(length_bytes: u64) -> i64 {
    i64::try_from(length_bytes).unwrap_or(i64::MAX)
}
