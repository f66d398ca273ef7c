//! Supervision of the actors there is one of: each is started again when it fails, alone (its siblings are
//! untouched), after a pause that grows, and only so often in a window. Past that budget the supervisor reports a
//! meltdown through the callback it was given; in production the app logs that one line and ends the process.
//! ractor restarts nothing by itself. Keyed actors are the business of `directory`.

mod state;
mod sweep;

use std::{
    fmt,
    sync::{Arc, RwLock},
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, SpawnErr, SupervisionEvent};
use tokio::time::timeout;
use tracing::{error, info};

pub use self::state::Options;
use self::state::{State as Failures, Verdict};
use super::{
    directory::Reply,
    registry::{Introduction, Listing, Registry},
};
use crate::telemetry::{Metrics, tasks};

/// Why the process must end.
#[derive(Debug, Clone)]
pub struct Meltdown {
    pub child: &'static str,
    pub restarts: u64,
    pub window: Duration,
    pub failure: String,
}

impl fmt::Display for Meltdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { child, restarts, window, failure } = self;
        let window_s = window.as_secs_f32();
        write!(
            f,
            "actor `{child}` keeps failing ({restarts} restarts, budget spent within {window_s} s): {failure}"
        )
    }
}

/// Where an actor that is supervised can be reached, across its restarts.
pub struct Address<M>(Arc<RwLock<Option<ActorRef<M>>>>);

impl<M> Clone for Address<M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<M: Send + 'static> Address<M> {
    /// Gives the message back while the actor is down.
    pub fn tell(&self, message: M) -> Result<(), M> {
        let actor = self.0.read().expect("no code panics while it holds this lock").clone();
        match actor {
            None => Err(message),
            Some(actor) => match actor.cast(message) {
                Err(ractor::MessagingErr::SendErr(message)) => Err(message),
                _ => Ok(()),
            },
        }
    }

    /// `None` when it is down, ends before it answers, or does not answer in time.
    pub async fn ask<T: Send>(&self, deadline: Duration, message: impl FnOnce(Reply<T>) -> M) -> Option<T> {
        let (reply, answer) = Reply::channel();
        self.tell(message(reply)).ok()?;
        timeout(deadline, answer).await.ok()?.ok()
    }
}

type Start = dyn Fn(ActorCell) -> BoxFuture<'static, Result<ActorCell, SpawnErr>> + Send + Sync;

/// How to start one child, as often as need be.
pub struct Child {
    name: &'static str,
    start: Box<Start>,
}

impl Child {
    /// A child made by `make` each time it starts, and where to reach it.
    pub fn new<A: Actor>(
        name: &'static str,
        make: impl Fn() -> (A, A::Arguments) + Send + Sync + 'static,
    ) -> (Self, Address<A::Msg>) {
        let address = Address(Arc::default());
        let place = address.clone();
        let start = move |supervisor: ActorCell| -> BoxFuture<'static, Result<ActorCell, SpawnErr>> {
            let (actor, arguments) = make();
            let place = place.clone();
            Box::pin(async move {
                let (actor, _) = A::spawn_linked(None, actor, arguments, supervisor).await?;
                let cell = actor.get_cell();
                *place.0.write().expect("no code panics while it holds this lock") = Some(actor);
                Ok(cell)
            })
        };
        (Self { name, start: Box::new(start) }, address)
    }
}

/// What a supervisor needs of the house.
pub struct Context {
    pub options: Options,
    pub registry: Arc<Registry>,
    pub metrics: Arc<Metrics>,
    /// Called once, and nothing is restarted after it.
    pub on_meltdown: Box<dyn FnOnce(Meltdown) + Send>,
}

/// A running supervisor. Dropping it does not stop anything; `stop` does.
pub struct Supervisor(ActorRef<Message>);

impl Supervisor {
    /// Starts the children in their order; an error if one of them does not start.
    pub async fn start(context: Context, children: Vec<Child>) -> Result<Self, SpawnErr> {
        let (actor, _) = Overseer::spawn(None, Overseer, (context, children)).await?;
        let (reply, answer) = Reply::channel();
        drop(actor.cast(Message::Begin(reply)));
        match answer.await {
            Ok(Ok(())) => Ok(Self(actor)),
            Ok(Err(error)) => {
                actor.stop(None);
                Err(error)
            }
            Err(_) => Err(SpawnErr::StartupFailed("the supervisor ended while it started".into())),
        }
    }

    /// Drains the children, last first, each for as long as is left of `deadline`.
    pub async fn stop(self, deadline: Duration) {
        let (reply, answer) = Reply::channel();
        drop(self.0.cast(Message::Stop { deadline, reply }));
        // One second more than the children have: the supervisor itself only has to answer.
        drop(timeout(deadline + Duration::from_secs(1), answer).await);
        self.0.stop(None);
    }
}

enum Message {
    Begin(Reply<Result<(), SpawnErr>>),
    Restart(usize),
    Stop { deadline: Duration, reply: Reply<()> },
}

