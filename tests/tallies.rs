//! Tallies against plain maps, with generations that open after a handful of members.
#![cfg(test)]

use std::{collections::HashMap, sync::Arc, time::Duration};

use playhouse::{
    backends::{
        store::{self, Query, Store, tables::tally::Member},
        tallies::Tallies,
    },
    domain::{
        clock::{ManualClock, Timestamp},
        tally::{Kind, Layout, MemberChange, Outcome, TallyKey, Totals, Write, buckets_up_to},
    },
};
use proptest::prelude::*;
use tokio::task::JoinSet;

const TINY: Layout = Layout { bucket_len_max: 3 };

struct Bed {
    dir: tempfile::TempDir,
    clock: Arc<ManualClock>,
}

impl Bed {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            clock: Arc::new(ManualClock::at(Timestamp(1_700_000_000_000))),
        }
    }

    fn open(&self) -> Store {
        store::open("embedded:", self.dir.path(), self.clock.clone()).unwrap()
    }
}

fn likes() -> TallyKey {
    TallyKey::new(Kind::Reaction, "video")
}

/// Every live row of the tally, wherever it is; fails if a member has two.
async fn rows(store: &Store, key: &TallyKey) -> HashMap<String, i32> {
    let mut rows = HashMap::new();
    for bucket in buckets_up_to(2) {
        let partition = (key.target.clone(), key.kind, bucket.0);
        for row in store.scan(Query::<Member>::of(partition, 10_000)).await.unwrap().items {
            let value = i32::try_from(row.value).unwrap();
            assert_eq!(rows.insert(row.member, value), None, "a member is in two buckets");
        }
    }
    rows
}

fn totals_of(members: &HashMap<String, i32>) -> Totals {
    let mut totals = Totals::default();
    members.values().for_each(|value| totals.count(*value, 1));
    totals
}

#[derive(Debug, Clone)]
enum Step {
    Apply(Vec<MemberChange>),
    Reopen,
}

