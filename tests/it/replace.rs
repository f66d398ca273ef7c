//! The file of a video is replaced: what people left at it stays, what plays is the new file's, and nothing of the old one
//! is left anywhere.

use std::collections::BTreeSet;

use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use crate::{
    encryption::{frames, media_playlists},
    removal::{census, leaves_nothing, live_in, ok, ready, remove, removed},
    support::{Person, TestApp, problem, tiny_clip, tiny_video, uris, wait_until},
};

fn tus(app: &TestApp, who: &Person, method: Method, path: &str) -> RequestBuilder {
    app.request(method, path).bearer_auth(&who.token).header("tus-resumable", "1.0.0")
}

async fn begin(app: &TestApp, who: &Person, id: &str, length: usize) -> Response {
    let metadata = format!("replaces {}", BASE64_STANDARD.encode(id));
    let request = tus(app, who, Method::POST, "/api/v1/uploads").header("upload-length", length);
    request.header("upload-metadata", metadata).send().await.expect("an answer")
}

fn location(response: &Response) -> String {
    assert_eq!(response.status(), StatusCode::CREATED);
    response.headers()["location"].to_str().expect("a path").to_owned()
}

async fn send(app: &TestApp, who: &Person, path: &str, offset: usize, bytes: &[u8]) -> Response {
    let request = tus(app, who, Method::PATCH, path).header("upload-offset", offset);
    let request = request.header("content-type", "application/offset+octet-stream").body(bytes.to_vec());
    request.send().await.expect("an answer")
}

/// The whole of a file in the place of another.
async fn replace(app: &TestApp, who: &Person, id: &str, bytes: &[u8]) -> String {
    let path = location(&begin(app, who, id, bytes.len()).await);
    let sent = send(app, who, &path, 0, bytes).await;
    assert_eq!(
        (sent.status(), &sent.headers()["playhouse-video-id"]),
        (StatusCode::NO_CONTENT, &id.parse().expect("text"))
    );
    path
}

async fn replace_by_form(app: &TestApp, who: &Person, id: &str, bytes: &[u8], key: Option<&str>) -> Response {
    let file = reqwest::multipart::Part::bytes(bytes.to_vec()).file_name("other.mp4");
    let form = reqwest::multipart::Form::new().text("replaces", id.to_owned()).part("file", file);
    let mut request = app.request(Method::POST, "/api/v1/videos").bearer_auth(&who.token).multipart(form);
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    request.send().await.expect("an answer")
}

async fn read(app: &TestApp, who: &Person, path: &str) -> Value {
    ok(app.get(path), who).await
}

async fn used_bytes(app: &TestApp, who: &Person) -> usize {
    let used = read(app, who, "/api/v1/me/storage").await["used_bytes"].as_u64();
    usize::try_from(used.expect("a sum")).expect("a small one")
}

async fn original(app: &TestApp, who: &Person, id: &str) -> Vec<u8> {
    let request = app.get(&format!("/api/v1/videos/{id}/original")).bearer_auth(&who.token);
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    answer.bytes().await.expect("bytes").to_vec()
}

async fn text(app: &TestApp, path: &str) -> String {
    let answer = app.get(path).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    answer.text().await.expect("text")
}

/// What a player would fetch of a video, all of it fetched; and how long its longest rendition is.
async fn played(app: &TestApp, id: &str) -> (BTreeSet<String>, f64) {
    let master = text(app, &format!("/media/v/{id}/master.m3u8")).await;
    let (mut fetched, mut longest_s) = (BTreeSet::new(), 0_f64);
    for playlist in uris(&master).into_iter().filter(|uri| uri.ends_with("index.m3u8")) {
        let folder = playlist.trim_end_matches("index.m3u8").to_owned();
        let listed = text(app, &format!("/media/v/{id}/{playlist}")).await;
        let lengths = listed
            .lines()
            .filter_map(|line| line.strip_prefix("#EXTINF:")?.trim_end_matches(',').parse::<f64>().ok());
        longest_s = longest_s.max(lengths.sum());
        for file in uris(&listed) {
            let path = format!("/media/v/{id}/{folder}{file}");
            assert_eq!(app.get(&path).send().await.expect("an answer").status(), StatusCode::OK, "{path}");
            fetched.insert(path);
        }
    }
    assert!(!fetched.is_empty());
    (fetched, longest_s)
}

