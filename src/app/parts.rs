//! Everything between the back ends and the routes, made in the order of the layers and closed against it.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::Context as _;
use tokio::sync::{Semaphore, oneshot};
use tokio_util::sync::CancellationToken;

use super::{
    back_ends::BackEnds,
    node,
    sockets::{Needs, sockets, user_limits},
};
use crate::{
    actors::{
        accounts::{Accounts, HashOptions, Keys, TokenOptions},
        admission::{Bounds, Gate},
        channel::{Channels, Office},
        content_keys::ContentKeys,
        directory,
        indexer::{self, Indexer},
        ledger::Ledger,
        notices::Notices,
        registry::Registry,
        removals::Removals,
        room::{self, RoomContext, Rooms},
        supervise::{self, Child, Meltdown, Supervisor},
        transcode::{
            Absence, Board, Copies, Finding, Fitness, Lease, Screening, Transcodes, Turns, Works, Workshop,
        },
        uploads::{Imports, UploadOptions, Uploads},
    },
    backends::{
        bus::SharedBus,
        fetch::Fetcher,
        objects::{self, SharedObjects},
    },
    config::{Config, Delivery, Role, Scan, ScanPolicy},
    domain::{clock::SharedClock, storage::Quotas},
    http::{self, Ctx, Elsewhere, Rates, Shelf},
    media::{self, Limits, WorkerOptions},
    telemetry::{Metrics, tasks},
};

const MAILBOX_LEN_MAX: u64 = 10_000;
const PROCESS_MESSAGES_MAX: u64 = 1_000_000;

pub struct Parts {
    pub back_ends: BackEnds,
    pub accounts: Arc<Accounts>,
    pub channels: Channels,
    pub indexer: Arc<Indexer>,
    pub removals: Removals,
    pub rooms: Rooms,
    pub transcodes: Transcodes,
    pub uploads: Arc<Uploads>,
    pub context: Ctx,
}

impl Parts {
    pub async fn make(
        config: &Config,
        clock: SharedClock,
        program: PathBuf,
        drain: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let metrics = Metrics::new();
        let back_ends = BackEnds::open(config, &clock, &metrics).await?;
        let keys = super::keys::open(config, &back_ends.store, clock.now()).await?;
        let registry = Arc::<Registry>::default();
        let shared = shared(config, &registry, &metrics);
        let accounts = accounts(config, &back_ends, &clock, &keys, &metrics);
        let rooms = rooms(config, &back_ends, &clock, &shared);
        let transcodes = transcodes(config, &back_ends, &clock, &rooms, &shared, program).await?;
        let removals = Removals {
            store: back_ends.store.clone(),
            objects: back_ends.objects.clone(),
            rooms: rooms.clone(),
            metrics: metrics.clone(),
        };
        let content_keys = content_keys(config, &back_ends, &clock, &keys);
        let office = office(&back_ends, &clock, &content_keys, &removals, &transcodes);
        let channels = channels(config, office, &shared);
        let uploads = uploads(config, &back_ends, &clock, &channels, &metrics);
        let indexer = indexer(config, &back_ends, &clock, &metrics)?;
        let needs = Needs {
            config,
            back_ends: &back_ends,
            clock: &clock,
            accounts: &accounts,
            keys: &keys,
            rooms: &rooms,
            shared: &shared,
            drain,
        };
        let (sockets, user_limits) = (sockets(&needs), user_limits(&needs));
        let context = Arc::new(http::Context {
            accounts: accounts.clone(),
            keys,
            content_keys,
            channels: channels.clone(),
            rooms: rooms.clone(),
            transcodes: transcodes.clone(),
            uploads: uploads.clone(),
            registry,
            store: back_ends.store.clone(),
            cached: back_ends.cached.clone(),
            feeds: back_ends.feeds.clone(),
            objects: back_ends.objects.clone(),
            staging: back_ends.staging.clone(),
            bus: back_ends.bus.clone(),
            search: back_ends.search.clone(),
            shelf: Shelf::new(back_ends.versions.clone(), config.media.cache_bytes_max),
            regions: Arc::default(),
            clock,
            metrics,
            options: http_options(config, elsewhere(config, &back_ends.objects).await?),
            sockets,
            user_limits,
            drain: drain.clone(),
        });
        Ok(Self { back_ends, accounts, channels, indexer, removals, rooms, transcodes, uploads, context })
    }

