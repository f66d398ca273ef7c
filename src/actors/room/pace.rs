//! When a room sends: at once after a quiet while, then once a tick, and never while what it sent last is still being
//! written. When writing takes longer than a tick lasts, the tick widens, so that a room that is too large or too loud
//! sends fewer, larger frames, and leaves half of the time to everything else. Pure.

use std::time::{Duration, Instant};

/// A tick widens up to this for what writing takes.
const TICK_MAX: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub struct Pace {
    tick: Duration,
    begun_at: Option<Instant>,
    writing: bool,
    /// What the last write took.
    took: Duration,
    /// Whether somebody will ask again when the tick is over.
    due: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Now,
    After(Duration),
    /// It will be asked again when something else has happened.
    Later,
}

impl Pace {
    pub fn new(tick: Duration) -> Self {
        Self { tick, begun_at: None, writing: false, took: Duration::ZERO, due: false }
    }

    /// When what there is may be sent.
    pub fn next(&mut self, now: Instant) -> Next {
        if self.writing || self.due {
            return Next::Later;
        }
        let since = self.begun_at.map_or(Duration::MAX, |at| now.duration_since(at));
        match self.width().saturating_sub(since) {
            Duration::ZERO => Next::Now,
            left => {
                self.due = true;
                Next::After(left)
            }
        }
    }

    /// How long the tick is now.
    pub fn width(&self) -> Duration {
        match self.tick.is_zero() {
            true => Duration::ZERO,
            false => self.tick.max((2 * self.took).min(TICK_MAX)),
        }
    }

    /// The time that `next` named has come.
    pub fn on_due(&mut self) {
        self.due = false;
    }

    pub fn on_sent(&mut self, now: Instant) {
        self.begun_at = Some(now);
        self.writing = true;
    }

    /// Every shard has written it. Returns how long that took.
    pub fn on_written(&mut self, now: Instant) -> Duration {
        self.writing = false;
        self.took = self.begun_at.map_or(Duration::ZERO, |at| now.duration_since(at));
        self.took
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_goes_at_once_and_the_rest_once_a_tick() {
        let (mut pace, begin) = (Pace::new(Duration::from_millis(50)), Instant::now());
        let at = |ms| begin + Duration::from_millis(ms);
        assert_eq!(pace.next(at(0)), Next::Now);
        pace.on_sent(at(0));
        assert_eq!(pace.next(at(1)), Next::Later, "what was sent is being written");
        pace.on_written(at(2));
        assert_eq!(pace.next(at(10)), Next::After(Duration::from_millis(40)));
        assert_eq!(pace.next(at(20)), Next::Later, "it will be asked again");
        pace.on_due();
        assert_eq!(pace.next(at(50)), Next::Now);
    }

    #[test]
    fn the_tick_widens_with_what_writing_takes_up_to_a_bound() {
        let (mut pace, begin) = (Pace::new(Duration::from_millis(50)), Instant::now());
        for (took, width) in [(10, 50), (100, 200), (400, 500), (20, 50)] {
            pace.on_sent(begin);
            assert_eq!(pace.on_written(begin + Duration::from_millis(took)), Duration::from_millis(took));
            assert_eq!(pace.width(), Duration::from_millis(width));
        }
        let mut at_once = Pace::new(Duration::ZERO);
        at_once.on_sent(begin);
        assert_eq!(at_once.next(begin), Next::Later);
        at_once.on_written(begin + Duration::from_secs(1));
        assert_eq!(at_once.next(begin + Duration::from_secs(1)), Next::Now);
    }
}
