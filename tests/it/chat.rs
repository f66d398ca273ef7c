//! The talk in a room as programs meet it: REST and sockets side by side, one rule for both, and all of it after a
//! restart.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt, future::join_all};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

use crate::support::{Person, TestApp, problem};

const DEADLINE: Duration = Duration::from_secs(20);

/// A socket that has joined a room.
struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    async fn join(app: &TestApp, who: &Person, room: &str) -> Self {
        let url = app.url.replace("http", "ws");
        let url = format!("{url}/api/v1/ws?access_token={}", who.token);
        let (socket, _) = connect_async(url).await.expect("an upgrade");
        let mut socket = Self(socket);
        let joined = socket.ask(json!({"op": "join", "room": room})).await;
        assert!(joined["ok"].is_object(), "{joined}");
        socket
    }

    async fn hear(&mut self) -> Value {
        loop {
            let message = timeout(DEADLINE, self.0.next()).await.expect("something in time");
            if let Message::Text(text) = message.expect("an open socket").expect("a frame") {
                return serde_json::from_str(&text).expect("JSON");
            }
        }
    }

    /// The answer; events on the way are passed over.
    async fn ask(&mut self, mut request: Value) -> Value {
        request["id"] = json!(1);
        self.0.send(Message::text(request.to_string())).await.expect("an open socket");
        loop {
            let heard = self.hear().await;
            if heard["re"] == json!(1) {
                return heard;
            }
        }
    }

    async fn event(&mut self, kind: &str) -> Value {
        loop {
            let heard = self.hear().await;
            if heard["ev"] == json!(kind) {
                return heard;
            }
        }
    }
}

async fn video(app: &TestApp, owner: &Person) -> String {
    app.upload(owner, b"no video at all".to_vec(), "public").await["id"].as_str().expect("an id").to_owned()
}

fn id_of(who: &Person) -> &str {
    who.user["id"].as_str().expect("an id")
}

