use std::path::Path;

use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::support::{Person, TestApp, problem, tiny_clip};

const SECRETS: [&str; 4] = ["48.1371", "ACME-Optics", "SpyPhone-9", "Ada's secret place"];

/// A clip as a phone makes it: with its place and its make.
fn phone_clip() -> Vec<u8> {
    tiny_clip(&[
        "-movflags",
        "use_metadata_tags",
        "-metadata",
        "location=+48.1371+011.5754/",
        "-metadata",
        "com.apple.quicktime.location.ISO6709=+48.1371+011.5754/",
        "-metadata",
        "make=ACME-Optics",
        "-metadata",
        "model=SpyPhone-9",
        "-metadata",
        "comment=Ada's secret place",
        "-metadata:s:v",
        "handler_name=SpyPhone-9",
    ])
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

fn files_below(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

async fn ready(app: &TestApp, who: &Person, bytes: Vec<u8>, visibility: &str) -> String {
    let id = app.upload(who, bytes, visibility).await["id"].as_str().expect("an id").to_owned();
    app.wait_for_video(who, &id, |video| video["status"] == "ready").await;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn where_and_with_what_a_video_was_made_is_in_no_output() {
    let app = TestApp::start().await;
    let ada = app.register("ada").await;
    let clip = phone_clip();
    assert!(SECRETS.iter().all(|secret| has(&clip, secret)), "the clip says what the test looks for");
    let id = ready(&app, &ada, clip, "public").await;
    let made = files_below(&app.folder.path().join("objects/videos").join(&id));
    assert!(made.len() > 5);
    for path in made {
        let bytes = std::fs::read(&path).expect("a file");
        for secret in SECRETS {
            assert!(!has(&bytes, secret), "{secret} is in {}", path.display());
        }
    }
    for file in ["master.m3u8", "manifest.mpd"] {
        let text = app.get(&format!("/media/v/{id}/{file}")).send().await.expect("an answer").bytes().await;
        assert!(SECRETS.iter().all(|secret| !has(text.as_ref().expect("bytes"), secret)), "{file}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn title_and_description_are_in_the_manifests() {
    let app = TestApp::start().await;
    let ada = app.register("ada").await;
    let id = ready(&app, &ada, tiny_clip(&[]), "public").await;
    let words = json!({"title": "Tom & \"Jerry\" <3", "description": "line one\nline \"two\""});
    let patch = app.request(Method::PATCH, &format!("/api/v1/videos/{id}")).bearer_auth(&ada.token);
    assert_eq!(patch.json(&words).send().await.expect("an answer").status(), StatusCode::OK);
    let text = async |file: &str| {
        let answer = app.get(&format!("/media/v/{id}/{file}")).send().await.expect("an answer");
        answer.text().await.expect("text")
    };
    let master = text("master.m3u8").await;
    assert!(master.contains("DATA-ID=\"org.playhouse.title\",VALUE=\"Tom & 'Jerry' <3\"\n"), "{master}");
    assert!(master.contains("VALUE=\"line one line 'two'\"\n"), "{master}");
    assert!(text("manifest.mpd").await.contains("<Title>Tom &amp; &quot;Jerry&quot; &lt;3</Title>"));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_original_is_its_owners_alone_and_is_never_shown() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.register("ada").await, app.register("bob").await);
    let (name, password) = app.admin();
    let admin = app.login(&name, &password).await;
    let clip = phone_clip();
    let id = ready(&app, &ada, clip.clone(), "public").await;
    let path = format!("/api/v1/videos/{id}/original");
    let whole = app.get(&path).bearer_auth(&ada.token).send().await.expect("an answer");
    assert_eq!(whole.status(), StatusCode::OK);
    let headers = whole.headers().clone();
    assert_eq!(headers[header::CONTENT_TYPE], "application/octet-stream");
    assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert_eq!(headers[header::CACHE_CONTROL], "private, no-store");
    let disposition = "attachment; filename=\"A clip.mp4\"; filename*=UTF-8''A%20clip.mp4";
    assert_eq!(headers[header::CONTENT_DISPOSITION], disposition);
    assert_eq!(whole.bytes().await.expect("bytes"), clip);
    let part = app.get(&path).bearer_auth(&ada.token).header(header::RANGE, "bytes=10-19");
    let part = part.send().await.expect("an answer");
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.bytes().await.expect("bytes"), clip[10..20]);
    for other in [&bob, &admin] {
        let refused = app.get(&path).bearer_auth(&other.token).send().await.expect("an answer");
        assert_eq!(problem(refused).await, (403, "forbidden".into()));
    }
    assert_eq!(app.get(&path).send().await.expect("an answer").status(), StatusCode::UNAUTHORIZED);
    let closed = ready(&app, &ada, tiny_clip(&[]), "private").await;
    let hidden = app.get(&format!("/api/v1/videos/{closed}/original")).bearer_auth(&bob.token);
    assert_eq!(problem(hidden.send().await.expect("an answer")).await, (404, "not_found".into()));
    let described: Value =
        app.get("/api/v1/openapi.json").send().await.expect("it").json().await.expect("JSON");
    assert!(described["paths"]["/api/v1/videos/{id}/original"]["get"].is_object());
    app.stop().await;
}
