//! Order, ranges and cursors.

use std::ops::Bound;

use playhouse::{
    backends::store::{Query, Record, Store, tables::feed::FeedEntry},
    domain::clock::Timestamp,
};

use super::{Bed, Entry, Mixed, Named, Single};

fn entry(room: &str, offset: i64) -> Entry {
    Entry {
        room: room.into(),
        bucket: 0,
        offset,
        text: format!("entry {offset}"),
        at_ms: (offset % 2 == 0).then_some(7),
    }
}

async fn fill(store: &Store, room: &str, offsets: impl IntoIterator<Item = i64>) {
    for offset in offsets {
        store.put(entry(room, offset)).await.unwrap();
    }
}

pub async fn absence_is_none_and_a_put_row_is_read_back(bed: Bed) {
    let store = &bed.store;
    assert_eq!(store.get::<Entry>(("a".into(), 0), (5,)).await.unwrap(), None);
    let mut row = entry("a", 5);
    store.put(row.clone()).await.unwrap();
    assert_eq!(store.get::<Entry>(("a".into(), 0), (5,)).await.unwrap(), Some(row.clone()));
    row.text = "edited \0 ä".into();
    row.at_ms = Some(i64::MIN);
    store.put(row.clone()).await.unwrap();
    assert_eq!(store.get::<Entry>(("a".into(), 0), (5,)).await.unwrap(), Some(row));
    store.delete::<Entry>(("a".into(), 0), (5,)).await.unwrap();
    store.delete::<Entry>(("a".into(), 0), (5,)).await.unwrap();
    assert_eq!(store.get::<Entry>(("a".into(), 0), (5,)).await.unwrap(), None);
}

pub async fn many_rows_of_a_partition_are_read_by_their_keys(bed: Bed) {
    let store = &bed.store;
    for offset in (0..250).step_by(2) {
        store.put(entry("a", offset)).await.unwrap();
    }
    store.put(entry("b", 1)).await.unwrap();
    let asked = (0..250).map(|offset| (offset,)).collect();
    let mut found = store.get_some::<Entry>(("a".into(), 0), asked).await.unwrap();
    found.sort_by_key(|row| row.offset);
    assert_eq!(found, (0..250).step_by(2).map(|offset| entry("a", offset)).collect::<Vec<_>>());
    assert_eq!(store.get_some::<Entry>(("a".into(), 0), Vec::new()).await.unwrap(), []);
    assert_eq!(store.get_some::<Entry>(("c".into(), 0), vec![(1,)]).await.unwrap(), []);
    let row = Mixed { name: "m".into(), text: "t".into(), number: 1, bytes: vec![2], rank: 3 };
    store.put(row.clone()).await.unwrap();
    let asked = vec![("t".into(), 2, vec![2]), ("t".into(), 1, vec![2])];
    assert_eq!(store.get_some::<Mixed>(("m".into(),), asked).await.unwrap(), [row]);
}

pub async fn rows_come_in_the_declared_order_of_every_column(bed: Bed) {
    let texts = ["", "\0", "\0\0", "\0a", "a", "a\0", "a\0b", "aa", "ä", "\u{10ffff}"];
    let numbers = [i64::MAX, 1, 0, -1, i64::MIN];
    let blobs: [&[u8]; 4] = [&[], &[0], &[0, 255], &[255]];
    let mut rows = Vec::new();
    for text in texts {
        for number in numbers {
            rows.extend(blobs.map(|bytes| Mixed {
                name: "m".into(),
                text: text.into(),
                number,
                bytes: bytes.into(),
                rank: 0,
            }));
        }
    }
    (0..).zip(&mut rows).for_each(|(index, row)| row.rank = index);
    // Written in an order of their own.
    let mut shuffled = rows.clone();
    shuffled.sort_by_key(|row| (row.rank * 7_919) % 211);
    for row in shuffled {
        bed.store.put(row).await.unwrap();
    }
    assert_eq!(bed.store.all::<Mixed>(("m".into(),)).await.unwrap(), rows);
    let reversed = bed.store.scan(Query::<Mixed>::of(("m".into(),), 1_000).reversed()).await.unwrap().items;
    assert!(reversed.iter().eq(rows.iter().rev()));
}

pub async fn a_descending_integer_column_orders_negative_numbers_too(bed: Bed) {
    fill(&bed.store, "r", [3, -3, i64::MIN, 0, i64::MAX]).await;
    let rows = bed.store.all::<Entry>(("r".into(), 0)).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.offset).collect::<Vec<_>>(), [i64::MAX, 3, 0, -3, i64::MIN]);
}

