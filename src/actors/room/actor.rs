//! The room's actor: takes messages, lets `state` decide, starts the work that follows and hears of its end. It never
//! waits for the store while it handles a message, so joins and events go on while a write is under way.

mod fanout;
mod hearing;
mod outcomes;
mod talk;

use std::time::{Duration, Instant};

use playhouse_protocol::realtime::{CloseCode, Counts, Position, Rate};
use tokio::{
    sync::mpsc::{self, UnboundedReceiver},
    time::timeout,
};

use super::{
    RoomContext,
    chat::{Ask, Chat},
    error::RoomError,
    facts::Facts,
    gather::{CountedPlaybacks, Gather, React, View},
    greeting::Greetings,
    keeper::Keeper,
    pace::Pace,
    plan::{Command, Pending},
    seats::Seats,
    siblings::{Again, Burst, Siblings, Word},
    state::State,
    work::{Desk, Done, Ledger, ReactTicket, Ticket, ViewTicket},
};
use crate::{
    actors::{
        directory::{Failure, LoadError, Myself, Reply, Resident},
        seat::{Close, LatestKey, Seat, SeatId},
    },
    backends::store::StoreError,
    domain::{
        account::Identity,
        ids::{PlaybackId, VideoId},
        reaction::Reaction,
        tally::{Kind, Tally},
        video::is_view,
    },
};

pub type JoinTicket = Reply<Result<(), RoomError>>;

pub enum Message {
    Join(Arrival, JoinTicket),
    Leave(SeatId),
    Write {
        who: Identity,
        command: Command,
        reply: Ticket,
    },
    React {
        who: Identity,
        reaction: Option<Reaction>,
        reply: ReactTicket,
    },
    View(WatchedFor, ViewTicket),
    Chat(Ask),
    Counts(Reply<Counts>),
    /// The video's row was written or removed.
    VideoChanged(Reply<Result<(), RoomError>>),
    /// The time has come to send what has gathered, to show the counts, to write comments, to write votes, to read the
    /// store again.
    Tick(Rate),
    /// Every shard has written what was sent last.
    Written(Rate),
    CountsDue,
    WriteDue,
    FlushDue,
    RetryDue,
    /// What came of a write of votes is certain by now.
    CountAgain,
    /// A room of the same video on another node says how things stand there; some of what they said was lost.
    Heard(Word),
    Thrown(Burst),
    Missed,
    /// What this one said did not reach the bus; the time has come to say it again.
    Unsaid,
    WordDue,
    /// A task has put something on the desk.
    Wake,
}

/// How long someone has watched.
#[derive(Debug, Clone)]
pub struct WatchedFor {
    pub viewer: Option<Identity>,
    /// Names the viewer in the tally.
    pub viewer_key: String,
    pub playback_id: PlaybackId,
    pub watched_ms: u64,
}

/// Someone who comes in.
pub struct Arrival {
    pub seat: Seat,
    pub viewer: Option<Box<Identity>>,
    /// The last they saw.
    pub since: Option<Position>,
    pub rate: Rate,
    /// The request that is answered with what they joined. The room answers it, so that nothing that happens later can
    /// come before it.
    pub re: u64,
}

/// Commands of one kind that wait for the store at most: what is behind a store that hangs.
const WAITING_LEN_MAX: usize = 5_000;

pub struct Room(pub RoomContext);

pub struct Live {
    context: RoomContext,
    keeper: Keeper,
    ledger: Ledger,
    desk: Desk,
    done: UnboundedReceiver<Done>,
    facts: Facts,
    state: State<Ticket>,
    chat: Chat,
    seats: Seats,
    siblings: Siblings,
    /// Others have written to the stream, or to the tallies, what was not read yet.
    behind: bool,
    recount: bool,
    recounting: bool,
    word_due: bool,
    /// Who has seen something on another node that is not known here yet, and comes in as soon as it is.
    arrivals: Vec<(Arrival, JoinTicket)>,
    reactions: Tally,
    views: Tally,
    reacts: Gather<React<ReactTicket>>,
    viewings: Gather<View<ViewTicket>>,
    counted: CountedPlaybacks,
    /// What has been asked for and has not come yet.
    reloading: bool,
    retry_due: bool,
    greetings: Greetings,
    /// One for each rate.
    paces: [Pace; 2],
    counts_key: LatestKey,
    counts_due: Option<Instant>,
    write_due: bool,
    flush_due: bool,
    unsent_since: Option<Instant>,
    /// How long what was sent last had waited.
    waited: Duration,
    wrote_at: Option<Instant>,
    flushed_at: Option<Instant>,
    shown: Option<(Counts, Instant)>,
}

impl Drop for Live {
    fn drop(&mut self) {
        self.context.metrics.rooms.dec();
        // Seats are gone with the room: whoever still sits here must come back and resume.
        self.seats
            .close_all(&Close::new(CloseCode::GoingAway, "the room starts again, come back and resume"));
    }
}

