//! One file a scenario. Each sets its world up over the public interface, runs its users and hands back what they
//! counted; none knows how the server works inside.

mod chat;

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::{
    args::{Run, Scenario},
    measure::{Latencies, Tally},
};

/// What a scenario measured.
pub struct Outcome {
    pub tally: Tally,
    /// Comments that some user did not get although they were acknowledged, summed over users.
    pub missing: u64,
    /// How late this process itself was: the client's own slowness.
    pub client_lag: Latencies,
    pub talked_for: Duration,
}

pub async fn run(run: &Run) -> anyhow::Result<Outcome> {
    match run.scenario {
        Scenario::Chat => chat::run(run).await,
    }
}

const LAG_PERIOD: Duration = Duration::from_millis(10);

/// Wakes every 10 ms until `end` and notes by how much it was late.
async fn watch_own_lag(end: Instant) -> Latencies {
    let mut lag = Latencies::default();
    let mut ticks = interval(LAG_PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while Instant::now() < end {
        let due = ticks.tick().await;
        lag.record(due.elapsed());
    }
    lag
}