fn change(members: u32) -> impl Strategy<Value = MemberChange> {
    (0..members, 1..=2_i32, 0..5).prop_map(|(member, value, kind)| {
        let member = format!("user-{member}");
        match kind {
            0 => MemberChange::remove(member),
            1 => MemberChange::set_if_absent(member, value),
            _ => MemberChange::set(member, value),
        }
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        9 => proptest::collection::vec(change(150), 1..40).prop_map(Step::Apply),
        1 => Just(Step::Reopen),
    ]
}

fn apply_to_model(model: &mut HashMap<String, i32>, change: &MemberChange) -> Outcome {
    let previous = model.get(&change.member).copied();
    match change.write {
        Write::Set(value) => drop(model.insert(change.member.clone(), value)),
        Write::SetIfAbsent(value) => drop(model.entry(change.member.clone()).or_insert(value)),
        Write::Remove => drop(model.remove(&change.member)),
    }
    Outcome { previous, value: model.get(&change.member).copied() }
}

async fn run(steps: Vec<Step>) {
    let bed = Bed::new();
    let mut store = bed.open();
    let mut tallies = Tallies::with_layout(store.clone(), TINY);
    let mut model = HashMap::new();
    for step in steps {
        match step {
            Step::Apply(changes) => {
                let expected: Vec<_> =
                    changes.iter().map(|change| apply_to_model(&mut model, change)).collect();
                let applied = tallies.apply(&likes(), changes).await.unwrap();
                assert_eq!(applied.outcomes, expected);
                assert_eq!(applied.totals, totals_of(&model));
            }
            Step::Reopen => {
                store.close().await.unwrap();
                store = bed.open();
                tallies = Tallies::with_layout(store.clone(), TINY);
                assert_eq!(tallies.totals(&likes()).await.unwrap(), totals_of(&model));
            }
        }
    }
    assert_eq!(rows(&store, &likes()).await, model);
    for member in (0..150).map(|member| format!("user-{member}")) {
        let value = tallies.value_of(&likes(), &member).await.unwrap();
        assert_eq!(value, model.get(&member).copied());
    }
    assert_eq!(tallies.recount(&likes()).await.unwrap().repaired, 0);
    assert_eq!(listed(&tallies, 7).await, model);
}

async fn listed(tallies: &Tallies, limit: usize) -> HashMap<String, i32> {
    let mut members = HashMap::new();
    let mut cursor = None;
    loop {
        let page = tallies.members(&likes(), cursor, limit).await.unwrap();
        for (member, value) in page.items {
            assert_eq!(members.insert(member, value), None, "listed twice");
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            return members;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn a_tally_is_the_size_of_its_set_whatever_happens(steps in proptest::collection::vec(step(), 1..25)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(run(steps));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_with_and_without_a_common_memory_keep_one_set_while_generations_open() {
    let bed = Bed::new();
    let store = bed.open();
    let mut tasks = JoinSet::new();
    for _ in 0..6 {
        // Each its own memory of generations, as on nodes of their own.
        let tallies = Tallies::with_layout(store.clone(), TINY);
        for _ in 0..2 {
            let tallies = tallies.clone();
            tasks.spawn(async move {
                let mut moved = Totals::default();
                for _ in 0..25 {
                    let changes = (0..20).map(|_| random_change()).collect();
                    for outcome in tallies.apply(&likes(), changes).await.unwrap().outcomes {
                        outcome.previous.into_iter().for_each(|value| moved.count(value, -1));
                        outcome.value.into_iter().for_each(|value| moved.count(value, 1));
                    }
                }
                moved
            });
        }
    }
    let mut moved = Totals::default();
    tasks.join_all().await.iter().for_each(|part| moved.add(part));
    let members = rows(&store, &likes()).await;
    let totals = Tallies::new(store.clone()).totals(&likes()).await.unwrap();
    assert_eq!(totals, totals_of(&members));
    assert_eq!(totals, moved);
    assert!(members.len() > 100, "hardly anything happened");
    let newest = store.statics::<Member>(("video".into(), Kind::Reaction, 0)).await.unwrap().unwrap();
    assert_eq!(newest.generation, 2, "every generation should have opened");
}

fn random_change() -> MemberChange {
    let member = format!("user-{}", rand::random_range(0..300));
    match rand::random_range(0..4) {
        0 => MemberChange::remove(member),
        value => MemberChange::set(member, 1 + value % 2),
    }
}

#[tokio::test]
async fn a_recount_repairs_totals_that_are_wrong() {
    let bed = Bed::new();
    let store = bed.open();
    let tallies = Tallies::with_layout(store.clone(), TINY);
    let changes = (0..30).map(|user| MemberChange::set(format!("user-{user}"), 1)).collect();
    tallies.apply(&likes(), changes).await.unwrap();
    let break_totals = |view: store::View<Member>| {
        let mut statics = view.statics.unwrap();
        statics.totals.insert(1, 999);
        (store::Edit { statics: Some(statics), ..Default::default() }, ())
    };
    store
        .update_partition::<Member, _>(("video".into(), Kind::Reaction, 0), vec![], break_totals)
        .await
        .unwrap();
    assert_ne!(tallies.totals(&likes()).await.unwrap().of(1), 30);
    let recount = tallies.recount(&likes()).await.unwrap();
    assert_eq!((recount.counted.of(1), recount.repaired), (30, 1));
    assert_eq!(tallies.totals(&likes()).await.unwrap().of(1), 30);
}

#[tokio::test]
async fn views_keep_their_count_when_their_rows_expire_and_a_recount_does_not_lower_it() {
    let bed = Bed::new();
    let tallies = Tallies::new(bed.open());
    let views = TallyKey::new(Kind::View, "video");
    let view = |viewer: &str| MemberChange::set_if_absent(viewer, 1).for_time(Duration::from_secs(3_600));
    let again = tallies.apply(&views, vec![view("a"), view("b"), view("a")]).await.unwrap();
    assert_eq!(again.totals.of(1), 2);
    assert_eq!(again.outcomes.iter().map(Outcome::changed).collect::<Vec<_>>(), [true, true, false]);
    bed.clock.advance(Duration::from_secs(3_600));
    assert_eq!(tallies.value_of(&views, "a").await.unwrap(), None);
    let recount = tallies.recount(&views).await.unwrap();
    assert_eq!((recount.stored.of(1), recount.counted.of(1), recount.repaired), (2, 0, 0));
    assert_eq!(tallies.totals(&views).await.unwrap().of(1), 2);
}

#[tokio::test]
async fn the_same_batch_twice_counts_once() {
    let bed = Bed::new();
    let tallies = Tallies::with_layout(bed.open(), TINY);
    let batch: Vec<_> =
        (0..500).map(|user| MemberChange::set(format!("user-{user}"), 1 + user % 2)).collect();
    let first = tallies.apply(&likes(), batch.clone()).await.unwrap();
    let second = tallies.apply(&likes(), batch).await.unwrap();
    assert_eq!(first.totals, second.totals);
    assert_eq!(first.totals.sum(), 500);
    assert!(first.outcomes.iter().all(Outcome::changed) && !second.outcomes.iter().any(Outcome::changed));
}
