//! From bytes to an object: a draft under a temporary name, synced, renamed, its directories synced.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use futures_util::StreamExt;

use super::{
    super::{ObjectError, ObjectInfo, ObjectKey, ObjectResult, Source},
    Root, blocking, failed, info,
};

/// Pieces are gathered to this size before they go to the blocking pool.
const WRITE_BYTES: usize = 1 << 20;
/// How often a directory may be removed under a writer before it gives up.
const RENAMES_MAX: usize = 8;

/// A file that is not yet an object, and is removed if it never becomes one.
pub(super) struct Draft {
    pub(super) file: File,
    path: PathBuf,
    published: bool,
}

impl Draft {
    pub(super) fn new(root: &Root) -> ObjectResult<Self> {
        let path = root.temporary_path();
        let file = File::options().write(true).create_new(true).open(&path).map_err(failed)?;
        Ok(Self { file, path, published: false })
    }

    /// Takes in a whole source. Nothing is left when it, or the disk, fails.
    pub(super) async fn of_source(root: &Arc<Root>, mut source: Source) -> ObjectResult<Self> {
        let mut draft = blocking(root.clone(), Self::new).await?;
        loop {
            let mut pieces: Vec<Bytes> = Vec::new();
            let mut bytes = 0;
            while bytes < WRITE_BYTES
                && let Some(piece) = source.next().await
            {
                let piece = piece.map_err(ObjectError::Source)?;
                bytes += piece.len();
                pieces.push(piece);
            }
            if pieces.is_empty() {
                return Ok(draft);
            }
            draft = blocking(root.clone(), move |_| {
                pieces.iter().try_for_each(|piece| draft.file.write_all(piece)).map_err(failed)?;
                Ok(draft)
            })
            .await?;
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.published
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(%error, "could not remove a half-written object; the next start does");
        }
    }
}

impl Root {
    pub(super) fn publish(&self, mut draft: Draft, key: &ObjectKey) -> ObjectResult<ObjectInfo> {
        draft.file.sync_all().map_err(failed)?;
        self.rename_into_place(&draft.path, &self.path_of(key))?;
        draft.published = true;
        draft.file.metadata().map(|metadata| info(&metadata)).map_err(failed)
    }

    pub(super) fn publish_at(&self, mut draft: Draft, path: &Path) -> ObjectResult<()> {
        draft.file.sync_all().map_err(failed)?;
        self.rename_into_place(&draft.path, path)?;
        draft.published = true;
        Ok(())
    }

    /// By rename where that is possible, else by a copy.
    pub(super) fn adopt(&self, source: &Path, key: &ObjectKey) -> ObjectResult<ObjectInfo> {
        let mut file = File::open(source).map_err(ObjectError::Source)?;
        file.sync_all().map_err(failed)?;
        match self.rename_into_place(source, &self.path_of(key)) {
            Ok(()) => file.metadata().map(|metadata| info(&metadata)).map_err(failed),
            Err(Rename::OtherFileSystem) => {
                let mut draft = Draft::new(self)?;
                io::copy(&mut file, &mut draft.file).map_err(failed)?;
                let info = self.publish(draft, key)?;
                fs::remove_file(source).map_err(failed)?;
                Ok(info)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn rename_into_place(&self, from: &Path, to: &Path) -> Result<(), Rename> {
        let parent = to.parent().unwrap_or(&self.dir);
        for _ in 0..RENAMES_MAX {
            self.make_dirs(parent)?;
            match fs::rename(from, to) {
                Ok(()) => return Ok(self.sync_dir(Some(parent))?),
                // Somebody removed the emptied directory meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound && from.exists() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Rename::Failed(ObjectError::Unavailable("its directory keeps being removed".into())))
    }

    /// Each new directory is synced into its parent, or a power cut could take what is in it.
    fn make_dirs(&self, dir: &Path) -> Result<(), Rename> {
        if dir.is_dir() {
            return Ok(());
        }
        let parent = dir.parent().unwrap_or(&self.dir);
        self.make_dirs(parent)?;
        match fs::create_dir(dir) {
            Ok(()) => Ok(self.sync_dir(Some(parent))?),
            // Another writer was faster. Should it be gone again by now, the rename will say so and try again.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && !dir.is_file() => Ok(()),
            // Its parent was removed under us: likewise.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Why a file could not be renamed to where it belongs.
#[derive(Debug)]
enum Rename {
    OtherFileSystem,
    Failed(ObjectError),
}

impl From<ObjectError> for Rename {
    fn from(error: ObjectError) -> Self {
        Rename::Failed(error)
    }
}

impl From<io::Error> for Rename {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind::{AlreadyExists, CrossesDevices, DirectoryNotEmpty, IsADirectory, NotADirectory};
        match error.kind() {
            CrossesDevices => Rename::OtherFileSystem,
            AlreadyExists | DirectoryNotEmpty | IsADirectory | NotADirectory => {
                Rename::Failed(ObjectError::KeyConflict)
            }
            _ => Rename::Failed(failed(error)),
        }
    }
}

impl From<Rename> for ObjectError {
    fn from(error: Rename) -> Self {
        match error {
            Rename::OtherFileSystem => ObjectError::Unavailable("its parts lie on two file systems".into()),
            Rename::Failed(error) => error,
        }
    }
}
