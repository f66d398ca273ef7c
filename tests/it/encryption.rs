//! Encrypted videos: that players get back what was clear, and that nobody else gets anything.

use std::{process::Stdio, time::Duration};

use aes::{
    Aes128,
    cipher::{BlockModeDecrypt, KeyIvInit, block_padding::Pkcs7},
};
use reqwest::{Method, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::support::{Person, TestApp, clip, problem, uris};

async fn get(app: &TestApp, path: &str) -> Response {
    app.get(path).send().await.expect("an answer")
}

async fn bytes(app: &TestApp, path: &str) -> Vec<u8> {
    let response = get(app, path).await;
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    response.bytes().await.expect("bytes").to_vec()
}

async fn text(app: &TestApp, path: &str) -> String {
    String::from_utf8(bytes(app, path).await).expect("text")
}

async fn patch(app: &TestApp, who: &Person, path: &str, body: Value) -> Value {
    let request = app.request(Method::PATCH, path).bearer_auth(&who.token).json(&body);
    let response = request.send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK, "{path} {body}");
    response.json().await.expect("a body")
}

async fn playback(app: &TestApp, who: &Person, id: &str) -> Value {
    let request = app.get(&format!("/api/v1/videos/{id}/playback")).bearer_auth(&who.token);
    request.send().await.expect("an answer").json().await.expect("a playback")
}

async fn ready(app: &TestApp, who: &Person, visibility: &str) -> String {
    let video = app.upload(who, clip("bigbuckbunny.mp4"), visibility).await;
    let id = video["id"].as_str().expect("an id").to_owned();
    app.wait_for_video(who, &id, |video| video["status"] == "ready").await;
    id
}

/// The checksum of every decoded frame of a playlist, as ffmpeg plays it.
pub async fn frames(app: &TestApp, path: &str) -> Vec<String> {
    let mut ffmpeg = tokio::process::Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-i", &format!("{}{path}", app.url), "-map", "0", "-f", "framemd5", "-"]);
    ffmpeg.stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_secs(60), ffmpeg.output()).await;
    let output = output.expect("ffmpeg ends").expect("ffmpeg runs");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaints.is_empty(), "{path}: {complaints}");
    let listing = String::from_utf8(output.stdout).expect("text");
    listing.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

/// The paths of the media playlists that a master playlist names.
pub async fn media_playlists(app: &TestApp, master: &str) -> Vec<String> {
    let folder = master.strip_suffix("master.m3u8").expect("a master playlist");
    let renditions = uris(&text(app, master).await).into_iter().filter(|uri| uri != "images.m3u8");
    renditions.map(|uri| format!("{folder}{uri}")).collect()
}

/// A URI of a playlist as a path.
fn beside(playlist: &str, uri: &str) -> String {
    let folder = playlist.rsplit_once('/').expect("a path").0;
    match uri.strip_prefix("../") {
        Some(uri) => format!("{}/{uri}", folder.rsplit_once('/').expect("a path").0),
        None => format!("{folder}/{uri}"),
    }
}

fn decrypted(mut sealed: Vec<u8>, key: &[u8], iv: &str) -> Vec<u8> {
    let digits = iv.trim_start_matches("0x");
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal digits");
    let iv: Vec<u8> = (0..32).step_by(2).map(byte).collect();
    let mode = cbc::Decryptor::<Aes128>::new_from_slices(key, &iv).expect("a key and an IV");
    mode.decrypt_padded::<Pkcs7>(&mut sealed).expect("the padding is right").to_vec()
}

