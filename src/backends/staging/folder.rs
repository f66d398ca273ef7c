//! Uploads as files of one folder of this machine. The length of a file is how far the upload is; small files beside it
//! say what is to be thrown away after a crash, and what is on its way to where it belongs.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::{
    fs::{self, File, OpenOptions},
    io::AsyncWriteExt,
};

use super::{
    StagingError,
    disk::{self, Disk},
};
use crate::domain::ids::UploadId;

#[derive(Clone)]
pub(super) struct Folder {
    folder: Arc<Path>,
    space_min_bytes: u64,
}

impl Folder {
    pub(super) fn open(folder: &Path, space_min_bytes: u64) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        Ok(Self { folder: folder.into(), space_min_bytes })
    }

    pub(super) async fn check_space(&self, length_bytes: u64) -> Result<(), StagingError> {
        let (folder, space_min_bytes) = (self.folder.clone(), self.space_min_bytes);
        let space = tokio::task::spawn_blocking(move || disk::space_bytes(&std::fs::File::open(folder)?));
        let space_bytes = space.await.map_err(io::Error::other)??;
        match space_bytes.saturating_sub(space_min_bytes) < length_bytes || space_bytes < space_min_bytes {
            true => Err(StagingError::NoSpace),
            false => Ok(()),
        }
    }

    pub(super) fn path(&self, id: &UploadId) -> PathBuf {
        self.folder.join(format!("{id}.part"))
    }

    /// While this is there, only so many bytes of the upload are known to be good.
    fn mark(&self, id: &UploadId) -> PathBuf {
        self.folder.join(format!("{id}.good"))
    }

    /// While this is there, a whole upload is on its way to where it belongs.
    fn end(&self, id: &UploadId) -> PathBuf {
        self.folder.join(format!("{id}.end"))
    }

    pub(super) async fn create(&self, id: &UploadId) -> Result<(), StagingError> {
        File::create(self.path(id)).await?;
        self.sync_folder().await
    }

    pub(super) async fn length(&self, id: &UploadId) -> Result<u64, StagingError> {
        match fs::metadata(self.path(id)).await {
            Ok(metadata) => Ok(metadata.len()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn remove(&self, id: &UploadId) -> Result<(), StagingError> {
        for path in [self.path(id), self.mark(id), self.end(id)] {
            match fs::remove_file(path).await {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Every upload that has a file here.
    pub(super) async fn list(&self) -> Result<Vec<UploadId>, StagingError> {
        let mut found = Vec::new();
        let mut entries = fs::read_dir(&self.folder).await?;
        while let Some(entry) = entries.next_entry().await? {
            let name = entry.file_name();
            let id = name.to_str().and_then(|name| name.split_once('.')).and_then(|(id, _)| id.parse().ok());
            found.extend(id);
        }
        found.sort();
        found.dedup();
        Ok(found)
    }

    pub(super) async fn offset(&self, id: &UploadId) -> Result<u64, StagingError> {
        let file = OpenOptions::new().write(true).open(self.path(id)).await?;
        if let Some(good) = self.good(id).await? {
            file.set_len(good).await?;
            file.sync_data().await?;
            fs::remove_file(self.mark(id)).await?;
        }
        file.sync_data().await?;
        Ok(file.metadata().await?.len())
    }

    /// Where the good bytes of a request end that was checked and never came to its end.
    async fn good(&self, id: &UploadId) -> Result<Option<u64>, StagingError> {
        match fs::read_to_string(self.mark(id)).await {
            // A mark that is not whole was made before the first byte came.
            Ok(text) => Ok(text.strip_suffix('\n').and_then(|text| text.parse().ok())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// What follows these bytes is not known to be good, until [`Folder::unmark`] says so.
    pub(super) async fn mark_good(&self, id: &UploadId, good_bytes: u64) -> Result<(), StagingError> {
        let mut file = File::create(self.mark(id)).await?;
        file.write_all(format!("{good_bytes}\n").as_bytes()).await?;
        file.sync_all().await?;
        self.sync_folder().await
    }

    pub(super) async fn unmark(&self, id: &UploadId) -> Result<(), StagingError> {
        Ok(fs::remove_file(self.mark(id)).await?)
    }

    pub(super) async fn disk(&self, id: &UploadId) -> Result<Disk, StagingError> {
        Disk::open(&self.path(id), self.space_min_bytes).await
    }

    /// Adds all bytes of another upload, which the kernel copies.
    pub(super) async fn add(&self, id: &UploadId, other: &UploadId) -> Result<(), StagingError> {
        let (from, to) = (self.path(other), self.path(id));
        let copied = tokio::task::spawn_blocking(move || {
            let mut from = std::fs::File::open(from)?;
            let mut to = std::fs::OpenOptions::new().append(true).open(to)?;
            io::copy(&mut from, &mut to)?;
            to.sync_data()
        });
        Ok(copied.await.map_err(io::Error::other)??)
    }

    pub(super) async fn clear(&self, id: &UploadId) -> Result<(), StagingError> {
        let file = OpenOptions::new().write(true).open(self.path(id)).await?;
        file.set_len(0).await?;
        Ok(file.sync_data().await?)
    }

    /// `false`: it has gone already.
    pub(super) async fn begin_to_end(&self, id: &UploadId) -> Result<bool, StagingError> {
        File::create(self.end(id)).await?;
        self.sync_folder().await?;
        Ok(fs::try_exists(self.path(id)).await?)
    }

    pub(super) async fn is_ending(&self, id: &UploadId) -> Result<bool, StagingError> {
        Ok(fs::try_exists(self.end(id)).await?)
    }

    pub(super) async fn has_gone(&self, id: &UploadId) -> Result<bool, StagingError> {
        Ok(self.is_ending(id).await? && !fs::try_exists(self.path(id)).await?)
    }

    async fn sync_folder(&self) -> Result<(), StagingError> {
        Ok(File::open(&self.folder).await?.sync_all().await?)
    }
}
