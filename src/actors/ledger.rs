//! What the files of each account come to. Every file has one row, and a change of a row and of the sums happens
//! together, so that nothing is counted twice however often a step is repeated, and bounds hold for two requests at
//! once.

use std::ops::Bound;

use crate::{
    backends::store::{
        Edit, Query, Store, StoreResult, View,
        tables::upload::{StoredFile, StoredTotals, Upload},
    },
    domain::{
        ids::{UploadId, UserId, VideoId},
        storage::FileState,
    },
};

#[derive(Clone)]
pub struct Ledger {
    store: Store,
}

/// A file as it is to be counted.
#[derive(Debug, Clone)]
pub struct Entry {
    pub state: FileState,
    pub video_id: VideoId,
    pub upload_id: UploadId,
    pub bytes: u64,
}

/// What an account may have.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub open_max: usize,
    /// Of its roles; a quota of the account's own goes before it.
    pub quota_bytes: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    Admitted,
    TooManyOpen { open: u64 },
    OverQuota { quota_bytes: u64, used_bytes: u64 },
}

/// What an account has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    pub used_bytes: u64,
    pub open: u64,
    /// Its own, if it was given one.
    pub quota_bytes: Option<u64>,
}

impl Usage {
    /// Bytes that may still come; `None` without a bound.
    pub fn room_bytes(&self, quota_of_roles: Option<u64>) -> Option<u64> {
        Some(self.quota_bytes.or(quota_of_roles)?.saturating_sub(self.used_bytes))
    }
}

impl Ledger {
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    pub async fn usage(&self, owner: &UserId) -> StoreResult<Usage> {
        let totals = self.store.statics::<StoredFile>((owner.clone(),)).await?;
        Ok(totals.map(|totals| usage(&totals)).unwrap_or_default())
    }

    /// Counts a file, or counts it anew. What the account may not have is refused and changes nothing.
    pub async fn admit(&self, owner: &UserId, entry: Entry, bounds: Bounds) -> StoreResult<Admission> {
        self.change(owner, entry.video_id.clone(), Some(entry), Some(bounds)).await
    }

    /// Counts a file without asking: what is here is here.
    pub async fn count(&self, owner: &UserId, entry: Entry) -> StoreResult<()> {
        self.change(owner, entry.video_id.clone(), Some(entry), None).await.map(drop)
    }

    pub async fn forget(&self, owner: &UserId, video: &VideoId) -> StoreResult<()> {
        self.change(owner, video.clone(), None, None).await.map(drop)
    }

    /// A file that was counted under an id of its own is the video's now, in place of the one it had. Asking again changes
    /// nothing.
    pub async fn replace(&self, owner: &UserId, video: &VideoId, file: &VideoId) -> StoreResult<()> {
        let keys = vec![(FileState::Stored, video.clone()), (FileState::Stored, file.clone())];
        let (video, file) = (video.clone(), file.clone());
        let replaced = self
            .store
            .update_partition((owner.clone(),), keys, move |view| (replacement(view, &video, &file), ()));
        replaced.await
    }

    /// Forgets a video's file and the upload that brought it.
    pub async fn forget_video(&self, owner: &UserId, video: &VideoId) -> StoreResult<()> {
        let key = (FileState::Stored, video.clone());
        if let Some(file) = self.store.get::<StoredFile>((owner.clone(),), key).await? {
            self.store.delete::<Upload>((file.upload_id,), ()).await?;
        }
        self.forget(owner, video).await
    }

    /// Uploads under way.
    pub async fn open_uploads(&self, owner: &UserId) -> StoreResult<Vec<UploadId>> {
        let open = Query::<StoredFile>::of((owner.clone(),), 1_000);
        let open = open.between(Bound::Included(FileState::Open), Bound::Included(FileState::Open));
        Ok(self.store.scan(open).await?.items.into_iter().map(|file| file.upload_id).collect())
    }

