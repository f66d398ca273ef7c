//! Two nodes of one store, as far as uploads see them.

use std::{io, path::PathBuf};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};

use super::{
    super::{Hold, Options, Pace, Staging},
    *,
};
use crate::{
    backends::{
        bus, objects,
        store::{self},
    },
    domain::{
        checksum::{Algorithm, Digests},
        clock::{ManualClock, SharedClock, Timestamp},
    },
};

struct House {
    folder: tempfile::TempDir,
    store: Store,
    objects: SharedObjects,
    clock: SharedClock,
}

impl House {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock: SharedClock = Arc::new(ManualClock::default());
        let store = store::open("embedded:", folder.path(), clock.clone()).await.unwrap();
        let objects = objects::open("dir:", folder.path()).unwrap();
        Self { folder, store, objects, clock }
    }

    fn bus(&self) -> SharedBus {
        bus::embedded(self.clock.clone())
    }

    async fn node(&self, bus: &SharedBus, memory_max_bytes: u64) -> Staging {
        let pace = Pace { bytes_min: 1, within: Duration::from_secs(60) };
        let options = Options { space_min_bytes: 0, memory_max_bytes, pace };
        let (store, objects, bus) = (self.store.clone(), self.objects.clone(), bus.clone());
        Staging::open_shared(BackEnds { store, objects, bus }, options).await
    }

    fn left(&self) -> usize {
        files(self.folder.path().join("objects/uploads"))
    }

    async fn whole(&self, hold: &Hold) -> Vec<u8> {
        let key: ObjectKey = "sources/a/original".parse().unwrap();
        hold.begin_to_end().await.unwrap();
        hold.go_to(&self.objects, &key).await.unwrap();
        let object = self.objects.get(&key, None).await.unwrap().unwrap();
        objects::read_all(object.body).await.unwrap()
    }
}

fn files(folder: PathBuf) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let paths = entries.flatten().map(|entry| entry.path());
    paths.map(|path| if path.is_dir() { files(path) } else { 1 }).sum()
}

const MEMORY: u64 = 64 << 20;

async fn begun(staging: &Staging, number: i64) -> UploadId {
    let id = UploadId::new(Timestamp(number));
    staging.hold(&id).await.unwrap().create().await.unwrap();
    id
}

fn pieces(bytes: &[u8]) -> impl Stream<Item = io::Result<Bytes>> + Unpin + use<> {
    let pieces: Vec<_> = bytes.chunks(100_003).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    stream::iter(pieces)
}