pub async fn ranges_hold_their_bounds_in_both_orders(bed: Bed) {
    fill(&bed.store, "r", 0..10).await;
    for name in ["a", "b", "b\0", "c", "d"] {
        bed.store.put(Named { list: "l".into(), name: name.into(), rank: 0 }).await.unwrap();
    }
    let offsets = async |from, to, back| {
        let query = Query::<Entry>::of(("r".into(), 0), 100).between::<i64>(from, to);
        let query = if back { query.reversed() } else { query };
        bed.store.scan(query).await.unwrap().items.iter().map(|row| row.offset).collect::<Vec<_>>()
    };
    use Bound::{Excluded, Included, Unbounded};
    assert_eq!(offsets(Included(3), Included(5), false).await, [5, 4, 3]);
    assert_eq!(offsets(Included(3), Included(5), true).await, [3, 4, 5]);
    assert_eq!(offsets(Excluded(3), Excluded(5), false).await, [4]);
    assert_eq!(offsets(Excluded(7), Unbounded, false).await, [9, 8]);
    assert_eq!(offsets(Unbounded, Excluded(2), true).await, [0, 1]);
    assert_eq!(offsets(Included(5), Excluded(5), false).await, [0_i64; 0]);
    assert_eq!(offsets(Included(8), Included(2), false).await, [0_i64; 0]);
    let names = async |from: &str, to: &str| {
        let range = (Bound::Included(from.to_string()), Bound::Excluded(to.to_string()));
        let query = Query::<Named>::of(("l".into(),), 100).between(range.0, range.1);
        bed.store.scan(query).await.unwrap().items.into_iter().map(|row| row.name).collect::<Vec<_>>()
    };
    assert_eq!(names("b", "d").await, ["c", "b\0", "b"]);
    assert_eq!(names("b", "b\0").await, ["b"]);
}

pub async fn cursors_walk_every_row_once_in_both_directions(bed: Bed) {
    fill(&bed.store, "r", 0..57).await;
    for (back, limit) in [(false, 1), (false, 10), (true, 7), (true, 57), (false, 100)] {
        let mut seen = Vec::new();
        let mut cursor = None;
        loop {
            let query =
                Query::<Entry>::of(("r".into(), 0), limit).between(Bound::Included(3), Bound::Unbounded);
            let query = if back { query.reversed() } else { query };
            let page = bed.store.scan(query.after(cursor)).await.unwrap();
            assert!(page.items.len() <= limit);
            seen.extend(page.items.iter().map(|row| row.offset));
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        if !back {
            seen.reverse();
        }
        assert!(seen.into_iter().eq(3..57), "limit {limit}");
    }
}

pub async fn a_cursor_of_several_columns_walks_every_row_once(bed: Bed) {
    let mut rows = Vec::new();
    for at in [3, 2, 1] {
        rows.extend(["a", "b", "c"].map(|video| FeedEntry {
            feed: "f".into(),
            bucket: 0,
            at: Timestamp(at),
            video_id: format!("video-{video}").parse().unwrap(),
        }));
    }
    for row in rows.iter().rev() {
        bed.store.put(row.clone()).await.unwrap();
    }
    for (back, limit) in [(false, 1), (false, 2), (true, 1), (true, 4), (false, 9), (true, 100)] {
        let mut seen = Vec::new();
        let mut cursor = None;
        loop {
            let query = Query::<FeedEntry>::of(("f".into(), 0), limit)
                .between(Bound::Included(Timestamp(2)), Bound::Unbounded);
            let query = if back { query.reversed() } else { query };
            let page = bed.store.scan(query.after(cursor)).await.unwrap();
            assert!(page.items.len() <= limit);
            seen.extend(page.items);
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        if back {
            seen.reverse();
        }
        assert_eq!(seen, rows[..6], "limit {limit}");
    }
}

pub async fn partitions_with_similar_names_stay_apart(bed: Bed) {
    let names = ["", "a", "a\0", "a\0\0", "aa", "a\u{1}"];
    for (index, name) in (0..).zip(names) {
        // A key of one column is never empty.
        bed.store.put(Single { name: format!("_{name}"), count: index }).await.unwrap();
        fill(&bed.store, name, 0..=index).await;
    }
    for (index, name) in (0..).zip(names) {
        let single = bed.store.get::<Single>((format!("_{name}"),), ()).await.unwrap();
        assert_eq!(single.map(|row| row.count), Some(index));
        let rows = bed.store.all::<Entry>((name.into(), 0)).await.unwrap();
        assert_eq!(rows.len() as i64, index + 1);
        assert!(rows.iter().all(|row| row.partition() == (name.to_string(), 0)));
    }
}

pub async fn a_scan_of_nothing_is_an_empty_page(bed: Bed) {
    let page = bed.store.scan(Query::<Entry>::of(("r".into(), 0), 10)).await.unwrap();
    assert!(page.items.is_empty() && page.next_cursor.is_none());
    fill(&bed.store, "r", 0..3).await;
    let page = bed.store.scan(Query::<Entry>::of(("r".into(), 0), 0)).await.unwrap();
    assert!(page.items.is_empty());
    assert!(bed.store.all::<Entry>(("r".into(), 1)).await.unwrap().is_empty());
}
