//! Objects that are asked for again and again, in memory, and how much memory that may be. Only for objects whose content
//! never changes; whether somebody may have one is decided before anyone looks here.

use std::{fs::File, hash::BuildHasher, path::PathBuf, sync::Arc};

use bytes::Bytes;
use futures_util::StreamExt;
use quick_cache::{Weighter, sync::Cache};
use tokio::{
    sync::{Mutex, MutexGuard, OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
};

use crate::{
    backends::objects::{Body, ObjectInfo, ObjectKey, ObjectResult, Prefix},
    http::sendfile::{self, Regions, Registered},
};

/// Larger ones are streamed from where they lie.
const OBJECT_BYTES_MAX: u64 = 8 << 20;
/// Objects that are remembered to have been asked for once.
const ASKED_LEN_MAX: usize = 16_384;
/// What one permit of the budget stands for.
const UNIT_BYTES: u64 = 4_096;
/// Objects that may be read into memory at the same time, roughly: others may share a turn.
const TURNS_LEN: usize = 256;
/// Keys and bookkeeping of an entry, roughly.
const ENTRY_BYTES: u64 = 256;

pub struct Kept {
    pub info: ObjectInfo,
    pub bytes: Bytes,
}

/// An object whose bytes give their share of the budget back when nobody holds them any more. Their region ends first.
struct Charged {
    _region: Option<Registered>,
    bytes: Vec<u8>,
    _share: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Charged {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[derive(Clone)]
struct Weight;

impl Weighter<ObjectKey, Arc<Kept>> for Weight {
    fn weight(&self, _: &ObjectKey, kept: &Arc<Kept>) -> u64 {
        kept.bytes.len() as u64 + ENTRY_BYTES
    }
}

pub struct Hot {
    objects: Cache<ObjectKey, Arc<Kept>, Weight>,
    asked: Cache<u64, ()>,
    hasher: std::hash::RandomState,
    turns: Box<[Mutex<()>]>,
    /// Of all bytes here, those that are in no cache any more but still on their way to a slow reader included.
    budget: Arc<Semaphore>,
}

impl Hot {
    /// A quarter of the bytes is for objects on their way that have lost their place.
    pub fn new(bytes_max: u64) -> Self {
        let cached = bytes_max / 4 * 3;
        let permits = usize::try_from(bytes_max / UNIT_BYTES).unwrap_or(Semaphore::MAX_PERMITS);
        Self {
            objects: Cache::with_weighter(places(cached), cached.max(1), Weight),
            asked: Cache::new(ASKED_LEN_MAX),
            hasher: std::hash::RandomState::new(),
            turns: (0..TURNS_LEN).map(|_| Mutex::new(())).collect(),
            budget: Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS))),
        }
    }

    pub fn get(&self, key: &ObjectKey) -> Option<Arc<Kept>> {
        self.objects.get(key)
    }

    /// Lets go of all that lies below a prefix.
    pub fn forget(&self, below: &Prefix) {
        self.objects.retain(|key, _| !key.as_str().starts_with(below.as_str()));
    }

    /// Whether this is not the first request for an object of late. What is asked for once is not worth a place.
    pub fn is_wanted_again(&self, key: &ObjectKey) -> bool {
        let name = self.hasher.hash_one(key);
        let before = self.asked.get(&name).is_some();
        if !before {
            self.asked.insert(name, ());
        }
        before
    }

    /// The right to read an object into memory: whoever gets it looks first whether another has done so meanwhile. A
    /// segment that a thousand players want at once is fetched once.
    pub async fn turn(&self, key: &ObjectKey) -> MutexGuard<'_, ()> {
        let at = self.hasher.hash_one(key) % TURNS_LEN as u64;
        self.turns[usize::try_from(at).expect("it is small")].lock().await
    }

    /// Reads an object and keeps it; gives it back unread where it is too large or there is no memory to spare. `place` is
    /// for objects that are files here.
    pub async fn keep(
        &self,
        key: &ObjectKey,
        info: ObjectInfo,
        body: Body,
        place: Option<Place>,
    ) -> ObjectResult<Result<Arc<Kept>, Body>> {
        let units = u32::try_from((info.size + ENTRY_BYTES).div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX);
        let share = self.budget.clone().try_acquire_many_owned(units);
        let Some(share) = share.ok().filter(|_| info.size <= OBJECT_BYTES_MAX) else { return Ok(Err(body)) };
        let bytes = read(body, info.size).await?;
        let region = match place {
            Some(place) => place.register(&bytes).await,
            None => None,
        };
        let charged = Charged { _region: region, bytes, _share: share };
        let kept = Arc::new(Kept { info, bytes: Bytes::from_owner(charged) });
        self.objects.insert(key.clone(), kept.clone());
        Ok(Ok(kept))
    }
}

