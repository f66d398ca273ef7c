//! A server whose Redis goes away and comes back: nobody who is connected to it notices more than that notices stop.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

use crate::{
    bus_suite::PATIENCE,
    redis::Service,
    support::{Person, TestApp},
};

struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    async fn join(app: &TestApp, who: &Person, room: &str) -> Self {
        let url = format!("{}/api/v1/ws?access_token={}", app.url.replace("http", "ws"), who.token);
        let (socket, _) = connect_async(url).await.expect("an upgrade");
        let mut socket = Self(socket);
        let join = json!({"op": "join", "room": room, "id": 1});
        socket.0.send(Message::text(join.to_string())).await.expect("an open socket");
        socket.hear(|heard| heard["re"] == 1 && heard["ok"].is_object()).await;
        socket
    }

    async fn hear(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = timeout(PATIENCE, self.0.next()).await.expect("something in time");
            if let Message::Text(text) = message.expect("an open socket").expect("a frame") {
                let heard = serde_json::from_str(&text).expect("JSON");
                if is_it(&heard) {
                    return heard;
                }
            }
        }
    }
}

/// The status and how long it took to be said.
async fn readiness(app: &TestApp) -> (StatusCode, Value, Duration) {
    let asked = Instant::now();
    let answer = app.get("/health/ready").send().await.expect("an answer");
    (answer.status(), answer.json().await.expect("JSON"), asked.elapsed())
}

async fn until_ready(app: &TestApp, status: &str) {
    let until = Instant::now() + PATIENCE;
    loop {
        let (code, said, _) = readiness(app).await;
        assert_eq!(code, StatusCode::OK, "it is not to be taken out of traffic: {said}");
        if said["status"] == status {
            return;
        }
        assert!(Instant::now() < until, "it never was {status}: {said}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn comment(app: &TestApp, who: &Person, room: &str, text: &str) -> Duration {
    let asked = Instant::now();
    let request = app.post(&format!("/api/v1/videos/{room}/comments"), json!({"text": text}));
    let answer = request.bearer_auth(&who.token).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::CREATED, "{text}");
    asked.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_stay_and_comments_are_durable_and_heard_while_redis_is_away() {
    let redis = Service::redis().await;
    let settings = [("BACKENDS__BUS", redis.uri("p")), ("LIMITS__ENABLED", "true".to_owned())];
    let settings = settings.each_ref().map(|(key, value)| (*key, value.as_str()));
    let app = TestApp::start_with(&settings).await;
    let (ada, bob) = (app.register("ada").await, app.register("bob").await);
    let room = app.upload(&ada, b"no video at all".to_vec(), "public").await["id"].clone();
    let room = room.as_str().expect("an id");
    let mut socket = Socket::join(&app, &bob, room).await;
    until_ready(&app, "ok").await;
    let mut said = Vec::new();
    for way in ["paused", "killed"] {
        match way {
            "paused" => redis.pause(),
            _ => redis.kill().await,
        }
        for number in 0..10 {
            let text = format!("@bob, it is {way}, {number}");
            let took = comment(&app, &ada, room, &text).await;
            assert!(took < Duration::from_secs(2), "a comment took {took:?} with Redis {way}");
            socket.hear(|heard| heard.to_string().contains(&text)).await;
            said.push(text);
        }
        until_ready(&app, "degraded").await;
        let (_, checks, took) = readiness(&app).await;
        assert!(took < Duration::from_secs(1), "{took:?} to say {checks}");
        match way {
            "paused" => redis.resume(),
            _ => redis.go_on().await,
        }
        until_ready(&app, "ok").await;
        comment(&app, &ada, room, &format!("@bob, it is back after it was {way}")).await;
        socket.hear(|heard| heard["ev"] == "notice" && heard["kind"] == "mention").await;
    }
    let app = app.restart_with(&settings).await;
    let listed =
        app.get(&format!("/api/v1/videos/{room}/comments?limit=50")).send().await.expect("an answer");
    let listed = listed.text().await.expect("comments");
    assert!(said.iter().all(|text| listed.contains(text)), "{listed}");
    app.stop().await;
}
