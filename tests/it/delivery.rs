//! How files go out: in part, compressed, not again, over HTTP/2, to slow readers and fast ones; and that no memory of
//! the server outlives a video's being public or being there at all.

use std::{io::Read, time::Duration};

use playhouse::telemetry::tasks;
use reqwest::{Method, Response, StatusCode, header};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use crate::support::{Person, TestApp, clip, problem, uris};

/// A clip that is ready, with the paths of its parts.
struct Ready {
    app: TestApp,
    owner: Person,
    id: String,
    playlist: String,
    segments: Vec<String>,
}

async fn ready() -> Ready {
    let app = TestApp::start_with(&[("MEDIA__LADDER", "360")]).await;
    let owner = app.register("ada").await;
    let video = app.upload(&owner, clip("bigbuckbunny.mp4"), "public").await;
    let id = video["id"].as_str().expect("an id").to_owned();
    app.wait_for_video(&owner, &id, |video| video["status"] == "ready").await;
    let master = text(&app, &format!("/media/v/{id}/master.m3u8")).await;
    let playlist = format!("/media/v/{id}/{}", uris(&master).pop().expect("a rendition"));
    let folder = playlist.strip_suffix("index.m3u8").expect("a playlist").to_owned();
    let entries = uris(&text(&app, &playlist).await).into_iter().filter(|uri| uri.ends_with(".m4s"));
    let segments = entries.map(|uri| format!("{folder}{uri}")).collect();
    Ready { app, owner, id, playlist, segments }
}

async fn get(app: &TestApp, path: &str) -> Response {
    app.get(path).send().await.expect("an answer")
}

async fn text(app: &TestApp, path: &str) -> String {
    get(app, path).await.text().await.expect("text")
}

