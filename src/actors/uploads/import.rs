//! Imports: uploads whose bytes are fetched from a URL. One goes on where it stood after a cut and after a restart, if
//! the server there can; how far it is, is the length of its file.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    sync::Semaphore,
    time::{Instant, timeout, timeout_at},
};

use super::{Held, NewUpload, UploadError, Uploads, length, signed};
use crate::{
    backends::{
        fetch::{FetchError, Fetcher},
        staging::StagingError,
        store::tables::upload::{Import, Upload},
    },
    domain::{account::Identity, ids::UploadId, video::Failure},
    telemetry::{Raised, tasks},
};

/// Attempts after one another in which nothing came.
const ATTEMPTS_MAX: u32 = 5;
const URL_LEN_MAX: usize = 2_048;

pub struct Imports {
    pub fetcher: Fetcher,
    /// Bounds how many are fetched at the same time.
    pub turns: Arc<Semaphore>,
    pub duration_max: Duration,
    /// Those that are fetched or wait for their turn.
    pub under_way: Mutex<HashSet<UploadId>>,
}

/// Why a fetch has come to no end.
enum Broken {
    /// It may go on in a while.
    Passing(String),
    /// Its owner ends it.
    Taken,
    ForGood(Failure),
}

impl Uploads {
    /// Begins to fetch a file.
    pub async fn begin_import(
        self: &Arc<Self>,
        who: &Identity,
        url: &str,
        mut new: NewUpload,
    ) -> Result<Upload, UploadError> {
        if url.len() > URL_LEN_MAX {
            return Err(UploadError::Url(FetchError::NotHttp));
        }
        self.imports.fetcher.check(url)?;
        let import = Import { url: url.into(), etag: None, room_bytes: self.room(who).await?, failure: None };
        new.import = Some(import);
        let held = self.begin(who, new).await?;
        let upload = held.upload.clone();
        drop(held);
        self.import(&upload.upload_id);
        Ok(upload)
    }

    /// An import of one's own.
    pub async fn find_import(&self, who: &Identity, id: &UploadId) -> Result<(Upload, u64), UploadError> {
        let upload = self.store.get::<Upload>((id.clone(),), ()).await?;
        let upload = upload.filter(|upload| upload.owner_id == who.user_id && upload.import.is_some());
        let upload = upload.ok_or(UploadError::NotFound)?;
        let received = match upload.finished {
            true => length(&upload).unwrap_or(0),
            false => self.staging.length(id).await?,
        };
        Ok((upload, received))
    }

    /// Stops fetching and forgets what came; a video that was made of it stays.
    pub async fn end_import(&self, who: &Identity, id: &UploadId) -> Result<(), UploadError> {
        match self.hold(who, id).await {
            Ok(held) if held.upload.finished => Ok(self.store.delete::<Upload>((id.clone(),), ()).await?),
            Ok(held) => self.terminate(held).await,
            // It has failed: only its row is left.
            Err(UploadError::Expired) => Ok(self.store.delete::<Upload>((id.clone(),), ()).await?),
            Err(error) => Err(error),
        }
    }

    /// Goes on with an import, unless that is being done.
    pub(super) fn import(self: &Arc<Self>, id: &UploadId) {
        if !self.under_way(|all| all.insert(id.clone())) {
            return;
        }
        let (uploads, id) = (self.clone(), id.clone());
        drop(tasks::spawn("import", async move {
            let turn = uploads.imports.turns.clone().acquire_owned().await;
            if let Err(error) = uploads.run_import(&id).await {
                tracing::warn!(upload.id = %id, error.chain = %error, "an import will be looked at again");
            }
            drop(turn);
            uploads.under_way(|all| all.remove(&id));
        }));
    }

    fn under_way(&self, change: impl FnOnce(&mut HashSet<UploadId>) -> bool) -> bool {
        change(&mut self.imports.under_way.lock().expect("no code panics while it holds this lock"))
    }

