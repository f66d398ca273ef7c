//! A session that is no actor: what it must remember while its client is silent. It lies in its socket's shard, and
//! in a bed while it changes hands. Whoever drops it ends the session.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
};

use futures_util::FutureExt;
use playhouse_protocol::realtime::Request;
use tracing::{debug, error};

use super::{Errand, Live, Overloaded, SessionContext, SessionHandle, state::State};
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

    /// Makes an actor of it.
    pub fn wake(self) -> Result<SessionHandle, ractor::SpawnErr> {
        SessionHandle::start(self)
    }

    /// Answers one request that took so many bytes on the wire, then lies down in the bed that this returns.
    pub fn answer(self, request: Request, bytes: usize) -> Result<Arc<Bed>, Overloaded> {
        let permit = self.context.admit(&Arc::default(), bytes)?;
        Ok(self.run(Errand::Answer(request, permit)))
    }

    /// Takes a token that came with the socket; one that is not valid closes the seat, so that the client hears why.
    pub fn sign_in(self, access_token: String) -> Arc<Bed> {
        self.run(Errand::SignIn(access_token))
    }

    /// Looks whether its token is still good.
    pub fn check_token(self) -> Arc<Bed> {
        self.run(Errand::CheckToken)
    }

    fn run(self, errand: Errand) -> Arc<Bed> {
        let bed = Arc::<Bed>::default();
        let (own_bed, mut live) = (bed.clone(), Live::new(self));
        drop(tasks::spawn("errand", async move {
            match AssertUnwindSafe(live.run(errand)).catch_unwind().await {
                Ok(()) => live.lie_down(&own_bed),
                Err(_) => error!("a session failed; its socket is closed and its client will come back"),
            }
        }));
        bed
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
