//! Uploads: begins, finishes and ends them. The bytes themselves go from the socket to `backends::staging` and are
//! http's; here it is decided who may upload what, and what becomes of a whole file. A finished upload is finished
//! again without harm, so a crash between two steps is made good by the next HEAD or the next start.

use std::{sync::Arc, time::Duration};

use super::{
    channel::{ChannelError, Channels, NewVideo},
    transcode,
};
use crate::{
    backends::{
        objects::{ObjectError, SharedObjects},
        staging::{Staging, StagingError},
        store::{
            Store, StoreError,
            tables::{
                upload::{Draft, OpenUpload, Upload},
                video::Video,
            },
        },
    },
    domain::{
        access::Visibility,
        account::Identity,
        clock::SharedClock,
        ids::{UploadId, VideoId},
        text::Invalid,
        video,
    },
    telemetry::Metrics,
};

/// Before an upload is looked at again that could not be finished at the start.
const RECOVERY_PAUSE: std::time::Duration = std::time::Duration::from_secs(30);

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
    #[error("the upload has expired")]
    Expired,
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

/// What an uploader says about the video to be, not yet checked.
#[derive(Debug, Clone, Default)]
pub struct DraftInput {
    pub title: Option<String>,
    pub description: Option<String>,
    pub tags: Vec<String>,
    pub visibility: Option<String>,
    pub filename: Option<String>,
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

impl Uploads {
    /// Begins a resumable upload of `length_bytes`. `metadata` is kept as it came, to be echoed.
    pub async fn begin(
        &self,
        who: &Identity,
        length_bytes: u64,
        metadata: String,
        input: DraftInput,
    ) -> Result<Upload, UploadError> {
        let draft = draft(input)?;
        if length_bytes > self.options.size_max_bytes {
            return Err(UploadError::TooLarge(self.options.size_max_bytes));
        }
        let open = self.store.all::<OpenUpload>((who.user_id.clone(),)).await?.len();
        if open >= self.options.unfinished_max {
            return Err(UploadError::TooMany(open));
        }
        let now = self.clock.now();
        let upload = Upload {
            upload_id: UploadId::new(now),
            owner_id: who.user_id.clone(),
            channel_id: who.channel_id.clone(),
            video_id: VideoId::new(now),
            length_bytes: i64::try_from(length_bytes).unwrap_or(i64::MAX),
            metadata,
            draft,
            finished: false,
            created_at: now,
        };
        self.store
            .put(OpenUpload {
                owner_id: who.user_id.clone(),
                upload_id: upload.upload_id.clone(),
                created_at: now,
            })
            .await?;
        self.store.put(upload.clone()).await?;
        self.staging.create(&upload.upload_id).await?;
        Ok(upload)
    }

    /// An upload and how far it is; only its owner finds it.
    pub async fn find(&self, who: &Identity, id: &UploadId) -> Result<(Upload, u64), UploadError> {
        let upload = self.store.get::<Upload>((id.clone(),), ()).await?;
        let upload = upload.filter(|upload| upload.owner_id == who.user_id).ok_or(UploadError::NotFound)?;
        if upload.finished {
            let length = u64::try_from(upload.length_bytes).unwrap_or(0);
            return Ok((upload, length));
        }
        match self.staging.offset(id).await {
            Ok(offset) => Ok((upload, offset)),
            Err(StagingError::NotFound) => Err(UploadError::Expired),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes a video of a whole file. Finishing a finished one answers alike.
    pub async fn finish(&self, upload: &Upload) -> Result<Video, UploadError> {
        let key = transcode::source_key(&upload.video_id);
        // After a crash between the move and the rows the file is in its place already.
        if self.objects.head(&key).await?.is_none() {
            self.objects.put_file(&key, &self.staging.path(&upload.upload_id)).await?;
        }
        let video = self.add_video(upload).await?;
        self.store.put(Upload { finished: true, ..upload.clone() }).await?;
        self.forget_open(upload).await?;
        self.metrics.uploads.of("finished").inc();
        Ok(video)
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
            length_bytes: 0,
            metadata: String::new(),
            draft,
            finished: false,
            created_at: now,
        };
        let key = transcode::source_key(&upload.video_id);
        self.objects.put_file(&key, &self.staging.path(staged)).await?;
        let video = self.add_video(&upload).await?;
        self.metrics.uploads.of("finished").inc();
        Ok(video)
    }

    /// Ends an unfinished upload and forgets its bytes.
    pub async fn terminate(&self, upload: &Upload) -> Result<(), UploadError> {
        self.remove(upload).await?;
        self.metrics.uploads.of("terminated").inc();
        Ok(())
    }

    /// At the start, before any upload is taken: finishes what is whole, and drops files that nobody will go on with.
    /// Returns those that failed, to be tried again.
    pub async fn recover(&self) -> Result<Vec<UploadId>, UploadError> {
        let uploads = self.staging.list().await?;
        Ok(self.recover_each(uploads).await)
    }

    /// Tries those again that `recover` could not bring home, until it can.
    pub async fn recover_later(&self, mut failed: Vec<UploadId>) {
        while !failed.is_empty() {
            tokio::time::sleep(RECOVERY_PAUSE).await;
            failed = self.recover_each(failed).await;
        }
    }

    async fn recover_each(&self, uploads: Vec<UploadId>) -> Vec<UploadId> {
        let mut failed = Vec::new();
        for id in uploads {
            if let Err(error) = self.recover_one(&id).await {
                tracing::warn!(upload.id = %id, error.chain = %error, "an upload will be looked at again");
                failed.push(id);
            }
        }
        failed
    }

    async fn recover_one(&self, id: &UploadId) -> Result<(), UploadError> {
        let Some(upload) = self.store.get::<Upload>((id.clone(),), ()).await? else {
            return Ok(self.staging.remove(id).await?);
        };
        let offset = self.staging.offset(id).await?;
        if i64::try_from(offset) == Ok(upload.length_bytes) {
            self.finish(&upload).await?;
        } else if self.clock.now().since(upload.created_at) > self.options.expire_after {
            self.remove(&upload).await?;
            self.metrics.uploads.of("expired").inc();
        }
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

/// Checks what an uploader says. A title that was left out is made from the file's name.
pub fn draft(input: DraftInput) -> Result<Draft, UploadError> {
    let invalid = |field| move |reason| UploadError::Invalid { field, reason };
    let filename: String =
        input.filename.unwrap_or_default().chars().filter(|c| !c.is_control()).take(255).collect();
    let named = filename.rsplit_once('.').map_or(filename.as_str(), |(stem, _)| stem).trim().to_owned();
    let title = match input.title.filter(|title| !title.trim().is_empty()) {
        Some(title) => video::title(&title).map_err(invalid("title"))?,
        None => video::title(&named).unwrap_or_else(|_| "Untitled".into()),
    };
    let visibility = match input.visibility.as_deref().map(str::trim) {
        None | Some("") => Visibility::Public,
        Some(name) => name.parse().map_err(|_| UploadError::Invalid {
            field: "visibility",
            reason: Invalid("is public, unlisted or private"),
        })?,
    };
    Ok(Draft {
        title,
        description: video::description(&input.description.unwrap_or_default())
            .map_err(invalid("description"))?,
        tags: video::tags(&input.tags).map_err(invalid("tags"))?,
        visibility,
        filename,
    })
}
