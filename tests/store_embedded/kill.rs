//! A child process writes and says what was acknowledged; it is killed at a random moment; what it said must
//! be there and nothing may be there by half.

use std::{collections::BTreeMap, sync::Arc};

use playhouse::{
    backends::store::{self, Edit, Store, View},
    domain::clock::SystemClock,
};
use tokio::task::JoinSet;

use crate::{
    killed_child::{Place, lines_until_killed, say},
    store_suite::{Member, MemberStatics},
};

const ROUNDS: u64 = 12;
const WRITERS: usize = 8;
const ROWS_PER_WRITE: i64 = 5;

pub async fn acknowledged_writes_survive_kill_9_and_no_half_write_does(uri: &str) {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeMap::new();
    for _ in 0..ROUNDS {
        let lines = rand::random_range(1..400);
        let child = "child_that_writes_until_it_is_killed";
        for line in lines_until_killed(child, uri, dir.path(), "acknowledged ", lines) {
            let (set, write) = line.split_once(' ').unwrap();
            acknowledged.insert(set.to_string(), write.parse().unwrap());
        }
        let store = store::open(uri, dir.path(), Arc::new(SystemClock)).await.unwrap();
        for (set, writes) in &acknowledged {
            check(&store, set, *writes).await;
        }
    }
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
    let Some(place) = Place::of_child() else { return };
    let store = store::open(&place.uri, &place.dir, Arc::new(SystemClock)).await.unwrap();
    let mut tasks: JoinSet<()> = JoinSet::new();
    for writer in 0..WRITERS {
        let (store, set) = (store.clone(), format!("writer-{writer}"));
        tasks.spawn(async move {
            loop {
                let write = write(&store, &set).await;
                say(&format!("acknowledged {set} {write}"));
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
        let row = |row| Member { club: name.clone(), member: format!("{write}-{row}"), value: write };
        let puts = (0..ROWS_PER_WRITE).map(|index| (row(index), None)).collect();
        let statics = MemberStatics { size: write, sum: before.sum + write * ROWS_PER_WRITE };
        (Edit { statics: Some(statics), puts, deletes: vec![] }, write)
    };
    store.update_partition::<Member, _>((set.into(),), vec![], add).await.unwrap()
}
