//! What this node knows of rate limits by itself, so that neither common traffic nor a flood becomes load on Redis. Far
//! from its limit, a key gets an eighth of what it has left to spend here; Redis is told how much of it was spent when it
//! is asked next. Whoever was refused is refused here until that time is over. Near a limit, Redis is always asked.
//! Pure: callers bring the time.

use std::{collections::HashMap, time::Duration};

use super::super::{Limit, Verdict, limits::Limits};
use crate::domain::clock::Timestamp;

/// The part of what is left that is spent without asking: as many nodes together cannot spend more than there is.
const SHARE: u64 = 8;
const CREDIT_FOR: Duration = Duration::from_secs(1);
/// How long this node counts alone after Redis did not answer.
const ALONE_FOR: Duration = Duration::from_secs(1);
const KEYS_MAX: usize = 100_000;
const SWEEP_LEN_MIN: usize = 1_024;

#[derive(Default)]
pub(super) struct Tier {
    keys: HashMap<String, Known>,
    sweep_at_len: usize,
    alone: Limits,
    alone_until: Timestamp,
}

struct Known {
    /// Calls that may be let through unasked.
    credit: u32,
    /// Calls that were, and that Redis has not been told of.
    unasked: u32,
    credit_until: Timestamp,
    /// In nanoseconds since 1970.
    refused_until: i64,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Decided(Verdict),
    Ask { unasked: u32 },
    Alone,
}

/// What Redis says: whether this call is allowed, and how many more would be now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) verdict: Verdict,
    pub(super) left: u64,
}

impl Tier {
    pub(super) fn step(&mut self, key: &str, now: Timestamp) -> Step {
        let Some(known) = self.keys.get_mut(key) else { return self.ask(0, now) };
        let wait_ns = known.refused_until.saturating_sub(nanos(now));
        if let Ok(wait_ns @ 1..) = u64::try_from(wait_ns) {
            return Step::Decided(Verdict::RetryAfter(Duration::from_nanos(wait_ns)));
        }
        if known.credit > 0 && now < known.credit_until {
            known.credit -= 1;
            known.unasked += 1;
            return Step::Decided(Verdict::Allowed);
        }
        // Whoever asks takes them along, so that they are told once.
        let unasked = std::mem::take(&mut known.unasked);
        known.credit = 0;
        self.ask(unasked, now)
    }

    fn ask(&self, unasked: u32, now: Timestamp) -> Step {
        if now < self.alone_until { Step::Alone } else { Step::Ask { unasked } }
    }

    pub(super) fn heard(&mut self, key: &str, answer: Answer, now: Timestamp) -> Verdict {
        self.sweep(now);
        let known = self.keys.entry(key.to_owned()).or_insert(Known {
            credit: 0,
            unasked: 0,
            credit_until: now,
            refused_until: 0,
        });
        match answer.verdict {
            Verdict::Allowed => {
                known.credit = u32::try_from(answer.left / SHARE).unwrap_or(u32::MAX);
                known.credit_until = now.plus(CREDIT_FOR);
            }
            Verdict::RetryAfter(wait) => {
                known.credit = 0;
                let wait_ns = i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX);
                known.refused_until = nanos(now).saturating_add(wait_ns);
            }
        }
        answer.verdict
    }

    pub(super) fn unanswered(&mut self, now: Timestamp) {
        self.alone_until = now.plus(ALONE_FOR);
    }

    /// At twice the rate, as nobody knows what the other nodes let through.
    pub(super) fn alone(&mut self, key: &str, limit: Limit, now: Timestamp) -> Verdict {
        let twice = Limit {
            count: limit.count.saturating_mul(2),
            burst: limit.burst.saturating_mul(2),
            period: limit.period,
        };
        self.alone.check(key, twice, now)
    }

    /// At each doubling, so that a call costs the same on average. What is forgotten costs one question.
    fn sweep(&mut self, now: Timestamp) {
        if self.keys.len() < self.sweep_at_len.max(SWEEP_LEN_MIN) {
            return;
        }
        self.keys.retain(|_, known| known.credit_until > now || known.refused_until > nanos(now));
        if self.keys.len() >= KEYS_MAX {
            self.keys.clear();
        }
        self.sweep_at_len = (self.keys.len() * 2).min(KEYS_MAX);
    }
}

fn nanos(moment: Timestamp) -> i64 {
    moment.0.saturating_mul(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp(1_700_000_000_000);

    fn allowed(left: u64) -> Answer {
        Answer { verdict: Verdict::Allowed, left }
    }

    #[test]
    fn an_eighth_of_what_is_left_is_spent_here_and_told_with_the_next_question() {
        let mut tier = Tier::default();
        assert_eq!(tier.step("a", START), Step::Ask { unasked: 0 });
        tier.heard("a", allowed(24), START);
        for _ in 0..3 {
            assert_eq!(tier.step("a", START), Step::Decided(Verdict::Allowed));
        }
        assert_eq!(tier.step("a", START), Step::Ask { unasked: 3 });
        assert_eq!(tier.step("a", START), Step::Ask { unasked: 0 }, "they are told once");
        tier.heard("a", allowed(7), START);
        assert_eq!(tier.step("a", START), Step::Ask { unasked: 0 }, "near its limit Redis is asked");
        tier.heard("a", allowed(80), START);
        assert_eq!(tier.step("a", START.plus(CREDIT_FOR)), Step::Ask { unasked: 0 }, "credit ends");
    }

    #[test]
    fn whoever_was_refused_is_refused_here_until_the_time_is_over() {
        let mut tier = Tier::default();
        let wait = Duration::from_millis(1_500);
        tier.heard("a", Answer { verdict: Verdict::RetryAfter(wait), left: 0 }, START);
        for _ in 0..10_000 {
            assert_eq!(tier.step("a", START), Step::Decided(Verdict::RetryAfter(wait)));
        }
        let later = START.plus(Duration::from_secs(1));
        assert_eq!(tier.step("a", later), Step::Decided(Verdict::RetryAfter(wait / 3)));
        assert_eq!(tier.step("a", START.plus(wait)), Step::Ask { unasked: 0 });
        assert_eq!(tier.step("b", START), Step::Ask { unasked: 0 });
    }

    #[test]
    fn without_redis_this_node_counts_alone_at_twice_the_rate_and_asks_again_in_time() {
        let mut tier = Tier::default();
        let limit = Limit { count: 3, period: Duration::from_secs(60), burst: 3 };
        tier.unanswered(START);
        assert_eq!(tier.step("a", START), Step::Alone);
        for _ in 0..6 {
            assert_eq!(tier.alone("a", limit, START), Verdict::Allowed);
        }
        assert_eq!(tier.alone("a", limit, START), Verdict::RetryAfter(Duration::from_secs(10)));
        assert_eq!(tier.step("a", START.plus(ALONE_FOR)), Step::Ask { unasked: 0 });
    }

    #[test]
    fn keys_that_all_come_at_once_cannot_take_the_memory() {
        let mut tier = Tier::default();
        for key in 0..300_000 {
            tier.heard(&key.to_string(), allowed(80), START);
        }
        assert!(tier.keys.len() <= KEYS_MAX, "{} are kept", tier.keys.len());
        for key in 0..10_000 {
            tier.heard(&key.to_string(), allowed(80), START.plus(Duration::from_secs(key)));
        }
        assert!(tier.keys.len() <= SWEEP_LEN_MIN, "{} are kept", tier.keys.len());
    }
}
