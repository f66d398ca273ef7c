//! One socket of a simulated user. All sockets of a thread read into one scratch buffer, so a silent socket costs a few
//! hundred bytes; pings are answered here; `read` and `flush` may be dropped at any await without losing a byte.

use std::{
    cell::RefCell,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
    time::timeout,
};

use super::frame::{Frame, Out, parse};

const SCRATCH_BYTES: usize = 64 * 1024;
const HEAD_BYTES_MAX: usize = 4096;
/// What may wait for a server that does not read.
const OUT_BYTES_MAX: usize = 1 << 20;
const DEADLINE: Duration = Duration::from_secs(30);

/// The example of RFC 6455, section 1.3: a server may not care whether keys repeat, and the answer is known.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; SCRATCH_BYTES]);
}

/// What is asked for when a socket opens.
#[derive(Debug, Clone, Default)]
pub struct Upgrade {
    pub path: String,
    pub subprotocol: Option<&'static str>,
    pub access_token: Option<String>,
}

/// How a socket ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum End {
    #[error("closed by the server with {code}{reason}")]
    Closed { code: u16, reason: String },
    #[error("{0}")]
    Broken(String),
}

pub struct Socket {
    stream: TcpStream,
    /// The start of a frame whose rest has not come.
    carry: Vec<u8>,
    /// Whether `carry` may hold whole frames: what came together with the answer to the upgrade.
    unread: bool,
    out: Out,
}

impl Socket {
    pub async fn connect(address: SocketAddr, upgrade: &Upgrade) -> anyhow::Result<Self> {
        timeout(DEADLINE, Self::open(address, upgrade)).await.context("the socket did not open in time")?
    }

    async fn open(address: SocketAddr, upgrade: &Upgrade) -> anyhow::Result<Self> {
        let mut stream =
            TcpStream::connect(address).await.with_context(|| format!("no server at {address}"))?;
        stream.set_nodelay(true)?;
        stream.write_all(request(address, upgrade).as_bytes()).await?;
        let carry = answer(&mut stream, upgrade).await?;
        Ok(Self { stream, unread: !carry.is_empty(), carry, out: Out::default() })
    }

    /// Queues a text and writes as much of it as the kernel takes now; `read` writes the rest.
    pub async fn send(&mut self, text: &[u8]) -> Result<(), End> {
        self.out.text(text);
        std::future::poll_fn(|cx| Poll::Ready(self.write(cx))).await
    }

    /// Says goodbye and leaves without waiting for the server's.
    pub async fn close(mut self) {
        self.out.close(1000);
        let said = std::future::poll_fn(|cx| Poll::Ready(self.write(cx))).await;
        drop(said);
    }

    /// Waits until the server says something and hands over every whole message; the callee may answer.
    pub async fn read(&mut self, mut take: impl FnMut(&[u8], &mut Out)) -> Result<(), End> {
        std::future::poll_fn(|cx| self.poll(cx, &mut take)).await
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        take: &mut impl FnMut(&[u8], &mut Out),
    ) -> Poll<Result<(), End>> {
        if std::mem::take(&mut self.unread) && self.take(&[], take)? {
            self.write(cx)?;
            return Poll::Ready(Ok(()));
        }
        self.write(cx)?;
        loop {
            let taken = ready!(self.read_once(cx, take))?;
            self.write(cx)?;
            if taken {
                return Poll::Ready(Ok(()));
            }
        }
    }

    fn read_once(
        &mut self,
        cx: &mut Context<'_>,
        take: &mut impl FnMut(&[u8], &mut Out),
    ) -> Poll<Result<bool, End>> {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer)).map_err(broken)?;
            Poll::Ready(match buffer.filled() {
                [] => Err(End::Broken("the connection ended".to_owned())),
                bytes => self.take(bytes, take),
            })
        })
    }

    /// Hands over what is whole in the carry and `bytes`; whether that was a message at all.
    fn take(&mut self, bytes: &[u8], take: &mut impl FnMut(&[u8], &mut Out)) -> Result<bool, End> {
        if self.carry.is_empty() {
            let (used, taken) = hand_over(bytes, &mut self.out, take)?;
            self.carry.extend_from_slice(&bytes[used..]);
            return Ok(taken);
        }
        let mut carry = std::mem::take(&mut self.carry);
        carry.extend_from_slice(bytes);
        let (used, taken) = hand_over(&carry, &mut self.out, take)?;
        if used < carry.len() {
            carry.drain(..used);
            self.carry = carry;
        }
        Ok(taken)
    }

    /// Writes what the kernel takes; the rest waits for the next time it is asked.
    fn write(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        while !self.out.bytes().is_empty() {
            match Pin::new(&mut self.stream).poll_write(cx, self.out.bytes()) {
                Poll::Ready(count) => self.out.written(count.map_err(broken)?),
                Poll::Pending if self.out.bytes().len() > OUT_BYTES_MAX => {
                    return Err(End::Broken("the server does not read".to_owned()));
                }
                Poll::Pending => break,
            }
        }
        Ok(())
    }
}

fn broken(error: std::io::Error) -> End {
    End::Broken(error.to_string())
}

/// How many bytes of `bytes` were whole frames, and whether a message was among them.
fn hand_over(
    bytes: &[u8],
    out: &mut Out,
    take: &mut impl FnMut(&[u8], &mut Out),
) -> Result<(usize, bool), End> {
    let (mut used, mut taken) = (0, false);
    while let Some((frame, len)) = parse(&bytes[used..]).map_err(|wrong| End::Broken(wrong.to_owned()))? {
        used += len;
        match frame {
            Frame::Data(payload) => {
                taken = true;
                take(payload, out);
            }
            Frame::Ping(payload) => out.pong(payload),
            Frame::Pong => {}
            Frame::Close { code, reason } => {
                let reason = String::from_utf8_lossy(reason);
                let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
                return Err(End::Closed { code: code.unwrap_or(1005), reason });
            }
        }
    }
    Ok((used, taken))
}

fn request(address: SocketAddr, upgrade: &Upgrade) -> String {
    let mut head = format!(
        "GET {} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n",
        upgrade.path
    );
    if let Some(subprotocol) = upgrade.subprotocol {
        head.push_str(&format!("Sec-WebSocket-Protocol: {subprotocol}\r\n"));
    }
    if let Some(token) = &upgrade.access_token {
        head.push_str(&format!("Authorization: Bearer {token}\r\n"));
    }
    head.push_str("\r\n");
    head
}

/// Reads the answer to the upgrade and gives the bytes that came after it.
async fn answer(stream: &mut TcpStream, upgrade: &Upgrade) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(512);
    let end = loop {
        ensure!(stream.read_buf(&mut bytes).await? > 0, "the server hung up instead of upgrading");
        if let Some(at) = memchr::memmem::find(&bytes, b"\r\n\r\n") {
            break at;
        }
        ensure!(bytes.len() < HEAD_BYTES_MAX, "an answer without an end");
    };
    let head = std::str::from_utf8(&bytes[..end]).context("an answer that is no text")?;
    let status = head.lines().next().unwrap_or_default();
    if !status.contains(" 101 ") {
        bail!("{status} instead of an upgrade");
    }
    let header = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    };
    ensure!(header("sec-websocket-accept") == Some(ACCEPT), "the server answers another key");
    ensure!(header("sec-websocket-protocol") == upgrade.subprotocol, "another sub-protocol than asked for");
    Ok(bytes.split_off(end + 4))
}
