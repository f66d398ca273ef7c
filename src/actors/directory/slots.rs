//! The map behind a directory: a slot a key, which holds the one actor once it has started. A slot is forgotten only
//! when its actor is gone, and only that very slot.

use std::{
    future::Future,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use dashmap::DashMap;
use ractor::{ActorRef, ActorStatus};
use tokio::sync::OnceCell;

use super::{
    Refused, Resident,
    shell::{Envelope, Started},
};
use crate::actors::admission::Load;

type Actor<R> = ActorRef<Envelope<R>>;

/// One life of one key.
pub(super) struct Slot<R: Resident>(Arc<Life<R>>);

struct Life<R: Resident> {
    /// The outcome of starting, shared by all who wait for it.
    actor: OnceCell<Started<R>>,
    load: Arc<Load>,
}

impl<R: Resident> Clone for Slot<R> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

pub(super) struct WeakSlot<R: Resident>(Weak<Life<R>>);

impl<R: Resident> Slot<R> {
    fn new() -> Self {
        Self(Arc::new(Life { actor: OnceCell::new(), load: Arc::default() }))
    }

    pub fn downgrade(&self) -> WeakSlot<R> {
        WeakSlot(Arc::downgrade(&self.0))
    }

    pub fn load(&self) -> &Arc<Load> {
        &self.0.load
    }

    /// Runs `start` unless someone else did. A caller who gives up while starting leaves that to the next one.
    pub async fn start_once<F>(&self, start: impl FnOnce() -> F) -> Started<R>
    where
        F: Future<Output = Started<R>>,
    {
        self.0.actor.get_or_init(start).await.clone()
    }

    fn actor(&self) -> Option<&Actor<R>> {
        self.0.actor.get().and_then(|started| started.as_ref().ok())
    }

    pub fn is_running(&self) -> bool {
        self.actor().is_some_and(|actor| actor.get_status() < ActorStatus::Draining)
    }

    pub fn is_gone(&self) -> bool {
        self.actor().is_none_or(|actor| actor.get_status() == ActorStatus::Stopped)
    }

    pub async fn gone(&self) {
        if let Some(actor) = self.actor() {
            let ended = actor.wait(None).await;
            debug_assert!(ended.is_ok(), "a wait without a timeout does not time out");
        }
    }

    /// Lets it finish what waits, and waits for that; one that is starting is waited for first. `false` if it has not
    /// been started: then it may still be.
    pub async fn leave(&self) -> bool {
        // Waits for a start that is under way, and is none.
        let started = self.0.actor.get_or_try_init(async || Err(())).await;
        if let Ok(Ok(actor)) = started {
            // An actor that has ended already refuses the marker, and that is as good.
            drop(actor.drain());
            self.gone().await;
        }
        started.is_ok()
    }

    /// Asks the actor to leave if nothing waits for it.
    pub fn doze(&self, idle_after: Duration) {
        if let Some(actor) = self.actor().filter(|_| self.0.load.messages() == 0) {
            drop(actor.cast(Envelope::Doze { idle_after }));
        }
    }
}

pub(super) struct Slots<R: Resident>(Arc<Map<R>>);

struct Map<R: Resident> {
    lives: DashMap<R::Key, Slot<R>>,
    /// Keys whose last life ended in a failure.
    failures: DashMap<R::Key, Failures>,
    closed: AtomicBool,
    failure_pause: Duration,
}

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
}

impl<R: Resident> Clone for Slots<R> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<R: Resident> Slots<R> {
    pub fn new(failure_pause: Duration) -> Self {
        let (lives, failures) = (DashMap::new(), DashMap::new());
        Self(Arc::new(Map { lives, failures, closed: AtomicBool::new(false), failure_pause }))
    }

    /// The present life of a key, begun if there is none.
    pub fn of(&self, key: &R::Key) -> Result<Slot<R>, Refused> {
        if let Some(slot) = self.0.lives.get(key) {
            return Ok(slot.clone());
        }
        if self.0.closed.load(Ordering::Acquire) {
            return Err(Refused::Unavailable("the process is stopping".into()));
        }
        self.refuse_while_failing(key)?;
        Ok(self.0.lives.entry(key.clone()).or_insert_with(Slot::new).clone())
    }

    pub fn peek(&self, key: &R::Key) -> Option<Slot<R>> {
        self.0.lives.get(key).map(|slot| slot.clone())
    }

    pub fn len(&self) -> usize {
        self.0.lives.len()
    }

    pub fn all(&self) -> Vec<(R::Key, Slot<R>)> {
        self.0.lives.iter().map(|entry| (entry.key().clone(), entry.value().clone())).collect()
    }

    pub fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
    }

    pub fn forget(&self, key: &R::Key, slot: &Slot<R>) {
        self.0.lives.remove_if(key, |_, present| Arc::ptr_eq(&present.0, &slot.0));
    }

    /// Called once for each life, when its actor is gone.
    pub fn reap(&self, key: &R::Key, slot: &WeakSlot<R>, failed: bool) {
        if failed {
            let mut failures =
                self.0.failures.entry(key.clone()).or_insert(Failures { count: 0, last: Instant::now() });
            failures.count = failures.count.saturating_add(1);
            failures.last = Instant::now();
        } else {
            self.0.failures.remove(key);
        }
        self.0.lives.remove_if(key, |_, present| Weak::ptr_eq(&Arc::downgrade(&present.0), &slot.0));
    }

    /// How often in a row the actor of a key has failed.
    pub fn failures(&self, key: &R::Key) -> u64 {
        self.0.failures.get(key).map_or(0, |failures| u64::from(failures.count))
    }

    /// Slots whose starter gave up and that nobody waits for.
    pub fn drop_unstarted(&self) {
        self.0.lives.retain(|_, slot| slot.0.actor.initialized() || Arc::strong_count(&slot.0) > 1);
        self.0.failures.retain(|_, failures| failures.last.elapsed() < self.0.failure_pause * 200);
    }

    fn refuse_while_failing(&self, key: &R::Key) -> Result<(), Refused> {
        let Some(failures) = self.0.failures.get(key).map(|failures| *failures) else { return Ok(()) };
        if failures.count < 3 {
            return Ok(());
        }
        let pause = self.0.failure_pause * 2_u32.saturating_pow(failures.count - 3).min(100);
        match failures.last.elapsed() < pause {
            true => Err(Refused::Unavailable("it keeps failing and is given a pause".into())),
            false => Ok(()),
        }
    }
}
