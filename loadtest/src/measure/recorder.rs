//! Where users of this process write down what happens to them. Once a second the newest part is taken out: it goes
//! into the totals, the progress line and the charts, or to the coordinator.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{Counter, Shards, Tally, Timer};

#[derive(Debug, Default)]
pub struct Recorder {
    shards: Shards<Tally>,
    users: AtomicU64,
}

impl Recorder {
    pub fn count(&self, counter: Counter) {
        self.add(counter, 1);
    }

    pub fn add(&self, counter: Counter, more: u64) {
        self.shards.mine().count(counter, more);
    }

    pub fn time(&self, timer: Timer, latency: Duration) {
        self.shards.mine().time(timer, latency);
    }

    pub fn problem(&self, counter: Counter, words: &str) {
        self.shards.mine().problem(counter, words);
    }

    /// Several things at once, for those who have much to say.
    pub fn write(&self, write: impl FnOnce(&mut Tally)) {
        write(&mut self.shards.mine());
    }

    pub fn user_came(&self) {
        self.users.fetch_add(1, Ordering::Relaxed);
    }

    pub fn user_went(&self) {
        self.users.fetch_sub(1, Ordering::Relaxed);
    }

    pub fn users(&self) -> u64 {
        self.users.load(Ordering::Relaxed)
    }

    /// What was written since the last time.
    pub fn take(&self) -> Tally {
        let mut all = Tally::default();
        self.shards.each(|shard| {
            all.add(shard);
            shard.clear();
        });
        all
    }
}

/// One second of a run, small enough to keep all of them.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Second {
    pub at_s: f64,
    pub users: u64,
    pub operations: u64,
    pub deliveries: u64,
    pub errors: u64,
    /// Of the scenario's main timer.
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// Cores the clients used.
    pub client_cores: f64,
}

impl Second {
    pub fn of(tally: &Tally, main: Timer, at_s: f64, users: u64, client_cores: f64) -> Self {
        let percentile =
            |share| tally.latencies(main).map_or(0.0, |latencies| latencies.percentile_ms(share));
        Self {
            at_s,
            users,
            operations: tally.sum(Counter::OPERATIONS),
            deliveries: tally.of(Counter::Deliveries),
            errors: tally.sum(Counter::ERRORS),
            p50_ms: percentile(0.5),
            p99_ms: percentile(0.99),
            client_cores,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_is_not_taken_again() {
        let recorder = Recorder::default();
        std::thread::scope(|threads| {
            for _ in 0..20 {
                threads.spawn(|| {
                    recorder.count(Counter::Comments);
                    recorder.time(Timer::Answer, Duration::from_millis(5));
                });
            }
        });
        let first = recorder.take();
        assert_eq!(first.of(Counter::Comments), 20);
        let second = Second::of(&first, Timer::Answer, 1.0, 3, 0.5);
        assert_eq!((second.operations, second.p99_ms.round()), (20, 5.0));
        let nothing = recorder.take();
        assert_eq!(nothing.of(Counter::Comments), 0);
        assert!(nothing.latencies(Timer::Answer).is_none());
    }
}
