use std::{collections::HashSet, process::Command};

use reqwest::{Method, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::support::{Person, TestApp, problem, tiny_clip, wait_until};

const VTT: &str =
    "WEBVTT\n\n00:00.000 --> 00:01.000\n<v Ann onclick=alert(1)>Hello</v> <script>alert(1)</script>\n";
const SRT: &str =
    "1\r\n00:00:00,500 --> 00:00:01,500\r\n<font color=red>Bonjour</font> <img src=x onerror=1>\r\n";

async fn put(
    app: &TestApp,
    who: &Person,
    path: &str,
    kind: &str,
    body: impl Into<reqwest::Body>,
) -> Response {
    let request = app.request(Method::PUT, path).bearer_auth(&who.token).header(header::CONTENT_TYPE, kind);
    request.body(body).send().await.expect("an answer")
}

async fn json_of(response: Response) -> Value {
    response.json().await.expect("JSON")
}

async fn ready(app: &TestApp, who: &Person, visibility: &str) -> String {
    let video = app.upload(who, tiny_clip(&[]), visibility).await;
    let id = video["id"].as_str().expect("an id").to_owned();
    app.wait_for_video(who, &id, |video| video["status"] == "ready").await;
    id
}

async fn text(app: &TestApp, path: &str) -> String {
    let response = app.get(path).send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    response.text().await.expect("text")
}

#[tokio::test(flavor = "multi_thread")]
async fn captions_in_two_languages_are_in_every_manifest_and_hold_nothing_that_runs() {
    let app = TestApp::start().await;
    let ada = app.register("ada").await;
    let id = ready(&app, &ada, "public").await;
    let base = format!("/api/v1/videos/{id}/captions");
    let english = put(&app, &ada, &format!("{base}/en?label=English&kind=captions"), "text/vtt", VTT).await;
    assert_eq!(english.status(), StatusCode::CREATED);
    let english = json_of(english).await;
    assert_eq!(
        (&english["cues"], &english["skipped"], &english["kind"]),
        (&json!(1), &json!(0), &json!("captions"))
    );
    let french = put(&app, &ada, &format!("{base}/FR-ca"), "application/x-subrip; charset=utf-8", SRT).await;
    assert_eq!(french.status(), StatusCode::CREATED);

    let playback =
        json_of(app.get(&format!("/api/v1/videos/{id}/playback")).send().await.expect("an answer")).await;
    let media = format!("/media/v/{id}");
    assert_eq!(
        playback["captions"],
        json!([
            {"language": "en", "label": "English", "kind": "captions", "url": format!("{media}/captions/en.vtt")},
            {"language": "fr-CA", "label": "fr-CA", "kind": "subtitles", "url": format!("{media}/captions/fr-CA.vtt")},
        ])
    );
    let file = app.get(&format!("{media}/captions/en.vtt")).send().await.expect("an answer");
    assert_eq!(file.headers()[header::CONTENT_TYPE], "text/vtt; charset=utf-8");
    assert_eq!(file.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert_eq!(file.headers()[header::CACHE_CONTROL], "no-cache");
    assert_eq!(
        file.text().await.expect("text"),
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n<v Ann onclickalert(1)>Hello</v> &lt;script&gt;alert(1)&lt;/script&gt;\n"
    );
    assert_eq!(
        text(&app, &format!("{media}/captions/fr-CA.vtt")).await,
        "WEBVTT\n\n00:00:00.500 --> 00:00:01.500\nBonjour &lt;img src=x onerror=1&gt;\n"
    );
    let master = text(&app, playback["hls"].as_str().expect("a path")).await;
    let variants = master.matches("#EXT-X-STREAM-INF:").count();
    assert!(variants > 0 && master.matches(",SUBTITLES=\"subs\"").count() == variants, "{master}");
    let playlist = text(&app, &format!("{media}/captions/fr-CA.m3u8")).await;
    assert!(playlist.contains("\nfr-CA.vtt\n#EXT-X-ENDLIST\n"), "{playlist}");
    let mpd = text(&app, playback["dash"].as_str().expect("a path")).await;
    assert_eq!(mpd.matches("mimeType=\"text/vtt\"").count(), 2, "{mpd}");
    // Debian's ffmpeg takes no subtitles from HLS.
    assert_eq!(subtitle_streams(&format!("{}{media}/manifest.mpd", app.url)), 2);
    app.stop().await;
}

/// How many subtitle streams ffprobe finds behind a manifest; it names those of programs twice.
fn subtitle_streams(url: &str) -> usize {
    let output = Command::new("ffprobe")
        .args("-v error -select_streams s -show_entries stream=index,codec_name -of csv=p=0".split(' '))
        .arg(url)
        .output()
        .expect("ffprobe is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    let found: HashSet<&str> = text.lines().filter(|line| line.contains("webvtt")).collect();
    found.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn captions_are_replaced_listed_and_removed() {
    let app = TestApp::start().await;
    let ada = app.register("ada").await;
    let id = ready(&app, &ada, "public").await;
    let base = format!("/api/v1/videos/{id}/captions");
    let path = format!("{base}/en");
    assert_eq!(put(&app, &ada, &path, "text/vtt", VTT).await.status(), StatusCode::CREATED);
    let replaced = put(&app, &ada, &format!("{path}?label=Better"), "text/vtt", SRT).await;
    assert_eq!(replaced.status(), StatusCode::OK, "SubRip is known by what it holds");
    let listed = json_of(app.get(&base).send().await.expect("an answer")).await;
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
    assert_eq!((&listed["items"][0]["label"], &listed["next_cursor"]), (&json!("Better"), &Value::Null));
    let url = listed["items"][0]["url"].as_str().expect("a path").to_owned();
    assert!(text(&app, &url).await.contains("Bonjour"));
    for expected in [StatusCode::NO_CONTENT, StatusCode::NOT_FOUND] {
        let removed =
            app.request(Method::DELETE, &path).bearer_auth(&ada.token).send().await.expect("an answer");
        assert_eq!(removed.status(), expected);
    }
    assert_eq!(app.get(&url).send().await.expect("an answer").status(), StatusCode::NOT_FOUND);
    let master = text(&app, &format!("/media/v/{id}/master.m3u8")).await;
    assert!(!master.contains("SUBTITLES"), "{master}");
    let playlist = app.get(&format!("/media/v/{id}/captions/en.m3u8")).send().await.expect("an answer");
    assert_eq!(playlist.status(), StatusCode::NOT_FOUND);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_captions_is_refused_and_changes_nothing() {
    let app = TestApp::start().await;
    let ada = app.register("ada").await;
    let id = app.upload(&ada, tiny_clip(&[]), "public").await["id"].as_str().expect("an id").to_owned();
    let base = format!("/api/v1/videos/{id}/captions");
    let long = "x".repeat(3 << 20);
    let label = "x".repeat(61);
    for (path, kind, body, status, code) in [
        ("en", "text/plain", VTT, 415, "unsupported_media_type"),
        ("en", "application/octet-stream", VTT, 415, "unsupported_media_type"),
        ("en", "text/vtt", "<html>", 422, "invalid"),
        ("en", "text/vtt", "WEBVTT\n\nnothing", 422, "invalid"),
        ("en", "text/vtt", &long, 413, "too_large"),
        ("english!", "text/vtt", VTT, 422, "invalid"),
        ("en?kind=metadata", "text/vtt", VTT, 422, "invalid"),
        (&format!("en?label={label}"), "text/vtt", VTT, 422, "invalid"),
        ("..%2F..%2Fposter.jpg", "text/vtt", VTT, 422, "invalid"),
    ] {
        let refused = put(&app, &ada, &format!("{base}/{path}"), kind, body.to_owned()).await;
        assert_eq!(problem(refused).await, (status, code.into()), "{path} {kind}");
    }
    let listed = json_of(app.get(&base).send().await.expect("an answer")).await;
    assert_eq!(listed["items"], json!([]));
    wait_until("the folder of captions stays away", || async {
        !app.folder.path().join("objects/videos").join(&id).join("captions").exists()
    })
    .await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn captions_are_changed_by_the_owner_and_moderators_and_seen_by_who_may_see_the_video() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.register("ada").await, app.register("bob").await);
    let (name, password) = app.admin();
    let admin = app.login(&name, &password).await;
    let open = ready(&app, &ada, "public").await;
    let path = format!("/api/v1/videos/{open}/captions/en");
    assert_eq!(problem(put(&app, &bob, &path, "text/vtt", VTT).await).await, (403, "forbidden".into()));
    let anonymous = app.request(Method::PUT, &path).header(header::CONTENT_TYPE, "text/vtt").body(VTT);
    assert_eq!(problem(anonymous.send().await.expect("an answer")).await, (401, "unauthenticated".into()));
    assert_eq!(put(&app, &admin, &path, "text/vtt", VTT).await.status(), StatusCode::CREATED);
    let refused = app.request(Method::DELETE, &path).bearer_auth(&bob.token).send().await.expect("an answer");
    assert_eq!(problem(refused).await, (403, "forbidden".into()));

    let closed = ready(&app, &ada, "private").await;
    let path = format!("/api/v1/videos/{closed}/captions/en");
    assert_eq!(put(&app, &bob, &path, "text/vtt", VTT).await.status(), StatusCode::NOT_FOUND);
    let created = json_of(put(&app, &ada, &path, "text/vtt", VTT).await).await;
    let url = created["url"].as_str().expect("a path");
    assert!(text(&app, url).await.starts_with("WEBVTT"), "its permission is in its address");
    let without = format!("/media/v/{closed}/captions/en.vtt");
    assert_eq!(app.get(&without).send().await.expect("an answer").status(), StatusCode::NOT_FOUND);
    let list = app.get(&format!("/api/v1/videos/{closed}/captions")).bearer_auth(&bob.token);
    assert_eq!(list.send().await.expect("an answer").status(), StatusCode::NOT_FOUND);
    app.stop().await;
}
