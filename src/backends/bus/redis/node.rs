//! One server: a connection for commands and one for events, made again whenever they end. While there is none,
//! whoever calls is told so at once. The connection for events holds the subscriptions of all channels that lie on
//! the server; when it is new, their subscribers are told that they missed something.

use std::{sync::Arc, time::Duration};

use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, PushInfo, PushKind, RedisError, RedisResult, Value,
    aio::MultiplexedConnection, cmd, pipe,
};
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
    time::{sleep, timeout},
};
use tracing::{info, warn};

use super::{
    events::Events,
    topology::{ANSWER_MAX, Server},
};
use crate::telemetry::tasks;

/// How often an idle connection is asked whether it is alive, and how long the answer may take.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(1);
const HEARTBEAT_MAX: Duration = Duration::from_secs(2);
/// Between two attempts to connect. Doubled each time, and spread by half so that nodes do not come all at once.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// Commands that wait to be written.
const PIPELINE_LEN_MAX: usize = 1_024;

pub(super) struct Node {
    inner: Arc<Inner>,
    keeping: JoinHandle<()>,
}

/// What all nodes of a bus have in common.
pub(super) struct Surroundings {
    pub(super) events: Arc<Events>,
    pub(super) deadline: Duration,
    /// Somebody should look whether the servers are still the same.
    pub(super) trouble: Notify,
}

struct Inner {
    server: Server,
    channels: Vec<u16>,
    surroundings: Arc<Surroundings>,
    line: watch::Sender<Line>,
}

#[derive(Clone)]
enum Line {
    Away(Arc<str>),
    Up(Connections),
}

#[derive(Clone)]
struct Connections {
    commands: MultiplexedConnection,
    events: MultiplexedConnection,
    lost: Arc<Notify>,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    #[error("{server} is away: {reason}")]
    Away { server: String, reason: Arc<str> },
    #[error("{server}: {error}")]
    Failed { server: String, error: RedisError },
    #[error("redis did not answer in time")]
    Slow,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.keeping.abort();
    }
}

impl Node {
    pub(super) fn start(server: Server, surroundings: Arc<Surroundings>) -> Arc<Self> {
        let channels = surroundings.events.channels.within(&server.ranges);
        let line = watch::Sender::new(Line::Away("not connected yet".into()));
        let inner = Arc::new(Inner { server, channels, surroundings, line });
        let keeping = tasks::spawn("redis", keep(inner.clone()));
        Arc::new(Self { inner, keeping })
    }

    pub(super) fn server(&self) -> &Server {
        &self.inner.server
    }

    /// A channel whose events go through this server.
    pub(super) fn channel(&self) -> Option<u16> {
        self.inner.channels.first().copied()
    }

    /// Why it cannot be called.
    pub(super) fn away(&self) -> Option<CallError> {
        self.connections().err()
    }

    pub(super) async fn up(&self) {
        let mut line = self.inner.line.subscribe();
        // It cannot be closed while `self` lives.
        drop(line.wait_for(|line| matches!(line, Line::Up(_))).await);
    }

    pub(super) async fn call(&self, command: &Cmd) -> Result<Value, CallError> {
        let mut connections = self.connections()?;
        let answer = command.query_async(&mut connections.commands).await;
        self.judged(&connections, answer)
    }

    /// Calls a server that a slot is just being moved to.
    pub(super) async fn call_asking(&self, command: &Cmd) -> Result<Value, CallError> {
        let mut connections = self.connections()?;
        let mut both = pipe();
        both.cmd("ASKING").ignore().add_command(command.clone());
        let answer = both.query_async(&mut connections.commands).await.map(|(answer,): (Value,)| answer);
        self.judged(&connections, answer)
    }

    fn connections(&self) -> Result<Connections, CallError> {
        match &*self.inner.line.borrow() {
            Line::Up(connections) => Ok(connections.clone()),
            Line::Away(reason) => {
                Err(CallError::Away { server: self.inner.server.name(), reason: reason.clone() })
            }
        }
    }

