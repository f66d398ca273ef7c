//! Clocks that leap. One flipped bit in a recording says that the next picture comes in nine hours, and filling the time
//! until then would make nine hours of video. A pause within what the file declares is a pause; any other leap of more
//! than a minute is a fault: alone it is left out, and where the stream goes on from there, time closes over it.

use crate::media::probe::Probe;

const LEAP_NS: u64 = 60 * 1_000_000_000;

/// Up to where in the film any position is taken at its word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Belief {
    until_ns: u64,
}

impl Belief {
    pub fn of(probe: &Probe) -> Self {
        let until_ns = probe.duration_ms.saturating_mul(1_000_000).saturating_add(LEAP_NS);
        Self { until_ns: if probe.container.duration_is_exact() { until_ns } else { 0 } }
    }
}

/// The positions of one stream, one after the other.
pub struct Jumps {
    belief: Belief,
    last_ns: Option<u64>,
    /// What is taken off since the last leap; may be negative.
    shift_ns: i128,
    /// Where the position before this one leapt to.
    leapt_to_ns: Option<u64>,
}

impl Jumps {
    pub fn new(belief: Belief) -> Self {
        Self { belief, last_ns: None, shift_ns: 0, leapt_to_ns: None }
    }

    /// Where a position lies on a timeline without leaps. None when it is to be left out.
    pub fn place(&mut self, at_ns: u64) -> Option<u64> {
        let placed_ns = self.shifted(at_ns);
        let Some(last_ns) = self.last_ns else {
            self.last_ns = Some(placed_ns);
            return Some(placed_ns);
        };
        if placed_ns.abs_diff(last_ns) <= LEAP_NS || placed_ns <= self.belief.until_ns {
            self.leapt_to_ns = None;
            self.last_ns = Some(placed_ns);
            return Some(placed_ns);
        }
        let goes_on = self.leapt_to_ns.replace(at_ns).is_some_and(|to_ns| to_ns.abs_diff(at_ns) <= LEAP_NS);
        if !goes_on {
            return None;
        }
        self.shift_ns = i128::from(at_ns) - i128::from(last_ns);
        self.leapt_to_ns = None;
        Some(last_ns)
    }

    fn shifted(&self, at_ns: u64) -> u64 {
        u64::try_from((i128::from(at_ns) - self.shift_ns).max(0)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn placed(until_s: u64, seconds: &[u64]) -> Vec<Option<u64>> {
        let mut jumps = Jumps::new(Belief { until_ns: until_s * SECOND });
        seconds.iter().map(|at| jumps.place(at * SECOND).map(|ns| ns / SECOND)).collect()
    }

    #[test]
    fn a_pause_within_what_the_file_declares_is_a_pause() {
        assert_eq!(placed(700, &[0, 1, 600, 601]), [Some(0), Some(1), Some(600), Some(601)]);
    }

    #[test]
    fn one_leap_is_left_out() {
        assert_eq!(placed(0, &[0, 1, 32_000, 2, 3]), [Some(0), Some(1), None, Some(2), Some(3)]);
    }

    #[test]
    fn time_closes_over_a_leap_that_the_stream_follows() {
        let forward = placed(0, &[0, 1, 32_000, 32_001, 32_002]);
        assert_eq!(forward, [Some(0), Some(1), None, Some(1), Some(2)]);
        let back = placed(0, &[32_000, 32_001, 5, 6, 7]);
        assert_eq!(back, [Some(32_000), Some(32_001), None, Some(32_001), Some(32_002)]);
    }
}
