//! Where a seat's session stands: awake in an actor, or at rest as a few bytes in the seat. The shard is the only one
//! who speaks to it, so that what is said while it falls asleep waits here and wakes it again, in order.
//!
//! Whoever says one thing after a long silence (a join, a report of what was watched) has a session for as long as the
//! answer takes. Whoever goes on speaking keeps it awake.

use playhouse_protocol::realtime::Request;
use tracing::error;

use crate::actors::{
    admission::Bounds,
    session::{Overloaded, Resting, SessionHandle},
};

pub enum Standing {
    Asleep(Box<Resting>),
    Awake(Box<SessionHandle>),
    FallingAsleep(Box<SessionHandle>, Waiting),
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
                self.wake(None);
                let said = match self {
                    Standing::Awake(session) => session.say(request, bytes),
                    _ => Ok(()),
                };
                self.lie_down();
                said
            }
        }
    }

    /// Has it look whether its token is still good. `false` if it has to be asked again, as it is falling asleep.
    pub fn check_token(&mut self) -> bool {
        self.wake(None);
        if let Standing::Awake(session) = self {
            session.check_token();
        }
        !matches!(self, Standing::FallingAsleep(..))
    }

    /// Wakes it for someone who brings a token.
    pub fn sign_in(&mut self, access_token: String) {
        self.wake(Some(access_token));
        self.lie_down();
    }

    /// Asks it to lie down, if it is awake and has nothing to do.
    pub fn rest(&mut self) {
        if matches!(self, Standing::Awake(session) if session.is_idle()) {
            self.lie_down();
        }
    }

    pub fn is_awake(&self) -> bool {
        matches!(self, Standing::Awake(_))
    }

    /// It lies down now. What was said meanwhile wakes it at once, and then it stays awake.
    pub fn on_rested(&mut self) -> Result<(), Overloaded> {
        let Standing::FallingAsleep(session, waiting) = std::mem::replace(self, Standing::Gone) else {
            return Ok(());
        };
        if let Some(resting) = session.take_resting() {
            *self = Standing::Asleep(Box::new(resting));
        }
        if waiting.requests.is_empty() {
            return Ok(());
        }
        self.wake(None);
        let Standing::Awake(session) = self else { return Ok(()) };
        waiting.requests.into_iter().try_for_each(|(request, bytes)| session.say(request, bytes))
    }

    /// After what it has been told.
    fn lie_down(&mut self) {
        *self = match std::mem::replace(self, Standing::Gone) {
            Standing::Awake(session) => {
                session.rest();
                Standing::FallingAsleep(session, Waiting::default())
            }
            other => other,
        };
    }

    fn wake(&mut self, access_token: Option<String>) {
        *self = match std::mem::replace(self, Standing::Gone) {
            Standing::Asleep(resting) => match resting.wake(access_token) {
                Ok(session) => Standing::Awake(Box::new(session)),
                Err(failed) => {
                    error!(error = %failed, "a session could not be started");
                    Standing::Gone
                }
            },
            other => other,
        };
    }
}
