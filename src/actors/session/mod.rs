//! One socket's session: who speaks, which rooms they sit in, how much they may say. `http/ws` parses frames and casts
//! them here, admitted by their bytes; answers go to the seat. It decides through `state`, asks rooms through their
//! handles, one request after the other, and never sees a socket. At rest it is a few bytes in its socket's shard
//! (`resting`). One thing said after a long silence is an errand, a task for as long as the answer takes; whoever goes on
//! speaking has an actor, until they fall silent.

mod chat;
mod limits;
mod resting;
mod state;

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt;
use playhouse_protocol::{
    problem::Code,
    realtime::{Authenticated, CloseCode, Done, Op, Outcome, Position, Rate, Reply, Request, Watched},
    rest,
};
use prometheus_client::metrics::gauge::Gauge;
use ractor::{Actor, ActorProcessingErr, ActorRef, ActorRuntime};
use serde::Serialize;
use tracing::error;

pub use self::limits::{Rates, RetryAfter, UserLimits};
pub use self::resting::{Bed, Resting};
use self::state::{Denied, State, Step, refusal, too_many};
use super::{
    admission::{Bounds, Load, Permit},
    directory::Shared,
    registry::{Introduction, Listing},
    relay::Presence,
    room::{Arrival, NewComment, RoomError, Rooms, WatchedFor, viewer_key},
    seat::{Close, Seat},
};
use crate::{
    config,
    domain::{account::Identity, clock::SharedClock, ids::VideoId},
    telemetry::Metrics,
};

/// What a waiting request takes beyond its words.
const MESSAGE_BYTES: usize = 64;

/// The token is not valid, or not any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the access token is not valid, sign in or refresh it")]
pub struct AuthError;

/// Who a token speaks for.
pub trait Authenticate: Send + Sync + 'static {
    fn authenticate(&self, access_token: &str) -> Result<Identity, AuthError>;
}

#[derive(Debug, Clone)]
pub struct Options {
    pub rooms_max: usize,
    /// What may wait for one session before its socket is closed.
    pub in_flight: Bounds,
}

impl Options {
    pub fn of(limits: &config::Limits, waiting_max: u64) -> Self {
        let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        Self {
            rooms_max: limits.rooms_per_session_max,
            in_flight: Bounds {
                messages_max: waiting_max,
                bytes_max: number(limits.session_in_flight_bytes_max),
            },
        }
    }
}

/// What sessions need of the house.
#[derive(Clone)]
pub struct SessionContext {
    pub rooms: Rooms,
    pub authenticate: Arc<dyn Authenticate>,
    pub presence: Presence,
    pub user_limits: UserLimits,
    pub clock: SharedClock,
    pub shared: Shared,
    pub options: Arc<Options>,
}

/// Makes sessions.
#[derive(Clone)]
pub struct Sessions(Arc<SessionContext>);

impl Sessions {
    pub fn new(context: SessionContext) -> Self {
        Self(Arc::new(context))
    }

    /// What may wait for one session.
    pub fn bounds(&self) -> Bounds {
        self.0.options.in_flight
    }

    /// The session of a socket that has said nothing yet. `anonymous` names a viewer without an account in the tally
    /// of views.
    pub fn newcomer(&self, seat: Seat, anonymous: String) -> Resting {
        let state = State::new(None, self.0.options.rooms_max);
        Resting::new(self.0.clone(), seat, anonymous.into(), state)
    }
}

/// A running session. Dropping it ends it, after what it has been told.
pub struct SessionHandle {
    actor: ActorRef<Message>,
    load: Arc<Load>,
    context: Arc<SessionContext>,
    seat: Seat,
}

impl Drop for SessionHandle {
    fn drop(&mut self) {
        // One that has ended already needs no marker.
        drop(self.actor.drain());
    }
}

/// More waits than may: the socket must be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overloaded;

impl SessionHandle {
    fn start(resting: Resting) -> Result<Self, ractor::SpawnErr> {
        let load = Arc::<Load>::default();
        let (context, seat) = (resting.context().clone(), resting.seat().clone());
        let start = Start { resting, load: load.clone() };
        let (actor, _) = ActorRuntime::spawn_instant(None, Session, start)?;
        Ok(Self { actor, load, context, seat })
    }

    /// Hands over a request that took so many bytes on the wire.
    pub fn say(&self, request: Request, bytes: usize) -> Result<(), Overloaded> {
        let permit = self.context.admit(&self.load, bytes)?;
        if self.actor.cast(Message::Errand(Errand::Answer(request, permit))).is_err() {
            self.seat.close(ended());
        }
        Ok(())
    }

    /// Has it look whether its token is still good.
    pub fn check_token(&self) {
        drop(self.actor.cast(Message::Errand(Errand::CheckToken)));
    }

    /// Whether it has answered all it was told.
    pub fn is_idle(&self) -> bool {
        self.load.messages() == 0
    }

    /// Asks it to lie down after what it has been told. It tells its seat when it has.
    pub fn rest(self) -> Arc<Bed> {
        let bed = Arc::<Bed>::default();
        drop(self.actor.cast(Message::Rest(bed.clone())));
        bed
    }
}

