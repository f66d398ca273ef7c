//! What every object store must do, said once through the public contract. Each engine's own test makes a bed for a
//! case and runs it by `conformance!`.

use std::io;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use playhouse::backends::objects::{
    ByteRange, Handing, ObjectError, ObjectKey, PART_BYTES_MIN, Portion, Prefix, SharedObjects, join,
    read_all, source_of,
};

/// An empty store, and a folder for files that lie elsewhere. `_kept` is what has to stay while it is used.
pub struct Bed<T = ()> {
    pub objects: SharedObjects,
    pub dir: tempfile::TempDir,
    pub _kept: T,
}

/// Runs every case against the beds that a function of the given name makes.
macro_rules! conformance {
    ($engine:ident) => {
        crate::objects_suite::conformance!($engine:
            an_object_is_read_back_as_it_was_written,
            a_range_is_exactly_its_bytes,
            an_empty_object_has_no_ranges,
            a_large_object_streams_in_pieces,
            a_replaced_object_has_a_new_etag_and_readers_keep_the_old_one,
            a_file_is_adopted,
            a_large_file_is_adopted_whole,
            parts_join_in_their_order_and_nothing_shows_before,
            a_part_that_is_too_small_is_refused_when_it_is_not_the_last,
            lists_come_in_key_order_and_in_pages,
            deleting_takes_one_or_all_below_a_prefix,
            more_than_a_thousand_are_deleted_at_once,
            writers_and_deleters_of_one_folder_do_not_disturb_each_other,
            a_source_that_fails_leaves_the_old_object,
            objects_join_in_their_order_and_one_that_is_missing_ends_it,
            an_object_has_an_address_or_a_path,
        );
    };
    ($engine:ident: $($case:ident),+ $(,)?) => {
        mod $engine {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    crate::objects_suite::$case(super::$engine().await).await;
                }
            )+
        }
    };
}
pub(crate) use conformance;

pub fn key(text: &str) -> ObjectKey {
    text.parse().unwrap()
}

pub fn prefix(text: &str) -> Prefix {
    text.parse().unwrap()
}

pub async fn put(objects: &SharedObjects, name: &str, bytes: &str) {
    objects.put(&key(name), source_of(bytes.to_string())).await.unwrap();
}

pub async fn read(objects: &SharedObjects, name: &str) -> Option<Vec<u8>> {
    let object = objects.get(&key(name), None).await.unwrap()?;
    Some(read_all(object.body).await.unwrap())
}

pub async fn names(objects: &SharedObjects, prefix: &Prefix) -> Vec<String> {
    let listing = objects.list(prefix, None, 1_000).await.unwrap();
    listing.objects.iter().map(|listed| listed.key.to_string()).collect()
}

pub async fn an_object_is_read_back_as_it_was_written<T>(bed: Bed<T>) {
    let objects = &bed.objects;
    assert_eq!(objects.head(&key("a/b")).await.unwrap(), None);
    assert!(objects.get(&key("a/b"), None).await.unwrap().is_none());
    let info = objects.put(&key("a/b"), source_of("hello")).await.unwrap();
    assert_eq!(info.size, 5);
    assert_eq!(objects.head(&key("a/b")).await.unwrap(), Some(info.clone()));
    let object = objects.get(&key("a/b"), None).await.unwrap().unwrap();
    assert_eq!((object.info, object.first_byte, object.len), (info, 0, 5));
    assert_eq!(read(objects, "a/b").await.unwrap(), b"hello");
    put(objects, "empty", "").await;
    assert_eq!(read(objects, "empty").await.unwrap(), b"");
    assert!(objects.head(&key("a")).await.unwrap().is_none(), "a folder is no object");
}

pub async fn a_range_is_exactly_its_bytes<T>(bed: Bed<T>) {
    put(&bed.objects, "o", "0123456789").await;
    let cases = [
        (ByteRange::From(7), Some((7, "789"))),
        (ByteRange::Between(0, 0), Some((0, "0"))),
        (ByteRange::Between(3, 5), Some((3, "345"))),
        (ByteRange::Between(8, u64::MAX), Some((8, "89"))),
        (ByteRange::Last(4), Some((6, "6789"))),
        (ByteRange::Last(99), Some((0, "0123456789"))),
        (ByteRange::From(10), None),
        (ByteRange::Last(0), None),
        (ByteRange::Between(5, 3), None),
    ];
    for (range, expected) in cases {
        let answer = bed.objects.get(&key("o"), Some(range)).await;
        match (expected, answer) {
            (Some((first, text)), Ok(Some(object))) => {
                assert_eq!((object.first_byte, object.len, object.info.size), (first, text.len() as u64, 10));
                assert_eq!(read_all(object.body).await.unwrap(), text.as_bytes(), "{range:?}");
            }
            (None, Err(ObjectError::RangeNotSatisfiable { size: 10 })) => {}
            (_, answer) => panic!("{range:?}: {:?}", answer.map(|object| object.is_some())),
        }
    }
}

