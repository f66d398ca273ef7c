//! A TCP proxy that does to each connection what it is told: passes it on, cuts it after so many bytes, or answers in the
//! server's place.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use playhouse::telemetry::tasks;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

#[derive(Debug, Clone, Copy)]
pub enum Plan {
    Pass,
    /// So many bytes of the client are passed on, then the connection is gone.
    CutUp(u64),
    /// The same of the server.
    CutDown(u64),
    /// So many bytes of the client are passed on, then nothing moves any more.
    Stall(u64),
    /// The request is read and answered so.
    Answer(&'static str),
}

pub const SLOW_DOWN: Plan = Plan::Answer(
    "HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nConnection: close\r\nContent-Length: 88\r\n\r\n\
     <Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>\n",
);

pub const SKEWED: Plan = Plan::Answer(
    "HTTP/1.1 403 Forbidden\r\nContent-Type: application/xml\r\nConnection: close\r\nContent-Length: 142\r\n\r\n\
     <Error><Code>RequestTimeTooSkewed</Code><Message>The difference between the request time and the current time is \
     too large.</Message></Error>\n",
);

pub struct Proxy {
    pub addr: SocketAddr,
    plans: Arc<Mutex<VecDeque<Plan>>>,
    task: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// The first connections get `plans`, all others `otherwise`.
    pub async fn start(target: SocketAddr, plans: impl IntoIterator<Item = Plan>, otherwise: Plan) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("a bound socket");
        let plans = Arc::new(Mutex::new(plans.into_iter().collect::<VecDeque<Plan>>()));
        let queue = plans.clone();
        let task = tasks::spawn("proxy", async move {
            while let Ok((client, _)) = listener.accept().await {
                let plan = queue.lock().expect("unbroken").pop_front().unwrap_or(otherwise);
                tasks::spawn("proxied connection", async move { drop(serve(client, target, plan).await) });
            }
        });
        Self { addr, plans, task }
    }

    /// Plans that no connection has come for.
    pub fn plans_left(&self) -> usize {
        self.plans.lock().expect("unbroken").len()
    }
}

async fn serve(mut client: TcpStream, target: SocketAddr, plan: Plan) -> io::Result<()> {
    let (up_max, down_max) = match plan {
        Plan::Pass => (u64::MAX, u64::MAX),
        Plan::CutUp(bytes) => (bytes, u64::MAX),
        Plan::CutDown(bytes) => (u64::MAX, bytes),
        Plan::Stall(bytes) => (bytes, u64::MAX),
        Plan::Answer(text) => return answer(&mut client, text).await,
    };
    let mut server = TcpStream::connect(target).await?;
    let (client_read, mut client_write) = client.split();
    let (server_read, mut server_write) = server.split();
    let (mut up, mut down) = (client_read.take(up_max), server_read.take(down_max));
    let upwards = async {
        drop(copy(&mut up, &mut server_write).await);
        if matches!(plan, Plan::Stall(_)) {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = upwards => {}
        _ = copy(&mut down, &mut client_write) => {}
    }
    Ok(())
}

async fn answer(client: &mut TcpStream, text: &str) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = (&mut *client).take(length.unwrap_or(0));
    copy(&mut body, &mut tokio::io::sink()).await?;
    client.write_all(text.as_bytes()).await?;
    client.shutdown().await
}