async fn body(request: RequestBuilder, expected: StatusCode) -> Value {
    let response = request.send().await.expect("an answer");
    let (status, text) = (response.status(), response.text().await.expect("a body"));
    assert_eq!(status, expected, "{text}");
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

async fn refusal(request: RequestBuilder) -> (u16, String) {
    problem(request.send().await.expect("an answer")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_comment_sent_five_times_over_two_sockets_and_rest_is_one() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.register("ada").await, app.register("bob").await);
    let room = video(&app, &ada).await;
    let (mut one, mut two) = (Socket::join(&app, &bob, &room).await, Socket::join(&app, &bob, &room).await);
    let say = json!({"op": "comment", "room": room, "text": "once", "key": "k-1"});
    let post = || {
        app.post(&format!("/api/v1/videos/{room}/comments"), json!({"text": "once"}))
            .bearer_auth(&bob.token)
            .header("idempotency-key", "k-1")
    };
    let over_rest = async {
        let first = body(post(), StatusCode::CREATED).await;
        [first["id"].clone(), body(post(), StatusCode::CREATED).await["id"].clone()]
    };
    let over_one = async { one.ask(say.clone()).await["ok"]["comment"]["id"].clone() };
    let over_two = async {
        let first = two.ask(say.clone()).await["ok"]["comment"]["id"].clone();
        [first, two.ask(say.clone()).await["ok"]["comment"]["id"].clone()]
    };
    let (rest, one, two) = tokio::join!(over_rest, over_one, over_two);
    let ids: Vec<&Value> = rest.iter().chain([&one]).chain(&two).collect();
    assert_eq!(ids.len(), 5);
    assert!(ids[0].is_string() && ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let app = app.restart().await;
    let list = body(app.get(&format!("/api/v1/videos/{room}/comments")), StatusCode::OK).await;
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1));
    // Of another account it is another comment.
    let other = app.post(&format!("/api/v1/videos/{room}/comments"), json!({"text": "once"}));
    let other = other.bearer_auth(&ada.token).header("idempotency-key", "k-1");
    assert_ne!(body(other, StatusCode::CREATED).await["id"], *ids[0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_hold_over_rest_and_sockets_and_after_a_restart() {
    let app = TestApp::start().await;
    let (ada, bob, mona) = (app.register("ada").await, app.register("bob").await, app.register("mona").await);
    let room = video(&app, &ada).await;
    let path = |rest: &str| format!("/api/v1/videos/{room}/{rest}");
    let put = |rest: &str, who: &Person, body: Value| {
        app.request(Method::PUT, &path(rest)).bearer_auth(&who.token).json(&body)
    };
    // Mona moderates once Ada's channel has appointed her.
    let slow = json!({"slow_mode_s": 3600});
    assert_eq!(refusal(put("chat/slow-mode", &mona, slow.clone())).await, (403, "forbidden".into()));
    let channel = ada.user["channel_id"].as_str().expect("an id");
    let appoint = |who: &Person| {
        let path = format!("/api/v1/channels/{channel}/moderators/{}", id_of(&mona));
        app.request(Method::PUT, &path).bearer_auth(&who.token)
    };
    assert_eq!(refusal(appoint(&mona)).await, (403, "forbidden".into()));
    body(appoint(&ada), StatusCode::NO_CONTENT).await;
    let listed = app.get(&format!("/api/v1/channels/{channel}/moderators")).bearer_auth(&ada.token);
    assert_eq!(body(listed, StatusCode::OK).await["items"][0]["username"], "mona");

    let say = |app: &TestApp, who: &Person, text: &str| {
        app.post(&path("comments"), json!({"text": text, "at_ms": 1_000})).bearer_auth(&who.token)
    };
    assert_eq!(body(put("chat/slow-mode", &mona, slow), StatusCode::OK).await["slow_mode_s"], 3600);
    let said = body(say(&app, &bob, "hello @mona"), StatusCode::CREATED).await;
    let refused = say(&app, &bob, "again").send().await.expect("an answer");
    assert!(refused.headers().contains_key("retry-after"));
    let wait: Value = refused.json().await.expect("a problem");
    assert_eq!((&wait["code"], &wait["status"]), (&json!("slow_mode"), &json!(429)));
    assert!(wait["retry_after_ms"].as_u64().is_some_and(|wait| (3_500_000..=3_600_000).contains(&wait)));
    let pinned = put("chat/pin", &mona, json!({"comment_id": said["id"]}));
    assert_eq!(body(pinned, StatusCode::OK).await["pinned"]["text"], "hello @mona");
    let silence = put(&format!("time-outs/{}", id_of(&bob)), &mona, json!({"duration_s": 600}));
    assert_eq!(body(silence, StatusCode::OK).await["removed"], 0);

    let app = app.restart().await;
    let view = |app: &TestApp, who: &Person| app.get(&path("chat")).bearer_auth(&who.token);
    let seen = body(view(&app, &bob), StatusCode::OK).await;
    assert_eq!((&seen["slow_mode_s"], &seen["moderator"]), (&json!(3600), &json!(false)));
    assert!(
        seen["timed_out_until"].is_string() && seen["emoji"].as_array().is_some_and(|list| list.len() == 8)
    );
    assert_eq!(seen["pinned"]["id"], said["id"]);
    assert_eq!(body(view(&app, &mona), StatusCode::OK).await["moderator"], true);
    assert_eq!(refusal(say(&app, &bob, "again")).await, (403, "timed_out".into()));
    let mut socket = Socket::join(&app, &bob, &room).await;
    let refused = socket.ask(json!({"op": "comment", "room": room, "text": "again"})).await;
    assert_eq!(refused["problem"]["code"], "timed_out");
    let time_out = |app: &TestApp, method: Method| {
        app.request(method, &path(&format!("time-outs/{}", id_of(&bob)))).bearer_auth(&mona.token)
    };
    body(time_out(&app, Method::DELETE), StatusCode::NO_CONTENT).await;
    assert_eq!(socket.event("notice").await["data"]["until"], Value::Null);
    assert_eq!(refusal(say(&app, &bob, "again")).await, (429, "slow_mode".into()));
    let all = time_out(&app, Method::PUT).json(&json!({"duration_s": 60, "remove_comments": true}));
    assert_eq!(body(all, StatusCode::OK).await["removed"], 1);
    assert_eq!(socket.event("removed").await["ids"], json!([said["id"]]));
    assert_eq!(body(view(&app, &ada), StatusCode::OK).await["pinned"], Value::Null);
    let dismissed = format!("/api/v1/channels/{channel}/moderators/{}", id_of(&mona));
    let dismissed = app.request(Method::DELETE, &dismissed).bearer_auth(&ada.token);
    body(dismissed, StatusCode::NO_CONTENT).await;
    assert_eq!(body(view(&app, &mona), StatusCode::OK).await["moderator"], false);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mention_reaches_whoever_is_called_and_a_poll_counts_each_once() {
    let app = TestApp::start().await;
    let people = join_all(["ada", "bob", "eve"].map(|name| app.register(name))).await;
    let [ada, bob, eve] = &people[..] else { panic!("three people") };
    let (room, other) = (video(&app, ada).await, video(&app, ada).await);
    let mut elsewhere = Socket::join(&app, bob, &other).await;
    let say = app.post(&format!("/api/v1/videos/{room}/comments"), json!({"text": "@bob, look"}));
    let said = body(say.bearer_auth(&eve.token), StatusCode::CREATED).await;
    let notice = loop {
        let notice = elsewhere.event("notice").await;
        if notice["kind"] == "mention" {
            break notice;
        }
    };
    assert_eq!(notice["data"]["comment"], said);

    let path = format!("/api/v1/videos/{room}/polls");
    let ask = || app.post(&path, json!({"question": "Tea?", "options": ["yes", "no"]}));
    assert_eq!(refusal(ask().bearer_auth(&bob.token)).await, (403, "forbidden".into()));
    let keyed = || ask().bearer_auth(&ada.token).header("idempotency-key", "p");
    let poll = body(keyed(), StatusCode::CREATED).await;
    assert_eq!(body(keyed(), StatusCode::CREATED).await["id"], poll["id"]);
    assert_eq!(refusal(ask().bearer_auth(&ada.token)).await, (409, "conflict".into()));
    let mut socket = Socket::join(&app, bob, &room).await;
    let one = format!("{path}/{}", poll["id"].as_str().expect("an id"));
    let vote = |who: &Person, option: u32| {
        let request = app.request(Method::PUT, &format!("{one}/vote")).bearer_auth(&who.token);
        request.json(&json!({"option": option}))
    };
    body(vote(bob, 0), StatusCode::OK).await;
    body(vote(eve, 0), StatusCode::OK).await;
    assert_eq!(refusal(vote(eve, 2)).await, (422, "invalid".into()));
    let changed = json!({"op": "vote", "room": room, "poll_id": poll["id"], "option": 1});
    let changed = socket.ask(changed).await["ok"]["poll"].clone();
    assert_eq!(changed["options"], json!([{"text": "yes", "votes": 1}, {"text": "no", "votes": 1}]));
    let app = app.restart().await;
    let seen = body(app.get(&one).bearer_auth(&bob.token), StatusCode::OK).await;
    assert_eq!((&seen["votes"], &seen["vote"], &seen["open"]), (&json!(2), &json!(1), &json!(true)));
    let close = app.post(&format!("{one}/close"), json!({})).bearer_auth(&ada.token);
    let closed = body(close, StatusCode::OK).await;
    assert_eq!((&closed["open"], &closed["options"]), (&json!(false), &changed["options"]));
    let late = app.request(Method::PUT, &format!("{one}/vote")).bearer_auth(&eve.token);
    assert_eq!(refusal(late.json(&json!({"option": 1}))).await, (409, "poll_closed".into()));
    let listed = body(app.get(&path), StatusCode::OK).await;
    assert_eq!(listed["items"], json!([closed]));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_minute_of_the_timeline_is_one_answer_that_is_right_after_edits_and_removals() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.register("ada").await, app.register("bob").await);
    let room = video(&app, &ada).await;
    let say = async |text: &str, at_ms: u64| {
        let body_ = json!({"text": text, "at_ms": at_ms});
        let request = app.post(&format!("/api/v1/videos/{room}/comments"), body_).bearer_auth(&bob.token);
        body(request, StatusCode::CREATED).await
    };
    let path = format!("/api/v1/videos/{room}/comments/timeline/0");
    let empty = body(app.get(&path), StatusCode::OK).await;
    assert_eq!(
        (&empty["from_ms"], &empty["to_ms"], &empty["items"]),
        (&json!(0), &json!(59_999), &json!([]))
    );
    let (second, first) = (say("second", 2_000).await, say("first", 0).await);
    say("next minute", 60_000).await;
    // Pointers follow the comment; the last one is there when its window is.
    let ready = async || {
        let next = app.get(&format!("/api/v1/videos/{room}/comments/timeline/1"));
        body(next, StatusCode::OK).await["items"].as_array().is_some_and(|items| items.len() == 1)
    };
    timeout(DEADLINE, async { while !ready().await {} }).await.expect("in time");
    let whole = app.get(&path).send().await.expect("an answer");
    assert_eq!(whole.headers()["cache-control"], "public, max-age=5, must-revalidate");
    let etag = whole.headers()["etag"].clone();
    let whole: Value = whole.json().await.expect("a window");
    assert_eq!(whole["items"], json!([first, second]));
    let again = || app.get(&path).header("if-none-match", etag.clone());
    assert_eq!(again().send().await.expect("an answer").status(), StatusCode::NOT_MODIFIED);

    let comment = |comment: &Value| format!("/api/v1/comments/{}", comment["id"].as_str().expect("an id"));
    let edit = app.request(Method::PATCH, &comment(&second)).bearer_auth(&bob.token);
    body(edit.json(&json!({"text": "2nd"})), StatusCode::OK).await;
    assert_eq!(body(again(), StatusCode::OK).await["items"][1]["text"], "2nd");
    let remove = app.request(Method::DELETE, &comment(&first)).bearer_auth(&ada.token);
    body(remove, StatusCode::NO_CONTENT).await;
    let left = body(again(), StatusCode::OK).await;
    assert_eq!(left["items"].as_array().map(Vec::len), Some(1));

    let hidden = app.request(Method::PATCH, &format!("/api/v1/videos/{room}")).bearer_auth(&ada.token);
    body(hidden.json(&json!({"visibility": "private"})), StatusCode::OK).await;
    assert_eq!(refusal(again()).await, (404, "not_found".into()));
    let own = app.get(&path).bearer_auth(&ada.token).send().await.expect("an answer");
    assert_eq!(own.headers()["cache-control"], "private, no-cache");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_call_is_for_those_whose_it_is() {
    let app = TestApp::start().await;
    let people = join_all(["owner", "mona", "bob", "eve"].map(|name| app.register(name))).await;
    let [owner, mona, bob, eve] = &people[..] else { panic!("four people") };
    let (name, password) = app.admin();
    let admin = app.login(&name, &password).await;
    let channel = owner.user["channel_id"].as_str().expect("an id");
    let appoint = format!("/api/v1/channels/{channel}/moderators/{}", id_of(mona));
    body(app.request(Method::PUT, &appoint).bearer_auth(&owner.token), StatusCode::NO_CONTENT).await;
    let room = video(&app, owner).await;
    let path = |rest: &str| format!("/api/v1/videos/{room}/{rest}");
    let bobs = path(&format!("time-outs/{}", id_of(bob)));
    for (who, may) in
        [(Some(owner), true), (Some(mona), true), (Some(&admin), true), (Some(eve), false), (None, false)]
    {
        let said = app.post(&path("comments"), json!({"text": "words"})).bearer_auth(&bob.token);
        let said = body(said, StatusCode::CREATED).await["id"].as_str().expect("an id").to_owned();
        let call = |method: Method, path: &str, body: Value| {
            let request = app.request(method, path).json(&body);
            match who {
                Some(who) => request.bearer_auth(&who.token),
                None => request,
            }
        };
        let calls = [
            (call(Method::PUT, &path("chat/slow-mode"), json!({"slow_mode_s": 0})), 200),
            (call(Method::PUT, &path("chat/pin"), json!({"comment_id": said})), 200),
            (call(Method::DELETE, &path("chat/pin"), json!({})), 200),
            (call(Method::PUT, &bobs, json!({"duration_s": 60})), 200),
            (call(Method::GET, &path("time-outs"), json!({})), 200),
            (call(Method::DELETE, &bobs, json!({})), 204),
            (call(Method::DELETE, &format!("/api/v1/comments/{said}"), json!({})), 204),
            (call(Method::POST, &path("polls"), json!({"question": "Tea?", "options": ["yes", "no"]})), 201),
        ];
        let refused = if who.is_some() { 403 } else { 401 };
        for (number, (call, status)) in calls.into_iter().enumerate() {
            let answer = call.send().await.expect("an answer").status().as_u16();
            let name = who.map(|who| who.user["username"].clone());
            assert_eq!(answer, if may { status } else { refused }, "call {number} of {name:?}");
        }
        if may {
            let polls = body(app.get(&path("polls")), StatusCode::OK).await;
            let poll = path(&format!("polls/{}/close", polls["items"][0]["id"].as_str().expect("an id")));
            body(call(Method::POST, &poll, json!({})), StatusCode::OK).await;
        }
    }
    // Only its owner and administrators appoint for a channel.
    for (who, status) in [(mona, 403), (eve, 403), (owner, 204), (&admin, 204)] {
        let answer = app.request(Method::PUT, &appoint).bearer_auth(&who.token).send().await;
        assert_eq!(answer.expect("an answer").status().as_u16(), status);
    }
    app.stop().await;
}
