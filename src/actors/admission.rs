//! Admission before `cast`: mailboxes have no bound, so whoever sends first takes a permit that counts the message
//! and its bytes, and gives it back when the message has been handled or lost. Used by `directory` and `session`.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use prometheus_client::metrics::gauge::Gauge;

/// What waits in one mailbox, or in all mailboxes together.
#[derive(Debug, Default)]
pub struct Load {
    messages: AtomicU64,
    bytes: AtomicU64,
}

impl Load {
    pub fn messages(&self) -> u64 {
        self.messages.load(Ordering::Relaxed)
    }

    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Adds if both bounds then still hold. A lone message is admitted whatever its size.
    fn try_add(&self, bytes: u64, bounds: Bounds) -> bool {
        let messages_before = self.messages.fetch_add(1, Ordering::Relaxed);
        let bytes_before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let over = messages_before >= bounds.messages_max || bytes_before + bytes > bounds.bytes_max;
        if over && messages_before > 0 {
            self.subtract(bytes);
            return false;
        }
        true
    }

    fn add(&self, bytes: u64) {
        self.messages.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn subtract(&self, bytes: u64) {
        self.messages.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub messages_max: u64,
    pub bytes_max: u64,
}

/// The bound over every mailbox of the process, shared by all who admit.
#[derive(Debug)]
pub struct Gate {
    load: Load,
    bounds: Bounds,
    in_flight_bytes: Gauge,
}

impl Gate {
    /// `in_flight_bytes` shows what is admitted and not yet worked off.
    pub fn new(bounds: Bounds, in_flight_bytes: Gauge) -> Arc<Self> {
        Arc::new(Self { load: Load::default(), bounds, in_flight_bytes })
    }

    pub fn load(&self) -> &Load {
        &self.load
    }
}

/// One message under way. Dropping it gives back what it took.
#[derive(Debug)]
pub struct Permit {
    mailbox: Arc<Load>,
    gate: Option<Arc<Gate>>,
    bytes: u64,
    waiting: Option<Gauge>,
}

impl Permit {
    /// `None` when the mailbox or the process has as much to do as it may.
    pub fn take(mailbox: &Arc<Load>, bounds: Bounds, gate: &Arc<Gate>, bytes: usize) -> Option<Self> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        if !mailbox.try_add(bytes, bounds) {
            return None;
        }
        if !gate.load.try_add(bytes, gate.bounds) {
            mailbox.subtract(bytes);
            return None;
        }
        gate.in_flight_bytes.inc_by(i64::try_from(bytes).unwrap_or(i64::MAX));
        Some(Self { mailbox: mailbox.clone(), gate: Some(gate.clone()), bytes, waiting: None })
    }

    /// For what an actor tells itself: counted and never refused.
    pub fn own(mailbox: &Arc<Load>) -> Self {
        mailbox.add(0);
        Self { mailbox: mailbox.clone(), gate: None, bytes: 0, waiting: None }
    }

    /// Shows the message as waiting until the permit is dropped.
    #[must_use]
    pub fn shown(mut self, waiting: &Gauge) -> Self {
        waiting.inc();
        self.waiting = Some(waiting.clone());
        self
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.mailbox.subtract(self.bytes);
        if let Some(waiting) = &self.waiting {
            waiting.dec();
        }
        if let Some(gate) = &self.gate {
            gate.load.subtract(self.bytes);
            gate.in_flight_bytes.dec_by(i64::try_from(self.bytes).unwrap_or(i64::MAX));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_a_bound_is_refused_until_something_is_handled() {
        let bounds = Bounds { messages_max: 2, bytes_max: 100 };
        let gate = Gate::new(Bounds { messages_max: 3, bytes_max: 150 }, Gauge::default());
        let (one, two) = (Arc::<Load>::default(), Arc::<Load>::default());
        let first = Permit::take(&one, bounds, &gate, 60).unwrap();
        assert!(Permit::take(&one, bounds, &gate, 60).is_none(), "over the bytes of the mailbox");
        let second = Permit::take(&one, bounds, &gate, 40).unwrap();
        assert!(Permit::take(&one, bounds, &gate, 0).is_none(), "over the messages of the mailbox");
        assert!(Permit::take(&two, bounds, &gate, 60).is_none(), "over the bytes of the process");
        drop(first);
        let third = Permit::take(&two, bounds, &gate, 60).unwrap();
        drop((second, third));
        assert_eq!((gate.load().messages(), gate.load().bytes()), (0, 0));
        assert_eq!((one.messages(), two.bytes()), (0, 0));
    }
}
