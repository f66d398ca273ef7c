use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Person, TestApp, problem};

/// A public video that need not play.
async fn video(app: &TestApp, owner: &Person) -> String {
    app.upload(owner, b"no video at all".to_vec(), "public").await["id"].as_str().expect("an id").to_owned()
}

async fn comment(app: &TestApp, who: &Person, id: &str, body: Value) -> Value {
    let request = app.post(&format!("/api/v1/videos/{id}/comments"), body).bearer_auth(&who.token);
    let response = request.send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::CREATED);
    response.json().await.expect("a comment")
}

async fn comments(app: &TestApp, id: &str, query: &str) -> Vec<String> {
    let path = format!("/api/v1/videos/{id}/comments{query}");
    let list: Value = app.get(&path).send().await.expect("an answer").json().await.expect("a list");
    let texts = list["items"].as_array().expect("items").iter();
    texts.map(|comment| comment["text"].as_str().expect("a text").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn comments_are_listed_edited_and_removed_and_survive_a_restart() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.register("ada").await, app.register("bob").await);
    let id = video(&app, &ada).await;
    let first = comment(&app, &bob, &id, json!({"text": "first", "at_ms": 1_500})).await;
    let reply = json!({"text": "reply", "parent_id": first["id"]});
    comment(&app, &ada, &id, reply).await;
    let third = comment(&app, &bob, &id, json!({"text": "third"})).await;
    assert_eq!(first["user"]["username"], "bob");
    assert_eq!(comments(&app, &id, "").await, ["third", "reply", "first"]);
    assert_eq!(comments(&app, &id, "?at_from_ms=1000&at_to_ms=2000").await, ["first"]);
    let parent = first["id"].as_str().expect("an id");
    assert_eq!(comments(&app, &id, &format!("?parent={parent}")).await, ["reply"]);

    let path = format!("/api/v1/comments/{}", third["id"].as_str().expect("an id"));
    let refused = app.request(Method::PATCH, &path).bearer_auth(&ada.token).json(&json!({"text": "mine"}));
    assert_eq!(problem(refused.send().await.expect("an answer")).await, (403, "forbidden".into()));
    let edited = app.request(Method::PATCH, &path).bearer_auth(&bob.token).json(&json!({"text": "third!"}));
    let edited: Value = edited.send().await.expect("an answer").json().await.expect("a comment");
    assert_eq!(edited["text"], "third!");
    let removed = app.request(Method::DELETE, &format!("/api/v1/comments/{parent}")).bearer_auth(&ada.token);
    assert_eq!(removed.send().await.expect("an answer").status(), StatusCode::NO_CONTENT, "on her own video");

    let app = app.restart().await;
    assert_eq!(comments(&app, &id, "").await, ["third!", "reply"]);
    let shown = app.wait_for_video(&ada, &id, |_| true).await;
    assert_eq!(shown["comments"], 2);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_is_the_same_comment() {
    let app = TestApp::start().await;
    let ada = app.register("ada").await;
    let id = video(&app, &ada).await;
    let send = |key: &'static str| {
        app.post(&format!("/api/v1/videos/{id}/comments"), json!({"text": "once"}))
            .bearer_auth(&ada.token)
            .header("idempotency-key", key)
            .send()
    };
    let answers = futures_util::future::join_all((0..5).map(|_| send("k1"))).await;
    let mut ids = Vec::new();
    for answer in answers {
        ids.push(answer.expect("an answer").json::<Value>().await.expect("a comment")["id"].clone());
    }
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(comments(&app, &id, "").await, ["once"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reactions_and_views_are_counted_once_a_person() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.register("ada").await, app.register("bob").await);
    let id = video(&app, &ada).await;
    let react = async |who: &Person, reaction: &str| {
        let request = app.request(Method::PUT, &format!("/api/v1/videos/{id}/reaction"));
        let request = request.bearer_auth(&who.token).json(&json!({ "reaction": reaction }));
        request.send().await.expect("an answer").json::<Value>().await.expect("totals")
    };
    react(&ada, "like").await;
    react(&ada, "like").await;
    react(&bob, "like").await;
    let totals = react(&bob, "dislike").await;
    assert_eq!(totals, json!({"likes": 1, "dislikes": 1, "reaction": "dislike"}));
    react(&ada, "none").await;

    let view = async |who: Option<&Person>, playback: &str, watched_ms: u64| {
        let body = json!({"playback_id": playback, "watched_ms": watched_ms});
        let request = app.post(&format!("/api/v1/videos/{id}/views"), body);
        let request = match who {
            Some(who) => request.bearer_auth(&who.token),
            None => request,
        };
        request.send().await.expect("an answer").json::<Value>().await.expect("an outcome")["counted"].clone()
    };
    assert_eq!(view(Some(&ada), "p1", 9_999).await, false);
    assert_eq!(view(Some(&ada), "p1", 10_000).await, true);
    assert_eq!(view(Some(&ada), "p1", 20_000).await, true);
    view(Some(&ada), "p2", 20_000).await;
    assert_eq!(view(None, "p3", 20_000).await, true);
    let app = app.restart().await;
    let shown = app.wait_for_video(&bob, &id, |_| true).await;
    assert_eq!((&shown["likes"], &shown["dislikes"], &shown["views"]), (&json!(0), &json!(1), &json!(2)));
    assert_eq!(shown["reaction"], "dislike");
    app.stop().await;
}