    /// Starts what runs once a process, under a supervisor.
    pub async fn supervise(
        &self,
        mut children: Vec<Child>,
    ) -> anyhow::Result<(Supervisor, oneshot::Receiver<Meltdown>)> {
        let (told, meltdown) = oneshot::channel();
        let brought = children.len();
        let context = supervise::Context {
            options: supervise::Options::default(),
            registry: self.context.registry.clone(),
            metrics: self.context.metrics.clone(),
            // The app may be going away already; then nobody has to be told.
            on_meltdown: Box::new(|meltdown| drop(told.send(meltdown))),
        };
        children.extend([self.removals.sweeper(), self.uploads.sweeper(), self.indexer.child()]);
        if self.context.options.roles.have(Role::Media) {
            children.push(self.transcodes.dispatcher());
        }
        // Before those that the process has brought.
        children.rotate_left(brought);
        let supervisor = Supervisor::start(context, children).await.context("the supervised actors")?;
        Ok((supervisor, meltdown))
    }

    /// From the edge inwards: jobs hand back their workers, rooms and channels write what is pending.
    pub async fn close(self, deadline: Duration) {
        let left = self.transcodes.close(deadline).await
            + self.channels.close(deadline).await
            + self.rooms.close(deadline).await;
        if left > 0 {
            tracing::warn!(actors.left = left, "some actors did not finish in time");
        }
        self.indexer.close().await;
        self.back_ends.search.close().await;
        if let Err(error) = self.back_ends.store.close().await {
            tracing::error!(error.chain = %error, "the store did not close in order");
        }
    }
}

fn shared(config: &Config, registry: &Arc<Registry>, metrics: &Arc<Metrics>) -> directory::Shared {
    let bytes_max = u64::try_from(config.limits.process_in_flight_bytes_max).unwrap_or(u64::MAX);
    let bounds = Bounds { messages_max: PROCESS_MESSAGES_MAX, bytes_max };
    let gate = Gate::new(bounds, metrics.commands_in_flight_bytes.clone());
    directory::Shared { gate, registry: registry.clone(), metrics: metrics.clone() }
}

pub(super) fn accounts(
    config: &Config,
    back_ends: &BackEnds,
    clock: &SharedClock,
    keys: &Arc<Keys>,
    metrics: &Arc<Metrics>,
) -> Arc<Accounts> {
    let auth = &config.auth;
    let hashing = HashOptions {
        memory_kib: auth.argon2_memory_kib,
        iterations: auth.argon2_iterations,
        at_once_max: auth.hashes_at_once_max,
        waiting_max: auth.hashes_waiting_max,
    };
    let tokens = TokenOptions {
        access_ttl_s: auth.access_token_ttl_s.0,
        refresh_ttl_s: auth.refresh_token_ttl_s.0,
        refresh_grace_s: auth.refresh_grace_s.0,
    };
    let (store, clock, keys) = (back_ends.store.clone(), clock.clone(), keys.clone());
    Arc::new(Accounts::new(store, clock, keys, hashing, tokens, metrics.clone()))
}

pub(super) fn indexer(
    config: &Config,
    back_ends: &BackEnds,
    clock: &SharedClock,
    metrics: &Arc<Metrics>,
) -> anyhow::Result<Arc<Indexer>> {
    Ok(Indexer::new(indexer::Needs {
        store: back_ends.store.clone(),
        feeds: back_ends.feeds.clone(),
        tallies: back_ends.tallies.clone(),
        versions: back_ends.versions.clone(),
        index: back_ends.search.clone(),
        bus: back_ends.bus.clone(),
        clock: clock.clone(),
        metrics: metrics.clone(),
        node: node::name(&config.server.data_dir).context("the name of this node")?,
        sweep_interval: config.search.sweep_interval_s.duration(),
    }))
}

