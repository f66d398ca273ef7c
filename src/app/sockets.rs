//! Makes what the socket route needs: sessions, who they speak for, and how much they may say.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::back_ends::BackEnds;
use crate::{
    actors::{
        accounts::{Accounts, Keys},
        directory::Shared,
        relay::Presence,
        room::Rooms,
        session::{self, AuthError, Authenticate, Rates, SessionContext, Sessions, UserLimits},
    },
    config::Config,
    domain::{account::Identity, clock::SharedClock},
    http::ws,
};

/// Requests of one session that may wait, whatever their size.
const WAITING_MAX: u64 = 1_000;

impl Authenticate for Accounts {
    fn authenticate(&self, access_token: &str) -> Result<Identity, AuthError> {
        Accounts::authenticate(self, access_token).map_err(|_| AuthError)
    }
}

/// Parts of the house that sockets reach.
pub struct Needs<'a> {
    pub config: &'a Config,
    pub back_ends: &'a BackEnds,
    pub clock: &'a SharedClock,
    pub accounts: &'a Arc<Accounts>,
    pub keys: &'a Arc<Keys>,
    pub rooms: &'a Rooms,
    pub shared: &'a Shared,
    pub drain: &'a CancellationToken,
}

/// What one account may say, however it says it.
pub fn user_limits(needs: &Needs<'_>) -> UserLimits {
    let limits = &needs.config.limits;
    let rates = limits.enabled.then_some(Rates {
        comments_per_minute: limits.comments_per_minute,
        reactions_per_minute: limits.reactions_per_minute,
        bursts_per_minute: limits.bursts_per_minute,
    });
    UserLimits::new(needs.back_ends.bus.clone(), rates, needs.shared.metrics.clone())
}

pub fn sockets(needs: &Needs<'_>) -> Arc<ws::Context> {
    let Needs { config, clock, keys, shared, .. } = needs;
    let (keys, pseudonym_clock) = (Arc::clone(keys), Arc::clone(clock));
    ws::Context::new(ws::Parts {
        sessions: Sessions::new(sessions(needs)),
        pseudonyms: Arc::new(move |client| keys.pseudonym(client, pseudonym_clock.now())),
        clock: Arc::clone(clock),
        metrics: shared.metrics.clone(),
        options: ws::Options::of(&config.server, &config.rooms, &config.limits),
        drain: needs.drain.clone(),
    })
}

fn sessions(needs: &Needs<'_>) -> SessionContext {
    let Needs { config, back_ends, clock, accounts, rooms, shared, .. } = needs;
    SessionContext {
        rooms: Rooms::clone(rooms),
        authenticate: Arc::<Accounts>::clone(accounts),
        presence: Presence::new(back_ends.bus.clone()),
        user_limits: user_limits(needs),
        clock: Arc::clone(clock),
        shared: Shared::clone(shared),
        options: Arc::new(session::Options::of(&config.limits, WAITING_MAX)),
    }
}
