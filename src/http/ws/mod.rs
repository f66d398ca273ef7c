//! `GET /api/v1/ws`: the upgrade, and a task for each socket. Frames are translated here and nothing is decided:
//! sessions and rooms do that. `docs/realtime.md` is the contract.

pub mod codec;
pub mod socket;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{
        Query, State,
        ws::{WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
    routing::get,
};
use futures_util::StreamExt;
use playhouse_protocol::{
    problem::Code,
    realtime::{CloseCode, SUBPROTOCOL_JSON, SUBPROTOCOL_MSGPACK},
};
use serde::Deserialize;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error};

use self::socket::{Ended, Socket};
use super::{limit::Client, problem::ApiError};
use crate::{
    actors::{
        seat::{self, Encoding},
        session::{Opening, Sessions},
    },
    config,
    domain::clock::SharedClock,
    telemetry::Metrics,
};

/// Buffers of a socket. The library's own are 128 KiB, and of these there is one a connection.
const BUFFER_BYTES: usize = 4_096;

#[derive(Debug, Clone)]
pub struct Options {
    pub frame_bytes_max: usize,
    pub outbox_bytes_max: usize,
    pub sockets_max: usize,
    pub ping_interval: Duration,
    /// How long any frame may take to come after a ping.
    pub pong_deadline: Duration,
    /// How long one write may take.
    pub write_deadline: Duration,
    /// How long the other side may take to hear a close.
    pub close_deadline: Duration,
    /// The longest that clients are asked to spread their return over.
    pub reconnect_spread: Duration,
}

impl Options {
    pub fn of(rooms: &config::Rooms, limits: &config::Limits) -> Self {
        Self {
            frame_bytes_max: limits.frame_bytes_max,
            outbox_bytes_max: rooms.outbox_bytes_max,
            sockets_max: limits.sockets_max,
            ..Self::default()
        }
    }

    /// When to come back: at random within the spread, so that a restart is no storm.
    fn reconnect_after_ms(&self, code: CloseCode) -> u64 {
        let spread_ms = u64::try_from(self.reconnect_spread.as_millis()).unwrap_or(u64::MAX);
        let least_ms = match code {
            CloseCode::TokenEnded => return 0,
            CloseCode::GoingAway | CloseCode::SlowReader => 200,
            CloseCode::MalformedFrame | CloseCode::NotAllowed | CloseCode::TooMany => spread_ms,
        };
        least_ms.saturating_add(rand::random_range(0..=spread_ms))
    }
}

impl Default for Options {
    /// As `config/default.toml`.
    fn default() -> Self {
        Self {
            frame_bytes_max: 16_384,
            outbox_bytes_max: 1 << 20,
            sockets_max: 100_000,
            ping_interval: Duration::from_secs(25),
            pong_deadline: Duration::from_secs(10),
            write_deadline: Duration::from_secs(10),
            close_deadline: Duration::from_secs(5),
            reconnect_spread: Duration::from_secs(5),
        }
    }
}

/// Names a viewer without an account, by where they come from, in a way that tells nobody where that is.
pub type Pseudonyms = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// What sockets need of the house.
pub struct Parts {
    pub sessions: Sessions,
    pub pseudonyms: Pseudonyms,
    pub clock: SharedClock,
    pub metrics: Arc<Metrics>,
    pub options: Options,
    /// Cancelled when the server begins to go away: every socket is told when to come back.
    pub drain: CancellationToken,
}

/// All sockets of this node.
#[derive(Clone)]
pub struct Context {
    parts: Arc<Parts>,
    places: Arc<Semaphore>,
}

impl Context {
    pub fn new(parts: Parts) -> Self {
        let places = Arc::new(Semaphore::new(parts.options.sockets_max));
        Self { parts: Arc::new(parts), places }
    }

