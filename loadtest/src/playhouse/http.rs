//! A pool of kept HTTP connections that all users of a process share, as browsers behind a proxy would. A request waits
//! for a free one; that wait is part of its latency. It never retries what may have been done; what only reads is asked
//! again as often as it was told.

use std::{
    net::SocketAddr,
    pin::Pin,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, StatusCode,
    body::Bytes,
    client::conn::http1::{Connection, SendRequest},
    header::HeaderMap,
    http::request::Builder,
};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::{
    net::TcpStream,
    sync::Semaphore,
    time::{sleep, timeout},
};

use crate::wire::scan;

const DEADLINE: Duration = Duration::from_secs(30);
/// Connections of one process; above it requests wait for one another.
const CONNECTIONS_MAX: usize = 256;
/// Servers hang up on connections that are idle for longer.
const KEPT_FOR: Duration = Duration::from_secs(5);
const REPEAT_AFTER: Duration = Duration::from_millis(500);

type Body = Full<Bytes>;

struct Kept {
    /// When its last answer came.
    used_at: Instant,
    sender: SendRequest<Body>,
    connection: Pin<Box<Connection<TokioIo<TcpStream>, Body>>>,
}

pub struct Http {
    pub address: SocketAddr,
    /// What `Host` says.
    pub host: String,
    /// How often what only reads is asked again when no answer came or the server could not give one.
    pub repeats: u32,
    free: Mutex<Vec<Kept>>,
    permits: Semaphore,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json<T: DeserializeOwned>(&self) -> anyhow::Result<T> {
        serde_json::from_slice(&self.body)
            .with_context(|| format!("unexpected body: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The answer itself, if it is a good one.
    pub fn hoped_for(self) -> anyhow::Result<Self> {
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            bail!("429: all users share an address, start the server with PLAYHOUSE__LIMITS__ENABLED=false");
        }
        if !self.status.is_success() {
            // The code only: what differs from request to request would make every problem another one.
            let code = scan::text_after(&self.body, br#""code":"#).unwrap_or("no code");
            bail!("{} {code}", self.status.as_u16());
        }
        Ok(self)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Http {
    pub async fn to(host: &str, repeats: u32) -> anyhow::Result<Self> {
        let mut found = tokio::net::lookup_host(host).await.with_context(|| format!("no host {host}"))?;
        let address = found.next().with_context(|| format!("no address for {host}"))?;
        let permits = Semaphore::new(CONNECTIONS_MAX);
        Ok(Self { address, host: host.to_owned(), repeats, free: Mutex::default(), permits })
    }

    pub async fn get(&self, path: &str, access_token: Option<&str>) -> anyhow::Result<Answer> {
        self.call(Request::get(path), access_token, Bytes::new()).await
    }

    pub async fn call(
        &self,
        request: Builder,
        access_token: Option<&str>,
        body: impl Into<Bytes>,
    ) -> anyhow::Result<Answer> {
        let mut request = request.header("host", &self.host);
        if let Some(token) = access_token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Full::new(body.into()))?;
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        let mut repeats = if reads { self.repeats } else { 0 };
        loop {
            let answer = timeout(DEADLINE, self.exchange(request.clone())).await;
            let answer = answer.context("no answer in time").flatten();
            let is_answer =
                answer.as_ref().is_ok_and(|answer| answer.status != StatusCode::SERVICE_UNAVAILABLE);
            if is_answer || repeats == 0 {
                return answer;
            }
            repeats -= 1;
            sleep(REPEAT_AFTER).await;
        }
    }

    async fn exchange(&self, request: Request<Body>) -> anyhow::Result<Answer> {
        let _permit = self.permits.acquire().await.context("never closed")?;
        let mut kept = match self.take_kept() {
            Some(kept) => kept,
            None => self.connect().await?,
        };
        let exchange = async {
            let answer = kept.sender.send_request(request).await?;
            let (head, body) = answer.into_parts();
            let body = body.collect().await?.to_bytes();
            anyhow::Ok(Answer { status: head.status, headers: head.headers, body })
        };
        // The connection works only while it is polled; the answer may come with its end.
        let answer = tokio::select! {
            biased;
            answer = exchange => answer?,
            ended = &mut kept.connection => {
                ended?;
                bail!("the server hung up");
            }
        };
        if answer.header("connection") != Some("close") {
            kept.used_at = Instant::now();
            self.free.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
        }
        Ok(answer)
    }

    /// A connection that was still open a moment ago.
    fn take_kept(&self) -> Option<Kept> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(kept) = free.pop() {
            if kept.used_at.elapsed() < KEPT_FOR && !kept.sender.is_closed() && kept.sender.is_ready() {
                return Some(kept);
            }
        }
        None
    }

    async fn connect(&self) -> anyhow::Result<Kept> {
        let stream =
            TcpStream::connect(self.address).await.with_context(|| format!("no server at {}", self.host))?;
        stream.set_nodelay(true)?;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        Ok(Kept { used_at: Instant::now(), sender, connection: Box::pin(connection) })
    }
}
