//! The process that leads: it hands out shares, lets all go on together, adds up what workers say each second, and
//! collects how it went. A worker that goes away ends the run: its part would be missing.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, anyhow};
use tokio::{
    io::BufReader,
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{Mutex as AsyncMutex, watch},
    task::JoinSet,
    time::timeout,
};

use super::wire::{self, Doing, Outcome, Pass, Said, Task, VERSION};
use crate::{
    measure::Tally,
    playhouse::world::World,
    run::{Plan, Share},
};

/// How long processes wait for one another; registering many users takes long.
const MEETING_MAX: Duration = Duration::from_secs(3600);

/// Waits for its workers.
pub struct Gathering {
    listener: TcpListener,
    workers: u32,
}

impl Gathering {
    pub async fn listen(host: &str, workers: u32) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(host).await.with_context(|| format!("--listen {host}"))?;
        Ok(Self { listener, workers })
    }

    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// Waits until all are there and gives each its share.
    pub async fn tell_all(self, plan: &Plan, world: &World) -> anyhow::Result<Coordinator> {
        let mut workers = Vec::new();
        for index in 1..=self.workers {
            let (mut stream, _) = self.listener.accept().await?;
            stream.set_nodelay(true)?;
            let share = Share { index, of: self.workers + 1 };
            let (plan, world) = (plan.clone(), world.clone());
            wire::write(&mut stream, &Task { version: VERSION.to_owned(), plan, share, world }).await?;
            workers.push(stream);
        }
        Ok(Coordinator::of(workers))
    }
}

/// What is known of the workers.
#[derive(Default)]
struct Known {
    /// How many are at a place.
    at: HashMap<String, usize>,
    /// What they counted since it was last asked.
    tally: Tally,
    doing: HashMap<usize, Doing>,
    outcomes: Vec<Outcome>,
    /// Why one went away.
    gone: Option<String>,
}

pub struct Coordinator {
    workers: usize,
    writers: AsyncMutex<Vec<OwnedWriteHalf>>,
    known: std::sync::Arc<Mutex<Known>>,
    changed: watch::Sender<()>,
    _readers: JoinSet<()>,
}

impl Coordinator {
    fn of(streams: Vec<TcpStream>) -> Self {
        let (known, changed) = (std::sync::Arc::new(Mutex::new(Known::default())), watch::Sender::new(()));
        let (workers, mut readers) = (streams.len(), JoinSet::new());
        let mut writers = Vec::new();
        for (number, stream) in streams.into_iter().enumerate() {
            let (reader, writer) = stream.into_split();
            writers.push(writer);
            let (known, changed) = (known.clone(), changed.clone());
            readers.spawn(async move {
                let gone = listen(reader, number, &known, &changed).await;
                let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
                if let Err(reason) = gone {
                    known.gone.get_or_insert(format!("worker {}: {reason:#}", number + 1));
                }
                changed.send_replace(());
            });
        }
        Self { workers, writers: AsyncMutex::new(writers), known, changed, _readers: readers }
    }

    pub async fn meet(&self, place: &'static str) -> anyhow::Result<()> {
        self.until(|known| known.at.get(place).is_some_and(|at| *at == self.workers)).await?;
        for writer in self.writers.lock().await.iter_mut() {
            wire::write(writer, &Pass { place: place.to_owned() }).await?;
        }
        Ok(())
    }

    pub fn add_others(&self, own: &mut Tally, doing: &mut Doing) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        own.add(&std::mem::take(&mut known.tally));
        for other in known.doing.values() {
            doing.users += other.users;
            doing.client_cores += other.client_cores;
        }
    }

    pub async fn outcomes(&self, own: Outcome) -> anyhow::Result<Vec<Outcome>> {
        self.until(|known| known.outcomes.len() == self.workers).await?;
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(known.outcomes.iter().copied().chain([own]).collect())
    }

    async fn until(&self, is_it: impl Fn(&Known) -> bool) -> anyhow::Result<()> {
        let mut changed = self.changed.subscribe();
        let waiting = async {
            loop {
                changed.borrow_and_update();
                {
                    let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                    if is_it(&known) {
                        return Ok(());
                    }
                    if let Some(reason) = &known.gone {
                        return Err(anyhow!("{reason}"));
                    }
                }
                changed.changed().await?;
            }
        };
        timeout(MEETING_MAX, waiting).await.context("a worker did not come in time")?
    }
}

/// Takes in what a worker says until it is done.
async fn listen(
    reader: OwnedReadHalf,
    number: usize,
    known: &Mutex<Known>,
    changed: &watch::Sender<()>,
) -> anyhow::Result<()> {
    let mut reader = BufReader::new(reader);
    loop {
        let said: Said = wire::read(&mut reader).await?;
        let done = matches!(said, Said::Done(_));
        {
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            match said {
                Said::At(place) => *known.at.entry(place).or_default() += 1,
                Said::Second { tally, doing } => {
                    known.tally.add(&tally);
                    known.doing.insert(number, doing);
                }
                Said::Done(outcome) => known.outcomes.push(outcome),
            }
        }
        changed.send_replace(());
        if done {
            return Ok(());
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::run::Scenario;

    pub fn plan() -> Plan {
        Plan {
            scenario: Scenario::Chat,
            target: "127.0.0.1:1".into(),
            users: 30,
            speakers: 3,
            rooms: 1,
            per_s: 1.0,
            duration: Duration::from_secs(1),
            ramp: Duration::ZERO,
            think: Duration::from_secs(1),
            returns_max: 0,
            text_bytes: 100,
            seed: 1,
            admin_token: None,
        }
    }
}
