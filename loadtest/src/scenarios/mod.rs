//! One file a scenario, one line of wiring each. A scenario makes its users, lets them act on a schedule that was decided
//! beforehand, and checks what they got; none knows how the server works inside.

mod chat;
mod likes;
mod mixed;
mod muster;
mod reconnect;
mod surge;
mod upload;
mod watch;

use std::sync::Arc;

use crate::{
    measure::{Tally, Timer},
    playhouse::world::Videos,
    run::{Run, Scenario},
};

pub async fn run(run: &Arc<Run>) -> anyhow::Result<()> {
    match run.plan.scenario {
        Scenario::Chat => Box::pin(chat::run(run)).await,
        Scenario::Watch => Box::pin(watch::run(run)).await,
        Scenario::Surge => Box::pin(surge::run(run)).await,
        Scenario::Likes => Box::pin(likes::run(run)).await,
        Scenario::Reconnect => Box::pin(reconnect::run(run)).await,
        Scenario::Upload => Box::pin(upload::run(run)).await,
        Scenario::Mixed => Box::pin(mixed::run(run)).await,
    }
}

/// Held against the server by one process once all are done and added up.
pub async fn check(run: &Run, all: &mut Tally) -> anyhow::Result<()> {
    match run.plan.scenario {
        Scenario::Likes => likes::check(run, all).await,
        _ => Ok(()),
    }
}

/// What a scenario is about: the timer behind `p99_ms`, what it needs, and what it does when nothing is said.
pub struct Nature {
    pub main: Timer,
    pub videos: Videos,
    /// Users with an account, of so many.
    pub speakers: fn(u32) -> u32,
    /// Operations a second of so many users.
    pub per_s: fn(u32) -> f64,
    pub ramp_s: u64,
    pub think_s: u64,
}

pub fn nature(scenario: Scenario) -> Nature {
    let talk = Nature {
        main: Timer::Delivery,
        videos: Videos::OfEarlierRuns,
        speakers: |users| users.min(100),
        per_s: |_| 20.0,
        ramp_s: 0,
        think_s: 10,
    };
    match scenario {
        Scenario::Chat => talk,
        Scenario::Watch => Nature { main: Timer::Segment, speakers: |_| 0, ramp_s: 5, ..talk },
        // A room of its own, so that the viewers it shows are ours.
        Scenario::Surge => {
            Nature { main: Timer::Join, videos: Videos::New, speakers: |_| 0, ramp_s: 1, ..talk }
        }
        Scenario::Likes => {
            Nature { main: Timer::Reaction, speakers: |users| users, per_s: f64::from, ..talk }
        }
        Scenario::Reconnect => Nature { main: Timer::Settle, speakers: |users| users.min(16), ..talk },
        Scenario::Upload => {
            Nature { main: Timer::Upload, speakers: |users| users.min(10), per_s: |_| 0.5, ..talk }
        }
        Scenario::Mixed => {
            let per_s = |users| f64::from(users) / 10.0;
            Nature { main: Timer::Rest, speakers: |users| users.div_ceil(10), per_s, ramp_s: 20, ..talk }
        }
    }
}
