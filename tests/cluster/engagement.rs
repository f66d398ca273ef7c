//! Two servers on one store: what people do at either is there once, and it outlives both.

use std::{path::Path, sync::Arc};

use futures_util::future::join_all;
use playhouse::{
    app::{App, Surroundings},
    backends::{
        store::{self, Store, tables},
        tallies::Tallies,
    },
    config::Config,
    domain::{
        clock::{Clock, SystemClock, Timestamp},
        ids::{ChannelId, UserId, VideoId},
        tally::{Kind, TallyKey},
    },
};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::{cassandra, ready_video::ready_video, store::fresh};

struct Server {
    app: App,
    url: String,
    folder: tempfile::TempDir,
}

impl Server {
    async fn start(store: &str, key_file: &Path, folder: tempfile::TempDir) -> Self {
        let settings = [
            ("SERVER__LISTEN", "127.0.0.1:0"),
            ("SERVER__KEY_FILE", &key_file.to_string_lossy()),
            ("SERVER__DATA_DIR", &folder.path().to_string_lossy()),
            ("BACKENDS__STORE", store),
            ("LIMITS__ENABLED", "false"),
            ("AUTH__ARGON2_MEMORY_KIB", "8192"),
            ("AUTH__ARGON2_ITERATIONS", "1"),
        ]
        .map(|(key, value)| (format!("PLAYHOUSE__{key}"), value.to_owned()));
        let config = Config::load(None, settings.into_iter()).unwrap();
        let program = env!("CARGO_BIN_EXE_playhouse").into();
        let surroundings = Surroundings { clock: Arc::new(SystemClock), program, children: Vec::new() };
        let app = App::start(config, surroundings).await.unwrap();
        let url = format!("http://{}/api/v1", app.addr());
        Self { app, url, folder }
    }

    async fn restart(self, store: &str, key_file: &Path) -> Self {
        self.app.stop().await;
        Self::start(store, key_file, self.folder).await
    }

    /// A token of somebody new.
    async fn register(&self, name: &str) -> String {
        let body =
            json!({"username": name, "email": format!("{name}@example.org"), "password": "correct horse"});
        let (status, told) = self.ask(Method::POST, "/auth/register", "", body).await;
        assert_eq!(status, StatusCode::CREATED, "{told}");
        told["access_token"].as_str().unwrap().to_owned()
    }

    async fn ask(&self, method: Method, path: &str, token: &str, body: Value) -> (StatusCode, Value) {
        let request = Client::new().request(method, format!("{}{path}", self.url)).json(&body);
        let request = if token.is_empty() { request } else { request.bearer_auth(token) };
        let response = request.send().await.unwrap();
        (response.status(), response.json().await.unwrap_or_default())
    }
}

/// A public video that need not play.
async fn video(store: &Store) -> VideoId {
    let now = SystemClock.now();
    let video_id = VideoId::new(now);
    let (owner_id, channel_id) = (UserId::new(Timestamp(1)), ChannelId::new(Timestamp(1)));
    let row = ready_video(video_id.clone(), owner_id, channel_id, now);
    store.put(row).await.unwrap();
    video_id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reactions_at_two_servers_are_counted_once_a_person_and_comments_outlive_a_restart() {
    const PEOPLE: usize = 12;
    let uri = fresh(&[cassandra::shared().contact()], 1, tables::ALL).await;
    let store = store::open(&uri, "".as_ref(), Arc::new(SystemClock)).await.unwrap();
    let video = video(&store).await;
    let shared = tempfile::tempdir().unwrap();
    let key_file = shared.path().join("seed");
    let mut servers = Vec::new();
    for _ in 0..2 {
        servers.push(Server::start(&uri, &key_file, tempfile::tempdir().unwrap()).await);
    }
    let mut people = Vec::new();
    for number in 0..PEOPLE {
        people.push(servers[number % 2].register(&format!("person{number}")).await);
    }
    let path = format!("/videos/{video}/reaction");
    // Not always where they got their token.
    let react = async |number: usize, reaction: &str| {
        let server = &servers[number / 2 % 2];
        let answer = server.ask(Method::PUT, &path, &people[number], json!({"reaction": reaction}));
        let (status, told) = answer.await;
        assert_eq!((status, &told["reaction"]), (StatusCode::OK, &json!(reaction)), "{told}");
    };
    // Everyone likes twice; every third then thinks better of it.
    for _ in 0..2 {
        join_all((0..PEOPLE).map(|number| react(number, "like"))).await;
    }
    join_all((0..PEOPLE).step_by(3).map(|number| react(number, "dislike"))).await;
    let recount = Tallies::new(store.clone()).recount(&TallyKey::new(Kind::Reaction, &video)).await.unwrap();
    assert_eq!(recount.stored, recount.counted);
    assert_eq!((recount.stored.of(1), recount.stored.of(2)), (8, 4));

    let path = format!("/videos/{video}/comments");
    let comment = async |text: &str| {
        let (status, told) = servers[0].ask(Method::POST, &path, &people[0], json!({"text": text})).await;
        assert_eq!(status, StatusCode::CREATED, "{told}");
    };
    for text in ["first", "second", "third"] {
        comment(text).await;
    }
    let other = servers.pop().unwrap();
    let server = servers.pop().unwrap().restart(&uri, &key_file).await;
    for server in [&server, &other] {
        let (_, list) = server.ask(Method::GET, &path, "", json!(null)).await;
        let texts: Vec<&Value> = list["items"].as_array().unwrap().iter().map(|item| &item["text"]).collect();
        assert_eq!(texts, ["third", "second", "first"]);
    }
    server.app.stop().await;
    other.app.stop().await;
    store.close().await.unwrap();
}