    /// Gives an account a quota of its own; `None`: that of its roles.
    pub async fn set_quota(&self, owner: &UserId, quota_bytes: Option<u64>) -> StoreResult<()> {
        let quota_bytes = quota_bytes.map(signed);
        let update = self.store.update_partition::<StoredFile, ()>((owner.clone(),), vec![], move |view| {
            let totals = StoredTotals { quota_bytes, ..view.statics.unwrap_or_default() };
            (Edit { statics: Some(totals), ..Edit::default() }, ())
        });
        update.await
    }

    async fn change(
        &self,
        owner: &UserId,
        video: VideoId,
        entry: Option<Entry>,
        bounds: Option<Bounds>,
    ) -> StoreResult<Admission> {
        let states = [FileState::Open, FileState::Part, FileState::Stored];
        let keys = states.map(|state| (state, video.clone())).to_vec();
        let file = entry.map(|entry| StoredFile {
            owner_id: owner.clone(),
            state: entry.state,
            video_id: entry.video_id,
            upload_id: entry.upload_id,
            bytes: signed(entry.bytes),
        });
        let update = self
            .store
            .update_partition((owner.clone(),), keys, move |view| decide(view, file.clone(), bounds));
        update.await
    }
}

/// The rows a file has had go, the new one comes, and the sums follow.
fn decide(
    view: View<StoredFile>,
    file: Option<StoredFile>,
    bounds: Option<Bounds>,
) -> (Edit<StoredFile>, Admission) {
    let before = view.statics.unwrap_or_default();
    let is_open = |row: &StoredFile| i64::from(row.state == FileState::Open);
    let mut after = before.clone();
    for row in &view.rows {
        after.used_bytes -= row.bytes;
        after.open_uploads -= is_open(row);
    }
    if let Some(file) = &file {
        after.used_bytes += file.bytes;
        after.open_uploads += is_open(file);
    }
    if let Some(refused) = bounds.and_then(|bounds| refusal(&before, &after, bounds)) {
        return (Edit::default(), refused);
    }
    let kept = file.as_ref().map(|file| file.state);
    let gone = view.rows.into_iter().filter(|row| Some(row.state) != kept);
    let deletes = gone.map(|row| (row.state, row.video_id)).collect();
    let puts = file.into_iter().map(|file| (file, None)).collect();
    (Edit { statics: Some(after), puts, deletes }, Admission::Admitted)
}

fn replacement(view: View<StoredFile>, video: &VideoId, file: &VideoId) -> Edit<StoredFile> {
    let (new, old): (Vec<_>, Vec<_>) = view.rows.into_iter().partition(|row| row.video_id == *file);
    let Some(new) = new.into_iter().next() else { return Edit::default() };
    let mut totals = view.statics.unwrap_or_default();
    totals.used_bytes -= old.iter().map(|row| row.bytes).sum::<i64>();
    let deletes = vec![(FileState::Stored, file.clone())];
    let new = StoredFile { video_id: video.clone(), ..new };
    Edit { statics: Some(totals), puts: vec![(new, None)], deletes }
}

/// What shrinks is never refused.
fn refusal(before: &StoredTotals, after: &StoredTotals, bounds: Bounds) -> Option<Admission> {
    let open_max = i64::try_from(bounds.open_max).unwrap_or(i64::MAX);
    if after.open_uploads > before.open_uploads && after.open_uploads > open_max {
        return Some(Admission::TooManyOpen { open: unsigned(before.open_uploads) });
    }
    let quota = before.quota_bytes.map(unsigned).or(bounds.quota_bytes)?;
    if after.used_bytes > before.used_bytes && unsigned(after.used_bytes) > quota {
        return Some(Admission::OverQuota { quota_bytes: quota, used_bytes: unsigned(before.used_bytes) });
    }
    None
}

