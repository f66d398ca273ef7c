use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{TestApp, problem};

#[tokio::test(flavor = "multi_thread")]
async fn whoever_registers_is_signed_in_and_has_a_channel() {
    let app = TestApp::start().await;
    let ada = app.register("Ada").await;
    assert_eq!(ada.user["username"], "ada");
    assert_eq!(ada.user["roles"], json!(["viewer", "creator"]));
    let me = app.get("/api/v1/me").bearer_auth(&ada.token).send().await.expect("an answer");
    assert_eq!(me.json::<Value>().await.expect("me"), ada.user);
    let channel = ada.user["channel_id"].as_str().expect("a channel");
    let channel: Value = app
        .get(&format!("/api/v1/channels/{channel}"))
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("it");
    assert_eq!((&channel["handle"], &channel["subscribers"]), (&json!("ada"), &json!(0)));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_want_one_name_exactly_one_gets_it() {
    let app = TestApp::start().await;
    let attempts = (0..16).map(|n| {
        let body =
            json!({"username": "eve", "email": format!("eve{n}@example.org"), "password": "correct horse"});
        app.post("/api/v1/auth/register", body).send()
    });
    let mut outcomes = Vec::new();
    for answer in futures_util::future::join_all(attempts).await {
        outcomes.push(answer.expect("an answer").status().as_u16());
    }
    outcomes.sort_unstable();
    assert_eq!(outcomes[0], 201);
    assert!(outcomes[1..].iter().all(|status| *status == 409), "{outcomes:?}");
    let again = json!({"username": "other", "email": "eve0@example.org", "password": "correct horse"});
    let status = app.post("/api/v1/auth/register", again).send().await.expect("an answer").status();
    assert!(
        status == StatusCode::CREATED || status == StatusCode::CONFLICT,
        "a refused name frees its address"
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_an_unknown_name_read_alike() {
    let app = TestApp::start().await;
    app.register("ada").await;
    let mut bodies = Vec::new();
    for (username, password) in [("ada", "wrong horse"), ("nobody", "wrong horse")] {
        let body = json!({"username": username, "password": password});
        let response = app.post("/api/v1/auth/login", body).send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        let mut body: Value = response.json().await.expect("a problem");
        body["request_id"] = Value::Null;
        bodies.push(body);
    }
    assert_eq!(bodies[0], bodies[1]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reused_refresh_token_ends_its_family_after_the_grace() {
    let app = TestApp::start_with(&[("AUTH__REFRESH_GRACE_S", "1")]).await;
    let ada = app.register("ada").await;
    let refresh = async |token: &str| {
        let body = json!({ "refresh_token": token });
        app.post("/api/v1/auth/refresh", body).send().await.expect("an answer")
    };
    let first: Value = refresh(&ada.refresh_token).await.json().await.expect("tokens");
    let again: Value = refresh(&ada.refresh_token).await.json().await.expect("tokens");
    assert_eq!(first["refresh_token"], again["refresh_token"], "the answer may have been lost");
    let successor = first["refresh_token"].as_str().expect("a token").to_owned();
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    assert_eq!(problem(refresh(&ada.refresh_token).await).await, (401, "refresh_refused".into()));
    assert_eq!(
        problem(refresh(&successor).await).await,
        (401, "refresh_refused".into()),
        "the family has ended"
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_makes_an_admin_and_no_later_one_does() {
    let app = TestApp::start().await;
    let (name, password) = app.admin();
    let admin = app.login(&name, &password).await;
    let tree: Value = app
        .get("/api/v1/admin/actors")
        .bearer_auth(&admin.token)
        .send()
        .await
        .expect("it")
        .json()
        .await
        .expect("it");
    assert!(tree["items"].is_array());
    let ada = app.register("ada").await;
    let refused = app.get("/api/v1/admin/actors").bearer_auth(&ada.token).send().await.expect("an answer");
    assert_eq!(problem(refused).await, (403, "forbidden".into()));
    let app = app.restart().await;
    app.login(&name, &password).await;
    app.login("ada", "correct horse").await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_makes_many_accounts_in_one_call_and_nobody_else_does() {
    let app = TestApp::start().await;
    let (name, password) = app.admin();
    let (admin, ada) = (app.login(&name, &password).await, app.register("ada").await);
    let make = |token: &str, body: Value| {
        app.request(Method::POST, "/api/v1/admin/users/bulk").bearer_auth(token).json(&body).send()
    };
    let some = json!({"count": 30, "prefix": "crowd"});
    let made = make(&admin.token, some.clone()).await.expect("an answer");
    assert_eq!(made.status(), 201);
    let made: Value = made.json().await.expect("it");
    let items = made["items"].as_array().expect("a list");
    assert_eq!((items.len(), &items[29]["user"]["username"]), (30, &json!("crowd-29")));
    let token = items[7]["access_token"].as_str().expect("a token");
    let me: Value =
        app.get("/api/v1/me").bearer_auth(token).send().await.expect("it").json().await.expect("it");
    assert_eq!(me["username"], json!("crowd-7"));
    for (token, body, refused) in [
        (&ada.token, some.clone(), (403, "forbidden")),
        (&admin.token, some, (409, "username_taken")),
        (&admin.token, json!({"count": 0, "prefix": "x"}), (422, "invalid")),
        (&admin.token, json!({"count": 1, "prefix": "no name"}), (422, "invalid")),
    ] {
        let answer = make(token, body).await.expect("an answer");
        assert_eq!(problem(answer).await, (refused.0, refused.1.into()));
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_refused_with_a_document_and_changes_nothing() {
    let app = TestApp::start().await;
    let ada = app.register("ada").await;
    let channel = ada.user["channel_id"].as_str().expect("a channel").to_owned();
    let register = |body: &'static str| {
        app.request(Method::POST, "/api/v1/auth/register")
            .header("content-type", "application/json")
            .body(body)
    };
    let long = "x".repeat(2 << 20);
    for (request, expected) in [
        (register("{"), (400, "malformed")),
        (register("{}"), (422, "invalid")),
        (register(r#"{"username":"a","email":"a@b.c","password":"correct horse"}"#), (422, "invalid")),
        (register(r#"{"username":"bob","email":"b","password":"correct horse"}"#), (422, "invalid")),
        (register(r#"{"username":"bob","email":"a@b.c","password":"short"}"#), (422, "invalid")),
        (app.request(Method::POST, "/api/v1/auth/register").body("x"), (415, "unsupported_media_type")),
        (
            app.request(Method::POST, "/api/v1/auth/login")
                .header("content-type", "application/json")
                .body(long),
            (413, "too_large"),
        ),
        (app.get("/api/v1/me"), (401, "unauthenticated")),
        (app.get("/api/v1/me").bearer_auth("nonsense"), (401, "unauthenticated")),
        (app.get("/api/v1/nothing"), (404, "not_found")),
        (app.get("/api/v1/videos/..%2f..%2fetc"), (404, "not_found")),
        (app.get("/api/v1/videos?limit=0"), (422, "invalid")),
        (app.get("/api/v1/videos?limit=101"), (422, "invalid")),
        (app.get("/api/v1/videos?limit=x"), (422, "invalid")),
        (app.get("/api/v1/videos?cursor=%00"), (422, "invalid")),
        (app.request(Method::PUT, "/api/v1/auth/login"), (405, "method_not_allowed")),
        (
            app.request(Method::PATCH, &format!("/api/v1/channels/{channel}"))
                .bearer_auth(&ada.token)
                .json(&json!({"avatar_color": "red"})),
            (422, "invalid"),
        ),
    ] {
        let response = request.send().await.expect("an answer");
        let url = response.url().clone();
        assert_eq!(problem(response).await, (expected.0, expected.1.to_owned()), "{url}");
    }
    let unchanged: Value =
        app.get("/api/v1/me").bearer_auth(&ada.token).send().await.expect("it").json().await.expect("it");
    assert_eq!(unchanged, ada.user);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_are_edited_by_their_owner_and_counted_by_their_subscribers() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.register("ada").await, app.register("bob").await);
    let path = format!("/api/v1/channels/{}", ada.user["channel_id"].as_str().expect("a channel"));
    let patch =
        |token: &str, body: Value| app.request(Method::PATCH, &path).bearer_auth(token).json(&body).send();
    let refused = patch(&bob.token, json!({"title": "Mine"})).await.expect("an answer");
    assert_eq!(problem(refused).await, (403, "forbidden".into()));
    let taken = patch(&ada.token, json!({"handle": "bob"})).await.expect("an answer");
    assert_eq!(problem(taken).await, (409, "handle_taken".into()));
    let changed: Value = patch(&ada.token, json!({"title": "Engines", "handle": "engines"}))
        .await
        .expect("an answer")
        .json()
        .await
        .expect("a channel");
    assert_eq!((&changed["title"], &changed["handle"]), (&json!("Engines"), &json!("engines")));
    let subscription = format!("{path}/subscription");
    for (method, person, subscribers) in [
        (Method::PUT, &bob, 1),
        (Method::PUT, &bob, 1),
        (Method::PUT, &ada, 2),
        (Method::DELETE, &bob, 1),
        (Method::DELETE, &bob, 1),
    ] {
        let request = app.request(method, &subscription).bearer_auth(&person.token);
        let channel: Value = request.send().await.expect("an answer").json().await.expect("a channel");
        assert_eq!(channel["subscribers"], subscribers);
    }
    let app = app.restart().await;
    let channel: Value =
        app.get(&path).bearer_auth(&ada.token).send().await.expect("it").json().await.expect("it");
    assert_eq!((&channel["subscribers"], &channel["subscribed"]), (&json!(1), &json!(true)));
    app.stop().await;
}
