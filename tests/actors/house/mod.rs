//! The live part of the house on port 0: embedded store and bus, rooms, sessions and the socket route, and a client
//! that speaks both sub-protocols. No REST, no media.
use std::{collections::VecDeque, net::SocketAddr, sync::Arc, time::Duration};

pub mod faults;
pub mod mute;

use futures_util::{SinkExt, StreamExt};
use playhouse::{
    actors::{
        accounts::Keys,
        admission::{Bounds, Gate},
        directory::Shared,
        notices::Notices,
        relay::Presence,
        room::{self, RoomContext, Rooms},
        session::{self, AuthError, Authenticate, Rates, SessionContext, Sessions, UserLimits},
    },
    backends::{
        bus::{self, SharedBus},
        store::{self, Store, tables::video::Video},
        tallies::Tallies,
    },
    domain::{
        access::{Roles, Visibility},
        account::Identity,
        clock::{SharedClock, SystemClock, Timestamp},
        ids::{ChannelId, UserId, VideoId},
    },
    http::ws,
    telemetry::Metrics,
};
use playhouse_protocol::realtime::Limits;
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Message, client::IntoClientRequest},
};
use tokio_util::sync::CancellationToken;

use crate::ready_video::ready_video;

/// Whatever is awaited must come within this.
pub const DEADLINE: Duration = Duration::from_secs(20);

pub struct House {
    pub addr: SocketAddr,
    pub store: Store,
    pub faults: faults::Faults,
    pub rooms: Rooms,
    pub bus: SharedBus,
    pub shared: Shared,
    pub clock: SharedClock,
    pub sockets: Arc<ws::Context>,
    pub drain: CancellationToken,
    keys: Arc<Keys>,
    dir: Arc<tempfile::TempDir>,
}

/// What a test wants to be different.
pub struct Plan {
    pub rooms: room::Options,
    pub rates: Option<Rates>,
    pub rooms_max: usize,
    pub in_flight: Bounds,
    pub sockets: ws::Options,
}

impl Default for Plan {
    fn default() -> Self {
        let rooms = room::Options {
            counts_interval: Duration::from_millis(100),
            tick: Duration::from_millis(10),
            ..room::Options::default()
        };
        Self {
            rooms,
            rates: None,
            rooms_max: 4,
            in_flight: Bounds { messages_max: 1_000, bytes_max: 65_536 },
            sockets: ws::Options::default(),
        }
    }
}

/// What nodes share.
struct Ground {
    dir: Arc<tempfile::TempDir>,
    clock: SharedClock,
    faults: faults::Faults,
    store: Store,
    bus: SharedBus,
}

struct Verifier {
    keys: Arc<Keys>,
    clock: SharedClock,
}

impl Authenticate for Verifier {
    fn authenticate(&self, access_token: &str) -> Result<Identity, AuthError> {
        self.keys.verify_access(access_token, self.clock.now()).ok_or(AuthError)
    }
}

