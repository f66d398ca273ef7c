//! Uploads over a bucket: they gather there in pieces, and what holds for a folder holds there.

use std::{path::Path, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use playhouse::backends::objects::Prefix;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::{
    proxy::{Plan, Proxy, SLOW_DOWN},
    server::Server,
};
use crate::{
    objects_suite::{names, read},
    support::{TestApp, problem, wait_until},
};

pub const MIB: usize = 1 << 20;

/// An account as one node knows it.
pub struct Door {
    url: String,
    token: String,
    http: Client,
}

impl Door {
    pub async fn register(url: &str, name: &str) -> Self {
        let body =
            json!({"username": name, "email": format!("{name}@example.org"), "password": "correct horse"});
        Self::enter(url, "register", body).await
    }

    pub async fn login(url: &str, name: &str) -> Self {
        Self::enter(url, "login", json!({"username": name, "password": "correct horse"})).await
    }

    async fn enter(url: &str, by: &str, body: Value) -> Self {
        let http = Client::new();
        let answer =
            http.post(format!("{url}/api/v1/auth/{by}")).json(&body).send().await.expect("an answer");
        let told: Value = answer.json().await.expect("tokens");
        let token = told["access_token"].as_str().unwrap_or_else(|| panic!("{told}")).to_owned();
        Self { url: url.to_owned(), token, http }
    }

    pub fn tus(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token);
        request.header("tus-resumable", "1.0.0").timeout(Duration::from_secs(60))
    }

    /// The path of a new upload.
    pub async fn create(&self, length: usize) -> String {
        let created = self.tus(Method::POST, "/api/v1/uploads").header("upload-length", length);
        location(created.send().await.expect("an answer"))
    }

    pub fn patch(&self, path: &str, offset: usize, bytes: &[u8]) -> RequestBuilder {
        self.tus(Method::PATCH, path)
            .header("upload-offset", offset)
            .header("content-type", "application/offset+octet-stream")
            .body(bytes.to_vec())
    }

    /// Adds bytes; answers with where the upload stands.
    pub async fn add(&self, path: &str, offset: usize, bytes: &[u8]) -> usize {
        let patched = self.patch(path, offset, bytes).send().await.expect("an answer");
        let status = patched.status();
        let stands_at = patched.headers().get("upload-offset").map(number);
        let told = patched.text().await.unwrap_or_default();
        assert_eq!(status, StatusCode::NO_CONTENT, "{told}");
        stands_at.expect("an offset")
    }

    /// Where it stands.
    pub async fn offset(&self, path: &str) -> usize {
        let head = self.tus(Method::HEAD, path).send().await.expect("an answer");
        assert_eq!(head.status(), StatusCode::OK);
        number(&head.headers()["upload-offset"])
    }

    pub async fn video_id(&self, path: &str) -> String {
        let head = self.tus(Method::HEAD, path).send().await.expect("an answer");
        head.headers()["playhouse-video-id"].to_str().expect("an id").to_owned()
    }

    /// A request that promises `length` bytes and sends fewer, on a connection that stays open while it is kept.
    pub async fn ghost(&self, path: &str, offset: usize, length: usize, bytes: &[u8]) -> TcpStream {
        let place = self.url.trim_start_matches("http://");
        let mut ghost = TcpStream::connect(place).await.expect("a connection");
        let head = format!(
            "PATCH {path} HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: {offset}\r\n\
             Content-Length: {length}\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/offset+octet-stream\r\n\r\n",
            self.token
        );
        ghost.write_all(head.as_bytes()).await.expect("it is sent");
        ghost.write_all(bytes).await.expect("it is sent");
        ghost
    }

    pub async fn is_receiving(&self) -> bool {
        self.metrics_say("playhouse_uploads_receiving 1").await
    }

    async fn metrics_say(&self, line: &str) -> bool {
        let metrics = self.http.get(format!("{}/metrics", self.url)).send().await.expect("an answer");
        let metrics = metrics.text().await.expect("text");
        metrics.lines().any(|said| said == line)
    }
}

