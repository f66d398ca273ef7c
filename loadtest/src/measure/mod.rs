//! What one user counts while it runs, and how those of all are added up. Fixed memory however long a run is.

mod latencies;

use std::collections::BTreeMap;

pub use latencies::{Latencies, Shards};

/// One user's view of the run, or that of all.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Comments the server acknowledged.
    pub accepted: u64,
    /// Comments it refused, by code.
    pub refused: BTreeMap<String, u64>,
    /// Comments without an answer at the end.
    pub unanswered: u64,
    /// Comments of anyone that arrived for the first time and in order.
    pub received: u64,
    /// Comments that arrived again, or after a later one.
    pub repeated: u64,
    pub bytes: u64,
    /// Why a socket ended before the run did.
    pub cut: Vec<String>,
    /// From the moment a comment was sent to that at which a user has it.
    pub delivery: Latencies,
    /// From the moment a comment was sent to its acknowledgement.
    pub answer: Latencies,
}

impl Tally {
    pub fn add(&mut self, other: &Self) {
        self.accepted += other.accepted;
        self.unanswered += other.unanswered;
        self.received += other.received;
        self.repeated += other.repeated;
        self.bytes += other.bytes;
        self.cut.extend(other.cut.iter().cloned());
        self.delivery.add(&other.delivery);
        self.answer.add(&other.answer);
        for (code, count) in &other.refused {
            *self.refused.entry(code.clone()).or_default() += count;
        }
    }
}

/// A stream of offsets as one reader sees it: each must be above all before it.
#[derive(Debug, Clone, Copy)]
pub struct InOrder {
    last: u64,
}

impl InOrder {
    pub fn after(offset: u64) -> Self {
        Self { last: offset }
    }

    /// Whether `offset` is news.
    pub fn accept(&mut self, offset: u64) -> bool {
        let news = offset > self.last;
        self.last = self.last.max(offset);
        news
    }
}

/// A small seeded generator (SplitMix64, Steele et al. 2014): choices must repeat, not resist.
#[derive(Debug, Clone)]
pub struct Choices(u64);

impl Choices {
    pub fn new(seed: u64, stream: u64) -> Self {
        Self(seed ^ stream.wrapping_mul(0xA076_1D64_78BD_642F))
    }

    /// Between 0 and 1.
    pub fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_seen_before_or_overtaken_is_not_news() {
        let mut order = InOrder::after(4);
        let news: Vec<_> = [5, 6, 6, 9, 7, 10].into_iter().map(|offset| order.accept(offset)).collect();
        assert_eq!(news, [true, true, false, true, false, true]);
    }

    #[test]
    fn the_same_seed_makes_the_same_choices() {
        let draw = |seed, stream| {
            let mut choices = Choices::new(seed, stream);
            (0..4).map(|_| choices.share()).collect::<Vec<_>>()
        };
        assert_eq!(draw(7, 1), draw(7, 1));
        assert_ne!(draw(7, 1), draw(7, 2));
        assert!(draw(7, 1).iter().all(|share| (0.0..1.0).contains(share)));
    }
}
