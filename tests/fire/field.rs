//! The place of a run: where the program answers, what everybody there knows, and what is said first and last.

use std::{collections::BTreeSet, net::SocketAddr};

use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    diary::{Ack, Diary},
    ground::Ground,
    intent::{HOT, Intent, POLL_OPTIONS},
    observer::{LAST_WORDS, Observer, Record},
};

/// What all who act share.
pub struct Field {
    pub seed: u64,
    pub addr: SocketAddr,
    pub ground: Ground,
    /// The poll that is open where everybody is.
    pub poll: String,
    /// Nobody begins anything new.
    pub over: CancellationToken,
    pub record: Record,
    /// All who watch lose their connections at once, and come back at once.
    pub storms: watch::Sender<usize>,
    /// Whether what is behind the address may do what it was asked for after it was asked for something else.
    pub lingers: bool,
    client: Client,
}

impl Field {
    pub fn new(seed: u64, addr: SocketAddr, ground: Ground, poll: String) -> Self {
        Self {
            seed,
            addr,
            ground,
            poll,
            over: CancellationToken::new(),
            record: Record::default(),
            storms: watch::Sender::new(0),
            lingers: false,
            client: Client::new(),
        }
    }

    pub fn request(&self, method: Method, path: &str, token: Option<&str>) -> RequestBuilder {
        let request = self.client.request(method, format!("http://{}/api/v1{path}", self.addr));
        match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }
}

/// The owner of the videos asks everybody something.
pub async fn open_poll(addr: SocketAddr, ground: &Ground) -> String {
    let options: Vec<String> = (0..POLL_OPTIONS).map(|number| format!("answer {number}")).collect();
    let url = format!("http://{addr}/api/v1/videos/{}/polls", ground.videos[HOT]);
    let request = Client::new().post(url).bearer_auth(&ground.users[0].token);
    let answer =
        request.json(&json!({"question": "which?", "options": options})).send().await.expect("an answer");
    let poll: Value = answer.json().await.expect("a poll");
    poll["id"].as_str().expect("an id").to_owned()
}

/// One last comment in every room that is observed, so that observers know when they have seen everything.
pub async fn say_last_words(observers: usize, field: &Field, diary: &mut Diary) {
    let rooms: BTreeSet<usize> = (0..observers).flat_map(|number| Observer::rooms(field, number)).collect();
    for video in rooms {
        let intent = Intent::Comment { video, text: LAST_WORDS.into(), key: None };
        diary.attempt(&intent);
        let url = format!("http://{}/api/v1/videos/{}/comments", field.addr, field.ground.videos[video]);
        let request = Client::new().post(url).bearer_auth(&field.ground.users[0].token);
        let answer = request.json(&json!({"text": LAST_WORDS})).send().await.expect("an answer");
        let comment: Value = answer.json().await.expect("a comment");
        let text = |name: &str| comment[name].as_str().unwrap_or_default().to_owned();
        diary.acknowledge(&intent, Ack::Comment { id: text("id"), text: text("text") });
    }
}
