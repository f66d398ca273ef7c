//! A realtime socket as a client holds it: frames of `playhouse_protocol` in, frames out, each with a deadline.

use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::{SinkExt, StreamExt};
use playhouse_protocol::realtime::{Event, Op, Outcome, Refusal, Reply, Request, SUBPROTOCOL_JSON, Snapshot};
use serde::Deserialize;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};

const DEADLINE: Duration = Duration::from_secs(30);

pub struct Socket(WebSocketStream<TcpStream>);

/// What the server says: an answer or an event. `T` is what an `ok` holds.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Incoming<T> {
    Reply(Reply<T>),
    Event(Event),
}

impl Socket {
    pub async fn connect(target: &str, access_token: &str) -> anyhow::Result<Self> {
        let mut request = format!("ws://{target}/api/v1/ws").into_client_request()?;
        let headers = request.headers_mut();
        headers.insert("authorization", HeaderValue::from_str(&format!("Bearer {access_token}"))?);
        headers.insert("sec-websocket-protocol", HeaderValue::from_static(SUBPROTOCOL_JSON));
        let connect = async {
            let stream = TcpStream::connect(target).await?;
            stream.set_nodelay(true)?;
            anyhow::Ok(client_async(request, stream).await?.0)
        };
        Ok(Self(timeout(DEADLINE, connect).await.context("the socket did not open in time")??))
    }

    /// Joins `room` and gives what it was like at that moment.
    pub async fn join(&mut self, room: &str) -> anyhow::Result<Snapshot> {
        self.send(Request { id: 0, op: Op::Join { room: room.to_owned(), since: None } }).await?;
        loop {
            let frame = timeout(DEADLINE, self.next()).await.context("no answer to join in time")?;
            let (Incoming::Reply(Reply { outcome, .. }), _) = frame.map_err(anyhow::Error::msg)? else {
                continue;
            };
            match outcome {
                Outcome::Ok(snapshot) => return Ok(snapshot),
                Outcome::Problem(Refusal { code, detail, .. }) => bail!("join refused: {code}: {detail}"),
            }
        }
    }

    pub async fn send(&mut self, request: Request) -> anyhow::Result<()> {
        let frame = Message::text(serde_json::to_string(&request)?);
        timeout(DEADLINE, self.0.send(frame)).await.context("the server does not read")??;
        Ok(())
    }

    /// The next frame and its size; `Err` says why there is none.
    pub async fn next<T: for<'de> Deserialize<'de>>(&mut self) -> Result<(Incoming<T>, u64), String> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => {
                    let frame =
                        serde_json::from_str(&text).map_err(|e| format!("unreadable frame: {e}: {text}"))?;
                    return Ok((frame, text.len() as u64));
                }
                Some(Ok(Message::Close(close))) => return Err(format!("closed by the server: {close:?}")),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.to_string()),
                None => return Err("the connection ended".to_owned()),
            }
        }
    }
}
