//! Several processes as one run: a coordinator that was started with `--listen` and `--workers`, and workers that came
//! with `--join`. They enter each part of a run together, and what they count ends up in one report.

mod coordinator;
mod wire;
mod worker;

use std::{net::SocketAddr, sync::Arc};

pub use coordinator::{Coordinator, Gathering};
pub use wire::{Doing, Outcome};
pub use worker::Worker;

use crate::measure::Tally;

/// Who else takes part.
#[derive(Clone)]
pub enum Company {
    Alone,
    Leading(Arc<Coordinator>),
    Following(Arc<Worker>),
}

impl Company {
    /// Waits until every process is at `place`.
    pub async fn meet(&self, place: &'static str) -> anyhow::Result<()> {
        match self {
            Self::Alone => Ok(()),
            Self::Leading(coordinator) => coordinator.meet(place).await,
            Self::Following(worker) => worker.meet(place).await,
        }
    }

    /// What the last second brought, of this process. Gives what it brought in all, to the one that leads.
    pub async fn second(&self, mut own: Tally, mut doing: Doing) -> anyhow::Result<Option<(Tally, Doing)>> {
        match self {
            Self::Alone => Ok(Some((own, doing))),
            Self::Leading(coordinator) => {
                coordinator.add_others(&mut own, &mut doing);
                Ok(Some((own, doing)))
            }
            Self::Following(worker) => worker.tell(own, doing).await.map(|()| None),
        }
    }

    /// How it went, from all to the one that leads.
    pub async fn conclude(&self, own: Outcome) -> anyhow::Result<Option<Vec<Outcome>>> {
        match self {
            Self::Alone => Ok(Some(vec![own])),
            Self::Leading(coordinator) => coordinator.outcomes(own).await.map(Some),
            Self::Following(worker) => worker.conclude(own).await.map(|()| None),
        }
    }
}

/// `HOST:PORT` of a coordinator.
pub async fn resolve(host: &str) -> anyhow::Result<SocketAddr> {
    use anyhow::Context;
    let mut found = tokio::net::lookup_host(host).await.with_context(|| format!("no host {host}"))?;
    found.next().with_context(|| format!("no address for {host}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        measure::{Counter, Timer},
        playhouse::world::World,
        run::Share,
    };

    fn tally(ms: u64) -> Tally {
        let mut tally = Tally::default();
        tally.count(Counter::Comments, 1);
        tally.time(Timer::Answer, Duration::from_millis(ms));
        tally
    }

    fn outcome() -> Outcome {
        Outcome { acted_for: Duration::from_secs(1), client_cores: 0.5, client_busy: 0.25 }
    }

    #[tokio::test]
    async fn three_processes_meet_and_their_tallies_become_one() {
        let gathering = Gathering::listen("127.0.0.1:0", 2).await.unwrap();
        let host = gathering.address().unwrap().to_string();
        let follow = |ms| {
            let host = host.clone();
            tokio::task::spawn_blocking(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async move {
                    let (worker, plan) = Worker::join(&host).await.unwrap();
                    let company = Company::Following(Arc::new(worker));
                    company.meet("ready").await.unwrap();
                    let doing = Doing { users: 10, client_cores: 0.25 };
                    company.second(tally(ms), doing).await.unwrap();
                    company.meet("silent").await.unwrap();
                    company.conclude(outcome()).await.unwrap();
                    plan.share
                })
            })
        };
        let (first, second) = (follow(20), follow(30));
        let world = World { videos: vec!["v".into()], likes_before: 3 };
        let coordinator = gathering.tell_all(&coordinator::tests::plan(), &world).await.unwrap();
        let company = Company::Leading(Arc::new(coordinator));
        company.meet("ready").await.unwrap();
        company.meet("silent").await.unwrap();
        let doing = Doing { users: 5, client_cores: 0.5 };
        let (all, doing) = company.second(tally(10), doing).await.unwrap().unwrap();
        assert_eq!(all.of(Counter::Comments), 3);
        assert_eq!(all.latencies(Timer::Answer).unwrap().max_ms().round(), 30.0);
        assert_eq!((doing.users, doing.client_cores), (25, 1.0));
        assert_eq!(company.conclude(outcome()).await.unwrap().unwrap().len(), 3);
        let mut shares = [first.await.unwrap(), second.await.unwrap()];
        shares.sort_by_key(|share| share.index);
        assert_eq!(shares, [Share { index: 1, of: 3 }, Share { index: 2, of: 3 }]);
    }

    #[tokio::test]
    async fn a_worker_that_goes_away_ends_the_run() {
        let gathering = Gathering::listen("127.0.0.1:0", 1).await.unwrap();
        let host = gathering.address().unwrap().to_string();
        let world = World { videos: Vec::new(), likes_before: 0 };
        let plan = coordinator::tests::plan();
        let (coordinator, joined) = tokio::join!(gathering.tell_all(&plan, &world), Worker::join(&host));
        drop(joined.unwrap());
        let company = Company::Leading(Arc::new(coordinator.unwrap()));
        assert!(company.meet("ready").await.is_err());
    }
}