pub async fn an_empty_object_has_no_ranges<T>(bed: Bed<T>) {
    put(&bed.objects, "empty", "").await;
    for range in [ByteRange::From(0), ByteRange::Last(1), ByteRange::Between(0, 0)] {
        let answer = bed.objects.get(&key("empty"), Some(range)).await;
        assert!(matches!(answer, Err(ObjectError::RangeNotSatisfiable { size: 0 })), "{range:?}");
        assert!(bed.objects.get(&key("none"), Some(range)).await.unwrap().is_none());
    }
}

pub async fn a_large_object_streams_in_pieces<T>(bed: Bed<T>) {
    // More than two parts of whatever an engine cuts it into.
    let piece = |number: u8| Bytes::from(vec![number; 100_000]);
    let source = stream::iter((0..200).map(move |number| io::Result::Ok(piece(number))));
    let info = bed.objects.put(&key("large"), Box::pin(source)).await.unwrap();
    assert_eq!(info.size, 20_000_000);
    assert_eq!(bed.objects.head(&key("large")).await.unwrap(), Some(info));
    let range = ByteRange::Between(150_000, 19_049_999);
    let mut body = bed.objects.get(&key("large"), Some(range)).await.unwrap().unwrap().body;
    let (mut at, mut pieces) = (150_000_usize, 0);
    while let Some(piece) = body.next().await {
        let piece = piece.unwrap();
        assert!(piece.iter().zip(at..).all(|(byte, at)| usize::from(*byte) == at / 100_000));
        at += piece.len();
        pieces += 1;
    }
    assert_eq!(at, 19_050_000);
    assert!(pieces > 1);
}

pub async fn a_replaced_object_has_a_new_etag_and_readers_keep_the_old_one<T>(bed: Bed<T>) {
    let long = "a".repeat(2_000_000);
    put(&bed.objects, "o", &long).await;
    let before = bed.objects.get(&key("o"), None).await.unwrap().unwrap();
    put(&bed.objects, "o", &"b".repeat(2_000_000)).await;
    let after = bed.objects.head(&key("o")).await.unwrap().unwrap();
    assert_ne!(before.info.etag, after.etag);
    assert_eq!(read_all(before.body).await.unwrap(), long.as_bytes());
    assert_eq!(bed.objects.head(&key("o")).await.unwrap().unwrap().etag, after.etag);
}

pub async fn a_file_is_adopted<T>(bed: Bed<T>) {
    let file = bed.dir.path().join("upload");
    std::fs::write(&file, "a video").unwrap();
    let info = bed.objects.put_file(&key("v/source"), &file).await.unwrap();
    assert!(!file.exists());
    assert_eq!(bed.objects.head(&key("v/source")).await.unwrap(), Some(info));
    assert_eq!(read(&bed.objects, "v/source").await.unwrap(), b"a video");
    let missing = bed.objects.put_file(&key("v/other"), &file).await;
    assert!(matches!(missing, Err(ObjectError::Source(_))));
    if let Some(path) = bed.objects.local_path(&key("v/source")) {
        assert_eq!(std::fs::read(path).unwrap(), b"a video");
    }
}

/// As large as a part has to be, all of one letter.
fn part(letter: char) -> Bytes {
    Bytes::from(vec![letter as u8; PART_BYTES_MIN as usize])
}

pub async fn a_large_file_is_adopted_whole<T>(bed: Bed<T>) {
    let file = bed.dir.path().join("upload");
    let content: Vec<u8> = (0..20_000_001_u32).map(|at| (at % 251) as u8).collect();
    std::fs::write(&file, &content).unwrap();
    let info = bed.objects.put_file(&key("v/source"), &file).await.unwrap();
    assert_eq!(info.size, content.len() as u64);
    assert!(!file.exists());
    assert!(read(&bed.objects, "v/source").await.unwrap() == content);
}

