//! Uploads: begins, finishes and ends them. The bytes themselves go from the socket to `backends::staging` and are
//! http's; here it is decided who may upload what, and what becomes of a whole file. A finished upload is finished
//! again without harm, so a crash between two steps is made good by the next HEAD or the next sweep.

mod begin;
mod concat;
mod draft;
mod finish;
mod import;
mod replace;
mod sweep;

use std::{sync::Arc, time::Duration};

pub use self::{
    begin::NewUpload,
    concat::Concat,
    draft::{DraftInput, draft},
    finish::WholeFile,
    import::Imports,
    replace::becomes,
};
use super::{
    channel::{ChannelError, Channels},
    ledger::{Admission, Bounds, Entry, Ledger, Usage},
};
use crate::{
    backends::{
        fetch::FetchError,
        objects::{ObjectError, SharedObjects},
        staging::{Hold, Staging, StagingError},
        store::{Store, StoreError, tables::upload::Upload},
    },
    domain::{
        account::Identity,
        clock::SharedClock,
        ids::UploadId,
        storage::{FileState, Quotas},
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
    TooMany(u64),
    #[error("your files may have {quota_bytes} bytes together and have {used_bytes}; delete some first")]
    OverQuota { quota_bytes: u64, used_bytes: u64 },
    #[error("there is no such upload")]
    NotFound,
    #[error("Upload-Concat names an upload that is no part of yours")]
    NoSuchPart,
    #[error("the upload has expired")]
    Expired,
    #[error("the length of the upload is {0} bytes and stays so")]
    LengthKnown(u64),
    #[error("this Idempotency-Key has begun another upload")]
    KeyUsed,
    #[error("there is no such video whose file could be replaced")]
    NoSuchVideo,
    #[error("only the owner of a video may replace its file")]
    NotYours,
    #[error("the video is being removed")]
    BeingRemoved,
    #[error("upload {0} replaces the file of this video already; wait for it, or end it first")]
    Replacing(UploadId),
    #[error("the video whose file was to be replaced is gone")]
    VideoGone,
    /// What is to be imported may not be.
    #[error(transparent)]
    Url(#[from] FetchError),
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
    pub quotas: Quotas,
}

pub struct Uploads {
    pub store: Store,
    pub staging: Staging,
    pub objects: SharedObjects,
    pub channels: Channels,
    pub ledger: Ledger,
    pub imports: Imports,
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
        self.held(upload, hold).await
    }

    async fn held(&self, upload: Upload, hold: Hold) -> Result<Held, UploadError> {
        let whole = length(&upload).unwrap_or(0);
        if upload.finished {
            return Ok(Held { upload, hold, offset: whole });
        }
        match hold.offset().await {
            Ok(offset) => Ok(Held { upload, hold, offset }),
            // A crash came between the move and the rows: the file is in its place already.
            Err(StagingError::NotFound) if hold.is_ending().await? => {
                Ok(Held { upload, hold, offset: whole })
            }
            Err(StagingError::NotFound) => Err(UploadError::Expired),
            Err(error) => Err(error.into()),
        }
    }

    /// Says how long an upload is that was begun without a length.
    pub async fn set_length(
        &self,
        who: &Identity,
        held: &mut Held,
        length_bytes: u64,
    ) -> Result<(), UploadError> {
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
        held.hold.confirm().await?;
        self.admit(who, &held.upload, FileState::Open, length_bytes).await?;
        held.upload.length_bytes = Some(signed(length_bytes));
        Ok(self.store.put(held.upload.clone()).await?)
    }

    /// Somebody goes on with it: it is kept for another while.
    pub async fn touch(&self, held: &mut Held) -> Result<(), UploadError> {
        held.hold.confirm().await?;
        if length(&held.upload).is_none() {
            let entry = entry(&held.upload, FileState::Open, held.offset);
            self.ledger.count(&held.upload.owner_id, entry).await?;
        }
        let expires_at = self.clock.now().plus(self.options.expire_after);
        // Not worth a write with every request of a client that sends many.
        if expires_at.since(held.upload.expires_at) >= self.options.expire_after / 100 {
            held.upload.expires_at = expires_at;
            self.store.put(held.upload.clone()).await?;
        }
        Ok(())
    }

    /// Bytes an upload may come to.
    pub async fn length_max(&self, who: &Identity, held: &Held) -> Result<u64, UploadError> {
        match length(&held.upload) {
            Some(length) => Ok(length),
            None => Ok((held.offset + self.room(who).await?).min(self.options.size_max_bytes)),
        }
    }

    /// Bytes a file may have that is now begun.
    pub async fn room(&self, who: &Identity) -> Result<u64, UploadError> {
        let room = self.usage(who).await?.room_bytes(self.options.quotas.of(&who.roles));
        Ok(room.unwrap_or(u64::MAX).min(self.options.size_max_bytes))
    }

    pub async fn usage(&self, who: &Identity) -> Result<Usage, UploadError> {
        Ok(self.ledger.usage(&who.user_id).await?)
    }

    /// Ends an upload that is no video yet and forgets its bytes.
    pub async fn terminate(&self, held: Held) -> Result<(), UploadError> {
        self.remove(&held.upload).await?;
        self.metrics.uploads.of("terminated").inc();
        Ok(())
    }

    async fn admit(
        &self,
        who: &Identity,
        upload: &Upload,
        state: FileState,
        bytes: u64,
    ) -> Result<(), UploadError> {
        let quota_bytes = self.options.quotas.of(&who.roles);
        let bounds = Bounds { open_max: self.options.unfinished_max, quota_bytes };
        match self.ledger.admit(&who.user_id, entry(upload, state, bytes), bounds).await? {
            Admission::Admitted => Ok(()),
            Admission::TooManyOpen { open } => Err(UploadError::TooMany(open)),
            Admission::OverQuota { quota_bytes, used_bytes } => {
                Err(UploadError::OverQuota { quota_bytes, used_bytes })
            }
        }
    }

    async fn remove(&self, upload: &Upload) -> Result<(), UploadError> {
        self.staging.remove(&upload.upload_id).await?;
        self.store.delete::<Upload>((upload.upload_id.clone(),), ()).await?;
        self.release(upload).await?;
        Ok(self.ledger.forget(&upload.owner_id, &upload.video_id).await?)
    }
}

fn entry(upload: &Upload, state: FileState, bytes: u64) -> Entry {
    Entry { state, video_id: upload.video_id.clone(), upload_id: upload.upload_id.clone(), bytes }
}

fn signed(length_bytes: u64) -> i64 {
    i64::try_from(length_bytes).unwrap_or(i64::MAX)
}
