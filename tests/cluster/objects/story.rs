//! The system as it runs, with all bytes in a bucket: uploaded, made playable, played through the node, removed.

use reqwest::{Method, Response, StatusCode, header};
use serde_json::{Value, json};

use super::{
    proxy::{Plan, Proxy},
    server::Server,
};
use crate::{
    objects_suite::names,
    support::{Person, TestApp, tiny_clip, uris, wait_until},
};
use playhouse::backends::objects::Prefix;

/// A server over a bucket.
struct House {
    server: Server,
    app: TestApp,
}

impl House {
    async fn start(settings: &[(&str, &str)]) -> Self {
        let server = Server::start().await;
        let uri = server.uri();
        let own = [("BACKENDS__OBJECTS", uri.as_str()), ("MEDIA__LADDER", "180")];
        let app = TestApp::start_with(&[&own[..], settings].concat()).await;
        Self { server, app }
    }

    async fn objects(&self) -> Vec<String> {
        let mut names = names(&self.server.open(), &Prefix::all()).await;
        names.retain(|name| !name.starts_with("health/"));
        names
    }

    async fn get(&self, path: &str) -> Response {
        self.app.get(path).send().await.expect("an answer")
    }

    async fn text(&self, path: &str) -> String {
        self.get(path).await.text().await.expect("text")
    }

    /// The paths of all segments and inits, and those of the playlists that name them.
    async fn files(&self, master: &str) -> Vec<String> {
        let base = master.strip_suffix("master.m3u8").expect("a master playlist");
        let mut files = Vec::new();
        for playlist in uris(&self.text(master).await) {
            let path = format!("{base}{playlist}");
            let folder = path.rsplit_once('/').expect("a folder").0.to_owned();
            let text = self.text(&path).await;
            files.extend(
                uris(&text).into_iter().filter(|uri| uri.ends_with(".m4s") || uri.ends_with(".mp4")).map(
                    |uri| match uri.contains("://") {
                        true => uri,
                        false => format!("{folder}/{uri}"),
                    },
                ),
            );
        }
        files
    }

    async fn finish(self, who: &Person, id: &str) {
        let request = self.app.request(Method::DELETE, &format!("/api/v1/videos/{id}"));
        let removed = request.bearer_auth(&who.token).send().await.expect("an answer");
        assert_eq!(removed.status(), StatusCode::NO_CONTENT);
        wait_until("nothing is left of it", || async { self.objects().await.is_empty() }).await;
        assert_eq!(self.server.parts_left(), 0);
        self.app.stop().await;
    }
}

fn tus(app: &TestApp, who: &Person, method: Method, path: &str) -> reqwest::RequestBuilder {
    app.request(method, path).bearer_auth(&who.token).header("tus-resumable", "1.0.0")
}

/// In two requests; answers with the video's id.
async fn upload(app: &TestApp, who: &Person, bytes: &[u8]) -> String {
    let created = tus(app, who, Method::POST, "/api/v1/uploads").header("upload-length", bytes.len());
    let created = created.send().await.expect("an answer");
    let path = created.headers()["location"].to_str().expect("a path").to_owned();
    let half = bytes.len() / 2;
    let mut id = String::new();
    for (offset, piece) in [(0, &bytes[..half]), (half, &bytes[half..])] {
        let patch = tus(app, who, Method::PATCH, &path)
            .header("upload-offset", offset)
            .header("content-type", "application/offset+octet-stream");
        let patched = patch.body(piece.to_vec()).send().await.expect("an answer");
        assert_eq!(patched.status(), StatusCode::NO_CONTENT);
        let headers = patched.headers();
        id = headers.get("playhouse-video-id").map_or(id, |id| id.to_str().expect("an id").to_owned());
    }
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_is_uploaded_made_played_and_removed_over_a_bucket() {
    let house = House::start(&[]).await;
    let ada = house.app.register("ada").await;
    let clip = tiny_clip(&[]);
    let id = upload(&house.app, &ada, &clip).await;
    house.app.wait_for_video(&ada, &id, |video| video["status"] == "ready").await;
    let stored = house.objects().await;
    assert!(stored.contains(&format!("sources/{id}/original")), "{stored:?}");
    assert!(stored.iter().any(|name| name.ends_with("/seg00000.m4s")), "{stored:?}");
    let files = house.files(&format!("/media/v/{id}/master.m3u8")).await;
    assert!(files.len() >= 4, "{files:?}");
    for file in files.iter().chain([&format!("/media/v/{id}/poster.jpg")]) {
        plays(&house, file).await;
    }
    let part = house.app.get(&format!("/api/v1/videos/{id}/original")).bearer_auth(&ada.token);
    let part = part.header(header::RANGE, "bytes=10-19").send().await.expect("an answer");
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.bytes().await.expect("bytes"), clip[10..20]);
    let ready: Value = house.get("/health/ready").await.json().await.expect("a report");
    assert_eq!(ready["status"], "ok", "{ready}");
    house.finish(&ada, &id).await;
}

