use std::process::Command;

use playhouse::backends::store::tables::video::Video;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Person, TestApp, problem, tiny_clip, wait_until};

async fn search(app: &TestApp, query: &str) -> Value {
    let response = app.get(&format!("/api/v1/search?{query}")).send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK, "{query}");
    response.json().await.expect("a list")
}

async fn found(app: &TestApp, query: &str) -> Vec<String> {
    let list = search(app, query).await;
    let ids = list["items"].as_array().expect("items").iter();
    ids.map(|hit| hit["video"]["id"].as_str().expect("an id").to_owned()).collect()
}

async fn until_found(app: &TestApp, query: &str, expected: &[&str]) {
    let what = format!("{query} finds {expected:?}");
    wait_until(&what, || async { found(app, query).await == expected }).await;
}

async fn edit(app: &TestApp, who: &Person, id: &str, body: Value) {
    let request = app.request(Method::PATCH, &format!("/api/v1/videos/{id}")).bearer_auth(&who.token);
    let answer = request.json(&body).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_is_found_while_it_is_public_and_by_the_words_it_has_now() {
    let app = TestApp::start().await;
    let ada = app.register("ada").await;
    let video = app.upload(&ada, tiny_clip(&[]), "private").await;
    let id = video["id"].as_str().expect("an id").to_owned();
    let words =
        json!({"title": "Zebras crossing", "description": "At dawn, by the café.", "tags": ["savanna"]});
    edit(&app, &ada, &id, words).await;
    app.wait_for_video(&ada, &id, |video| video["status"] == "ready").await;
    assert!(found(&app, "q=zebras").await.is_empty(), "it is private");

    edit(&app, &ada, &id, json!({"visibility": "public"})).await;
    until_found(&app, "q=zebras+cafe", &[&id]).await;
    let hit = search(&app, "q=zebras+cafe").await["items"][0].clone();
    assert!(hit["score"].as_f64().is_some_and(|score| score > 0.0));
    assert_eq!(hit["video"]["title"], "Zebras crossing");
    let title = json!({"field": "title", "parts": [
        {"text": "Zebras", "matched": true}, {"text": " crossing", "matched": false}]});
    let description = json!({"field": "description", "parts": [
        {"text": "At dawn, by the ", "matched": false}, {"text": "café", "matched": true},
        {"text": ".", "matched": false}]});
    assert_eq!(hit["highlights"], json!([title, description]));
    for (query, is_found) in [
        ("q=savanna", true),
        ("q=", true),
        ("q=zebras+-dawn", false),
        ("q=zebras&min_height=100000", false),
        ("q=zebras&duration_to_s=100", true),
        ("q=zebras&duration_from_s=100", false),
        ("q=zebras&uploaded_after=2001-01-01", true),
        ("q=zebras&uploaded_before=2001-01-01T00:00:00Z", false),
        ("q=zebras&sort=views&min_height=1", true),
    ] {
        assert_eq!(found(&app, query).await.len(), usize::from(is_found), "{query}");
    }

    edit(&app, &ada, &id, json!({"title": "Giraffes"})).await;
    until_found(&app, "q=giraffes", &[&id]).await;
    assert!(found(&app, "q=zebras").await.is_empty());
    edit(&app, &ada, &id, json!({"visibility": "unlisted"})).await;
    assert!(found(&app, "q=giraffes").await.is_empty(), "at once, whatever the index still holds");
    edit(&app, &ada, &id, json!({"visibility": "public"})).await;
    until_found(&app, "q=giraffes", &[&id]).await;

    let app = Box::pin(a_lost_index_is_made_anew_and_lost_changes_are_found(app, &ada, &id)).await;
    let path = format!("/api/v1/videos/{id}");
    let ada = app.sign_in(&ada).await;
    let deleted = app.request(Method::DELETE, &path).bearer_auth(&ada.token).send().await.expect("an answer");
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    assert!(found(&app, "q=").await.is_empty());
    app.stop().await;
}

/// The same video, since each takes seconds to be made.
async fn a_lost_index_is_made_anew_and_lost_changes_are_found(
    app: TestApp,
    ada: &Person,
    id: &str,
) -> TestApp {
    let video = id.to_owned();
    let app = app
        .restart_after(async |back_ends| {
            let rename =
                move |row: Option<Video>| (row.map(|row| Video { title: "Okapis".into(), ..row }), ());
            let key = (video.parse().expect("an id"),);
            back_ends.store.update::<Video, ()>(key, rename).await.expect("it is renamed");
        })
        .await;
    until_found(&app, "q=okapis", &[id]).await;
    assert!(found(&app, "q=giraffes").await.is_empty());

    let folder = app.halt().await;
    std::fs::remove_dir_all(folder.path().join("search")).expect("the index is thrown away");
    let app = TestApp::start_in(folder, &[]).await;
    until_found(&app, "q=okapis", &[id]).await;

    let folder = app.halt().await;
    let reindex = Command::new(env!("CARGO_BIN_EXE_playhouse"))
        .args(["doctor", "reindex"])
        .env("PLAYHOUSE__SERVER__DATA_DIR", folder.path())
        .output()
        .expect("it runs");
    let told = String::from_utf8_lossy(&reindex.stdout).into_owned();
    assert_eq!(
        told,
        "1 public videos looked at, 1 indexed\n",
        "{}",
        String::from_utf8_lossy(&reindex.stderr)
    );
    let app = TestApp::start_in(folder, &[]).await;
    assert_eq!(found(&app, "q=okapis").await, [id]);
    app.sign_in(ada).await;
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_is_said_by_field() {
    let app = TestApp::start().await;
    let long = format!("q={}", "x".repeat(501));
    let cursor_of_dates = "cursor=ZDEuMg"; // d1.2
    for query in [
        "sort=best",
        "duration_from_s=-1",
        "duration_to_s=soon",
        "min_height=tall",
        "uploaded_after=yesterday",
        "uploaded_before=2026-13-01",
        "limit=0",
        "limit=101",
        "cursor=nonsense!",
        &format!("q=words&{cursor_of_dates}"),
        &long,
    ] {
        let response = app.get(&format!("/api/v1/search?{query}")).send().await.expect("an answer");
        assert_eq!(problem(response).await, (422, "invalid".into()), "{query}");
    }
    assert_eq!(found(&app, cursor_of_dates).await, [""; 0], "without words it is sorted by date");
    let health: Value = app.get("/health/ready").send().await.expect("it").json().await.expect("checks");
    let search = health["checks"].as_array().expect("checks").iter().find(|check| check["name"] == "search");
    assert_eq!(search.expect("a check")["ok"], true);
    app.stop().await;
}