async fn ask(app: &TestApp, path: &str, name: header::HeaderName, value: &str) -> Response {
    app.get(path).header(name, value).send().await.expect("an answer")
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_a_file_are_served_one_range_at_a_time() {
    let Ready { app, segments, id, .. } = ready().await;
    // The same out of the store (a first request, a picture) and out of memory (the others).
    for path in [&segments[0], &segments[0], &segments[0], &format!("/media/v/{id}/poster.jpg")] {
        let whole = get(&app, path).await;
        let etag = whole.headers()[header::ETAG].clone();
        assert_eq!(whole.headers()[header::ACCEPT_RANGES], "bytes");
        let whole = whole.bytes().await.expect("bytes");
        let len = whole.len();
        for (range, first, last) in [
            ("bytes=0-0", 0, 0),
            ("bytes=100-", 100, len - 1),
            ("bytes=-7", len - 7, len - 1),
            ("bytes=5-99999999", 5, len - 1),
        ] {
            let part = ask(&app, path, header::RANGE, range).await;
            assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT, "{range}");
            assert_eq!(part.headers()[header::CONTENT_RANGE], format!("bytes {first}-{last}/{len}").as_str());
            assert_eq!(part.headers()[header::ETAG], etag);
            assert_eq!(part.bytes().await.expect("bytes"), whole[first..=last], "{range}");
        }
        // RFC 9110, 14.2: a server may ignore a Range field; several ranges at once get the whole, in one part.
        for range in ["bytes=0-1,5-6", "bytes=0-1,-1", "lines=1-2", "bytes=9-3", "bytes=x"] {
            let answer = ask(&app, path, header::RANGE, range).await;
            assert_eq!(answer.status(), StatusCode::OK, "{range}");
            assert!(!answer.headers().contains_key(header::CONTENT_RANGE), "{range}");
            assert_eq!(answer.bytes().await.expect("bytes"), whole, "{range}");
        }
        for range in [format!("bytes={len}-"), "bytes=-0".to_owned()] {
            let beyond = ask(&app, path, header::RANGE, &range).await;
            assert_eq!(beyond.headers()[header::CONTENT_RANGE], format!("bytes */{len}").as_str());
            assert_eq!(problem(beyond).await.0, 416, "{range}");
        }
        let stale = app.get(path).header(header::RANGE, "bytes=0-1").header(header::IF_RANGE, "\"other\"");
        assert_eq!(
            stale.send().await.expect("an answer").status(),
            StatusCode::OK,
            "another version is sent whole"
        );
        let unchanged = ask(&app, path, header::IF_NONE_MATCH, etag.to_str().expect("text")).await;
        assert_eq!(unchanged.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(unchanged.headers()[header::ETAG], etag);
        let head = app.request(Method::HEAD, path).send().await.expect("an answer");
        assert_eq!(head.headers()[header::CONTENT_LENGTH], len.to_string().as_str());
        assert!(head.bytes().await.expect("no body").is_empty());
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_compressed_for_those_who_take_it_and_each_form_has_a_tag_of_its_own() {
    let Ready { app, id, .. } = ready().await;
    let path = format!("/media/v/{id}/manifest.mpd");
    let plain = get(&app, &path).await;
    let plain_etag = plain.headers()[header::ETAG].clone();
    assert_eq!(plain.headers()[header::VARY], "Accept-Encoding");
    assert!(!plain.headers().contains_key(header::CONTENT_ENCODING));
    let plain = plain.text().await.expect("text");
    let small = ask(&app, &path, header::ACCEPT_ENCODING, "br, gzip").await;
    let small_etag = small.headers()[header::ETAG].clone();
    assert_eq!(small.headers()[header::CONTENT_ENCODING], "gzip");
    assert_eq!(small.headers()[header::VARY], "Accept-Encoding");
    assert_ne!(small_etag, plain_etag);
    let small = small.bytes().await.expect("bytes");
    assert!(small.len() < plain.len() / 2, "{} of {}", small.len(), plain.len());
    let mut opened = String::new();
    flate2::read::GzDecoder::new(&small[..]).read_to_string(&mut opened).expect("it is gzip");
    assert_eq!(opened, plain);
    for (accepted, etag) in [("gzip", &small_etag), ("identity", &plain_etag)] {
        let request =
            app.get(&path).header(header::ACCEPT_ENCODING, accepted).header(header::IF_NONE_MATCH, etag);
        let unchanged = request.send().await.expect("an answer");
        assert_eq!(unchanged.status(), StatusCode::NOT_MODIFIED, "{accepted}");
        assert_eq!(unchanged.headers()[header::VARY], "Accept-Encoding");
    }
    let other = app.get(&path).header(header::IF_NONE_MATCH, &small_etag).send().await.expect("an answer");
    assert_eq!(other.status(), StatusCode::OK, "the other form is not what the client has");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_served_from_memory_once_a_video_is_private_or_gone() {
    let Ready { app, owner, id, playlist, segments } = ready().await;
    let video = format!("/api/v1/videos/{id}");
    let change = async |visibility: &str| {
        let request = app.request(Method::PATCH, &video).bearer_auth(&owner.token);
        let answer = request.json(&json!({"visibility": visibility})).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK);
    };
    let statuses = async || {
        let mut statuses = Vec::new();
        for path in [&playlist, &segments[0]] {
            statuses.push(get(&app, path).await.status().as_u16());
        }
        statuses
    };
    for _ in 0..3 {
        assert_eq!(statuses().await, [200, 200]);
    }
    for round in 0..20 {
        change("private").await;
        assert_eq!(statuses().await, [404, 404], "round {round}");
        change("unlisted").await;
        assert_eq!(statuses().await, [200, 200], "round {round}");
    }
    let deleted =
        app.request(Method::DELETE, &video).bearer_auth(&owner.token).send().await.expect("an answer");
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    assert_eq!(statuses().await, [404, 404]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn http_2_without_tls_carries_many_files_over_one_connection() {
    let Ready { app, segments, playlist, .. } = ready().await;
    let address = app.url.trim_start_matches("http://").to_owned();
    let stream = TcpStream::connect(&address).await.expect("a connection");
    let (client, connection) = h2::client::handshake(stream).await.expect("HTTP/2 with prior knowledge");
    drop(tasks::spawn("http-2", async move { connection.await.expect("a sound connection") }));
    let mut expected = Vec::new();
    for path in segments.iter().chain([&playlist]) {
        expected.push((path, get(&app, path).await.bytes().await.expect("bytes")));
    }
    let requests = expected.iter().cycle().take(40).map(async |(path, bytes)| {
        let mut client = client.clone().ready().await.expect("a stream");
        let request = axum::http::Request::get(format!("{}{path}", app.url)).body(()).expect("a request");
        let (answer, _) = client.send_request(request, true).expect("it is sent");
        let answer = answer.await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let (mut body, mut received) = (answer.into_body(), Vec::new());
        while let Some(piece) = body.data().await {
            let piece = piece.expect("a piece");
            body.flow_control().release_capacity(piece.len()).expect("what was received");
            received.extend_from_slice(&piece);
        }
        assert_eq!(&received, bytes, "{path}");
    });
    let all = futures_util::future::join_all(requests);
    tokio::time::timeout(Duration::from_secs(60), all).await.expect("all are answered");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_slow_readers_do_not_stop_a_fast_one() {
    const SLOW: usize = 1_000;
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let raised = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, raised)
        .expect("a limit up to the hard one");
    let Ready { app, id, segments, playlist, .. } = ready().await;
    // More than the buffers of a connection take, so that each answer stays under way.
    let large = vec![7; 6 << 20];
    let below = segments[0].strip_prefix(&format!("/media/v/{id}/")).expect("below the video");
    let file = app.folder.path().join("objects/videos").join(&id).join(below);
    std::fs::write(&file, &large).expect("the segment is made larger");
    let mut slow = Vec::new();
    for _ in 0..SLOW {
        slow.push(slow_reader(&app, &segments[0]).await);
    }
    let fast = async {
        for _ in 0..10 {
            assert_eq!(get(&app, &segments[0]).await.bytes().await.expect("bytes").len(), large.len());
            assert_eq!(get(&app, &segments[1]).await.status(), StatusCode::OK);
            assert_eq!(get(&app, &playlist).await.status(), StatusCode::OK);
        }
    };
    tokio::time::timeout(Duration::from_secs(60), fast).await.expect("the fast one makes progress");
    for reader in &mut slow {
        assert_eq!(reader.read(&mut [0; 64]).await.expect("it is still served"), 64);
    }
    drop(slow);
    app.stop().await;
}

/// Asks for a file, reads the head of the answer and then no more.
async fn slow_reader(app: &TestApp, path: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4_096).expect("a small buffer");
    let address = app.url.trim_start_matches("http://");
    let mut stream = socket.connect(address.parse().expect("an address")).await.expect("a connection");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("it is sent");
    let mut head = [0; 12];
    let read = tokio::time::timeout(Duration::from_secs(30), stream.read_exact(&mut head)).await;
    read.expect("an answer begins").expect("a head");
    assert_eq!(&head, b"HTTP/1.1 200");
    stream
}
