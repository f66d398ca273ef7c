//! How often one child may fail, and how long to wait before it is started again.

use std::{collections::VecDeque, time::Duration};

#[derive(Debug, Clone)]
pub struct Options {
    /// Failures of one child within `window` that are answered with a restart; the next one is the meltdown.
    pub restarts_max: usize,
    pub window: Duration,
    /// The pause before the first restart; doubled with each further one in the window.
    pub pause_first: Duration,
    pub pause_max: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            restarts_max: 5,
            window: Duration::from_secs(60),
            pause_first: Duration::from_millis(50),
            pause_max: Duration::from_secs(5),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    RestartAfter(Duration),
    Meltdown,
}

/// The failures of one child, as times since some fixed start.
#[derive(Debug, Default)]
pub struct State {
    failures: VecDeque<Duration>,
    pub restarts: u64,
}

impl State {
    pub fn on_failure(&mut self, now: Duration, options: &Options) -> Verdict {
        while self.failures.front().is_some_and(|at| now.saturating_sub(*at) > options.window) {
            self.failures.pop_front();
        }
        if self.failures.len() >= options.restarts_max {
            return Verdict::Meltdown;
        }
        let doublings = u32::try_from(self.failures.len()).unwrap_or(u32::MAX);
        let pause = options.pause_first.saturating_mul(2_u32.saturating_pow(doublings));
        self.failures.push_back(now);
        self.restarts += 1;
        Verdict::RestartAfter(pause.min(options.pause_max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_until_the_budget_of_the_window_is_spent() {
        let options = Options {
            restarts_max: 3,
            window: Duration::from_secs(10),
            pause_first: Duration::from_millis(100),
            pause_max: Duration::from_millis(250),
        };
        let mut state = State::default();
        for (now_s, expected) in [
            (0, Verdict::RestartAfter(Duration::from_millis(100))),
            (1, Verdict::RestartAfter(Duration::from_millis(200))),
            (2, Verdict::RestartAfter(Duration::from_millis(250))),
            (10, Verdict::Meltdown),
            (11, Verdict::RestartAfter(Duration::from_millis(250))),
            (30, Verdict::RestartAfter(Duration::from_millis(100))),
        ] {
            assert_eq!(state.on_failure(Duration::from_secs(now_s), &options), expected, "at {now_s} s");
        }
        assert_eq!(state.restarts, 5);
    }
}
