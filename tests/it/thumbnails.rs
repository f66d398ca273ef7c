use reqwest::{Method, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::support::{Person, TestApp, problem, tiny_clip, tiny_video};

async fn put(app: &TestApp, who: &Person, id: &str, kind: &str, body: Vec<u8>) -> Response {
    let request = app.request(Method::PUT, &format!("/api/v1/videos/{id}/thumbnail")).bearer_auth(&who.token);
    request.header(header::CONTENT_TYPE, kind).body(body).send().await.expect("an answer")
}

async fn choices(app: &TestApp, who: &Person, id: &str) -> Value {
    let request = app.get(&format!("/api/v1/videos/{id}/thumbnails")).bearer_auth(&who.token);
    request.send().await.expect("an answer").json().await.expect("JSON")
}

async fn bytes(app: &TestApp, path: &str) -> Vec<u8> {
    let answer = app.get(path).send().await.expect("an answer");
    assert_eq!(
        (answer.status(), &answer.headers()[header::CONTENT_TYPE]),
        (StatusCode::OK, &"image/jpeg".parse().expect("a value"))
    );
    answer.bytes().await.expect("bytes").to_vec()
}

/// A frame that ffmpeg draws.
fn drawn(name: &str, size: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    let drawn = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", &format!("color=red:size={size}"), "-frames:v", "1"])
        .arg(&path)
        .status();
    assert!(drawn.expect("ffmpeg is installed").success());
    std::fs::read(&path).expect("the picture")
}

async fn ready(app: &TestApp, who: &Person, clip: Vec<u8>) -> String {
    let id = app.upload(who, clip, "public").await["id"].as_str().expect("an id").to_owned();
    app.wait_for_video(who, &id, |video| video["status"] == "ready").await;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poster_is_the_best_candidate_or_another_or_an_image_of_ones_own() {
    let app = TestApp::start().await;
    let ada = app.register("ada").await;
    let id = ready(&app, &ada, tiny_video("clip.mp4", 8, &[], &[])).await;
    let listed = choices(&app, &ada, &id).await;
    let candidates = listed["candidates"].as_array().expect("a list").clone();
    assert_eq!((candidates.len(), &listed["selected"]), (4, &json!(0)));
    let times: std::collections::BTreeSet<u64> =
        candidates.iter().filter_map(|candidate| candidate["at_ms"].as_u64()).collect();
    assert_eq!(times.len(), 4, "each shows another moment");
    let poster = listed["poster"].as_str().expect("a path").to_owned();
    let url = |number: usize| candidates[number]["url"].as_str().expect("a path").to_owned();
    assert_eq!(bytes(&app, &poster).await, bytes(&app, &url(0)).await);

    let chosen = put(&app, &ada, &id, "application/json", br#"{"candidate": 2}"#.to_vec()).await;
    assert_eq!(chosen.status(), StatusCode::OK);
    assert_eq!(chosen.json::<Value>().await.expect("JSON")["selected"], 2);
    assert_eq!(bytes(&app, &poster).await, bytes(&app, &url(2)).await);
    for (name, kind) in [("own.png", "image/png"), ("own.jpg", "image/jpeg")] {
        let own = put(&app, &ada, &id, kind, drawn(name, "1600x900")).await;
        assert_eq!(own.status(), StatusCode::OK);
        assert_eq!(own.json::<Value>().await.expect("JSON")["selected"], Value::Null);
        let written = bytes(&app, &poster).await;
        assert!(written.starts_with(&[0xFF, 0xD8]) && written != bytes(&app, &url(0)).await);
    }
    let reset =
        app.request(Method::DELETE, &format!("/api/v1/videos/{id}/thumbnail")).bearer_auth(&ada.token);
    assert_eq!(reset.send().await.expect("an answer").status(), StatusCode::NO_CONTENT);
    assert_eq!(bytes(&app, &poster).await, bytes(&app, &url(0)).await);
    assert!(!app.folder.path().join("objects/videos").join(&id).join("thumbnail.jpg").exists());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_image_is_refused_and_changes_nothing() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.register("ada").await, app.register("bob").await);
    let id = ready(&app, &ada, tiny_clip(&[])).await;
    let png = drawn("own.png", "64x64");
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>".to_vec();
    for (kind, body, status, code) in [
        ("image/svg+xml", svg.clone(), 415, "unsupported_media_type"),
        ("image/gif", b"GIF89a".to_vec(), 415, "unsupported_media_type"),
        ("image/png", svg, 422, "invalid"),
        ("image/jpeg", png[..40].to_vec(), 422, "invalid"),
        ("image/png", vec![0; 9 << 20], 413, "too_large"),
        ("application/json", br#"{"candidate": 99}"#.to_vec(), 422, "invalid"),
        ("application/json", br#"{"candidate": -1}"#.to_vec(), 422, "invalid"),
    ] {
        assert_eq!(problem(put(&app, &ada, &id, kind, body).await).await, (status, code.into()), "{kind}");
    }
    assert_eq!(problem(put(&app, &bob, &id, "image/png", png).await).await, (403, "forbidden".into()));
    let listed = app.get(&format!("/api/v1/videos/{id}/thumbnails")).bearer_auth(&bob.token);
    assert_eq!(problem(listed.send().await.expect("an answer")).await, (403, "forbidden".into()));
    assert_eq!(choices(&app, &ada, &id).await["selected"], 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sprite_is_a_stream_of_images_in_hls_and_in_dash() {
    let app = TestApp::start().await;
    let ada = app.register("ada").await;
    let id = ready(&app, &ada, tiny_clip(&[])).await;
    let text = async |file: &str| {
        let answer = app.get(&format!("/media/v/{id}/{file}")).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK, "{file}");
        answer.text().await.expect("text")
    };
    let master = text("master.m3u8").await;
    assert!(master.contains("#EXT-X-IMAGE-STREAM-INF:BANDWIDTH="), "{master}");
    let images = text("images.m3u8").await;
    assert!(
        images.contains("#EXT-X-TILES:RESOLUTION=160x90,LAYOUT=2x1,DURATION=1.000\nsprite.jpg\n"),
        "{images}"
    );
    let mpd = text("manifest.mpd").await;
    assert!(mpd.contains("http://dashif.org/guidelines/thumbnail_tile\" value=\"2x1\""), "{mpd}");
    app.stop().await;
}
