//! Searches among many videos on one core, and how soon a change is found: `make bench-search`. Arguments: documents
//! (1,000,000), queries (2,000). Words are drawn as in a language: the n-th most common is n times as rare as the first.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use playhouse::{
    backends::search::{self, Change, Document, Filters, Query, Settings, SharedIndex, Sort, Words},
    domain::clock::Timestamp,
};
use rand::{RngExt, SeedableRng, rngs::StdRng};

const SEED: u64 = 7;
const VOCABULARY: usize = 200_000;
const BATCH: usize = 2_000;
/// The commonest words, which people do not search for alone.
const STOP_WORDS: usize = 30;

fn word(rng: &mut StdRng) -> usize {
    // The inverse of a sum of 1/n: as rare as in a language.
    let exponent: f64 = rng.random_range(0.0..1.0);
    let drawn = (VOCABULARY as f64).powf(exponent);
    (drawn as usize).min(VOCABULARY - 1)
}

fn words(rng: &mut StdRng, count: usize) -> String {
    let words: Vec<String> = (0..count).map(|_| format!("word{}", word(rng))).collect();
    words.join(" ")
}

fn document(rng: &mut StdRng, number: usize) -> Document {
    let (title, description) = (rng.random_range(2..10), rng.random_range(0..60));
    let views_max = 10_u64.pow(rng.random_range(1..8));
    Document {
        video_id: format!("{number:032x}").parse().expect("an id"),
        title: words(rng, title),
        description: words(rng, description),
        tags: (0..number % 6).map(|_| words(rng, 1)).collect(),
        duration_ms: rng.random_range(1_000..7_200_000),
        height: [360, 480, 720, 1_080, 2_160][rng.random_range(0..5)],
        published_at: Timestamp(1_700_000_000_000 + rng.random_range(0..100_000_000_000)),
        views: rng.random_range(0..views_max),
    }
}

fn query(rng: &mut StdRng, kind: usize) -> Query {
    let wanted = |rng: &mut StdRng| format!("word{}", word(rng).max(STOP_WORDS));
    let text = match kind {
        0 | 3 | 4 => wanted(rng),
        _ => format!("{} {}", wanted(rng), wanted(rng)),
    };
    let filters = match kind {
        2 | 3 => Filters { duration_from_ms: Some(60_000), height_min: Some(720), ..Filters::default() },
        _ => Filters::default(),
    };
    let sort =
        [Sort::Relevance, Sort::Relevance, Sort::Relevance, Sort::Relevance, Sort::Views, Sort::Date][kind];
    Query { words: Words::of(&text), filters, sort, limit: 20, after: None }
}

const KINDS: [&str; 6] = [
    "one word",
    "two words",
    "two words, bounds",
    "one word, bounds",
    "one word by views",
    "two words by date",
];

fn quantile(sorted: &[Duration], of: f64) -> f64 {
    let last = sorted.len() - 1;
    sorted[(last as f64 * of).round() as usize].as_secs_f64() * 1_000.0
}

async fn fill(index: &SharedIndex, rng: &mut StdRng, count: usize) {
    let began = Instant::now();
    for first in (0..count).step_by(BATCH) {
        let last = (first + BATCH).min(count);
        let changes = (first..last).map(|number| Change::put(1, document(rng, number))).collect();
        index.apply(changes).await.expect("it is applied");
    }
    let per_s = count as f64 / began.elapsed().as_secs_f64();
    say(&format!("| filling | {count} documents | {per_s:.0} documents/s |"));
}

async fn ask(index: &SharedIndex, rng: &mut StdRng, count: usize) {
    let mut all = Vec::new();
    for (kind, name) in KINDS.iter().enumerate() {
        let mut took = Vec::new();
        for _ in 0..count / KINDS.len() {
            let query = query(rng, kind);
            let began = Instant::now();
            index.query(query).await.expect("it answers");
            took.push(began.elapsed());
        }
        all.extend(took.iter().copied());
        report(name, took);
    }
    report("all", all);
}

fn report(name: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    let [p50, p99, max] = [0.5, 0.99, 1.0].map(|of| quantile(&took, of));
    say(&format!(
        "| {name} | {} queries | p50 {p50:.2} ms, p99 {p99:.2} ms, worst {max:.2} ms |",
        took.len()
    ));
}

async fn change(index: &SharedIndex, rng: &mut StdRng) {
    let mut took = Vec::new();
    for version in 2..52 {
        let mut changed = document(rng, 0);
        changed.title = format!("changed{version}");
        let began = Instant::now();
        index.apply(vec![Change::put(version, changed)]).await.expect("it is applied");
        let query = Query { words: Words::of(&format!("changed{version}")), limit: 1, ..Query::default() };
        assert_eq!(index.query(query).await.expect("it answers").items.len(), 1, "it is found");
        took.push(began.elapsed());
    }
    report("a change until it is found", took);
}

fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("somebody reads");
}

fn argument(place: usize, default: usize) -> usize {
    std::env::args().nth(place).map_or(default, |text| text.parse().expect("a number"))
}

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = Settings { deadline: Duration::from_secs(60) };
    let index = search::open("tantivy:", folder.path(), settings).await.expect("it opens");
    let mut rng = StdRng::seed_from_u64(SEED);
    fill(&index, &mut rng, argument(1, 1_000_000)).await;
    ask(&index, &mut rng, argument(2, 2_000)).await;
    change(&index, &mut rng).await;
    index.close().await;
}
