//! A video's room: everything that happens around it while people watch. The actor of a video is the only writer of
//! its comments, reactions and views, and speaks to every seat in the room. Handlers and sessions reach it through a
//! [`RoomHandle`]; `state` decides, `keeper` asks the store, `history` reads past the actor.

mod actor;
mod chat;
mod erase;
mod error;
mod facts;
mod gather;
mod greeting;
pub mod history;
mod keeper;
mod options;
mod pace;
mod plan;
mod seats;
mod siblings;
mod state;
mod stream;
mod top;
mod work;

use std::{sync::Arc, time::Duration};

use playhouse_protocol::{
    realtime::{Counts, Posted},
    rest::ReactionTotals,
};

pub use self::{
    actor::{Arrival, WatchedFor},
    chat::{CommentsOf, NewPoll},
    error::RoomError,
    facts::Facts,
    options::Options,
    state::{Limits, Recovery},
};
use self::{
    actor::{Message, Room},
    keeper::Keeper,
    plan::Command,
    work::Ledger,
};
use super::{
    directory::{Directory, Shared},
    notices::Notices,
    seat::SeatId,
};
use crate::{
    backends::{bus::SharedBus, store::Store, tallies::Tallies},
    domain::{
        access,
        account::Identity,
        clock::SharedClock,
        comment,
        ids::{CommentId, SessionId, UserId, VideoId},
        reaction::Reaction,
        tally::Kind,
    },
    telemetry::Metrics,
};

/// What rooms need of the house.
#[derive(Clone)]
pub struct RoomContext {
    pub store: Store,
    pub tallies: Tallies,
    pub notices: Notices,
    /// The bus, where other nodes may have rooms of the same videos.
    pub shared_bus: Option<SharedBus>,
    pub clock: SharedClock,
    pub metrics: Arc<Metrics>,
    pub options: Arc<Options>,
}

impl RoomContext {
    fn keeper(&self, video: &VideoId) -> Keeper {
        Keeper {
            store: self.store.clone(),
            video: video.clone(),
            deadline: self.options.store_deadline,
            newest_len: self.options.stream.hot_len_max().max(state::BATCH_LEN_MAX),
        }
    }

    fn ledger(&self, video: &VideoId) -> Ledger {
        let (tallies, view_window) = (self.tallies.clone(), self.options.view_window);
        Ledger { tallies, keeper: self.keeper(video), view_window }
    }

    /// Names one life of a room. Never made twice.
    fn new_name(&self) -> String {
        SessionId::new(self.clock.now()).into()
    }
}

/// All rooms of this node.
#[derive(Clone)]
pub struct Rooms {
    directory: Directory<Room>,
    context: RoomContext,
}

/// A comment to be, as its author wrote it.
#[derive(Debug, Clone)]
pub struct NewComment {
    pub who: Identity,
    pub text: String,
    /// The moment of the video it is pinned to.
    pub at_ms: Option<u64>,
    pub parent_id: Option<CommentId>,
    /// The same key of the same author is the same comment, as long as it is among the room's newest entries.
    pub key: Option<String>,
}

const KEY_LEN_MAX: usize = 128;

impl Rooms {
    pub fn open(context: RoomContext, shared: Shared) -> Self {
        let options = context.options.directory.clone();
        Self { directory: Directory::open(Room(context.clone()), options, shared), context }
    }

    pub fn of(&self, video: &VideoId) -> RoomHandle {
        RoomHandle { rooms: self.clone(), video: video.clone() }
    }

    pub fn is_resident(&self, video: &VideoId) -> bool {
        self.directory.is_resident(video)
    }

    /// Drains one room: it finishes its writes, and whoever sits in it is told to come back.
    pub async fn drain(&self, video: &VideoId) -> Result<(), RoomError> {
        Ok(self.directory.drain(video).await?)
    }

    /// Drains all. Returns how many did not finish in time.
    pub async fn close(&self, deadline: Duration) -> usize {
        self.directory.close(deadline).await
    }

    /// What is known of a video that someone may see; the check that comes before a room is asked for anything.
    pub async fn facts(&self, video: &VideoId) -> Result<Option<Facts>, RoomError> {
        Facts::read(&self.context.store, video)
            .await
            .map_err(|error| RoomError::Unavailable(error.to_string()))
    }
}

/// The room of one video.
#[derive(Clone)]
pub struct RoomHandle {
    rooms: Rooms,
    video: VideoId,
}

impl RoomHandle {
    /// Takes a seat. The greeting and what the seat is sent after it have no gap and no overlap.
    pub async fn join(&self, arrival: Arrival) -> Result<(), RoomError> {
        self.count("join");
        self.ask(|reply| Message::Join(arrival, reply)).await?
    }

    pub async fn leave(&self, seat: SeatId) -> Result<(), RoomError> {
        self.count("leave");
        self.rooms.directory.cast_if_resident(&self.video, Message::Leave(seat)).await?;
        Ok(())
    }