/// The names of a video's objects: what was made of it, and its sources.
fn objects(app: &TestApp, id: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let names = |folder: &str| {
        let path = app.folder.path().join("objects").join(folder).join(id);
        let entries =
            std::fs::read_dir(path).map(|entries| entries.map(|entry| entry.expect("an entry").file_name()));
        entries.into_iter().flatten().map(|name| name.into_string().expect("text")).collect()
    };
    (names("videos"), names("sources"))
}

async fn is_ready(app: &TestApp, who: &Person, id: &str, duration_ms: std::ops::Range<u64>) -> Value {
    let is = |video: &Value| {
        let lasts = video["duration_ms"].as_u64().is_some_and(|ms| duration_ms.contains(&ms));
        video["status"] == "ready" && lasts
    };
    app.wait_for_video(who, id, is).await
}

async fn job(app: &TestApp, who: &Person, id: &str) -> Value {
    read(app, who, &format!("/api/v1/videos/{id}/job")).await
}

async fn refused(app: &TestApp, who: &Person, id: &str) -> Value {
    let of = || async { job(app, who, id).await["replacement"].clone() };
    wait_until("the file is refused", || async { of().await["status"] == "refused" }).await;
    of().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_the_place_of_an_encrypted_file_is_encrypted_and_decodes_whole() {
    let app = TestApp::start_with(&[("MEDIA__KEY_ROTATION_SEGMENTS", "1")]).await;
    let ada = app.register("ada").await;
    let id = ready(&app, &ada).await;
    let path = format!("/api/v1/videos/{id}");
    let seal = app.request(Method::PATCH, &path).json(&json!({"encryption": "aes128"}));
    assert_eq!(ok(seal, &ada).await["encryption"], "aes128");
    replace(&app, &ada, &id, &tiny_video("clip.mp4", 9, &[], &[])).await;
    assert_eq!(is_ready(&app, &ada, &id, 8_500..9_500).await["encryption"], "aes128");
    let master = format!("/media/v/{id}/master.m3u8");
    for playlist in media_playlists(&app, &master).await {
        let listed = text(&app, &playlist).await;
        let segments = listed.matches("#EXTINF:").count();
        let keys = listed.matches("#EXT-X-KEY:METHOD=AES-128").count();
        assert!(segments >= 3 && keys == segments, "{listed}");
        let frames = frames(&app, &playlist).await.len();
        // 25 pictures a second, or 1024 samples of 44,100 each.
        assert!([225, 387, 388, 389].contains(&frames), "{playlist} has {frames} frames");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_file_takes_the_place_of_the_old_one_and_everything_else_stays() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.register("ada").await, app.register("bob").await);
    ready(&app, &ada).await;
    let others_bytes = used_bytes(&app, &ada).await;
    let (app, before) = census(app).await;
    let id = ready(&app, &ada).await;
    live_in(&app, &id, &ada, &bob).await;
    let choose =
        app.request(Method::PUT, &format!("/api/v1/videos/{id}/thumbnail")).json(&json!({"candidate": 1}));
    assert_eq!(ok(choose, &ada).await["selected"], 1);
    let page = read(&app, &ada, &format!("/api/v1/videos/{id}")).await;
    let talk = read(&app, &ada, &format!("/api/v1/videos/{id}/comments")).await;
    // Three times, so that delivery has them at hand.
    let (old, _) = played(&app, &id).await;
    assert!(played(&app, &id).await.0 == old && played(&app, &id).await.0 == old);
    let (made, _) = objects(&app, &id);

    let clip = tiny_video("clip.mp4", 5, &[], &[]);
    let upload = replace(&app, &ada, &id, &clip).await;
    let now = is_ready(&app, &ada, &id, 4_500..5_500).await;
    for field in
        ["title", "visibility", "views", "likes", "dislikes", "comments", "created_at", "published_at"]
    {
        assert_eq!(now[field], page[field], "{field}");
    }
    assert_eq!(read(&app, &ada, &format!("/api/v1/videos/{id}/comments")).await, talk);
    let captions = read(&app, &ada, &format!("/api/v1/videos/{id}/captions")).await;
    assert_eq!(captions["items"][0]["language"], "en");
    assert!(text(&app, &format!("/media/v/{id}/captions/en.vtt")).await.contains("00:00.000"));
    let pictures = read(&app, &ada, &format!("/api/v1/videos/{id}/thumbnails")).await;
    assert_eq!(pictures["selected"], 0, "the chosen picture was one of the old file");

    assert!(original(&app, &ada, &id).await == clip, "byte for byte");
    assert_eq!(used_bytes(&app, &ada).await, others_bytes + clip.len());
    let (new, lasts_s) = played(&app, &id).await;
    assert!((4.5..5.5).contains(&lasts_s), "{lasts_s}");
    for path in &old {
        let gone = app.get(path).send().await.expect("an answer").status();
        assert!(!new.contains(path) && gone == StatusCode::NOT_FOUND, "{path}: {gone}");
    }
    let (remade, sources) = objects(&app, &id);
    let kept = ["captions", "poster.jpg", "sprite.jpg"].map(str::to_owned);
    let of_both: Vec<_> = remade
        .intersection(&made)
        .filter(|name| !kept.contains(name) && !name.starts_with("candidate"))
        .collect();
    assert!(of_both.is_empty(), "{of_both:?}");
    assert_eq!(sources.len(), 1);
    let again = tus(&app, &ada, Method::HEAD, &upload).send().await.expect("an answer");
    assert_eq!(again.headers()["playhouse-video-id"], id.as_str());
    assert_eq!(job(&app, &ada, &id).await["replacement"], Value::Null);

    Box::pin(leaves_nothing(app, &ada, &id, before)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_of_ones_own_stays_and_a_form_may_be_sent_twice() {
    let app = TestApp::start().await;
    let ada = app.register("ada").await;
    let id = ready(&app, &ada).await;
    let poster = text_free(&app, &format!("/media/v/{id}/poster.jpg")).await;
    let put = app
        .request(Method::PUT, &format!("/api/v1/videos/{id}/thumbnail"))
        .header("content-type", "image/jpeg");
    ok(put.body(poster), &ada).await;
    let own = text_free(&app, &format!("/media/v/{id}/poster.jpg")).await;
    let clip = tiny_video("clip.mp4", 4, &[], &[]);
    let form = || replace_by_form(&app, &ada, &id, &clip, Some("one"));
    let (one, two) = tokio::join!(form(), form());
    // Whoever is second is told so, or told of the same video.
    let statuses = [one.status(), two.status()];
    assert!(statuses.contains(&StatusCode::ACCEPTED), "{statuses:?}");
    let again = form().await;
    assert_eq!(again.status(), StatusCode::ACCEPTED);
    assert_eq!(again.json::<Value>().await.expect("a video")["id"], id.as_str());
    is_ready(&app, &ada, &id, 3_500..4_500).await;
    let again = form().await;
    assert_eq!(again.json::<Value>().await.expect("a video")["status"], "ready", "nothing began anew");
    assert!(text_free(&app, &format!("/media/v/{id}/poster.jpg")).await == own);
    assert_eq!(used_bytes(&app, &ada).await, clip.len());
    assert_eq!(objects(&app, &id).1.len(), 1);
    app.stop().await;
}

async fn text_free(app: &TestApp, path: &str) -> Vec<u8> {
    let answer = app.get(path).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    answer.bytes().await.expect("bytes").to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_its_owner_replaces_a_file_and_one_upload_at_a_time() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.register("ada").await, app.register("bob").await);
    let id = ready(&app, &ada).await;
    let hidden = app.upload(&ada, tiny_clip(&[]), "private").await["id"].as_str().expect("an id").to_owned();
    for (named, refusal) in [
        (id.as_str(), (403, "forbidden")),
        (&hidden, (404, "not_found")),
        ("nothing", (404, "not_found")),
        ("no id at all!", (404, "not_found")),
    ] {
        let expected = (refusal.0, refusal.1.to_owned());
        assert_eq!(problem(begin(&app, &bob, named, 10).await).await, expected, "{named}");
        assert_eq!(problem(replace_by_form(&app, &bob, named, b"x", None).await).await, expected, "{named}");
        let import =
            app.post("/api/v1/imports", json!({"url": "https://example.org/a.mp4", "replaces": named}));
        assert_eq!(
            problem(import.bearer_auth(&bob.token).send().await.expect("an answer")).await,
            expected,
            "{named}"
        );
    }
    let (one, two) = tokio::join!(begin(&app, &ada, &id, 10), begin(&app, &ada, &id, 10));
    let (first, second) = if one.status() == StatusCode::CREATED { (one, two) } else { (two, one) };
    assert_eq!(problem(second).await, (409, "conflict".into()));
    assert_eq!(problem(replace_by_form(&app, &ada, &id, b"x", None).await).await, (409, "conflict".into()));
    let path = location(&first);
    let storage = read(&app, &ada, "/api/v1/me/storage").await;
    assert_eq!(storage["unfinished_uploads"], 1, "what was refused is not counted");
    assert_eq!(
        tus(&app, &ada, Method::DELETE, &path).send().await.expect("an answer").status(),
        StatusCode::NO_CONTENT
    );
    let third = location(&begin(&app, &ada, &id, 10).await);
    remove(&app, &ada, &id).await;
    let late = send(&app, &ada, &third, 0, &[1; 10]).await;
    assert_eq!(problem(late).await, (410, "gone".into()));
    let left = std::fs::read_dir(app.folder.path().join("uploads")).expect("the folder").count();
    assert_eq!(left, 0);
    removed(&app, 1).await;
    assert_eq!(used_bytes(&app, &ada).await, tiny_clip(&[]).len(), "the private one is left");
    assert_eq!(objects(&app, &id), Default::default());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_nothing_plays_of_leaves_the_video_as_it_was() {
    let app = TestApp::start().await;
    let ada = app.register("ada").await;
    let clip = tiny_clip(&[]);
    let id = app.upload(&ada, clip.clone(), "public").await["id"].as_str().expect("an id").to_owned();
    let page = app.wait_for_video(&ada, &id, |video| video["status"] == "ready").await;
    let (shown, made) = (played(&app, &id).await, objects(&app, &id));
    let upload = replace(&app, &ada, &id, &vec![7; 70_000]).await;
    let refusal = refused(&app, &ada, &id).await;
    assert_eq!(refusal["upload_id"], upload.rsplit('/').next().expect("an id"));
    assert!(refusal["failure"]["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{refusal}");
    let now = app.wait_for_video(&ada, &id, |video| video["status"] != "processing").await;
    assert_eq!(now, page);
    wait_until("nothing is left of it", || async { objects(&app, &id) == made }).await;
    assert_eq!(played(&app, &id).await, shown);
    assert!(original(&app, &ada, &id).await == clip);
    wait_until("it is not counted", || async { used_bytes(&app, &ada).await == clip.len() }).await;
    let retry = app.request(Method::POST, &format!("/api/v1/videos/{id}/job/retry")).bearer_auth(&ada.token);
    assert_eq!(problem(retry.send().await.expect("an answer")).await, (409, "conflict".into()));
    // A restart changes nothing, and another file may be tried.
    let app = app.restart().await;
    let other = tiny_video("clip.mp4", 4, &[], &[]);
    replace(&app, &ada, &id, &other).await;
    is_ready(&app, &ada, &id, 3_500..4_500).await;
    assert_eq!(used_bytes(&app, &ada).await, other.len());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_that_never_played_plays_with_its_second_file() {
    let app = TestApp::start().await;
    let ada = app.register("ada").await;
    let id = app.upload(&ada, b"no video at all".to_vec(), "public").await["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    app.wait_for_video(&ada, &id, |video| video["status"] == "failed").await;
    let clip = tiny_clip(&[]);
    replace(&app, &ada, &id, &clip).await;
    let video = is_ready(&app, &ada, &id, 1_500..2_500).await;
    assert!(video["published_at"].is_string() && video["failure"].is_null());
    assert!(original(&app, &ada, &id).await == clip);
    assert_eq!(used_bytes(&app, &ada).await, clip.len());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_replaced_in_the_middle_of_its_transcode() {
    let app = TestApp::start().await;
    let ada = app.register("ada").await;
    let long = tiny_video("long.mp4", 60, &[], &["-s", "1280x720"]);
    let id = app.upload(&ada, long.clone(), "public").await["id"].as_str().expect("an id").to_owned();
    let encodes =
        |video: &Value| video["progress"]["stage"] == "encoding" && video["published_at"].is_string();
    app.wait_for_video(&ada, &id, encodes).await;
    // What is no video changes nothing: it goes on where it was.
    replace(&app, &ada, &id, b"no video").await;
    refused(&app, &ada, &id).await;
    played(&app, &id).await;
    let going_on = job(&app, &ada, &id).await;
    assert!(["queued", "running"].contains(&going_on["state"].as_str().expect("a state")), "{going_on}");
    let clip = tiny_clip(&[]);
    replace(&app, &ada, &id, &clip).await;
    is_ready(&app, &ada, &id, 1_500..2_500).await;
    let (_, lasts_s) = played(&app, &id).await;
    assert!((1.5..2.5).contains(&lasts_s), "{lasts_s}");
    assert_eq!(used_bytes(&app, &ada).await, clip.len());
    assert_eq!(objects(&app, &id).1.len(), 1);
    let folders = objects(&app, &id).0.into_iter().filter(|name| !name.ends_with(".jpg")).count();
    let renditions =
        read(&app, &ada, &format!("/api/v1/videos/{id}")).await["renditions"].as_array().map(Vec::len);
    // The passed-through picture stays beside the ladder that took its place.
    assert!(folders <= renditions.expect("a list") + 1, "{:?}", objects(&app, &id));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replacement_goes_on_after_every_restart() {
    let app = TestApp::start().await;
    let ada = app.register("ada").await;
    let id = ready(&app, &ada).await;
    let clip = tiny_video("clip.mp4", 5, &[], &[]);
    let path = location(&begin(&app, &ada, &id, clip.len()).await);
    let half = clip.len() / 2;
    assert_eq!(send(&app, &ada, &path, 0, &clip[..half]).await.status(), StatusCode::NO_CONTENT);
    let app = app.restart().await;
    assert_eq!(
        problem(begin(&app, &ada, &id, 10).await).await,
        (409, "conflict".into()),
        "it is still reserved"
    );
    // All bytes have come, and the server is gone before it does anything with them.
    let folder = app.halt().await;
    let staged = folder.path().join(format!("uploads/{}.part", path.rsplit('/').next().expect("an id")));
    std::fs::write(&staged, &clip).expect("the rest");
    std::fs::write(staged.with_extension("end"), b"").expect("a mark");
    let app = TestApp::start_in(folder, &[]).await;
    wait_until("the sweep has taken it", || async { !staged.exists() }).await;
    let app = app.restart().await;
    is_ready(&app, &ada, &id, 4_500..5_500).await;
    assert!(original(&app, &ada, &id).await == clip);
    assert_eq!(used_bytes(&app, &ada).await, clip.len());
    assert_eq!(objects(&app, &id).1.len(), 1);
    let head = tus(&app, &ada, Method::HEAD, &path).send().await.expect("an answer");
    assert_eq!(head.headers()["upload-offset"], clip.len().to_string().as_str());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_removed_while_a_file_is_on_trial_leaves_nothing() {
    let app = TestApp::start().await;
    let ada = app.register("ada").await;
    ready(&app, &ada).await;
    let (app, before) = census(app).await;
    let id = ready(&app, &ada).await;
    replace(&app, &ada, &id, &tiny_video("long.mp4", 20, &[], &["-s", "1280x720"])).await;
    Box::pin(leaves_nothing(app, &ada, &id, before)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_in_parts_takes_the_place_of_another() {
    let app = TestApp::start().await;
    let ada = app.register("ada").await;
    let id = ready(&app, &ada).await;
    let clip = tiny_video("clip.mp4", 4, &[], &[]);
    let (one, two) = clip.split_at(clip.len() / 2);
    let metadata = format!("replaces {}", BASE64_STANDARD.encode(&id));
    let begin = |name: &'static str, value: String| {
        let request =
            tus(&app, &ada, Method::POST, "/api/v1/uploads").header("upload-metadata", metadata.as_str());
        request.header("upload-concat", name.to_owned() + &value)
    };
    let mut parts = Vec::new();
    for part in [one, two] {
        let created = begin("partial", String::new()).header("upload-length", part.len()).send().await;
        let path = location(&created.expect("an answer"));
        assert_eq!(send(&app, &ada, &path, 0, part).await.status(), StatusCode::NO_CONTENT);
        parts.push(path);
    }
    let whole = begin("final;", parts.join(" ")).send().await.expect("an answer");
    assert_eq!(
        (whole.status(), &whole.headers()["playhouse-video-id"]),
        (StatusCode::CREATED, &id.parse().expect("text"))
    );
    is_ready(&app, &ada, &id, 3_500..4_500).await;
    assert!(original(&app, &ada, &id).await == clip);
    assert_eq!(used_bytes(&app, &ada).await, clip.len());
    app.stop().await;
}
