use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::support::{Person, TestApp, clip, problem, tiny_clip, uris};

async fn playback(app: &TestApp, who: &Person, id: &str) -> Value {
    let request = app.get(&format!("/api/v1/videos/{id}/playback")).bearer_auth(&who.token);
    request.send().await.expect("an answer").json().await.expect("a playback")
}

async fn text(app: &TestApp, path: &str) -> String {
    let response = app.get(path).send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    response.text().await.expect("text")
}

/// The path of an entry relative to that of its playlist.
fn beside(path: &str, entry: &str) -> String {
    format!("{}/{entry}", path.rsplit_once('/').expect("a path").0)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_uploaded_clip_plays_everywhere_and_is_gone_when_deleted() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.register("ada").await, app.register("bob").await);
    let video = app.upload(&ada, clip("bigbuckbunny.mp4"), "public").await;
    let id = video["id"].as_str().expect("an id").to_owned();
    assert_eq!(video["status"], "processing");
    let ready = app.wait_for_video(&ada, &id, |video| video["status"] == "ready").await;
    assert_eq!((&ready["progress"]["percent"], &ready["failure"]), (&json!(100), &Value::Null));
    assert!(ready["duration_ms"].as_u64().is_some_and(|ms| (5_000..6_000).contains(&ms)));
    let names: Vec<_> =
        ready["renditions"].as_array().expect("renditions").iter().map(|r| r["name"].clone()).collect();
    assert_eq!(names, ["360p", "480p", "720p", "audio"]);

    let playback = playback(&app, &bob, &id).await;
    let master_path = playback["hls"].as_str().expect("a path");
    let master = text(&app, master_path).await;
    let mut media = uris(&master);
    media.retain(|entry| entry != "images.m3u8");
    assert_eq!(media.len(), 4, "{master}");
    for entry in &media {
        let path = beside(master_path, entry);
        let playlist = text(&app, &path).await;
        assert!(playlist.contains("#EXT-X-ENDLIST"));
        for segment in uris(&playlist) {
            check_segment(&app, &beside(&path, &segment)).await;
        }
    }
    let mpd = text(&app, playback["dash"].as_str().expect("a path")).await;
    assert!(mpd.contains("urn:mpeg:dash:profile:isoff-live:2011"));
    assert!(text(&app, playback["thumbnails_vtt"].as_str().expect("a path")).await.starts_with("WEBVTT"));

    let listed: Value = app.get("/api/v1/videos").send().await.expect("it").json().await.expect("a list");
    assert_eq!(listed["items"][0]["id"], id.as_str());
    let path = format!("/api/v1/videos/{id}");
    let refused = app.request(Method::DELETE, &path).bearer_auth(&bob.token).send().await.expect("an answer");
    assert_eq!(problem(refused).await, (403, "forbidden".into()));
    let deleted = app.request(Method::DELETE, &path).bearer_auth(&ada.token).send().await.expect("an answer");
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    for path in [path.as_str(), master_path, &beside(master_path, &media[0])] {
        assert_eq!(app.get(path).send().await.expect("an answer").status(), StatusCode::NOT_FOUND, "{path}");
    }
    for folder in ["objects/videos", "objects/sources"] {
        let folder = app.folder.path().join(folder).join(&id);
        assert!(!folder.exists(), "{} is left", folder.display());
    }
    app.stop().await;
}

