use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::support::{Person, TestApp, problem, tiny_clip, wait_until};

const FILE_LEN: usize = 300_000;

fn file() -> Vec<u8> {
    (0..FILE_LEN).map(|at| u8::try_from(at % 251).expect("below 256")).collect()
}

/// A web server with one file, `/cut.mp4`, whose connections break off after a third of it; and some bad places.
struct Elsewhere {
    addr: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl Elsewhere {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("an address");
        let asked = Arc::<AtomicUsize>::default();
        let count = asked.clone();
        #[expect(clippy::disallowed_methods, reason = "a server beside the one under test")]
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                #[expect(clippy::disallowed_methods, reason = "a server beside the one under test")]
                tokio::spawn(async move { drop(answer(stream, addr).await) });
            }
        });
        Self { addr, asked }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }
}

async fn answer(mut stream: TcpStream, addr: SocketAddr) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).expect("text").to_ascii_lowercase();
    let path = head.split(' ').nth(1).expect("a path");
    let redirect = |to: String| format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
    let answer = match path {
        "/cut.mp4" => {
            let from =
                head.split("range: bytes=").nth(1).and_then(|rest| rest.split('-').next()?.parse().ok());
            let from: usize = from.unwrap_or(0);
            let status = if from > 0 { "206 Partial Content" } else { "200 OK" };
            let rest = FILE_LEN - from;
            let head = format!(
                "HTTP/1.1 {status}\r\nETag: \"one\"\r\nContent-Length: {rest}\r\n\
                 Content-Range: bytes {from}-{}/{FILE_LEN}\r\n\r\n",
                FILE_LEN - 1
            );
            stream.write_all(head.as_bytes()).await?;
            return stream.write_all(&file()[from..FILE_LEN.min(from + FILE_LEN / 3 + 1)]).await;
        }
        "/endless" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").await?;
            loop {
                stream.write_all(&[0; 65_536]).await?;
            }
        }
        "/silent" => std::future::pending().await,
        "/moved" => redirect("/cut.mp4".into()),
        "/inside" => redirect("http://169.254.169.254/latest/meta-data/".into()),
        "/port" => redirect("http://127.0.0.1:1/".into()),
        "/round" => redirect(format!("http://{addr}/round")),
        _ => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".into(),
    };
    stream.write_all(answer.as_bytes()).await
}

async fn begin(app: &TestApp, who: &Person, url: &str) -> reqwest::Response {
    let request = app.post("/api/v1/imports", json!({"url": url, "title": "From elsewhere"}));
    request.bearer_auth(&who.token).send().await.expect("an answer")
}

async fn import(app: &TestApp, who: &Person, url: &str) -> Value {
    let answer = begin(app, who, url).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    answer.json().await.expect("an import")
}

async fn state(app: &TestApp, who: &Person, import: &Value) -> Value {
    let path = format!("/api/v1/imports/{}", import["id"].as_str().expect("an id"));
    app.get(&path).bearer_auth(&who.token).send().await.expect("an answer").json().await.expect("an import")
}