impl SessionContext {
    fn admit(&self, mailbox: &Arc<Load>, bytes: usize) -> Result<Permit, Overloaded> {
        let (bounds, gate) = (self.options.in_flight, &self.shared.gate);
        let permit = Permit::take(mailbox, bounds, gate, bytes + MESSAGE_BYTES).ok_or(Overloaded)?;
        Ok(permit.shown(&self.shared.metrics.mailbox_messages.of("session")))
    }
}

/// One thing a session is to do.
enum Errand {
    Answer(Request, Permit),
    SignIn(String),
    CheckToken,
}

enum Message {
    Errand(Errand),
    Rest(Arc<Bed>),
}

struct Start {
    resting: Resting,
    load: Arc<Load>,
}

struct Session;

struct Awake {
    live: Live,
    _listing: Listing,
    _counted: Counted,
}

/// Counts an actor as long as it has a state.
struct Counted(Gauge);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// A session at work, in an actor or on an errand. Everything that outlasts that is in `resting`.
struct Live {
    context: Arc<SessionContext>,
    seat: Seat,
    /// `None` once it has lain down.
    resting: Option<Resting>,
}

impl Drop for Live {
    fn drop(&mut self) {
        if self.resting.is_some() {
            // Where it ends by itself there is a failure, and the client must come back.
            self.seat.close(ended());
        }
    }
}

fn ended() -> Close {
    Close::new(CloseCode::GoingAway, "the session has ended, come back and resume")
}

impl Actor for Session {
    type Msg = Message;
    type State = Awake;
    type Arguments = Start;

    async fn pre_start(&self, myself: ActorRef<Message>, start: Start) -> Result<Awake, ActorProcessingErr> {
        let Start { resting, load } = start;
        let live = Live::new(resting);
        let shared = &live.context.shared;
        let listing = shared.registry.enter(Introduction {
            kind: "session",
            name: None,
            cell: myself.get_cell(),
            load,
            restarts: 0,
        });
        let count = shared.metrics.actors.of("session");
        count.inc();
        Ok(Awake { live, _listing: listing, _counted: Counted(count) })
    }

    // In a box: the actor's own task keeps room for this more than once, and most of the time it waits.
    fn handle(
        &self,
        myself: ActorRef<Message>,
        message: Message,
        awake: &mut Awake,
    ) -> impl Future<Output = Result<(), ActorProcessingErr>> + Send {
        Box::pin(async move {
            match message {
                Message::Rest(bed) => {
                    awake.live.lie_down(&bed);
                    myself.stop(None);
                }
                Message::Errand(errand) => {
                    let work = AssertUnwindSafe(awake.live.run(errand)).catch_unwind().await;
                    if work.is_err() {
                        error!("a session failed; its socket is closed and its client will come back");
                        return Err("a session failed".into());
                    }
                }
            }
            Ok(())
        })
    }
}

impl Live {
    fn new(resting: Resting) -> Self {
        let (context, seat) = (resting.context().clone(), resting.seat().clone());
        Self { context, seat, resting: Some(resting) }
    }

    fn lie_down(&mut self, bed: &Bed) {
        bed.lie_down(self.resting.take());
        self.seat.session_rests();
    }

    async fn run(&mut self, errand: Errand) {
        if self.seat.is_closed() {
            return;
        }
        match errand {
            Errand::Answer(request, _permit) => self.answer(request).await,
            Errand::SignIn(access_token) => match self.context.authenticate.authenticate(&access_token) {
                Ok(who) => Box::pin(self.identify(who)).await,
                Err(error) => self.seat.close(Close::new(CloseCode::TokenEnded, error.to_string())),
            },
            Errand::CheckToken => self.check_token(),
        }
    }

    fn check_token(&mut self) {
        let now = self.context.clock.now();
        let over = self.state().check_token(now);
        let ends_at = self.state().identity().map(|who| who.expires_at);
        match (over, ends_at) {
            (Some(close), _) => self.seat.close(close),
            (None, Some(ends_at)) => self.seat.token_ends(ends_at),
            (None, None) => {}
        }
    }

    fn metrics(&self) -> &Arc<Metrics> {
        &self.context.shared.metrics
    }

    fn anonymous(&self) -> &str {
        self.resting.as_ref().map_or("", Resting::anonymous)
    }

    fn state(&mut self) -> &mut State {
        self.resting.as_mut().expect("a session that has lain down is told nothing").state()
    }

    async fn answer(&mut self, request: Request) {
        let Request { id: re, op } = request;
        let kind = op.name();
        if matches!(op, Op::Ping | Op::Auth { .. }) {
            self.metrics().commands.of(kind).inc();
        }
        let now = self.context.clock.now();
        match self.state().decide(op, now) {
            Ok(Step::Pong) => self.reply(re, Done {}),
            // In a box: the steps are large, and few are under way at a time.
            Ok(step) => Box::pin(self.take(re, step)).await,
            Err(Denied::Refuse(refusal)) => self.refuse(re, refusal),
            Err(Denied::End(close)) => self.seat.close(close),
        }
    }

