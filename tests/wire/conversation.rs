//! One case: steps on a socket of its own, and what the server has to say to each.

use std::{net::SocketAddr, time::Duration};

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    frames::{self, BINARY, CLOSE, Frame, PONG, Received, TEXT},
    served::{Program, Served},
};

/// Whatever is awaited must come within this.
pub const DEADLINE: Duration = Duration::from_secs(20);
/// Ids of requests that must never be answered, because they stand behind something that ends the socket.
pub const NEVER: u64 = 100;
const CASES_AT_ONCE: usize = 16;

/// What the server says.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// `ok` to the request with this id.
    Answer(u64),
    Problem(u64),
    Pong(Vec<u8>),
    Bye(u64),
    Close(Option<u16>),
    /// The connection is gone.
    End,
}

#[derive(Debug, Clone)]
pub enum Step {
    /// All in one write.
    Send(Vec<Frame>),
    /// A write for each frame.
    Frames(Vec<Frame>),
    /// A write for each byte.
    Bytes(Vec<Frame>),
    /// Exactly these, in this order.
    Hear(Vec<Heard>),
    /// Exactly these, in any order.
    Gather(Vec<Heard>),
    /// `bye` and 4002, and then the server hangs up. What was asked for before may still be answered.
    Refused,
    /// A close that is none: hung up on, or closed with 1002, 1007 or 4002; and nothing else is said.
    Failed,
    /// The closing handshake: one of these codes, and then the server hangs up.
    Closed(Vec<Option<u16>>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    Json,
    MessagePack,
}

#[derive(Debug, Clone)]
pub struct Case {
    pub name: String,
    pub speaks: Speaks,
    pub steps: Vec<Step>,
}

pub fn case(name: impl Into<String>, steps: Vec<Step>) -> Case {
    Case { name: name.into(), speaks: Speaks::Json, steps }
}

/// A program for one test.
pub struct Bed {
    program: Program,
    _served: Served,
    pub addr: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Bed {
    pub fn start(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let program = Program::new(folder.path(), settings);
        Self { _served: program.start(), addr: program.addr, program, _folder: folder }
    }

    pub fn log(&self) -> String {
        self.program.log()
    }
}

/// Runs all cases and names those that went wrong.
pub async fn check(cases: Vec<Case>) {
    let bed = Bed::start(&[]);
    let count = cases.len();
    let runs = cases.into_iter().map(|case| run(bed.addr, case));
    let outcomes: Vec<Result<(), String>> = stream::iter(runs).buffered(CASES_AT_ONCE).collect().await;
    let wrong: Vec<String> = outcomes.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{} of {count} cases went wrong:\n{}", wrong.len(), wrong.join("\n"));
}

async fn run(addr: SocketAddr, case: Case) -> Result<(), String> {
    let name = case.name.clone();
    converse(addr, case).await.map_err(|wrong| format!("{name}: {wrong}"))
}

async fn converse(addr: SocketAddr, case: Case) -> Result<(), String> {
    let mut peer = Peer::open(addr, case.speaks).await;
    for step in case.steps {
        match step {
            Step::Send(frames) => peer.send(&bytes_of(&frames)).await,
            Step::Frames(frames) => {
                for frame in frames {
                    peer.send(&frame.bytes()).await;
                }
            }
            Step::Bytes(frames) => {
                for byte in bytes_of(&frames) {
                    peer.send(&[byte]).await;
                }
            }
            Step::Hear(expected) => {
                for expected in expected {
                    same(&peer.hear().await?, &expected)?;
                }
            }
            Step::Gather(mut expected) => {
                while !expected.is_empty() {
                    let heard = peer.hear().await?;
                    let found = expected.iter().position(|expected| *expected == heard);
                    expected.remove(found.ok_or_else(|| format!("{heard:?} instead of {expected:?}"))?);
                }
            }
            Step::Refused => return peer.is_refused().await,
            Step::Failed => return peer.is_failed().await,
            Step::Closed(codes) => return peer.is_closed(&codes).await,
        }
    }
    peer.send(&frames::close(1000, "").bytes()).await;
    peer.is_closed(&[Some(1000)]).await
}

fn bytes_of(frames: &[Frame]) -> Vec<u8> {
    frames.iter().flat_map(Frame::bytes).collect()
}

fn same(heard: &Heard, expected: &Heard) -> Result<(), String> {
    if heard == expected { Ok(()) } else { Err(format!("{heard:?} instead of {expected:?}")) }
}

/// The other end of one socket.
pub struct Peer {
    pub stream: TcpStream,
    received: Vec<u8>,
}

impl Peer {
    pub async fn open(addr: SocketAddr, speaks: Speaks) -> Self {
        let protocol = match speaks {
            Speaks::Json => "playhouse.v1.json",
            Speaks::MessagePack => "playhouse.v1.msgpack",
        };
        let head = format!(
            "GET /api/v1/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: {protocol}\r\n\r\n"
        );
        let (peer, answer) = Self::knock(addr, head.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
        peer
    }

    /// Sends the head of a request and returns that of its answer; what comes after it stays to be heard.
    pub async fn knock(addr: SocketAddr, head: &[u8]) -> (Self, String) {
        let stream = TcpStream::connect(addr).await.expect("a connection");
        stream.set_nodelay(true).expect("an open socket");
        let mut peer = Self::over(stream);
        peer.send(head).await;
        let answer = peer.answer_head().await;
        (peer, answer)
    }

    pub fn over(stream: TcpStream) -> Self {
        Self { stream, received: Vec::new() }
    }

    pub async fn answer_head(&mut self) -> String {
        loop {
            if let Some(end) = self.received.windows(4).position(|four| four == b"\r\n\r\n") {
                let rest = self.received.split_off(end + 4);
                let head = std::mem::replace(&mut self.received, rest);
                return String::from_utf8(head).expect("a head is text");
            }
            let read = timeout(DEADLINE, self.stream.read_buf(&mut self.received)).await;
            let read = read.expect("an answer in time").expect("an open connection");
            assert!(read > 0, "hung up in the head: {}", String::from_utf8_lossy(&self.received));
        }
    }

    /// Whoever has been hung up on cannot send any more; that is seen when it is listened for.
    pub async fn send(&mut self, bytes: &[u8]) {
        drop(self.stream.write_all(bytes).await);
    }

    pub async fn hear(&mut self) -> Result<Heard, String> {
        loop {
            if let Some(received) = frames::take(&mut self.received)? {
                return meaning(received);
            }
            let read = timeout(DEADLINE, self.stream.read_buf(&mut self.received)).await;
            match read.map_err(|_| "the server says nothing".to_owned())? {
                Ok(0) | Err(_) => return Ok(Heard::End),
                Ok(_) => {}
            }
        }
    }

    /// What was asked for in good order before may have been answered already.
    async fn next_but_answers(&mut self) -> Result<Heard, String> {
        loop {
            match self.hear().await? {
                Heard::Answer(id) if id < NEVER => {}
                other => return Ok(other),
            }
        }
    }

    async fn is_refused(&mut self) -> Result<(), String> {
        same(&self.next_but_answers().await?, &Heard::Bye(4002))?;
        same(&self.hear().await?, &Heard::Close(Some(4002)))?;
        self.send(&frames::close(4002, "").bytes()).await;
        same(&self.hear().await?, &Heard::End)
    }

    async fn is_failed(&mut self) -> Result<(), String> {
        let mut heard = self.hear().await?;
        if heard == Heard::Bye(4002) {
            heard = self.hear().await?;
        }
        match heard {
            Heard::End => Ok(()),
            Heard::Close(Some(1002 | 1007 | 4002)) => {
                self.send(&frames::close(1002, "").bytes()).await;
                same(&self.hear().await?, &Heard::End)
            }
            other => Err(format!("{other:?} to a close that is none")),
        }
    }

    async fn is_closed(&mut self, codes: &[Option<u16>]) -> Result<(), String> {
        match self.hear().await? {
            Heard::Close(code) if codes.contains(&code) => same(&self.hear().await?, &Heard::End),
            other => Err(format!("{other:?} instead of a close with one of {codes:?}")),
        }
    }
}

fn meaning(Received { opcode, payload }: Received) -> Result<Heard, String> {
    let value: Value = match opcode {
        TEXT => serde_json::from_slice(&payload).map_err(|error| error.to_string())?,
        BINARY => rmp_serde::from_slice(&payload).map_err(|error| error.to_string())?,
        PONG => return Ok(Heard::Pong(payload)),
        CLOSE => {
            let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
            return Ok(Heard::Close(code));
        }
        other => return Err(format!("the server sends opcode {other}")),
    };
    match (value["re"].as_u64(), value["ev"].as_str()) {
        (Some(id), _) if value["ok"].is_object() => Ok(Heard::Answer(id)),
        (Some(id), _) => Ok(Heard::Problem(id)),
        (None, Some("bye")) => Ok(Heard::Bye(value["code"].as_u64().unwrap_or_default())),
        _ => Err(format!("the server says {value}")),
    }
}

/// The words of a request that is answered with `{}`.
pub fn asking(id: u64) -> String {
    json!({"id": id, "op": "ping"}).to_string()
}

/// The same in exactly so many bytes.
pub fn asking_in(id: u64, bytes: usize) -> String {
    let bare = json!({"id": id, "op": "ping", "pad": ""}).to_string();
    let pad = "x".repeat(bytes.checked_sub(bare.len()).expect("long enough for a request"));
    json!({"id": id, "op": "ping", "pad": pad}).to_string()
}

/// A request with these raw bytes inside of a string that nobody looks at.
pub fn asking_around(id: u64, bytes: &[u8]) -> Vec<u8> {
    [format!("{{\"id\":{id},\"op\":\"ping\",\"pad\":\"").as_bytes(), bytes, b"\"}"].concat()
}