pub async fn parts_join_in_their_order_and_nothing_shows_before<T>(bed: Bed<T>) {
    let objects = &bed.objects;
    let upload = objects.begin_multipart(&key("m/whole")).await.unwrap();
    for (number, bytes) in [(3, Bytes::from("three")), (1, part('x')), (2, part('b')), (1, part('a'))] {
        objects.put_part(&upload, number, source_of(bytes)).await.unwrap();
    }
    assert_eq!(objects.head(&key("m/whole")).await.unwrap(), None);
    assert!(names(objects, &Prefix::all()).await.is_empty());
    assert!(matches!(objects.complete_multipart(&upload, 4).await, Err(ObjectError::NoSuchUpload)));
    let info = objects.complete_multipart(&upload, 3).await.unwrap();
    assert_eq!(info.size, 2 * PART_BYTES_MIN + 5);
    assert_eq!(objects.head(&key("m/whole")).await.unwrap(), Some(info));
    assert!(read(objects, "m/whole").await.unwrap() == [&part('a')[..], &part('b')[..], b"three"].concat());
    assert!(matches!(objects.complete_multipart(&upload, 3).await, Err(ObjectError::NoSuchUpload)));
    let aborted = objects.begin_multipart(&key("m/none")).await.unwrap();
    objects.put_part(&aborted, 1, source_of("x")).await.unwrap();
    objects.abort_multipart(&aborted).await.unwrap();
    objects.abort_multipart(&aborted).await.unwrap();
    let late = objects.put_part(&aborted, 2, source_of("x")).await;
    assert!(matches!(late, Err(ObjectError::NoSuchUpload)), "{late:?}");
    assert_eq!(names(objects, &Prefix::all()).await, ["m/whole"]);
}

pub async fn a_part_that_is_too_small_is_refused_when_it_is_not_the_last<T>(bed: Bed<T>) {
    let upload = bed.objects.begin_multipart(&key("m")).await.unwrap();
    bed.objects.put_part(&upload, 1, source_of("small")).await.unwrap();
    bed.objects.put_part(&upload, 2, source_of("last")).await.unwrap();
    let refused = bed.objects.complete_multipart(&upload, 2).await;
    assert!(matches!(refused, Err(ObjectError::PartTooSmall { number: 1 })), "{refused:?}");
    assert_eq!(bed.objects.head(&key("m")).await.unwrap(), None);
    assert_eq!(bed.objects.complete_multipart(&upload, 1).await.unwrap().size, 5, "the one is the last");
}

pub async fn lists_come_in_key_order_and_in_pages<T>(bed: Bed<T>) {
    let keys = ["a-b", "a.b", "a/1", "a/10", "a/2", "a/b/c", "a0", "b/x"];
    for name in keys.iter().rev() {
        put(&bed.objects, name, name).await;
    }
    assert_eq!(names(&bed.objects, &Prefix::all()).await, keys);
    assert_eq!(names(&bed.objects, &prefix("a/")).await, ["a/1", "a/10", "a/2", "a/b/c"]);
    assert!(names(&bed.objects, &prefix("c/")).await.is_empty());
    for limit in 1..=keys.len() {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = bed.objects.list(&Prefix::all(), after.as_ref(), limit).await.unwrap();
            assert!(page.objects.len() <= limit);
            seen.extend(page.objects.iter().map(|listed| listed.key.to_string()));
            after = page.objects.last().map(|listed| listed.key.clone());
            if !page.more {
                break;
            }
        }
        assert_eq!(seen, keys, "limit {limit}");
    }
}

pub async fn deleting_takes_one_or_all_below_a_prefix<T>(bed: Bed<T>) {
    for name in ["v/1/a", "v/1/b/c", "v/10/a", "v/2", "w"] {
        put(&bed.objects, name, "x").await;
    }
    bed.objects.delete(&key("v/2")).await.unwrap();
    bed.objects.delete(&key("v/2")).await.unwrap();
    bed.objects.delete(&key("v/1")).await.unwrap();
    bed.objects.delete_prefix(&prefix("w/")).await.unwrap();
    assert_eq!(names(&bed.objects, &Prefix::all()).await, ["v/1/a", "v/1/b/c", "v/10/a", "w"]);
    bed.objects.delete_prefix(&prefix("v/1/")).await.unwrap();
    bed.objects.delete_prefix(&prefix("v/1/")).await.unwrap();
    assert_eq!(names(&bed.objects, &Prefix::all()).await, ["v/10/a", "w"]);
    bed.objects.delete_prefix(&Prefix::all()).await.unwrap();
    assert!(names(&bed.objects, &Prefix::all()).await.is_empty());
    put(&bed.objects, "v/1/a", "again").await;
    assert_eq!(read(&bed.objects, "v/1/a").await.unwrap(), b"again");
}

