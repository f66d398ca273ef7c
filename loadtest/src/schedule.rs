//! When things happen, decided before the run: a slow server does not slow the questions down, and latency counts from
//! the moment a question was due. Times are distances from the start.

use std::time::Duration;

use crate::measure::Choices;

/// A Poisson process whose rate grows from nothing to its full height during a ramp.
#[derive(Debug, Clone)]
pub struct Arrivals {
    choices: Choices,
    per_s: f64,
    ramp_s: f64,
    lasts: Duration,
    /// How many arrivals were to be expected by now.
    expected: f64,
}

impl Arrivals {
    pub fn new(choices: Choices, per_s: f64, ramp: Duration, lasts: Duration) -> Self {
        Self { choices, per_s, ramp_s: ramp.min(lasts).as_secs_f64(), lasts, expected: 0.0 }
    }

    /// The moment by which so many arrivals are to be expected.
    fn moment(&self, expected: f64) -> f64 {
        let in_ramp = self.per_s * self.ramp_s / 2.0;
        if expected < in_ramp {
            (2.0 * self.ramp_s * expected / self.per_s).sqrt()
        } else {
            self.ramp_s + (expected - in_ramp) / self.per_s
        }
    }
}

impl Iterator for Arrivals {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        if self.per_s <= 0.0 {
            return None;
        }
        self.expected += self.choices.exponential();
        let moment = self.moment(self.expected);
        (moment < self.lasts.as_secs_f64()).then(|| Duration::from_secs_f64(moment))
    }
}

/// Which of `all` numbers fall to one of several processes.
pub fn share_of(all: u32, process: u32, processes: u32) -> std::ops::Range<u32> {
    let edge = |process: u32| (u64::from(all) * u64::from(process) / u64::from(processes)) as u32;
    edge(process)..edge(process + 1)
}

/// When user `number` of `all` comes, spread evenly over the ramp.
pub fn arrival_of(number: u32, all: u32, ramp: Duration) -> Duration {
    ramp.mul_f64(f64::from(number) / f64::from(all.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(seed: u64, ramp_s: u64) -> Vec<Duration> {
        let lasts = Duration::from_secs(20);
        Arrivals::new(Choices::new(seed, 0), 1_000.0, Duration::from_secs(ramp_s), lasts).collect()
    }

    #[test]
    fn a_schedule_is_its_seed() {
        assert_eq!(arrivals(3, 0), arrivals(3, 0));
        assert_ne!(arrivals(3, 0), arrivals(4, 0));
    }

    #[test]
    fn arrivals_come_in_order_at_their_rate() {
        let all = arrivals(1, 0);
        assert!(all.is_sorted());
        assert!((19_400..20_600).contains(&all.len()), "{}", all.len());
        let first_second = all.iter().filter(|at| at.as_secs() == 0).count();
        assert!((880..1_120).contains(&first_second), "{first_second}");
    }

    #[test]
    fn during_the_ramp_half_as_many_come() {
        let all = arrivals(1, 10);
        assert!(all.is_sorted());
        let before = |s| all.iter().filter(|at| at.as_secs_f64() < s).count() as f64;
        assert!((before(10.0) - 5_000.0).abs() < 300.0, "{}", before(10.0));
        assert!((before(5.0) - 1_250.0).abs() < 150.0, "{}", before(5.0));
        assert!((all.len() as f64 - 15_000.0).abs() < 500.0);
    }

    #[test]
    fn shares_cover_all_users_once() {
        let users: Vec<u32> = (0..7).flat_map(|process| share_of(100, process, 7)).collect();
        assert_eq!(users, (0..100).collect::<Vec<_>>());
        assert_eq!(arrival_of(50, 100, Duration::from_secs(10)), Duration::from_secs(5));
    }

    #[test]
    fn no_rate_is_no_arrival() {
        let none = Arrivals::new(Choices::new(1, 1), 0.0, Duration::ZERO, Duration::from_secs(5));
        assert_eq!(none.count(), 0);
    }
}
