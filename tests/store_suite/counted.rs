//! The rows of a tally, and what they come to.

use std::collections::HashMap;

use playhouse::{
    backends::store::{Query, Store, tables::tally::Member},
    domain::tally::{Kind, Layout, TallyKey, Totals, buckets_up_to},
};

/// Generations open after a handful of members.
pub const TINY: Layout = Layout { bucket_len_max: 3 };

pub fn likes() -> TallyKey {
    TallyKey::new(Kind::Reaction, "video")
}

/// Every live row of the tally, wherever it is; fails if a member has two.
pub async fn rows(store: &Store, key: &TallyKey) -> HashMap<String, i32> {
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

pub fn totals_of(members: &HashMap<String, i32>) -> Totals {
    let mut totals = Totals::default();
    members.values().for_each(|value| totals.count(*value, 1));
    totals
}
