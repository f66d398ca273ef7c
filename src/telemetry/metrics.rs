//! Every metric of the process in one list: the doc comment of a field is its help text, its name is the field's
//! with `playhouse_` before it (counters end in `_total`). Handed down by `app` as an `Arc`; there is no global.
//! A label takes a few fixed words, never the id of a video, an account or a session.

use std::sync::Arc;

use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use super::labels::{Answer, By, Code, Kind, Outcome, Register, Route, State, seconds};

macro_rules! metrics {
    ($(#[doc = $help:literal] $name:ident: $kind:ty = $new:expr,)*) => {
        /// The list. Fields are cheap to clone and safe to touch from anywhere.
        pub struct Metrics {
            registry: Registry,
            $(#[doc = $help] pub $name: $kind,)*
        }

        impl Metrics {
            /// Name and help of each, in this order.
            pub const LIST: &[(&str, &str)] = &[$((concat!("playhouse_", stringify!($name)), $help),)*];

            pub fn new() -> Arc<Self> {
                let mut registry = Registry::with_prefix("playhouse");
                $(
                    let $name: $kind = $new;
                    $name.register(&mut registry, stringify!($name), $help.trim().trim_end_matches('.'));
                )*
                Arc::new(Self { registry, $($name,)* })
            }
        }
    };
}

metrics! {
    /// Requests answered, by method, route and status.
    http_requests: By<Answer, Counter> = By::default(),
    /// Seconds from the head of a request to the head of its answer, by method and route.
    http_request_seconds: By<Route, Histogram> = By::histograms(),
    /// Requests being answered now.
    http_requests_in_flight: Gauge = Gauge::default(),
    /// Requests and commands refused by a rate limit, by rule.
    rate_limited: By<Kind, Counter> = By::default(),
    /// Rate limits looked at on a distant bus: decided here, asked for there, or counted alone while it was away.
    rate_checks: By<Kind, Counter> = By::default(),
    /// Logins and registrations, by outcome.
    logins: By<Outcome, Counter> = By::default(),
    /// Password hashes that wait for their turn.
    hashes_waiting: Gauge = Gauge::default(),

    /// Sockets open now.
    connections: Gauge = Gauge::default(),
    /// Sockets closed, by close code.
    connections_closed: By<Code, Counter> = By::default(),
    /// Commands received over sockets and their REST twins, by kind.
    commands: By<Kind, Counter> = By::default(),
    /// Commands refused, by problem code.
    commands_refused: By<Code, Counter> = By::default(),
    /// Joins, by outcome: fresh, recovered, not_recovered.
    joins: By<Outcome, Counter> = By::default(),
    /// Frames handed to sockets.
    frames_sent: Counter = Counter::default(),
    /// Bytes handed to sockets.
    frame_bytes_sent: Counter = Counter::default(),
    /// Seconds from an event in a room to its frame in the last outbox of the room.
    broadcast_seconds: Histogram = seconds(),
    /// Frames not delivered because an outbox was full, by kind.
    outbox_drops: By<Kind, Counter> = By::default(),
    /// Bytes that wait in outboxes for their readers.
    outbox_bytes: Gauge = Gauge::default(),
    /// Tasks of the runtime, actors and shards included.
    tasks: Gauge = Gauge::default(),
    /// Comments whose mentions and replies were not told, because too many waited.
    notices_dropped: Counter = Counter::default(),
    /// Emoji thrown into rooms that other nodes were not told of, because the bus was slow.
    bursts_dropped: Counter = Counter::default(),
    /// Bytes of commands admitted and not yet worked off.
    commands_in_flight_bytes: Gauge = Gauge::default(),

    /// Rooms in memory.
    rooms: Gauge = Gauge::default(),
    /// Actors alive, by kind.
    actors: By<Kind, Gauge> = By::default(),
    /// Actors started again after a failure, by kind.
    actor_restarts: By<Kind, Counter> = By::default(),
    /// Messages waiting in mailboxes, by kind of actor.
    mailbox_messages: By<Kind, Gauge> = By::default(),
    /// Seconds an actor took for one message, by kind.
    actor_message_seconds: By<Kind, Histogram> = By::histograms(),

    /// Seconds from a write's submission to its fsync.
    store_commit_seconds: Histogram = seconds(),
    /// Groups of writes that shared one fsync.
    store_commits: Counter = Counter::default(),
    /// Rows made durable.
    store_rows_written: Counter = Counter::default(),
    /// Events published on the bus.
    bus_published: Counter = Counter::default(),
    /// Events a subscriber missed because it fell behind.
    bus_drops: Counter = Counter::default(),
    /// Connections to a distant bus that were lost.
    bus_disconnections: Counter = Counter::default(),
    /// Writes that other nodes were told of, heard of from others, and times that all had to be supposed: told, heard, all.
    invalidations: By<Kind, Counter> = By::default(),
    /// Bytes of renditions and pictures written to the object store.
    object_bytes_written: Counter = Counter::default(),

    /// Requests for keys of encrypted videos, by outcome: given, refused, limited.
    content_keys: By<Outcome, Counter> = By::default(),

    /// Looks at what delivery keeps of videos, by outcome: hit, stale, miss.
    shelf_looks: By<Outcome, Counter> = By::default(),
    /// Videos that delivery keeps at hand.
    shelf_videos: Gauge = Gauge::default(),
    /// Seconds since what was found on the shelf was read from the store.
    shelf_age_seconds: Histogram = seconds(),

    /// Looks for rows that lists show, by outcome: hit, stale, miss.
    row_cache_looks: By<Outcome, Counter> = By::default(),
    /// Rows that are kept for lists.
    row_cache_rows: Gauge = Gauge::default(),
    /// Seconds since a kept row that a list shows was read from the store.
    row_cache_age_seconds: Histogram = seconds(),

    /// Videos put into the search index and taken out of it, and attempts that failed: put, removed, failed.
    search_changes: By<Kind, Counter> = By::default(),
    /// Seconds a search took, by outcome: found, none, failed.
    search_seconds: By<Outcome, Histogram> = By::histograms(),

    /// Uploads that receive bytes now.
    uploads_receiving: Gauge = Gauge::default(),
    /// Uploads ended, by outcome: finished, refused, expired, terminated.
    uploads: By<Outcome, Counter> = By::default(),
    /// Files that were to take the place of a video's, by outcome: accepted, refused.
    replacements: By<Outcome, Counter> = By::default(),
    /// Bytes of uploads received.
    upload_bytes: Counter = Counter::default(),
    /// Uploads looked through for malware, by outcome: clean, found, away.
    scans: By<Outcome, Counter> = By::default(),
    /// Transcode jobs in memory, by state: queued, running, done, failed, cancelled.
    jobs: By<State, Gauge> = By::default(),
    /// Videos of which nothing is left.
    videos_removed: Counter = Counter::default(),
    /// Attempts at a job that ended, by outcome: done, retried, failed, cancelled.
    job_attempts: By<Outcome, Counter> = By::default(),
    /// Pieces of jobs, by fate: made here, elsewhere (of jobs of this node), for_others, in_vain, or their node was lost.
    job_pieces: By<Kind, Counter> = By::default(),
    /// Seconds of one run of a media worker, by stage.
    job_stage_seconds: By<Kind, Histogram> = By::histograms(),
    /// Media workers running now.
    media_workers: Gauge = Gauge::default(),
    /// 1 while this node takes no media work, since its object store or its scratch folder fails it.
    media_unfit: Gauge = Gauge::default(),
}

impl Metrics {
    /// The Prometheus (OpenMetrics 1.0) text that `GET /metrics` answers with.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a String takes every write");
        text
    }
}

/// A gauge that counts something while it goes on, however it ends.
pub struct Raised(Gauge);

impl Raised {
    pub fn of(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Raised {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The media type of [`Metrics::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

impl Register for Counter {
    fn register(&self, registry: &mut Registry, name: &str, help: &str) {
        registry.register(name, help, self.clone());
    }
}

impl Register for Gauge {
    fn register(&self, registry: &mut Registry, name: &str, help: &str) {
        registry.register(name, help, self.clone());
    }
}

impl Register for Histogram {
    fn register(&self, registry: &mut Registry, name: &str, help: &str) {
        registry.register(name, help, self.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::{super::labels::method, *};

    #[test]
    fn every_metric_is_listed_with_its_help_and_counts() {
        let metrics = Metrics::new();
        metrics.connections.inc();
        metrics.commands.of("comment").inc_by(3);
        metrics.store_commit_seconds.observe(0.004);
        let route = "/api/v1/videos/{id}".to_owned();
        metrics.http_requests.of(Answer { method: method("GET"), route, status: 404 }).inc();
        let text = metrics.encode();
        for line in [
            "# HELP playhouse_connections Sockets open now.",
            "playhouse_connections 1",
            "playhouse_commands_total{kind=\"comment\"} 3",
            "playhouse_store_commit_seconds_bucket{le=\"0.005\"} 1",
            "playhouse_http_requests_total{method=\"GET\",route=\"/api/v1/videos/{id}\",status=\"404\"} 1",
            "# EOF",
        ] {
            assert!(text.lines().any(|found| found == line), "`{line}` is missing in\n{text}");
        }
    }

    /// Of the dashboard and the alerts in `docker/`, with the endings that Prometheus knows them by.
    #[test]
    fn whatever_is_watched_is_measured() {
        let plain = |name: &str| {
            let endings = ["_total", "_bucket", "_sum", "_count"];
            let ending = endings.into_iter().find_map(|ending| name.strip_suffix(ending));
            ending.unwrap_or(name).to_owned()
        };
        for file in ["docker/grafana/dashboards/playhouse.json", "docker/prometheus/alerts.yaml"] {
            let text = std::fs::read_to_string(format!("{}/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap();
            let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
            let watched: Vec<&str> = words.filter(|word| word.starts_with("playhouse_")).collect();
            assert!(watched.len() > 5, "{file} watches hardly anything");
            for name in watched {
                let known = Metrics::LIST.iter().any(|(known, _)| *known == plain(name));
                assert!(known, "{file}: nothing is called {name}");
            }
        }
    }

    #[test]
    fn the_operators_page_names_every_metric() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operations.md");
        let page = std::fs::read_to_string(path).unwrap();
        for (name, help) in Metrics::LIST {
            let row = format!("| `{name}` | {} |", help.trim());
            assert!(page.contains(&row), "docs/operations.md has no row `{row}`");
        }
    }
}
