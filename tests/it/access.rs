//! Who may fetch what below `/media/`: every kind of object there is, for every visibility, by whoever asks.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use playhouse::{
    app,
    domain::{access::Role, clock::SystemClock},
};
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::support::{Person, TestApp, bilingual_clip, config, uris};

const FOUND: u16 = 200;
const HIDDEN: u16 = 404;

/// A video and, by their kind, the paths below its folder of all that can be fetched of it.
struct Subject {
    id: String,
    visibility: &'static str,
    files: BTreeMap<&'static str, String>,
    /// The token in the URLs that its owner gets; empty for what needs none.
    token: String,
}

impl Subject {
    /// Its folder, with the permission inside where one is needed.
    fn base(&self) -> String {
        match self.token.is_empty() {
            true => format!("/media/v/{}/", self.id),
            false => format!("/media/t/{}/{}/", self.token, self.id),
        }
    }
}

/// Who asks, and the header they ask with.
struct Asker<'a> {
    name: &'static str,
    person: Option<&'a Person>,
    /// Whether a private video of `ada` exists for them.
    is_owner: bool,
}

async fn status(app: &TestApp, path: &str, who: Option<&Person>) -> u16 {
    let mut request = app.get(path);
    if let Some(person) = who {
        request = request.bearer_auth(&person.token);
    }
    request.send().await.expect("an answer").status().as_u16()
}

async fn playback(app: &TestApp, id: &str, who: Option<&Person>) -> Result<Value, u16> {
    let mut request = app.get(&format!("/api/v1/videos/{id}/playback"));
    if let Some(person) = who {
        request = request.bearer_auth(&person.token);
    }
    let response = request.send().await.expect("an answer");
    match response.status() {
        StatusCode::OK => Ok(response.json().await.expect("a playback")),
        refused => Err(refused.as_u16()),
    }
}

async fn text(app: &TestApp, path: &str) -> String {
    let response = app.get(path).send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    response.text().await.expect("text")
}

/// Walks from `playback` to every kind of object, as a plain player would: without headers.
async fn subject(app: &TestApp, owner: &Person, id: String, visibility: &'static str) -> Subject {
    let playback = playback(app, &id, Some(owner)).await.expect("it is ready");
    let hls = playback["hls"].as_str().expect("a path").to_owned();
    let base = hls.strip_suffix("master.m3u8").expect("a master playlist").to_owned();
    let below = |key: &str| {
        let path = playback[key].as_str().unwrap_or_else(|| panic!("no {key} in {playback}"));
        path.strip_prefix(&base).unwrap_or_else(|| panic!("{path} lies elsewhere")).to_owned()
    };
    let named = uris(&text(app, &hls).await);
    let second = named.iter().filter(|uri| uri.starts_with("audio")).nth(1).expect("a second sound").clone();
    let media = named.last().expect("a rendition").clone();
    let folder = media.split_once('/').expect("a folder").0.to_owned();
    let entries = uris(&text(app, &format!("{base}{media}")).await);
    let entry = |ending: &str| entries.iter().find(|entry| entry.ends_with(ending));
    let segment = entry(".m4s").expect("a segment");
    let vtt = text(app, &format!("{base}{}", below("thumbnails_vtt"))).await;
    let sprite = vtt.lines().find_map(|line| line.split_once("#xywh=")).expect("a cue").0.to_owned();
    let mut files = BTreeMap::from([
        ("master playlist", "master.m3u8".to_owned()),
        ("media playlist", media),
        ("manifest", below("dash")),
        ("init", format!("{folder}/{}", entry(".mp4").expect("an init"))),
        ("segment", format!("{folder}/{segment}")),
        ("poster", below("poster")),
        ("thumbnails", below("thumbnails_vtt")),
        ("sprite", sprite),
    ]);
    let sound_folder = second.split_once('/').expect("a folder").0.to_owned();
    let of_second = uris(&text(app, &format!("{base}{second}")).await);
    let spoken = of_second.iter().find(|entry| entry.ends_with(".m4s")).expect("a segment of sound");
    files.insert("second sound's segment", format!("{sound_folder}/{spoken}"));
    files.insert("second sound's playlist", second);
    let captions = playback["captions"][0]["url"].as_str().expect("a caption track");
    let captions = captions.strip_prefix(&base).expect("it lies below the video").to_owned();
    files.insert("captions playlist", captions.replace(".vtt", ".m3u8"));
    files.insert("captions", captions);
    files.insert("images playlist", "images.m3u8".to_owned());
    files.insert("candidate", "candidate0.jpg".to_owned());
    if let Some(key) = entry(".key") {
        files.insert("key", key.trim_start_matches("../").to_owned());
    }
    let token = base.strip_prefix("/media/t/").and_then(|rest| rest.split('/').next()).unwrap_or_default();
    Subject { token: token.to_owned(), id, visibility, files }
}

