//! Keeps tallies in the store. The rules are `domain::tally`'s; here they meet partitions and other writers.
//!
//! Callers are actors, which gather changes and apply them a batch at a time. Nothing here is serialised by a
//! lock: each bucket is changed by `update_partition`, and a generation opens only after every bucket of the one
//! before is closed. A closed bucket never gains a member, so "absent there" stays true while the newest
//! generation is written. This holds for any number of callers, on one node or on many, and after a crash
//! between any two of its writes. One writer a tally is still the cheapest: on a CQL store, contention costs.

mod generations;
mod recount;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use futures_util::{StreamExt, TryStreamExt, stream};

use self::generations::Generations;
use super::store::{
    Edit, Query, Record, Store, StoreError, StoreResult, View,
    tables::tally::{Member, MemberBucket},
};
use crate::domain::{
    page::{Cursor, Page},
    tally::{
        Bucket, BucketId, Decision, Layout, MemberChange, Outcome, Tally, TallyKey, Totals, bucket_of,
        buckets_of, buckets_up_to,
    },
};

/// Members in one conditional write: what a CQL batch takes with ease.
const BATCH_LEN_MAX: usize = 200;
/// Members that are looked for in one call, so that none takes longer than a call may.
const LOOK_LEN_MAX: usize = 1_000;
/// Buckets of one tally that are read or written at the same time.
const BUCKETS_AT_ONCE: usize = 16;
/// A change goes elsewhere at most once for each generation that opens meanwhile.
const ROUNDS_MAX: usize = 8;

#[derive(Clone)]
pub struct Tallies {
    store: Store,
    layout: Layout,
    generations: Arc<Generations>,
}

/// What `apply` did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The whole of it, after the changes.
    pub tally: Tally,
    /// One for each change, in their order.
    pub outcomes: Vec<Outcome>,
}

/// What a recount found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recount {
    pub stored: Totals,
    pub counted: Totals,
    /// Buckets whose totals were put right.
    pub repaired: usize,
}

impl Tallies {
    pub fn new(store: Store) -> Self {
        Self::with_layout(store, Layout::default())
    }

    /// With other limits than the usual ones. They may differ from start to start.
    pub fn with_layout(store: Store, layout: Layout) -> Self {
        Self { store, layout, generations: Arc::default() }
    }

    /// Makes the changes durable, those of one member in their order. After an error some may have been made;
    /// to apply them again is safe, since membership counts once.
    pub async fn apply(&self, key: &TallyKey, changes: Vec<MemberChange>) -> StoreResult<Applied> {
        let mut outcomes: Vec<Option<Outcome>> = vec![None; changes.len()];
        let mut waiting: Vec<(usize, MemberChange)> = changes.into_iter().enumerate().collect();
        let mut first_bucket = None;
        for _ in 0..ROUNDS_MAX {
            if waiting.is_empty() {
                let tally = self.read_after(key, first_bucket).await?;
                let outcomes = outcomes.into_iter().flatten().collect();
                return Ok(Applied { tally, outcomes });
            }
            let round = self.round(key, waiting).await?;
            round.done.into_iter().for_each(|(index, outcome)| outcomes[index] = Some(outcome));
            first_bucket = round.first_bucket.or(first_bucket);
            waiting = round.elsewhere;
        }
        Err(StoreError::Contended)
    }

    /// All buckets. The totals of each are exact; together they may be of slightly different moments.
    pub async fn read(&self, key: &TallyKey) -> StoreResult<Tally> {
        let Some(first) = self.statics(key, BucketId::FIRST).await? else { return Ok(Tally::default()) };
        let others =
            buckets_up_to(generations::newest_of(&first)).filter(|bucket| *bucket != BucketId::FIRST);
        let reads = others.map(async |bucket| Ok((bucket, self.statics(key, bucket).await?)));
        let others: Vec<_> = stream::iter(reads).buffer_unordered(BUCKETS_AT_ONCE).try_collect().await?;
        let mut tally = Tally::default();
        learn(&mut tally, BucketId::FIRST, first);
        for (bucket, statics) in others {
            learn(&mut tally, bucket, statics.unwrap_or_default());
        }
        Ok(tally)
    }

    /// Forgets a tally: for one whose target is gone, and that nobody counts any more. May be repeated; the bucket that
    /// knows of the others goes last.
    pub async fn erase(&self, key: &TallyKey) -> StoreResult<()> {
        let newest = self.generations.read(&self.store, key).await?;
        for bucket in buckets_up_to(newest).filter(|bucket| *bucket != BucketId::FIRST) {
            self.store.delete_partition::<Member>(partition(key, bucket)).await?;
        }
        self.store.delete_partition::<Member>(partition(key, BucketId::FIRST)).await
    }

