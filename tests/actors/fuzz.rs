//! Ten thousand frames that no client should send, and bytes that are no frames at all. The server answers as it is
//! documented to, nothing panics, and a normal client is served as before.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::house::{self, Client, DEADLINE, Heard, House, Plan, Protocol};
use futures_util::SinkExt;
use playhouse::domain::{access::Visibility, account::Identity, ids::VideoId};
use serde_json::json;
use tokio::{io::AsyncReadExt, io::AsyncWriteExt, time::timeout};
use tokio_tungstenite::tungstenite::Message;

const FRAMES: u64 = 10_000;
const WORKERS: u64 = 4;

/// xorshift64*: the same frames on every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("below a usize")
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.next() >> 56).expect("eight bits")
    }
}

fn corpus(room: &VideoId) -> Vec<serde_json::Value> {
    vec![
        json!({"id": 1, "op": "ping"}),
        json!({"id": 2, "op": "join", "room": room}),
        json!({"id": 3, "op": "join", "room": room, "since": {"epoch": "e", "offset": u64::MAX}}),
        json!({"id": 4, "op": "leave", "room": room}),
        json!({"id": 5, "op": "comment", "room": room, "text": "words", "at_ms": 1, "key": "k"}),
        json!({"id": 6, "op": "comment", "room": room, "text": "words", "parent_id": format!("{room}-1")}),
        json!({"id": 7, "op": "comment", "room": room, "text": "\u{0}\u{202e}", "parent_id": "x-ffffffffffffffff"}),
        json!({"id": 8, "op": "react", "room": room, "reaction": "like"}),
        json!({"id": 9, "op": "watch", "room": room, "playback_id": "p", "position_ms": u64::MAX,
            "watched_ms": u64::MAX, "state": "ended"}),
        json!({"id": 10, "op": "auth", "access_token": "a.b.c"}),
        json!({"id": u64::MAX, "op": "dance", "room": [[[[{}]]]]}),
        json!({"id": 11, "op": "join", "room": "x".repeat(100)}),
        json!({"id": 12, "op": "comment", "room": room, "text": "x".repeat(15_000)}),
    ]
}

fn mutate(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        match random.below(6) {
            0 if at < bytes.len() => bytes[at] = random.byte(),
            1 => bytes.truncate(at),
            2 => bytes.insert(at, random.byte()),
            3 if at < bytes.len() => drop(bytes.remove(at)),
            4 => bytes.extend_from_within(at..),
            _ => bytes
                .splice(at..at, [b"[", b"{", b"\"", b"9", b"\xff"][random.below(5)].iter().copied())
                .for_each(drop),
        }
    }
    bytes.truncate(40_000);
}

fn frame(random: &mut Random, client: &Client, corpus: &[serde_json::Value]) -> Message {
    let mut bytes = match client.encode(&corpus[random.below(corpus.len())]) {
        Message::Text(text) => text.as_bytes().to_vec(),
        other => other.into_data().to_vec(),
    };
    match random.below(10) {
        0 => {}
        1 => bytes = (0..random.below(200)).map(|_| random.byte()).collect(),
        2 => bytes = vec![b"[{\x91\x81"[random.below(4)]; 1 + random.below(15_000)],
        3 => {
            return [Message::Ping(vec![0; 125].into()), Message::Pong(vec![1].into())][random.below(2)]
                .clone();
        }
        _ => mutate(random, &mut bytes),
    }
    let text = String::from_utf8(bytes.clone()).ok().filter(|_| random.below(20) > 0);
    match text {
        Some(text) if !client.is_packed() => Message::text(text),
        _ => Message::binary(bytes),
    }
}

/// Sends frames until so many are sent, coming back whenever the server hangs up.
async fn attack(house: &House, seed: u64, who: &Identity, room: &VideoId) -> BTreeMap<Option<u16>, u64> {
    let mut random = Random(seed);
    let corpus = corpus(room);
    let (mut sent, mut closes) = (0, BTreeMap::new());
    while sent < FRAMES / WORKERS {
        let protocol = [Protocol::Json, Protocol::MessagePack][random.below(2)];
        let known = [None, Some(who)][random.below(2)];
        let mut client = house.connect(protocol, known).await;
        let mut batch = 0;
        loop {
            let frame = frame(&mut random, &client, &corpus);
            sent += 1;
            batch += 1;
            let delivered = client.socket.send(frame).await.is_ok();
            let last = sent >= FRAMES / WORKERS;
            if delivered && batch % 10 != 0 && !last {
                continue;
            }
            let ping = client.encode(&json!({"id": 777_777, "op": "ping"}));
            drop(client.socket.send(ping).await);
            match answered(&mut client).await {
                None if !last => {}
                None => break,
                Some(code) => {
                    *closes.entry(code).or_default() += 1;
                    break;
                }
            }
        }
    }
    closes
}

/// Reads until the ping is answered, or returns the code of the close.
async fn answered(client: &mut Client) -> Option<Option<u16>> {
    loop {
        match client.hear().await {
            Heard::Said(value) if value["re"] == json!(777_777) => return None,
            Heard::Said(_) => {}
            Heard::Closed(code) => return Some(code),
        }
    }
}

/// Bytes that are no frames, on a socket that was upgraded properly.
async fn garble(house: &House, seed: u64) {
    let mut random = Random(seed);
    let mut stream = tokio::net::TcpStream::connect(house.addr).await.expect("a connection");
    let head = "GET /api/v1/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("written");
    let bytes: Vec<u8> = (0..1 + random.below(300)).map(|_| random.byte()).collect();
    drop(stream.write_all(&bytes).await);
    drop(stream.shutdown().await);
    let mut answer = Vec::new();
    let read = timeout(DEADLINE, stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "the server hangs up on bytes that are no frames");
    assert!(answer.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_wrong_frames_change_nothing_for_a_normal_client() {
    let panics = Arc::<AtomicU64>::default();
    let counted = panics.clone();
    let default_hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        counted.fetch_add(1, Ordering::SeqCst);
        default_hook(panic);
    }));
    let house = House::start(Plan::default()).await;
    let ada = house.user("ada");
    let room = house.video(&ada, Visibility::Public).await;
    let mut normal = house.connect(Protocol::Json, Some(&ada)).await;
    normal.join(&room).await;
    normal.comment(&room, "before").await;

    let attacks = (1..=WORKERS).map(|seed| attack(&house, seed * 0x9E37_79B9, &ada, &room));
    let closes = futures_util::future::join_all(attacks).await;
    for seed in 1..=100_u64 {
        garble(&house, seed * 0x1234_5677).await;
    }

    let mut total: BTreeMap<Option<u16>, u64> = BTreeMap::new();
    for (code, count) in closes.into_iter().flatten() {
        *total.entry(code).or_default() += count;
    }
    assert!(total.keys().all(|code| matches!(code, Some(4002 | 4004))), "undocumented closes: {total:?}");
    assert!(total[&Some(4002)] > 100, "the frames were to be wrong: {total:?}");
    assert_eq!(panics.load(Ordering::SeqCst), 0);
    assert_eq!(house.shared.metrics.actor_restarts.of("room").get(), 0);
    normal.comment(&room, "after").await;
    let mut late = house.connect(Protocol::MessagePack, None).await;
    let snapshot = late.join(&room).await;
    let texts = house::texts_of(&snapshot["comments"]);
    assert_eq!(texts.last().map(String::as_str), Some("after"));
}
