//! The back ends a configuration names, opened and ready.

use std::{path::Path, sync::Arc};

use anyhow::Context as _;

use crate::{
    backends::{
        bus::{self, SharedBus},
        feeds::Feeds,
        invalidations::Invalidations,
        objects::{self, SharedObjects},
        scanner::Scanner,
        search::{self, SharedIndex},
        staging::{self, Pace, Staging},
        store::{self, Record, RowCache, Store, Versions, Watched, tables},
        tallies::Tallies,
    },
    config::{Config, Scan, ScanPolicy},
    domain::clock::SharedClock,
    telemetry::Metrics,
};

pub struct BackEnds {
    pub store: Store,
    /// The same for readers of many rows: of `versions`, it shows what another node has written up to two seconds late.
    pub cached: Store,
    /// Of what is kept at hand: videos, what was made of them, their keys, channels.
    pub versions: Arc<Versions>,
    pub objects: SharedObjects,
    pub bus: SharedBus,
    pub search: SharedIndex,
    pub staging: Staging,
    pub feeds: Feeds,
    pub tallies: Tallies,
    _invalidations: Invalidations,
}

impl BackEnds {
    /// Opens them all. The configuration's paths are complete already.
    pub async fn open(config: &Config, clock: &SharedClock, metrics: &Arc<Metrics>) -> anyhow::Result<Self> {
        let data_dir = &config.server.data_dir;
        std::fs::create_dir_all(data_dir)
            .with_context(|| format!("server.data_dir: {} cannot be made", data_dir.display()))?;
        let complete = Path::new("");
        let observed = metrics.clone();
        let observer = Arc::new(move |latency: std::time::Duration, rows: usize| {
            observed.store_commit_seconds.observe(latency.as_secs_f64());
            observed.store_commits.inc();
            observed.store_rows_written.inc_by(rows as u64);
        });
        let deadline = config.backends.deadline_ms.duration();
        let settings = store::Settings { deadline, observer, ..store::Settings::default() };
        let store = store::open_with(&config.backends.store.to_string(), complete, clock.clone(), settings)
            .await
            .context("backends.store")?;
        let versions = Versions::of_tables(&[
            tables::video::Video::TABLE,
            tables::video::Catalogue::TABLE,
            tables::content_key::ContentKeys::TABLE,
            tables::caption::Caption::TABLE,
            tables::channel::Channel::TABLE,
        ]);
        let store = store.decorated(|inner| Arc::new(Watched { inner, versions: versions.clone() }));
        let cached = store.clone().cached(RowCache::new(versions.clone(), metrics.clone()));
        let settings = objects::Settings {
            deadline: config.backends.deadline_ms.duration(),
            clock: clock.clone(),
            ..objects::Settings::default()
        };
        let objects = objects::open_with(&config.backends.objects.to_string(), complete, settings)
            .context("backends.objects")?;
        let settings = bus::Settings {
            clock: clock.clone(),
            deadline: config.backends.deadline_ms.duration(),
            time: bus::TimeOf::Server,
        };
        let bus = bus::open(&config.backends.bus.to_string(), settings).await.context("backends.bus")?;
        let invalidations = Invalidations::start(versions.clone(), bus.clone(), metrics.clone()).await;
        let settings = search::Settings { deadline: config.backends.deadline_ms.duration() };
        let search = search::open(&config.backends.search.to_string(), complete, settings)
            .await
            .context("backends.search")?;
        let behind = staging::BackEnds { store: store.clone(), objects: objects.clone(), bus: bus.clone() };
        let staging = open_staging(config, behind).await?;
        Ok(Self {
            feeds: Feeds::new(store.clone()),
            tallies: Tallies::new(store.clone()),
            store,
            versions,
            cached,
            objects,
            bus,
            search,
            staging,
            _invalidations: invalidations,
        })
    }
}

async fn open_staging(config: &Config, behind: staging::BackEnds) -> anyhow::Result<Staging> {
    let uploads = &config.uploads;
    let options = staging::Options {
        space_min_bytes: uploads.space_min_bytes,
        memory_max_bytes: uploads.memory_max_bytes,
        pace: Pace {
            bytes_min: uploads.speed_min_bytes_per_s * uploads.speed_within_s.0,
            within: uploads.speed_within_s.duration(),
        },
    };
    // Where objects are in this machine's folder, a file that is renamed is faster than any piece that is put.
    match config.backends.objects.scheme() {
        "dir" => {
            let folder = config.server.data_dir.join("uploads");
            Staging::open(&folder, options).context("the folder of uploads")
        }
        _ => Ok(Staging::open_shared(behind, options).await),
    }
}

pub fn scanner(scan: &Scan) -> Scanner {
    Scanner {
        address: scan.clamd.clone(),
        chunk_bytes: scan.chunk_bytes,
        deadline: scan.deadline_s.duration(),
    }
}

/// Whether the malware scanner answers, if there is to be one.
pub async fn check_scanner(scan: &Scan) -> Option<Result<String, String>> {
    if scan.policy == ScanPolicy::Off {
        return None;
    }
    let pong = scanner(scan).ping().await;
    Some(pong.map(|()| scan.clamd.to_string()).map_err(|error| error.to_string()))
}

/// Opens and uses the back ends once: what `playhouse doctor` wants to know. One answer a back end.
pub async fn check(config: &Config, clock: SharedClock) -> Vec<(&'static str, Result<String, String>)> {
    let back_ends = match BackEnds::open(config, &clock, &Metrics::new()).await {
        Ok(back_ends) => back_ends,
        Err(error) => return vec![("back ends", Err(format!("{error:#}")))],
    };
    let told = |uri: String, outcome: Result<(), String>| outcome.map(|()| uri);
    vec![
        (
            "store",
            told(
                config.backends.store.to_string(),
                back_ends.store.probe().await.map_err(|error| error.to_string()),
            ),
        ),
        (
            "objects",
            told(
                config.backends.objects.to_string(),
                objects::probe(&back_ends.objects).await.map_err(|error| error.to_string()),
            ),
        ),
        (
            "bus",
            told(
                config.backends.bus.shown(),
                bus::probe(&back_ends.bus).await.map_err(|error| error.to_string()),
            ),
        ),
        (
            "search",
            told(
                config.backends.search.shown(),
                back_ends.search.probe().await.map_err(|error| error.to_string()),
            ),
        ),
    ]
}
