//! Which upload is to take the place of a video's file: one at a time. A row says so from the beginning of the upload to
//! the end of its trial. One that was left behind is found out when the next asks, so that a crash blocks nobody.

use crate::{
    backends::store::{
        Edit, Store, StoreResult,
        tables::{
            upload::Upload,
            video::{Job, Replacement},
        },
    },
    domain::ids::{UploadId, VideoId},
};

/// What became of a wish to replace a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reserved {
    Mine,
    /// That upload goes on, or its file is on trial.
    Taken(UploadId),
}

/// Reserves a video for an upload whose row is written. Asking again changes nothing.
pub async fn reserve(store: &Store, video: &VideoId, upload: &UploadId) -> StoreResult<Reserved> {
    let mine = Replacement { video_id: video.clone(), upload_id: upload.clone() };
    if store.insert_if_absent(mine.clone(), None).await? {
        return Ok(Reserved::Mine);
    }
    let stored = store.get::<Replacement>((video.clone(),), ()).await?;
    if let Some(Replacement { upload_id: other, .. }) = &stored
        && other != upload
        && goes_on(store, video, other).await?
    {
        return Ok(Reserved::Taken(other.clone()));
    }
    // What is over never begins again, so it need not be asked for twice.
    let taken = store.update::<Replacement, _>((video.clone(),), move |now| match now {
        Some(now) if Some(&now) != stored.as_ref() => (None, Reserved::Taken(now.upload_id)),
        _ => (Some(mine.clone()), Reserved::Mine),
    });
    taken.await
}

async fn goes_on(store: &Store, video: &VideoId, upload: &UploadId) -> StoreResult<bool> {
    let row = store.get::<Upload>((upload.clone(),), ()).await?;
    let has_failed = |row: &Upload| row.import.as_ref().is_some_and(|import| import.failure.is_some());
    if row.is_some_and(|row| !row.finished && !has_failed(&row)) {
        return Ok(true);
    }
    let job = store.get::<Job>((video.clone(),), ()).await?;
    Ok(job.and_then(|job| job.trial).is_some_and(|trial| trial.upload_id == *upload))
}

/// Lets another upload replace the file, if it was this one's turn.
pub async fn release(store: &Store, video: &VideoId, upload: &UploadId) -> StoreResult<()> {
    let upload = upload.clone();
    let released = store.update_partition::<Replacement, ()>((video.clone(),), vec![()], move |view| {
        let is_mine = view.rows.iter().any(|row| row.upload_id == upload);
        (Edit { deletes: if is_mine { vec![()] } else { Vec::new() }, ..Edit::default() }, ())
    });
    released.await
}
