//! `GET /api/v1/ws`: the upgrade, and the shards that own the sockets. Frames are translated here and nothing is
//! decided: sessions and rooms do that. `docs/realtime.md` is the contract.

pub mod codec;
pub mod parser;
mod shard;
mod upgrade;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::{Query, Request, State},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
    routing::get,
};
use playhouse_protocol::{problem::Code, realtime::CloseCode};
use serde::Deserialize;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use self::{
    shard::{Arrival, Shard},
    upgrade::Handshake,
};
use super::{limit::Client, problem::ApiError};
use crate::{
    actors::session::Sessions,
    config,
    domain::clock::SharedClock,
    telemetry::{Metrics, tasks},
};

#[derive(Debug, Clone)]
pub struct Options {
    /// How many tasks share the sockets.
    pub shards: usize,
    pub frame_bytes_max: usize,
    pub outbox_bytes_max: usize,
    pub sockets_max: usize,
    pub ping_interval: Duration,
    /// How long any frame may take to come after a ping.
    pub pong_deadline: Duration,
    /// How long a socket may take nothing while something waits for it.
    pub write_deadline: Duration,
    /// How long the other side may take to hear a close.
    pub close_deadline: Duration,
    /// How long a session stays awake after the last request.
    pub session_rest_after: Duration,
    /// The longest that clients are asked to spread their return over.
    pub reconnect_spread: Duration,
    /// How exactly all of these are kept.
    pub step: Duration,
}

impl Options {
    pub fn of(server: &config::Server, rooms: &config::Rooms, limits: &config::Limits) -> Self {
        Self {
            shards: server.shards(),
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
            shards: 2,
            frame_bytes_max: 16_384,
            outbox_bytes_max: 1 << 20,
            sockets_max: 100_000,
            ping_interval: Duration::from_secs(25),
            pong_deadline: Duration::from_secs(10),
            write_deadline: Duration::from_secs(10),
            close_deadline: Duration::from_secs(5),
            session_rest_after: Duration::from_secs(5),
            reconnect_spread: Duration::from_secs(5),
            step: Duration::from_secs(1),
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
pub struct Context {
    parts: Arc<Parts>,
    places: Arc<Semaphore>,
    shards: Box<[Shard]>,
    next: AtomicUsize,
}

impl Context {
    /// Starts the shards.
    pub fn new(parts: Parts) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(parts.options.sockets_max));
        let parts = Arc::new(parts);
        let shards = (0..parts.options.shards.max(1)).map(|_| Shard::start(parts.clone())).collect();
        Arc::new(Self { parts, places, shards, next: AtomicUsize::default() })
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

    fn place(&self) -> Option<OwnedSemaphorePermit> {
        let place = self.places.clone().try_acquire_owned().ok();
        place.filter(|_| !self.parts.drain.is_cancelled())
    }

    /// One shard after the other.
    fn shard(&self) -> &Shard {
        &self.shards[self.next.fetch_add(1, Ordering::Relaxed) % self.shards.len()]
    }
}

/// The route of the socket. It carries its own state.
pub fn routes<S: Clone + Send + Sync + 'static>(ctx: Arc<Context>) -> Router<S> {
    Router::new().route("/api/v1/ws", get(upgrade)).with_state(ctx)
}

#[derive(Deserialize)]
struct Token {
    access_token: Option<String>,
}

async fn upgrade(
    State(ctx): State<Arc<Context>>,
    client: Client,
    Query(token): Query<Token>,
    request: Request,
) -> Response {
    let access_token = bearer(request.headers()).or(token.access_token);
    let handshake = match Handshake::of(request) {
        Ok(handshake) => handshake,
        Err(refused) => return refused.into_response(),
    };
    let Some(place) = ctx.place() else {
        return ApiError::new(Code::Unavailable, "no more sockets are taken here right now").into_response();
    };
    let anonymous = (ctx.parts.pseudonyms)(&client.0);
    let encoding = handshake.encoding;
    let (response, upgrading) = handshake.accept();
    drop(tasks::spawn("upgrade", async move {
        match upgrading.stream().await {
            Ok((wire, said)) => {
                ctx.shard().admit(Arrival { wire, said, encoding, access_token, anonymous, place });
            }
            Err(error) => debug!(error = %error, "a socket was not upgraded"),
        }
    }));
    response
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}