    fn judged(&self, connections: &Connections, answer: RedisResult<Value>) -> Result<Value, CallError> {
        answer.map_err(|error| {
            let is_replica = error.kind() == ErrorKind::Server(redis::ServerErrorKind::ReadOnly);
            if error.is_unrecoverable_error() || is_replica {
                connections.lost.notify_one();
            }
            CallError::Failed { server: self.inner.server.name(), error }
        })
    }
}

/// Connects, waits for the end of it, and connects again.
async fn keep(inner: Arc<Inner>) {
    let mut pause = PAUSE_MIN;
    let mut was_up = true;
    loop {
        let reason = match inner.connect().await {
            Ok(connections) => {
                info!(server = inner.server.name(), "connected to the bus");
                pause = PAUSE_MIN;
                was_up = true;
                inner.surroundings.events.missed(&inner.channels);
                inner.line.send_replace(Line::Up(connections.clone()));
                let reason = until_lost(connections).await;
                inner.surroundings.events.disconnected();
                reason
            }
            Err(error) => error.to_string(),
        };
        if std::mem::take(&mut was_up) {
            warn!(server = inner.server.name(), reason, "a server of the bus is away");
        }
        inner.line.send_replace(Line::Away(reason.into()));
        inner.surroundings.trouble.notify_one();
        sleep(pause.mul_f64(rand::random_range(1.0..1.5))).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// Returns with the reason when a connection has ended or does not answer.
async fn until_lost(mut connections: Connections) -> String {
    loop {
        if timeout(HEARTBEAT_EVERY, connections.lost.notified()).await.is_ok() {
            return "the connection has ended".into();
        }
        let ping = cmd("PING");
        let both = async {
            ping.query_async::<()>(&mut connections.commands).await?;
            ping.query_async::<()>(&mut connections.events).await
        };
        match timeout(HEARTBEAT_MAX, both).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return error.to_string(),
            Err(_) => return format!("it did not answer within {} s", HEARTBEAT_MAX.as_secs()),
        }
    }
}

impl Inner {
    async fn connect(&self) -> RedisResult<Connections> {
        let client = Client::open(self.server.info.clone())?;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(ANSWER_MAX))
            .set_response_timeout(Some(self.surroundings.deadline))
            .set_pipeline_buffer_size(PIPELINE_LEN_MAX);
        let mut commands = client.get_multiplexed_async_connection_with_config(&config).await?;
        must_be_master(&mut commands).await?;
        let lost = Arc::new(Notify::new());
        let config = config.set_push_sender(self.listener(lost.clone()));
        let mut events = client.get_multiplexed_async_connection_with_config(&config).await?;
        let mut subscribing = pipe();
        for channel in &self.channels {
            let name = self.surroundings.events.channels.name(*channel);
            subscribing.cmd("SSUBSCRIBE").arg(name);
        }
        if !self.channels.is_empty() {
            subscribing.query_async::<Vec<Value>>(&mut events).await?;
        }
        Ok(Connections { commands, events, lost })
    }

    /// Runs in the driver's task for each push, so that the socket is drained whatever subscribers do: their inboxes
    /// are bounded and never wait.
    fn listener(&self, lost: Arc<Notify>) -> impl Fn(PushInfo) -> Result<(), redis::aio::SendError> + use<> {
        let surroundings = self.surroundings.clone();
        move |push| {
            match push.kind {
                PushKind::SMessage => surroundings.events.hand_out(push.data),
                PushKind::Disconnection => lost.notify_one(),
                // A slot has moved away. Whoever has it now is found, and tells of the gap.
                PushKind::SUnsubscribe => surroundings.trouble.notify_one(),
                _ => {}
            }
            Ok(())
        }
    }
}

async fn must_be_master(connection: &mut MultiplexedConnection) -> RedisResult<()> {
    let role: Vec<Value> = cmd("ROLE").query_async(connection).await?;
    match role.first() {
        Some(Value::BulkString(role)) if role == b"master" => Ok(()),
        _ => Err((ErrorKind::Client, "it is a replica, and only a master can be written to").into()),
    }
}
