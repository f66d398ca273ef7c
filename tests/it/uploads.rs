use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{Person, TestApp, clip, problem, wait_until};

fn tus(app: &TestApp, who: &Person, method: Method, path: &str) -> RequestBuilder {
    app.request(method, path).bearer_auth(&who.token).header("tus-resumable", "1.0.0")
}

async fn create(app: &TestApp, who: &Person, length: usize) -> Response {
    let title = BASE64_STANDARD.encode("Größe");
    tus(app, who, Method::POST, "/api/v1/uploads")
        .header("upload-length", length)
        .header("upload-metadata", format!("title {title},filename {}", BASE64_STANDARD.encode("a.mp4")))
        .send()
        .await
        .expect("an answer")
}

fn patch(app: &TestApp, who: &Person, path: &str, offset: usize, bytes: Vec<u8>) -> RequestBuilder {
    tus(app, who, Method::PATCH, path)
        .header("upload-offset", offset)
        .header("content-type", "application/offset+octet-stream")
        .body(bytes)
}

fn location(response: &Response) -> String {
    response.headers()["location"].to_str().expect("a path").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_breaks_off_goes_on_and_arrives_byte_for_byte() {
    let app = TestApp::start().await;
    let ada = app.register("ada").await;
    let bytes = clip("bigbuckbunny.mp4");
    let created = create(&app, &ada, bytes.len()).await;
    assert_eq!(created.status(), StatusCode::CREATED);
    let path = location(&created);
    let half = bytes.len() / 2;
    let first = patch(&app, &ada, &path, 0, bytes[..half].to_vec()).send().await.expect("an answer");
    assert_eq!(first.status(), StatusCode::NO_CONTENT);
    let app = app.restart().await;
    let head = tus(&app, &ada, Method::HEAD, &path).send().await.expect("an answer");
    assert_eq!(head.headers()["upload-offset"], half.to_string().as_str());
    assert_eq!(head.headers()["upload-length"], bytes.len().to_string().as_str());
    assert_eq!(head.headers()["cache-control"], "no-store");
    let last = patch(&app, &ada, &path, half, bytes[half..].to_vec()).send().await.expect("an answer");
    assert_eq!(last.status(), StatusCode::NO_CONTENT);
    let id = last.headers()["playhouse-video-id"].to_str().expect("an id").to_owned();
    let source = app.folder.path().join(format!("objects/sources/{id}/original"));
    let arrived = std::fs::read(source).expect("the source");
    assert_eq!(Sha256::digest(arrived), Sha256::digest(&bytes));
    let video = app.wait_for_video(&ada, &id, |video| video["status"] == "ready").await;
    assert_eq!(video["title"], "Größe");
    let again = patch(&app, &ada, &path, bytes.len(), Vec::new()).send().await.expect("an answer");
    assert_eq!(again.status(), StatusCode::NO_CONTENT, "a finished upload may be finished again");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_its_owners_and_can_be_ended() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.register("ada").await, app.register("bob").await);
    let path = location(&create(&app, &ada, 10).await);
    for method in [Method::HEAD, Method::DELETE] {
        let other = tus(&app, &bob, method, &path).send().await.expect("an answer");
        assert_eq!(other.status(), StatusCode::NOT_FOUND);
    }
    let other = patch(&app, &bob, &path, 0, vec![1]).send().await.expect("an answer");
    assert_eq!(problem(other).await, (404, "not_found".into()));
    let anonymous = app.request(Method::HEAD, &path).header("tus-resumable", "1.0.0").send().await;
    assert_eq!(anonymous.expect("an answer").status(), StatusCode::UNAUTHORIZED);
    let ended = tus(&app, &ada, Method::DELETE, &path).send().await.expect("an answer");
    assert_eq!(ended.status(), StatusCode::NO_CONTENT);
    let gone = tus(&app, &ada, Method::HEAD, &path).send().await.expect("an answer");
    assert_eq!(gone.status(), StatusCode::NOT_FOUND);
    assert!(!gone.headers().contains_key("upload-offset"));
    let left = std::fs::read_dir(app.folder.path().join("uploads")).expect("the folder").count();
    assert_eq!(left, 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_tus_forbids_is_refused_with_the_status_it_names() {
    let app = TestApp::start_with(&[("UPLOADS__SIZE_MAX_BYTES", "1000")]).await;
    let ada = app.register("ada").await;
    let path = location(&create(&app, &ada, 10).await);
    let other_version =
        app.request(Method::HEAD, &path).bearer_auth(&ada.token).header("tus-resumable", "0.2.2");
    let other_version = other_version.send().await.expect("an answer");
    assert_eq!(
        (other_version.status().as_u16(), &other_version.headers()["tus-version"]),
        (412, &"1.0.0".parse().expect("text"))
    );
    let wrong_offset = patch(&app, &ada, &path, 5, vec![1]).send().await.expect("an answer");
    assert_eq!(wrong_offset.headers()["upload-offset"], "0");
    assert_eq!(problem(wrong_offset).await, (409, "offset_mismatch".into()));
    let wrong_type = tus(&app, &ada, Method::PATCH, &path).header("upload-offset", 0).body("x");
    assert_eq!(
        problem(wrong_type.send().await.expect("an answer")).await,
        (415, "unsupported_media_type".into())
    );
    assert_eq!(problem(create(&app, &ada, 1001).await).await, (413, "too_large".into()));
    let too_long = patch(&app, &ada, &path, 0, vec![1; 11]).send().await.expect("an answer");
    assert_eq!(problem(too_long).await, (413, "too_large".into()));
    let options = app.request(Method::OPTIONS, "/api/v1/uploads").send().await.expect("an answer");
    let extensions = options.headers()["tus-extension"].to_str().expect("text").to_owned();
    assert_eq!(extensions.split(',').count(), 9, "{extensions}");
    assert_eq!(options.headers()["tus-checksum-algorithm"], "sha1,sha256,crc32");
    assert_eq!(options.headers()["tus-max-size"], "1000");
    let overridden = tus(&app, &ada, Method::POST, &path).header("x-http-method-override", "HEAD");
    assert!(overridden.send().await.expect("an answer").headers().contains_key("upload-offset"));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_over_the_limit_is_refused_while_it_is_read_and_leaves_nothing() {
    let app = TestApp::start_with(&[("UPLOADS__SIZE_MAX_BYTES", "100000")]).await;
    let ada = app.register("ada").await;
    let file = reqwest::multipart::Part::bytes(vec![0; 200_000]).file_name("big.mp4");
    let form = reqwest::multipart::Form::new().part("file", file).text("title", "Big");
    let request = app.request(Method::POST, "/api/v1/videos").bearer_auth(&ada.token).multipart(form);
    assert_eq!(problem(request.send().await.expect("an answer")).await, (413, "too_large".into()));
    let left = std::fs::read_dir(app.folder.path().join("uploads")).expect("the folder").count();
    assert_eq!(left, 0);
    app.stop().await;
}

fn sha1_of(bytes: &[u8]) -> String {
    format!("sha1 {}", BASE64_STANDARD.encode(sha1::Sha1::digest(bytes)))
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_with_another_checksum_are_not_kept() {
    let app = TestApp::start().await;
    let ada = app.register("ada").await;
    let path = location(&create(&app, &ada, 10).await);
    let wrong = patch(&app, &ada, &path, 0, b"hello".to_vec()).header("upload-checksum", sha1_of(b"hullo"));
    assert_eq!(problem(wrong.send().await.expect("an answer")).await, (460, "checksum_mismatch".into()));
    for unknown in ["md5 AAAA", "sha1", "sha1 !!!"] {
        let request = patch(&app, &ada, &path, 0, b"hello".to_vec()).header("upload-checksum", unknown);
        assert_eq!(problem(request.send().await.expect("an answer")).await, (400, "malformed".into()));
    }
    let head = tus(&app, &ada, Method::HEAD, &path).send().await.expect("an answer");
    assert_eq!(head.headers()["upload-offset"], "0");
    let right = patch(&app, &ada, &path, 0, b"hello".to_vec()).header("upload-checksum", sha1_of(b"hello"));
    let right = right.send().await.expect("an answer");
    assert_eq!(
        (right.status().as_u16(), &right.headers()["upload-offset"]),
        (204, &"5".parse().expect("text"))
    );
    for (trailer, status) in [(sha1_of(b"wrong"), 460), (sha1_of(b"world"), 204)] {
        assert_eq!(send_with_trailer(&app, &ada, &path, &trailer).await, status);
    }
    app.stop().await;
}

/// "world" at offset 5, in chunks, with the checksum after them; returns the status.
async fn send_with_trailer(app: &TestApp, who: &Person, path: &str, checksum: &str) -> u16 {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream =
        tokio::net::TcpStream::connect(app.url.trim_start_matches("http://")).await.expect("a connection");
    let request = format!(
        "PATCH {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 5\r\n\
         Authorization: Bearer {}\r\nContent-Type: application/offset+octet-stream\r\nTrailer: Upload-Checksum\r\n\
         Transfer-Encoding: chunked\r\n\r\n3\r\nwor\r\n2\r\nld\r\n0\r\nUpload-Checksum: {checksum}\r\n\r\n",
        who.token
    );
    stream.write_all(request.as_bytes()).await.expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_length_may_be_said_later_and_only_once() {
    let app = TestApp::start().await;
    let ada = app.register("ada").await;
    let begin = || tus(&app, &ada, Method::POST, "/api/v1/uploads");
    for (name, value) in [("upload-defer-length", "2"), ("x-nothing", "1")] {
        let refused = begin().header(name, value).send().await.expect("an answer");
        assert_eq!(problem(refused).await, (400, "malformed".into()));
    }
    let both = begin().header("upload-defer-length", "1").header("upload-length", "5");
    assert_eq!(problem(both.send().await.expect("an answer")).await, (400, "malformed".into()));
    let created = begin().header("upload-defer-length", "1").send().await.expect("an answer");
    let path = location(&created);
    let first = patch(&app, &ada, &path, 0, b"abc".to_vec()).send().await.expect("an answer");
    assert_eq!(first.status(), StatusCode::NO_CONTENT);
    let head = tus(&app, &ada, Method::HEAD, &path).send().await.expect("an answer");
    assert_eq!(head.headers()["upload-defer-length"], "1");
    assert!(!head.headers().contains_key("upload-length"));
    let less = patch(&app, &ada, &path, 3, Vec::new()).header("upload-length", "2");
    assert_eq!(problem(less.send().await.expect("an answer")).await, (422, "invalid".into()));
    let said = patch(&app, &ada, &path, 3, b"d".to_vec()).header("upload-length", "5");
    assert_eq!(said.send().await.expect("an answer").status(), StatusCode::NO_CONTENT);
    let changed = patch(&app, &ada, &path, 4, Vec::new()).header("upload-length", "6");
    assert_eq!(problem(changed.send().await.expect("an answer")).await, (400, "malformed".into()));
    let head = tus(&app, &ada, Method::HEAD, &path).send().await.expect("an answer");
    assert_eq!(head.headers()["upload-length"], "5");
    assert!(!head.headers().contains_key("upload-defer-length"));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_in_parts_becomes_one_video() {
    let app = TestApp::start().await;
    let ada = app.register("ada").await;
    let bob = app.register("bob").await;
    let bytes = clip("bigbuckbunny.mp4");
    let half = bytes.len() / 2;
    let part = async |length: usize| {
        let request = tus(&app, &ada, Method::POST, "/api/v1/uploads").header("upload-length", length);
        location(&request.header("upload-concat", "partial").send().await.expect("an answer"))
    };
    let (one, two) = (part(half).await, part(bytes.len() - half).await);
    let sent = patch(&app, &ada, &one, 0, bytes[..half].to_vec()).send().await.expect("an answer");
    assert!(!sent.headers().contains_key("playhouse-video-id"), "a part is no video");
    let concat = format!("final;{one} {}{two}", app.url);
    let whole = |who: &Person| {
        tus(&app, who, Method::POST, "/api/v1/uploads").header("upload-concat", concat.as_str()).send()
    };
    let others = whole(&bob).await.expect("an answer");
    assert_eq!(problem(others).await, (400, "malformed".into()), "the parts are not his");
    let created = whole(&ada).await.expect("an answer");
    assert_eq!(created.status(), StatusCode::CREATED);
    let path = location(&created);
    let id = created.headers()["playhouse-video-id"].to_str().expect("an id").to_owned();
    let head = tus(&app, &ada, Method::HEAD, &path).send().await.expect("an answer");
    assert!(!head.headers().contains_key("upload-offset"), "it waits for its second part");
    assert_eq!(head.headers()["upload-concat"], concat.as_str());
    let refused = patch(&app, &ada, &path, 0, b"x".to_vec()).send().await.expect("an answer");
    assert_eq!(problem(refused).await, (403, "forbidden".into()));
    let sent = patch(&app, &ada, &two, 0, bytes[half..].to_vec()).send().await.expect("an answer");
    assert_eq!(sent.status(), StatusCode::NO_CONTENT);
    let head = tus(&app, &ada, Method::HEAD, &path).send().await.expect("an answer");
    assert_eq!(head.headers()["upload-offset"], bytes.len().to_string().as_str());
    let arrived = std::fs::read(app.folder.path().join(format!("objects/sources/{id}/original")));
    assert_eq!(Sha256::digest(arrived.expect("the source")), Sha256::digest(&bytes));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_draft_of_the_ietf_is_spoken_at_the_same_resource() {
    let app = TestApp::start().await;
    let ada = app.register("ada").await;
    let draft = |method, path: &str, version: &str| {
        let request = app.request(method, path).bearer_auth(&ada.token);
        request.header("upload-draft-interop-version", version)
    };
    let created = draft(Method::POST, "/api/v1/uploads", "8").header("upload-complete", "?0").body("hel");
    let created = created.send().await.expect("an answer");
    assert_eq!(created.status(), StatusCode::CREATED);
    assert!(!created.headers().contains_key("tus-resumable"));
    assert_eq!(created.headers()["upload-offset"], "3");
    assert_eq!(created.headers()["upload-complete"], "?0");
    assert!(created.headers()["upload-limit"].to_str().expect("text").starts_with("max-size="));
    let path = location(&created);
    let append = |offset: &str, complete: &str, bytes: &'static str| {
        let request = draft(Method::PATCH, &path, "6").header("upload-offset", offset);
        let request = request.header("content-type", "application/partial-upload");
        request.header("upload-complete", complete.to_owned()).body(bytes)
    };
    let elsewhere = append("2", "?1", "lo").send().await.expect("an answer");
    assert_eq!(elsewhere.status(), StatusCode::CONFLICT);
    assert_eq!(elsewhere.headers()["upload-offset"], "3");
    let told: Value = elsewhere.json().await.expect("a problem");
    assert_eq!(told["type"], "https://iana.org/assignments/http-problem-types#mismatching-upload-offset");
    assert_eq!((&told["expected-offset"], &told["provided-offset"]), (&json!(3), &json!(2)));
    let inconsistent = append("3", "?1", "lo").header("upload-length", "9").send().await.expect("an answer");
    assert_eq!(inconsistent.status(), StatusCode::BAD_REQUEST);
    let told: Value = inconsistent.json().await.expect("a problem");
    assert_eq!(told["type"], "https://iana.org/assignments/http-problem-types#inconsistent-upload-length");
    let untyped =
        draft(Method::PATCH, &path, "6").header("upload-offset", "3").header("upload-complete", "?1");
    let untyped = untyped.body("lo").send().await.expect("an answer");
    assert_eq!(problem(untyped).await, (415, "unsupported_media_type".into()));
    let last = append("3", "?1", "lo").send().await.expect("an answer");
    assert_eq!(last.status(), StatusCode::NO_CONTENT);
    assert_eq!(last.headers()["upload-complete"], "?1");
    let head = draft(Method::HEAD, &path, "5").send().await.expect("an answer");
    assert_eq!(head.status(), StatusCode::NO_CONTENT);
    assert_eq!(head.headers()["upload-length"], "5");
    assert_eq!(head.headers()["upload-complete"], "?1");
    let id = head.headers()["playhouse-video-id"].to_str().expect("an id");
    let arrived = std::fs::read(app.folder.path().join(format!("objects/sources/{id}/original")));
    assert_eq!(arrived.expect("the source"), b"hello");
    let unknown = draft(Method::HEAD, &path, "4").send().await.expect("an answer");
    assert_eq!(unknown.status(), StatusCode::BAD_REQUEST);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_is_the_same_upload_and_the_same_video() {
    let app = TestApp::start().await;
    let ada = app.register("ada").await;
    let begin = |length: usize| {
        let request = tus(&app, &ada, Method::POST, "/api/v1/uploads").header("upload-length", length);
        request.header("idempotency-key", "one").send()
    };
    let first = begin(10).await.expect("an answer");
    let sent = patch(&app, &ada, &location(&first), 0, b"hello".to_vec()).send().await.expect("an answer");
    assert_eq!(sent.status(), StatusCode::NO_CONTENT);
    let again = begin(10).await.expect("an answer");
    assert_eq!(location(&again), location(&first));
    assert_eq!(again.headers()["upload-offset"], "5");
    assert_eq!(problem(begin(11).await.expect("an answer")).await, (409, "conflict".into()));
    let form = || {
        let file = reqwest::multipart::Part::bytes(b"no video".to_vec()).file_name("a.mp4");
        let form = reqwest::multipart::Form::new().part("file", file);
        let request = app.request(Method::POST, "/api/v1/videos").bearer_auth(&ada.token).multipart(form);
        request.header("idempotency-key", "two").send()
    };
    let (one, two) = tokio::join!(form(), form());
    let mut ids = Vec::new();
    for answer in [one, two, form().await] {
        let answer = answer.expect("an answer");
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        let video: Value = answer.json().await.expect("a video");
        ids.push(video["id"].clone());
    }
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let left = std::fs::read_dir(app.folder.path().join("objects/sources")).expect("the folder").count();
    assert_eq!(left, 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_keeps_no_more_than_it_may() {
    let quota = [("UPLOADS__QUOTA_CREATOR_BYTES", "100"), ("UPLOADS__UNFINISHED_PER_ACCOUNT_MAX", "2")];
    let app = TestApp::start_with(&quota).await;
    let ada = app.register("ada").await;
    let storage = async || {
        let answer = app.get("/api/v1/me/storage").bearer_auth(&ada.token).send().await.expect("an answer");
        let told: Value = answer.json().await.expect("what is used");
        (told["used_bytes"].as_u64(), told["quota_bytes"].as_u64(), told["unfinished_uploads"].as_u64())
    };
    let path = location(&create(&app, &ada, 60).await);
    assert_eq!(storage().await, (Some(60), Some(100), Some(1)));
    assert_eq!(problem(create(&app, &ada, 41).await).await, (413, "over_quota".into()));
    let left = std::fs::read_dir(app.folder.path().join("uploads")).expect("the folder").count();
    assert_eq!(left, 1, "what was refused left nothing");
    let deferred = tus(&app, &ada, Method::POST, "/api/v1/uploads").header("upload-defer-length", "1");
    let deferred = location(&deferred.send().await.expect("an answer"));
    assert_eq!(problem(create(&app, &ada, 1).await).await, (429, "too_many".into()));
    let more = patch(&app, &ada, &deferred, 0, vec![1; 41]).send().await.expect("an answer");
    assert_eq!(problem(more).await, (413, "too_large".into()));
    let ended = tus(&app, &ada, Method::DELETE, &deferred).send().await.expect("an answer");
    assert_eq!(ended.status(), StatusCode::NO_CONTENT);
    let whole = patch(&app, &ada, &path, 0, vec![1; 60]).send().await.expect("an answer");
    let id = whole.headers()["playhouse-video-id"].to_str().expect("an id").to_owned();
    assert_eq!(storage().await, (Some(60), Some(100), Some(0)));
    let file = reqwest::multipart::Part::bytes(vec![1; 41]).file_name("a.mp4");
    let form = reqwest::multipart::Form::new().part("file", file);
    let request = app.request(Method::POST, "/api/v1/videos").bearer_auth(&ada.token).multipart(form);
    assert_eq!(problem(request.send().await.expect("an answer")).await, (413, "too_large".into()));
    let (name, password) = app.admin();
    let admin = app.login(&name, &password).await;
    let path = format!("/api/v1/admin/users/{}/quota", ada.user["id"].as_str().expect("an id"));
    let give = |who: &Person| {
        app.request(Method::PUT, &path).bearer_auth(&who.token).json(&json!({"quota_bytes": 1000})).send()
    };
    assert_eq!(problem(give(&ada).await.expect("an answer")).await, (403, "forbidden".into()));
    assert_eq!(give(&admin).await.expect("an answer").status(), StatusCode::NO_CONTENT);
    assert_eq!(create(&app, &ada, 41).await.status(), StatusCode::CREATED);
    let deleted = app.request(Method::DELETE, &format!("/api/v1/videos/{id}")).bearer_auth(&ada.token);
    assert_eq!(deleted.send().await.expect("an answer").status(), StatusCode::NO_CONTENT);
    assert_eq!(storage().await, (Some(41), Some(1000), Some(1)));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_bytes_and_takes_them_when_there_is_space_again() {
    let app = TestApp::start().await;
    let ada = app.register("ada").await;
    let path = location(&create(&app, &ada, 10).await);
    let sent = patch(&app, &ada, &path, 0, b"hello".to_vec()).send().await.expect("an answer");
    assert_eq!(sent.status(), StatusCode::NO_CONTENT);
    // No disk has so much space: all of it is to be kept free.
    let app = app.restart_with(&[("UPLOADS__SPACE_MIN_BYTES", "1125899906842624")]).await;
    let full = patch(&app, &ada, &path, 5, b"world".to_vec()).send().await.expect("an answer");
    assert_eq!(problem(full).await, (507, "no_space".into()));
    assert_eq!(problem(create(&app, &ada, 1).await).await, (507, "no_space".into()));
    let head = tus(&app, &ada, Method::HEAD, &path).send().await.expect("an answer");
    assert_eq!(head.headers()["upload-offset"], "5");
    let app = app.restart().await;
    let last = patch(&app, &ada, &path, 5, b"world".to_vec()).send().await.expect("an answer");
    assert_eq!(last.headers()["upload-offset"], "10");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_of_a_byte_now_and_then_is_cut_off() {
    let pace = [("UPLOADS__SPEED_MIN_BYTES_PER_S", "1000"), ("UPLOADS__SPEED_WITHIN_S", "1")];
    let app = TestApp::start_with(&pace).await;
    let ada = app.register("ada").await;
    let path = location(&create(&app, &ada, 10).await);
    let bytes = futures_util::stream::iter([Ok::<_, std::io::Error>("abc")]);
    let bytes = futures_util::StreamExt::chain(bytes, futures_util::stream::pending());
    let slow = tus(&app, &ada, Method::PATCH, &path).header("upload-offset", 0);
    let slow = slow.header("content-type", "application/offset+octet-stream");
    let slow = slow.body(reqwest::Body::wrap_stream(bytes)).send().await.expect("an answer");
    assert_eq!(problem(slow).await, (503, "too_slow".into()));
    let head = tus(&app, &ada, Method::HEAD, &path).send().await.expect("an answer");
    assert_eq!(head.headers()["upload-offset"], "3");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_connection_does_not_keep_an_upload() {
    use tokio::io::AsyncWriteExt;
    let app = TestApp::start().await;
    let ada = app.register("ada").await;
    let path = location(&create(&app, &ada, 10).await);
    let mut ghost =
        tokio::net::TcpStream::connect(app.url.trim_start_matches("http://")).await.expect("a connection");
    let request = format!(
        "PATCH {path} HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nContent-Length: 10\r\n\
         Authorization: Bearer {}\r\nContent-Type: application/offset+octet-stream\r\n\r\nhello",
        ada.token
    );
    ghost.write_all(request.as_bytes()).await.expect("it is sent");
    wait_until("the ghost is being heard", || async {
        let metrics = app.get("/metrics").send().await.expect("an answer").text().await.expect("text");
        metrics.lines().any(|line| line == "playhouse_uploads_receiving 1")
    })
    .await;
    let head = tus(&app, &ada, Method::HEAD, &path).send().await.expect("an answer");
    assert_eq!(head.headers()["upload-offset"], "5", "what the ghost had sent is kept");
    let last = patch(&app, &ada, &path, 5, b"world".to_vec()).send().await.expect("an answer");
    assert_eq!(last.status(), StatusCode::NO_CONTENT);
    drop(ghost);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_nobody_goes_on_with_expires_and_leaves_nothing() {
    let app = TestApp::start().await;
    let ada = app.register("ada").await;
    let created = create(&app, &ada, 10).await;
    let expires = created.headers()["upload-expires"].to_str().expect("a date").to_owned();
    assert!(expires.ends_with(" GMT"), "{expires}");
    let path = location(&created);
    let later = Duration::from_secs(12 * 3_600);
    app.clock.advance(later);
    let ada = app.login("ada", "correct horse").await;
    let sent = patch(&app, &ada, &path, 0, b"hello".to_vec()).send().await.expect("an answer");
    assert_ne!(sent.headers()["upload-expires"], expires.as_str(), "whoever goes on has a day again");
    app.clock.advance(later);
    let app = app.restart().await;
    let ada = app.login("ada", "correct horse").await;
    let head = tus(&app, &ada, Method::HEAD, &path).send().await.expect("an answer");
    assert_eq!(head.headers()["upload-offset"], "5", "it was gone on with half a day ago");
    app.clock.advance(later);
    let app = app.restart().await;
    let ada = app.login("ada", "correct horse").await;
    wait_until("it expires", || async {
        let head = tus(&app, &ada, Method::HEAD, &path).send().await.expect("an answer");
        head.status() == StatusCode::NOT_FOUND
    })
    .await;
    let left = std::fs::read_dir(app.folder.path().join("uploads")).expect("the folder").count();
    assert_eq!(left, 0);
    app.stop().await;
}
