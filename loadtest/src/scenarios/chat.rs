//! Everyone in one room: users comment at a common rate and each must get every comment once and in order.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use anyhow::Context;
use futures_util::{StreamExt, TryStreamExt, stream};
use playhouse_protocol::rest::Tokens;
use tokio::{sync::Semaphore, task::JoinSet, time::Instant};

use super::{Outcome, watch_own_lag};
use crate::{
    args,
    measure::{Choices, InOrder, Tally},
    rest,
    socket::Socket,
    user::{Run, User},
};

/// Accounts and sockets made at once: a password hash takes 19 MiB of the server.
const SET_UP_AT_ONCE: usize = 8;

/// Between the last join and the first word.
const LEAD_IN: Duration = Duration::from_millis(200);

pub async fn run(args: &args::Run) -> anyhow::Result<Outcome> {
    let accounts = register_all(args).await?;
    let owner = accounts.first().context("no users")?;
    let room = rest::publish_clip(&args.target, &owner.access_token).await?.id;
    let users = join_all(args, &accounts, &room).await?;

    let start = Instant::now() + LEAD_IN;
    let run = Arc::new(Run {
        room,
        start,
        end: start + args.duration,
        pause: Duration::from_secs_f64(f64::from(args.users) / f64::from(args.comments_per_s)),
        accepted: AtomicU64::new(0),
        silent: Semaphore::new(0),
        users: args.users,
    });
    let lag = watch_own_lag(run.end);
    let (client_lag, tallies) = tokio::join!(lag, run_all(users, &run));
    Ok(sum(args, client_lag, &tallies?))
}

async fn register_all(args: &args::Run) -> anyhow::Result<Vec<Tokens>> {
    // Runs against one server need names of their own; the standard library's hasher is seeded by the system.
    let tag = RandomState::new().hash_one(args.seed) as u32;
    stream::iter(0..args.users)
        .map(|number| async move { rest::register(&args.target, &format!("lt-{tag:08x}-{number}")).await })
        .buffered(SET_UP_AT_ONCE)
        .try_collect()
        .await
}

async fn join_all(args: &args::Run, accounts: &[Tokens], room: &str) -> anyhow::Result<Vec<User>> {
    let numbered = accounts.iter().enumerate();
    stream::iter(numbered)
        .map(|(number, account)| async move {
            let mut socket = Socket::connect(&args.target, &account.access_token).await?;
            let snapshot = socket.join(room).await?;
            let choices = Choices::new(args.seed, number as u64);
            anyhow::Ok(User::new(socket, InOrder::after(snapshot.offset), choices))
        })
        .buffered(SET_UP_AT_ONCE)
        .try_collect()
        .await
}

async fn run_all(users: Vec<User>, run: &Arc<Run>) -> anyhow::Result<Vec<Tally>> {
    let mut tasks = JoinSet::new();
    for user in users {
        tasks.spawn(user.run(run.clone()));
    }
    let mut tallies = Vec::new();
    while let Some(tally) = tasks.join_next().await {
        tallies.push(tally.context("a simulated user broke")?);
    }
    Ok(tallies)
}

fn sum(args: &args::Run, client_lag: crate::measure::Latencies, tallies: &[Tally]) -> Outcome {
    let mut tally = Tally::default();
    tallies.iter().for_each(|one| tally.add(one));
    let missing = tallies.iter().map(|one| tally.accepted.saturating_sub(one.received)).sum();
    Outcome { tally, missing, client_lag, talked_for: args.duration }
}
