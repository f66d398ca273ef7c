//! A session that is no actor: what it must remember while its client is silent. It lies in its socket's shard, and
//! in a bed between the actor and the shard while it changes hands. Whoever drops it ends the session.

use std::sync::{Arc, Mutex};

use tracing::debug;

use super::{SessionContext, SessionHandle, state::State};
use crate::{actors::seat::Seat, telemetry::tasks};

pub struct Resting {
    context: Arc<SessionContext>,
    seat: Seat,
    anonymous: Box<str>,
    state: State,
}

impl Resting {
    pub(super) fn new(context: Arc<SessionContext>, seat: Seat, anonymous: Box<str>, state: State) -> Self {
        Self { context, seat, anonymous, state }
    }

    /// Wakes it; what has come with the socket's request is looked at first.
    pub fn wake(self, access_token: Option<String>) -> Result<SessionHandle, ractor::SpawnErr> {
        SessionHandle::start(self, access_token)
    }

    pub(super) fn context(&self) -> &Arc<SessionContext> {
        &self.context
    }

    pub(super) fn seat(&self) -> &Seat {
        &self.seat
    }

    pub(super) fn anonymous(&self) -> &str {
        &self.anonymous
    }

    pub(super) fn state(&mut self) -> &mut State {
        &mut self.state
    }
}

impl Drop for Resting {
    fn drop(&mut self) {
        if let Some(who) = self.state.identity() {
            self.context.presence.leave(&who.user_id, self.seat.id());
        }
        let rooms = self.state.leave_all();
        if rooms.is_empty() {
            return;
        }
        let (context, seat) = (self.context.clone(), self.seat.id());
        drop(tasks::spawn("departure", async move {
            for video in rooms {
                if let Err(error) = context.rooms.of(&video).leave(seat).await {
                    // The room forgets closed seats by itself.
                    debug!(error = %error, "a session could not leave its room");
                }
            }
        }));
    }
}

/// Where a session changes hands.
#[derive(Default)]
pub struct Bed(Mutex<Option<Resting>>);

impl Bed {
    pub fn lie_down(&self, resting: Option<Resting>) {
        *self.0.lock().expect("no code panics while it holds this lock") = resting;
    }

    pub fn take(&self) -> Option<Resting> {
        self.0.lock().expect("no code panics while it holds this lock").take()
    }
}
