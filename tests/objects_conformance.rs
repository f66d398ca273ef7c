//! What every object store must do, run against each engine through the public contract.
#![cfg(test)]

use std::io;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use playhouse::backends::objects::{
    self, ByteRange, ObjectError, ObjectKey, Prefix, SharedObjects, read_all, source_of,
};

struct Bed {
    objects: SharedObjects,
    dir: tempfile::TempDir,
}

fn directory() -> Bed {
    let dir = tempfile::tempdir().unwrap();
    Bed { objects: objects::open("dir:", dir.path()).unwrap(), dir }
}

macro_rules! conformance {
    ($engine:ident: $($case:ident),+ $(,)?) => {
        mod $engine {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$case(super::$engine()).await;
                }
            )+
        }
    };
}

conformance!(directory:
    an_object_is_read_back_as_it_was_written,
    a_range_is_exactly_its_bytes,
    a_large_object_streams_in_pieces,
    a_replaced_object_has_a_new_etag_and_readers_keep_the_old_one,
    a_file_is_adopted,
    parts_join_in_their_order_and_nothing_shows_before,
    lists_come_in_key_order_and_in_pages,
    deleting_takes_one_or_all_below_a_prefix,
    writers_and_deleters_of_one_folder_do_not_disturb_each_other,
    a_source_that_fails_leaves_the_old_object,
);

fn key(text: &str) -> ObjectKey {
    text.parse().unwrap()
}

fn prefix(text: &str) -> Prefix {
    text.parse().unwrap()
}

async fn put(objects: &SharedObjects, name: &str, bytes: &str) {
    objects.put(&key(name), source_of(bytes.to_string())).await.unwrap();
}

async fn read(objects: &SharedObjects, name: &str) -> Option<Vec<u8>> {
    let object = objects.get(&key(name), None).await.unwrap()?;
    Some(read_all(object.body).await.unwrap())
}

async fn names(objects: &SharedObjects, prefix: &Prefix) -> Vec<String> {
    let listing = objects.list(prefix, None, 1_000).await.unwrap();
    listing.objects.iter().map(|listed| listed.key.to_string()).collect()
}

async fn an_object_is_read_back_as_it_was_written(bed: Bed) {
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

async fn a_range_is_exactly_its_bytes(bed: Bed) {
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

async fn a_large_object_streams_in_pieces(bed: Bed) {
    let piece = |number: u8| Bytes::from(vec![number; 100_000]);
    let source = stream::iter((0..50).map(move |number| io::Result::Ok(piece(number))));
    bed.objects.put(&key("large"), Box::pin(source)).await.unwrap();
    let range = ByteRange::Between(150_000, 3_049_999);
    let mut body = bed.objects.get(&key("large"), Some(range)).await.unwrap().unwrap().body;
    let (mut at, mut pieces) = (150_000_usize, 0);
    while let Some(piece) = body.next().await {
        let piece = piece.unwrap();
        assert!(piece.iter().zip(at..).all(|(byte, at)| usize::from(*byte) == at / 100_000));
        at += piece.len();
        pieces += 1;
    }
    assert_eq!(at, 3_050_000);
    assert!(pieces > 1);
}

async fn a_replaced_object_has_a_new_etag_and_readers_keep_the_old_one(bed: Bed) {
    let long = "a".repeat(2_000_000);
    put(&bed.objects, "o", &long).await;
    let before = bed.objects.get(&key("o"), None).await.unwrap().unwrap();
    put(&bed.objects, "o", &"b".repeat(2_000_000)).await;
    let after = bed.objects.head(&key("o")).await.unwrap().unwrap();
    assert_ne!(before.info.etag, after.etag);
    assert_eq!(read_all(before.body).await.unwrap(), long.as_bytes());
    assert_eq!(bed.objects.head(&key("o")).await.unwrap().unwrap().etag, after.etag);
}

async fn a_file_is_adopted(bed: Bed) {
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

async fn parts_join_in_their_order_and_nothing_shows_before(bed: Bed) {
    let objects = &bed.objects;
    let upload = objects.begin_multipart(&key("m/whole")).await.unwrap();
    for (number, text) in [(3, "three"), (1, "wrong"), (2, "two"), (1, "one")] {
        objects.put_part(&upload, number, source_of(text)).await.unwrap();
    }
    assert_eq!(objects.head(&key("m/whole")).await.unwrap(), None);
    assert!(names(objects, &Prefix::all()).await.is_empty());
    assert!(matches!(objects.complete_multipart(&upload, 4).await, Err(ObjectError::NoSuchUpload)));
    let info = objects.complete_multipart(&upload, 3).await.unwrap();
    assert_eq!(info.size, 11);
    assert_eq!(read(objects, "m/whole").await.unwrap(), b"onetwothree");
    assert!(matches!(objects.complete_multipart(&upload, 3).await, Err(ObjectError::NoSuchUpload)));
    let aborted = objects.begin_multipart(&key("m/none")).await.unwrap();
    objects.put_part(&aborted, 1, source_of("x")).await.unwrap();
    objects.abort_multipart(&aborted).await.unwrap();
    objects.abort_multipart(&aborted).await.unwrap();
    let late = objects.put_part(&aborted, 2, source_of("x")).await;
    assert!(matches!(late, Err(ObjectError::NoSuchUpload)));
    assert_eq!(names(objects, &Prefix::all()).await, ["m/whole"]);
}

async fn lists_come_in_key_order_and_in_pages(bed: Bed) {
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

async fn deleting_takes_one_or_all_below_a_prefix(bed: Bed) {
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

async fn writers_and_deleters_of_one_folder_do_not_disturb_each_other(bed: Bed) {
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

async fn a_source_that_fails_leaves_the_old_object(bed: Bed) {
    put(&bed.objects, "o", "old").await;
    let broken = stream::iter([Ok(Bytes::from("new")), Err(io::ErrorKind::ConnectionReset.into())]);
    let answer = bed.objects.put(&key("o"), Box::pin(broken)).await;
    assert!(matches!(answer, Err(ObjectError::Source(_))));
    assert_eq!(read(&bed.objects, "o").await.unwrap(), b"old");
}

#[test]
fn schemes_that_cannot_be_opened_say_why() {
    let dir = tempfile::tempdir().unwrap();
    let open = |uri| objects::open(uri, dir.path()).err().map(|error| error.to_string());
    assert!(open("s3://bucket").is_some_and(|text| text.contains("not built yet")));
    assert!(open("ftp://host").is_some_and(|text| text.contains("`ftp:` is not known")));
}
