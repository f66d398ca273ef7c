//! One person: a socket and REST, one intent after the other, at their own pace. An intent whose answer was lost is
//! asked for again as its diary says, over whichever way comes next.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures_util::{SinkExt, StreamExt};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Message, client::IntoClientRequest},
};

use crate::{
    diary::{Ack, Diary},
    driver::Field,
    ground::User,
    intent::{HOT, Intent, Intents, Wanted},
    served::random::Random,
};

/// How long an answer may take while the program runs.
const ANSWER_MAX: Duration = Duration::from_secs(15);
/// Between two attempts while it is down.
const PAUSE: Duration = Duration::from_millis(20);

/// How an attempt went.
pub enum Outcome {
    Done(Ack),
    /// What was to be changed is not there.
    Gone,
    /// Nobody knows.
    Unknown,
    /// Something that must not happen.
    Refused(String),
}

pub struct Person {
    field: Arc<Field>,
    user: User,
    intents: Intents,
    ways: Random,
    socket: Option<Socket>,
    /// Whether they sit in the room that everybody is interested in; to most, REST is enough.
    sits_in_hot: bool,
    diary: Diary,
}

impl Person {
    pub fn new(field: Arc<Field>, number: usize) -> Self {
        let ground = &field.ground;
        let user = ground.users[number].clone();
        let intents = Intents::new(field.seed, number, ground.videos.len(), ground.channels.len());
        let ways = Random::new(field.seed.wrapping_add(0x5EED).wrapping_mul(number as u64 + 1));
        let sits_in_hot = number.is_multiple_of(10);
        Self { field, user, intents, ways, socket: None, sits_in_hot, diary: Diary::default() }
    }

    /// Acts until the field is over, and until every answer that is to be had has been heard.
    pub async fn act(mut self, interval: Duration) -> Diary {
        let offset = interval.mul_f64(self.ways.below(1_000) as f64 / 1_000.0);
        let mut due = Instant::now() + offset;
        while !self.field.over.is_cancelled() {
            sleep_until(due).await;
            // Nobody makes up for the time the program was down.
            due = (due + interval).max(Instant::now().checked_sub(Duration::from_secs(1)).unwrap_or(due));
            let changeable = self.diary.changeable();
            let mut wanted = self.intents.next(changeable.len());
            if let Intent::Edit { comment, .. } | Intent::Remove { comment } = &mut wanted.intent {
                *comment = changeable[*comment];
            }
            self.pursue(wanted).await;
        }
        self.diary
    }

    async fn pursue(&mut self, Wanted { intent, again }: Wanted) {
        self.diary.attempt(&intent);
        let started = Instant::now();
        loop {
            match self.attempt(&intent).await {
                Outcome::Done(ack) => return self.diary.acknowledge(&intent, ack),
                // A removal whose answer was lost.
                Outcome::Gone if matches!(intent, Intent::Remove { .. }) => {
                    return self.diary.acknowledge(&intent, Ack::Nothing);
                }
                Outcome::Gone => return self.diary.wrong.push(format!("{intent:?}: it is not there")),
                Outcome::Refused(why) => return self.diary.wrong.push(format!("{intent:?}: {why}")),
                Outcome::Unknown if !again => break,
                Outcome::Unknown if started.elapsed() > 4 * ANSWER_MAX => {
                    return self.diary.wrong.push(format!("{intent:?}: no answer in a minute"));
                }
                Outcome::Unknown => sleep(PAUSE).await,
            }
        }
        self.diary.unheard += 1;
    }

    async fn attempt(&mut self, intent: &Intent) -> Outcome {
        match intent {
            Intent::React { video, .. } | Intent::View { video, .. } | Intent::Comment { video, .. }
                if (*video != HOT || self.sits_in_hot) && !self.ways.one_in(3) =>
            {
                self.over_socket(*video, intent).await
            }
            _ => self.over_rest(intent).await,
        }
    }

    async fn over_socket(&mut self, video: usize, intent: &Intent) -> Outcome {
        let answer = timeout(ANSWER_MAX, self.say(video, intent)).await;
        let Ok(Some(answer)) = answer else {
            self.socket = None;
            return Outcome::Unknown;
        };
        if let Some(code) = answer["problem"]["code"].as_str() {
            return match code {
                "unavailable" | "too_many" => Outcome::Unknown,
                _ => Outcome::Refused(answer.to_string()),
            };
        }
        let ok = &answer["ok"];
        match intent {
            Intent::Comment { .. } => Outcome::Done(comment(&ok["comment"])),
            Intent::View { .. } => Outcome::Done(Ack::Counted(ok["counted"] == json!(true))),
            _ => Outcome::Done(Ack::Reaction(text(&ok["reaction"]))),
        }
    }