fn attribute<'a>(text: &'a str, name: &str) -> &'a str {
    let rest = text.split_once(&format!("{name}=")).unwrap_or_else(|| panic!("no {name} in {text}")).1;
    rest.trim_start_matches('"').split(['"', ',', '\n', ' ']).next().expect("a value")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_video_decodes_to_the_very_frames_of_the_clear_one() {
    let settings = [("MEDIA__LADDER", "480,360"), ("MEDIA__KEY_ROTATION_SEGMENTS", "1")];
    let app = TestApp::start_with(&settings).await;
    let ada = app.register("ada").await;
    let id = ready(&app, &ada, "public").await;
    let master = playback(&app, &ada, &id).await["hls"].as_str().expect("a path").to_owned();
    let playlists = media_playlists(&app, &master).await;
    assert_eq!(playlists.len(), 3, "two pictures and the sound");
    let mut clear = Vec::new();
    for playlist in &playlists {
        let frames = frames(&app, playlist).await;
        assert!(frames.len() > 100, "{playlist} has {} frames", frames.len());
        clear.push((frames, text(&app, playlist).await));
    }
    let path = format!("/api/v1/videos/{id}");
    assert_eq!(patch(&app, &ada, &path, json!({"encryption": "aes128"})).await["encryption"], "aes128");
    for (playlist, (frames_before, before)) in playlists.iter().zip(&clear) {
        check_rendition(&app, playlist, before).await;
        assert_eq!(&frames(&app, playlist).await, frames_before, "{playlist}");
    }
    assert_eq!(playback(&app, &ada, &id).await["dash"], Value::Null, "two keys are beyond DASH");
    check_switching(&app, &ada, &path, &playlists[0]).await;
    app.stop().await;
}