async fn check_segment(app: &TestApp, path: &str) {
    let whole = app.get(path).send().await.expect("an answer");
    assert_eq!(whole.status(), StatusCode::OK, "{path}");
    let (headers, bytes) = (whole.headers().clone(), whole.bytes().await.expect("bytes"));
    assert!(headers[header::CACHE_CONTROL].to_str().expect("text").contains("immutable"));
    assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    assert_eq!(headers[header::CONTENT_LENGTH], bytes.len().to_string().as_str());
    let etag = headers[header::ETAG].clone();
    let unchanged = app.get(path).header(header::IF_NONE_MATCH, etag).send().await.expect("an answer");
    assert_eq!(unchanged.status(), StatusCode::NOT_MODIFIED);
    let part = app.get(path).header(header::RANGE, "bytes=4-7").send().await.expect("an answer");
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.headers()[header::CONTENT_RANGE], format!("bytes 4-7/{}", bytes.len()).as_str());
    assert_eq!(part.bytes().await.expect("bytes"), bytes[4..8]);
    let beyond = app.get(path).header(header::RANGE, "bytes=999999999-").send().await.expect("an answer");
    assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    let head = app.request(Method::HEAD, path).send().await.expect("an answer");
    assert_eq!(head.headers()[header::CONTENT_LENGTH], bytes.len().to_string().as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_video_is_its_owners_alone_segments_included() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.register("ada").await, app.register("bob").await);
    let id =
        app.upload(&ada, clip("bigbuckbunny.mp4"), "private").await["id"].as_str().expect("an id").to_owned();
    app.wait_for_video(&ada, &id, |video| video["status"] == "ready").await;
    for path in ["", "/playback", "/comments"] {
        let path = format!("/api/v1/videos/{id}{path}");
        let other = app.get(&path).bearer_auth(&bob.token).send().await.expect("an answer");
        assert_eq!(problem(other).await, (404, "not_found".into()), "{path}");
        assert_eq!(app.get(&path).send().await.expect("an answer").status(), StatusCode::NOT_FOUND);
    }
    let playback = playback(&app, &ada, &id).await;
    let hls = playback["hls"].as_str().expect("a path");
    let token = hls.split('/').nth(3).expect("a token");
    let media = beside(hls, &uris(&text(&app, hls).await)[0]);
    let segment = beside(&media, &uris(&text(&app, &media).await)[0]);
    assert_eq!(
        app.get(&segment).send().await.expect("an answer").status(),
        StatusCode::OK,
        "a plain player plays"
    );
    let mut forged = token.to_owned();
    forged.replace_range(0..1, "2");
    for path in [hls, &media, &segment, playback["poster"].as_str().expect("a path")] {
        for denied in [path.replace(&format!("/media/t/{token}/"), "/media/v/"), path.replace(token, &forged)]
        {
            let status = app.get(&denied).send().await.expect("an answer").status();
            assert_eq!(status, StatusCode::NOT_FOUND, "{denied}");
        }
    }
    let listed: Value = app.get("/api/v1/videos").send().await.expect("it").json().await.expect("a list");
    assert_eq!(listed["items"], json!([]));
    let patch = app.request(Method::PATCH, &format!("/api/v1/videos/{id}")).bearer_auth(&ada.token);
    patch
        .json(&json!({"visibility": "public"}))
        .send()
        .await
        .expect("an answer")
        .error_for_status()
        .expect("200");
    let listed: Value = app.get("/api/v1/videos").send().await.expect("it").json().await.expect("a list");
    assert_eq!(listed["items"][0]["id"], id.as_str());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_video_fails_in_words_its_uploader_understands() {
    let app = TestApp::start().await;
    let ada = app.register("ada").await;
    for (bytes, code) in [(b"just some text".to_vec(), "not_a_video"), (Vec::new(), "empty")] {
        let id = app.upload(&ada, bytes, "public").await["id"].as_str().expect("an id").to_owned();
        let failed = app.wait_for_video(&ada, &id, |video| video["status"] == "failed").await;
        assert_eq!(
            (&failed["failure"]["code"], &failed["failure"]["retryable"]),
            (&json!(code), &json!(false))
        );
        let playback = app.get(&format!("/api/v1/videos/{id}/playback")).bearer_auth(&ada.token);
        let refused = playback.send().await.expect("an answer");
        assert!(refused.headers().contains_key(header::RETRY_AFTER));
        assert_eq!(problem(refused).await, (409, "not_playable_yet".into()));
        let job: Value = app
            .get(&format!("/api/v1/videos/{id}/job"))
            .bearer_auth(&ada.token)
            .send()
            .await
            .expect("an answer")
            .json()
            .await
            .expect("a job");
        assert_eq!(job["state"], "failed");
        assert!(job["events"].as_array().is_some_and(|events| !events.is_empty()));
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_in_the_middle_of_a_job_goes_on_with_it() {
    let app = TestApp::start().await;
    let ada = app.register("ada").await;
    let id =
        app.upload(&ada, clip("bigbuckbunny.mp4"), "public").await["id"].as_str().expect("an id").to_owned();
    app.wait_for_video(&ada, &id, |video| video["progress"]["stage"] == "encoding").await;
    let app = app.restart().await;
    let ready = app.wait_for_video(&ada, &id, |video| video["status"] != "processing").await;
    assert_eq!(ready["status"], "ready", "{ready}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_says_whether_its_file_has_a_high_dynamic_range() {
    let app = TestApp::start().await;
    let ada = app.register("ada").await;
    let hlg = "-c:v libx265 -preset ultrafast -pix_fmt yuv420p10le -color_primaries bt2020 -tag:v hvc1 \
               -color_trc arib-std-b67 -colorspace bt2020nc \
               -x265-params log-level=none:colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc";
    let hlg: Vec<&str> = hlg.split_whitespace().collect();
    for (options, expected) in [(hlg, "high"), (Vec::new(), "standard")] {
        let video = app.upload(&ada, tiny_clip(&options), "public").await;
        let id = video["id"].as_str().expect("an id");
        let ready = app.wait_for_video(&ada, id, |video| video["status"] == "ready").await;
        assert_eq!(ready["source_range"], expected);
    }
    app.stop().await;
}