impl Resident for Room {
    const KIND: &'static str = "room";
    type Key = VideoId;
    type Message = Message;
    type State = Live;

    async fn load(&self, myself: Myself<Self>, video: &VideoId) -> Result<Live, LoadError> {
        let context = self.0.clone();
        let unavailable = |error: StoreError| LoadError::Unavailable(error.to_string());
        let deadline = context.options.store_deadline;
        let (keeper, ledger) = (context.keeper(video), context.ledger(video));
        let facts = timeout(deadline, Facts::read(&context.store, video));
        let facts = facts.await.map_err(|_| LoadError::Unavailable("no answer in time".into()))?;
        let facts = facts.map_err(unavailable)?.ok_or(LoadError::Absent)?;
        let options = context.options.clone();
        // Before the stream is read, so that nothing is said unheard in between.
        let siblings =
            Siblings::listen(context.shared_bus.clone(), video, context.new_name(), myself.clone());
        let siblings = siblings.await.map_err(|error| LoadError::Unavailable(error.to_string()))?;
        let loaded = keeper.load().await.map_err(unavailable)?;
        let reactions = ledger.read(Kind::Reaction).await.map_err(unavailable)?;
        let views = ledger.read(Kind::View).await.map_err(unavailable)?;
        let talk = keeper.load_talk(&context.tallies).await.map_err(unavailable)?;
        let (sender, done) = mpsc::unbounded_channel();
        context.metrics.rooms.inc();
        Ok(Live {
            state: State::new(video.clone(), context.options.stream.clone(), loaded),
            chat: Chat::new(video, talk),
            seats: Seats::new(video),
            siblings,
            behind: false,
            recount: false,
            recounting: false,
            word_due: false,
            arrivals: Vec::new(),
            desk: Desk { done: sender, room: myself },
            context,
            keeper,
            ledger,
            done,
            facts,
            reactions,
            views,
            reacts: Gather::default(),
            viewings: Gather::default(),
            counted: CountedPlaybacks::default(),
            reloading: false,
            retry_due: false,
            greetings: Greetings::default(),
            paces: [Pace::new(options.tick), Pace::new(options.top_interval)],
            counts_key: LatestKey::new(),
            counts_due: None,
            write_due: false,
            flush_due: false,
            unsent_since: None,
            waited: Duration::ZERO,
            wrote_at: None,
            flushed_at: None,
            shown: None,
        })
    }

    async fn handle(&self, live: &mut Live, message: Message) -> Result<(), Failure> {
        match message {
            Message::Join(arrival, reply) => live.on_arrival(arrival, reply),
            Message::Leave(seat) => live.leave(seat),
            Message::Write { who, command, reply } => live.submit(&who, command, reply),
            Message::React { who, reaction, reply } => live.react(who, reaction, reply),
            Message::View(watched, reply) => live.view(watched, reply),
            Message::Chat(ask) => live.on_ask(ask),
            Message::Counts(reply) => reply.send(live.counts()),
            Message::VideoChanged(reply) => reply.send(live.video_changed().await),
            Message::Tick(rate) => live.on_tick(rate),
            Message::Written(rate) => live.on_written(rate),
            Message::CountsDue => live.on_counts_due(),
            Message::WriteDue => live.write_due = false,
            Message::FlushDue => live.flush_due = false,
            Message::RetryDue => live.retry_due = false,
            Message::CountAgain => live.count_again(),
            Message::Heard(word) => live.on_heard(word).await,
            Message::Thrown(burst) => live.on_thrown(&burst),
            Message::Missed => live.on_missed().await,
            Message::Unsaid => live.say_again_later(),
            Message::WordDue => live.on_word_due(),
            Message::Wake => {}
        }
        while let Ok(done) = live.done.try_recv() {
            live.on_done(done)?;
        }
        live.start_work();
        Ok(())
    }

    fn is_idle(&self, live: &Live) -> bool {
        live.seats.all_closed() && live.is_settled()
    }

    async fn unload(&self, live: &mut Live) {
        live.finish().await;
    }

    fn weight_bytes(message: &Message) -> usize {
        let text = match message {
            Message::Write { command: Command::Post { text, .. } | Command::Edit { text, .. }, .. } => {
                text.len()
            }
            _ => 0,
        };
        size_of::<Message>() + text
    }
}

impl Live {
    fn submit(&mut self, who: &Identity, command: Command, ticket: Ticket) {
        if !self.facts.is_open_to(Some(who)) {
            return ticket.send(Err(RoomError::NotFound));
        }
        let beyond = match (&command, self.facts.duration_ms) {
            (Command::Post { at_ms: Some(at_ms), .. }, Some(duration_ms)) => *at_ms > duration_ms + 1_000,
            _ => false,
        };
        if beyond {
            return ticket.send(Err(RoomError::invalid("at_ms", "lies beyond the end of the video")));
        }
        if self.state.waiting_len() >= WAITING_LEN_MAX {
            return ticket.send(Err(RoomError::Busy));
        }
        self.state.submit(Pending { ticket, command, at: self.context.clock.now() });
    }