async fn transcodes(
    config: &Config,
    back_ends: &BackEnds,
    clock: &SharedClock,
    rooms: &Rooms,
    shared: &directory::Shared,
    program: PathBuf,
) -> anyhow::Result<Transcodes> {
    let scratch = config.server.data_dir.join("scratch");
    clear(&scratch)?;
    let mut worker = WorkerOptions::new(program, gstreamer_registry(config)?);
    worker.silence_max = config.media.silence_max_s.duration();
    let works = if config.node.roles.have(Role::Media) { Works::Here } else { Works::Elsewhere };
    if works == Works::Here {
        check_second_codec(config, &worker).await?;
        drop(tasks::spawn("media-check", look_around(worker.clone())));
    }
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let lease = Lease {
        node: node::name(&config.server.data_dir).context("the name of this node")?,
        hold: config.media.lease_s.duration(),
    };
    let workshop = Workshop {
        board: board(config, back_ends, clock, &lease),
        works,
        bus: shared_bus(config, back_ends),
        store: back_ends.store.clone(),
        objects: back_ends.objects.clone(),
        feeds: back_ends.feeds.clone(),
        ledger: Ledger::new(back_ends.store.clone()),
        notices: Notices::new(back_ends.bus.clone()),
        rooms: rooms.clone(),
        clock: clock.clone(),
        metrics: shared.metrics.clone(),
        worker,
        limits: Limits {
            size_max_bytes: config.uploads.size_max_bytes,
            duration_max_ms: config.media.duration_max_s.0 * 1000,
            pixels_max: config.media.pixels_max,
            ..Limits::default()
        },
        ladder: config.media.ladder.clone(),
        second_codec: config.media.second_codec(),
        attempts_max: config.media.attempts_max,
        copies: Copies::new(scratch.join("sources")),
        fitness: Fitness::new(back_ends.objects.clone(), scratch.clone(), shared.metrics.clone()),
        scratch,
        turns: Turns::new(config.media.workers(cores), clock.clone()),
        lease,
        screening: screening(&config.scan),
    };
    Ok(Transcodes::open(workshop, mailboxes(), shared.clone()))
}

/// Where every node can read what is to be made and write what was, pieces are made by all of them.
fn board(config: &Config, back_ends: &BackEnds, clock: &SharedClock, lease: &Lease) -> Option<Board> {
    let uris = &config.backends;
    let is_shared = shared_bus(config, back_ends).is_some()
        && uris.store.scheme() == "scylla"
        && uris.objects.scheme() == "s3";
    is_shared.then(|| Board {
        store: back_ends.store.clone(),
        bus: back_ends.bus.clone(),
        clock: clock.clone(),
        node: lease.node.clone(),
        hold: lease.hold,
        writing: Arc::default(),
    })
}

fn screening(scan: &Scan) -> Option<Screening> {
    let finding = match scan.policy {
        ScanPolicy::Off => return None,
        ScanPolicy::Reject => Finding::Deleted,
        ScanPolicy::Quarantine => Finding::Quarantined,
    };
    let absence = if scan.fail_closed { Absence::Wait } else { Absence::GoOn };
    Some(Screening { scanner: super::scanner(scan), finding, absence })
}

/// In a folder of its own: the worker that makes it may write there.
fn gstreamer_registry(config: &Config) -> anyhow::Result<PathBuf> {
    let registry = config.server.data_dir.join("gstreamer/registry.bin");
    media::worker::prepare_registry(&registry).context("the folder of GStreamer's registry")?;
    Ok(registry)
}

/// Says what media lacks on this machine; and the first look makes GStreamer's list of plugins, which would otherwise
/// cost the first upload a second.
async fn look_around(worker: WorkerOptions) {
    match media::worker::check(&worker, None, &CancellationToken::new()).await {
        Ok(equipment) if equipment.missing.is_empty() => {
            tracing::info!(gstreamer = equipment.gstreamer, "media workers have all they need");
        }
        Ok(equipment) => {
            let missing = equipment.missing.join(", ");
            tracing::error!(
                missing,
                "videos cannot be made playable; `playhouse doctor` says what to install"
            );
        }
        Err(failure) => tracing::error!(error.chain = %failure, "media workers do not start"),
    }
}

/// A codec that cannot be made here is refused at once and not with the first upload.
async fn check_second_codec(config: &Config, worker: &WorkerOptions) -> anyhow::Result<()> {
    let Some(codec) = config.media.second_codec() else { return Ok(()) };
    let found = media::worker::check(worker, Some(codec), &CancellationToken::new()).await;
    let equipment = found.with_context(|| format!("media.codecs: whether {codec} can be made here"))?;
    let missing = equipment.missing.join(", ");
    anyhow::ensure!(
        missing.is_empty(),
        "media.codecs: {codec} cannot be made here, missing: {missing}; install what is missing or take {codec} out"
    );
    Ok(())
}

/// What workers of an earlier life left half-made is worth nothing.
fn clear(folder: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("{} cannot be cleared", folder.display()));
        }
        _ => {}
    }
    std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))
}

fn content_keys(config: &Config, back_ends: &BackEnds, clock: &SharedClock, keys: &Arc<Keys>) -> ContentKeys {
    ContentKeys {
        store: back_ends.store.clone(),
        keys: keys.clone(),
        clock: clock.clone(),
        rotation_segments: config.media.key_rotation_segments,
    }
}

