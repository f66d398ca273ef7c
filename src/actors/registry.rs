//! The live tree: which actors exist right now, how deep their mailboxes are and how often they were started
//! again. Actors enter it when they start and leave it when their state is dropped. `GET /api/v1/admin/actors`
//! reads it; nothing decides by it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use dashmap::DashMap;
use playhouse_protocol::rest;
use ractor::{ActorCell, ActorStatus};

use super::admission::Load;
use crate::domain::page::{Cursor, Page};

#[derive(Default)]
pub struct Registry {
    entries: DashMap<u64, Entry>,
    next_id: AtomicU64,
}

struct Entry {
    kind: &'static str,
    name: Option<Box<str>>,
    cell: ActorCell,
    load: Arc<Load>,
    restarts: u64,
    started: Instant,
}

/// What an actor says of itself when it enters.
pub struct Introduction {
    pub kind: &'static str,
    /// `None` for one of many that nobody asks for by name: it goes by its number.
    pub name: Option<Box<str>>,
    pub cell: ActorCell,
    pub load: Arc<Load>,
    pub restarts: u64,
}

/// Keeps an actor in the tree while it lives.
pub struct Listing {
    registry: Arc<Registry>,
    id: u64,
}

impl Drop for Listing {
    fn drop(&mut self) {
        self.registry.entries.remove(&self.id);
    }
}

impl Registry {
    pub fn enter(self: &Arc<Self>, who: Introduction) -> Listing {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let Introduction { kind, name, cell, load, restarts } = who;
        self.entries.insert(id, Entry { kind, name, cell, load, restarts, started: Instant::now() });
        Listing { registry: self.clone(), id }
    }

    pub fn count(&self) -> usize {
        self.entries.len()
    }

    /// A page in the order of kind and name; of one kind where `kind` is given.
    pub fn page(&self, kind: Option<&str>, after: Option<&Cursor>, limit: usize) -> Page<rest::Actor> {
        let after = after.and_then(Cursor::text);
        let wanted = |entry: &Entry| kind.is_none_or(|kind| kind == entry.kind);
        let mut found: Vec<(String, u64)> = self
            .entries
            .iter()
            .filter(|entry| wanted(entry.value()))
            .map(|entry| (position(entry.value(), *entry.key()), *entry.key()))
            .filter(|(position, _)| after.as_ref().is_none_or(|after| position > after))
            .collect();
        found.sort_unstable();
        let next_cursor = (found.len() > limit && limit > 0).then(|| Cursor::of(&found[limit - 1].0));
        let items = found.iter().take(limit).filter_map(|(_, id)| self.describe(*id)).collect();
        Page { items, next_cursor }
    }

    fn describe(&self, id: u64) -> Option<rest::Actor> {
        let entry = self.entries.get(&id)?;
        Some(rest::Actor {
            name: entry.name(id),
            kind: entry.kind.to_owned(),
            state: state_name(entry.cell.get_status()).to_owned(),
            mailbox: entry.load.messages(),
            restarts: entry.restarts,
            age_ms: u64::try_from(entry.started.elapsed().as_millis()).unwrap_or(u64::MAX),
        })
    }
}

impl Entry {
    fn name(&self, id: u64) -> String {
        self.name.as_deref().map_or_else(|| format!("{id:016x}"), str::to_owned)
    }
}

fn position(entry: &Entry, id: u64) -> String {
    format!("{}/{}/{id:016x}", entry.kind, entry.name.as_deref().unwrap_or_default())
}

fn state_name(status: ActorStatus) -> &'static str {
    match status {
        ActorStatus::Unstarted | ActorStatus::Starting => "starting",
        ActorStatus::Running | ActorStatus::Upgrading => "running",
        ActorStatus::Draining | ActorStatus::Stopping | ActorStatus::Stopped => "draining",
    }
}
