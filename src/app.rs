//! The one place that wires: a `Config` becomes an `App` that answers at an address until it is stopped. Each
//! group of parts is made in a file of its own below; nothing here decides anything.

mod back_ends;
mod first_start;
mod node;
mod offline;
mod parts;
mod sockets;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::Context as _;
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::oneshot,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use self::back_ends::scanner;
use self::parts::Parts;
pub use self::{
    back_ends::{BackEnds, check, check_scanner},
    first_start::FirstAdmin,
    offline::{RecountReport, accounts_alone, recount},
};
use crate::{
    actors::supervise::{Child, Meltdown, Supervisor},
    config::Config,
    domain::clock::SharedClock,
    http::{self, Front, server::Server},
    telemetry::tasks,
};

/// What a process gives its app besides settings.
pub struct Surroundings {
    pub clock: SharedClock,
    /// Started again with `media-worker` for each piece of a job: usually this very program.
    pub program: PathBuf,
    /// What is supervised besides the app's own actors. None but in tests of what a meltdown does.
    pub children: Vec<Child>,
}

/// A running server.
pub struct App {
    addr: SocketAddr,
    public_url: String,
    first_admin: Option<FirstAdmin>,
    parts: Parts,
    /// Cancelled when the server begins to go away.
    drain: CancellationToken,
    /// Cancelled when sockets have been told and no new connection is to be taken.
    stop: CancellationToken,
    drain_max: Duration,
    serving: JoinHandle<()>,
    supervisor: Supervisor,
    meltdown: oneshot::Receiver<Meltdown>,
}

impl App {
    /// Binds first, so that a taken port is known before anything is written.
    pub async fn start(config: Config, surroundings: Surroundings) -> anyhow::Result<Self> {
        let listen = config.server.listen;
        let listener = listen_on(listen).with_context(|| format!("cannot listen on {listen}"))?;
        let addr = listener.local_addr().context("a bound socket has an address")?;
        let (drain, stop) = (CancellationToken::new(), CancellationToken::new());
        let Surroundings { clock, program, children } = surroundings;
        let parts = Parts::make(&config, clock, program, &drain).await?;
        let first_admin = first_start::make_admin(&parts.accounts, &parts.back_ends).await?;
        let server = Server {
            listener,
            front: Front { ctx: parts.context.clone(), router: http::router(parts.context.clone()) },
            connections_max: config.limits.sockets_max,
            regions: parts.context.regions.clone(),
        };
        let drain_max = config.server.drain_timeout_s.duration();
        let serving = tasks::spawn("server", server.run(stop.clone(), drain_max));
        let (supervisor, meltdown) = parts.supervise(children).await?;
        let public_url = config.server.public_url(addr);
        tracing::info!(node.roles = %config.node.roles, "this node serves");
        Ok(Self {
            addr,
            public_url,
            first_admin,
            parts,
            drain,
            stop,
            drain_max,
            serving,
            supervisor,
            meltdown,
        })
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// The administrator that this start has made, if it was the first.
    pub fn first_admin(&self) -> Option<&FirstAdmin> {
        self.first_admin.as_ref()
    }

    /// What tests look at from inside.
    pub fn context(&self) -> &http::Ctx {
        &self.parts.context
    }

    /// Waits for the day when an actor keeps failing although it is started again and again: then the process must end.
    pub async fn melted_down(&mut self) -> Meltdown {
        match (&mut self.meltdown).await {
            Ok(meltdown) => meltdown,
            Err(_) => std::future::pending().await,
        }
    }

    /// Goes away: no new work, sockets are told when to come back, requests and actors finish, what is pending is
    /// written, the store closes.
    pub async fn stop(self) {
        self.drain.cancel();
        self.parts.context.sockets.drained(self.drain_max).await;
        self.stop.cancel();
        if let Err(error) = self.serving.await {
            tracing::error!(error.chain = %error, "the server ended badly");
        }
        self.supervisor.stop(self.drain_max).await;
        self.parts.close(self.drain_max).await;
    }
}

/// Connections that may wait to be accepted: a storm of clients that come back. The usual 128 makes the rest of them try
/// again a second later.
const BACKLOG: u32 = 4_096;

fn listen_on(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
