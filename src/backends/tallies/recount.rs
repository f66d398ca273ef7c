//! Counts a tally's rows again and puts its totals right: what `playhouse doctor recount` does.
//! Runs beside writers: a bucket that changed while it was counted is counted again.

use super::{
    super::store::{
        Edit, Query, StoreError, StoreResult, View,
        tables::tally::{Member, MemberBucket},
    },
    Recount, Tallies, partition, value,
};
use crate::domain::tally::{BucketId, Kind, TallyKey, Totals, buckets_up_to};

const ATTEMPTS_MAX: usize = 5;
const PAGE_LEN: usize = 1_000;

impl Tallies {
    /// Totals of a kind whose members' rows expire are raised where rows say so, and never lowered: the rows
    /// that are gone were counted.
    pub async fn recount(&self, key: &TallyKey) -> StoreResult<Recount> {
        let newest = self.generations.read(&self.store, key).await?;
        let mut all = Recount { stored: Totals::default(), counted: Totals::default(), repaired: 0 };
        for bucket in buckets_up_to(newest) {
            let one = self.recount_bucket(key, bucket).await?;
            all.stored.add(&one.stored);
            all.counted.add(&one.counted);
            all.repaired += one.repaired;
        }
        Ok(all)
    }

    async fn recount_bucket(&self, key: &TallyKey, bucket: BucketId) -> StoreResult<Recount> {
        for _ in 0..ATTEMPTS_MAX {
            let before = self.statics(key, bucket).await?.unwrap_or_default();
            let counted = self.count_rows(key, bucket).await?;
            let stored = Totals(before.totals.clone());
            let right = right_totals(key.kind, &stored, &counted);
            let repaired = usize::from(right != stored);
            if self.replace(key, bucket, before, right).await? {
                return Ok(Recount { stored, counted, repaired });
            }
        }
        Err(StoreError::Contended)
    }

    async fn count_rows(&self, key: &TallyKey, bucket: BucketId) -> StoreResult<Totals> {
        let mut counted = Totals::default();
        let mut cursor = None;
        loop {
            let query = Query::<Member>::of(partition(key, bucket), PAGE_LEN).after(cursor);
            let page = self.store.scan(query).await?;
            for row in page.items {
                counted.count(value(row.value)?, 1);
            }
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(counted);
            }
        }
    }

    /// `false` if the bucket has changed since `before` was read.
    async fn replace(
        &self,
        key: &TallyKey,
        bucket: BucketId,
        before: MemberBucket,
        right: Totals,
    ) -> StoreResult<bool> {
        let decide = move |view: View<Member>| {
            let mut statics = view.statics.unwrap_or_default();
            if statics.revision != before.revision {
                return (Edit::default(), false);
            }
            if statics.totals == right.0 {
                return (Edit::default(), true);
            }
            statics.totals = right.0.clone();
            statics.revision += 1;
            (Edit { statics: Some(statics), ..Edit::default() }, true)
        };
        self.store.update_partition::<Member, _>(partition(key, bucket), Vec::new(), decide).await
    }
}

fn right_totals(kind: Kind, stored: &Totals, counted: &Totals) -> Totals {
    if kind.counts_expired_members() { stored.at_least(counted) } else { counted.clone() }
}
