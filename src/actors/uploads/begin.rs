//! How an upload begins. The file comes first, then its row, then what it is counted as: a crash in between leaves a
//! file, and the sweep finds files.

use super::{Concat, DraftInput, Held, UploadError, Uploads, draft, length, signed};
use crate::{
    backends::store::tables::upload::{Import, Upload, UploadKey},
    domain::{
        account::Identity,
        ids::{UploadId, VideoId},
        storage::FileState,
    },
};

/// An upload to be, as its client asks for it.
pub struct NewUpload {
    /// `None` for one whose length is said later, and for one that is made of others.
    pub length_bytes: Option<u64>,
    /// Kept as they came, to be echoed.
    pub metadata: String,
    pub concat: Option<String>,
    pub input: DraftInput,
    /// The same key of the same account is the same upload.
    pub key: Option<String>,
    /// Where its bytes are fetched from, if nobody sends them.
    pub import: Option<Import>,
}

/// What an upload and its video will be known by.
pub(super) struct Names {
    pub upload_id: UploadId,
    pub video_id: VideoId,
}

impl Uploads {
    /// Begins a resumable upload, or takes the one that the same key has begun.
    pub async fn begin(&self, who: &Identity, mut new: NewUpload) -> Result<Held, UploadError> {
        let named = new.input.replaces.take().filter(|_| new.concat.as_deref() != Some("partial"));
        let replaces = self.replaceable(who, named.as_deref()).await?;
        let draft = draft(new.input)?;
        if new.length_bytes.is_some_and(|length| length > self.options.size_max_bytes) {
            return Err(UploadError::TooLarge(self.options.size_max_bytes));
        }
        self.staging.check_space(new.length_bytes.unwrap_or(0)).await?;
        let names = self.names(who, new.key.as_deref()).await?;
        let hold = self.staging.hold(&names.upload_id).await?;
        if new.key.is_some()
            && let Some(begun) = self.store.get::<Upload>((names.upload_id.clone(),), ()).await?
        {
            let is_same = length(&begun) == new.length_bytes || begun.concat.is_some();
            return match is_same && begun.replaces == replaces {
                true => self.held(begun, hold).await,
                false => Err(UploadError::KeyUsed),
            };
        }
        let now = self.clock.now();
        let mut upload = Upload {
            upload_id: names.upload_id,
            owner_id: who.user_id.clone(),
            channel_id: who.channel_id.clone(),
            video_id: names.video_id,
            length_bytes: new.length_bytes.map(signed),
            metadata: new.metadata,
            concat: new.concat,
            draft,
            import: new.import,
            replaces,
            finished: false,
            created_at: now,
            expires_at: now.plus(self.options.expire_after),
        };
        if let Concat::Final(parts) = Concat::of(&upload)? {
            // Its bytes are counted already, as those of its parts.
            upload.length_bytes = self.length_of(&upload, &parts).await?.map(signed);
        }
        hold.create().await?;
        self.store.put(upload.clone()).await?;
        let counted = new.length_bytes.unwrap_or(0);
        let admitted = match self.reserve(&upload).await {
            Ok(()) => self.admit(who, &upload, FileState::Open, counted).await,
            taken => taken,
        };
        if let Err(refused) = admitted {
            self.remove(&upload).await?;
            return Err(refused);
        }
        Ok(Held { upload, hold, offset: 0 })
    }

    /// New names, or those that this key has got before.
    pub(super) async fn names(&self, who: &Identity, key: Option<&str>) -> Result<Names, UploadError> {
        let now = self.clock.now();
        let fresh = Names { upload_id: UploadId::new(now), video_id: VideoId::new(now) };
        let Some(key) = key else { return Ok(fresh) };
        let row = UploadKey {
            owner_id: who.user_id.clone(),
            key: key.to_owned(),
            upload_id: fresh.upload_id.clone(),
            video_id: fresh.video_id.clone(),
        };
        match self.store.insert_if_absent(row, Some(self.options.expire_after)).await? {
            true => Ok(fresh),
            false => Ok(self.named(who, key).await?.unwrap_or(fresh)),
        }
    }

    pub(super) async fn named(&self, who: &Identity, key: &str) -> Result<Option<Names>, UploadError> {
        let row = self.store.get::<UploadKey>((who.user_id.clone(),), (key.to_owned(),)).await?;
        Ok(row.map(|row| Names { upload_id: row.upload_id, video_id: row.video_id }))
    }
}
