//! What goes wrong between here and the store: tried again where that helps, else told in words that say what to do. No
//! half object is ever visible, and no part is left behind.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use playhouse::{
    backends::objects::{self, ObjectError, Prefix, Settings, SharedObjects, Source, read_all, source_of},
    telemetry::tasks,
};

use super::{
    proxy::{Plan, Proxy, SKEWED, SLOW_DOWN},
    server::{BUCKET, SECRET, Server, open},
};
use crate::objects_suite::{key, names, put, read};

const MIB: usize = 1 << 20;

/// Bytes that tell a shift by any length a part may have.
fn content(len: usize) -> Bytes {
    (0..len).map(|at| (at % 251) as u8).collect()
}

fn in_pieces(bytes: Bytes) -> Source {
    let at = (0..bytes.len()).step_by(MIB);
    let pieces: Vec<_> = at.map(|at| Ok(bytes.slice(at..bytes.len().min(at + MIB)))).collect();
    Box::pin(stream::iter(pieces))
}

/// Answers with what a failed call says.
fn told<T>(outcome: Result<T, ObjectError>) -> String {
    match outcome.map(drop) {
        Err(ObjectError::Unavailable(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_cut_in_the_middle_of_a_part_is_tried_again() {
    let server = Server::start().await;
    let cuts = [Plan::CutUp(3 * MIB as u64), Plan::CutUp(20_000), Plan::CutUp(5 * MIB as u64)];
    let proxy = Proxy::start(server.addr(), cuts, Plan::Pass).await;
    let objects = server.open_through(proxy.addr);
    let bytes = content(30 * MIB + 7);
    let info = objects.put(&key("o"), in_pieces(bytes.clone())).await.unwrap();
    assert_eq!(proxy.plans_left(), 0);
    assert_eq!(info.size, bytes.len() as u64);
    assert!(read(&server.open(), "o").await.unwrap() == bytes);
    assert_eq!(server.parts_left(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cuts_every_part_leaves_the_old_object_and_no_part() {
    let server = Server::start().await;
    let direct = server.open();
    put(&direct, "o", "old").await;
    let proxy = Proxy::start(server.addr(), [], Plan::CutUp(3 * MIB as u64)).await;
    let objects = server.open_through(proxy.addr);
    let text = told(objects.put(&key("o"), in_pieces(content(20 * MIB))).await);
    assert!(text.contains("cannot be reached"), "{text}");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), content(20 * MIB)).unwrap();
    told(objects.put_file(&key("o"), file.path()).await);
    assert!(file.path().exists(), "what could not be put is still there");
    assert_eq!(read(&direct, "o").await.unwrap(), b"old");
    assert_eq!(names(&direct, &Prefix::all()).await, ["o"]);
    assert_eq!(server.parts_left(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_asks_to_slow_down_is_waited_for_and_then_told_of() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.addr(), [SLOW_DOWN; 3], Plan::Pass).await;
    let objects = server.open_through(proxy.addr);
    put(&objects, "o", "hello").await;
    assert_eq!(proxy.plans_left(), 0);
    assert_eq!(read(&objects, "o").await.unwrap(), b"hello");
    let flooded = Proxy::start(server.addr(), [], SLOW_DOWN).await;
    let objects = server.open_through(flooded.addr);
    for text in [
        told(objects.head(&key("o")).await),
        told(objects.put(&key("p"), source_of("x")).await),
        told(objects.list(&Prefix::all(), None, 10).await),
    ] {
        assert!(text.contains("asks us to slow down"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_is_gone_on_with_unless_the_object_was_replaced() {
    let server = Server::start().await;
    let direct = server.open();
    let bytes = content(20 * MIB);
    direct.put(&key("o"), in_pieces(bytes.clone())).await.unwrap();
    let cuts = [Plan::CutDown(3 * MIB as u64), Plan::CutDown(100), Plan::CutDown(9 * MIB as u64)];
    let proxy = Proxy::start(server.addr(), cuts, Plan::Pass).await;
    let objects = server.open_through(proxy.addr);
    assert!(read(&objects, "o").await.unwrap() == bytes);
    assert_eq!(proxy.plans_left(), 0);
    let proxy = Proxy::start(server.addr(), [Plan::CutDown(3 * MIB as u64)], Plan::Pass).await;
    let objects = server.open_through(proxy.addr);
    let mut body = objects.get(&key("o"), None).await.unwrap().unwrap().body;
    body.next().await.unwrap().unwrap();
    direct.put(&key("o"), in_pieces(content(20 * MIB + 1))).await.unwrap();
    let text = told(read_all(body).await);
    assert!(text.contains("was replaced while it was read"), "{text}");
    let never = Proxy::start(server.addr(), [], Plan::CutDown(300)).await;
    let object = server.open_through(never.addr).get(&key("o"), None).await;
    // Its head may come through or not; its bytes never do.
    if let Ok(Some(object)) = object {
        told(read_all(object.body).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_set_up_wrong_is_told_with_what_to_do() {
    let server = Server::start().await;
    put(&server.open(), "o", "x").await;
    let as_told = |uri: String| open(&uri, Settings::default());
    // The server at hand does not look at the time, as AWS does.
    let skewed = Proxy::start(server.addr(), [], SKEWED).await;
    let (here, nowhere) = (server.addr(), ([127, 0, 0, 1], 1).into());
    for (objects, advice) in [
        (as_told(server.uri_of(here, BUCKET, "wrong-secret")), "AWS_SECRET_ACCESS_KEY are right"),
        (as_told(server.uri_of(here, "missing", SECRET)), "make it, or name another in backends.objects"),
        (as_told(server.uri_of(nowhere, BUCKET, SECRET)), "whether backends.objects names its endpoint"),
        (as_told(server.uri_of(skewed.addr, BUCKET, SECRET)), "set both clocks right"),
    ] {
        for text in [
            told(objects.put(&key("o"), source_of("y")).await),
            told(objects.get(&key("o"), None).await),
            told(objects.list(&Prefix::all(), None, 10).await),
            told(objects.delete_prefix(&Prefix::all()).await),
            told(objects.begin_multipart(&key("o")).await),
            told(objects::probe(&objects).await),
        ] {
            assert!(text.contains(advice), "{advice}: {text}");
        }
        // An answer to HEAD has no body that could say why: only that it is no absence.
        told(objects.head(&key("o")).await);
    }
    assert_eq!(read(&server.open(), "o").await.unwrap(), b"x");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_comes_back_is_used_again() {
    let server = Server::start().await;
    let objects = server.open();
    put(&objects, "o", "x").await;
    server.pause();
    let text = told(objects.head(&key("o")).await);
    assert!(text.contains("cannot be reached") || text.contains("does not answer"), "{text}");
    server.go_on();
    assert_eq!(read(&objects, "o").await.unwrap(), b"x");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_fails_or_goes_away_leaves_no_parts() {
    let server = Server::start().await;
    let objects = server.open();
    let broken = stream::iter([Err(std::io::Error::other("the client is gone"))]);
    let answer = objects.put(&key("o"), Box::pin(in_pieces(content(30 * MIB)).chain(broken))).await;
    assert!(matches!(answer, Err(ObjectError::Source(_))), "{answer:?}");
    assert_eq!(server.parts_left(), 0);
    let silent = Box::pin(in_pieces(content(30 * MIB)).chain(stream::pending()));
    let writer = objects.clone();
    let task = tasks::spawn("put", async move { drop(writer.put(&key("o"), silent).await) });
    server.wait_for_parts("parts are on their way", |parts| parts > 0).await;
    task.abort();
    server.wait_for_parts("they are aborted", |parts| parts == 0).await;
    assert!(names(&objects, &Prefix::all()).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_object_only_a_few_parts_are_in_memory_however_slow_the_store_is() {
    let server = Server::start().await;
    // Begins an upload and takes the first of a part.
    let proxy = Proxy::start(server.addr(), [], Plan::Stall(100_000)).await;
    let objects = server.open_through(proxy.addr);
    let pulled = Arc::new(AtomicUsize::new(0));
    let count = pulled.clone();
    let source = in_pieces(content(100 * MIB)).inspect(move |piece| {
        count.fetch_add(piece.as_ref().map_or(0, Bytes::len), Ordering::Relaxed);
    });
    let task = tasks::spawn("put", async move { drop(objects.put(&key("o"), Box::pin(source)).await) });
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while pulled.load(Ordering::Relaxed) < 24 * MIB {
        assert!(tokio::time::Instant::now() < deadline, "three parts are on their way at once");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let pulled = pulled.load(Ordering::Relaxed) / MIB;
    assert!(pulled <= 25, "{pulled} MiB are in memory");
    task.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_that_nobody_joins_are_removed_after_a_while_by_whoever_opens_the_store() {
    let server = Server::start().await;
    let begun = async |objects: &SharedObjects| {
        let upload = objects.begin_multipart(&key("o")).await.unwrap();
        objects.put_part(&upload, 1, source_of("x")).await.unwrap();
        upload
    };
    let objects = server.open();
    let upload = begun(&objects).await;
    let another_node = server.open();
    another_node.put_part(&upload, 2, source_of("y")).await.unwrap();
    assert!(server.parts_left() > 0, "a week has not passed");
    let impatient = open(
        &server.uri(),
        Settings { abandoned_after: Duration::ZERO, swept_after: Duration::ZERO, ..Settings::default() },
    );
    server.wait_for_parts("they are swept", |parts| parts == 0).await;
    drop(impatient);
    let late = objects.complete_multipart(&upload, 1).await;
    assert!(matches!(late, Err(ObjectError::NoSuchUpload)), "{late:?}");
}