/// Whole, in part, and not again; the third time out of memory.
async fn plays(house: &House, file: &str) {
    let first = house.get(file).await;
    assert_eq!(first.status(), StatusCode::OK, "{file}");
    let etag = first.headers()[header::ETAG].clone();
    let whole = first.bytes().await.expect("bytes");
    for _ in 0..2 {
        let again = house.get(file).await;
        assert_eq!(again.headers()[header::ETAG], etag, "{file}");
        assert_eq!(again.bytes().await.expect("bytes"), whole, "{file}");
        let range = house.app.get(file).header(header::RANGE, "bytes=-7").send().await.expect("an answer");
        assert_eq!(range.status(), StatusCode::PARTIAL_CONTENT, "{file}");
        assert_eq!(range.bytes().await.expect("bytes"), whole[whole.len() - 7..], "{file}");
        let beside = house.app.get(file).header(header::RANGE, format!("bytes={}-", whole.len()));
        assert_eq!(beside.send().await.expect("an answer").status(), StatusCode::RANGE_NOT_SATISFIABLE);
        let unchanged =
            house.app.get(file).header(header::IF_NONE_MATCH, &etag).send().await.expect("an answer");
        assert_eq!(unchanged.status(), StatusCode::NOT_MODIFIED, "{file}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_store_a_node_says_so_and_goes_on_when_it_is_back() {
    let house = House::start(&[("BACKENDS__DEADLINE_MS", "1000")]).await;
    let ada = house.app.register("ada").await;
    house.server.pause();
    let away = house.get("/health/ready").await;
    assert_eq!(away.status(), StatusCode::SERVICE_UNAVAILABLE);
    let clip = tiny_clip(&[]);
    let file = reqwest::multipart::Part::bytes(clip.clone()).file_name("clip.mp4");
    let form = reqwest::multipart::Form::new().text("title", "A clip").part("file", file);
    let request = house.app.request(Method::POST, "/api/v1/videos").bearer_auth(&ada.token).multipart(form);
    let refused = request.send().await.expect("an answer");
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    house.server.go_on();
    wait_until("it is ready again", || async { house.get("/health/ready").await.status() == StatusCode::OK })
        .await;
    let id = upload(&house.app, &ada, &clip).await;
    house.app.wait_for_video(&ada, &id, |video| video["status"] == "ready").await;
}

/// What `playback` names.
async fn playback(app: &TestApp, who: &Person, id: &str) -> Value {
    let request = app.get(&format!("/api/v1/videos/{id}/playback")).bearer_auth(&who.token);
    request.send().await.expect("an answer").json().await.expect("a playback")
}

async fn ready(app: &TestApp, who: &Person, visibility: &str, encryption: &str) -> String {
    let video = app.upload(who, tiny_clip(&[]), visibility).await;
    let id = video["id"].as_str().expect("an id").to_owned();
    app.wait_for_video(who, &id, |video| video["status"] == "ready").await;
    change(app, who, &id, "encryption", encryption).await;
    id
}

async fn change(app: &TestApp, who: &Person, id: &str, field: &str, value: &str) {
    let request = app.request(Method::PATCH, &format!("/api/v1/videos/{id}")).bearer_auth(&who.token);
    let changed = request.json(&json!({field: value})).send().await.expect("an answer");
    assert_eq!(changed.status(), StatusCode::OK, "{field} = {value}");
}

#[tokio::test(flavor = "multi_thread")]
async fn players_are_sent_on_to_the_store_for_what_is_clear_once_they_may_see_it() {
    let house = House::start(&[("MEDIA__DELIVERY", "store")]).await;
    let ada = house.app.register("ada").await;
    let origin = format!("http://{}", house.server.addr());
    let page = house.get("/").await;
    if page.status() == StatusCode::OK {
        let policy = page.headers()[header::CONTENT_SECURITY_POLICY].to_str().expect("text");
        assert_eq!(policy.matches(&origin).count(), 2, "{policy}");
    }
    let direct =
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let private = ready(&house.app, &ada, "private", "none").await;
    let master = playback(&house.app, &ada, &private).await["hls"].as_str().expect("a path").to_owned();
    for file in house.files(&master).await {
        let sent_on = direct.get(format!("{}{file}", house.app.url)).send().await.expect("an answer");
        assert_eq!(sent_on.status(), StatusCode::TEMPORARY_REDIRECT);
        let address = sent_on.headers()[header::LOCATION].to_str().expect("text");
        assert!(address.starts_with(&format!("{origin}/playhouse/videos/{private}/")), "{address}");
        let followed =
            house.app.get(&file).header(header::RANGE, "bytes=0-7").send().await.expect("an answer");
        assert_eq!(followed.status(), StatusCode::PARTIAL_CONTENT, "{file}");
        assert_eq!(followed.headers()[header::CONTENT_TYPE], "video/mp4");
        assert_eq!(followed.bytes().await.expect("bytes").len(), 8);
        // A HEAD is answered here, and nobody without the permission is sent anywhere.
        let head = house.app.request(Method::HEAD, &file).send().await.expect("an answer");
        assert_eq!(
            (head.status(), head.url().as_str()),
            (StatusCode::OK, &*format!("{}{file}", house.app.url))
        );
        let name = file.split(&format!("/{private}/")).nth(1).expect("a file of the video");
        let open = format!("{}/media/v/{private}/{name}", house.app.url);
        assert_eq!(direct.get(open).send().await.expect("an answer").status(), StatusCode::NOT_FOUND);
    }
    let secret = ready(&house.app, &ada, "public", "aes128").await;
    for file in house.files(&format!("/media/v/{secret}/master.m3u8")).await {
        let answer = direct.get(format!("{}{file}", house.app.url)).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK, "{file}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cdn_gets_what_is_public_and_nothing_else() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let listen = free.local_addr().expect("a bound socket");
    drop(free);
    // Stands for a CDN that has nothing yet.
    let cdn = Proxy::start(listen, [], Plan::Pass).await;
    let origin = format!("http://{}", cdn.addr);
    let house = House::start(&[("SERVER__LISTEN", &listen.to_string()), ("MEDIA__DELIVERY", &origin)]).await;
    let ada = house.app.register("ada").await;
    let public = ready(&house.app, &ada, "public", "none").await;
    let told = playback(&house.app, &ada, &public).await;
    assert_eq!(told["hls"], format!("{origin}/media/v/{public}/master.m3u8"));
    // What a page shows beside the player stays with the page's own server.
    assert_eq!(told["poster"], format!("/media/v/{public}/poster.jpg"));
    let files = house.files(&format!("/media/v/{public}/master.m3u8")).await;
    for file in &files {
        assert!(file.starts_with('/'), "what a playlist names lies beside it: {file}");
        let answer = reqwest::get(format!("{origin}{file}")).await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
    }
    change(&house.app, &ada, &public, "visibility", "private").await;
    for file in &files {
        let answer = reqwest::get(format!("{origin}{file}")).await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "it is private now: {file}");
    }
    for (visibility, encryption) in [("private", "none"), ("unlisted", "none"), ("public", "aes128")] {
        let id = ready(&house.app, &ada, visibility, encryption).await;
        let hls = playback(&house.app, &ada, &id).await["hls"].as_str().expect("a path").to_owned();
        assert!(hls.starts_with("/media/"), "{visibility}, {encryption}: {hls}");
    }
}
