//! Those who come and go, well or badly. Each connection has a manner; so many are opened a second, and all are gone
//! at the end of a round.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use futures_util::future::join_all;
use playhouse::telemetry::tasks;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::{Instant, interval, sleep, timeout},
};

use crate::{ground::Ground, served::random::Random};

#[derive(Debug, Clone, Copy)]
enum Manner {
    /// Joins, says something, leaves, closes.
    Polite,
    /// Joins, and is gone without a word.
    Vanishes,
    /// Begins a request and never ends it.
    StopsInTheHead,
    /// Begins a frame and never ends it.
    StopsInAFrame,
    /// Asks for more and more, and reads nothing.
    NeverReads,
    /// Sends what is no frame.
    Garbles,
    /// Is cut off, with a reset, in the middle of a frame.
    CutInAFrame,
    /// Is refused, and does not hang up.
    IgnoresTheClose,
}

const MANNERS: &[Manner] = &[
    Manner::Polite,
    Manner::Polite,
    Manner::Polite,
    Manner::Polite,
    Manner::Polite,
    Manner::Vanishes,
    Manner::Vanishes,
    Manner::StopsInTheHead,
    Manner::StopsInAFrame,
    Manner::NeverReads,
    Manner::Garbles,
    Manner::CutInAFrame,
    Manner::IgnoresTheClose,
];

/// Where the churn goes.
pub struct Place {
    pub addr: SocketAddr,
    pub ground: Ground,
    pub connects_per_s: u32,
}

/// The room whose snapshot is large: those who read nothing ask for it again and again.
pub const LOUD: usize = 0;

const HEAD: &str = "GET /api/v1/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
/// Whatever one connection waits for.
const PATIENCE: Duration = Duration::from_secs(3);

/// Opens connections for so long, and returns when the last is gone.
pub async fn round(place: &Arc<Place>, seed: u64, lasts: Duration) -> usize {
    let mut random = Random::new(seed);
    let mut ticks = interval(Duration::from_secs(1) / place.connects_per_s);
    let (until, mut visits) = (Instant::now() + lasts, Vec::new());
    while Instant::now() < until {
        ticks.tick().await;
        let (manner, numbers) = (*random.pick(MANNERS), Random::new(random.next()));
        let place = place.clone();
        visits.push(tasks::spawn("visit", async move {
            // A connection that breaks off is part of the game.
            drop(visit(&place, manner, numbers).await);
        }));
    }
    join_all(visits).await.len()
}

async fn visit(place: &Place, manner: Manner, mut random: Random) -> std::io::Result<()> {
    let mut stream = connect(place.addr).await?;
    let stay = Duration::from_millis(200 + random.below(2_000) as u64);
    if let Manner::StopsInTheHead = manner {
        stream.write_all(&HEAD.as_bytes()[..random.below(HEAD.len())]).await?;
        sleep(stay).await;
        return Ok(());
    }
    let user = &place.ground.users[random.below(place.ground.users.len())];
    let token =
        if random.one_in(2) { format!("Authorization: Bearer {}\r\n", user.token) } else { String::new() };
    stream.write_all(format!("{HEAD}{token}\r\n").as_bytes()).await?;
    hear(&mut stream, b"\r\n\r\n").await?;
    let room = 1 + random.below(place.ground.videos.len() - 1);
    let video = &place.ground.videos[room];
    let join = frame(&json!({"id": 1, "op": "join", "room": video}));
    match manner {
        Manner::Polite => {
            stream.write_all(&join).await?;
            hear(&mut stream, b"\"re\":1,").await?;
            if let Some(request) = small_talk(video, &mut random) {
                stream.write_all(&frame(&request)).await?;
                hear(&mut stream, b"\"re\":2,").await?;
            }
            sleep(stay).await;
            stream.write_all(&frame(&json!({"id": 3, "op": "leave", "room": video}))).await?;
            hear(&mut stream, b"\"re\":3,").await?;
            stream.write_all(&masked(0x88, &1000_u16.to_be_bytes())).await?;
            drop(timeout(PATIENCE, stream.read_to_end(&mut Vec::new())).await);
        }
        Manner::Vanishes => {
            stream.write_all(&join).await?;
            sleep(stay).await;
        }
        Manner::StopsInAFrame => {
            stream.write_all(&[join.as_slice(), &join[..join.len() / 2]].concat()).await?;
            sleep(stay).await;
        }
        Manner::NeverReads => {
            let join = frame(&json!({"id": 1, "op": "join", "room": place.ground.videos[LOUD]}));
            let until = Instant::now() + PATIENCE;
            // Until it is hung up on.
            while Instant::now() < until {
                stream.write_all(&join).await?;
                sleep(Duration::from_millis(5)).await;
            }
        }
        Manner::Garbles => {
            stream.write_all(&join).await?;
            let bytes: Vec<u8> = (0..1 + random.below(300)).map(|_| random.byte()).collect();
            stream.write_all(&bytes).await?;
            drop(timeout(stay, stream.read_to_end(&mut Vec::new())).await);
        }
        Manner::CutInAFrame => {
            stream.write_all(&[join.as_slice(), &join[..7]].concat()).await?;
            stream.set_zero_linger()?;
        }
        Manner::IgnoresTheClose => {
            stream.write_all(&[join.as_slice(), &masked(0x81, b"no request")].concat()).await?;
            hear(&mut stream, b"4002").await?;
            sleep(stay).await;
        }
        Manner::StopsInTheHead => unreachable!("it went no further than the head"),
    }
    Ok(())
}

/// What a polite visitor says, if anything. Few comments, since each is kept for ever.
fn small_talk(video: &str, random: &mut Random) -> Option<Value> {
    match random.below(40) {
        0 => Some(json!({"id": 2, "op": "comment", "room": video, "text": "hello"})),
        1..10 => Some(json!({"id": 2, "op": "react", "room": video, "reaction": "like"})),
        10..20 => Some(json!({"id": 2, "op": "watch", "room": video, "playback_id": "pb",
            "position_ms": 0, "watched_ms": 0, "state": "playing"})),
        20..30 => Some(json!({"id": 2, "op": "ping"})),
        _ => None,
    }
}

async fn connect(addr: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    // Little fits in, so that those who do not read are noticed soon.
    socket.set_recv_buffer_size(4_096)?;
    let stream = timeout(PATIENCE, socket.connect(addr)).await??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Reads until these bytes have come.
async fn hear(stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    let mut heard = Vec::new();
    let listening = async {
        while !heard.windows(bytes.len()).any(|window| window == bytes) {
            if stream.read_buf(&mut heard).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    };
    timeout(PATIENCE, listening).await?
}

pub fn frame(request: &Value) -> Vec<u8> {
    masked(0x81, request.to_string().as_bytes())
}

/// A frame whose mask is zero: what it carries stays readable. Requests here have fewer than 65,536 bytes.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match u8::try_from(payload.len()) {
        Ok(len @ 0..=125) => bytes.push(0x80 | len),
        _ => {
            bytes.push(0xfe);
            bytes.extend(u16::try_from(payload.len()).expect("a short request").to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}
