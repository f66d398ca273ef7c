use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Person, TestApp, tiny_video};

async fn video_and_playback(app: &TestApp, who: &Person, id: &str) -> (Value, Value) {
    let get = async |path: &str| -> Value {
        let request = app.get(path).bearer_auth(&who.token);
        request.send().await.expect("an answer").json().await.expect("JSON")
    };
    (get(&format!("/api/v1/videos/{id}")).await, get(&format!("/api/v1/videos/{id}/playback")).await)
}

async fn describe(app: &TestApp, who: &Person, id: &str, description: &str) {
    let patch = app.request(Method::PATCH, &format!("/api/v1/videos/{id}")).bearer_auth(&who.token);
    let answer = patch.json(&json!({"description": description})).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
}

/// A file of so many seconds with two chapters of its own.
fn clip_with_chapters(name: &str, seconds: u32) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let chapters = folder.path().join("chapters.txt");
    let text = ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle=One & <two>\n\
                [CHAPTER]\nTIMEBASE=1/1000\nSTART=1000\nEND=2000\ntitle=Two\n";
    std::fs::write(&chapters, text).expect("a writable folder");
    let path = chapters.to_str().expect("a plain path");
    tiny_video(name, seconds, &["-i", path], &["-map_chapters", "2", "-map_metadata", "2"])
}

#[tokio::test(flavor = "multi_thread")]
async fn chapters_come_from_the_file_until_the_description_says_others() {
    let app = TestApp::start().await;
    let ada = app.register("ada").await;
    let id = app.upload(&ada, clip_with_chapters("clip.mkv", 31), "private").await["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    app.wait_for_video(&ada, &id, |video| video["status"] == "ready").await;
    let (video, playback) = video_and_playback(&app, &ada, &id).await;
    let own = json!([{"start_ms": 0, "title": "One & <two>"}, {"start_ms": 1000, "title": "Two"}]);
    assert_eq!(video["chapters"], own);
    let url = playback["chapters_vtt"].as_str().expect("a path");
    let answer = app.get(url).send().await.expect("an answer");
    assert_eq!(answer.headers()["content-type"], "text/vtt; charset=utf-8");
    let text = answer.text().await.expect("text");
    assert!(text.starts_with(
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nOne &amp; &lt;two&gt;\n\n00:00:01.000 --> 00:00:31"
    ));

    describe(&app, &ada, &id, "About\n0:00 Begin\n0:10 Middle\n0:20 <script>").await;
    let (video, _) = video_and_playback(&app, &ada, &id).await;
    assert_eq!(video["chapters"][2], json!({"start_ms": 20_000, "title": "<script>"}));
    let text = app.get(url).send().await.expect("an answer").text().await.expect("text");
    assert!(
        text.contains("00:00:10.000 --> 00:00:20.000\nMiddle\n") && text.contains("\n&lt;script&gt;\n"),
        "{text}"
    );
    describe(&app, &ada, &id, "0:00 Begin\n0:10 Middle\n0:25 too short").await;
    assert_eq!(video_and_playback(&app, &ada, &id).await.0["chapters"], own, "a broken list is none");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_mp4_brings_its_chapters_too() {
    let app = TestApp::start().await;
    let ada = app.register("ada").await;
    let clip = clip_with_chapters("clip.mp4", 2);
    let id = app.upload(&ada, clip, "public").await["id"].as_str().expect("an id").to_owned();
    app.wait_for_video(&ada, &id, |video| video["status"] == "ready").await;
    let (video, _) = video_and_playback(&app, &ada, &id).await;
    let own = json!([{"start_ms": 0, "title": "One & <two>"}, {"start_ms": 1000, "title": "Two"}]);
    assert_eq!(video["chapters"], own);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_without_chapters_has_no_chapters_file() {
    let app = TestApp::start().await;
    let ada = app.register("ada").await;
    let clip = tiny_video("clip.mp4", 2, &[], &[]);
    let id = app.upload(&ada, clip, "public").await["id"].as_str().expect("an id").to_owned();
    app.wait_for_video(&ada, &id, |video| video["status"] == "ready").await;
    let (video, playback) = video_and_playback(&app, &ada, &id).await;
    assert_eq!((&video["chapters"], &playback["chapters_vtt"]), (&json!([]), &Value::Null));
    let absent = app.get(&format!("/media/v/{id}/chapters.vtt")).send().await.expect("an answer");
    assert_eq!(absent.status(), StatusCode::NOT_FOUND);
    app.stop().await;
}
