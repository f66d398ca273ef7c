//! Sources that lie in a distant store, as files of this machine while workers read them. However many workers read a
//! source, it is fetched once; it stays for a while after the last of them, since the next piece of the same job is
//! usually near. The content of a source never changes under its key.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::StreamExt;
use tokio::{
    fs::{self, File},
    io::{AsyncWriteExt, BufWriter},
    sync::OnceCell,
    time::Instant,
};

use crate::{
    backends::objects::{ObjectKey, SharedObjects},
    telemetry::tasks,
};

const STAYS_FOR: Duration = Duration::from_secs(300);
const WRITE_BYTES: usize = 1 << 20;

#[derive(Clone)]
pub struct Copies {
    inner: Arc<Inner>,
}

struct Inner {
    folder: PathBuf,
    stays_for: Duration,
    files: AtomicU64,
    entries: Mutex<HashMap<ObjectKey, Arc<Entry>>>,
}

/// A file of a source, which goes with it.
struct Entry {
    path: PathBuf,
    fetched: OnceCell<()>,
    left_at: Mutex<Option<Instant>>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, "the copy of a source could not be removed; the next start does");
            }
            _ => {}
        }
    }
}

/// The right to read a copy.
pub struct Copy {
    key: ObjectKey,
    entry: Arc<Entry>,
    copies: Copies,
}

impl Copy {
    pub fn path(&self) -> &Path {
        &self.entry.path
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        *self.entry.left_at.lock().expect(UNBROKEN) = Some(Instant::now());
        let (copies, key) = (self.copies.clone(), self.key.clone());
        if tokio::runtime::Handle::try_current().is_ok() {
            tasks::spawn("copy of a source", async move {
                tokio::time::sleep(copies.inner.stays_for).await;
                copies.let_go(&key);
            });
        }
    }
}

const UNBROKEN: &str = "no code panics while it holds this lock";

impl Copies {
    pub fn new(folder: PathBuf) -> Self {
        Self::staying(folder, STAYS_FOR)
    }

    fn staying(folder: PathBuf, stays_for: Duration) -> Self {
        let (files, entries) = (AtomicU64::new(0), Mutex::default());
        Self { inner: Arc::new(Inner { folder, stays_for, files, entries }) }
    }

    /// Fetches the source, unless it is here already. Who comes while another fetches it waits for that one.
    pub async fn of(&self, objects: &SharedObjects, key: &ObjectKey) -> io::Result<Copy> {
        let entry = self.entries().entry(key.clone()).or_insert_with(|| self.new_entry()).clone();
        let copy = Copy { key: key.clone(), entry, copies: self.clone() };
        let fetched = copy.entry.fetched.get_or_try_init(async || {
            fs::create_dir_all(&self.inner.folder).await?;
            download(objects, key, &copy.entry.path).await
        });
        fetched.await?;
        Ok(copy)
    }

    fn new_entry(&self) -> Arc<Entry> {
        let number = self.inner.files.fetch_add(1, Ordering::Relaxed);
        let path = self.inner.folder.join(number.to_string());
        Arc::new(Entry { path, fetched: OnceCell::new(), left_at: Mutex::default() })
    }

    /// Forgets a source that nobody reads and nobody has read for a while.
    fn let_go(&self, key: &ObjectKey) {
        let mut entries = self.entries();
        let over = entries.get(key).is_some_and(|entry| {
            let left_at = *entry.left_at.lock().expect(UNBROKEN);
            let rested = left_at.is_some_and(|left_at| left_at.elapsed() >= self.inner.stays_for);
            rested && Arc::strong_count(entry) == 1
        });
        let gone = if over { entries.remove(key) } else { None };
        drop(entries);
        drop(gone);
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<ObjectKey, Arc<Entry>>> {
        self.inner.entries.lock().expect(UNBROKEN)
    }
}

pub async fn download(objects: &SharedObjects, key: &ObjectKey, path: &Path) -> io::Result<()> {
    let object = objects.get(key, None).await.map_err(io::Error::other)?;
    let mut body = object.ok_or(io::ErrorKind::NotFound)?.body;
    let mut file = BufWriter::with_capacity(WRITE_BYTES, File::create(path).await?);
    while let Some(piece) = body.next().await {
        file.write_all(&piece.map_err(io::Error::other)?).await?;
    }
    file.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backends::objects::{self, source_of};

    #[tokio::test]
    async fn a_source_is_fetched_once_and_goes_when_nobody_has_read_it_for_a_while() {
        let folder = tempfile::tempdir().unwrap();
        let objects = objects::open("dir:", folder.path()).unwrap();
        let key: ObjectKey = "sources/a/original".parse().unwrap();
        objects.put(&key, source_of("a film")).await.unwrap();
        let copies = Copies::staying(folder.path().join("copies"), Duration::from_millis(50));
        let (first, second) = tokio::join!(copies.of(&objects, &key), copies.of(&objects, &key));
        let (first, second) = (first.unwrap(), second.unwrap());
        assert_eq!(first.path(), second.path());
        objects.delete(&key).await.unwrap();
        let path = first.path().to_owned();
        drop(first);
        tokio::time::sleep(Duration::from_millis(120)).await;
        assert_eq!(std::fs::read(&path).unwrap(), b"a film", "one still reads it");
        drop(second);
        let again = copies.of(&objects, &key).await.unwrap();
        assert_eq!(again.path(), path, "it stays for a while");
        drop(again);
        let deadline = Instant::now() + Duration::from_secs(10);
        while path.exists() {
            assert!(Instant::now() < deadline, "it never goes");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(copies.of(&objects, &key).await.is_err());
    }
}
