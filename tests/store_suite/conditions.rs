//! Writes that depend on what is there, from many tasks at once.

use playhouse::backends::store::{Edit, Record, StoreError};
use tokio::task::JoinSet;

use super::{Bed, Member, MemberStatics, Single};

pub async fn of_many_inserts_at_once_exactly_one_wins(bed: Bed) {
    for round in 0..20 {
        let name = format!("name {round}");
        let mut tasks = JoinSet::new();
        for count in 0..64 {
            let (store, name) = (bed.store.clone(), name.clone());
            tasks.spawn(async move {
                (count, store.insert_if_absent(Single { name, count }, None).await.unwrap())
            });
        }
        let answers = tasks.join_all().await;
        let winners: Vec<i64> = answers.iter().filter(|answer| answer.1).map(|answer| answer.0).collect();
        let stored = bed.store.get::<Single>((name,), ()).await.unwrap();
        assert_eq!(winners, stored.map(|row| vec![row.count]).unwrap());
    }
}

pub async fn concurrent_updates_of_a_partition_all_count(bed: Bed) {
    let mut tasks = JoinSet::new();
    for writer in 0..16_i64 {
        let store = bed.store.clone();
        tasks.spawn(async move {
            for turn in 0..25 {
                let member = format!("{writer}-{turn}");
                let add = move |view: playhouse::backends::store::View<Member>| {
                    let mut statics = view.statics.unwrap_or_default();
                    statics.size += 1;
                    statics.sum += writer;
                    let row = Member { club: "s".into(), member: member.clone(), value: writer };
                    let size = statics.size;
                    (Edit { statics: Some(statics), puts: vec![(row, None)], deletes: vec![] }, size)
                };
                store.update_partition(("s".into(),), vec![], add).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    let rows = bed.store.all::<Member>(("s".into(),)).await.unwrap();
    assert_eq!(rows.len(), 400);
    let statics = statics(&bed, "s").await.unwrap();
    assert_eq!(statics, MemberStatics { size: 400, sum: rows.iter().map(|row| row.value).sum() });
}

async fn statics(bed: &Bed, set: &str) -> Option<MemberStatics> {
    let read = |view: playhouse::backends::store::View<Member>| (Edit::default(), view.statics);
    bed.store.update_partition::<Member, _>((set.into(),), vec![], read).await.unwrap()
}

pub async fn a_change_is_applied_as_a_whole_with_its_statics(bed: Bed) {
    let member = |name: &str, value| Member { club: "s".into(), member: name.into(), value };
    let first = move |view: playhouse::backends::store::View<Member>| {
        assert!(view.statics.is_none() && view.rows.is_empty());
        let puts = vec![(member("a", 1), None), (member("b", 2), None)];
        (Edit { statics: Some(MemberStatics { size: 2, sum: 3 }), puts, deletes: vec![] }, ())
    };
    bed.store.update_partition::<Member, _>(("s".into(),), vec![("a".into(),)], first).await.unwrap();
    let second = move |view: playhouse::backends::store::View<Member>| {
        let edit = Edit {
            statics: Some(MemberStatics { size: 2, sum: 12 }),
            puts: vec![(member("b", 9), None), (member("c", 3), None)],
            deletes: vec![("a".into(),)],
        };
        (edit, view.rows)
    };
    let keys = vec![("b".into(),), ("missing".into(),), ("a".into(),)];
    let seen = bed.store.update_partition::<Member, _>(("s".into(),), keys, second).await.unwrap();
    assert_eq!(seen, [member("b", 2), member("a", 1)]);
    assert_eq!(bed.store.all::<Member>(("s".into(),)).await.unwrap(), [member("b", 9), member("c", 3)]);
    assert_eq!(statics(&bed, "s").await, Some(MemberStatics { size: 2, sum: 12 }));
}

pub async fn an_empty_change_writes_nothing(bed: Bed) {
    assert_eq!(statics(&bed, "s").await, None);
    assert_eq!(statics(&bed, "s").await, None);
    assert!(bed.store.all::<Member>(("s".into(),)).await.unwrap().is_empty());
}

pub async fn an_update_of_a_single_row_sees_what_was_there(bed: Bed) {
    for turn in 0..5_i64 {
        let before = bed
            .store
            .update(("n".into(),), move |row: Option<Single>| {
                let before = row.map(|row| row.count);
                (Some(Single { name: "n".into(), count: turn }), before)
            })
            .await
            .unwrap();
        assert_eq!(before, turn.checked_sub(1).filter(|before| *before >= 0));
    }
    let left = bed.store.update(("n".into(),), |row: Option<Single>| (None, row.is_some())).await.unwrap();
    assert!(left);
    assert_eq!(bed.store.get::<Single>(("n".into(),), ()).await.unwrap().map(|row| row.count), Some(4));
}

pub async fn a_deleted_row_may_come_again(bed: Bed) {
    let single = |count| Single { name: "n".into(), count };
    for count in 0..3 {
        assert!(bed.store.insert_if_absent(single(count), None).await.unwrap());
        assert!(!bed.store.insert_if_absent(single(9), None).await.unwrap());
        bed.store.delete::<Single>(("n".into(),), ()).await.unwrap();
        bed.store.delete::<Single>(("n".into(),), ()).await.unwrap();
        assert_eq!(bed.store.get::<Single>(("n".into(),), ()).await.unwrap(), None);
        assert_eq!(bed.store.count(Single::TABLE).await.unwrap(), 0);
        let seen = bed.store.update(("n".into(),), |row: Option<Single>| (None, row)).await.unwrap();
        assert_eq!(seen, None);
    }
}

pub async fn an_update_that_panics_fails_alone(bed: Bed) {
    let panics = |_: Option<Single>| -> (Option<Single>, ()) { panic!("a mistake in deciding") };
    let answer = bed.store.update(("n".into(),), panics).await;
    assert!(matches!(answer, Err(StoreError::Unavailable(_))));
    bed.store.put(Single { name: "n".into(), count: 1 }).await.unwrap();
}

pub async fn a_deleted_partition_is_gone_with_its_statics_and_no_other(bed: Bed) {
    let before = bed.store.count(Member::TABLE).await.unwrap();
    for set in ["s", "s2", "t"] {
        let fill = move |_: playhouse::backends::store::View<Member>| {
            let row = |member: i64| (Member { club: set.into(), member: member.to_string(), value: 1 }, None);
            let statics = Some(MemberStatics { size: 300, sum: 300 });
            (Edit { statics, puts: (0..300).map(row).collect(), deletes: vec![] }, ())
        };
        bed.store.update_partition::<Member, _>((set.into(),), vec![], fill).await.unwrap();
    }
    assert_eq!(bed.store.count(Member::TABLE).await.unwrap(), before + 903);
    for _ in 0..2 {
        bed.store.delete_partition::<Member>(("s".into(),)).await.unwrap();
        assert_eq!(bed.store.all::<Member>(("s".into(),)).await.unwrap(), []);
        assert_eq!(bed.store.statics::<Member>(("s".into(),)).await.unwrap(), None);
        assert_eq!(bed.store.count(Member::TABLE).await.unwrap(), before + 602);
    }
    for set in ["s2", "t"] {
        assert_eq!(bed.store.all::<Member>((set.into(),)).await.unwrap().len(), 300);
    }
}