/// One rendition while its video is encrypted: `before` is its playlist from when it was clear.
async fn check_rendition(app: &TestApp, playlist: &str, before: &str) {
    let now = text(app, playlist).await;
    let (map, first_key) = (now.find("#EXT-X-MAP").expect("a map"), now.find("#EXT-X-KEY").expect("a key"));
    assert!(map < first_key, "the init stays clear: {now}");
    let keys: Vec<&str> = now.lines().filter(|line| line.starts_with("#EXT-X-KEY:METHOD=AES-128")).collect();
    let segments: Vec<String> = uris(&now).into_iter().filter(|uri| uri.ends_with(".m4s")).collect();
    let clear: Vec<String> = uris(before).into_iter().filter(|uri| uri.ends_with(".m4s")).collect();
    assert_eq!((keys.len(), segments.len()), (2, 2), "each segment has a key of its own: {now}");
    for ((key_line, sealed), clear) in keys.iter().zip(&segments).zip(&clear) {
        assert_eq!(
            get(app, &beside(playlist, clear)).await.status(),
            StatusCode::NOT_FOUND,
            "{clear} is clear"
        );
        let key = get(app, &beside(playlist, attribute(key_line, "URI"))).await;
        assert_eq!(key.headers()[header::CACHE_CONTROL], "no-store");
        assert_eq!(key.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        let key = key.bytes().await.expect("a key");
        assert_eq!(key.len(), 16);
        let path = beside(playlist, sealed);
        let sealed = bytes(app, &path).await;
        assert!(decrypted(sealed.clone(), &key, attribute(key_line, "IV"))[4..8].is_ascii());
        let part = app.get(&path).header(header::RANGE, "bytes=-20").send().await.expect("an answer");
        assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(part.bytes().await.expect("bytes"), sealed[sealed.len() - 20..]);
    }
}

/// Off and on again: clear or encrypted, never both, and the keys of before are good for nothing.
async fn check_switching(app: &TestApp, ada: &Person, path: &str, playlist: &str) {
    let old = text(app, playlist).await;
    let key_of = |text: &str| {
        let line = text.lines().find(|line| line.starts_with("#EXT-X-KEY")).expect("a key");
        beside(playlist, attribute(line, "URI"))
    };
    let (old_key, old_segment) = (key_of(&old), beside(playlist, uris(&old).last().expect("a segment")));
    patch(app, ada, path, json!({"encryption": "none"})).await;
    for gone in [&old_key, &old_segment] {
        assert_eq!(get(app, gone).await.status(), StatusCode::NOT_FOUND, "{gone}");
    }
    let clear = text(app, playlist).await;
    assert!(!clear.contains("EXT-X-KEY"));
    assert_eq!(&bytes(app, &beside(playlist, uris(&clear).last().expect("a segment"))).await[4..8], b"styp");
    patch(app, ada, path, json!({"encryption": "aes128"})).await;
    let new = text(app, playlist).await;
    assert_ne!(key_of(&new), old_key);
    assert_eq!(get(app, &key_of(&new)).await.status(), StatusCode::OK);
    for gone in [&old_key, &old_segment] {
        assert_eq!(get(app, gone).await.status(), StatusCode::NOT_FOUND, "{gone}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_a_private_video_is_for_its_token_and_its_owner_and_not_for_many_at_once() {
    let settings = [
        ("MEDIA__LADDER", "360"),
        ("LIMITS__ENABLED", "true"),
        ("LIMITS__KEYS_PER_MINUTE", "30"),
        ("AUTH__ACCESS_TOKEN_TTL_S", "86400"),
    ];
    let app = TestApp::start_with(&settings).await;
    let (ada, bob) = (app.register("ada").await, app.register("bob").await);
    let channel = format!("/api/v1/channels/{}", ada.user["channel_id"].as_str().expect("an id"));
    assert_eq!(patch(&app, &ada, &channel, json!({"encryption": "aes128"})).await["encryption"], "aes128");
    let id = ready(&app, &ada, "private").await;
    let playback = playback(&app, &ada, &id).await;
    let master = playback["hls"].as_str().expect("a path").to_owned();
    let playlist = media_playlists(&app, &master).await.remove(0);
    let text_of = text(&app, &playlist).await;
    let line =
        text_of.lines().find(|line| line.starts_with("#EXT-X-KEY")).expect("it is encrypted from the start");
    let key = beside(&playlist, attribute(line, "URI"));
    assert_eq!(bytes(&app, &key).await.len(), 16, "a plain player gets the key with the token in its path");
    let token = key.split('/').nth(3).expect("a token").to_owned();
    let open = key.replace(&format!("/media/t/{token}/"), "/media/v/");
    let mutated = key.replace(&token, &format!("{}0", &token[..token.len() - 1]));
    let later = key.replace(&token, &format!("9999999999-{}", token.split_once('-').expect("a token").1));
    for wrong in [&open, &mutated, &later] {
        assert_eq!(problem(get(&app, wrong).await).await, (404, "not_found".into()), "{wrong}");
    }
    let ask = |who: &Person| app.get(&open).bearer_auth(who.token.clone()).send();
    assert_eq!(ask(&bob).await.expect("an answer").status(), StatusCode::NOT_FOUND);
    assert_eq!(ask(&ada).await.expect("an answer").status(), StatusCode::OK);
    check_manifest(&app, playback["dash"].as_str().expect("one key is within DASH")).await;
    let metrics = text(&app, "/metrics").await;
    assert!(metrics.contains("playhouse_content_keys_total{outcome=\"refused\"} 4"), "{metrics}");
    app.clock.advance(Duration::from_secs(12 * 3600 + 1));
    assert_eq!(get(&app, &key).await.status(), StatusCode::NOT_FOUND, "the token has ended");
    let mut limited = None;
    for _ in 0..40 {
        let answer = ask(&ada).await.expect("an answer");
        if answer.status() != StatusCode::OK {
            limited = Some(answer);
            break;
        }
    }
    let limited = limited.expect("a limit");
    assert!(limited.headers().contains_key(header::RETRY_AFTER));
    assert_eq!(problem(limited).await, (429, "too_many".into()));
    app.stop().await;
}

/// What a DASH player of segment encryption fetches decrypts with the one key and IV that the manifest names.
async fn check_manifest(app: &TestApp, path: &str) {
    let mpd = text(app, path).await;
    assert!(mpd.contains("urn:mpeg:dash:sea:2012"), "{mpd}");
    let key = bytes(app, &beside(path, attribute(&mpd, "keyUriTemplate"))).await;
    let iv = attribute(&mpd, "IV");
    let rendition = attribute(&mpd, "<Representation id");
    let file = |name: &str| {
        let template = attribute(&mpd, name);
        beside(path, &template.replace("$RepresentationID$", rendition).replace("$Number%05d$", "00000"))
    };
    let (init, segment) = (file(" initialization"), file(" media"));
    let folder = init.rsplit('/').nth(1).expect("a folder");
    let clear_init = bytes(app, &init.replace(&format!("{folder}/"), "")).await;
    assert_eq!(decrypted(bytes(app, &init).await, &key, iv), clear_init);
    assert_eq!(&decrypted(bytes(app, &segment).await, &key, iv)[4..8], b"styp");
}
