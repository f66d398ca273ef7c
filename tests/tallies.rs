//! Tallies against plain maps, with generations that open after a handful of members.
#![cfg(test)]

#[path = "store_suite/counted.rs"]
mod counted;

use std::{collections::HashMap, sync::Arc};

use counted::{TINY, likes, rows, totals_of};
use playhouse::{
    backends::{
        store::{self, Store},
        tallies::Tallies,
    },
    domain::{
        clock::{ManualClock, Timestamp},
        tally::{MemberChange, Outcome, Write},
    },
};
use proptest::prelude::*;

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

    async fn open(&self) -> Store {
        store::open("embedded:", self.dir.path(), self.clock.clone()).await.unwrap()
    }
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
    let mut store = bed.open().await;
    let mut tallies = Tallies::with_layout(store.clone(), TINY);
    let mut model = HashMap::new();
    for step in steps {
        match step {
            Step::Apply(changes) => {
                let expected: Vec<_> =
                    changes.iter().map(|change| apply_to_model(&mut model, change)).collect();
                let applied = tallies.apply(&likes(), changes).await.unwrap();
                assert_eq!(applied.outcomes, expected);
                assert_eq!(*applied.tally.totals(), totals_of(&model));
            }
            Step::Reopen => {
                store.close().await.unwrap();
                store = bed.open().await;
                tallies = Tallies::with_layout(store.clone(), TINY);
                assert_eq!(tallies.read(&likes()).await.unwrap().totals(), &totals_of(&model));
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
