//! The ractor actor around a [`Resident`]: counts, times and lists it, catches its panics, and lets it leave when it
//! is idle.

use std::{
    any::Any,
    future::Future,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use prometheus_client::metrics::{gauge::Gauge, histogram::Histogram};
use ractor::{Actor, ActorProcessingErr, ActorRef, SpawnErr};
use tracing::error;

use super::{Failure, LoadError, Resident, Shared};
use crate::{
    actors::{
        admission::{Load, Permit},
        registry::{Introduction, Listing},
    },
    telemetry::tasks,
};

/// What travels to the actor of a [`Resident`].
pub enum Envelope<R: Resident> {
    Message {
        message: R::Message,
        permit: Permit,
    },
    /// Leave if nothing has been said to you for so long and you have nothing to do.
    Doze {
        idle_after: Duration,
    },
}

pub type Started<R> = Result<ActorRef<Envelope<R>>, LoadError>;

/// How an actor speaks to itself. What it tells itself is counted, never refused for want of room, and given back
/// when the actor is already leaving: then `unload` must do what it asks for.
pub struct Myself<R: Resident> {
    actor: ActorRef<Envelope<R>>,
    load: Arc<Load>,
}

impl<R: Resident> Clone for Myself<R> {
    fn clone(&self) -> Self {
        Self { actor: self.actor.clone(), load: self.load.clone() }
    }
}

impl<R: Resident> Myself<R> {
    pub fn tell(&self, message: R::Message) -> Result<(), R::Message> {
        let permit = Permit::own(&self.load);
        match self.actor.cast(Envelope::Message { message, permit }) {
            Err(ractor::MessagingErr::SendErr(Envelope::Message { message, .. })) => Err(message),
            _ => Ok(()),
        }
    }

    /// Says it to itself later. Dropped when the actor has left by then.
    pub fn tell_after(&self, delay: Duration, message: R::Message) {
        let myself = self.clone();
        drop(tasks::spawn("timer", async move {
            tokio::time::sleep(delay).await;
            drop(myself.tell(message));
        }));
    }

    /// Handles what has been sent so far, then ends.
    pub fn drain(&self) {
        drop(self.actor.drain());
    }
}

pub(super) struct Shell<R: Resident> {
    pub resident: Arc<R>,
    pub shared: Shared,
}

pub(super) struct Start<R: Resident> {
    pub key: R::Key,
    pub load: Arc<Load>,
    pub restarts: u64,
}

pub(super) struct Running<R: Resident> {
    state: R::State,
    key: R::Key,
    myself: Myself<R>,
    last_message: Instant,
    message_seconds: Histogram,
    _listing: Listing,
    _alive: Alive,
}

/// Counts an actor as long as it has a state.
struct Alive(Gauge);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl<R: Resident> Shell<R> {
    /// Starts the actor. The second value tells, once it is gone, whether it ended in a failure.
    pub async fn spawn(
        self,
        start: Start<R>,
    ) -> Result<(ActorRef<Envelope<R>>, impl Future<Output = bool> + Send + 'static), LoadError> {
        let failed = Arc::new(AtomicBool::new(false));
        let supervised = Supervised { shell: self, failed: failed.clone() };
        match Supervised::spawn(None, supervised, start).await {
            Ok((actor, ended)) => {
                let ended = async move { ended.await.is_err() || failed.load(Ordering::Acquire) };
                Ok((actor, ended))
            }
            Err(SpawnErr::StartupFailed(error)) => Err(match error.downcast::<LoadError>() {
                Ok(error) => *error,
                Err(error) => {
                    error!(actor.kind = R::KIND, error = %error, "an actor failed to start");
                    LoadError::Unavailable("it failed to start".into())
                }
            }),
            Err(error) => Err(LoadError::Unavailable(error.to_string())),
        }
    }
}

/// The actor proper. Its supervisor is the directory's reaper, which learns how it ended from `failed`.
struct Supervised<R: Resident> {
    shell: Shell<R>,
    failed: Arc<AtomicBool>,
}

impl<R: Resident> Actor for Supervised<R> {
    type Msg = Envelope<R>;
    type State = Running<R>;
    type Arguments = Start<R>;

    async fn pre_start(
        &self,
        actor: ActorRef<Self::Msg>,
        start: Start<R>,
    ) -> Result<Running<R>, ActorProcessingErr> {
        let Start { key, load, restarts } = start;
        let shared = &self.shell.shared;
        let listing = shared.registry.enter(Introduction {
            kind: R::KIND,
            name: Some(key.to_string().into()),
            cell: actor.get_cell(),
            load: load.clone(),
            restarts,
        });
        let myself = Myself { actor, load };
        let state = self.shell.resident.load(myself.clone(), &key).await?;
        let alive = shared.metrics.actors.of(R::KIND);
        alive.inc();
        if restarts > 0 {
            shared.metrics.actor_restarts.of(R::KIND).inc();
        }
        let message_seconds = shared.metrics.actor_message_seconds.of(R::KIND);
        let last_message = Instant::now();
        let (_listing, _alive) = (listing, Alive(alive));
        Ok(Running { state, key, myself, last_message, message_seconds, _listing, _alive })
    }

    async fn handle(
        &self,
        _actor: ActorRef<Self::Msg>,
        envelope: Self::Msg,
        running: &mut Running<R>,
    ) -> Result<(), ActorProcessingErr> {
        let (message, permit) = match envelope {
            Envelope::Doze { idle_after } => {
                self.doze(running, idle_after);
                return Ok(());
            }
            Envelope::Message { message, permit } => (message, permit),
        };
        running.last_message = Instant::now();
        let work = AssertUnwindSafe(self.shell.resident.handle(&mut running.state, message));
        let outcome = work.catch_unwind().await;
        drop(permit);
        running.message_seconds.observe(running.last_message.elapsed().as_secs_f64());
        outcome.unwrap_or_else(|panic| Err(said(&*panic))).inspect_err(|error| self.failed(running, error))
    }

    async fn post_stop(
        &self,
        _actor: ActorRef<Self::Msg>,
        running: &mut Running<R>,
    ) -> Result<(), ActorProcessingErr> {
        let work = AssertUnwindSafe(self.shell.resident.unload(&mut running.state));
        let outcome = work.catch_unwind().await;
        outcome.map_err(|panic| said(&*panic)).inspect_err(|error| self.failed(running, error))
    }
}

impl<R: Resident> Supervised<R> {
    fn doze(&self, running: &Running<R>, idle_after: Duration) {
        let silent = running.last_message.elapsed() >= idle_after && running.myself.load.messages() == 0;
        if silent && self.shell.resident.is_idle(&running.state) {
            running.myself.drain();
        }
    }

    fn failed(&self, running: &Running<R>, failure: &Failure) {
        self.failed.store(true, Ordering::Release);
        error!(
            actor.kind = R::KIND,
            actor.key = %running.key,
            error = %failure,
            "an actor failed; the next message starts it again from what is stored"
        );
    }
}

fn said(panic: &(dyn Any + Send)) -> Failure {
    let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("panic: {}", text.unwrap_or_else(|| "without a message".to_owned())).into()
}
