//! Which generation of a tally is the newest: written in its first bucket, remembered here.
//!
//! What is remembered may lag behind when another node opened a generation. That is safe: the buckets of the
//! older generation are closed by then, refuse new members, and so send the writer to ask again.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use super::{
    super::store::{
        Edit, Store, StoreResult, View,
        tables::tally::{Member, MemberBucket},
    },
    partition,
};
use crate::domain::tally::{BucketId, NEWEST_GENERATION, TallyKey, buckets_of};

/// Only tallies past their first generation are remembered; a full memory is forgotten and read again.
const REMEMBERED_MAX: usize = 10_000;

#[derive(Default)]
pub(super) struct Generations {
    newest: Mutex<HashMap<TallyKey, usize>>,
}

pub(super) fn newest_of(first: &MemberBucket) -> usize {
    usize::try_from(first.generation).unwrap_or(0).min(NEWEST_GENERATION)
}

impl Generations {
    /// The newest generation, or an older one.
    pub(super) fn known(&self, key: &TallyKey) -> usize {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).get(key).copied().unwrap_or(0)
    }

    /// The newest generation as the store has it.
    pub(super) async fn read(&self, store: &Store, key: &TallyKey) -> StoreResult<usize> {
        let first = store.statics::<Member>(partition(key, BucketId::FIRST)).await?;
        let newest = first.as_ref().map_or(0, newest_of);
        self.remember(key, newest);
        Ok(newest)
    }

    /// Opens the generation after `generation` unless that has happened. Safe to repeat at any point: first
    /// every bucket is closed, then the new generation is made known.
    pub(super) async fn open_next(
        &self,
        store: &Store,
        key: &TallyKey,
        generation: usize,
    ) -> StoreResult<()> {
        if self.read(store, key).await? > generation || generation == NEWEST_GENERATION {
            return Ok(());
        }
        for bucket in buckets_of(generation) {
            change_statics(store, key, bucket, |statics| statics.closed = true).await?;
        }
        let next = generation + 1;
        let stored = i64::try_from(next).expect("there are three generations");
        change_statics(store, key, BucketId::FIRST, move |first| {
            first.generation = first.generation.max(stored)
        })
        .await?;
        self.remember(key, next);
        Ok(())
    }

    fn remember(&self, key: &TallyKey, newest: usize) {
        if newest == 0 {
            return;
        }
        let mut remembered = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= REMEMBERED_MAX && !remembered.contains_key(key) {
            remembered.clear();
        }
        let known = remembered.entry(key.clone()).or_default();
        *known = newest.max(*known);
    }
}

async fn change_statics(
    store: &Store,
    key: &TallyKey,
    bucket: BucketId,
    change: impl Fn(&mut MemberBucket) + Send + 'static,
) -> StoreResult<()> {
    let decide = move |view: View<Member>| {
        let before = view.statics.unwrap_or_default();
        let mut after = before.clone();
        change(&mut after);
        let statics = (after != before).then_some(after);
        (Edit { statics, ..Edit::default() }, ())
    };
    store.update_partition::<Member, _>(partition(key, bucket), Vec::new(), decide).await
}