    async fn run_import(&self, id: &UploadId) -> Result<(), UploadError> {
        let Some(upload) = self.store.get::<Upload>((id.clone(),), ()).await? else { return Ok(()) };
        let mut held = self.take(upload).await?;
        let deadline = Instant::now() + self.imports.duration_max;
        let mut attempts = 0;
        while length(&held.upload) != Some(held.offset) {
            let stood_at = held.offset;
            let outcome = timeout_at(deadline, self.fetch(&mut held)).await;
            let late = || Broken::ForGood(failure("import_too_long", "it took longer than an import may"));
            let detail = match outcome.unwrap_or_else(|_| Ok(Err(late())))? {
                Ok(()) => continue,
                Err(Broken::Taken) => return Ok(()),
                Err(Broken::ForGood(failure)) => return self.fail(held, failure).await,
                Err(Broken::Passing(detail)) => detail,
            };
            attempts = if held.offset > stood_at { 1 } else { attempts + 1 };
            if attempts >= ATTEMPTS_MAX {
                return self.fail(held, failure("import_unreachable", &detail)).await;
            }
            if timeout(Duration::from_secs(1 << attempts), held.hold.asked()).await.is_ok() {
                return Ok(());
            }
        }
        self.finish(&mut held).await
    }

    /// Fetches to the end of the file, and sets the length there.
    async fn fetch(&self, held: &mut Held) -> Result<Result<(), Broken>, UploadError> {
        let Some(mut import) = held.upload.import.clone() else { return Ok(Err(Broken::Taken)) };
        let fetching = self.imports.fetcher.get(&import.url, held.offset, import.etag.as_deref());
        let fetched = tokio::select! {
            fetched = fetching => fetched,
            () = held.hold.asked() => return Ok(Err(Broken::Taken)),
        };
        let fetched = match fetched {
            Ok(fetched) => fetched,
            Err(error) if error.is_passing() => return Ok(Err(Broken::Passing(error.to_string()))),
            Err(error) => {
                return Ok(Err(Broken::ForGood(failure("import_refused", &error.to_string()))));
            }
        };
        if fetched.length_bytes.is_some_and(|length| length > import.room_bytes) {
            return Ok(Err(too_large(import.room_bytes)));
        }
        if fetched.offset != held.offset {
            held.hold.clear().await?;
            held.offset = fetched.offset;
        }
        let room_bytes = import.room_bytes;
        import.etag = fetched.etag;
        held.upload.import = Some(import);
        self.touch(held).await?;
        let receiving = Raised::of(&self.metrics.uploads_receiving);
        let received = held.hold.write(held.offset).await?.receive(room_bytes, fetched.bytes).await?;
        drop(receiving);
        let (offset, broken) = received.keep().await?;
        self.metrics.upload_bytes.inc_by(offset.saturating_sub(held.offset));
        held.offset = offset;
        self.touch(held).await?;
        Ok(match broken {
            None if fetched.length_bytes.is_none_or(|length| length == offset) => {
                held.upload.length_bytes = Some(signed(offset));
                self.store.put(held.upload.clone()).await?;
                Ok(())
            }
            None => Err(Broken::Passing("the file ended before its declared end".into())),
            Some(StagingError::Taken) => Err(Broken::Taken),
            Some(StagingError::TooLong) => Err(too_large(room_bytes)),
            Some(error) => Err(Broken::Passing(error.to_string())),
        })
    }

    /// Its bytes go; why it failed is kept for a while.
    async fn fail(&self, mut held: Held, failure: Failure) -> Result<(), UploadError> {
        let Held { upload, .. } = &mut held;
        self.ledger.forget(&upload.owner_id, &upload.video_id).await?;
        if let Some(import) = &mut upload.import {
            import.failure = Some(failure);
        }
        self.store.put_for(upload.clone(), self.options.expire_after).await?;
        self.staging.remove(&upload.upload_id).await?;
        self.release(upload).await?;
        self.metrics.uploads.of("refused").inc();
        Ok(())
    }
}

fn failure(code: &str, detail: &str) -> Failure {
    Failure { code: code.into(), detail: detail.into(), retryable: true }
}

fn too_large(room_bytes: u64) -> Broken {
    let detail = format!("the file is larger than the {room_bytes} bytes that you may still upload");
    Broken::ForGood(Failure { code: "too_large".into(), detail, retryable: false })
}
