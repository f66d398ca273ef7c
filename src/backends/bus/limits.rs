//! Rate limits: for each key the moment until which it has used up its share (GCRA's theoretical arrival time).
//! A key whose moment has passed is as good as new and is forgotten.

use std::{collections::HashMap, time::Duration};

use super::{Limit, Verdict};
use crate::domain::clock::Timestamp;

const KEYS_MAX: usize = 100_000;
const SWEEP_LEN_MIN: usize = 1_024;

#[derive(Default)]
pub(super) struct Limits {
    /// In nanoseconds since 1970.
    arrivals: HashMap<String, i64>,
    sweep_at_len: usize,
}

impl Limits {
    pub(super) fn check(&mut self, key: &str, limit: Limit, now: Timestamp) -> Verdict {
        let now = now.0.saturating_mul(1_000_000);
        let (interval, tolerance) = (limit.interval_ns(), limit.tolerance_ns());
        let arrival = self.arrivals.get(key).copied().unwrap_or(now).max(now);
        let next = arrival.saturating_add(interval);
        let allowed_at = next.saturating_sub(tolerance);
        if allowed_at > now {
            return Verdict::RetryAfter(Duration::from_nanos(allowed_at.abs_diff(now)));
        }
        self.sweep(now);
        self.arrivals.insert(key.into(), next);
        Verdict::Allowed
    }

    fn sweep(&mut self, now: i64) {
        if self.arrivals.len() < self.sweep_at_len.max(SWEEP_LEN_MIN) {
            return;
        }
        self.arrivals.retain(|_, arrival| *arrival > now);
        if self.arrivals.len() >= KEYS_MAX {
            self.forget_half();
        }
        self.sweep_at_len = (self.arrivals.len() * 2).min(KEYS_MAX);
    }

    /// Those that are nearest to being as good as new.
    fn forget_half(&mut self) {
        let mut arrivals: Vec<i64> = self.arrivals.values().copied().collect();
        let middle = arrivals.len() / 2;
        let (_, median, _) = arrivals.select_nth_unstable(middle);
        let median = *median;
        self.arrivals.retain(|_, arrival| *arrival > median);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Limit = Limit { count: 10, period: Duration::from_secs(1), burst: 1 };

    #[test]
    fn idle_keys_are_forgotten() {
        let mut limits = Limits::default();
        for at in 0..200_000 {
            limits.check(&format!("key-{at}"), LIMIT, Timestamp(at * 10));
        }
        assert!(limits.arrivals.len() <= SWEEP_LEN_MIN, "{} are kept", limits.arrivals.len());
    }

    #[test]
    fn keys_that_all_come_at_once_cannot_take_the_memory() {
        let mut limits = Limits::default();
        for key in 0..300_000 {
            limits.check(&format!("key-{key}"), LIMIT, Timestamp(0));
        }
        assert!(limits.arrivals.len() <= KEYS_MAX, "{} are kept", limits.arrivals.len());
    }
}