impl House {
    pub async fn start(plan: Plan) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let clock: SharedClock = Arc::new(SystemClock);
        let faults = faults::Faults::default();
        let store = store::open("embedded:", dir.path(), clock.clone()).await.expect("an embedded store");
        let store = store.decorated(|engine| faults.around(engine));
        let bus = bus::embedded(clock.clone());
        Self::open(plan, Ground { dir: Arc::new(dir), clock, faults, store, bus }).await
    }

    /// Another node over the same store and bus.
    pub async fn beside(&self, plan: Plan) -> Self {
        self.beside_on(self.bus.clone(), plan).await
    }

    /// Another node over the same store that hears nothing of what the first one says.
    pub async fn beside_and_deaf(&self, plan: Plan) -> Self {
        self.beside_on(bus::embedded(self.clock.clone()), plan).await
    }

    /// Another node over the same store, and on some bus.
    pub async fn beside_on(&self, bus: SharedBus, plan: Plan) -> Self {
        let (dir, clock, faults) = (self.dir.clone(), self.clock.clone(), self.faults.clone());
        Self::open(plan, Ground { dir, clock, faults, store: self.store.clone(), bus }).await
    }

    async fn open(plan: Plan, ground: Ground) -> Self {
        let Ground { dir, clock, faults, store, bus } = ground;
        let metrics = Metrics::new();
        let wide = Bounds { messages_max: 1_000_000, bytes_max: 1 << 30 };
        let gate = Gate::new(wide, metrics.commands_in_flight_bytes.clone());
        let shared = Shared { gate, registry: Arc::default(), metrics: metrics.clone() };
        let limits = Limits {
            frame_bytes_max: plan.sockets.frame_bytes_max as u64,
            comment_len_max: 2_000,
            rooms_max: plan.rooms_max as u64,
            comments_per_minute: plan.rates.map_or(0, |rates| u64::from(rates.comments_per_minute)),
        };
        let context = RoomContext {
            store: store.clone(),
            tallies: Tallies::new(store.clone()),
            notices: Notices::new(bus.clone()),
            shared_bus: Some(bus.clone()),
            clock: clock.clone(),
            metrics: metrics.clone(),
            options: Arc::new(room::Options { limits, ..plan.rooms }),
        };
        let rooms = Rooms::open(context, shared.clone());
        let keys = Arc::new(Keys::from_seed([7; 32]));
        let sessions = Sessions::new(SessionContext {
            rooms: rooms.clone(),
            authenticate: Arc::new(Verifier { keys: keys.clone(), clock: clock.clone() }),
            presence: Presence::new(bus.clone()),
            user_limits: UserLimits::new(bus.clone(), plan.rates, metrics.clone()),
            clock: clock.clone(),
            shared: shared.clone(),
            options: Arc::new(session::Options { rooms_max: plan.rooms_max, in_flight: plan.in_flight }),
        });
        let drain = CancellationToken::new();
        let sockets = ws::Context::new(ws::Parts {
            sessions,
            pseudonyms: Arc::new(str::to_owned),
            clock: clock.clone(),
            metrics,
            options: plan.sockets,
            drain: drain.clone(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("a bound port");
        let app: axum::Router = ws::routes(sockets.clone());
        let server = async move { axum::serve(listener, app).await.expect("the server runs") };
        drop(playhouse::telemetry::tasks::spawn("test_server", server));
        Self { addr, store, faults, rooms, bus, shared, clock, sockets, drain, keys, dir }
    }

    pub async fn video(&self, owner: &Identity, visibility: Visibility) -> VideoId {
        let video_id = VideoId::new(self.clock.now());
        self.put_video(&video_id, owner, visibility).await;
        video_id
    }

    pub async fn put_video(&self, video_id: &VideoId, owner: &Identity, visibility: Visibility) {
        let (owner_id, channel_id) = (owner.user_id.clone(), owner.channel_id.clone());
        let row = ready_video(video_id.clone(), owner_id, channel_id, self.clock.now());
        let row = Video { visibility, ..row };
        self.store.put(row).await.expect("a stored video");
    }

    pub fn user(&self, name: &str) -> Identity {
        self.user_until(name, self.clock.now().plus(Duration::from_secs(3_600)))
    }

    pub fn user_until(&self, name: &str, expires_at: Timestamp) -> Identity {
        Identity {
            user_id: UserId::new(self.clock.now()),
            channel_id: ChannelId::new(self.clock.now()),
            username: name.into(),
            display_name: name.into(),
            roles: Roles::of_new_account(),
            expires_at,
        }
    }

    pub fn token(&self, who: &Identity) -> String {
        self.keys.sign_access(who, self.clock.now())
    }

    pub async fn connect(&self, protocol: Protocol, who: Option<&Identity>) -> Client {
        let token = who.map(|who| self.token(who));
        self.connect_with(protocol, token.as_deref()).await
    }

    pub async fn connect_with(&self, protocol: Protocol, token: Option<&str>) -> Client {
        let mut request = format!("ws://{}/api/v1/ws", self.addr).into_client_request().expect("a request");
        let headers = request.headers_mut();
        if let Some(name) = protocol.name() {
            headers.insert("sec-websocket-protocol", name.parse().expect("a header"));
        }
        if let Some(token) = token {
            headers.insert("authorization", format!("Bearer {token}").parse().expect("a header"));
        }
        let (socket, response) = timeout(DEADLINE, tokio_tungstenite::connect_async(request))
            .await
            .expect("an answer in time")
            .expect("an upgrade");
        let chosen =
            response.headers().get("sec-websocket-protocol").map(|name| name.to_str().expect("text"));
        assert_eq!(chosen, protocol.name(), "the server names the sub-protocol it speaks");
        Client { socket, protocol, events: VecDeque::new(), next_id: 1 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Asks for nothing, and so speaks JSON.
    Plain,
    Json,
    MessagePack,
}

impl Protocol {
    fn name(self) -> Option<&'static str> {
        match self {
            Protocol::Plain => None,
            Protocol::Json => Some("playhouse.v1.json"),
            Protocol::MessagePack => Some("playhouse.v1.msgpack"),
        }
    }
}

pub struct Client {
    pub socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    protocol: Protocol,
    /// Events that came while an answer was awaited.
    events: VecDeque<Value>,
    next_id: u64,
}

/// What comes next on a socket.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    Said(Value),
    Closed(Option<u16>),
}

impl Client {
    pub fn is_packed(&self) -> bool {
        self.protocol == Protocol::MessagePack
    }

    pub fn encode(&self, value: &Value) -> Message {
        match self.protocol {
            Protocol::Plain | Protocol::Json => Message::text(value.to_string()),
            Protocol::MessagePack => Message::binary(rmp_serde::to_vec_named(value).expect("plain data")),
        }
    }

    pub async fn send(&mut self, value: &Value) {
        let message = self.encode(value);
        self.socket.send(message).await.expect("an open socket");
    }

    pub async fn hear(&mut self) -> Heard {
        loop {
            let message = timeout(DEADLINE, self.socket.next()).await.expect("something is heard in time");
            match message {
                Some(Ok(Message::Text(text))) => {
                    assert_ne!(self.protocol, Protocol::MessagePack);
                    return Heard::Said(serde_json::from_str(&text).expect("JSON"));
                }
                Some(Ok(Message::Binary(bytes))) => {
                    assert_eq!(self.protocol, Protocol::MessagePack);
                    return Heard::Said(rmp_serde::from_slice(&bytes).expect("MessagePack"));
                }
                Some(Ok(Message::Close(frame))) => {
                    return Heard::Closed(frame.map(|frame| u16::from(frame.code)));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Heard::Closed(None),
            }
        }
    }

    /// Sends an operation and returns what it is answered; events on the way are kept.
    pub async fn ask(&mut self, mut request: Value) -> Value {
        let id = self.next_id;
        self.next_id += 1;
        request["id"] = json!(id);
        self.send(&request).await;
        self.answer(id).await
    }

    pub async fn answer(&mut self, id: u64) -> Value {
        loop {
            match self.hear().await {
                Heard::Said(value) if value["re"] == json!(id) => return value,
                Heard::Said(value) => self.events.push_back(value),
                Heard::Closed(code) => panic!("closed with {code:?} before the answer to {id}"),
            }
        }
    }

    pub async fn ok(&mut self, request: Value) -> Value {
        let answer = self.ask(request).await;
        assert!(answer.get("ok").is_some(), "{answer}");
        answer["ok"].clone()
    }

    pub async fn problem(&mut self, request: Value) -> Value {
        let answer = self.ask(request).await;
        assert!(answer.get("problem").is_some(), "{answer}");
        answer["problem"].clone()
    }

    /// The next event of a kind; others are passed over.
    pub async fn event(&mut self, kind: &str) -> Value {
        loop {
            let value = match self.events.pop_front() {
                Some(value) => value,
                None => match self.hear().await {
                    Heard::Said(value) => value,
                    Heard::Closed(code) => panic!("closed with {code:?} before a `{kind}`"),
                },
            };
            if value["ev"] == json!(kind) {
                return value;
            }
        }
    }

    /// Waits for the close and returns the last `bye` with its code.
    pub async fn closed(&mut self) -> (Option<Value>, Option<u16>) {
        let mut bye = None;
        loop {
            match self.hear().await {
                Heard::Said(value) if value["ev"] == json!("bye") => bye = Some(value),
                Heard::Said(_) => {}
                Heard::Closed(code) => return (bye, code),
            }
        }
    }

    pub async fn join(&mut self, room: &VideoId) -> Value {
        self.ok(json!({"op": "join", "room": room})).await
    }

    pub async fn comment(&mut self, room: &VideoId, text: &str) -> Value {
        self.ok(json!({"op": "comment", "room": room, "text": text})).await
    }

    /// Texts of comment events until so many have come.
    pub async fn comments(&mut self, count: usize) -> Vec<String> {
        let mut texts = Vec::new();
        while texts.len() < count {
            texts.extend(texts_of(&self.event("comments").await["items"]));
        }
        texts
    }
}

pub fn texts_of(items: &Value) -> Vec<String> {
    let items = items.as_array().expect("a list");
    items.iter().map(|item| item["text"].as_str().expect("a text").to_owned()).collect()
}
