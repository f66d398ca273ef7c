//! How fast the store is, as the rest of the house uses it: `make bench-store`, or
//! `cargo run --release --example bench_store [SECONDS]`.
//!
//! 64 writers write 5 rows each time and wait until they are durable, on fjall and on redb; then point reads and
//! short scans where they are asked for and on the blocking pool, and reactions through tallies.

use std::{
    io::Write as _,
    sync::Arc,
    time::{Duration, Instant},
};

use playhouse::{
    backends::{
        store::{self, Edit, Query, Store, View},
        tallies::Tallies,
    },
    domain::{
        clock::SystemClock,
        tally::{Kind, MemberChange, TallyKey},
    },
    record,
};
use tokio::task::JoinSet;
const WRITERS: i64 = 64;
const ROWS_PER_WRITE: i64 = 5;

record! {
    /// As large as a comment.
    pub struct Entry in conditional "bench_entries" {
        partition { room: String }
        clustering { offset: i64, Descending; }
        columns { author: String, text: String, at_ms: Option<i64> }
        statics Room { count: i64 }
    }
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let seconds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(10);
    let duration = Duration::from_secs(seconds);
    for uri in ["embedded:", "embedded+redb:"] {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let opened = Instant::now();
        let store = store::open(uri, dir.path(), Arc::new(SystemClock))
            .await
            .expect("an empty directory can be opened");
        say(&format!("\n{uri} opened empty in {:.1} ms", millis(opened.elapsed())));
        durable_writes(&store, duration).await;
        reads(&store).await;
        for (name, members) in [("one member", 1), ("20 members", 20), ("200 members", 200)] {
            reactions(&store, name, members, duration / 4).await;
        }
        let closed = Instant::now();
        store.close().await.expect("an open store can be closed");
        let closing = closed.elapsed();
        let opened = Instant::now();
        let store =
            store::open(uri, dir.path(), Arc::new(SystemClock)).await.expect("it can be opened again");
        store.probe().await.expect("it answers");
        say(&format!(
            "closed in {:.0} ms, reopened and probed in {:.0} ms",
            millis(closing),
            millis(opened.elapsed())
        ));
    }
}

async fn durable_writes(store: &Store, duration: Duration) {
    let store = store.clone();
    let figures = measure(WRITERS, duration, move |writer, turn| {
        let store = store.clone();
        async move { write(&store, &format!("room-{}", writer % 16), turn * 1_000 + writer).await }
    });
    figures.await.say(&format!("durable {ROWS_PER_WRITE}-row writes by {WRITERS} writers"));
}

async fn write(store: &Store, room: &str, number: i64) {
    let name = room.to_string();
    let decide = move |view: View<Entry>| {
        let count = view.statics.unwrap_or_default().count + ROWS_PER_WRITE - 1;
        let entry = |row| Entry {
            room: name.clone(),
            offset: number * ROWS_PER_WRITE + row,
            author: "0193a4b2c3d4e5f60718293a4b5c6d7e".into(),
            text: "a comment of usual length, said by somebody who watches".into(),
            at_ms: Some(number),
        };
        let puts = (1..ROWS_PER_WRITE).map(|row| (entry(row), None)).collect();
        (Edit { statics: Some(Room { count }), puts, deletes: Vec::new() }, ())
    };
    store
        .update_partition::<Entry, _>((room.to_string(),), Vec::new(), decide)
        .await
        .expect("the store takes writes");
}

async fn reads(store: &Store) {
    let duration = Duration::from_secs(2);
    let shared = store.clone();
    let get = measure(8, duration, move |reader, turn| {
        let store = shared.clone();
        async move {
            let offset = (turn % 100 * 1_000 + reader) * ROWS_PER_WRITE + 1;
            store.get::<Entry>((format!("room-{}", reader % 16),), (offset,)).await.expect("it can be read");
        }
    });
    get.await.say("point reads");
    for limit in [50, 128, 129] {
        let shared = store.clone();
        let scan = measure(8, duration, move |reader, _turn| {
            let store = shared.clone();
            async move {
                let query = Query::<Entry>::of((format!("room-{}", reader % 16),), limit);
                store.scan(query).await.expect("it can be read");
            }
        });
        let place = if limit > 128 { "on the blocking pool" } else { "in place" };
        scan.await.say(&format!("scans of {limit} rows, {place}"));
    }
}

async fn reactions(store: &Store, name: &'static str, members: i64, duration: Duration) {
    let tallies = Tallies::new(store.clone());
    let figures = measure(16, duration, move |room, turn| {
        let tallies = tallies.clone();
        async move {
            let key = TallyKey::new(Kind::Reaction, format!("video-{members}-{room}"));
            let user = |index| format!("user-{}", (turn * members + index) % 40_000);
            let value = if turn % 2 == 0 { 1 } else { 2 };
            let changes = (0..members).map(|index| MemberChange::set(user(index), value)).collect();
            tallies.apply(&key, changes).await.expect("the store takes writes");
        }
    });
    figures.await.say(&format!("tally flushes of {name} by 16 rooms"));
}

struct Figures {
    latencies: Vec<Duration>,
    took: Duration,
}

impl Figures {
    fn say(mut self, what: &str) {
        self.latencies.sort_unstable();
        let rate = self.latencies.len() as f64 / self.took.as_secs_f64();
        let at = |share: f64| millis(self.latencies[((self.latencies.len() - 1) as f64 * share) as usize]);
        say(&format!(
            "{what}: {rate:.0}/s, p50 {:.3} ms, p99 {:.3} ms, max {:.1} ms",
            at(0.5),
            at(0.99),
            at(1.0)
        ));
    }
}

/// So many tasks call `work` with their number and the turn, one call after the other.
async fn measure<W, F>(tasks: i64, duration: Duration, work: W) -> Figures
where
    W: Fn(i64, i64) -> F + Clone + Send + 'static,
    F: Future<Output = ()> + Send,
{
    let begun = Instant::now();
    let mut set = JoinSet::new();
    for task in 0..tasks {
        let work = work.clone();
        set.spawn(async move {
            let mut latencies = Vec::new();
            for turn in 0.. {
                let asked = Instant::now();
                if asked.duration_since(begun) > duration {
                    break;
                }
                work(task, turn).await;
                latencies.push(asked.elapsed());
                tokio::task::consume_budget().await;
            }
            latencies
        });
    }
    let latencies = set.join_all().await.concat();
    Figures { latencies, took: begun.elapsed() }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("standard output takes a line");
}