/// The uploaded file is its owner's alone, whoever may see the video.
async fn check_original(app: &TestApp, subject: &Subject, askers: &[Asker<'_>]) {
    let path = format!("/api/v1/videos/{}/original", subject.id);
    for asker in askers {
        let expected = match (asker.person, asker.is_owner, subject.visibility) {
            (None, ..) => 401,
            (_, true, _) => FOUND,
            (_, false, "private") => HIDDEN,
            (_, false, _) => 403,
        };
        let found = status(app, &path, asker.person).await;
        assert_eq!(found, expected, "the original of a {} video for {}", subject.visibility, asker.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_object_is_found_by_those_who_may_know_of_it_and_by_nobody_else() {
    let app = TestApp::start().await;
    let (ada, bob, mona) = (app.register("ada").await, app.register("bob").await, app.register("mona").await);
    let (name, password) = app.admin();
    let folder = app.halt().await;
    promote(folder.path(), &mona, Role::Moderator).await;
    let settings = [("MEDIA__LADDER", "360"), ("AUTH__ACCESS_TOKEN_TTL_S", "86400")];
    let app = TestApp::start_in(folder, &settings).await;
    let (ada, bob) = (app.sign_in(&ada).await, app.sign_in(&bob).await);
    let (mona, admin) = (app.sign_in(&mona).await, app.login(&name, &password).await);
    assert_eq!(mona.user["roles"], json!(["viewer", "creator", "moderator"]));
    let mut subjects = Vec::new();
    for visibility in ["public", "unlisted", "private"] {
        let video = app.upload(&ada, bilingual_clip(), visibility).await;
        subjects.push((visibility, video["id"].as_str().expect("an id").to_owned()));
    }
    let askers = [
        Asker { name: "nobody", person: None, is_owner: false },
        Asker { name: "the owner", person: Some(&ada), is_owner: true },
        Asker { name: "another account", person: Some(&bob), is_owner: false },
        // Roles moderate talk; they open no private video.
        Asker { name: "a moderator", person: Some(&mona), is_owner: false },
        Asker { name: "an administrator", person: Some(&admin), is_owner: false },
    ];
    let mut clear = Vec::new();
    for (visibility, id) in &subjects {
        app.wait_for_video(&ada, id, |video| video["status"] == "ready").await;
        let captions = app.request(Method::PUT, &format!("/api/v1/videos/{id}/captions/en"));
        let captions = captions.bearer_auth(&ada.token).header(header::CONTENT_TYPE, "text/vtt");
        let captions = captions.body("WEBVTT\n\n00:00.000 --> 00:01.000\nHello\n").send().await;
        assert!(captions.expect("an answer").status().is_success());
        clear.push(subject(&app, &ada, id.clone(), visibility).await);
    }
    check_all(&app, &clear, &askers).await;
    for subject in &clear {
        check_original(&app, subject, &askers).await;
    }
    let mut encrypted = Vec::new();
    for (visibility, id) in &subjects {
        encrypt(&app, &ada, id).await;
        encrypted.push(subject(&app, &ada, id.clone(), visibility).await);
    }
    assert!(encrypted.iter().all(|subject| subject.files.contains_key("key")));
    check_all(&app, &encrypted, &askers).await;
    for (before, now) in clear.iter().zip(&encrypted) {
        let path = format!("{}{}", now.base(), before.files["segment"]);
        for asker in &askers {
            let found = status(&app, &path, asker.person).await;
            assert_eq!(found, HIDDEN, "a clear segment of an encrypted video for {}: {path}", asker.name);
        }
    }
    app.clock.advance(Duration::from_secs(12 * 3600 + 1));
    let private = encrypted.iter().find(|subject| subject.visibility == "private").expect("one is private");
    for (kind, file) in &private.files {
        let path = format!("{}{file}", private.base());
        assert_eq!(status(&app, &path, None).await, HIDDEN, "{kind} with a token that has ended");
    }
    app.stop().await;
}

/// Gives a role, as an operator does: while the server is down.
async fn promote(folder: &Path, who: &Person, role: Role) {
    let (accounts, back_ends) =
        app::accounts_alone(&config(folder, &[]), Arc::new(SystemClock)).await.expect("its data");
    let id = who.user["id"].as_str().expect("an id").parse().expect("an id");
    accounts.add_role(&id, role).await.expect("an account");
    back_ends.store.close().await.expect("it closes");
}

async fn encrypt(app: &TestApp, owner: &Person, id: &str) {
    let request = app.request(Method::PATCH, &format!("/api/v1/videos/{id}")).bearer_auth(&owner.token);
    let answer = request.json(&json!({"encryption": "aes128"})).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
}

async fn check_all(app: &TestApp, subjects: &[Subject], askers: &[Asker<'_>]) {
    for subject in subjects {
        for asker in askers {
            check_playback(app, subject, asker).await;
            check_raw_urls(app, subject, asker, subjects).await;
        }
    }
    check_cache_rules(app, subjects).await;
}

/// Whoever is told where to play can play it without any header; all others are not even told that it exists.
async fn check_playback(app: &TestApp, subject: &Subject, asker: &Asker<'_>) {
    let may = subject.visibility != "private" || asker.is_owner;
    match playback(app, &subject.id, asker.person).await {
        Ok(playback) => {
            assert!(may, "{} is told how to play a {} video", asker.name, subject.visibility);
            let hls = playback["hls"].as_str().expect("a path");
            let base = hls.strip_suffix("master.m3u8").expect("a master playlist");
            for (kind, file) in &subject.files {
                let path = format!("{base}{file}");
                assert_eq!(status(app, &path, None).await, FOUND, "{kind}: {path} for {}", asker.name);
            }
        }
        Err(refused) => {
            let name = asker.name;
            assert!(!may && refused == HIDDEN, "{refused} for {name} and a {} video", subject.visibility);
        }
    }
}

/// The same files by addresses that were guessed, forged, or are somebody else's.
async fn check_raw_urls(app: &TestApp, subject: &Subject, asker: &Asker<'_>, all: &[Subject]) {
    let private = subject.visibility == "private";
    let foreign = all.iter().find(|other| !other.token.is_empty()).map_or("", |other| other.token.as_str());
    let id = &subject.id;
    let mut mutated = foreign.to_owned();
    let last = if mutated.ends_with('0') { "1" } else { "0" };
    mutated.replace_range(mutated.len() - 1.., last);
    let later = foreign.split_once('-').map(|(_, mac)| format!("9999999999-{mac}")).expect("a token");
    let open = if private && !asker.is_owner { HIDDEN } else { FOUND };
    let with_token = if private { FOUND } else { HIDDEN };
    for (kind, file) in &subject.files {
        for (way, path, expected) in [
            ("the open address", format!("/media/v/{id}/{file}"), open),
            // The one token there is belongs to the private video: for the others it is that of another video.
            ("the private video's token", format!("/media/t/{foreign}/{id}/{file}"), with_token),
            ("a changed token", format!("/media/t/{mutated}/{id}/{file}"), HIDDEN),
            ("a token with a later end", format!("/media/t/{later}/{id}/{file}"), HIDDEN),
            ("no token at all", format!("/media/t/-/{id}/{file}"), HIDDEN),
        ] {
            let found = status(app, &path, asker.person).await;
            let (name, visibility) = (asker.name, subject.visibility);
            assert_eq!(found, expected, "{kind} of a {visibility} video by {way} for {name}: {path}");
        }
    }
}

/// What is not everybody's may lie in nobody's cache but the viewer's own.
async fn check_cache_rules(app: &TestApp, all: &[Subject]) {
    for subject in all {
        let private = subject.visibility == "private";
        for (kind, file) in &subject.files {
            let response = app.get(&format!("{}{file}", subject.base())).send().await.expect("an answer");
            let rule = response.headers()[header::CACHE_CONTROL].to_str().expect("text").to_owned();
            let shared = !rule.contains("private") && !rule.contains("no-store");
            assert_eq!(
                shared,
                !private && *kind != "key",
                "{kind} of a {} video: {rule}",
                subject.visibility
            );
        }
    }
}