    /// `None`: the socket is gone, or nobody answers.
    async fn say(&mut self, video: usize, intent: &Intent) -> Option<Value> {
        let room = self.field.ground.videos[video].clone();
        if self.socket.is_none() {
            self.socket = Some(Socket::connect(&self.field, Some(&self.user.token)).await?);
        }
        let socket = self.socket.as_mut()?;
        if !socket.joined.contains(&video) {
            let joined = socket.ask(json!({"op": "join", "room": room})).await?;
            if joined.get("problem").is_some() {
                return Some(joined);
            }
            socket.joined.insert(video);
        }
        let request = match intent {
            Intent::React { reaction, .. } => json!({"op": "react", "reaction": reaction.name()}),
            Intent::View { playback, .. } => json!({"op": "watch", "playback_id": playback,
                "position_ms": 10_000, "watched_ms": 10_000, "state": "playing"}),
            Intent::Comment { text, key, .. } => json!({"op": "comment", "text": text, "key": key}),
            other => unreachable!("{other:?} is not asked over a socket"),
        };
        let mut request = request;
        request["room"] = json!(room);
        socket.ask(request).await
    }

    async fn over_rest(&self, intent: &Intent) -> Outcome {
        let ground = &self.field.ground;
        let mut key = None;
        let (method, path, body) = match intent {
            Intent::React { video, reaction } => {
                let path = format!("/videos/{}/reaction", ground.videos[*video]);
                (Method::PUT, path, json!({"reaction": reaction.name()}))
            }
            Intent::View { video, playback } => {
                let path = format!("/videos/{}/views", ground.videos[*video]);
                (Method::POST, path, json!({"playback_id": playback, "watched_ms": 10_000}))
            }
            Intent::Subscribe { channel, wish } => {
                let path = format!("/channels/{}/subscription", ground.channels[*channel]);
                (if *wish { Method::PUT } else { Method::DELETE }, path, Value::Null)
            }
            Intent::Comment { video, text, key: own } => {
                key.clone_from(own);
                (Method::POST, format!("/videos/{}/comments", ground.videos[*video]), json!({"text": text}))
            }
            Intent::Edit { comment, text } => {
                (Method::PATCH, self.path_of_comment(*comment), json!({"text": text}))
            }
            Intent::Remove { comment } => (Method::DELETE, self.path_of_comment(*comment), Value::Null),
        };
        let mut request = self.field.request(method, &path, Some(&self.user.token));
        if !body.is_null() {
            request = request.json(&body);
        }
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        let Ok(answer) = request.timeout(ANSWER_MAX).send().await else { return Outcome::Unknown };
        let status = answer.status();
        let Ok(body) = answer.bytes().await else { return Outcome::Unknown };
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        match (status, intent) {
            (StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS, _) => Outcome::Unknown,
            (StatusCode::NOT_FOUND, _) => Outcome::Gone,
            (status, _) if !status.is_success() => Outcome::Refused(format!("{status} {body}")),
            (_, Intent::React { .. }) => Outcome::Done(Ack::Reaction(text(&body["reaction"]))),
            (_, Intent::View { .. }) => Outcome::Done(Ack::Counted(body["counted"] == json!(true))),
            (_, Intent::Comment { .. } | Intent::Edit { .. }) => Outcome::Done(comment(&body)),
            (_, Intent::Subscribe { .. } | Intent::Remove { .. }) => Outcome::Done(Ack::Nothing),
        }
    }

    fn path_of_comment(&self, number: usize) -> String {
        let id = self.diary.comments[number].id.as_ref().expect("only acknowledged comments are changed");
        format!("/comments/{id}")
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn comment(value: &Value) -> Ack {
    Ack::Comment { id: text(&value["id"]), text: text(&value["text"]) }
}

/// A socket that answers are awaited on, one after the other.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub joined: BTreeSet<usize>,
    next_id: u64,
}

impl Socket {
    /// `None` while the program is down.
    pub async fn connect(field: &Field, token: Option<&str>) -> Option<Self> {
        let mut request = format!("ws://{}/api/v1/ws", field.addr).into_client_request().ok()?;
        if let Some(token) = token {
            request.headers_mut().insert("authorization", format!("Bearer {token}").parse().ok()?);
        }
        let opened = timeout(ANSWER_MAX, tokio_tungstenite::connect_async(request)).await;
        let (stream, _) = opened.ok()?.ok()?;
        Some(Self { stream, joined: BTreeSet::new(), next_id: 1 })
    }

    pub async fn send(&mut self, mut request: Value) -> Option<u64> {
        let id = self.next_id;
        self.next_id += 1;
        request["id"] = json!(id);
        self.stream.send(Message::text(request.to_string())).await.ok()?;
        Some(id)
    }

    /// The next thing the server says; `None` when it has hung up.
    pub async fn hear(&mut self) -> Option<Value> {
        loop {
            match self.stream.next().await?.ok()? {
                Message::Text(said) => return serde_json::from_str(&said).ok(),
                Message::Close(_) => return None,
                _ => {}
            }
        }
    }

    /// The answer; events on the way are passed over.
    async fn ask(&mut self, request: Value) -> Option<Value> {
        let id = self.send(request).await?;
        loop {
            let said = self.hear().await?;
            if said["re"] == json!(id) {
                return Some(said);
            }
        }
    }
}
