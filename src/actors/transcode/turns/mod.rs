//! The workers of this node, given out in turns: [`queue`] decides, here is the waiting. A turn that is dropped is
//! given back, waited for or held.

mod queue;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::sync::{Notify, oneshot};

pub use self::queue::{Full, Lane, Owner, Priority, Request};
use self::queue::{Options, Queue, Ticket};
use crate::domain::clock::SharedClock;

const WAITING_MAX: usize = 10_000;
const PATIENCE: Duration = Duration::from_secs(600);

#[derive(Clone)]
pub struct Turns {
    workers: usize,
    desk: Arc<Mutex<Desk>>,
    /// Somebody has left.
    left: Arc<Notify>,
    clock: SharedClock,
}

struct Desk {
    queue: Queue,
    called: HashMap<Ticket, oneshot::Sender<()>>,
}

/// The right to run one worker.
pub struct Turn {
    ticket: Ticket,
    turns: Turns,
}

/// A place in the line for one.
pub struct Place {
    turn: Turn,
    called: oneshot::Receiver<()>,
}

impl Place {
    /// Waits for it. Dropping the future leaves the line.
    pub async fn turn(self) -> Turn {
        // The other end is kept until it is used or this turn is dropped.
        self.called.await.ok();
        self.turn
    }
}

impl Turns {
    /// So many heavy workers at once, and as many quick ones beside them.
    pub fn new(workers: usize, clock: SharedClock) -> Self {
        let options =
            Options { quick_max: workers, heavy_max: workers, waiting_max: WAITING_MAX, patience: PATIENCE };
        let desk = Desk { queue: Queue::new(options), called: HashMap::new() };
        Self { workers, desk: Arc::new(Mutex::new(desk)), left: Arc::default(), clock }
    }

    pub fn workers(&self) -> usize {
        self.workers
    }

    /// Waits until a heavy worker is free and nobody waits for one. For one waiter.
    pub async fn idle(&self) {
        while self.desk().queue.heavy_len() >= self.workers {
            self.left.notified().await;
        }
    }

    /// Takes a place in line.
    pub fn ask(&self, request: Request) -> Result<Place, Full> {
        let (call, called) = oneshot::channel();
        let turn = {
            let mut desk = self.desk();
            let ticket = desk.queue.ask(request, self.clock.now())?;
            desk.called.insert(ticket, call);
            Turn { ticket, turns: self.clone() }
        };
        self.call();
        Ok(Place { turn, called })
    }

    fn call(&self) {
        let now = self.clock.now();
        let mut desk = self.desk();
        for ticket in desk.queue.grant(now) {
            let heard = desk.called.remove(&ticket).is_some_and(|call| call.send(()).is_ok());
            if !heard {
                tracing::debug!(ticket, "a turn was called for somebody who is leaving");
            }
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().expect("nothing panics at the desk")
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        {
            let mut desk = self.turns.desk();
            desk.called.remove(&self.ticket);
            desk.queue.release(self.ticket);
        }
        self.turns.call();
        self.turns.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::SystemClock;

    fn request() -> Request {
        let owner = Owner { account: "ada".parse().unwrap(), pays: false };
        let priority = Priority { urgency: 0, duration_ms: 1, rung_pixels: 1, chunk: 0 };
        Request { lane: Lane::Heavy, owner, priority, cost: 1 }
    }

    #[tokio::test]
    async fn a_turn_is_passed_on_when_it_is_dropped_and_a_waiter_may_leave() {
        let turns = Turns::new(1, Arc::new(SystemClock));
        let ask = || Box::pin(turns.ask(request()).expect("there is room").turn());
        let held = ask().await;
        let (mut leaving, mut waiting) = (ask(), ask());
        assert!(futures_util::poll!(&mut leaving).is_pending());
        assert!(futures_util::poll!(&mut waiting).is_pending());
        drop(leaving);
        assert_eq!(turns.desk().queue.waiting(), 1);
        drop(held);
        tokio::time::timeout(Duration::from_secs(5), waiting).await.expect("its turn");
    }
}