    /// A member's value; `None` when it is not in the set.
    pub async fn value_of(&self, key: &TallyKey, member: &str) -> StoreResult<Option<i32>> {
        let newest = self.generations.read(&self.store, key).await?;
        Ok(self.find(key, newest, member).await?.map(|(_, value)| value))
    }

    /// Members with their values, in no order that means anything.
    pub async fn members(
        &self,
        key: &TallyKey,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> StoreResult<Page<(String, i32)>> {
        let newest = self.generations.read(&self.store, key).await?;
        let (begin, mut after) = cursor.and_then(|cursor| place_of(&cursor)).unwrap_or_default();
        for bucket in buckets_up_to(newest).filter(|bucket| bucket.0 >= begin) {
            let query = Query::<Member>::of(partition(key, bucket), limit).after(after.take());
            let page = self.store.scan(query).await?;
            if page.items.is_empty() {
                continue;
            }
            let more_buckets = buckets_up_to(newest).last() > Some(bucket);
            let next_cursor = match page.next_cursor {
                Some(inner) => Some(Cursor::of(&format!("{} {}", bucket.0, inner.as_str()))),
                None => more_buckets.then(|| Cursor::of(&format!("{} ", bucket.0 + 1))),
            };
            let items = page.items.into_iter().map(|row| Ok((row.member, value(row.value)?)));
            return Ok(Page { items: items.collect::<StoreResult<_>>()?, next_cursor });
        }
        Ok(Page { items: Vec::new(), next_cursor: None })
    }

    /// Tries every waiting change once, in the bucket it seems to belong to.
    async fn round(&self, key: &TallyKey, waiting: Vec<(usize, MemberChange)>) -> StoreResult<Round> {
        let newest = self.generations.known(key);
        let settled = self.settled(key, newest, &waiting).await?;
        let mut buckets: BTreeMap<BucketId, Vec<(usize, MemberChange)>> = BTreeMap::new();
        for (index, change) in waiting {
            let member = &change.member;
            let bucket = settled.get(member).copied().unwrap_or_else(|| bucket_of(newest, member));
            buckets.entry(bucket).or_default().push((index, change));
        }
        let written: Vec<Round> = stream::iter(buckets)
            .map(|(bucket, changes)| self.write_bucket(key, newest, bucket, changes))
            .buffer_unordered(BUCKETS_AT_ONCE)
            .try_collect()
            .await?;
        let mut round = Round::default();
        written.into_iter().for_each(|part| round.absorb(part));
        if !round.elsewhere.is_empty() || round.full {
            // Some bucket of what seemed the newest generation is closed, or has to be.
            self.generations.open_next(&self.store, key, newest).await?;
        }
        round.elsewhere.sort_by_key(|(index, _)| *index);
        Ok(round)
    }

    /// Which members are in a generation before the newest, and where. A hot tally has thousands of changes at once, so
    /// each bucket is asked once for all of them.
    async fn settled(
        &self,
        key: &TallyKey,
        newest: usize,
        changes: &[(usize, MemberChange)],
    ) -> StoreResult<HashMap<String, BucketId>> {
        let mut asked: BTreeMap<BucketId, BTreeSet<&str>> = BTreeMap::new();
        for generation in 0..newest {
            for (_, change) in changes {
                asked.entry(bucket_of(generation, &change.member)).or_default().insert(&change.member);
            }
        }
        let mut looks = Vec::new();
        for (bucket, members) in asked {
            let members: Vec<_> = members.into_iter().map(|member| (member.to_owned(),)).collect();
            for members in members.chunks(LOOK_LEN_MAX) {
                let rows = self.store.get_some::<Member>(partition(key, bucket), members.to_vec());
                looks.push(async move { rows.await.map(|rows| (bucket, rows)) });
            }
        }
        let found: Vec<_> = stream::iter(looks).buffer_unordered(BUCKETS_AT_ONCE).try_collect().await?;
        let of_one = |(bucket, rows): (_, Vec<Member>)| rows.into_iter().map(move |row| (row.member, bucket));
        Ok(found.into_iter().flat_map(of_one).collect())
    }

    async fn find(
        &self,
        key: &TallyKey,
        newest: usize,
        member: &str,
    ) -> StoreResult<Option<(BucketId, i32)>> {
        for generation in (0..=newest).rev() {
            let bucket = bucket_of(generation, member);
            let row = self.store.get::<Member>(partition(key, bucket), (member.to_string(),)).await?;
            if let Some(row) = row {
                return Ok(Some((bucket, value(row.value)?)));
            }
        }
        Ok(None)
    }

    async fn write_bucket(
        &self,
        key: &TallyKey,
        newest: usize,
        bucket: BucketId,
        changes: Vec<(usize, MemberChange)>,
    ) -> StoreResult<Round> {
        let mut round = Round::default();
        let in_newest = buckets_of(newest).any(|other| other == bucket);
        for batch in changes.chunks(BATCH_LEN_MAX) {
            let (outcomes, statics) = self.write_batch(key, bucket, batch).await?;
            for ((index, change), outcome) in batch.iter().zip(outcomes) {
                match outcome {
                    Some(outcome) => round.done.push((*index, outcome)),
                    None => round.elsewhere.push((*index, change.clone())),
                }
            }
            let totals = Totals(statics.totals.clone());
            round.full |= in_newest && !statics.closed && self.layout.is_full(newest, &totals);
            if bucket == BucketId::FIRST {
                round.first_bucket = Some(statics);
            }
        }
        Ok(round)
    }

    async fn write_batch(
        &self,
        key: &TallyKey,
        bucket: BucketId,
        batch: &[(usize, MemberChange)],
    ) -> StoreResult<(Vec<Option<Outcome>>, MemberBucket)> {
        let changes: Vec<MemberChange> = batch.iter().map(|(_, change)| change.clone()).collect();
        let mut members: Vec<(String,)> = changes.iter().map(|change| (change.member.clone(),)).collect();
        members.sort_unstable();
        members.dedup();
        let partition = partition(key, bucket);
        let own_partition = partition.clone();
        let decide = move |view: View<Member>| {
            let mut statics = view.statics.unwrap_or_default();
            let rows = view.rows.into_iter();
            let rows: Result<_, StoreError> = rows.map(|row| Ok((row.member, value(row.value)?))).collect();
            let members = match rows {
                Ok(members) => members,
                Err(error) => return (Edit::default(), Err(error)),
            };
            let totals = Totals(std::mem::take(&mut statics.totals));
            let mut state = Bucket { totals, closed: statics.closed, members };
            let decision = state.apply(&changes);
            statics.totals = state.totals.0;
            let (edit, outcomes) = edit(&own_partition, decision, &mut statics);
            (edit, Ok((outcomes, statics)))
        };
        self.store.update_partition::<Member, _>(partition, members, decide).await?
    }

    /// Saves a read where the tally has the one bucket that was just written.
    async fn read_after(&self, key: &TallyKey, first_bucket: Option<MemberBucket>) -> StoreResult<Tally> {
        match first_bucket {
            Some(first) if !first.closed => {
                let mut tally = Tally::default();
                learn(&mut tally, BucketId::FIRST, first);
                Ok(tally)
            }
            _ => self.read(key).await,
        }
    }

    async fn statics(&self, key: &TallyKey, bucket: BucketId) -> StoreResult<Option<MemberBucket>> {
        self.store.statics::<Member>(partition(key, bucket)).await
    }
}

/// How one attempt at some changes went.
#[derive(Default)]
struct Round {
    done: Vec<(usize, Outcome)>,
    /// Changes whose member is absent from a closed bucket.
    elsewhere: Vec<(usize, MemberChange)>,
    /// A bucket of the newest generation has more members than the layout allows.
    full: bool,
    first_bucket: Option<MemberBucket>,
}

impl Round {
    fn absorb(&mut self, part: Round) {
        self.done.extend(part.done);
        self.elsewhere.extend(part.elsewhere);
        self.full |= part.full;
        self.first_bucket = part.first_bucket.or(self.first_bucket.take());
    }
}

fn learn(tally: &mut Tally, bucket: BucketId, statics: MemberBucket) {
    tally.learn_bucket(bucket, statics.revision, Totals(statics.totals));
}

type Partition = <Member as Record>::Partition;

fn partition(key: &TallyKey, bucket: BucketId) -> Partition {
    (key.target.clone(), key.kind, bucket.0)
}

fn value(stored: i64) -> StoreResult<i32> {
    i32::try_from(stored).map_err(|_| StoreError::Corrupt { table: Member::TABLE.name })
}

fn edit(
    (target, kind, bucket): &Partition,
    decision: Decision,
    statics: &mut MemberBucket,
) -> (Edit<Member>, Vec<Option<Outcome>>) {
    let mut edit = Edit::default();
    for (member, write) in decision.rows {
        match write {
            None => edit.deletes.push((member,)),
            Some((value, ttl)) => {
                let row = Member {
                    target: target.clone(),
                    kind: *kind,
                    bucket: *bucket,
                    member,
                    value: i64::from(value),
                };
                edit.puts.push((row, ttl));
            }
        }
    }
    if !(edit.puts.is_empty() && edit.deletes.is_empty()) {
        statics.revision += 1;
        edit.statics = Some(statics.clone());
    }
    (edit, decision.outcomes)
}

fn place_of(cursor: &Cursor) -> Option<(i64, Option<Cursor>)> {
    let text = cursor.text()?;
    let (bucket, inner) = text.split_once(' ')?;
    let inner = (!inner.is_empty()).then(|| Cursor::from_client(inner.to_string()));
    Some((bucket.parse().ok()?, inner))
}
