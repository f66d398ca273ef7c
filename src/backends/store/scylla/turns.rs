//! Whoever changes a partition from this process waits for his turn here: contention is what conditional writes cost
//! most, and what comes from one process can be avoided.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hash, Hasher},
};

use tokio::sync::{Mutex, MutexGuard};

use super::super::{table::Table, value::Value};

/// Partitions that share a slot wait for each other, and nothing worse.
const SLOTS: usize = 4_096;

pub(super) struct Turns {
    slots: Box<[Mutex<()>]>,
    hasher: RandomState,
}

impl Default for Turns {
    fn default() -> Self {
        Self { slots: (0..SLOTS).map(|_| Mutex::new(())).collect(), hasher: RandomState::new() }
    }
}

impl Turns {
    /// The turns of one partition come in the order they were asked for.
    pub(super) async fn take(&self, table: &Table, partition: &[Value]) -> MutexGuard<'_, ()> {
        let mut hasher = self.hasher.build_hasher();
        table.name.hash(&mut hasher);
        for value in partition {
            match value {
                Value::Text(text) => text.hash(&mut hasher),
                Value::Int(number) => number.hash(&mut hasher),
                Value::Bytes(bytes) => bytes.hash(&mut hasher),
                Value::Counts(counts) => counts.hash(&mut hasher),
            }
        }
        let slots = u64::try_from(SLOTS).expect("a small number");
        let slot = usize::try_from(hasher.finish() % slots).expect("less than the slots there are");
        self.slots[slot].lock().await
    }
}
