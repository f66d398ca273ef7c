//! One server under test as a child process: started on a free port with data of its own, asked for CPU time and
//! memory by its id, and killed when it is dropped.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail};
use tokio::{
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    time::{Instant, sleep},
};

use super::rival::{Place, Rival};
use crate::{
    measure::Recorder,
    playhouse::{
        http::Http,
        world::{self, Videos},
    },
    proc,
};

const UP_AFTER_MAX: Duration = Duration::from_secs(20);

/// Where the servers are, as scripts/bench-fanout.sh puts them.
#[derive(Debug, Clone, clap::Args)]
pub struct Programs {
    /// The Playhouse server.
    #[arg(long, default_value = "target/release/playhouse")]
    pub playhouse: PathBuf,
    /// The bun program.
    #[arg(long, default_value = "rivals/bun/node_modules/bun/bin/bun.exe")]
    pub bun: PathBuf,
    /// The node program, for Socket.IO.
    #[arg(long, default_value = "node")]
    pub node: PathBuf,
    /// The centrifuge server, built from rivals/centrifuge.
    #[arg(long, default_value = ".cache/rivals/centrifuge")]
    pub centrifuge: PathBuf,
    /// The folder with the rivals' servers.
    #[arg(long, default_value = "rivals")]
    pub rivals_folder: PathBuf,
}

/// What a row asks of Playhouse's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tick {
    Default,
    Zero,
}

pub struct Server {
    programs: Programs,
    tick: Tick,
    child: Child,
    data: PathBuf,
    pub place: Place,
}

impl Server {
    /// Starts `rival` and waits until it takes connections; for Playhouse also makes `writers` accounts and a room.
    pub async fn start(
        programs: &Programs,
        rival: Rival,
        tick: Tick,
        writers: usize,
    ) -> anyhow::Result<Self> {
        let address = free_port().await?;
        let data = std::env::temp_dir().join(format!("playhouse-compare-{}", address.port()));
        fs::create_dir_all(&data)?;
        let place = Place { rival, address, room: "room".to_owned(), access_tokens: Vec::new() };
        let child = spawn(programs, rival, tick, address, &data)?;
        let mut server = Self { programs: programs.clone(), tick, child, data, place };
        server.wait_until_up().await?;
        if rival == Rival::Playhouse {
            server.furnish(writers).await?;
        }
        Ok(server)
    }

    /// Ends the server and starts it again where it was, as one that has done nothing yet: what hashing passwords and
    /// transcoding left behind in its memory would hide what seats take.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("the server could not be ended")?;
        let Place { rival, address, .. } = self.place;
        self.child = spawn(&self.programs, rival, self.tick, address, &self.data)?;
        self.wait_until_up().await
    }

    async fn wait_until_up(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + UP_AFTER_MAX;
        while TcpStream::connect(self.place.address).await.is_err() {
            if let Some(status) = self.child.try_wait()? {
                let said = fs::read_to_string(self.data.join("stderr")).unwrap_or_default();
                bail!("{} ended at once, {status}: {said}", self.place.rival.name());
            }
            if Instant::now() > deadline {
                bail!("{} took no connection within {UP_AFTER_MAX:?}", self.place.rival.name());
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    async fn furnish(&mut self, writers: usize) -> anyhow::Result<()> {
        let http = Arc::new(Http::to(&self.place.address.to_string(), 0).await?);
        let recorder = Arc::new(Recorder::default());
        let accounts = world::register(&http, &recorder, 0..writers as u32, None).await?;
        self.place.access_tokens = accounts.into_iter().map(|account| account.access_token).collect();
        let world = world::furnish(&http, &recorder, 1, Videos::New).await?;
        self.place.room = world.videos.into_iter().next().context("no room")?;
        Ok(())
    }

    fn process(&self) -> anyhow::Result<String> {
        Ok(self.child.id().context("the server has ended")?.to_string())
    }

    pub fn cpu(&self) -> anyhow::Result<Duration> {
        proc::cpu_of(&self.process()?)
    }

    pub fn memory(&self) -> anyhow::Result<u64> {
        proc::memory_of(&self.process()?)
    }

    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("the server could not be ended")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(reason) = fs::remove_dir_all(&self.data) {
            eprintln!("{} stays behind: {reason}", self.data.display());
        }
    }
}

async fn free_port() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    Ok(listener.local_addr()?)
}

fn spawn(
    programs: &Programs,
    rival: Rival,
    tick: Tick,
    address: SocketAddr,
    data: &Path,
) -> anyhow::Result<Child> {
    let errors = fs::File::create(data.join("stderr"))?;
    let mut command = command(programs, rival, tick, address, data);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors).kill_on_drop(true);
    command.spawn().with_context(|| format!("{} does not start", rival.name()))
}

fn command(programs: &Programs, rival: Rival, tick: Tick, address: SocketAddr, data: &Path) -> Command {
    let mut command = match rival {
        Rival::Playhouse => {
            let mut command = Command::new(&programs.playhouse);
            command.arg("serve").env("PLAYHOUSE__SERVER__LISTEN", address.to_string());
            command.env("PLAYHOUSE__SERVER__DATA_DIR", data).env("PLAYHOUSE__LIMITS__ENABLED", "false");
            command.env("PLAYHOUSE__TELEMETRY__LOG", "warn");
            if tick == Tick::Zero {
                command.env("PLAYHOUSE__ROOMS__TICK_MS", "0");
            }
            command
        }
        Rival::Bun => script(&programs.bun, &programs.rivals_folder.join("bun/server.js")),
        Rival::Socketio => script(&programs.node, &programs.rivals_folder.join("socketio/server.js")),
        Rival::Centrifuge => Command::new(&programs.centrifuge),
    };
    command.env("PORT", address.port().to_string()).env("NODE_ENV", "production");
    command
}

fn script(program: &Path, script: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg(script);
    command
}
