//! Objects as files below one directory. What is being written lies in `.tmp` and `.parts`, on the same file
//! system, and becomes an object by a rename; the file is synced before it and the directories after it.
//! All file work runs on the blocking pool.

mod list;
mod parts;
mod publish;
mod read;
#[cfg(test)]
mod tests;

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::task::spawn_blocking;

use self::publish::Draft;
use super::{
    ByteRange, Handing, Listing, MultipartId, Object, ObjectError, ObjectInfo, ObjectKey, ObjectResult,
    Objects, Prefix, Source,
};

pub(super) struct Directory {
    root: Arc<Root>,
}

/// The directory itself: paths, and what every part of the engine does with them.
struct Root {
    dir: PathBuf,
}

impl Directory {
    /// Removes what an earlier process left half-written.
    pub(super) fn open(dir: PathBuf, abandoned_after: Duration) -> io::Result<Self> {
        fs::create_dir_all(&dir)?;
        let root = Root { dir };
        if root.temporary().exists() {
            fs::remove_dir_all(root.temporary())?;
        }
        fs::create_dir_all(root.temporary())?;
        fs::create_dir_all(root.parts())?;
        root.remove_abandoned_uploads(abandoned_after)?;
        Ok(Self { root: Arc::new(root) })
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Root) -> ObjectResult<T> + Send + 'static,
    ) -> ObjectResult<T> {
        blocking(self.root.clone(), work).await
    }

    async fn put(&self, key: ObjectKey, source: Source) -> ObjectResult<ObjectInfo> {
        let draft = Draft::of_source(&self.root, source).await?;
        self.blocking(move |root| root.publish(draft, &key)).await
    }
}

async fn blocking<T: Send + 'static>(
    root: Arc<Root>,
    work: impl FnOnce(&Root) -> ObjectResult<T> + Send + 'static,
) -> ObjectResult<T> {
    let lost = |_| ObjectError::Unavailable("the runtime is shutting down".into());
    spawn_blocking(move || work(&root)).await.map_err(lost)?
}

impl Root {
    fn temporary(&self) -> PathBuf {
        self.dir.join(".tmp")
    }

    fn parts(&self) -> PathBuf {
        self.dir.join(".parts")
    }

    fn path_of(&self, key: &ObjectKey) -> PathBuf {
        self.dir.join(key.as_str())
    }

    /// A name nobody else uses.
    fn temporary_path(&self) -> PathBuf {
        self.temporary().join(format!("{:032x}", rand::random::<u128>()))
    }

    fn head(&self, key: &ObjectKey) -> ObjectResult<Option<ObjectInfo>> {
        match fs::metadata(self.path_of(key)) {
            Ok(metadata) => Ok(metadata.is_file().then(|| info(&metadata))),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    fn delete(&self, key: &ObjectKey) -> ObjectResult<()> {
        let path = self.path_of(key);
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if is_absence(&error) || error.kind() == io::ErrorKind::IsADirectory => return Ok(()),
            Err(error) => return Err(failed(error)),
        }
        self.sync_dir(path.parent())?;
        self.remove_empty_parents(&path);
        Ok(())
    }

    fn delete_prefix(&self, prefix: &Prefix) -> ObjectResult<()> {
        let below: Vec<PathBuf> = match prefix.as_str().strip_suffix('/') {
            Some(dir) => Some(self.dir.join(dir)).filter(|dir| dir.is_dir()).into_iter().collect(),
            None => list::visible_entries(&self.dir)
                .map_err(failed)?
                .into_iter()
                .map(|entry| entry.path)
                .collect(),
        };
        below.iter().try_for_each(|path| self.bury(path))
    }

    /// Moved away first, so that all of it disappears at once and a crash leaves no half of it.
    fn bury(&self, path: &Path) -> ObjectResult<()> {
        let grave = self.temporary_path();
        match fs::rename(path, &grave) {
            Ok(()) => {}
            Err(error) if is_absence(&error) => return Ok(()),
            Err(error) => return Err(failed(error)),
        }
        self.sync_dir(path.parent())?;
        self.remove_empty_parents(path);
        let removed = if grave.is_dir() { fs::remove_dir_all(&grave) } else { fs::remove_file(&grave) };
        removed.map_err(failed)
    }

    /// Object stores have no directories, so none stays behind. A writer that loses its directory to this
    /// makes it again.
    fn remove_empty_parents(&self, path: &Path) {
        for dir in path.ancestors().skip(1).take_while(|dir| *dir != self.dir) {
            if fs::remove_dir(dir).is_err() {
                return;
            }
        }
    }

    fn sync_dir(&self, dir: Option<&Path>) -> ObjectResult<()> {
        match fs::File::open(dir.unwrap_or(&self.dir)) {
            Ok(dir) => dir.sync_all().map_err(failed),
            // Emptied and removed by somebody else meanwhile.
            Err(error) if is_absence(&error) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }
}

/// Cheap on purpose: no content is read. The inode tells apart two writes within one tick of the file clock.
fn info(metadata: &fs::Metadata) -> ObjectInfo {
    let nanos = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
    let etag = format!("{:x}-{:x}-{nanos:x}", metadata.ino(), metadata.len());
    ObjectInfo { size: metadata.len(), etag }
}

/// `ENOTDIR`: `a/b` is asked for where `a` is an object.
fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn failed(error: io::Error) -> ObjectError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ObjectError::NoSpace,
        _ => ObjectError::Unavailable(error.to_string()),
    }
}

