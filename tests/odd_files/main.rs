//! Files nobody should upload and somebody does: each goes through the real worker and ends ready or failed with a
//! reason, within its deadline. A process of its own, so that its memory and its children are those of this test.

mod bench;
mod boxes;
mod damaged;
mod disguised;
mod good;
mod index;
mod shapes;
mod table;
mod watch;

use std::{fmt::Write, net::TcpListener, path::Path, sync::Arc, time::Duration};

use bench::{Outcome, settle};
use table::{Expected, Odd};
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, timeout},
};
use watch::Watch;

/// From the probe to the end of the last stage.
const DEADLINE: Duration = Duration::from_secs(20);
const AT_ONCE: usize = 2;
/// What the process that starts the workers may grow by, at its peak.
const MEMORY_MAX_BYTES: u64 = 16 << 20;

struct Ended {
    name: &'static str,
    what: &'static str,
    expected: Expected,
    outcome: Outcome,
    took: Duration,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_odd_file_ends_ready_or_failed_with_a_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a socket option");
    let address = listener.local_addr().expect("a bound address").to_string();
    let files = lay_out(folder.path(), &address);
    bench::warm_up(folder.path()).await;

    let watch = Watch::begin();
    let began = Instant::now();
    let ended = run_all(folder.path(), files).await;
    let seen = watch.end();

    let table = table_of(&ended);
    report(&ended, began.elapsed(), &seen);
    let surprises: Vec<String> = ended.iter().filter_map(surprise).collect();
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
    let nobody = listener.accept().expect_err("nobody may connect");
    assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock);
    assert_eq!(seen.sockets, Vec::<String>::new(), "a worker had a socket");
    assert_eq!(watch::children(), Vec::<u32>::new(), "a worker outlived its job");
    assert!(seen.grown_bytes <= MEMORY_MAX_BYTES, "this process grew by {} bytes", seen.grown_bytes);
    check_page(&table);
}

/// Writes all files, so that nothing of them is in this process's memory later.
fn lay_out(folder: &Path, address: &str) -> Vec<Odd> {
    let good = good::make(folder);
    let mut files = table::all(&good, address);
    for odd in &mut files {
        odd.content.write(&folder.join(odd.name));
        odd.content.pieces = Vec::new();
    }
    files
}

async fn run_all(folder: &Path, files: Vec<Odd>) -> Vec<Ended> {
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for (place, odd) in files.into_iter().enumerate() {
        let (turns, folder) = (Arc::clone(&turns), folder.to_owned());
        running.spawn(async move {
            let _turn = turns.acquire().await.expect("it is never closed");
            (place, run_one(&folder, odd).await)
        });
    }
    let mut ended = running.join_all().await;
    ended.sort_by_key(|(place, _)| *place);
    ended.into_iter().map(|(_, ended)| ended).collect()
}

async fn run_one(folder: &Path, odd: Odd) -> Ended {
    let source = folder.join(odd.name);
    let began = Instant::now();
    let outcome = timeout(DEADLINE, settle(&source, folder)).await.unwrap_or(Outcome::Late);
    let took = began.elapsed();
    watch::until_unread(&source).await;
    Ended { name: odd.name, what: odd.what, expected: odd.expected, outcome, took }
}

fn surprise(ended: &Ended) -> Option<String> {
    let as_expected = match (&ended.expected, &ended.outcome) {
        (Expected::Ready, Outcome::Ready { .. }) => true,
        (Expected::Failed(code), Outcome::Failed(failure)) => {
            *code == failure.code && !failure.detail.is_empty()
        }
        _ => false,
    };
    (!as_expected).then(|| format!("{}: {:?} instead of {:?}", ended.name, ended.outcome, ended.expected))
}

/// What the page shows; no times, so that it is the same every time.
fn table_of(ended: &[Ended]) -> String {
    let mut text = String::from("| file | what it is | ends | in these words |\n|---|---|---|---|\n");
    for Ended { name, what, outcome, .. } in ended {
        let (ends, words) = match outcome {
            Outcome::Ready { made } => ("ready".to_owned(), format!("makes {}", made.join(", "))),
            Outcome::Failed(failure) => (format!("`{}`", failure.code), words_of(&failure.detail)),
            Outcome::Late => ("late".to_owned(), String::new()),
        };
        writeln!(text, "| `{name}` | {what} | {ends} | {words} |").expect("a String takes every write");
    }
    text
}

/// Without how much came out of a decoder before the damage: that depends on which of its threads was faster.
fn words_of(detail: &str) -> String {
    let measured = detail.ends_with("came out").then(|| detail.split_once(": ")).flatten();
    measured.map_or(detail, |(words, _)| words).replace('|', "\\|")
}

fn report(ended: &[Ended], took: Duration, seen: &watch::Seen) {
    for Ended { name, outcome, took, .. } in ended {
        let words = match outcome {
            Outcome::Ready { made } => format!("ready: {}", made.join(", ")),
            Outcome::Failed(failure) => failure.to_string(),
            Outcome::Late => "LATE".to_owned(),
        };
        eprintln!("{:>6} ms  {name:<26} {words}", took.as_millis());
    }
    let (count, seconds, grown) = (ended.len(), took.as_secs_f64(), seen.grown_bytes >> 10);
    eprintln!(
        "{count} files in {seconds:.1} s; this process grew by {grown} KiB at its peak, {} looks at its children",
        seen.looks
    );
}

const BEGIN: &str = "<!-- outcomes: begin -->\n";
const END: &str = "<!-- outcomes: end -->\n";

fn check_page(table: &str) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/odd-files.md");
    let page = std::fs::read_to_string(path).expect("the page");
    let (before, rest) = page.split_once(BEGIN).expect("the mark where it begins");
    let (written, after) = rest.split_once(END).expect("the mark where it ends");
    if std::env::var_os("PLAYHOUSE_REGEN").is_some() {
        std::fs::write(path, format!("{before}{BEGIN}{table}{END}{after}")).expect("a written page");
    } else {
        let changed: Vec<&str> =
            table.lines().filter(|line| !written.lines().any(|known| known == *line)).collect();
        assert!(
            written == table,
            "run this test with PLAYHOUSE_REGEN=1 and look at what changed: {changed:#?}"
        );
    }
}
