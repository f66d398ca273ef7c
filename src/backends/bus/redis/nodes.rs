//! All servers of a bus, and the way from a key to the one that has it. They are looked up again when one is in
//! trouble or says that a slot has moved, and now and then.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use redis::{Cmd, ConnectionInfo, ErrorKind, RedisError, ServerErrorKind, Value};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{sleep, timeout},
};
use tracing::{debug, info};

use super::{
    super::{BusError, BusResult},
    address::Address,
    node::{CallError, Node, Surroundings},
    script::Script,
    slots,
    topology::{self, FindError, Server},
};
use crate::telemetry::tasks;

const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Between two looks whatever happens.
const LOOK_PAUSE: Duration = Duration::from_millis(500);
/// How long new servers may take to be connected before they are called all the same.
const ARRANGE_MAX: Duration = Duration::from_secs(1);
/// How long a call waits for the servers to be looked up again before it asks anew.
const MOVE_MAX: Duration = Duration::from_millis(300);

pub(super) struct Nodes {
    inner: Arc<Inner>,
    looking: JoinHandle<()>,
}

struct Inner {
    address: Address,
    surroundings: Arc<Surroundings>,
    layout: watch::Sender<Layout>,
}

type Layout = Arc<Vec<Arc<Node>>>;

#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    #[error(transparent)]
    Find(#[from] FindError),
    #[error(transparent)]
    Connect(#[from] CallError),
}

impl Drop for Nodes {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

impl Nodes {
    /// Returns when every server is connected.
    pub(super) async fn start(address: Address, surroundings: Surroundings) -> Result<Self, StartError> {
        let servers = topology::find(&address, &[]).await?;
        let deadline = surroundings.deadline;
        let inner = Arc::new(Inner {
            address,
            surroundings: Arc::new(surroundings),
            layout: watch::Sender::default(),
        });
        inner.arrange(servers).await;
        let nodes = inner.layout.borrow().clone();
        for node in nodes.iter() {
            if timeout(deadline, node.up()).await.is_err() {
                return Err(StartError::Connect(node.away().unwrap_or(CallError::Slow)));
            }
        }
        let looking = tasks::spawn("redis", look(inner.clone()));
        Ok(Self { inner, looking })
    }

    /// For each server a channel that goes through it.
    pub(super) fn channels(&self) -> Vec<u16> {
        self.inner.layout.borrow().iter().filter_map(|node| node.channel()).collect()
    }

    pub(super) async fn call(&self, slot: u16, command: &Cmd) -> BusResult<Value> {
        self.within_deadline(self.inner.routed(slot, command)).await
    }

    /// All keys of a script lie in one slot.
    pub(super) async fn run(&self, script: &Script, keys: &[&str], arguments: &[&str]) -> BusResult<Value> {
        let slot = keys.first().map(|key| slots::slot(key)).unwrap_or_default();
        self.within_deadline(async {
            match self.inner.routed(slot, &script.by_digest(keys, arguments)).await {
                Err(CallError::Failed { error, .. }) if is_unknown_script(&error) => {
                    self.inner.routed(slot, &script.by_text(keys, arguments)).await
                }
                answer => answer,
            }
        })
        .await
    }

    async fn within_deadline(
        &self,
        call: impl Future<Output = Result<Value, CallError>>,
    ) -> BusResult<Value> {
        let answer = timeout(self.inner.surroundings.deadline, call).await.unwrap_or(Err(CallError::Slow));
        answer.map_err(|error| BusError::Unavailable(error.to_string()))
    }
}

fn is_unknown_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

impl Inner {
    /// Follows a slot to where it has moved, for as long as the caller waits.
    async fn routed(&self, slot: u16, command: &Cmd) -> Result<Value, CallError> {
        loop {
            let mut layout = self.layout.subscribe();
            let nodes = layout.borrow_and_update().clone();
            let node = nodes.iter().find(|node| node.server().serves(slot));
            let node = node.expect("a layout serves every slot");
            let error = match node.call(command).await {
                Err(CallError::Failed { error, server }) => (error, server),
                answer => return answer,
            };
            match (error.0.kind(), error.0.redirect_node()) {
                (ErrorKind::Server(ServerErrorKind::Ask), Some((host, port))) => {
                    let asked = format!("{host}:{port}");
                    if let Some(node) = nodes.iter().find(|node| node.server().name() == asked) {
                        return node.call_asking(command).await;
                    }
                }
                (ErrorKind::Server(ServerErrorKind::Moved), _) => {}
                _ => return Err(CallError::Failed { error: error.0, server: error.1 }),
            }
            self.surroundings.trouble.notify_one();
            // Told or not, ask anew.
            drop(timeout(MOVE_MAX, layout.changed()).await);
        }
    }

    /// Keeps the nodes that are as they were. Those that are new are waited for, so that the old ones serve until then.
    async fn arrange(&self, servers: Vec<Server>) {
        let before = self.layout.borrow().clone();
        let kept = |server: &Server| before.iter().find(|node| node.server().is_as(server)).cloned();
        let all_kept = servers.len() == before.len() && servers.iter().all(|server| kept(server).is_some());
        if all_kept {
            return;
        }
        info!(servers = servers.len(), "the bus has these servers now");
        let start = |server| Node::start(server, self.surroundings.clone());
        let nodes = servers.into_iter().map(|server| kept(&server).unwrap_or_else(|| start(server)));
        let nodes: Vec<Arc<Node>> = nodes.collect();
        // Those that cannot be reached now keep trying.
        drop(timeout(ARRANGE_MAX, join_all(nodes.iter().map(|node| node.up()))).await);
        self.layout.send_replace(Arc::new(nodes));
    }
}

async fn look(inner: Arc<Inner>) {
    loop {
        drop(timeout(LOOK_EVERY, inner.surroundings.trouble.notified()).await);
        let known: Vec<ConnectionInfo> =
            inner.layout.borrow().iter().map(|node| node.server().info.clone()).collect();
        match topology::find(&inner.address, &known).await {
            Ok(servers) => inner.arrange(servers).await,
            Err(error) => debug!(error.chain = %error, "the servers of the bus cannot be looked up"),
        }
        sleep(LOOK_PAUSE).await;
    }
}
