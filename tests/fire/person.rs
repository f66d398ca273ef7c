//! One person's ways to the real program: a socket, and REST. Each attempt takes the one or the other.

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc, time::Duration};

use futures_util::{SinkExt, StreamExt};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use crate::{
    diary::{Ack, Diary},
    field::Field,
    ground::User,
    intent::{HOT, Intent, Intents},
    life::{self, Outcome, Way},
    served::random::Random,
};

/// How long an answer may take while the program runs.
const ANSWER_MAX: Duration = Duration::from_secs(15);

pub struct Person {
    field: Arc<Field>,
    user: User,
    ways: Random,
    socket: Option<Socket>,
    /// Whether they sit in the room that everybody is interested in; to most, REST is enough.
    sits_in_hot: bool,
}

/// One person's time on the field.
pub async fn act(field: Arc<Field>, number: usize, interval: Duration) -> Diary {
    let ground = &field.ground;
    let intents = Intents::new(field.seed, number, ground.videos.len(), ground.channels.len());
    let mut ways = Random::new(field.seed.wrapping_add(0x5EED).wrapping_mul(number as u64 + 1));
    let offset = interval.mul_f64(ways.below(1_000) as f64 / 1_000.0);
    let (user, over) = (ground.users[number].clone(), field.over.clone());
    let sits_in_hot = number.is_multiple_of(10);
    let person = Person { field, user, ways, socket: None, sits_in_hot };
    life::live(person, intents, over, interval, offset).await
}

impl Way for Person {
    fn lingers(&self) -> bool {
        self.field.lingers
    }

    async fn attempt(&mut self, intent: &Intent, comment: Option<&str>) -> Outcome {
        let comment = comment.unwrap_or_default();
        let room = match intent {
            Intent::React { video, .. } | Intent::View { video, .. } | Intent::Comment { video, .. } => {
                Some(*video)
            }
            Intent::Edit { .. } | Intent::Remove { .. } => self.video_of(comment),
            Intent::Vote { .. } => Some(HOT),
            Intent::Subscribe { .. } => None,
        };
        match room.filter(|room| *room != HOT || self.sits_in_hot) {
            Some(room) if !self.ways.one_in(3) => self.over_socket(room, intent, comment).await,
            _ => self.over_rest(intent, comment).await,
        }
    }
}

impl Person {
    fn video_of(&self, comment: &str) -> Option<usize> {
        let (video, _) = comment.rsplit_once('-')?;
        self.field.ground.videos.iter().position(|known| known == video)
    }

    async fn over_socket(&mut self, video: usize, intent: &Intent, comment: &str) -> Outcome {
        let answer = timeout(ANSWER_MAX, self.say(video, intent, comment)).await;
        let Ok(Some(answer)) = answer else {
            self.socket = None;
            return Outcome::Unknown;
        };
        if let Some(code) = answer["problem"]["code"].as_str() {
            return match code {
                "unavailable" | "too_many" => Outcome::Unknown,
                "not_found" => Outcome::Gone,
                _ => Outcome::Refused(answer.to_string()),
            };
        }
        let ok = &answer["ok"];
        match intent {
            Intent::Comment { .. } | Intent::Edit { .. } => Outcome::Done(shown(&ok["comment"])),
            Intent::Remove { .. } => Outcome::Done(Ack::Nothing),
            Intent::Vote { .. } => Outcome::Done(Ack::Voted(ok["poll"]["vote"].as_u64())),
            Intent::View { .. } => Outcome::Done(Ack::Counted(ok["counted"] == json!(true))),
            _ => Outcome::Done(Ack::Reaction(text(&ok["reaction"]))),
        }
    }

    /// `None`: the socket is gone, or nobody answers.
    async fn say(&mut self, video: usize, intent: &Intent, comment: &str) -> Option<Value> {
        let room = self.field.ground.videos[video].clone();
        if self.socket.is_none() {
            self.socket = Some(Socket::connect(self.field.addr, Some(&self.user.token)).await?);
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
            Intent::Edit { text, .. } => json!({"op": "edit", "comment_id": comment, "text": text}),
            Intent::Remove { .. } => json!({"op": "remove", "comment_id": comment}),
            Intent::Vote { option } => json!({"op": "vote", "poll_id": self.field.poll, "option": option}),
            other => unreachable!("{other:?} is not asked over a socket"),
        };
        let mut request = request;
        request["room"] = json!(room);
        socket.ask(request).await
    }

    async fn over_rest(&self, intent: &Intent, comment: &str) -> Outcome {
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
            Intent::Vote { option } => {
                let path = format!("/videos/{}/polls/{}/vote", ground.videos[HOT], self.field.poll);
                (Method::PUT, path, json!({"option": option}))
            }
            Intent::Comment { video, text, key: own } => {
                key.clone_from(own);
                (Method::POST, format!("/videos/{}/comments", ground.videos[*video]), json!({"text": text}))
            }
            Intent::Edit { text, .. } => {
                (Method::PATCH, format!("/comments/{comment}"), json!({"text": text}))
            }
            Intent::Remove { .. } => (Method::DELETE, format!("/comments/{comment}"), Value::Null),
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
            (_, Intent::Vote { .. }) => Outcome::Done(Ack::Voted(body["vote"].as_u64())),
            (_, Intent::Comment { .. } | Intent::Edit { .. }) => Outcome::Done(shown(&body)),
            (_, Intent::Subscribe { .. } | Intent::Remove { .. }) => Outcome::Done(Ack::Nothing),
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn shown(value: &Value) -> Ack {
    Ack::Comment { id: text(&value["id"]), text: text(&value["text"]) }
}

/// A socket that answers are awaited on, one after the other.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub joined: BTreeSet<usize>,
    next_id: u64,
    /// The code of the server's close.
    pub closed: Option<u16>,
}

impl Socket {
    /// `None` while the program is down.
    pub async fn connect(addr: SocketAddr, token: Option<&str>) -> Option<Self> {
        Self::over(TcpStream::connect(addr).await.ok()?, addr, token).await
    }

    pub async fn over(stream: TcpStream, addr: SocketAddr, token: Option<&str>) -> Option<Self> {
        let mut request = format!("ws://{addr}/api/v1/ws").into_client_request().ok()?;
        if let Some(token) = token {
            request.headers_mut().insert("authorization", format!("Bearer {token}").parse().ok()?);
        }
        stream.set_nodelay(true).ok()?;
        let stream = MaybeTlsStream::Plain(stream);
        let (stream, _) = timeout(ANSWER_MAX, client_async(request, stream)).await.ok()?.ok()?;
        Some(Self { stream, joined: BTreeSet::new(), next_id: 1, closed: None })
    }

    pub async fn send(&mut self, mut request: Value) -> Option<u64> {
        let id = self.next_id;
        self.next_id += 1;
        request["id"] = json!(id);
        self.stream.send(Message::text(request.to_string())).await.ok()?;
        Some(id)
    }

    /// The next thing the server says, as it says it; `None` when it has hung up.
    pub async fn hear_words(&mut self) -> Option<String> {
        loop {
            match self.stream.next().await?.ok()? {
                Message::Text(said) => return Some(said.as_str().to_owned()),
                Message::Close(close) => {
                    self.closed = close.map(|close| close.code.into());
                    return None;
                }
                _ => {}
            }
        }
    }

    pub async fn hear(&mut self) -> Option<Value> {
        serde_json::from_str(&self.hear_words().await?).ok()
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