pub async fn more_than_a_thousand_are_deleted_at_once<T>(bed: Bed<T>) {
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..4 {
        let objects = bed.objects.clone();
        tasks.spawn(async move {
            for number in 0..256 {
                put(&objects, &format!("many/{task}-{number:03}"), "x").await;
            }
        });
    }
    tasks.join_all().await;
    put(&bed.objects, "other", "x").await;
    let listing = bed.objects.list(&prefix("many/"), None, 1_010).await.unwrap();
    assert_eq!((listing.objects.len(), listing.more), (1_010, true));
    bed.objects.delete_prefix(&prefix("many/")).await.unwrap();
    assert_eq!(names(&bed.objects, &Prefix::all()).await, ["other"]);
}

pub async fn writers_and_deleters_of_one_folder_do_not_disturb_each_other<T>(bed: Bed<T>) {
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8 {
        let objects = bed.objects.clone();
        tasks.spawn(async move {
            for _ in 0..30 {
                let name = key(&format!("deep/er/folder/{task}"));
                objects.put(&name, source_of("x")).await.unwrap();
                objects.delete(&name).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    assert!(names(&bed.objects, &Prefix::all()).await.is_empty());
}

pub async fn objects_join_in_their_order_and_one_that_is_missing_ends_it<T>(bed: Bed<T>) {
    let objects = &bed.objects;
    // More than one part, and no piece as long as a part.
    let pieces = [("p/b", 9 << 20), ("p/a", 3), ("p/c", 10 << 20)];
    let (mut portions, mut expected) = (Vec::new(), Vec::new());
    for (name, len) in pieces {
        let bytes: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
        expected.extend_from_slice(&bytes);
        objects.put(&key(name), source_of(bytes)).await.unwrap();
        portions.push(Portion { key: key(name), bytes: len });
    }
    let info = join(objects, &key("whole"), portions.clone()).await.unwrap();
    assert_eq!(info.size, expected.len() as u64);
    assert!(read(objects, "whole").await.unwrap() == expected);
    assert_eq!(names(objects, &prefix("p/")).await, ["p/a", "p/b", "p/c"], "they stay");
    for (name, bytes) in [("p/d", 1), ("p/a", 4)] {
        let wrong = [portions.clone(), vec![Portion { key: key(name), bytes }]].concat();
        assert!(join(objects, &key("wrong"), wrong).await.is_err(), "{name}");
    }
    assert!(objects.head(&key("wrong")).await.unwrap().is_none());
    join(objects, &key("empty"), Vec::new()).await.unwrap();
    assert_eq!(read(objects, "empty").await.unwrap(), b"");
}

pub async fn a_source_that_fails_leaves_the_old_object<T>(bed: Bed<T>) {
    put(&bed.objects, "o", "old").await;
    // Before the first part is full, and after some are on their way.
    for whole_parts in [0, 3] {
        let begun = stream::iter((0..whole_parts).map(|_| io::Result::Ok(part('x'))));
        let broken = stream::iter([Ok(Bytes::from("new")), Err(io::ErrorKind::ConnectionReset.into())]);
        let answer = bed.objects.put(&key("o"), Box::pin(begun.chain(broken))).await;
        assert!(matches!(answer, Err(ObjectError::Source(_))), "{answer:?}");
        assert_eq!(read(&bed.objects, "o").await.unwrap(), b"old");
        assert_eq!(names(&bed.objects, &Prefix::all()).await, ["o"]);
    }
}

pub async fn an_object_has_an_address_or_a_path<T>(bed: Bed<T>) {
    put(&bed.objects, "v/o", "hello").await;
    let handing = Handing { kind: "video/mp4", good_for: std::time::Duration::from_secs(60) };
    let address = bed.objects.address(&key("v/o"), handing).await.unwrap();
    let path = bed.objects.local_path(&key("v/o"));
    match (address, path) {
        (None, Some(path)) => assert_eq!(std::fs::read(path).unwrap(), b"hello"),
        (Some(address), None) => {
            let answer = reqwest::get(&address).await.unwrap();
            assert_eq!(answer.status(), 200);
            assert_eq!(answer.headers()["content-type"], "video/mp4");
            assert_eq!(answer.bytes().await.unwrap(), "hello");
            let forged = address.replace("v/o", "v/other");
            assert_eq!(reqwest::get(&forged).await.unwrap().status(), 403);
        }
        both => panic!("{both:?}"),
    }
}
