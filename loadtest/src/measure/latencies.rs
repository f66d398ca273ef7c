//! Latencies in an HDR histogram: a tenth of a per cent exact from a microsecond to an hour, in fixed memory. They cross
//! to another process as pairs of value and count, so merging loses nothing.

use std::{
    cell::Cell,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

const MAX_US: u64 = 3_600_000_000;
const SIGNIFICANT_FIGURES: u8 = 3;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(into = "Vec<(u64, u64)>", from = "Vec<(u64, u64)>")]
pub struct Latencies(Histogram<u64>);

impl Default for Latencies {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, MAX_US, SIGNIFICANT_FIGURES);
        Self(histogram.expect("the bounds are constants that fit"))
    }
}

impl Latencies {
    pub fn record(&mut self, latency: Duration) {
        self.0.saturating_record((latency.as_micros() as u64).clamp(1, MAX_US));
    }

    pub fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("all histograms have the same bounds");
    }

    pub fn clear(&mut self) {
        self.0.reset();
    }

    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// In milliseconds; zero when nothing was recorded. `share` is 0.5 for the median.
    pub fn percentile_ms(&self, share: f64) -> f64 {
        if self.0.is_empty() { 0.0 } else { self.0.value_at_quantile(share) as f64 / 1e3 }
    }

    pub fn max_ms(&self) -> f64 {
        self.percentile_ms(1.0)
    }

    /// Counts in buckets whose width doubles, for a chart: upper bound in milliseconds and how many.
    pub fn doubling(&self) -> Vec<(f64, u64)> {
        let steps = self.0.iter_log(1_000, 2.0);
        steps.map(|step| (step.value_iterated_to() as f64 / 1e3, step.count_since_last_iteration())).collect()
    }
}

impl From<Latencies> for Vec<(u64, u64)> {
    fn from(latencies: Latencies) -> Self {
        latencies.0.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value())).collect()
    }
}

impl From<Vec<(u64, u64)>> for Latencies {
    fn from(pairs: Vec<(u64, u64)>) -> Self {
        let mut latencies = Self::default();
        for (value, count) in pairs {
            latencies.0.saturating_record_n(value, count);
        }
        latencies
    }
}

/// One of `T` for every few threads, so that ten thousand tasks may count without waiting for one another.
#[derive(Debug)]
pub struct Shards<T>(Vec<Mutex<T>>);

const SHARDS: usize = 8;

impl<T: Default> Default for Shards<T> {
    fn default() -> Self {
        Self((0..SHARDS).map(|_| Mutex::default()).collect())
    }
}

impl<T> Shards<T> {
    /// This thread's share.
    pub fn mine(&self) -> MutexGuard<'_, T> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static MINE: Cell<usize> = Cell::new(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        self.0[MINE.get() % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn each(&self, mut look: impl FnMut(&mut T)) {
        self.0.iter().for_each(|shard| look(&mut shard.lock().unwrap_or_else(PoisonError::into_inner)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(millis: impl Iterator<Item = u64>) -> Latencies {
        let mut latencies = Latencies::default();
        millis.for_each(|ms| latencies.record(Duration::from_millis(ms)));
        latencies
    }

    #[test]
    fn percentiles_are_within_a_tenth_of_a_per_cent() {
        let latencies = of(1..=1_000);
        for (share, truth) in [(0.5, 500.0), (0.99, 990.0), (1.0, 1_000.0)] {
            let found = latencies.percentile_ms(share);
            assert!((truth..=truth * 1.0011).contains(&found), "{share}: {found}");
        }
        assert_eq!(Latencies::default().percentile_ms(0.99), 0.0);
    }

    #[test]
    fn what_crosses_to_another_process_is_the_same_there() {
        let (one, other) = (of(1..=300), of(200..=5_000));
        let text = serde_json::to_string(&other).unwrap();
        let mut merged = one.clone();
        merged.add(&serde_json::from_str(&text).unwrap());
        let mut all = of(1..=300);
        all.add(&other);
        assert_eq!(merged.count(), 300 + 4_801);
        for share in [0.01, 0.5, 0.99, 0.999, 1.0] {
            assert_eq!(merged.percentile_ms(share), all.percentile_ms(share), "{share}");
        }
    }

    #[test]
    fn longer_than_the_longest_counts_as_the_longest() {
        let mut latencies = Latencies::default();
        latencies.record(Duration::from_secs(100_000));
        assert!((latencies.max_ms() - 3_600_000.0).abs() < 3_600.0);
    }
}