impl Objects for Directory {
    fn put<'a>(&'a self, key: &'a ObjectKey, source: Source) -> BoxFuture<'a, ObjectResult<ObjectInfo>> {
        Box::pin(self.put(key.clone(), source))
    }

    fn put_long<'a>(
        &'a self,
        key: &'a ObjectKey,
        source: Source,
        _: u64,
    ) -> BoxFuture<'a, ObjectResult<ObjectInfo>> {
        Box::pin(self.put(key.clone(), source))
    }

    fn put_file<'a>(&'a self, key: &'a ObjectKey, file: &'a Path) -> BoxFuture<'a, ObjectResult<ObjectInfo>> {
        let (key, file) = (key.clone(), file.to_path_buf());
        Box::pin(self.blocking(move |root| root.adopt(&file, &key)))
    }

    fn begin_multipart<'a>(&'a self, key: &'a ObjectKey) -> BoxFuture<'a, ObjectResult<MultipartId>> {
        let key = key.clone();
        Box::pin(self.blocking(move |root| root.begin_multipart(&key)))
    }

    fn put_part<'a>(
        &'a self,
        upload: &'a MultipartId,
        number: u32,
        source: Source,
    ) -> BoxFuture<'a, ObjectResult<()>> {
        Box::pin(async move {
            let draft = Draft::of_source(&self.root, source).await?;
            let upload = upload.clone();
            self.blocking(move |root| root.put_part(&upload, number, draft)).await
        })
    }

    fn complete_multipart<'a>(
        &'a self,
        upload: &'a MultipartId,
        parts: u32,
    ) -> BoxFuture<'a, ObjectResult<ObjectInfo>> {
        let upload = upload.clone();
        Box::pin(self.blocking(move |root| root.complete_multipart(&upload, parts)))
    }

    fn abort_multipart<'a>(&'a self, upload: &'a MultipartId) -> BoxFuture<'a, ObjectResult<()>> {
        let upload = upload.clone();
        Box::pin(self.blocking(move |root| root.abort_multipart(&upload)))
    }

    fn head<'a>(&'a self, key: &'a ObjectKey) -> BoxFuture<'a, ObjectResult<Option<ObjectInfo>>> {
        let key = key.clone();
        Box::pin(self.blocking(move |root| root.head(&key)))
    }

    fn get<'a>(
        &'a self,
        key: &'a ObjectKey,
        range: Option<ByteRange>,
    ) -> BoxFuture<'a, ObjectResult<Option<Object>>> {
        let key = key.clone();
        Box::pin(self.blocking(move |root| root.read(&key, range)))
    }

    fn list<'a>(
        &'a self,
        prefix: &'a Prefix,
        after: Option<&'a ObjectKey>,
        limit: usize,
    ) -> BoxFuture<'a, ObjectResult<Listing>> {
        let (prefix, after) = (prefix.clone(), after.cloned());
        Box::pin(self.blocking(move |root| root.list(&prefix, after.as_ref(), limit)))
    }

    fn delete<'a>(&'a self, key: &'a ObjectKey) -> BoxFuture<'a, ObjectResult<()>> {
        let key = key.clone();
        Box::pin(self.blocking(move |root| root.delete(&key)))
    }

    fn delete_prefix<'a>(&'a self, prefix: &'a Prefix) -> BoxFuture<'a, ObjectResult<()>> {
        let prefix = prefix.clone();
        Box::pin(self.blocking(move |root| root.delete_prefix(&prefix)))
    }

    fn local_path(&self, key: &ObjectKey) -> Option<PathBuf> {
        Some(self.root.path_of(key))
    }

    fn address<'a>(&'a self, _: &'a ObjectKey, _: Handing) -> BoxFuture<'a, ObjectResult<Option<String>>> {
        Box::pin(async { Ok(None) })
    }
}
