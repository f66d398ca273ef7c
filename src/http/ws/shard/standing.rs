//! Where a seat's session stands: awake in an actor, or at rest as a few bytes in the seat. The shard is the only one
//! who speaks to it, so that what is said while it falls asleep waits here and wakes it again, in order.

use playhouse_protocol::realtime::Request;
use tracing::error;

use crate::actors::session::{Overloaded, Resting, SessionHandle};

/// Requests that may come while a session falls asleep, which takes one message.
const WAITING_MAX: usize = 64;

pub enum Standing {
    Asleep(Box<Resting>),
    Awake(Box<SessionHandle>),
    FallingAsleep(Box<SessionHandle>, Vec<(Request, usize)>),
    /// It ended before its socket did.
    Gone,
}

impl Standing {
    /// Hands over a request that took so many bytes on the wire.
    pub fn hear(&mut self, request: Request, bytes: usize) -> Result<(), Overloaded> {
        if let Standing::FallingAsleep(_, waiting) = self {
            if waiting.len() >= WAITING_MAX {
                return Err(Overloaded);
            }
            waiting.push((request, bytes));
            return Ok(());
        }
        match self.awake() {
            Some(session) => session.say(request, bytes),
            None => Ok(()),
        }
    }

    /// Has it look whether its token is still good.
    pub fn check_token(&mut self) {
        if let Some(session) = self.awake() {
            session.check_token();
        }
    }

    /// Wakes it for someone who brings a token.
    pub fn sign_in(&mut self, access_token: String) {
        self.wake(Some(access_token));
    }

    /// Asks it to lie down, if it is awake and has nothing to do.
    pub fn rest(&mut self) {
        *self = match std::mem::replace(self, Standing::Gone) {
            Standing::Awake(session) if session.is_idle() => {
                session.rest();
                Standing::FallingAsleep(session, Vec::new())
            }
            other => other,
        };
    }

    pub fn is_awake(&self) -> bool {
        matches!(self, Standing::Awake(_))
    }

    /// It lies down now; what was said meanwhile wakes it at once.
    pub fn on_rested(&mut self) -> Result<(), Overloaded> {
        let Standing::FallingAsleep(session, waiting) = std::mem::replace(self, Standing::Gone) else {
            return Ok(());
        };
        if let Some(resting) = session.take_resting() {
            *self = Standing::Asleep(Box::new(resting));
        }
        waiting.into_iter().try_for_each(|(request, bytes)| self.hear(request, bytes))
    }

    fn awake(&mut self) -> Option<&SessionHandle> {
        self.wake(None);
        match self {
            Standing::Awake(session) | Standing::FallingAsleep(session, _) => Some(session),
            Standing::Asleep(_) | Standing::Gone => None,
        }
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
