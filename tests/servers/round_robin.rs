//! Gives connections to several nodes in turn, as the load balancer of a deployment does: no client sticks to a node, and
//! a node that does not say that it is ready gets none. Used by `make cluster` and by the chaos tests.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{interval, timeout},
};

const LOOK_EVERY: Duration = Duration::from_millis(500);
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
const CONNECT_WITHIN: Duration = Duration::from_secs(1);
const READY: &[u8] = b"HTTP/1.1 200";

struct Node {
    addr: SocketAddr,
    is_ready: AtomicBool,
}

struct Nodes {
    nodes: Vec<Node>,
    turn: AtomicUsize,
}

/// Serves until it is dropped.
pub async fn serve(listener: TcpListener, addresses: Vec<SocketAddr>) {
    let nodes = addresses.into_iter().map(|addr| Node { addr, is_ready: AtomicBool::new(true) });
    let nodes = Arc::new(Nodes { nodes: nodes.collect(), turn: AtomicUsize::new(0) });
    let mut tasks = JoinSet::new();
    for place in 0..nodes.nodes.len() {
        let nodes = nodes.clone();
        tasks.spawn(async move { watch(&nodes.nodes[place]).await });
    }
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((client, _)) = accepted {
                let nodes = nodes.clone();
                tasks.spawn(async move { nodes.carry(client).await });
            },
            _ = tasks.join_next() => {}
        }
    }
}

impl Nodes {
    /// Until both ends have closed, or one breaks off.
    async fn carry(&self, mut client: TcpStream) {
        let Some(mut node) = self.connect().await else { return };
        for stream in [&client, &node] {
            drop(stream.set_nodelay(true));
        }
        drop(copy_bidirectional(&mut client, &mut node).await);
    }

    /// To the next that is ready; when none is, to any that still listens, so that clients hear what is wrong.
    async fn connect(&self) -> Option<TcpStream> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let all = || (0..self.nodes.len()).map(|step| &self.nodes[(turn + step) % self.nodes.len()]);
        let ready = all().filter(|node| node.is_ready.load(Ordering::Relaxed));
        for node in ready.chain(all()) {
            if let Ok(Ok(stream)) = timeout(CONNECT_WITHIN, TcpStream::connect(node.addr)).await {
                return Some(stream);
            }
            node.is_ready.store(false, Ordering::Relaxed);
        }
        None
    }
}

async fn watch(node: &Node) {
    let mut looks = interval(LOOK_EVERY);
    loop {
        looks.tick().await;
        let is_ready = matches!(timeout(ANSWER_WITHIN, ask(node.addr)).await, Ok(Ok(true)));
        node.is_ready.store(is_ready, Ordering::Relaxed);
    }
}

async fn ask(addr: SocketAddr) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(addr).await?;
    let request = format!("GET /health/ready HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut status = [0; READY.len()];
    stream.read_exact(&mut status).await?;
    // To the end: a connection that is reset would be logged there.
    drop(stream.read_to_end(&mut Vec::new()).await);
    Ok(status == READY)
}
