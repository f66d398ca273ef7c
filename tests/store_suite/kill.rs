//! A child process writes and says what was acknowledged; it is killed at a random moment; what it said must
//! be there and nothing may be there by half.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use playhouse::{
    backends::store::{self, Edit, Store, View},
    domain::clock::SystemClock,
};
use tokio::task::JoinSet;

use super::{Member, MemberStatics};

const ROUNDS: u64 = 12;
const WRITERS: usize = 8;
const ROWS_PER_WRITE: i64 = 5;
const DIR: &str = "PLAYHOUSE_TEST_KILL_DIR";
const URI: &str = "PLAYHOUSE_TEST_KILL_URI";

pub async fn acknowledged_writes_survive_kill_9_and_no_half_write_does(uri: &str) {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeMap::new();
    for _ in 0..ROUNDS {
        let mut child = start(uri, dir.path());
        let lines_before_kill = rand::random_range(1..400);
        read_acknowledged(&mut child, lines_before_kill, &mut acknowledged);
        let store = store::open(uri, dir.path(), Arc::new(SystemClock)).unwrap();
        for (set, writes) in &acknowledged {
            check(&store, set, *writes).await;
        }
    }
    assert!(
        acknowledged.values().sum::<i64>() > i64::try_from(ROUNDS).unwrap(),
        "the child wrote hardly anything"
    );
}

fn start(uri: &str, dir: &Path) -> Child {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_that_writes_until_it_is_killed", "--ignored", "--nocapture"])
        .envs([(DIR, dir.as_os_str()), (URI, uri.as_ref())])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    child.unwrap()
}

/// Kills after so many acknowledgements and takes in all that were said before the end.
fn read_acknowledged(child: &mut Child, lines: usize, acknowledged: &mut BTreeMap<String, i64>) {
    let mut seen = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let Some((set, write)) = line.strip_prefix("acknowledged ").and_then(|rest| rest.split_once(' '))
        else {
            continue;
        };
        let Ok(write) = write.parse() else { continue };
        acknowledged.insert(set.to_string(), write);
        seen += 1;
        if seen == lines {
            child.kill().unwrap();
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(seen >= lines, "the child ended by itself");
}

async fn check(store: &Store, set: &str, acknowledged: i64) {
    let rows = store.all::<Member>((set.into(),)).await.unwrap();
    let read = |view: View<Member>| (Edit::default(), view.statics);
    let statics = store.update_partition::<Member, _>((set.into(),), vec![], read).await.unwrap().unwrap();
    assert!(
        statics.size >= acknowledged,
        "{set}: write {acknowledged} was acknowledged, {} are there",
        statics.size
    );
    assert_eq!(rows.len() as i64, statics.size * ROWS_PER_WRITE, "{set}: half a write is there");
    assert_eq!(rows.iter().map(|row| row.value).sum::<i64>(), statics.sum, "{set}");
}

/// Each writer numbers its writes on from what it finds, so rounds build on one another.
pub async fn child() {
    let (Some(dir), Ok(uri)) = (std::env::var_os(DIR), std::env::var(URI)) else { return };
    let store = store::open(&uri, Path::new(&dir), Arc::new(SystemClock)).unwrap();
    let mut tasks: JoinSet<()> = JoinSet::new();
    for writer in 0..WRITERS {
        let (store, set) = (store.clone(), format!("writer-{writer}"));
        tasks.spawn(async move {
            loop {
                let write = write(&store, &set).await;
                let line = format!("acknowledged {set} {write}\n");
                std::io::stdout().write_all(line.as_bytes()).unwrap();
            }
        });
    }
    tasks.join_all().await;
}

async fn write(store: &Store, set: &str) -> i64 {
    let name = set.to_string();
    let add = move |view: View<Member>| {
        let before = view.statics.unwrap_or_default();
        let write = before.size + 1;
        let row = |row| Member { set: name.clone(), member: format!("{write}-{row}"), value: write };
        let puts = (0..ROWS_PER_WRITE).map(|index| (row(index), None)).collect();
        let statics = MemberStatics { size: write, sum: before.sum + write * ROWS_PER_WRITE };
        (Edit { statics: Some(statics), puts, deletes: vec![] }, write)
    };
    store.update_partition::<Member, _>((set.into(),), vec![], add).await.unwrap()
}
