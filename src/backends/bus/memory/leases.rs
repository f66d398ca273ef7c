//! Leases by name. One that is over is as good as none, and is forgotten in time.

use std::collections::HashMap;

use super::{super::Lease, Fences};
use crate::domain::clock::Timestamp;

const SWEEP_LEN_MIN: usize = 1_024;

#[derive(Default)]
pub(super) struct Leases {
    held: HashMap<String, Lease>,
    sweep_at_len: usize,
}

impl Leases {
    pub(super) fn acquire(
        &mut self,
        name: &str,
        owner: &str,
        expires_at: Timestamp,
        now: Timestamp,
        fences: &Fences,
    ) -> Option<Lease> {
        if self.held.get(name).is_some_and(|lease| lease.expires_at > now) {
            return None;
        }
        let lease = Lease { name: name.into(), owner: owner.into(), fence: fences.next(now), expires_at };
        self.sweep(now);
        self.held.insert(name.into(), lease.clone());
        Some(lease)
    }

    pub(super) fn renew(&mut self, lease: &Lease, expires_at: Timestamp, now: Timestamp) -> Option<Lease> {
        let held = self.held.get_mut(&lease.name)?;
        if held.fence != lease.fence || held.expires_at <= now {
            return None;
        }
        held.expires_at = expires_at;
        Some(held.clone())
    }

    pub(super) fn release(&mut self, lease: &Lease) {
        if self.held.get(&lease.name).is_some_and(|held| held.fence == lease.fence) {
            self.held.remove(&lease.name);
        }
    }

    /// At each doubling, so that an acquisition costs the same on average.
    fn sweep(&mut self, now: Timestamp) {
        if self.held.len() >= self.sweep_at_len.max(SWEEP_LEN_MIN) {
            self.held.retain(|_, lease| lease.expires_at > now);
            self.sweep_at_len = self.held.len() * 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_that_are_over_do_not_pile_up() {
        let (mut leases, fences) = (Leases::default(), Fences::default());
        for at in 0..100_000_i64 {
            let taken = leases.acquire(&at.to_string(), "me", Timestamp(at + 10), Timestamp(at), &fences);
            assert!(taken.is_some());
        }
        assert!(leases.held.len() <= SWEEP_LEN_MIN, "{} are kept", leases.held.len());
    }
}