/// Where an object is a file, and who wants to know of it.
pub struct Place {
    pub path: PathBuf,
    pub regions: Arc<Regions>,
}

impl Place {
    /// Nothing where the file has gone meanwhile or is too short to be worth it: then memory has to do.
    async fn register(self, bytes: &[u8]) -> Option<Registered> {
        let len = bytes.len();
        if len < sendfile::FROM_BYTES {
            return None;
        }
        let Self { path, regions } = self;
        let open = move || File::open(path).ok().filter(|file| is_of_len(file, len));
        let file = spawn_blocking(open).await.ok().flatten()?;
        Some(regions.register(bytes, file))
    }
}

fn is_of_len(file: &File, len: usize) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.len() == len as u64)
}

/// How many segments fit, roughly. The cache is cut into parts of at least 32 places, so this is what makes a part large
/// enough for the largest object.
fn places(bytes: u64) -> usize {
    usize::try_from(bytes >> 20).unwrap_or(usize::MAX).max(1)
}

async fn read(mut body: Body, size: u64) -> ObjectResult<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    while let Some(piece) = body.next().await {
        bytes.extend_from_slice(&piece?);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backends::objects::source_of;

    fn info(size: u64) -> ObjectInfo {
        ObjectInfo { size, etag: "x".into() }
    }

    fn body(size: usize) -> Body {
        Box::pin(source_of(vec![7; size]).map(|piece| Ok(piece.expect("bytes at hand"))))
    }

    fn key(name: &str) -> ObjectKey {
        name.parse().unwrap()
    }

    #[test]
    fn an_object_is_worth_a_place_the_second_time() {
        let hot = Hot::new(1 << 20);
        assert!(!hot.is_wanted_again(&key("a")));
        assert!(!hot.is_wanted_again(&key("b")));
        assert!(hot.is_wanted_again(&key("a")));
    }

    #[tokio::test]
    async fn of_many_who_want_an_object_at_once_one_reads_it() {
        let hot = Arc::new(Hot::new(1 << 20));
        let reads = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let readers = (0..50).map(async |_| {
            let _turn = hot.turn(&key("a")).await;
            if hot.get(&key("a")).is_none() {
                reads.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                tokio::task::yield_now().await;
                assert!(hot.keep(&key("a"), info(9), body(9), None).await.unwrap().is_ok());
            }
        });
        futures_util::future::join_all(readers).await;
        assert_eq!(reads.load(std::sync::atomic::Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn what_lies_below_a_prefix_is_let_go() {
        let hot = Hot::new(1 << 20);
        for name in ["videos/a/seg", "videos/ab/seg"] {
            assert!(hot.keep(&key(name), info(9), body(9), None).await.unwrap().is_ok());
        }
        hot.forget(&"videos/a/".parse().unwrap());
        assert!(hot.get(&key("videos/a/seg")).is_none() && hot.get(&key("videos/ab/seg")).is_some());
    }

    #[tokio::test]
    async fn memory_is_bounded_with_what_slow_readers_still_hold() {
        let hot = Hot::new(1 << 20);
        let size = 100_000;
        let mut held = Vec::new();
        for at in 0..20 {
            let kept = hot.keep(&key(&format!("a/{at}")), info(size as u64), body(size), None).await.unwrap();
            held.extend(kept.ok());
        }
        assert!(held.len() <= 10, "{} objects of 100 kB are held within 1 MiB", held.len());
        assert!(held.len() >= 8);
        held.clear();
        let again = hot.keep(&key("b"), info(size as u64), body(size), None).await.unwrap();
        assert!(again.is_ok(), "what nobody holds any more is given back");
        assert_eq!(hot.get(&key("b")).unwrap().bytes.len(), size);
    }

    #[tokio::test]
    async fn nothing_is_kept_without_memory_and_nothing_large() {
        let none = Hot::new(0);
        assert!(none.keep(&key("a"), info(10), body(10), None).await.unwrap().is_err());
        let some = Hot::new(64 << 20);
        assert!(some.keep(&key("a"), info(OBJECT_BYTES_MAX + 1), body(10), None).await.unwrap().is_err());
    }
}