    /// Sockets open now.
    pub fn len(&self) -> usize {
        self.parts.options.sockets_max - self.places.available_permits()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits until every socket is closed; `false` if some are not by then.
    pub async fn drained(&self, deadline: Duration) -> bool {
        let all = u32::try_from(self.parts.options.sockets_max).unwrap_or(u32::MAX);
        timeout(deadline, self.places.acquire_many(all)).await.is_ok()
    }
}

/// The route of the socket. It carries its own state.
pub fn routes<S: Clone + Send + Sync + 'static>(ctx: Context) -> Router<S> {
    Router::new().route("/api/v1/ws", get(upgrade)).with_state(ctx)
}

#[derive(Deserialize)]
struct Token {
    access_token: Option<String>,
}

async fn upgrade(
    State(ctx): State<Context>,
    client: Client,
    Query(token): Query<Token>,
    headers: HeaderMap,
    request: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let request = match request {
        Ok(request) => request,
        Err(rejection) => return ApiError::new(Code::Malformed, rejection.body_text()).into_response(),
    };
    let place = ctx.places.clone().try_acquire_owned().ok();
    let Some(place) = place.filter(|_| !ctx.parts.drain.is_cancelled()) else {
        return ApiError::new(Code::Unavailable, "no more sockets are taken here right now").into_response();
    };
    let access_token = bearer(&headers).or(token.access_token);
    let anonymous = (ctx.parts.pseudonyms)(&client.0);
    let frame_bytes_max = ctx.parts.options.frame_bytes_max;
    let request = request
        .protocols([SUBPROTOCOL_JSON, SUBPROTOCOL_MSGPACK])
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES)
        .max_write_buffer_size(4 * ctx.parts.options.outbox_bytes_max + BUFFER_BYTES)
        // A frame that is a little too large is read and refused with its own code; what is larger ends in the library.
        .max_message_size(4 * frame_bytes_max)
        .max_frame_size(4 * frame_bytes_max)
        .on_failed_upgrade(|error| debug!(error = %error, "a socket was not upgraded"));
    let encoding = match request.selected_protocol().and_then(|protocol| protocol.to_str().ok()) {
        Some(SUBPROTOCOL_MSGPACK) => Encoding::MessagePack,
        _ => Encoding::Json,
    };
    request.on_upgrade(move |socket| async move {
        let newcomer = Newcomer { encoding, access_token, anonymous, place };
        Box::pin(serve(ctx, socket, newcomer)).await;
    })
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}

struct Newcomer {
    encoding: Encoding,
    access_token: Option<String>,
    anonymous: String,
    place: OwnedSemaphorePermit,
}

async fn serve(ctx: Context, socket: WebSocket, newcomer: Newcomer) {
    let Newcomer { encoding, access_token, anonymous, place } = newcomer;
    let parts = &ctx.parts;
    let (seat, outbox) = seat::pair(encoding, parts.options.outbox_bytes_max, parts.metrics.clone());
    let session = match parts.sessions.open(Opening { seat: seat.clone(), access_token, anonymous }).await {
        Ok(session) => session,
        Err(error) => return error!(error = %error, "a session could not be started"),
    };
    parts.metrics.connections.inc();
    let (sink, stream) = socket.split();
    let socket = Socket {
        outbox,
        session,
        clock: parts.clock.clone(),
        options: &parts.options,
        metrics: &parts.metrics,
        drain: parts.drain.clone(),
    };
    let ended = socket::run(stream, sink, socket).await;
    // The session has ended with the loop; whoever still holds the seat sees that it is closed.
    seat.close(seat::Close::new(CloseCode::GoingAway, "the socket is closed"));
    parts.metrics.connections.dec();
    parts.metrics.connections_closed.of(label(&ended)).inc();
    drop(place);
}

fn label(ended: &Ended) -> &'static str {
    match ended {
        Ended::Gone => "peer",
        Ended::Closed(close) => match close.code {
            CloseCode::GoingAway => "4000",
            CloseCode::SlowReader => "4001",
            CloseCode::MalformedFrame => "4002",
            CloseCode::NotAllowed => "4003",
            CloseCode::TooMany => "4004",
            CloseCode::TokenEnded => "4005",
        },
    }
}
