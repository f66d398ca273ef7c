//! The storm, as a row of the comparison: all seats of a room drop while comments flow and come back with their offsets.
//! Playhouse only. It is the scenario `reconnect`, against a server that is asked for its CPU time meanwhile.

use std::{sync::Arc, time::Duration};

use serde::Serialize;

use super::server::Server;
use crate::{
    company::Company,
    measure::{Counter, Recorder, Tally, Timer},
    playhouse::{http::Http, world::World},
    run::{Plan, Run, Scenario, Share},
    scenarios,
};

const SPEAKERS: u32 = 16;
const COMMENTS_PER_S: f64 = 20.0;
const LASTS: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, Default, Serialize)]
pub struct Storm {
    pub seats: u32,
    pub returned: u64,
    pub settled_p50_ms: f64,
    pub settled_p99_ms: f64,
    pub settled_after_ms: f64,
    pub replayed: u64,
    /// Everything that was lost, repeated, cut, refused or told to start afresh.
    pub errors: u64,
    pub server_cpu_s: f64,
}

pub async fn run(server: &Server, seats: usize) -> anyhow::Result<Storm> {
    let target = server.place.address.to_string();
    let (http, recorder) = (Arc::new(Http::to(&target, 0).await?), Arc::new(Recorder::default()));
    let world = World { videos: vec![server.place.room.clone()], likes_before: 0 };
    let (seats, share) = (seats as u32, Share { index: 0, of: 1 });
    let run = Arc::new(Run::new(plan(target, seats), share, world, http, recorder, Company::Alone));
    let before = server.cpu()?;
    Box::pin(scenarios::run(&run)).await?;
    Ok(summary(seats, &run.recorder.take(), (server.cpu()? - before).as_secs_f64()))
}

fn plan(target: String, seats: u32) -> Plan {
    Plan {
        scenario: Scenario::Reconnect,
        target,
        users: seats + SPEAKERS,
        speakers: SPEAKERS,
        rooms: 1,
        per_s: COMMENTS_PER_S,
        duration: LASTS,
        ramp: Duration::ZERO,
        think: Duration::ZERO,
        returns_max: 0,
        text_bytes: 100,
        seed: 1,
        admin_token: None,
    }
}

fn summary(seats: u32, all: &Tally, server_cpu_s: f64) -> Storm {
    let settled = |share| all.latencies(Timer::Settle).map_or(f64::NAN, |settle| settle.percentile_ms(share));
    Storm {
        seats,
        returned: all.of(Counter::Returns),
        settled_p50_ms: settled(0.5),
        settled_p99_ms: settled(0.99),
        settled_after_ms: settled(1.0),
        replayed: all.of(Counter::Replayed),
        errors: all.sum(Counter::ERRORS) + u64::from(seats).saturating_sub(all.of(Counter::Returns)),
        server_cpu_s,
    }
}