    /// The comment, once it is durable.
    pub async fn comment(&self, new: NewComment) -> Result<Posted, RoomError> {
        self.count("comment");
        let NewComment { who, text, at_ms, parent_id, key } = new;
        let text = self.words(&text)?;
        let no_parent = || RoomError::invalid("parent_id", "names no comment of this video");
        let parent =
            parent_id.map(|id| stream::offset_in(&self.video, &id).ok_or_else(no_parent)).transpose()?;
        if key.as_ref().is_some_and(|key| key.is_empty() || key.len() > KEY_LEN_MAX) {
            return Err(RoomError::invalid("key", "has 1 to 128 bytes"));
        }
        if at_ms.is_some_and(|at_ms| at_ms > AT_MS_MAX) {
            return Err(RoomError::invalid("at_ms", "lies beyond the end of any video"));
        }
        // The room knows the video's owner, and asks for appointed moderators only where it matters.
        let (author, standing) = (who.author(), access::standing_of_roles(&who.roles));
        self.write(who, Command::Post { author, standing, text, at_ms, parent, key }).await
    }

    /// The comment with its new words, once they are durable. Its author's alone.
    pub async fn edit(&self, id: &CommentId, who: Identity, text: &str) -> Result<Posted, RoomError> {
        self.count("edit");
        let command = Command::Edit { target: self.target(id)?, who: who.clone(), text: self.words(text)? };
        self.write(who, command).await
    }

    /// Removes a comment, once that is durable. What seats, joins and readers get no longer has it.
    pub async fn remove(&self, id: &CommentId, who: Identity) -> Result<(), RoomError> {
        self.count("remove");
        let target = self.target(id)?;
        let standing = self.standing(&who).await?;
        self.write(who.clone(), Command::Remove { target, who, standing }).await.map(drop)
    }

    /// The totals, once the reaction is durable. `None` takes it back.
    pub async fn react(
        &self,
        who: Identity,
        reaction: Option<Reaction>,
    ) -> Result<ReactionTotals, RoomError> {
        self.count("react");
        self.ask(|reply| Message::React { who, reaction, reply }).await?
    }

    /// Whether this playing has counted as a view, now or before.
    pub async fn view(&self, watched: WatchedFor) -> Result<bool, RoomError> {
        self.count("watch");
        self.ask(|reply| Message::View(watched, reply)).await?
    }

    /// Counts as the room shows them; if it is not in memory they are read from the store, and nobody is watching.
    pub async fn counts(&self) -> Result<Counts, RoomError> {
        if let Some(counts) = self.rooms.directory.call_if_resident(&self.video, Message::Counts).await? {
            return Ok(counts);
        }
        let ledger = self.rooms.context.ledger(&self.video);
        let unavailable =
            |error: crate::backends::store::StoreError| RoomError::Unavailable(error.to_string());
        let reactions = ledger.read(Kind::Reaction).await.map_err(unavailable)?;
        let views = ledger.read(Kind::View).await.map_err(unavailable)?;
        let comments = keeper::count_live(&ledger.keeper).await.map_err(unavailable)?;
        Ok(Counts {
            views: stream::unsigned(views.sum()),
            likes: stream::unsigned(reactions.of(Reaction::Like.value())),
            dislikes: stream::unsigned(reactions.of(Reaction::Dislike.value())),
            comments: stream::unsigned(comments),
            viewers: 0,
        })
    }

    /// What one user thinks of the video.
    pub async fn reaction_of(&self, user: &UserId) -> Result<Option<Reaction>, RoomError> {
        let ledger = self.rooms.context.ledger(&self.video);
        ledger.reaction_of(user).await.map_err(|error| RoomError::Unavailable(error.to_string()))
    }

    /// Tells the room, if it is in memory, that its video's row was written or removed. Those who may not see it any
    /// more are dismissed before this returns.
    pub async fn video_changed(&self) -> Result<(), RoomError> {
        self.rooms.directory.call_if_resident(&self.video, Message::VideoChanged).await?.unwrap_or(Ok(()))
    }

    async fn write(&self, who: Identity, command: Command) -> Result<Posted, RoomError> {
        self.ask(|reply| Message::Write { who, command, reply }).await?
    }

    async fn ask<T: Send>(
        &self,
        message: impl FnOnce(super::directory::Reply<T>) -> Message + Send,
    ) -> Result<T, RoomError> {
        Ok(self.rooms.directory.call(&self.video, message).await?)
    }

    fn words(&self, text: &str) -> Result<String, RoomError> {
        comment::body(text, self.rooms.context.options.comment_len_max)
            .map_err(|invalid| RoomError::of_field("text", invalid))
    }

    fn target(&self, id: &CommentId) -> Result<u64, RoomError> {
        stream::offset_in(&self.video, id).ok_or(RoomError::NotFound)
    }

    fn count(&self, kind: &'static str) {
        self.rooms.context.metrics.commands.of(kind).inc();
    }
}

/// The longest video there may be is a week long.
const AT_MS_MAX: u64 = 7 * 24 * 3_600_000;

/// How a viewer is named in the tally of views.
pub fn viewer_key(viewer: Option<&Identity>, anonymous: &str) -> String {
    match viewer {
        Some(who) => format!("u:{}", who.user_id),
        None => format!("a:{anonymous}"),
    }
}
