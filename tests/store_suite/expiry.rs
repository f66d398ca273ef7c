//! Rows with a time to live, and stores that are closed and opened again.

use std::time::Duration;

use playhouse::backends::store::{Edit, StoreError, View};

use super::{Bed, Entry, Member, MemberStatics, Single};

fn single(count: i64) -> Single {
    Single { name: "n".into(), count }
}

fn member(name: &str) -> Member {
    Member { club: "s".into(), member: name.into(), value: 1 }
}

pub async fn a_row_is_absent_once_its_time_is_over(bed: Bed) {
    let hour = bed.time.hour();
    bed.store.put_for(single(1), hour).await.unwrap();
    bed.store.put_for(member("a"), hour).await.unwrap();
    bed.store.put(member("b")).await.unwrap();
    bed.time.pass(hour - Duration::from_millis(1)).await;
    assert_eq!(bed.store.get::<Single>(("n".into(),), ()).await.unwrap(), Some(single(1)));
    assert_eq!(bed.store.all::<Member>(("s".into(),)).await.unwrap().len(), 2);
    bed.time.pass(Duration::from_millis(1)).await;
    assert_eq!(bed.store.get::<Single>(("n".into(),), ()).await.unwrap(), None);
    assert_eq!(bed.store.all::<Member>(("s".into(),)).await.unwrap(), [member("b")]);
    let seen = bed.store.update(("n".into(),), |row: Option<Single>| (None, row)).await.unwrap();
    assert_eq!(seen, None);
}

pub async fn an_expired_row_is_no_obstacle_to_an_insert(bed: Bed) {
    let hour = bed.time.hour();
    assert!(bed.store.insert_if_absent(single(1), Some(hour)).await.unwrap());
    assert!(!bed.store.insert_if_absent(single(2), Some(hour)).await.unwrap());
    bed.time.pass(hour).await;
    assert!(bed.store.insert_if_absent(single(3), None).await.unwrap());
    bed.time.pass(hour).await;
    assert_eq!(bed.store.get::<Single>(("n".into(),), ()).await.unwrap(), Some(single(3)));
}

pub async fn statics_outlive_expired_rows(bed: Bed) {
    let hour = bed.time.hour();
    let write = move |_: View<Member>| {
        let puts = vec![(member("a"), Some(hour))];
        (Edit { statics: Some(MemberStatics { size: 1, sum: 1 }), puts, deletes: vec![] }, ())
    };
    bed.store.update_partition::<Member, _>(("s".into(),), vec![], write).await.unwrap();
    bed.time.pass(hour).await;
    let read = |view: View<Member>| (Edit::default(), (view.statics, view.rows));
    let keys = vec![("a".into(),)];
    let (statics, rows) = bed.store.update_partition::<Member, _>(("s".into(),), keys, read).await.unwrap();
    assert_eq!(statics, Some(MemberStatics { size: 1, sum: 1 }));
    assert!(rows.is_empty());
}

pub async fn a_put_without_a_time_makes_a_row_permanent(bed: Bed) {
    let hour = bed.time.hour();
    bed.store.put_for(single(1), hour).await.unwrap();
    bed.store.put(single(2)).await.unwrap();
    bed.time.pass(hour * 24 * 365).await;
    assert_eq!(bed.store.get::<Single>(("n".into(),), ()).await.unwrap(), Some(single(2)));
}

pub async fn a_put_with_a_time_takes_all_of_a_permanent_row_with_it(bed: Bed) {
    let hour = bed.time.hour();
    let entry = |at_ms| Entry { room: "r".into(), bucket: 0, offset: 1, text: "x".into(), at_ms };
    bed.store.put(single(1)).await.unwrap();
    bed.store.put_for(single(2), hour).await.unwrap();
    bed.store.put(entry(Some(5))).await.unwrap();
    bed.store.put_for(entry(None), hour).await.unwrap();
    let read = bed.store.get::<Entry>(("r".into(), 0), (1,)).await.unwrap();
    assert_eq!(read, Some(entry(None)), "a cell that was left out is gone");
    bed.time.pass(hour).await;
    assert_eq!(bed.store.get::<Single>(("n".into(),), ()).await.unwrap(), None);
    assert!(bed.store.all::<Entry>(("r".into(), 0)).await.unwrap().is_empty());
}

pub async fn a_closed_store_refuses_and_reopens_with_everything(bed: Bed) {
    for count in 0..5 {
        let row = Single { name: format!("row {count}"), count };
        bed.store.put(row).await.unwrap();
    }
    let other_handle = bed.store.clone();
    bed.store.close().await.unwrap();
    assert!(matches!(other_handle.put(single(1)).await, Err(StoreError::Unavailable(_))));
    let read = other_handle.get::<Single>(("row 1".into(),), ()).await;
    assert!(matches!(read, Err(StoreError::Unavailable(_))));
    bed.store.close().await.unwrap();
    let again = bed.open_again().await;
    for count in 0..5 {
        let row = again.get::<Single>((format!("row {count}"),), ()).await.unwrap();
        assert_eq!(row.map(|row| row.count), Some(count));
    }
}

pub async fn a_probe_writes_and_reads(bed: Bed) {
    bed.store.probe().await.unwrap();
    bed.store.probe().await.unwrap();
}