fn usage(totals: &StoredTotals) -> Usage {
    Usage {
        used_bytes: unsigned(totals.used_bytes),
        open: unsigned(totals.open_uploads),
        quota_bytes: totals.quota_bytes.map(unsigned),
    }
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        backends::store,
        domain::clock::{ManualClock, Timestamp},
    };

    async fn ledger() -> (tempfile::TempDir, Ledger) {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::default());
        let store = store::open("embedded:", folder.path(), clock).await.unwrap();
        (folder, Ledger::new(store))
    }

    fn entry(number: i64, state: FileState, bytes: u64) -> Entry {
        let video_id = format!("video{number}").parse().unwrap();
        Entry { state, video_id, upload_id: UploadId::new(Timestamp(number)), bytes }
    }

    fn bounds(quota_bytes: u64) -> Bounds {
        Bounds { open_max: 2, quota_bytes: Some(quota_bytes) }
    }

    #[tokio::test]
    async fn a_file_is_counted_once_whatever_becomes_of_it() {
        let (_folder, ledger) = ledger().await;
        let owner = UserId::new(Timestamp(1));
        for state in [FileState::Open, FileState::Open, FileState::Part, FileState::Stored, FileState::Stored]
        {
            ledger.count(&owner, entry(5, state, 100)).await.unwrap();
            let open = u64::from(state == FileState::Open);
            let usage = ledger.usage(&owner).await.unwrap();
            assert_eq!(usage, Usage { used_bytes: 100, open, quota_bytes: None });
        }
        ledger.count(&owner, entry(5, FileState::Stored, 40)).await.unwrap();
        assert_eq!(ledger.usage(&owner).await.unwrap().used_bytes, 40, "its file was replaced");
        for _ in 0..2 {
            ledger.forget(&owner, &entry(5, FileState::Open, 0).video_id).await.unwrap();
            assert_eq!(ledger.usage(&owner).await.unwrap(), Usage::default());
        }
    }

    #[tokio::test]
    async fn a_file_that_takes_the_place_of_another_is_counted_instead_of_it_and_once() {
        let (_folder, ledger) = ledger().await;
        let owner = UserId::new(Timestamp(1));
        for (number, bytes) in [(1, 100), (2, 60), (3, 5)] {
            ledger.count(&owner, entry(number, FileState::Stored, bytes)).await.unwrap();
        }
        let id = |number| entry(number, FileState::Stored, 0).video_id;
        for _ in 0..2 {
            ledger.replace(&owner, &id(1), &id(2)).await.unwrap();
            assert_eq!(ledger.usage(&owner).await.unwrap().used_bytes, 65);
        }
        ledger.forget(&owner, &id(2)).await.unwrap();
        assert_eq!(ledger.usage(&owner).await.unwrap().used_bytes, 65, "it is known as the video's");
        ledger.forget(&owner, &id(1)).await.unwrap();
        assert_eq!(ledger.usage(&owner).await.unwrap().used_bytes, 5);
    }

    #[tokio::test]
    async fn bounds_hold_for_all_at_once_and_shrinking_is_never_refused() {
        let (_folder, ledger) = ledger().await;
        let owner = UserId::new(Timestamp(1));
        let admit = async |number, bytes, quota| {
            ledger.admit(&owner, entry(number, FileState::Open, bytes), bounds(quota)).await.unwrap()
        };
        assert_eq!(admit(1, 60, 100).await, Admission::Admitted);
        assert_eq!(admit(2, 50, 100).await, Admission::OverQuota { quota_bytes: 100, used_bytes: 60 });
        assert_eq!(admit(2, 40, 100).await, Admission::Admitted);
        assert_eq!(admit(2, 30, 50).await, Admission::Admitted, "less than before, though over the quota");
        assert_eq!(admit(3, 0, 100).await, Admission::TooManyOpen { open: 2 });
        ledger.set_quota(&owner, Some(1_000)).await.unwrap();
        assert_eq!(admit(2, 900, 100).await, Admission::Admitted, "its own quota goes before its role's");
        let usage = ledger.usage(&owner).await.unwrap();
        assert_eq!(usage.room_bytes(Some(100)), Some(40));
    }
}
