//! Removes rows whose time is over from drivers that do not do it themselves, some keys at a time and only
//! while writes come in: without writes nothing grows.

use std::{
    ops::{Bound, ControlFlow},
    time::{Duration, Instant},
};

use super::{
    super::engine::{Direction, StoreResult},
    cells,
    key_value::KeyValue,
};
use crate::domain::clock::Timestamp;

const PAUSE: Duration = Duration::from_secs(5);
const KEYS_PER_SWEEP: usize = 5_000;

#[derive(Default)]
pub(super) struct Sweeper {
    last: Option<Instant>,
    /// Where the next sweep begins.
    after: Vec<u8>,
}

impl Sweeper {
    /// Runs on the writer's thread, so nothing is written between its look and its removal.
    pub(super) fn after_round(&mut self, driver: &dyn KeyValue, now: Timestamp) {
        if self.last.is_some_and(|last| last.elapsed() < PAUSE) {
            return;
        }
        self.last = Some(Instant::now());
        if let Err(error) = self.sweep(driver, now) {
            tracing::warn!(%error, "could not remove expired rows; the next sweep tries again");
        }
    }

    fn sweep(&mut self, driver: &dyn KeyValue, now: Timestamp) -> StoreResult<()> {
        let mut seen = 0;
        let mut expired = Vec::new();
        let mut reached = Vec::new();
        let begin = Bound::Excluded(std::mem::take(&mut self.after));
        driver.visit((begin, Bound::Unbounded), Direction::Declared, &mut |key, value| {
            seen += 1;
            if cells::is_expired(value, now) {
                expired.push((key.to_vec(), None));
            }
            if seen < KEYS_PER_SWEEP {
                return Ok(ControlFlow::Continue(()));
            }
            reached = key.to_vec();
            Ok(ControlFlow::Break(()))
        })?;
        self.after = reached;
        if expired.is_empty() { Ok(()) } else { driver.commit(expired) }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{key_value::Batch, redb::Redb},
        *,
    };

    #[test]
    fn sweeps_go_through_all_rows_in_turn_and_remove_those_whose_time_is_over() {
        let dir = tempfile::tempdir().unwrap();
        let driver = Redb::open(dir.path()).unwrap();
        let ttl = |number: usize| number.is_multiple_of(3).then_some(Duration::from_secs(1));
        let row = |number: usize| cells::encode(&[], &[], ttl(number), Timestamp(0));
        let key = |number: usize| number.to_be_bytes().to_vec();
        let rows: Batch = (0..KEYS_PER_SWEEP * 2).map(|number| (key(number), row(number))).collect();
        driver.commit(rows).unwrap();
        let mut sweeper = Sweeper::default();
        let left =
            || (0..KEYS_PER_SWEEP * 2).filter(|number| driver.get(&key(*number)).unwrap().is_some()).count();
        sweeper.sweep(&driver, Timestamp(999)).unwrap();
        assert_eq!(left(), KEYS_PER_SWEEP * 2);
        (0..3).for_each(|_| sweeper.sweep(&driver, Timestamp(1_000)).unwrap());
        let expired = (0..KEYS_PER_SWEEP * 2).filter(|number| ttl(*number).is_some()).count();
        assert_eq!(left(), KEYS_PER_SWEEP * 2 - expired);
    }
}