struct Overseer;

struct Overseeing {
    context: House,
    children: Vec<Running>,
    started: Instant,
    stopping: bool,
}

struct House {
    options: Options,
    registry: Arc<Registry>,
    metrics: Arc<Metrics>,
    on_meltdown: Option<Box<dyn FnOnce(Meltdown) + Send>>,
}

struct Running {
    child: Child,
    cell: Option<ActorCell>,
    failures: Failures,
    listing: Option<Listing>,
}

impl Actor for Overseer {
    type Msg = Message;
    type State = Overseeing;
    type Arguments = (Context, Vec<Child>);

    async fn pre_start(
        &self,
        _myself: ActorRef<Message>,
        (context, children): (Context, Vec<Child>),
    ) -> Result<Overseeing, ActorProcessingErr> {
        let Context { options, registry, metrics, on_meltdown } = context;
        let running = |child| Running { child, cell: None, failures: Failures::default(), listing: None };
        Ok(Overseeing {
            context: House { options, registry, metrics, on_meltdown: Some(on_meltdown) },
            children: children.into_iter().map(running).collect(),
            started: Instant::now(),
            stopping: false,
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<Message>,
        message: Message,
        state: &mut Overseeing,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Message::Begin(reply) => reply.send(state.begin(&myself).await),
            Message::Restart(index) if !state.stopping => state.restart(&myself, index).await,
            Message::Restart(_) => {}
            Message::Stop { deadline, reply } => {
                state.stop(deadline).await;
                reply.send(());
            }
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Message>,
        event: SupervisionEvent,
        state: &mut Overseeing,
    ) -> Result<(), ActorProcessingErr> {
        let (cell, failure) = match event {
            SupervisionEvent::ActorFailed(cell, error) => (cell, error.to_string()),
            SupervisionEvent::ActorTerminated(cell, _, reason) => {
                (cell, format!("it ended by itself ({})", reason.unwrap_or_default()))
            }
            _ => return Ok(()),
        };
        let found = state.children.iter().position(|running| running.cell.as_ref() == Some(&cell));
        if let Some(index) = found.filter(|_| !state.stopping) {
            state.on_failure(&myself, index, failure);
        }
        Ok(())
    }
}

impl Overseeing {
    async fn begin(&mut self, myself: &ActorRef<Message>) -> Result<(), SpawnErr> {
        for index in 0..self.children.len() {
            self.start(myself, index).await?;
        }
        Ok(())
    }

    async fn start(&mut self, myself: &ActorRef<Message>, index: usize) -> Result<(), SpawnErr> {
        let running = &mut self.children[index];
        let cell = (running.child.start)(myself.get_cell()).await?;
        running.listing = Some(self.context.registry.enter(Introduction {
            kind: "singleton",
            name: Some(running.child.name.into()),
            cell: cell.clone(),
            load: Arc::default(),
            restarts: running.failures.restarts,
        }));
        running.cell = Some(cell);
        Ok(())
    }

    async fn restart(&mut self, myself: &ActorRef<Message>, index: usize) {
        let name = self.children[index].child.name;
        match self.start(myself, index).await {
            Ok(()) => info!(actor.name = name, "an actor was started again"),
            Err(error) => self.on_failure(myself, index, error.to_string()),
        }
    }

    fn on_failure(&mut self, myself: &ActorRef<Message>, index: usize, failure: String) {
        let running = &mut self.children[index];
        (running.cell, running.listing) = (None, None);
        let name = running.child.name;
        match running.failures.on_failure(self.started.elapsed(), &self.context.options) {
            Verdict::RestartAfter(pause) => {
                let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
                error!(actor.name = name, error = %failure, pause_ms, "an actor failed and will be started again");
                self.context.metrics.actor_restarts.of(name).inc();
                later(pause, myself.clone(), Message::Restart(index));
            }
            Verdict::Meltdown => {
                self.stopping = true;
                let (restarts, window) = (running.failures.restarts, self.context.options.window);
                if let Some(report) = self.context.on_meltdown.take() {
                    report(Meltdown { child: name, restarts, window, failure });
                }
            }
        }
    }

    async fn stop(&mut self, deadline: Duration) {
        self.stopping = true;
        let end = Instant::now() + deadline;
        for running in self.children.iter_mut().rev() {
            let Some(cell) = running.cell.take() else { continue };
            let left = end.saturating_duration_since(Instant::now());
            if cell.drain_and_wait(Some(left)).await.is_err() {
                cell.stop(Some("it did not drain in time".to_owned()));
            }
            running.listing = None;
        }
    }
}

fn later(pause: Duration, actor: ActorRef<Message>, message: Message) {
    let work = async move {
        tokio::time::sleep(pause).await;
        drop(actor.cast(message));
    };
    drop(tasks::spawn("restart", work));
}

#[cfg(test)]
mod tests;
