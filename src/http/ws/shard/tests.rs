//! A shard over streams in memory, driven by tungstenite's own client: no server, no store.

use std::{sync::Arc, time::Duration};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    sync::Semaphore,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::Role},
};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    actors::{
        admission::{Bounds, Gate},
        directory,
        relay::Presence,
        room::{RoomContext, Rooms},
        session::{self, AuthError, Authenticate, SessionContext, Sessions, UserLimits},
    },
    backends::{
        bus::{self, SharedBus},
        store,
        tallies::Tallies,
    },
    domain::{
        access::Roles,
        account::Identity,
        clock::{ManualClock, SharedClock, Timestamp},
        ids::ChannelId,
    },
    http::ws::Options,
    telemetry::Metrics,
};

const DEADLINE: Duration = Duration::from_secs(20);
/// What a stream in memory holds before it is full.
const STREAM_BYTES: usize = 4_096;

const USER: &str = "ada";

/// Takes each token for its own end in milliseconds.
struct Verifier;

impl Authenticate for Verifier {
    fn authenticate(&self, access_token: &str) -> Result<Identity, AuthError> {
        let expires_at = Timestamp(access_token.parse().map_err(|_| AuthError)?);
        Ok(Identity {
            user_id: USER.parse().unwrap(),
            channel_id: ChannelId::new(Timestamp(1)),
            username: "ada".into(),
            display_name: "Ada".into(),
            roles: Roles::of_new_account(),
            expires_at,
        })
    }
}

struct Bench {
    shard: Shard,
    metrics: Arc<Metrics>,
    clock: Arc<ManualClock>,
    drain: CancellationToken,
    places: Arc<Semaphore>,
    bus: SharedBus,
    _dir: tempfile::TempDir,
}

/// Steps are short, and nothing is due unless a test says so.
fn patient() -> Options {
    let long = Duration::from_secs(3_600);
    Options {
        step: Duration::from_millis(5),
        ping_interval: long,
        pong_deadline: long,
        write_deadline: long,
        close_deadline: Duration::from_millis(50),
        session_rest_after: long,
        outbox_bytes_max: 20_000,
        ..Options::default()
    }
}

async fn bench(options: Options) -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(Timestamp(1_000)));
    let shared_clock: SharedClock = clock.clone();
    let metrics = Metrics::new();
    let store = store::open("embedded:", dir.path(), shared_clock.clone()).await.unwrap();
    let bus = bus::embedded(shared_clock.clone());
    let bounds = Bounds { messages_max: 1_000, bytes_max: 1 << 20 };
    let gate = Gate::new(bounds, metrics.commands_in_flight_bytes.clone());
    let shared = directory::Shared { gate, registry: Arc::default(), metrics: metrics.clone() };
    let context = RoomContext {
        store: store.clone(),
        tallies: Tallies::new(store),
        notices: crate::actors::notices::Notices::new(bus.clone()),
        shared_bus: None,
        clock: shared_clock.clone(),
        metrics: metrics.clone(),
        options: Arc::default(),
    };
    let sessions = Sessions::new(SessionContext {
        rooms: Rooms::open(context, shared.clone()),
        authenticate: Arc::new(Verifier),
        presence: Presence::new(bus.clone()),
        user_limits: UserLimits::new(bus.clone(), None, metrics.clone()),
        clock: shared_clock.clone(),
        shared,
        options: Arc::new(session::Options { rooms_max: 4, in_flight: bounds }),
    });
    let drain = CancellationToken::new();
    let parts = Parts {
        sessions,
        pseudonyms: Arc::new(str::to_owned),
        clock: shared_clock,
        metrics: metrics.clone(),
        options,
        drain: drain.clone(),
    };
    let (shard, places) = (Shard::start(Arc::new(parts)), Arc::new(Semaphore::new(100)));
    Bench { shard, metrics, clock, drain, places, bus, _dir: dir }
}

type Client = WebSocketStream<DuplexStream>;

impl Bench {
    fn connect_raw(&self, access_token: Option<&str>) -> DuplexStream {
        let (ours, theirs) = duplex(STREAM_BYTES);
        self.shard.admit(Arrival {
            wire: Wire::Other(Box::new(ours)),
            said: Bytes::new(),
            encoding: Encoding::Json,
            access_token: access_token.map(str::to_owned),
            anonymous: "somebody".into(),
            place: self.places.clone().try_acquire_owned().unwrap(),
        });
        theirs
    }

