//! One socket's session: who speaks, which rooms they sit in, how much they may say. `http/ws` parses frames and casts
//! them here, admitted by their bytes; answers go to the seat. It decides through `state`, asks rooms through their
//! handles, one request after the other, and never sees a socket. When it ends, it leaves its rooms.

mod limits;
mod state;

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt;
use playhouse_protocol::{
    problem::Code,
    realtime::{Authenticated, CloseCode, Done, Limits, Op, Outcome, Reply, Request, Snapshot, Watched},
    rest,
};
use prometheus_client::metrics::gauge::Gauge;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use serde::Serialize;
use tracing::error;

pub use self::limits::{Rates, RetryAfter, UserLimits};
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
    domain::{
        account::Identity,
        clock::SharedClock,
        ids::{SessionId, VideoId},
    },
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
    /// What clients are told they may do.
    pub limits: Limits,
}

impl Options {
    pub fn of(rooms: &config::Rooms, limits: &config::Limits, waiting_max: u64) -> Self {
        let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        Self {
            rooms_max: limits.rooms_per_session_max,
            in_flight: Bounds {
                messages_max: waiting_max,
                bytes_max: number(limits.session_in_flight_bytes_max),
            },
            limits: Limits {
                frame_bytes_max: number(limits.frame_bytes_max),
                comment_len_max: number(rooms.comment_len_max),
                rooms_max: number(limits.rooms_per_session_max),
                comments_per_minute: u64::from(limits.comments_per_minute),
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

/// Starts sessions.
#[derive(Clone)]
pub struct Sessions(Arc<SessionContext>);

/// Who comes, and through which seat.
pub struct Opening {
    pub seat: Seat,
    /// What came with the request, if anything.
    pub access_token: Option<String>,
    /// Names a viewer without an account in the tally of views.
    pub anonymous: String,
}

/// A running session. Dropping it ends it, after what it has been told.
pub struct SessionHandle {
    actor: ActorRef<Message>,
    load: Arc<Load>,
    waiting: Gauge,
    context: Arc<SessionContext>,
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

impl Sessions {
    pub fn new(context: SessionContext) -> Self {
        Self(Arc::new(context))
    }

    /// A token that is not valid closes the seat, so that the client hears why.
    pub async fn open(&self, opening: Opening) -> Result<SessionHandle, ractor::SpawnErr> {
        let load = Arc::<Load>::default();
        let start = Start { context: self.0.clone(), opening, load: load.clone() };
        let (actor, _) = Session::spawn(None, Session, start).await?;
        let waiting = self.0.shared.metrics.mailbox_messages.of("session");
        Ok(SessionHandle { actor, load, waiting, context: self.0.clone() })
    }
}

impl SessionHandle {
    /// Hands over a request that took so many bytes on the wire.
    pub fn say(&self, request: Request, bytes: usize) -> Result<(), Overloaded> {
        let (bounds, gate) = (self.context.options.in_flight, &self.context.shared.gate);
        let permit = Permit::take(&self.load, bounds, gate, bytes + MESSAGE_BYTES).ok_or(Overloaded)?;
        let permit = permit.shown(&self.waiting);
        // A session that has ended has closed its seat, and nobody waits for an answer.
        drop(self.actor.cast(Message::Request(request, permit)));
        Ok(())
    }

    /// Has it look whether its token is still good.
    pub fn check_token(&self) {
        drop(self.actor.cast(Message::CheckToken));
    }
}

enum Message {
    Request(Request, Permit),
    CheckToken,
}

struct Start {
    context: Arc<SessionContext>,
    opening: Opening,
    load: Arc<Load>,
}

struct Session;

struct Live {
    context: Arc<SessionContext>,
    state: State,
    seat: Seat,
    anonymous: String,
    _listing: Listing,
}

impl Drop for Live {
    fn drop(&mut self) {
        self.metrics().actors.of("session").dec();
        if let Some(who) = self.state.identity() {
            self.context.presence.leave(&who.user_id, self.seat.id());
        }
        // Where it ends by itself there is a failure, and the client must come back.
        self.seat.close(Close::new(CloseCode::GoingAway, "the session has ended, come back and resume"));
    }
}

impl Actor for Session {
    type Msg = Message;
    type State = Live;
    type Arguments = Start;

    async fn pre_start(&self, myself: ActorRef<Message>, start: Start) -> Result<Live, ActorProcessingErr> {
        let Start { context, opening, load } = start;
        let Opening { seat, access_token, anonymous } = opening;
        let listing = context.shared.registry.enter(Introduction {
            kind: "session",
            name: SessionId::new(context.clock.now()).into(),
            cell: myself.get_cell(),
            load,
            restarts: 0,
        });
        context.shared.metrics.actors.of("session").inc();
        let state = State::new(None, context.options.rooms_max);
        let mut live = Live { context, state, seat, anonymous, _listing: listing };
        if let Some(token) = access_token {
            match live.context.authenticate.authenticate(&token) {
                Ok(who) => live.identify(who).await,
                Err(error) => live.seat.close(Close::new(CloseCode::TokenEnded, error.to_string())),
            }
        }
        Ok(live)
    }

    async fn handle(
        &self,
        _myself: ActorRef<Message>,
        message: Message,
        live: &mut Live,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Message::CheckToken => {
                if let Some(close) = live.state.check_token(live.context.clock.now()) {
                    live.seat.close(close);
                }
            }
            Message::Request(request, permit) => {
                let outcome = match live.seat.is_closed() {
                    true => Ok(()),
                    false => AssertUnwindSafe(live.answer(request)).catch_unwind().await,
                };
                drop(permit);
                if outcome.is_err() {
                    error!("a session failed; its socket is closed and its client will come back");
                    return Err("a session failed".into());
                }
            }
        }
        Ok(())
    }

    async fn post_stop(&self, _myself: ActorRef<Message>, live: &mut Live) -> Result<(), ActorProcessingErr> {
        let rooms: Vec<VideoId> = live.state.rooms().cloned().collect();
        for video in rooms {
            if let Err(error) = live.context.rooms.of(&video).leave(live.seat.id()).await {
                // The room forgets closed seats by itself.
                error!(error = %error, "a session could not leave its room");
            }
        }
        Ok(())
    }
}

impl Live {
    fn metrics(&self) -> &Arc<Metrics> {
        &self.context.shared.metrics
    }

    async fn answer(&mut self, request: Request) {
        let Request { id: re, op } = request;
        let kind = kind_of(&op);
        if matches!(op, Op::Ping | Op::Auth { .. }) {
            self.metrics().commands.of(kind).inc();
        }
        match self.state.decide(op, self.context.clock.now()) {
            Ok(step) => self.take(re, step).await,
            Err(Denied::Refuse(refusal)) => self.refuse(re, refusal),
            Err(Denied::End(close)) => self.seat.close(close),
        }
    }

    async fn take(&mut self, re: u64, step: Step) {
        match step {
            Step::Pong => self.reply(re, Done {}),
            Step::Authenticate { access_token } => self.authenticate(re, &access_token).await,
            Step::Join { video, since } => {
                if let Err(error) = self.join(re, &video, since).await {
                    self.refuse(re, refusal(&error));
                }
            }
            Step::Leave { video } => {
                self.state.on_left(&video);
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
            Step::Watch { video, playback_id, watched_ms } => {
                let viewer = self.state.identity().cloned();
                let viewer_key = viewer_key(viewer.as_ref(), &self.anonymous);
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
        since: Option<playhouse_protocol::realtime::Position>,
    ) -> Result<(), RoomError> {
        let viewer = self.state.identity().cloned();
        // Before the room is asked, so that nobody can start actors for videos that are not theirs to know.
        let facts = self.context.rooms.facts(video).await?;
        if !facts.is_some_and(|facts| facts.is_open_to(viewer.as_ref())) {
            return Err(RoomError::NotFound);
        }
        let (seat, limits, room) = (self.seat.clone(), self.context.options.limits, video.to_string());
        // The room says it, so that it comes before everything that happens after it.
        let greet = Box::new(move |joined: &super::room::Joined| {
            let recovery = joined.recovery.clone();
            let snapshot = Snapshot {
                room,
                epoch: recovery.epoch,
                offset: recovery.offset,
                recovered: recovery.recovered,
                counts: joined.counts,
                comments: recovery.comments,
                removed: recovery.removed,
                edited: recovery.edited,
                limits,
            };
            seat.say(&Reply { re, outcome: Outcome::Ok(snapshot) });
        });
        let arrival = Arrival { seat: self.seat.clone(), viewer, since, greet };
        self.context.rooms.of(video).join(arrival).await?;
        self.state.on_joined(video.clone());
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
        self.seat.set_token_expires_at(who.expires_at);
        let user_id = who.user_id.clone();
        if let Some(before) = self.state.identify(who) {
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
                    self.state.on_left(video);
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

fn kind_of(op: &Op) -> &'static str {
    match op {
        Op::Join { .. } => "join",
        Op::Leave { .. } => "leave",
        Op::Comment { .. } => "comment",
        Op::React { .. } => "react",
        Op::Watch { .. } => "watch",
        Op::Auth { .. } => "auth",
        Op::Ping => "ping",
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
