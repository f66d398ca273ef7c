//! A film in two languages from its upload to what players are told.

use serde_json::{Value, json};

use crate::support::{TestApp, bilingual_clip, uris};

#[tokio::test(flavor = "multi_thread")]
async fn both_languages_of_a_film_are_told_in_rest_and_in_every_manifest_clear_or_encrypted() {
    let app = TestApp::start_with(&[("MEDIA__LADDER", "360")]).await;
    let ada = app.register("ada").await;
    let video = app.upload(&ada, bilingual_clip(), "public").await;
    let id = video["id"].as_str().expect("an id");
    let video = app.wait_for_video(&ada, id, |video| video["status"] == "ready").await;
    let renditions = video["renditions"].as_array().expect("renditions");
    let sounds: Vec<(&Value, &Value)> = renditions
        .iter()
        .filter(|rendition| rendition["width"].is_null())
        .map(|rendition| (&rendition["name"], &rendition["language"]))
        .collect();
    assert_eq!(sounds, [(&json!("audio"), &json!("de")), (&json!("audio2"), &json!("en"))]);
    for encryption in ["none", "aes128"] {
        let patch = app.request(reqwest::Method::PATCH, &format!("/api/v1/videos/{id}"));
        let patched = patch.bearer_auth(&ada.token).json(&json!({"encryption": encryption})).send().await;
        assert!(patched.expect("an answer").status().is_success());
        let text = async |file: &str| {
            let answer = app.get(&format!("/media/v/{id}/{file}")).send().await.expect("an answer");
            assert!(answer.status().is_success(), "{file}: {}", answer.status());
            answer.text().await.expect("text")
        };
        let named = uris(&text("master.m3u8").await);
        let playlists: Vec<&String> = named.iter().filter(|uri| uri.starts_with("audio")).collect();
        assert_eq!(playlists.len(), 2, "{named:?}");
        for playlist in playlists {
            let playlist = text(playlist).await;
            assert_eq!(playlist.contains("#EXT-X-KEY:METHOD=AES-128"), encryption == "aes128", "{playlist}");
        }
        let mpd = text("manifest.mpd").await;
        assert_eq!(mpd.matches("contentType=\"audio\"").count(), 2);
        assert!(mpd.contains("lang=\"de\"") && mpd.contains("<Label>English</Label>"), "{mpd}");
    }
    app.stop().await;
}