    async fn take(&mut self, re: u64, step: Step) {
        match step {
            Step::Pong => self.reply(re, Done {}),
            Step::Authenticate { access_token } => self.authenticate(re, &access_token).await,
            Step::Join { video, since, rate } => {
                if let Err(error) = self.join(re, &video, since, rate).await {
                    self.refuse(re, refusal(&error));
                }
            }
            Step::Leave { video } => {
                self.state().on_left(&video);
                match self.context.rooms.of(&video).leave(self.seat.id()).await {
                    Ok(()) => self.reply(re, Done {}),
                    Err(error) => self.refuse(re, refusal(&error)),
                }
            }
            Step::Comment { who, video, text, at_ms, parent_id, key } => {
                if let Err(RetryAfter(pause)) = self.context.user_limits.comment(&who.user_id).await {
                    return self.refuse(re, too_many(pause));
                }
                let new = NewComment { who, text, at_ms, parent_id, key };
                let outcome = self.context.rooms.of(&video).comment(new).await;
                self.conclude(re, &video, outcome);
            }
            Step::React { who, video, reaction } => {
                if let Err(RetryAfter(pause)) = self.context.user_limits.react(&who.user_id).await {
                    return self.refuse(re, too_many(pause));
                }
                let outcome = self.context.rooms.of(&video).react(who, reaction).await;
                self.conclude(re, &video, outcome);
            }
            Step::Talk { who, video, talk } => {
                // What is not found may be a comment: the room stays joined.
                match chat::perform(&self.context, &video, who, talk).await {
                    Ok(answer) => self.reply(re, answer),
                    Err(error) => self.refuse(re, refusal(&error)),
                }
            }
            Step::Watch { video, playback_id, watched_ms } => {
                let viewer = self.state().identity().cloned();
                let viewer_key = viewer_key(viewer.as_ref(), self.anonymous());
                let watched = WatchedFor { viewer, viewer_key, playback_id, watched_ms };
                let outcome = self.context.rooms.of(&video).view(watched).await;
                self.conclude(re, &video, outcome.map(|counted| Watched { counted }));
            }
        }
    }

    async fn join(
        &mut self,
        re: u64,
        video: &VideoId,
        since: Option<Position>,
        rate: Rate,
    ) -> Result<(), RoomError> {
        let viewer = self.state().identity().cloned();
        // Before the room is asked, so that nobody can start actors for videos that are not theirs to know. One that is
        // in memory looks by itself.
        if !self.context.rooms.is_resident(video) {
            let facts = self.context.rooms.facts(video).await?;
            if !facts.is_some_and(|facts| facts.is_open_to(viewer.as_ref())) {
                return Err(RoomError::NotFound);
            }
        }
        let arrival = Arrival { seat: self.seat.clone(), viewer: viewer.map(Box::new), since, rate, re };
        // The room answers, so that its answer comes before everything that happens after it.
        self.context.rooms.of(video).join(arrival).await?;
        self.state().on_joined(video.clone());
        Ok(())
    }

    async fn authenticate(&mut self, re: u64, access_token: &str) {
        match self.context.authenticate.authenticate(access_token) {
            Ok(who) => {
                let user = user(&who);
                self.identify(who).await;
                self.reply(re, Authenticated { user });
            }
            Err(error) => {
                let refusal =
                    playhouse_protocol::realtime::Refusal::new(Code::Unauthenticated, error.to_string());
                self.refuse(re, refusal);
            }
        }
    }

    /// Speaks for someone from now on, and gets their notices.
    async fn identify(&mut self, who: Identity) {
        self.seat.token_ends(who.expires_at);
        let user_id = who.user_id.clone();
        if let Some(before) = self.state().identify(who) {
            self.context.presence.leave(&before.user_id, self.seat.id());
        }
        self.context.presence.enter(&user_id, &self.seat).await;
    }

    /// Answers with what a room has said. A room that is closed to this session is left.
    fn conclude<T: Serialize>(&mut self, re: u64, video: &VideoId, outcome: Result<T, RoomError>) {
        match outcome {
            Ok(value) => self.reply(re, value),
            Err(error) => {
                if error == RoomError::NotFound {
                    self.state().on_left(video);
                }
                self.refuse(re, refusal(&error));
            }
        }
    }

    fn reply<T: Serialize>(&self, re: u64, value: T) {
        self.seat.say(&Reply { re, outcome: Outcome::Ok(value) });
    }

    fn refuse(&self, re: u64, refusal: playhouse_protocol::realtime::Refusal) {
        let code =
            Code::ALL.iter().find(|code| code.as_str() == refusal.code).map_or("", |code| code.as_str());
        self.metrics().commands_refused.of(code).inc();
        self.seat.say(&Reply::<Done> { re, outcome: Outcome::Problem(refusal) });
    }
}

fn user(who: &Identity) -> rest::User {
    rest::User {
        id: who.user_id.to_string(),
        username: who.username.clone(),
        display_name: who.display_name.clone(),
        avatar_url: None,
        channel_id: who.channel_id.to_string(),
        roles: who.roles.iter().map(|role| role.to_string()).collect(),
    }
}
