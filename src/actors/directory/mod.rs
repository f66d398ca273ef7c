//! Keyed actors: one a key, started once however many ask at once, drained when idle. A successor starts only after
//! its predecessor is gone, and a message that a leaving actor hands back goes to the successor: nothing is lost
//! and no key ever has two owners. Rooms, channels and jobs live in one each. An actor that fails is logged and
//! counted, and the next message starts a fresh one, after a pause if it keeps failing.
//!
//! Nobody outside sees an actor reference: callers use `cast` and `call`, which admit before they send and always
//! have a deadline.

mod shell;
mod slots;

use std::{
    fmt,
    future::Future,
    hash::Hash,
    sync::{Arc, Weak},
    time::Duration,
};

use prometheus_client::metrics::gauge::Gauge;
use tokio::{sync::oneshot, time::timeout};
use tracing::warn;

use self::{
    shell::{Envelope, Shell, Start},
    slots::{Slot, Slots},
};
use super::{
    admission::{Bounds, Gate, Permit},
    registry::Registry,
};
use crate::telemetry::{Metrics, tasks};

pub use shell::Myself;

pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A kind of actor that lives under a key. The value itself is configuration; what changes is `State`.
pub trait Resident: Send + Sync + Sized + 'static {
    /// A constant word for logs and metrics.
    const KIND: &'static str;
    type Key: Clone + Eq + Hash + fmt::Display + Send + Sync + 'static;
    type Message: Send + 'static;
    type State: Send + 'static;

    /// Makes the state from what is stored. Whoever asked first waits for it, and all others with them.
    fn load(
        &self,
        myself: Myself<Self>,
        key: &Self::Key,
    ) -> impl Future<Output = Result<Self::State, LoadError>> + Send;

    /// Handles one message. `Err` and panics mean "start me again": the state is dropped and loaded anew.
    fn handle(
        &self,
        state: &mut Self::State,
        message: Self::Message,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Whether it may leave once its mailbox is empty.
    fn is_idle(&self, _state: &Self::State) -> bool {
        true
    }

    /// Its last act, after the last message: what is still pending must be brought home here.
    fn unload(&self, _state: &mut Self::State) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// What a message takes of the memory while it waits.
    fn weight_bytes(_message: &Self::Message) -> usize {
        size_of::<Self::Message>()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    #[error("there is no such thing")]
    Absent,
    #[error("{0}")]
    Unavailable(String),
}

/// Why a message was not taken or not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Too much waits already. Nothing was done; ask again shortly.
    #[error("too much is waiting already, try again shortly")]
    Busy,
    /// What the key names does not exist.
    #[error("there is no such thing")]
    Absent,
    /// Not started, not answered in time, or ended before the answer. It may have been done.
    #[error("not available: {0}")]
    Unavailable(String),
}

impl From<LoadError> for Refused {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Absent => Refused::Absent,
            LoadError::Unavailable(detail) => Refused::Unavailable(detail),
        }
    }
}

/// Where the answer to a `call` goes. Dropping it tells the caller that there will be none.
#[derive(Debug)]
pub struct Reply<T>(oneshot::Sender<T>);

impl<T> Reply<T> {
    /// The receiver of this reply, for those who call past a directory.
    pub fn channel() -> (Self, oneshot::Receiver<T>) {
        let (sender, receiver) = oneshot::channel();
        (Self(sender), receiver)
    }

    /// A caller who has stopped waiting is no error.
    pub fn send(self, value: T) {
        drop(self.0.send(value));
    }
}

#[derive(Debug, Clone)]
pub struct Options {
    /// How long `cast` and `call` may take in all, starting the actor included.
    pub deadline: Duration,
    /// An actor that is idle for this long is drained.
    pub idle_after: Duration,
    /// How often idle ones are looked for.
    pub sweep_interval: Duration,
    /// What may wait in one mailbox.
    pub bounds: Bounds,
    /// The pause after a third failure in a row; doubled with each further one, up to a hundredfold.
    pub failure_pause: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(10),
            idle_after: Duration::from_secs(60),
            sweep_interval: Duration::from_secs(5),
            bounds: Bounds { messages_max: 10_000, bytes_max: 4 << 20 },
            failure_pause: Duration::from_millis(100),
        }
    }
}

/// What every directory of the process shares.
#[derive(Clone)]
pub struct Shared {
    pub gate: Arc<Gate>,
    pub registry: Arc<Registry>,
    pub metrics: Arc<Metrics>,
}

pub struct Directory<R: Resident> {
    inner: Arc<Inner<R>>,
}

impl<R: Resident> Clone for Directory<R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

struct Inner<R: Resident> {
    resident: Arc<R>,
    slots: Slots<R>,
    options: Options,
    shared: Shared,
    waiting: Gauge,
}

impl<R: Resident> Directory<R> {
    /// Opens an empty directory and starts the task that drains what is idle; it ends with the last handle.
    pub fn open(resident: R, options: Options, shared: Shared) -> Self {
        let slots = Slots::new(options.failure_pause);
        let waiting = shared.metrics.mailbox_messages.of(R::KIND);
        let inner = Arc::new(Inner { resident: Arc::new(resident), slots, options, shared, waiting });
        drop(tasks::spawn("sweeper", sweep_for_ever(Arc::downgrade(&inner))));
        Self { inner }
    }