fn office(
    back_ends: &BackEnds,
    clock: &SharedClock,
    content_keys: &ContentKeys,
    removals: &Removals,
    transcodes: &Transcodes,
) -> Office {
    Office {
        store: back_ends.store.clone(),
        objects: back_ends.objects.clone(),
        feeds: back_ends.feeds.clone(),
        tallies: back_ends.tallies.clone(),
        content_keys: content_keys.clone(),
        transcodes: transcodes.clone(),
        rooms: removals.rooms.clone(),
        ledger: Ledger::new(back_ends.store.clone()),
        removals: removals.clone(),
        clock: clock.clone(),
    }
}

fn channels(config: &Config, office: Office, shared: &directory::Shared) -> Channels {
    let options = directory::Options { idle_after: config.rooms.passivate_after_s.duration(), ..mailboxes() };
    Channels::open(office, options, shared.clone())
}

fn uploads(
    config: &Config,
    back_ends: &BackEnds,
    clock: &SharedClock,
    channels: &Channels,
    metrics: &Arc<Metrics>,
) -> Arc<Uploads> {
    let options = &config.uploads;
    Arc::new(Uploads {
        store: back_ends.store.clone(),
        staging: back_ends.staging.clone(),
        objects: back_ends.objects.clone(),
        channels: channels.clone(),
        ledger: Ledger::new(back_ends.store.clone()),
        imports: Imports {
            fetcher: Fetcher::new(&options.import_hosts_allowed),
            turns: Arc::new(Semaphore::new(options.imports_at_once_max)),
            duration_max: options.import_duration_max_s.duration(),
            under_way: Mutex::default(),
        },
        clock: clock.clone(),
        options: UploadOptions {
            size_max_bytes: options.size_max_bytes,
            unfinished_max: options.unfinished_per_account_max,
            expire_after: options.expire_after_s.duration(),
            quotas: Quotas {
                viewer_bytes: options.quota_viewer_bytes,
                creator_bytes: options.quota_creator_bytes,
                moderator_bytes: options.quota_moderator_bytes,
                admin_bytes: options.quota_admin_bytes,
            },
        },
        metrics: metrics.clone(),
    })
}

/// For actors that are told little.
fn mailboxes() -> directory::Options {
    let bounds = Bounds { messages_max: MAILBOX_LEN_MAX, bytes_max: 4 << 20 };
    directory::Options { bounds, ..directory::Options::default() }
}

/// Signs an address to see which origin the store has.
async fn elsewhere(config: &Config, objects: &SharedObjects) -> anyhow::Result<Elsewhere> {
    match &config.media.delivery {
        Delivery::Node => Ok(Elsewhere::Nowhere),
        Delivery::Cdn(origin) => Ok(Elsewhere::Cdn { origin: origin.clone() }),
        Delivery::Store => {
            let origin = objects::origin(objects).await.context("media.delivery")?;
            let unreachable = "media.delivery: players cannot fetch from a folder; set it to node, or \
                               backends.objects to a bucket";
            Ok(Elsewhere::Store { origin: origin.context(unreachable)? })
        }
    }
}

fn http_options(config: &Config, elsewhere: Elsewhere) -> http::Options {
    let limits = &config.limits;
    http::Options {
        body_bytes_max: limits.body_bytes_max,
        rate_limits: limits.enabled.then_some(Rates {
            requests_per_s: limits.requests_per_s,
            registrations_per_hour: limits.registrations_per_hour,
            logins_per_minute: limits.logins_per_minute,
            keys_per_minute: limits.keys_per_minute,
        }),
        playback_token_ttl_s: config.media.playback_token_ttl_s.0,
        elsewhere,
        roles: config.node.roles.clone(),
    }
}

/// The bus, where other nodes may be on it.
fn shared_bus(config: &Config, back_ends: &BackEnds) -> Option<SharedBus> {
    (config.backends.bus.scheme() != "embedded").then(|| back_ends.bus.clone())
}

fn rooms(config: &Config, back_ends: &BackEnds, clock: &SharedClock, shared: &directory::Shared) -> Rooms {
    let deadline = config.backends.deadline_ms.duration();
    let context = RoomContext {
        store: back_ends.store.clone(),
        tallies: back_ends.tallies.clone(),
        notices: Notices::new(back_ends.bus.clone()),
        shared_bus: shared_bus(config, back_ends),
        clock: clock.clone(),
        metrics: shared.metrics.clone(),
        options: Arc::new(room::Options::of(&config.rooms, &config.limits, deadline)),
    };
    Rooms::open(context, shared.clone())
}