/// Bytes that tell a shift by any length a piece may have.
fn content(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

async fn add(hold: &Hold, offset: u64, bytes: &[u8]) -> (u64, Option<StagingError>) {
    let received = hold.write(offset).await.unwrap().receive(u64::MAX, pieces(bytes)).await.unwrap();
    received.keep().await.unwrap()
}

#[tokio::test]
async fn an_upload_goes_on_at_another_node_and_comes_out_as_one() {
    let house = House::new().await;
    let bus = house.bus();
    let (one, other) = (house.node(&bus, MEMORY).await, house.node(&bus, MEMORY).await);
    let all = content(20_000_000);
    let id = begun(&one, 1).await;
    let mut from = 0;
    for (node, until) in [(&one, 10), (&other, 9_000_000), (&one, 9_000_000), (&other, 20_000_000)] {
        let hold = node.hold(&id).await.unwrap();
        assert_eq!(hold.offset().await.unwrap(), from as u64);
        let (offset, broken) = add(&hold, from as u64, &all[from..until]).await;
        assert!(offset == until as u64 && broken.is_none());
        from = until;
    }
    assert_eq!(one.list().await.unwrap(), std::slice::from_ref(&id));
    let hold = one.hold(&id).await.unwrap();
    assert!(house.whole(&hold).await == all);
    one.remove(&id).await.unwrap();
    assert_eq!((house.left(), one.list().await.unwrap().len()), (0, 0));
    assert!(matches!(hold.offset().await, Err(StagingError::NotFound)));
}

#[tokio::test]
async fn a_holder_at_another_node_is_asked_and_what_it_had_is_kept() {
    let house = House::new().await;
    let bus = house.bus();
    let (one, other) = (house.node(&bus, MEMORY).await, house.node(&bus, MEMORY).await);
    let id = begun(&one, 1).await;
    let first = one.hold(&id).await.unwrap();
    assert!(other.is_held(&id).await && one.is_held(&id).await);
    let (said, heard) = tokio::sync::oneshot::channel();
    let silence = stream::once(async {
        said.send(()).expect("somebody waits for it");
        std::future::pending().await
    });
    let ghost = Box::pin(pieces(b"abc").chain(silence));
    let (told, later) = tokio::join!(
        async {
            let received = first.write(0).await.unwrap().receive(9, ghost).await.unwrap();
            let kept = received.keep().await.unwrap();
            drop(first);
            kept
        },
        async {
            heard.await.unwrap();
            other.hold(&id).await.unwrap()
        },
    );
    assert!(matches!(told, (3, Some(StagingError::Taken))));
    assert_eq!(later.offset().await.unwrap(), 3);
    let again = one.hold_within(&id, Duration::from_millis(200)).await;
    assert!(matches!(again, Err(StagingError::Locked)), "who does not let go keeps it");
}

#[tokio::test]
async fn a_ghost_that_nobody_could_ask_changes_nothing_and_leaves_nothing() {
    let house = House::new().await;
    // Each hears itself only: as while the bus is away.
    let (one, other) = (house.node(&house.bus(), MEMORY).await, house.node(&house.bus(), MEMORY).await);
    let id = begun(&one, 1).await;
    let ghost = one.hold(&id).await.unwrap();
    let writing = ghost.write(0).await.unwrap();
    let later = other.hold(&id).await.unwrap();
    add(&later, 0, b"hello").await;
    let received = writing.receive(u64::MAX, pieces(b"HULLO WORLD")).await.unwrap();
    assert!(matches!(received.keep().await.unwrap(), (0, Some(StagingError::Taken))));
    assert!(matches!(ghost.confirm().await, Err(StagingError::Taken)));
    assert!(later.confirm().await.is_ok());
    assert!(matches!(ghost.begin_to_end().await, Err(StagingError::Taken)));
    assert!(matches!(ghost.clear().await, Err(StagingError::Taken)));
    assert_eq!(house.left(), 1, "its piece is gone");
    assert!(house.whole(&later).await == b"hello");
}

#[tokio::test]
async fn what_has_another_checksum_never_was_and_what_has_it_counts_at_once() {
    let house = House::new().await;
    let node = house.node(&house.bus(), MEMORY).await;
    let id = begun(&node, 1).await;
    let hold = node.hold(&id).await.unwrap();
    let all = content(9_000_000);
    for is_right in [false, true] {
        let writing = hold.write(0).await.unwrap().checked(Digests::of(&[Algorithm::Sha1])).await.unwrap();
        let mut received = writing.receive(u64::MAX, pieces(&all)).await.unwrap();
        let expected = <sha1::Sha1 as sha2::Digest>::digest(&all).to_vec();
        assert!(received.take_digests().unwrap().have(Algorithm::Sha1, &expected));
        assert_eq!(node.length(&id).await.unwrap(), 0, "nothing counts before it is proven");
        match is_right {
            true => assert!(matches!(received.keep().await.unwrap(), (9_000_000, None))),
            false => assert_eq!(received.discard().await.unwrap(), 0),
        }
        assert_eq!(house.left(), if is_right { 2 } else { 0 });
    }
    assert!(house.whole(&hold).await == all);
}

#[tokio::test]
async fn uploads_that_share_little_memory_all_arrive() {
    let house = House::new().await;
    let node = house.node(&house.bus(), 2 * STEP_BYTES as u64).await;
    let all = content(3_000_000);
    let mut ids = Vec::new();
    for number in 1..=5 {
        ids.push(begun(&node, number).await);
    }
    let one = async |id: &UploadId| {
        let hold = node.hold(id).await.unwrap();
        let (offset, broken) = add(&hold, 0, &all).await;
        assert!(offset == all.len() as u64 && broken.is_none(), "{broken:?}");
        let stand = node.length(id).await.unwrap();
        assert_eq!(stand, all.len() as u64);
    };
    futures_util::future::join_all(ids.iter().map(one)).await;
    let hold = node.hold(&ids[3]).await.unwrap();
    assert!(house.whole(&hold).await == all);
}

#[tokio::test]
async fn parts_become_one_without_being_copied_and_a_new_beginning_forgets_the_old() {
    let house = House::new().await;
    let node = house.node(&house.bus(), MEMORY).await;
    let (one, two, whole) = (begun(&node, 1).await, begun(&node, 2).await, begun(&node, 3).await);
    add(&node.hold(&one).await.unwrap(), 0, b"hello ").await;
    add(&node.hold(&two).await.unwrap(), 0, b"world").await;
    let hold = node.hold(&whole).await.unwrap();
    add(&hold, 0, b"what a crash has left").await;
    hold.clear().await.unwrap();
    for part in [&one, &two, &one] {
        hold.add(part).await.unwrap();
    }
    assert_eq!(house.left(), 2);
    assert!(house.whole(&hold).await == b"hello worldhello ");
}

#[tokio::test]
async fn strays_go_and_what_is_listed_stays() {
    let house = House::new().await;
    let node = house.node(&house.bus(), MEMORY).await;
    let id = begun(&node, 1).await;
    add(&node.hold(&id).await.unwrap(), 0, b"here").await;
    let lost = piece_key(&UploadId::new(Timestamp(2)), 0);
    house.objects.put(&lost, objects::source_of("late")).await.unwrap();
    assert_eq!(house.left(), 2);
    node.remove_strays().await.unwrap();
    assert_eq!(house.left(), 1);
    assert_eq!(node.hold(&id).await.unwrap().offset().await.unwrap(), 4);
}
