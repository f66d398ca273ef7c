//! A process that came with `--join`: it does its share and tells the coordinator what it counted.

use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::{
    io::BufReader,
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::Mutex,
    time::{Instant, sleep},
};

use super::{
    resolve,
    wire::{self, Doing, Outcome, Pass, Said, Task, VERSION},
};
use crate::measure::Tally;

/// Workers may be started before their coordinator.
const COORDINATOR_AFTER_MAX: Duration = Duration::from_secs(30);

pub struct Worker {
    reader: Mutex<BufReader<OwnedReadHalf>>,
    writer: Mutex<OwnedWriteHalf>,
}

impl Worker {
    /// Finds the coordinator and gets its share of the work.
    pub async fn join(host: &str) -> anyhow::Result<(Self, Task)> {
        let stream = reach(host).await?;
        stream.set_nodelay(true)?;
        let (reader, writer) = stream.into_split();
        let mut reader = BufReader::new(reader);
        let task: Task = wire::read(&mut reader).await.context("--join")?;
        ensure!(
            task.version == VERSION,
            "--join: the coordinator is version {}, this is {VERSION}",
            task.version
        );
        Ok((Self { reader: Mutex::new(reader), writer: Mutex::new(writer) }, task))
    }

    async fn say(&self, said: &Said) -> anyhow::Result<()> {
        wire::write(&mut *self.writer.lock().await, said).await.context("the coordinator went away")
    }

    pub async fn meet(&self, place: &'static str) -> anyhow::Result<()> {
        self.say(&Said::At(place.to_owned())).await?;
        let pass: Pass = wire::read(&mut *self.reader.lock().await).await?;
        ensure!(pass.place == place, "the coordinator is at {}, we are at {place}", pass.place);
        Ok(())
    }

    pub async fn tell(&self, tally: Tally, doing: Doing) -> anyhow::Result<()> {
        self.say(&Said::Second { tally, doing }).await
    }

    pub async fn conclude(&self, outcome: Outcome) -> anyhow::Result<()> {
        self.say(&Said::Done(outcome)).await
    }
}

async fn reach(host: &str) -> anyhow::Result<TcpStream> {
    let (address, deadline) = (resolve(host).await?, Instant::now() + COORDINATOR_AFTER_MAX);
    loop {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) if Instant::now() > deadline => {
                return Err(error).with_context(|| format!("--join: no coordinator at {host}"));
            }
            Err(_) => sleep(Duration::from_millis(200)).await,
        }
    }
}
