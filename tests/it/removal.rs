//! A removed video leaves no row and no object, whatever was going on. Rows are counted in the store itself, which is
//! opened while the server is down. Those that expire by themselves (who spoke when in slow mode, which playings have
//! counted) are let be, and the clock is set on by a day.

use std::{collections::BTreeMap, time::Duration};

use playhouse::backends::{objects::Prefix, store::tables};
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::support::{Person, TestApp, bilingual_clip, tiny_clip, tiny_video, wait_until};

/// Rows by table, and the names of all objects.
pub type Census = (BTreeMap<&'static str, u64>, Vec<String>);

/// Counts while the server is down, and starts it again.
pub async fn census(app: TestApp) -> (TestApp, Census) {
    let mut found = Census::default();
    let app = app
        .restart_after(async |back_ends| {
            for table in tables::ALL {
                found.0.insert(table.name, back_ends.store.count(table).await.expect("a count"));
            }
            let listed = back_ends.objects.list(&Prefix::all(), None, 10_000).await.expect("a list");
            let names = listed.objects.into_iter().map(|object| object.key.to_string());
            found.1 = names.filter(|name| !name.starts_with("health/")).collect();
        })
        .await;
    (app, found)
}

async fn upload(app: &TestApp, who: &Person, bytes: Vec<u8>) -> String {
    app.upload(who, bytes, "public").await["id"].as_str().expect("an id").to_owned()
}

/// A video that plays, in two languages.
pub async fn ready(app: &TestApp, who: &Person) -> String {
    let id = upload(app, who, bilingual_clip()).await;
    app.wait_for_video(who, &id, |video| video["status"] == "ready").await;
    id
}

pub async fn ok(request: reqwest::RequestBuilder, who: &Person) -> Value {
    let response = request.bearer_auth(&who.token).send().await.expect("an answer");
    assert!(
        response.status().is_success(),
        "{}: {}",
        response.status(),
        response.text().await.expect("text")
    );
    response.json().await.unwrap_or(Value::Null)
}

pub async fn remove(app: &TestApp, who: &Person, id: &str) {
    ok(app.request(Method::DELETE, &format!("/api/v1/videos/{id}")), who).await;
}

pub async fn removed(app: &TestApp, count: u32) {
    wait_until("what was removed is erased", || async {
        let metrics = app.get("/metrics").send().await.expect("an answer").text().await.expect("text");
        metrics.lines().any(|line| line == format!("playhouse_videos_removed_total {count}"))
    })
    .await;
}

/// Everything that people can leave at a video.
pub async fn live_in(app: &TestApp, id: &str, ada: &Person, bob: &Person) {
    let path = |rest: &str| format!("/api/v1/videos/{id}/{rest}");
    let first = ok(app.post(&path("comments"), json!({"text": "first", "at_ms": 500})), bob).await;
    let parent = first["id"].as_str().expect("an id").to_owned();
    for text in ["one", "two"] {
        ok(app.post(&path("comments"), json!({"text": text, "parent_id": parent})), ada).await;
    }
    let second = ok(app.post(&path("comments"), json!({"text": "gone"})), bob).await;
    let second = second["id"].as_str().expect("an id").to_owned();
    ok(app.request(Method::DELETE, &format!("/api/v1/comments/{second}")), bob).await;
    for (who, reaction) in [(ada, "like"), (bob, "dislike")] {
        ok(app.request(Method::PUT, &path("reaction")).json(&json!({"reaction": reaction})), who).await;
    }
    ok(app.post(&path("views"), json!({"playback_id": "p1", "watched_ms": 60_000})), bob).await;
    ok(app.request(Method::PUT, &path("chat/slow-mode")).json(&json!({"slow_mode_s": 5})), ada).await;
    let poll = ok(app.post(&path("polls"), json!({"question": "Which?", "options": ["a", "b"]})), ada).await;
    let poll = poll["id"].as_str().expect("an id");
    ok(app.request(Method::PUT, &path(&format!("polls/{poll}/vote"))).json(&json!({"option": 1})), bob).await;
    let time_out = path(&format!("time-outs/{}", bob.user["id"].as_str().expect("an id")));
    ok(app.request(Method::PUT, &time_out).json(&json!({"duration_s": 600})), ada).await;
    let captions = app.request(Method::PUT, &path("captions/en")).header(header::CONTENT_TYPE, "text/vtt");
    ok(captions.body("WEBVTT\n\n00:00.000 --> 00:01.000\nx\n"), ada).await;
}

/// Removed, the video leaves as much as there was before it.
pub async fn leaves_nothing(app: TestApp, who: &Person, id: &str, before: Census) {
    remove(&app, who, id).await;
    removed(&app, 1).await;
    app.clock.advance(Duration::from_secs(25 * 3_600));
    let (app, after) = census(app).await;
    assert_eq!(after, before);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_video_leaves_no_row_and_no_object() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.register("ada").await, app.register("bob").await);
    // Another video, so that the lists exist that both are in.
    ready(&app, &ada).await;
    let (app, before) = census(app).await;
    let id = ready(&app, &ada).await;
    live_in(&app, &id, &ada, &bob).await;
    let (app, lively) = census(app).await;
    for table in
        ["room_entries", "comment_replies", "comment_moments", "tally", "room_polls", "room_chat", "captions"]
    {
        assert!(
            lively.0[table] > before.0[table],
            "{table} is not used: the test does not see what it is to see"
        );
    }
    assert!(lively.1.len() > before.1.len() + 5);
    Box::pin(leaves_nothing(app, &ada, &id, before)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_removed_in_the_middle_of_its_transcode_leaves_nothing() {
    let app = TestApp::start().await;
    let ada = app.register("ada").await;
    let clip = tiny_video("clip.mp4", 20, &[], &["-s", "1280x720"]);
    ready(&app, &ada).await;
    let (app, before) = census(app).await;
    let stages = ["queued", "packaging", "encoding"];
    let mut ids = Vec::new();
    for stage in stages {
        let id = upload(&app, &ada, clip.clone()).await;
        // A stage may be over before it is seen; then it is a later one, which is as good.
        let seen = |video: &Value| {
            stage == "queued" || video["progress"]["stage"] == stage || video["status"] != "processing"
        };
        app.wait_for_video(&ada, &id, seen).await;
        remove(&app, &ada, &id).await;
        ids.push(id);
    }
    removed(&app, 3).await;
    for id in ids {
        let gone =
            app.get(&format!("/api/v1/videos/{id}")).bearer_auth(&ada.token).send().await.expect("an answer");
        assert_eq!(gone.status(), StatusCode::NOT_FOUND);
    }
    let scratch = app.folder.path().join("scratch");
    assert!(std::fs::read_dir(&scratch).map_or(0, Iterator::count) == 0, "workers' folders are left");
    let (app, after) = census(app).await;
    assert_eq!(after, before);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_given_up_in_the_middle_leaves_nothing() {
    let app = TestApp::start().await;
    let ada = app.register("ada").await;
    // What an account's files come to is written once for all of them.
    give_up(&app, &ada).await;
    let (app, before) = census(app).await;
    give_up(&app, &ada).await;
    let (app, after) = census(app).await;
    assert_eq!(after, before);
    app.stop().await;
}

/// Begins an upload, sends half of it, and ends it.
async fn give_up(app: &TestApp, ada: &Person) {
    let clip = tiny_clip(&[]);
    let begin = app.request(Method::POST, "/api/v1/uploads").bearer_auth(&ada.token);
    let begun = begin.header("Tus-Resumable", "1.0.0").header("Upload-Length", clip.len()).send().await;
    let begun = begun.expect("an answer");
    assert_eq!(begun.status(), StatusCode::CREATED);
    let location = begun.headers()[header::LOCATION].to_str().expect("a path").to_owned();
    let location = location.strip_prefix(&app.url).unwrap_or(&location).to_owned();
    let half = clip[..clip.len() / 2].to_vec();
    let patch =
        app.request(Method::PATCH, &location).bearer_auth(&ada.token).header("Tus-Resumable", "1.0.0");
    let patch =
        patch.header("Upload-Offset", 0).header(header::CONTENT_TYPE, "application/offset+octet-stream");
    let patched = patch.body(half).send().await.expect("an answer");
    assert_eq!(patched.status(), StatusCode::NO_CONTENT);
    let ended =
        app.request(Method::DELETE, &location).bearer_auth(&ada.token).header("Tus-Resumable", "1.0.0");
    assert_eq!(ended.send().await.expect("an answer").status(), StatusCode::NO_CONTENT);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_that_was_cut_off_is_finished_by_the_next_start() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.register("ada").await, app.register("bob").await);
    ready(&app, &ada).await;
    let (app, before) = census(app).await;
    let id = ready(&app, &ada).await;
    live_in(&app, &id, &ada, &bob).await;
    remove(&app, &ada, &id).await;
    // Stopped at once: the erasing has ended by now, or the next start does it.
    let (app, cut_off) = census(app).await;
    if cut_off.0["video_removals"] > 0 {
        removed(&app, 1).await;
    }
    app.clock.advance(Duration::from_secs(25 * 3_600));
    let (app, after) = census(app).await;
    assert_eq!(after, before);
    app.stop().await;
}