    fn react(&mut self, who: Identity, reaction: Option<Reaction>, ticket: ReactTicket) {
        if !self.facts.is_open_to(Some(&who)) {
            return ticket.send(Err(RoomError::NotFound));
        }
        match self.reacts.waiting_len() < WAITING_LEN_MAX {
            true => self.reacts.add(React { ticket, user: who.user_id, reaction }),
            false => ticket.send(Err(RoomError::Busy)),
        }
    }

    fn view(&mut self, watched: WatchedFor, ticket: ViewTicket) {
        if !self.facts.is_open_to(watched.viewer.as_ref()) {
            return ticket.send(Err(RoomError::NotFound));
        }
        let enough =
            is_view(watched.watched_ms, self.facts.duration_ms, self.context.options.view_watched_ms);
        if self.counted.contains(&watched.playback_id) || !enough {
            return ticket.send(Ok(enough));
        }
        let window_ms =
            i64::try_from(self.context.options.view_window.as_millis()).unwrap_or(i64::MAX).max(1);
        let window = self.context.clock.now().0.div_euclid(window_ms);
        let member = format!("{}.{window}", watched.viewer_key);
        self.viewings.add(View { ticket, playback_id: watched.playback_id, member });
    }

    fn counts(&self) -> Counts {
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        Counts {
            views: count(self.views.sum()),
            likes: count(self.reactions.of(Reaction::Like.value())),
            dislikes: count(self.reactions.of(Reaction::Dislike.value())),
            comments: self.state.live(),
            viewers: self.seats.len() as u64 + self.siblings.viewers(),
        }
    }

    /// Reads the video's row again. One call to the store, with its deadline: nothing may be shown to those whom a
    /// change shuts out.
    async fn video_changed(&mut self) -> Result<(), RoomError> {
        self.siblings.video_changed();
        self.speak(Again::No);
        self.look_at_video().await
    }

    async fn look_at_video(&mut self) -> Result<(), RoomError> {
        let read = Facts::read(&self.context.store, &self.keeper.video);
        let facts = match timeout(self.context.options.store_deadline, read).await {
            Ok(Ok(facts)) => facts,
            Ok(Err(error)) => return Err(RoomError::Unavailable(error.to_string())),
            Err(_) => return Err(RoomError::Unavailable("no answer in time".into())),
        };
        let dismissed = match &facts {
            Some(facts) => self.seats.dismiss(|viewer| facts.is_open_to(viewer)),
            None => self.seats.dismiss(|_| false),
        };
        match facts {
            Some(facts) => self.facts = facts,
            // Nothing can be done in the room of a video that is gone; when it has left it is absent.
            None => self.desk.room.drain(),
        }
        if dismissed > 0 {
            self.counts_changed();
        }
        Ok(())
    }

    fn start_work(&mut self) {
        if self.state.is_stale() && !self.reloading && !self.retry_due {
            self.reloading = true;
            self.desk.reload(self.keeper.clone());
        }
        self.start_following();
        if self.state.has_waiting() && !self.write_due {
            let since = self.wrote_at.map_or(Duration::MAX, |at| at.elapsed());
            match self.context.options.write_interval.checked_sub(since) {
                Some(left) if !left.is_zero() => {
                    self.write_due = true;
                    self.desk.room.tell_after(left, Message::WriteDue);
                }
                _ => self.write(),
            }
        }
        self.start_talk();
        let votes_wait =
            self.reacts.has_waiting() || self.viewings.has_waiting() || self.chat.votes.has_waiting();
        if votes_wait && !self.flush_due {
            let since = self.flushed_at.map_or(Duration::MAX, |at| at.elapsed());
            match self.context.options.flush_interval.checked_sub(since) {
                Some(left) if !left.is_zero() => {
                    self.flush_due = true;
                    self.desk.room.tell_after(left, Message::FlushDue);
                }
                _ => self.flush_votes(),
            }
        }
    }

    /// Writes what waits, if nothing is on its way.
    fn write(&mut self) {
        if let Some(mut plan) = self.state.plan(&self.facts.owner) {
            plan.hush = self.chat.moderation.hush(&self.facts.channel, &plan.commands);
            plan.hush.acts = self.siblings.are_possible().then(|| self.chat.acts());
            self.wrote_at = Some(Instant::now());
            self.desk.write(self.keeper.clone(), plan);
        }
    }

    fn flush_votes(&mut self) {
        self.flushed_at = Some(Instant::now());
        self.flush_poll();
        if let Some(reacts) = self.reacts.take() {
            self.desk.react(self.ledger.clone(), reacts);
        }
        if let Some(views) = self.viewings.take() {
            self.desk.view(self.ledger.clone(), views, self.context.clock.now());
        }
    }

    fn is_settled(&self) -> bool {
        let votes_are_idle = self.reacts.is_idle() && self.viewings.is_idle();
        self.arrivals.is_empty() && self.state.is_idle() && votes_are_idle && self.chat.is_idle()
    }
}
