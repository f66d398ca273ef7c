//! Where a seat's session stands: awake in an actor, or at rest as a few bytes in the seat. The shard is the only one
//! who speaks to it, so that what is said while it falls asleep waits here and wakes it again, in order.
//!
//! Whoever says one thing after a long silence (a join, a report of what was watched) is answered by an errand. Whoever
//! goes on speaking gets an actor and keeps it awake.

use std::sync::Arc;

use playhouse_protocol::realtime::Request;
use tracing::error;

use crate::actors::{
    admission::Bounds,
    session::{Bed, Overloaded, Resting, SessionHandle},
};

pub enum Standing {
    Asleep(Box<Resting>),
    Awake(Box<SessionHandle>),
    /// It will lie in its bed when it has done what it was told.
    FallingAsleep(Arc<Bed>, Waiting),
    /// It ended before its socket did.
    Gone,
}

/// What has been said while a session falls asleep.
#[derive(Default)]
pub struct Waiting {
    requests: Vec<(Request, usize)>,
    bytes: u64,
}

impl Waiting {
    fn add(&mut self, request: Request, bytes: usize, bounds: Bounds) -> Result<(), Overloaded> {
        self.bytes += bytes as u64;
        if self.requests.len() as u64 >= bounds.messages_max || self.bytes > bounds.bytes_max {
            return Err(Overloaded);
        }
        self.requests.push((request, bytes));
        Ok(())
    }
}

impl Standing {
    /// Hands over a request that took so many bytes on the wire.
    pub fn hear(&mut self, request: Request, bytes: usize, bounds: Bounds) -> Result<(), Overloaded> {
        match self {
            Standing::FallingAsleep(_, waiting) => waiting.add(request, bytes, bounds),
            Standing::Awake(session) => session.say(request, bytes),
            Standing::Gone => Ok(()),
            Standing::Asleep(_) => {
                let Some(resting) = self.take_resting() else { return Ok(()) };
                self.falls_asleep(resting.answer(request, bytes)?);
                Ok(())
            }
        }
    }

    /// Has it look whether its token is still good. `false` if it has to be asked again, as it is falling asleep.
    pub fn check_token(&mut self) -> bool {
        match self {
            Standing::FallingAsleep(..) => return false,
            Standing::Awake(session) => session.check_token(),
            Standing::Gone => {}
            Standing::Asleep(_) => {
                if let Some(resting) = self.take_resting() {
                    self.falls_asleep(resting.check_token());
                }
            }
        }
        true
    }

    /// Takes the token that came with the socket.
    pub fn sign_in(&mut self, access_token: String) {
        if let Some(resting) = self.take_resting() {
            self.falls_asleep(resting.sign_in(access_token));
        }
    }

    /// Asks it to lie down, if it is awake and has nothing to do.
    pub fn rest(&mut self) {
        *self = match std::mem::replace(self, Standing::Gone) {
            Standing::Awake(session) if session.is_idle() => {
                Standing::FallingAsleep(session.rest(), Waiting::default())
            }
            other => other,
        };
    }

    pub fn is_awake(&self) -> bool {
        matches!(self, Standing::Awake(_))
    }

    /// It lies down now. What was said meanwhile wakes it at once, and then it stays awake.
    pub fn on_rested(&mut self) -> Result<(), Overloaded> {
        let (bed, waiting) = match std::mem::replace(self, Standing::Gone) {
            Standing::FallingAsleep(bed, waiting) => (bed, waiting),
            other => {
                *self = other;
                return Ok(());
            }
        };
        let Some(resting) = bed.take() else { return Ok(()) };
        if waiting.requests.is_empty() {
            *self = Standing::Asleep(Box::new(resting));
            return Ok(());
        }
        match resting.wake() {
            Ok(session) => {
                let mut said = waiting.requests.into_iter();
                let outcome = said.try_for_each(|(request, bytes)| session.say(request, bytes));
                *self = Standing::Awake(Box::new(session));
                outcome
            }
            Err(failed) => {
                error!(error = %failed, "a session could not be started");
                Err(Overloaded)
            }
        }
    }

    fn take_resting(&mut self) -> Option<Resting> {
        match std::mem::replace(self, Standing::Gone) {
            Standing::Asleep(resting) => Some(*resting),
            other => {
                *self = other;
                None
            }
        }
    }

    fn falls_asleep(&mut self, bed: Arc<Bed>) {
        *self = Standing::FallingAsleep(bed, Waiting::default());
    }
}