    async fn connect(&self, access_token: Option<&str>) -> Client {
        WebSocketStream::from_raw_socket(self.connect_raw(access_token), Role::Client, None).await
    }

    /// Tells the one user something of so many letters.
    async fn tell(&self, letter: char, len: usize) {
        let notice = json!({"kind": "test", "data": letter.to_string().repeat(len)}).to_string();
        self.bus.publish(&format!("user.{USER}"), Bytes::from(notice)).await.unwrap();
    }

    async fn until(&self, what: &str, holds: impl Fn(&Metrics) -> bool) {
        let waiting = async {
            while !holds(&self.metrics) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        assert!(timeout(DEADLINE, waiting).await.is_ok(), "{what}");
    }

    async fn empty(&self) {
        self.until("all sockets are gone", |metrics| metrics.connections.get() == 0).await;
        self.until("all sessions are gone", |metrics| metrics.actors.of("session").get() == 0).await;
    }
}

async fn read(client: &mut Client) -> Message {
    timeout(DEADLINE, client.next()).await.unwrap().unwrap().unwrap()
}

async fn ask(client: &mut Client, request: Value) -> Value {
    client.send(Message::text(request.to_string())).await.unwrap();
    loop {
        if let Message::Text(text) = read(client).await {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

/// The close code, and the `bye` that came right before it.
async fn closed(client: &mut Client) -> (u16, Value) {
    let mut last = Value::Null;
    loop {
        match read(client).await {
            Message::Text(text) => last = serde_json::from_str(&text).unwrap(),
            Message::Close(frame) => return (frame.unwrap().code.into(), last),
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_session_is_awake_only_while_it_has_something_to_do_and_remembers_who_it_is() {
    let bench = bench(Options { session_rest_after: Duration::from_millis(5), ..patient() }).await;
    let mut client = bench.connect(Some("999999")).await;
    let awake = |metrics: &Metrics| metrics.actors.of("session").get();
    for id in 0..20 {
        bench.until("it lies down", |metrics| awake(metrics) == 0).await;
        let answer =
            ask(&mut client, json!({"id": id, "op": "react", "room": "x", "reaction": "like"})).await;
        assert_eq!((&answer["re"], &answer["problem"]["code"]), (&json!(id), &json!("not_joined")));
    }
    // While it falls asleep, too: whatever is said is answered once and in order.
    for id in 100..400 {
        client.feed(Message::text(json!({"id": id, "op": "ping"}).to_string())).await.unwrap();
        if id % 7 == 0 {
            client.flush().await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    client.flush().await.unwrap();
    for id in 100..400 {
        let Message::Text(text) = read(&mut client).await else { panic!("an answer is text") };
        assert_eq!(text.as_str(), format!(r#"{{"re":{id},"ok":{{}}}}"#));
    }
    let mut silent = bench.connect(None).await;
    bench.until("they lie down", |metrics| awake(metrics) == 0).await;
    assert_eq!(ask(&mut silent, json!({"id": 1, "op": "ping"})).await["re"], json!(1));
    drop((client, silent));
    bench.empty().await;
}

#[tokio::test]
async fn what_cannot_go_on_ends_with_a_bye_and_its_code() {
    let large = Message::text(format!(r#"{{"id":1,"op":"ping","x":"{}"}}"#, "x".repeat(20_000)));
    for (message, code) in [(Message::binary("x"), 4002), (Message::text("x"), 4002), (large, 4002)] {
        let bench = bench(patient()).await;
        let client = bench.connect(None).await;
        // What does not fit into the stream is written while the answer is read.
        let (mut sink, mut stream) = client.split();
        let writing = tasks::spawn("test", async move { drop(sink.send(message).await) });
        let mut last = Value::Null;
        let heard = loop {
            match timeout(DEADLINE, stream.next()).await.unwrap().unwrap().unwrap() {
                Message::Text(text) => last = serde_json::from_str(&text).unwrap(),
                Message::Close(frame) => break u16::from(frame.unwrap().code),
                _ => {}
            }
        };
        assert_eq!((heard, &last["code"], &last["ev"]), (code, &json!(code), &json!("bye")));
        writing.abort();
        drop(stream);
        bench.empty().await;
    }
}

#[tokio::test]
async fn a_close_is_answered_and_a_broken_connection_is_gone() {
    let bench = bench(patient()).await;
    let mut client = bench.connect(None).await;
    client.close(None).await.unwrap();
    assert!(matches!(read(&mut client).await, Message::Close(_)));
    assert!(timeout(DEADLINE, client.next()).await.unwrap().is_none(), "the stream ends");
    let mut raw = bench.connect_raw(None);
    raw.write_all(&[0x81]).await.unwrap();
    drop(raw);
    bench.empty().await;
}

#[tokio::test]
async fn a_ping_without_an_answer_ends_the_socket_and_an_answer_keeps_it() {
    let options = Options {
        ping_interval: Duration::from_millis(20),
        pong_deadline: Duration::from_millis(500),
        ..patient()
    };
    let bench = bench(options).await;
    let mut raw = bench.connect_raw(None);
    for _ in 0..3 {
        let mut ping = [0; 2];
        timeout(DEADLINE, raw.read_exact(&mut ping)).await.unwrap().unwrap();
        assert_eq!(ping, [0x89, 0]);
        raw.write_all(&[0x8a, 0x80, 0, 0, 0, 0]).await.unwrap();
    }
    let mut rest = Vec::new();
    timeout(DEADLINE, raw.read_to_end(&mut rest)).await.unwrap().unwrap();
    let close = rest.windows(4).any(|bytes| bytes[0] == 0x88 && bytes[2..] == 4000_u16.to_be_bytes());
    assert!(close, "it is told that it did not answer");
    drop(raw);
    bench.empty().await;
}

/// A client that is told things.
async fn seated(bench: &Bench) -> Client {
    let mut client = bench.connect(Some("999999")).await;
    ask(&mut client, json!({"id": 1, "op": "ping"})).await;
    client
}

#[tokio::test]
async fn frames_come_whole_and_in_order_however_slowly_they_are_read() {
    let bench = bench(Options { outbox_bytes_max: 1 << 20, ..patient() }).await;
    let mut client = seated(&bench).await;
    for letter in 'a'..='z' {
        bench.tell(letter, 3_000).await;
    }
    for letter in 'a'..='z' {
        let Message::Text(text) = read(&mut client).await else { panic!("a notice is text") };
        let notice: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(notice["data"], json!(letter.to_string().repeat(3_000)));
    }
    drop(client);
    bench.empty().await;
}

#[tokio::test]
async fn a_reader_that_does_not_read_is_cut_and_told_why_if_it_reads_again() {
    let bench = bench(Options { close_deadline: DEADLINE, ..patient() }).await;
    let mut client = seated(&bench).await;
    for _ in 0..20 {
        bench.tell('x', 3_000).await;
    }
    bench.until("frames are given up", |metrics| metrics.outbox_drops.of("stream").get() > 0).await;
    assert_eq!(closed(&mut client).await.0, 4001, "and the frames before it were whole");
    drop(client);
    bench.empty().await;
}

#[tokio::test]
async fn a_reader_that_never_reads_again_is_left_behind() {
    let bench = bench(Options { write_deadline: Duration::from_millis(20), ..patient() }).await;
    let client = seated(&bench).await;
    for _ in 0..3 {
        bench.tell('x', 3_000).await;
    }
    bench.until("it is cut", |metrics| metrics.connections.get() == 0).await;
    assert_eq!(bench.metrics.connections_closed.of("4001").get(), 1);
    drop(client);
}

#[tokio::test]
async fn a_server_that_goes_away_says_when_to_come_back() {
    let bench = bench(patient()).await;
    let mut client = bench.connect(None).await;
    ask(&mut client, json!({"id": 1, "op": "ping"})).await;
    bench.drain.cancel();
    let (code, bye) = closed(&mut client).await;
    assert_eq!(code, 4000);
    assert!(bye["reconnect_after_ms"].as_u64().unwrap() >= 200);
    let mut late = bench.connect(None).await;
    assert_eq!(closed(&mut late).await.0, 4000);
    drop((client, late));
    bench.empty().await;
}

#[tokio::test]
async fn a_token_ends_its_socket_and_a_wrong_one_never_gets_that_far() {
    let bench = bench(patient()).await;
    let mut wrong = bench.connect(Some("no number")).await;
    assert_eq!(closed(&mut wrong).await.0, 4005);
    let mut client = bench.connect(Some("1050")).await;
    assert_eq!(ask(&mut client, json!({"id": 1, "op": "ping"})).await["re"], json!(1));
    bench.clock.advance(Duration::from_millis(100));
    assert_eq!(closed(&mut client).await.0, 4005);
    drop((client, wrong));
    bench.empty().await;
}