async fn ended(app: &TestApp, who: &Person, import: &Value) -> Value {
    wait_until("the import ends", || async { state(app, who, import).await["status"] != "fetching" }).await;
    state(app, who, import).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_fetched_from_elsewhere_through_every_cut() {
    let elsewhere = Elsewhere::start().await;
    let allowed = elsewhere.addr.to_string();
    let app = TestApp::start_with(&[("UPLOADS__IMPORT_HOSTS_ALLOWED", &allowed)]).await;
    let ada = app.register("ada").await;
    let bob = app.register("bob").await;
    let begun = import(&app, &ada, &elsewhere.url("/moved")).await;
    let done = ended(&app, &ada, &begun).await;
    assert_eq!(done["status"], "done", "{done}");
    assert_eq!(done["length_bytes"], FILE_LEN);
    assert!(elsewhere.asked.load(Ordering::Relaxed) >= 4, "a redirect and three cuts");
    let id = begun["video_id"].as_str().expect("an id");
    let arrived = std::fs::read(app.folder.path().join(format!("objects/sources/{id}/original")));
    assert!(arrived.expect("the source") == file(), "byte for byte");
    let video = app.wait_for_video(&ada, id, |video| video["status"] != "processing").await;
    assert_eq!(video["title"], "From elsewhere");
    let path = format!("/api/v1/imports/{}", begun["id"].as_str().expect("an id"));
    let other = app.get(&path).bearer_auth(&bob.token).send().await.expect("an answer");
    assert_eq!(problem(other).await, (404, "not_found".into()));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_inside_is_not_fetched_however_it_is_named() {
    let elsewhere = Elsewhere::start().await;
    let allowed = elsewhere.addr.to_string();
    let app = TestApp::start_with(&[
        ("UPLOADS__IMPORT_HOSTS_ALLOWED", &allowed),
        ("UPLOADS__SIZE_MAX_BYTES", "1000000"),
    ])
    .await;
    let ada = app.register("ada").await;
    for url in
        ["http://127.0.0.1/", "http://[::ffff:10.0.0.1]/", "http://2130706433/", "ftp://a.example/", "x"]
    {
        assert_eq!(problem(begin(&app, &ada, url).await).await, (422, "invalid".into()), "{url}");
    }
    for (path, code) in [
        ("/inside", "import_refused"),
        ("/port", "import_refused"),
        ("/round", "import_refused"),
        ("/none", "import_refused"),
        ("/endless", "too_large"),
    ] {
        let begun = import(&app, &ada, &elsewhere.url(path)).await;
        let failed = ended(&app, &ada, &begun).await;
        assert_eq!(failed["failure"]["code"], code, "{path}: {failed}");
    }
    let silent = import(&app, &ada, &elsewhere.url("/silent")).await;
    let path = format!("/api/v1/imports/{}", silent["id"].as_str().expect("an id"));
    let refused = import(&app, &ada, &elsewhere.url("/none")).await;
    assert_eq!(ended(&app, &ada, &refused).await["status"], "failed", "one waits, another goes on");
    wait_until("it ends", || async {
        let gone =
            app.request(Method::DELETE, &path).bearer_auth(&ada.token).send().await.expect("an answer");
        matches!(gone.status(), StatusCode::NO_CONTENT | StatusCode::NOT_FOUND)
    })
    .await;
    let left = std::fs::read_dir(app.folder.path().join("uploads")).expect("the folder").count();
    assert_eq!(left, 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_may_bring_the_file_of_a_video_that_there_is() {
    let elsewhere = Elsewhere::start().await;
    let allowed = elsewhere.addr.to_string();
    let app = TestApp::start_with(&[("UPLOADS__IMPORT_HOSTS_ALLOWED", &allowed)]).await;
    let ada = app.register("ada").await;
    let id = app.upload(&ada, tiny_clip(&[]), "public").await["id"].as_str().expect("an id").to_owned();
    app.wait_for_video(&ada, &id, |video| video["status"] == "ready").await;
    let begin = async |path: &str| {
        let body = json!({"url": elsewhere.url(path), "replaces": id});
        app.post("/api/v1/imports", body).bearer_auth(&ada.token).send().await.expect("an answer")
    };
    let silent: Value = begin("/silent").await.json().await.expect("an import");
    assert_eq!((&silent["video_id"], &silent["replaces"]), (&json!(id), &json!(id)));
    assert_eq!(problem(begin("/cut.mp4").await).await, (409, "conflict".into()));
    let path = format!("/api/v1/imports/{}", silent["id"].as_str().expect("an id"));
    let ended_it =
        app.request(Method::DELETE, &path).bearer_auth(&ada.token).send().await.expect("an answer");
    assert_eq!(ended_it.status(), StatusCode::NO_CONTENT);
    let missing: Value = begin("/nothing").await.json().await.expect("an import");
    assert_eq!(ended(&app, &ada, &missing).await["status"], "failed");
    let begun: Value = begin("/cut.mp4").await.json().await.expect("an import");
    assert_eq!(ended(&app, &ada, &begun).await["status"], "done");
    let refused = || async {
        let job = app.get(&format!("/api/v1/videos/{id}/job")).bearer_auth(&ada.token);
        let job: Value = job.send().await.expect("an answer").json().await.expect("a job");
        job["replacement"]["status"] == "refused" && job["replacement"]["upload_id"] == begun["id"]
    };
    wait_until("it is tried, and is no video", refused).await;
    app.stop().await;
}
