//! Everything between the back ends and the routes, made in the order of the layers and closed against it.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::back_ends::BackEnds;
use crate::{
    actors::{
        accounts::{Accounts, HashOptions, Keys, TokenOptions},
        admission::{Bounds, Gate},
        channel::{Channels, Office},
        directory,
        notices::Notices,
        registry::Registry,
        room::{self, Rooms},
        transcode::{Transcodes, Workshop},
        uploads::{UploadOptions, Uploads},
    },
    config::Config,
    domain::clock::SharedClock,
    http::{self, Ctx, Rates},
    media::{Limits, WorkerOptions},
    telemetry::Metrics,
};

const MAILBOX_LEN_MAX: u64 = 10_000;
const PROCESS_MESSAGES_MAX: u64 = 1_000_000;

pub struct Parts {
    pub back_ends: BackEnds,
    pub accounts: Arc<Accounts>,
    pub channels: Channels,
    pub rooms: Rooms,
    pub transcodes: Transcodes,
    pub uploads: Arc<Uploads>,
    pub context: Ctx,
}

impl Parts {
    pub async fn make(config: &Config, clock: SharedClock, drain: &CancellationToken) -> anyhow::Result<Self> {
        let metrics = Metrics::new();
        let back_ends = BackEnds::open(config, &clock, &metrics)?;
        let keys = Keys::load_or_make(&config.server.data_dir.join("keys/seed")).context("the key file")?;
        let keys = Arc::new(keys);
        let registry = Arc::<Registry>::default();
        let shared = shared(config, &registry, &metrics);
        let accounts = accounts(config, &back_ends, &clock, &keys, &metrics);
        let transcodes = transcodes(config, &back_ends, &clock, &metrics, &shared)?;
        let channels = channels(config, &back_ends, &clock, &transcodes, &shared);
        let rooms = rooms(config, &back_ends, &clock, &shared);
        let uploads = Arc::new(Uploads {
            store: back_ends.store.clone(),
            staging: back_ends.staging.clone(),
            objects: back_ends.objects.clone(),
            channels: channels.clone(),
            clock: clock.clone(),
            options: UploadOptions {
                size_max_bytes: config.uploads.size_max_bytes,
                unfinished_max: config.uploads.unfinished_per_account_max,
                expire_after: config.uploads.expire_after_s.duration(),
            },
            metrics: metrics.clone(),
        });
        let sockets = sockets(config, &back_ends, &clock, &accounts, &rooms, &shared, drain);
        let context = Arc::new(http::Context {
            accounts: accounts.clone(),
            keys,
            channels: channels.clone(),
            rooms: rooms.clone(),
            transcodes: transcodes.clone(),
            uploads: uploads.clone(),
            registry,
            store: back_ends.store.clone(),
            tallies: back_ends.tallies.clone(),
            feeds: back_ends.feeds.clone(),
            objects: back_ends.objects.clone(),
            staging: back_ends.staging.clone(),
            bus: back_ends.bus.clone(),
            clock,
            metrics,
            options: http_options(config),
            sockets,
            drain: drain.clone(),
        });
        Ok(Self { back_ends, accounts, channels, rooms, transcodes, uploads, context })
    }

    /// From the edge inwards: jobs hand back their workers, rooms and channels write what is pending.
    pub async fn close(self, deadline: Duration) {
        let left = self.transcodes.close(deadline).await
            + self.channels.close(deadline).await
            + self.rooms.close(deadline).await;
        if left > 0 {
            tracing::warn!(actors.left = left, "some actors did not finish in time");
        }
        self.back_ends.store.close().await;
    }
}
