//! What one Cassandra node takes of what rooms write: `make bench-store-cql`, or
//! `cargo run --release --example bench_store_cql URI [SECONDS]` on any cluster. Makes the schema first.
//!
//! Comments are written as a room writes them, five a time, by 16 rooms at once. Likes come in at a fixed rate, are
//! gathered and flushed as a room flushes them: 10,000 a second on one video, then over 200 videos. A latency is from the
//! like to the end of the flush that made it durable.

use std::{
    io::Write as _,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use playhouse::{
    backends::{
        store::{
            self, Edit, Settings, Store, View,
            tables::{
                self,
                room::{Entry, EntryBucket, EntryKind},
            },
        },
        tallies::Tallies,
    },
    domain::{
        clock::{SystemClock, Timestamp},
        ids::{UserId, VideoId},
        tally::{Kind, MemberChange, TallyKey},
    },
};
use tokio::task::JoinSet;

const ROOMS: i64 = 16;
const COMMENTS_PER_WRITE: i64 = 5;
const LIKES_PER_SECOND: u64 = 10_000;
const FLUSH_INTERVAL: Duration = Duration::from_millis(50);

#[tokio::main(worker_threads = 2)]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let uri = arguments.next().expect("the first argument is scylla://HOST/KEYSPACE");
    let seconds = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(15);
    let duration = Duration::from_secs(seconds);
    store::schema::apply(&uri, tables::ALL).await.expect("the schema can be made");
    let writes = Arc::new(AtomicU64::new(0));
    let counted = writes.clone();
    let observer = Arc::new(move |_took: Duration, _rows: usize| {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    let settings = Settings { observer, ..Settings::default() };
    let store = store::open_with(&uri, Path::new(""), Arc::new(SystemClock), settings);
    let store = store.await.expect("it can be opened");
    // A Java machine is slow until it has seen what it is asked for.
    comments(&store, duration / 3).await;
    comments(&store, duration).await.say("comments", COMMENTS_PER_WRITE as f64);
    for videos in [1, 200] {
        likes(&store, videos, "warm", duration / 3).await;
        let before = writes.load(Ordering::Relaxed);
        let figures = likes(&store, videos, "hot", duration).await;
        let batches = writes.load(Ordering::Relaxed) - before;
        let likes = figures.latencies.len();
        figures.say(&format!("likes on {videos} videos, offered {LIKES_PER_SECOND}/s"), 1.0);
        say(&format!("  {batches} conditional batches: {:.4} a like", batches as f64 / likes as f64));
    }
}

async fn comments(store: &Store, duration: Duration) -> Figures {
    let begun = Instant::now();
    let mut rooms = JoinSet::new();
    for _ in 0..ROOMS {
        let store = store.clone();
        rooms.spawn(async move {
            let video = VideoId::new(Timestamp(rand::random_range(0..1 << 40)));
            let mut latencies = Vec::new();
            while begun.elapsed() < duration {
                let asked = Instant::now();
                write_comments(&store, &video).await;
                latencies.push(asked.elapsed());
            }
            latencies
        });
    }
    let latencies = rooms.join_all().await.concat();
    Figures { latencies, took: begun.elapsed() }
}

async fn write_comments(store: &Store, video: &VideoId) {
    let author = UserId::new(Timestamp(1));
    let video = video.clone();
    let partition = (video.clone(), 0);
    let decide = move |view: View<Entry>| {
        let before = view.statics.unwrap_or_default();
        let entry = |index| Entry {
            video_id: video.clone(),
            bucket: 0,
            offset: before.next + index,
            kind: EntryKind::Comment,
            author_id: author.clone(),
            username: "somebody".into(),
            display_name: "Some Body".into(),
            text: "a comment of usual length, said by somebody who watches".into(),
            at_ms: Some(index),
            parent_id: None,
            key: Some("0193a4b2c3d4e5f60718293a4b5c6d7e".into()),
            target: None,
            created_at: Timestamp(1),
            edited_at: None,
            replies: 0,
            applied: before.next + index,
            removed: false,
        };
        let statics =
            EntryBucket { live: before.live + COMMENTS_PER_WRITE, next: before.next + COMMENTS_PER_WRITE };
        let puts = (0..COMMENTS_PER_WRITE).map(|index| (entry(index), None)).collect();
        (Edit { statics: Some(statics), puts, deletes: Vec::new() }, ())
    };
    store.update_partition::<Entry, _>(partition, Vec::new(), decide).await.expect("the store takes writes");
}

/// A room a video, each with an even share of the likes.
async fn likes(store: &Store, videos: u64, name: &'static str, duration: Duration) -> Figures {
    let begun = Instant::now();
    let tallies = Tallies::new(store.clone());
    let run = rand::random_range(0..1_000_000_000_u32);
    let mut rooms = JoinSet::new();
    for video in 0..videos {
        let tallies = tallies.clone();
        let key = TallyKey::new(Kind::Reaction, format!("{name}-{run}-{video}"));
        let rate = LIKES_PER_SECOND as f64 / videos as f64;
        rooms.spawn(async move { room(&tallies, &key, rate, duration).await });
    }
    let latencies = rooms.join_all().await.concat();
    Figures { latencies, took: begun.elapsed() }
}

/// Every like is of another viewer. What comes in during a flush waits for the next.
async fn room(tallies: &Tallies, key: &TallyKey, rate: f64, duration: Duration) -> Vec<Duration> {
    let begun = Instant::now();
    let mut latencies = Vec::new();
    let mut flushed = 0_u64;
    let came_at = |like: u64| begun + Duration::from_secs_f64(like as f64 / rate);
    while begun.elapsed() < duration {
        tokio::time::sleep(FLUSH_INTERVAL).await;
        let came = (begun.elapsed().as_secs_f64() * rate) as u64;
        if came == flushed {
            continue;
        }
        let changes = (flushed..came).map(|like| MemberChange::set(format!("viewer-{like:012}"), 1));
        tallies.apply(key, changes.collect()).await.expect("the store takes writes");
        let durable = Instant::now();
        latencies.extend((flushed..came).map(|like| durable.duration_since(came_at(like))));
        flushed = came;
    }
    latencies
}

struct Figures {
    latencies: Vec<Duration>,
    took: Duration,
}

impl Figures {
    fn say(mut self, what: &str, each: f64) {
        self.latencies.sort_unstable();
        let rate = self.latencies.len() as f64 * each / self.took.as_secs_f64();
        let at = |share: f64| {
            let index = ((self.latencies.len() - 1) as f64 * share) as usize;
            self.latencies[index].as_secs_f64() * 1_000.0
        };
        say(&format!(
            "{what}: {rate:.0}/s, p50 {:.1} ms, p99 {:.1} ms, max {:.0} ms",
            at(0.5),
            at(0.99),
            at(1.0)
        ));
    }
}

fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("standard output takes a line");
}
