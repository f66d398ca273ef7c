//! Tallies from several callers at once, after a recount, and when their rows expire.

use playhouse::{
    backends::{
        store::{self, tables::tally::Member},
        tallies::Tallies,
    },
    domain::tally::{Kind, MemberChange, Outcome, TallyKey, Totals},
};
use tokio::task::JoinSet;

use super::{
    Bed,
    counted::{TINY, likes, rows, totals_of},
};

pub async fn callers_with_and_without_a_common_memory_keep_one_set_while_generations_open(bed: Bed) {
    let store = bed.store.clone();
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
    let tally = Tallies::new(store.clone()).read(&likes()).await.unwrap();
    assert_eq!(*tally.totals(), totals_of(&members));
    assert_eq!(*tally.totals(), moved);
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

pub async fn a_recount_repairs_totals_that_are_wrong(bed: Bed) {
    let store = bed.store.clone();
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
    assert_ne!(tallies.read(&likes()).await.unwrap().of(1), 30);
    let recount = tallies.recount(&likes()).await.unwrap();
    assert_eq!((recount.counted.of(1), recount.repaired), (30, 1));
    assert_eq!(tallies.read(&likes()).await.unwrap().of(1), 30);
}

pub async fn views_keep_their_count_when_their_rows_expire_and_a_recount_does_not_lower_it(bed: Bed) {
    let hour = bed.time.hour();
    let tallies = Tallies::new(bed.store.clone());
    let views = TallyKey::new(Kind::View, "video");
    let view = move |viewer: &str| MemberChange::set_if_absent(viewer, 1).for_time(hour);
    let again = tallies.apply(&views, vec![view("a"), view("b"), view("a")]).await.unwrap();
    assert_eq!(again.tally.of(1), 2);
    assert_eq!(again.outcomes.iter().map(Outcome::changed).collect::<Vec<_>>(), [true, true, false]);
    bed.time.pass(hour).await;
    assert_eq!(tallies.value_of(&views, "a").await.unwrap(), None);
    let recount = tallies.recount(&views).await.unwrap();
    assert_eq!((recount.stored.of(1), recount.counted.of(1), recount.repaired), (2, 0, 0));
    assert_eq!(tallies.read(&views).await.unwrap().of(1), 2);
}

pub async fn the_same_batch_twice_counts_once(bed: Bed) {
    let tallies = Tallies::with_layout(bed.store.clone(), TINY);
    let batch: Vec<_> =
        (0..500).map(|user| MemberChange::set(format!("user-{user}"), 1 + user % 2)).collect();
    let first = tallies.apply(&likes(), batch.clone()).await.unwrap();
    let second = tallies.apply(&likes(), batch).await.unwrap();
    assert_eq!(first.tally.totals(), second.tally.totals());
    assert_eq!(first.tally.sum(), 500);
    assert!(first.outcomes.iter().all(Outcome::changed) && !second.outcomes.iter().any(Outcome::changed));
}

pub async fn thousands_of_changes_at_once_find_who_is_in_an_older_generation(bed: Bed) {
    let tallies = Tallies::with_layout(bed.store.clone(), TINY);
    let set = |count, value| (0..count).map(move |user| MemberChange::set(format!("user-{user}"), value));
    let first = tallies.apply(&likes(), set(1_500, 1).collect()).await.unwrap();
    assert_eq!(first.tally.of(1), 1_500);
    let second = tallies.apply(&likes(), set(2_500, 2).collect()).await.unwrap();
    let knew = second.outcomes.iter().filter(|outcome| outcome.previous == Some(1)).count();
    assert_eq!((knew, second.outcomes.len()), (1_500, 2_500));
    assert_eq!((second.tally.of(1), second.tally.of(2)), (0, 2_500));
    assert_eq!(rows(&bed.store, &likes()).await.len(), 2_500);
}