    /// Hands a message to the actor of `key`, which is started if need be.
    pub async fn cast(&self, key: &R::Key, message: R::Message) -> Result<(), Refused> {
        within(self.inner.options.deadline, self.inner.deliver(key, message)).await
    }

    /// Hands over a message that carries a reply, and waits for the answer.
    pub async fn call<T: Send>(
        &self,
        key: &R::Key,
        message: impl FnOnce(Reply<T>) -> R::Message + Send,
    ) -> Result<T, Refused> {
        let (reply, answer) = Reply::channel();
        let message = message(reply);
        within(self.inner.options.deadline, async {
            self.inner.deliver(key, message).await?;
            answer.await.map_err(|_| Refused::Unavailable("the actor ended before it answered".into()))
        })
        .await
    }

    /// As `cast`, if the actor is in memory; `false` if it is not, and then nothing is started.
    pub async fn cast_if_resident(&self, key: &R::Key, message: R::Message) -> Result<bool, Refused> {
        match self.is_resident(key) {
            true => self.cast(key, message).await.map(|()| true),
            false => Ok(false),
        }
    }

    /// As `call`, if the actor is in memory.
    pub async fn call_if_resident<T: Send>(
        &self,
        key: &R::Key,
        message: impl FnOnce(Reply<T>) -> R::Message + Send,
    ) -> Result<Option<T>, Refused> {
        match self.is_resident(key) {
            true => self.call(key, message).await.map(Some),
            false => Ok(None),
        }
    }

    /// Whether the actor of a key has started and not yet begun to leave.
    pub fn is_resident(&self, key: &R::Key) -> bool {
        self.inner.slots.peek(key).is_some_and(|slot| slot.is_running())
    }

    /// Keys in memory, those that start or leave included.
    pub fn len(&self) -> usize {
        self.inner.slots.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Asks every idle actor to leave that has been so for `idle_after`. The sweeper does this by itself.
    pub fn sweep(&self, idle_after: Duration) {
        self.inner.sweep(idle_after);
    }

    /// Drains the actor of a key and waits until it is gone; its next message starts a fresh one.
    pub async fn drain(&self, key: &R::Key) -> Result<(), Refused> {
        let Some(slot) = self.inner.slots.peek(key) else { return Ok(()) };
        within(self.inner.options.deadline, async {
            if slot.leave().await {
                self.inner.slots.forget(key, &slot);
            }
            Ok(())
        })
        .await
    }

    /// Starts nothing from now on, drains every actor and waits for them. Returns how many are still there.
    pub async fn close(&self, deadline: Duration) -> usize {
        self.inner.slots.close();
        let slots = self.inner.slots.all();
        let leaving = slots.iter().map(|(_, slot)| slot.leave());
        if timeout(deadline, futures_util::future::join_all(leaving)).await.is_err() {
            warn!(actor.kind = R::KIND, "actors did not finish in time");
        }
        slots.iter().filter(|(_, slot)| !slot.is_gone()).count()
    }
}

async fn within<T>(deadline: Duration, work: impl Future<Output = Result<T, Refused>>) -> Result<T, Refused> {
    let late = || Err(Refused::Unavailable("no answer in time".into()));
    timeout(deadline, work).await.unwrap_or_else(|_| late())
}

impl<R: Resident> Inner<R> {
    async fn deliver(&self, key: &R::Key, mut message: R::Message) -> Result<(), Refused> {
        let bytes = R::weight_bytes(&message);
        loop {
            let slot = self.slots.of(key)?;
            let permit = Permit::take(slot.load(), self.options.bounds, &self.shared.gate, bytes)
                .ok_or(Refused::Busy)?
                .shown(&self.waiting);
            let started = slot.start_once(|| self.start(key, &slot)).await;
            let actor = match started {
                Ok(actor) => actor,
                Err(error) => {
                    self.slots.forget(key, &slot);
                    return Err(error.into());
                }
            };
            match actor.cast(Envelope::Message { message, permit }) {
                Ok(()) => return Ok(()),
                Err(ractor::MessagingErr::SendErr(Envelope::Message { message: back, permit })) => {
                    drop(permit);
                    message = back;
                    // One owner per key: the successor starts only after the tail is worked off.
                    slot.gone().await;
                    self.slots.forget(key, &slot);
                }
                Err(error) => return Err(Refused::Unavailable(error.to_string())),
            }
        }
    }

    async fn start(&self, key: &R::Key, slot: &Slot<R>) -> shell::Started<R> {
        let shell = Shell { resident: self.resident.clone(), shared: self.shared.clone() };
        let start = Start { key: key.clone(), load: slot.load().clone(), restarts: self.slots.failures(key) };
        let (actor, ended) = shell.spawn(start).await?;
        let (slots, key, slot) = (self.slots.clone(), key.clone(), slot.downgrade());
        drop(tasks::spawn("reaper", async move {
            let failed = ended.await;
            slots.reap(&key, &slot, failed);
        }));
        Ok(actor)
    }

    fn sweep(&self, idle_after: Duration) {
        for (_, slot) in self.slots.all() {
            slot.doze(idle_after);
        }
        self.slots.drop_unstarted();
    }
}

async fn sweep_for_ever<R: Resident>(inner: Weak<Inner<R>>) {
    loop {
        let Some(interval) = inner.upgrade().map(|inner| inner.options.sweep_interval) else { return };
        tokio::time::sleep(interval).await;
        let Some(inner) = inner.upgrade() else { return };
        inner.sweep(inner.options.idle_after);
    }
}

#[cfg(test)]
mod tests;
