//! What coordinator and workers say to each other: one JSON object a line over TCP. Both are the same version of this
//! program, which is checked first. The tool is for one's own network: there is no password.

use std::{io, time::Duration};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite, AsyncWriteExt};

use crate::{
    measure::Tally,
    playhouse::world::World,
    run::{Plan, Share},
};

pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "/1");
const LINE_BYTES_MAX: usize = 64 << 20;

/// The coordinator's first word.
#[derive(Debug, Serialize, Deserialize)]
pub struct Task {
    pub version: String,
    pub plan: Plan,
    pub share: Share,
    pub world: World,
}

/// What a worker says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// It is at this place and waits for the others.
    At(String),
    /// What its last second brought.
    Second { tally: Tally, doing: Doing },
    /// It is done.
    Done(Outcome),
}

/// What the coordinator says after its task: go on from this place.
#[derive(Debug, Serialize, Deserialize)]
pub struct Pass {
    pub place: String,
}

/// What a process does at the moment.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Doing {
    pub users: u64,
    pub client_cores: f64,
}

/// How a run went in one process, beside what it counted.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Outcome {
    /// From the start to the last answer.
    pub acted_for: Duration,
    /// Cores this process used meanwhile.
    pub client_cores: f64,
    /// The same as a share of its machine: 1 is all of it.
    pub client_busy: f64,
}

pub async fn write<T: Serialize>(to: &mut (impl AsyncWrite + Unpin), what: &T) -> anyhow::Result<()> {
    let mut line = serde_json::to_vec(what)?;
    line.push(b'\n');
    Ok(to.write_all(&line).await?)
}

/// The next line; an error at the end of the stream.
pub async fn read<T: DeserializeOwned>(from: &mut (impl AsyncBufRead + Unpin)) -> anyhow::Result<T> {
    let mut line = Vec::new();
    loop {
        let bytes = from.fill_buf().await?;
        if bytes.is_empty() {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof)).context("the other process went away");
        }
        let (used, ended) = match memchr::memchr(b'\n', bytes) {
            Some(end) => (end + 1, true),
            None => (bytes.len(), false),
        };
        line.extend_from_slice(&bytes[..used]);
        from.consume(used);
        if ended {
            return serde_json::from_slice(&line).context("the other process is another version");
        }
        if line.len() > LINE_BYTES_MAX {
            bail!("a line without an end");
        }
    }
}
