//! Rows with a time to live, and stores that are closed and opened again.

use std::time::Duration;

use playhouse::backends::store::{Edit, StoreError, View};

use super::{Member, MemberStatics, Single};
use crate::Bed;

const HOUR: Duration = Duration::from_secs(3_600);

fn single(count: i64) -> Single {
    Single { name: "n".into(), count }
}

fn member(name: &str) -> Member {
    Member { set: "s".into(), member: name.into(), value: 1 }
}

pub async fn a_row_is_absent_once_its_time_is_over(bed: Bed) {
    bed.store.put_for(single(1), HOUR).await.unwrap();
    bed.store.put_for(member("a"), HOUR).await.unwrap();
    bed.store.put(member("b")).await.unwrap();
    bed.clock.advance(HOUR - Duration::from_millis(1));
    assert_eq!(bed.store.get::<Single>(("n".into(),), ()).await.unwrap(), Some(single(1)));
    assert_eq!(bed.store.all::<Member>(("s".into(),)).await.unwrap().len(), 2);
    bed.clock.advance(Duration::from_millis(1));
    assert_eq!(bed.store.get::<Single>(("n".into(),), ()).await.unwrap(), None);
    assert_eq!(bed.store.all::<Member>(("s".into(),)).await.unwrap(), [member("b")]);
    let seen = bed.store.update(("n".into(),), |row: Option<Single>| (None, row)).await.unwrap();
    assert_eq!(seen, None);
}

pub async fn an_expired_row_is_no_obstacle_to_an_insert(bed: Bed) {
    assert!(bed.store.insert_if_absent(single(1), Some(HOUR)).await.unwrap());
    assert!(!bed.store.insert_if_absent(single(2), Some(HOUR)).await.unwrap());
    bed.clock.advance(HOUR);
    assert!(bed.store.insert_if_absent(single(3), None).await.unwrap());
    bed.clock.advance(HOUR);
    assert_eq!(bed.store.get::<Single>(("n".into(),), ()).await.unwrap(), Some(single(3)));
}

pub async fn statics_outlive_expired_rows(bed: Bed) {
    let write = |_: View<Member>| {
        let puts = vec![(member("a"), Some(HOUR))];
        (Edit { statics: Some(MemberStatics { size: 1, sum: 1 }), puts, deletes: vec![] }, ())
    };
    bed.store.update_partition::<Member, _>(("s".into(),), vec![], write).await.unwrap();
    bed.clock.advance(HOUR);
    let read = |view: View<Member>| (Edit::default(), (view.statics, view.rows));
    let keys = vec![("a".into(),)];
    let (statics, rows) = bed.store.update_partition::<Member, _>(("s".into(),), keys, read).await.unwrap();
    assert_eq!(statics, Some(MemberStatics { size: 1, sum: 1 }));
    assert!(rows.is_empty());
}

pub async fn a_put_without_a_time_makes_a_row_permanent(bed: Bed) {
    bed.store.put_for(single(1), HOUR).await.unwrap();
    bed.store.put(single(2)).await.unwrap();
    bed.clock.advance(HOUR * 24 * 365);
    assert_eq!(bed.store.get::<Single>(("n".into(),), ()).await.unwrap(), Some(single(2)));
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
    let again = bed.open_again();
    for count in 0..5 {
        let row = again.get::<Single>((format!("row {count}"),), ()).await.unwrap();
        assert_eq!(row.map(|row| row.count), Some(count));
    }
}

pub async fn a_dropped_store_frees_its_directory(bed: Bed) {
    bed.store.put(single(7)).await.unwrap();
    let Bed { store, clock, dir, uri } = bed;
    drop(store);
    let again = playhouse::backends::store::open(uri, dir.path(), clock).unwrap();
    assert_eq!(again.get::<Single>(("n".into(),), ()).await.unwrap(), Some(single(7)));
}

pub async fn a_probe_writes_and_reads(bed: Bed) {
    bed.store.probe().await.unwrap();
    bed.store.probe().await.unwrap();
}