fn number(value: &reqwest::header::HeaderValue) -> usize {
    value.to_str().expect("text").parse().expect("a number")
}

fn location(created: Response) -> String {
    assert_eq!(created.status(), StatusCode::CREATED);
    created.headers()["location"].to_str().expect("a path").to_owned()
}

/// Bytes that tell a shift by any length a piece may have.
pub fn content(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

pub async fn pieces(server: &Server) -> Vec<String> {
    names(&server.open(), &"uploads/".parse::<Prefix>().expect("a prefix")).await
}

/// The video's source is what was sent, and nothing else is left of the upload.
pub async fn arrived(server: &Server, door: &Door, path: &str, bytes: &[u8]) {
    let id = door.video_id(path).await;
    let source = read(&server.open(), &format!("sources/{id}/original")).await.expect("the source");
    assert_eq!(Sha256::digest(source), Sha256::digest(bytes));
    assert_eq!(pieces(server).await, Vec::<String>::new());
    assert_eq!(server.parts_left(), 0);
}

/// The largest file of a node, but for its rows and GStreamer's list of plugins.
pub fn largest_file(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten();
    let sizes = entries.map(|entry| match entry.path() {
        path if ["store", "gstreamer"].iter().any(|name| path.ends_with(name)) => 0,
        path if path.is_dir() => largest_file(&path),
        path => path.metadata().map_or(0, |metadata| metadata.len()),
    });
    sizes.max().unwrap_or(0)
}

async fn over(uri: &str, settings: &[(&str, &str)]) -> TestApp {
    TestApp::start_with(&[&[("BACKENDS__OBJECTS", uri)][..], settings].concat()).await
}

fn sha1_of(bytes: &[u8]) -> String {
    format!("sha1 {}", BASE64_STANDARD.encode(sha1::Sha1::digest(bytes)))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_gathers_in_the_bucket_and_arrives_byte_for_byte() {
    let server = Server::start().await;
    let uri = server.uri();
    let app = over(&uri, &[]).await;
    let ada = Door::register(&app.url, "ada").await;
    let bytes = content(30 * MIB + 7);
    let path = ada.create(bytes.len()).await;
    let wrong = ada.patch(&path, 0, &bytes[..9 * MIB]).header("upload-checksum", sha1_of(b"other"));
    assert_eq!(problem(wrong.send().await.expect("an answer")).await, (460, "checksum_mismatch".into()));
    assert_eq!(ada.offset(&path).await, 0);
    assert_eq!(pieces(&server).await, Vec::<String>::new());
    let right = ada.patch(&path, 0, &bytes[..9 * MIB]).header("upload-checksum", sha1_of(&bytes[..9 * MIB]));
    assert_eq!(right.send().await.expect("an answer").status(), StatusCode::NO_CONTENT);
    let elsewhere = ada.patch(&path, 5, b"x").send().await.expect("an answer");
    assert_eq!(problem(elsewhere).await, (409, "offset_mismatch".into()));
    // Cut off in the middle of its second piece.
    drop(ada.ghost(&path, 9 * MIB, 20 * MIB, &bytes[9 * MIB..22 * MIB]).await);
    wait_until("a piece of it is there", || async { pieces(&server).await.len() > 2 }).await;
    let app = app.restart_with(&[("BACKENDS__OBJECTS", &uri)]).await;
    let ada = Door::login(&app.url, "ada").await;
    let offset = ada.offset(&path).await;
    assert!((17 * MIB..=22 * MIB).contains(&offset), "{offset}");
    assert!(largest_file(app.folder.path()) < MIB as u64, "it gathers in no file");
    assert!(!app.folder.path().join("uploads").exists());
    assert_eq!(ada.add(&path, offset, &bytes[offset..]).await, bytes.len());
    arrived(&server, &ada, &path, &bytes).await;
    assert_eq!(ada.add(&path, bytes.len(), b"").await, bytes.len(), "it may be finished again");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_and_forms_become_videos_and_what_ends_or_expires_leaves_nothing() {
    let server = Server::start().await;
    let uri = server.uri();
    let app = over(&uri, &[]).await;
    let ada = Door::register(&app.url, "ada").await;
    let bytes = content(12 * MIB);
    let mut parts = Vec::new();
    for piece in [&bytes[..9 * MIB], &bytes[9 * MIB..]] {
        let part = ada.tus(Method::POST, "/api/v1/uploads").header("upload-length", piece.len());
        let part = location(part.header("upload-concat", "partial").send().await.expect("an answer"));
        assert_eq!(ada.add(&part, 0, piece).await, piece.len());
        parts.push(part);
    }
    let whole = ada.tus(Method::POST, "/api/v1/uploads");
    let whole = whole.header("upload-concat", format!("final;{} {}", parts[0], parts[1]));
    let whole = location(whole.send().await.expect("an answer"));
    arrived(&server, &ada, &whole, &bytes).await;

    let person = app.login("ada", "correct horse").await;
    let video = app.upload(&person, bytes.clone(), "public").await;
    let id = video["id"].as_str().expect("an id");
    assert!(read(&server.open(), &format!("sources/{id}/original")).await.expect("the source") == bytes);

    let ended = ada.create(10).await;
    ada.add(&ended, 0, b"hello").await;
    let removed = ada.tus(Method::DELETE, &ended).send().await.expect("an answer");
    assert_eq!(removed.status(), StatusCode::NO_CONTENT);
    assert_eq!(pieces(&server).await, Vec::<String>::new());

    let (begun, empty) = (ada.create(10).await, ada.create(20).await);
    ada.add(&begun, 0, b"hello").await;
    assert_eq!(pieces(&server).await.len(), 1);
    app.clock.advance(Duration::from_secs(25 * 3_600));
    let app = app.restart_with(&[("BACKENDS__OBJECTS", &uri)]).await;
    let ada = Door::login(&app.url, "ada").await;
    // Whoever asks for an upload holds it, and what is held is swept another time: so the metrics are asked.
    wait_until("both expire", || ada.metrics_say(r#"playhouse_uploads_total{outcome="expired"} 2"#)).await;
    for path in [&begun, &empty] {
        let head = ada.tus(Method::HEAD, path).send().await.expect("an answer");
        assert_eq!(head.status(), StatusCode::NOT_FOUND);
    }
    assert_eq!(pieces(&server).await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cuts_and_slows_is_waited_for_and_one_that_refuses_is_told_of() {
    let server = Server::start().await;
    let faults = [Plan::CutUp(3 * MIB as u64), SLOW_DOWN, Plan::CutUp(20_000), SLOW_DOWN];
    let proxy = Proxy::start(server.addr(), faults, Plan::Pass).await;
    let through = |proxy: &Proxy| server.uri_of(proxy.addr, super::server::BUCKET, super::server::SECRET);
    let app = over(&through(&proxy), &[]).await;
    let ada = Door::register(&app.url, "ada").await;
    let bytes = content(20 * MIB);
    let path = ada.create(bytes.len()).await;
    assert_eq!(ada.add(&path, 0, &bytes).await, bytes.len());
    assert_eq!(proxy.plans_left(), 0);
    arrived(&server, &ada, &path, &bytes).await;

    let path = ada.create(bytes.len()).await;
    assert_eq!(ada.add(&path, 0, &bytes[..MIB]).await, MIB);
    let flooded = Proxy::start(server.addr(), [], SLOW_DOWN).await;
    let app = app.restart_with(&[("BACKENDS__OBJECTS", &through(&flooded))]).await;
    let ada = Door::login(&app.url, "ada").await;
    let refused = ada.patch(&path, MIB, &bytes[MIB..]).send().await.expect("an answer");
    assert_eq!(problem(refused).await, (503, "unavailable".into()));
    let app = app.restart_with(&[("BACKENDS__OBJECTS", &server.uri())]).await;
    let ada = Door::login(&app.url, "ada").await;
    assert_eq!(ada.offset(&path).await, MIB, "what was acknowledged is there, and nothing half");
    assert_eq!(ada.add(&path, MIB, &bytes[MIB..]).await, bytes.len());
    arrived(&server, &ada, &path, &bytes).await;
    app.stop().await;
}
