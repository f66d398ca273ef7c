//! Whether this node looks after the index. One that nodes share is written by one of them, by a lease on the bus.

use std::time::Duration;

use crate::{
    backends::bus::{BusResult, Lease, SharedBus},
    domain::clock::SharedClock,
};

const NAME: &str = "indexer";
/// How long the index waits for another node when the one in charge is gone.
const HOLD: Duration = Duration::from_secs(30);

pub(super) enum Charge {
    /// Nobody else has this index.
    Own,
    Shared(Turn),
}

pub(super) struct Turn {
    bus: SharedBus,
    clock: SharedClock,
    node: String,
    lease: Option<Lease>,
}

impl Charge {
    pub(super) fn of_many(bus: SharedBus, clock: SharedClock, node: String) -> Self {
        Self::Shared(Turn { bus, clock, node, lease: None })
    }

    pub(super) async fn is_mine(&mut self) -> BusResult<bool> {
        match self {
            Self::Own => Ok(true),
            Self::Shared(turn) => turn.is_mine().await,
        }
    }

    /// Lets another node go on at once.
    pub(super) async fn give_back(&mut self) -> BusResult<()> {
        match self {
            Self::Own => Ok(()),
            Self::Shared(turn) => match turn.lease.take() {
                Some(lease) => turn.bus.release(&lease).await,
                None => Ok(()),
            },
        }
    }
}

impl Turn {
    /// Renews in time, so that a slow step does not lose it.
    async fn is_mine(&mut self) -> BusResult<bool> {
        self.lease = match self.lease.take() {
            Some(lease) if lease.expires_at.since(self.clock.now()) > HOLD / 2 => Some(lease),
            Some(lease) => self.bus.renew(&lease, HOLD).await?,
            None => self.bus.acquire(NAME, &self.node, HOLD).await?,
        };
        Ok(self.lease.is_some())
    }
}
