//! How a room is talked in: its rules and who is silenced (`moderation`), the open poll (`polls`), emoji thrown in
//! (`bursts`), who is told of comments (`herald`). What moderators do is one act after the other: made durable by
//! `acts`, then known here; what is done on other nodes is read (`following`). The room's actor drives this
//! (`actor/talk`), callers come through `handle`.

mod acts;
mod bursts;
mod following;
mod handle;
pub mod herald;
mod keeper;
pub mod moderation;
pub mod polls;

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use playhouse_protocol::{realtime::Event, rest};

use self::{
    acts::Acted,
    bursts::Bursts,
    following::{Behind, Renewed},
    herald::{Call, Errand, Herald},
    moderation::Moderation,
    polls::{OpenPoll, Vote},
};
pub use self::{
    bursts::Thrown,
    handle::{CommentsOf, NewPoll},
    keeper::Stored,
};
use super::{
    error::RoomError,
    gather::Gather,
    plan::Batch,
    stream::{comment, is_live, offset_of},
};
use crate::{
    actors::{directory::Reply, seat::LatestKey},
    backends::{
        store::{
            StoreResult,
            tables::{chat::Poll, room::Entry},
        },
        tallies::Applied,
    },
    domain::{
        account::{Author, Identity},
        clock::Timestamp,
        emoji::Emoji,
        ids::{PollId, UserId, VideoId},
        tally::Tally,
    },
};

/// Acts that wait at most.
const ACTS_LEN_MAX: usize = 100;

/// What is asked of the talk in a room. Whether they may has been checked, but for voters and throwers.
pub enum Ask {
    Act(Act, ActTicket),
    Vote {
        who: Identity,
        poll: PollId,
        option: u32,
        reply: VoteTicket,
    },
    Burst(Identity, Emoji),
    Show(Reply<rest::Chat>),
    PollDue,
    BurstsDue,
    /// The store did not answer when it was to say what others have done.
    LookAgain,
}

/// What moderators do.
#[derive(Debug, Clone)]
pub enum Act {
    SlowMode(Duration),
    Pin(Option<u64>),
    /// The room's own: what is pinned may have changed unnoticed.
    LookAtPin(u64),
    TimeOut {
        user: Author,
        by: UserId,
        until: Timestamp,
    },
    Lift(UserId),
    OpenPoll(Box<Poll>),
    ClosePoll(PollId),
}

/// What an act has changed.
#[derive(Debug)]
pub enum Change {
    SlowMode(Duration),
    Pinned(Option<Box<Entry>>),
    TimedOut(UserId, Timestamp),
    Lifted(UserId),
    PollOpened(Box<Poll>),
    PollClosed(Box<Poll>, Tally),
}

/// The rules after an act, and the poll it was about.
#[derive(Debug, Clone)]
pub struct Answer {
    pub chat: rest::Chat,
    pub poll: Option<rest::Poll>,
}

pub type ActTicket = Reply<Result<Answer, RoomError>>;
pub type VoteTicket = Reply<Result<rest::Poll, RoomError>>;

/// What tasks of the talk leave behind.
pub enum Done {
    Acted(ActTicket, Result<Acted, RoomError>),
    Voted(Vec<Vote<VoteTicket>>, StoreResult<Applied>),
    /// The poll was closed on another node.
    NotVoted(Vec<Vote<VoteTicket>>),
    Told,
    /// A write has met rules that are not known here.
    Outdated,
    Renewed(StoreResult<Box<Renewed>>),
    Polled(PollId, StoreResult<Tally>),
}

/// What everybody should see again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    Nothing,
    Rules,
    Poll,
    All,
}

/// What the frames of the talk replace in an outbox.
#[derive(Default)]
pub struct Keys {
    pub rules: LatestKey,
    pub poll: LatestKey,
    pub bursts: LatestKey,
}

pub struct Chat {
    video: VideoId,
    pub keys: Keys,
    pub moderation: Moderation,
    pub bursts: Bursts,
    pub herald: Herald,
    pub votes: Gather<Vote<VoteTicket>>,
    pinned: Option<Entry>,
    poll: Option<OpenPoll>,
    /// The poll that was closed and has not been shown so.
    closed: Option<rest::Poll>,
    acts: VecDeque<(Act, ActTicket)>,
    acting: bool,
    /// Rows that changed while an act is under way: what it has read of them is older.
    touched: BTreeMap<u64, Entry>,
    pub poll_due: bool,
    pub poll_shown_at: Option<Instant>,
    pub bursts_due: bool,
    behind: Behind,
}

impl Chat {
    pub fn new(video: &VideoId, stored: Stored) -> Self {
        let silenced = stored.silenced.into_iter().map(|row| (row.user_id, row.until));
        Self {
            video: video.clone(),
            keys: Keys::default(),
            moderation: Moderation::new(stored.slow_mode, silenced),
            bursts: Bursts::default(),
            herald: Herald::default(),
            votes: Gather::default(),
            pinned: stored.pinned,
            poll: stored.poll,
            closed: None,
            acts: VecDeque::new(),
            acting: false,
            touched: BTreeMap::new(),
            poll_due: false,
            poll_shown_at: None,
            bursts_due: false,
            behind: Behind::new(stored.acts),
        }
    }

    pub fn is_idle(&self) -> bool {
        self.acts.is_empty() && !self.acting && self.votes.is_idle() && self.herald.is_idle()
    }

    pub fn view(&self) -> rest::Chat {
        rest::Chat {
            slow_mode_s: self.moderation.slow_mode().as_secs(),
            pinned: self.pinned.as_ref().map(comment),
            poll: self.poll.as_ref().map(OpenPoll::view),
        }
    }

    pub fn rules_event(&self) -> Event {
        let rest::Chat { slow_mode_s, pinned, .. } = self.view();
        Event::Chat { room: self.video.to_string(), slow_mode_s, pinned: pinned.map(Box::new) }
    }

    /// The poll that was just closed goes first, so that nobody is left with an open one.
    pub fn poll_event(&mut self) -> Option<Event> {
        let poll = self.closed.take().or_else(|| self.poll.as_ref().map(OpenPoll::view))?;
        Some(Event::Poll { room: self.video.to_string(), poll: Box::new(poll) })
    }

    /// Whether the next event of a poll is followed by one of another.
    pub fn has_poll_after_the_closed(&self) -> bool {
        self.closed.is_some() && self.poll.is_some()
    }

    /// What is shown of what was thrown, and what other nodes are to be told of it.
    pub fn bursts_event(&mut self) -> Option<(Event, BTreeMap<String, u64>)> {
        let Thrown { shown, own } = self.bursts.take()?;
        Some((Event::Bursts { room: self.video.to_string(), counts: shown }, own))
    }

    pub fn submit(&mut self, act: Act, ticket: ActTicket) {
        match self.acts.len() < ACTS_LEN_MAX {
            true => self.acts.push_back((act, ticket)),
            false => ticket.send(Err(RoomError::Busy)),
        }
    }

    /// The room has read its stream again: what is pinned may be gone, and who spoke may not be known here.
    pub fn on_reloaded(&mut self) {
        self.moderation.forget_speakers();
        if let Some(pinned) = &self.pinned {
            self.acts.push_back((Act::LookAtPin(offset_of(pinned)), Reply::channel().0));
        }
    }

    /// The next act to be made durable, if none is under way. What can be answered at once is.
    pub fn next_act(&mut self, now: Timestamp) -> Option<(Act, ActTicket)> {
        while !self.acting {
            let (act, ticket) = self.acts.pop_front()?;
            match self.check(&act, now) {
                Check::Go => {
                    self.acting = true;
                    return Some((act, ticket));
                }
                Check::Wait => {
                    self.acts.push_front((act, ticket));
                    return None;
                }
                Check::Answered(answer) => ticket.send(answer.map(|poll| self.answer(Some(poll)))),
            }
        }
        None
    }

    fn check(&mut self, act: &Act, now: Timestamp) -> Check {
        match act {
            Act::TimeOut { user, .. } if !self.moderation.is_silenced(&user.id, now) => {
                match self.moderation.is_full(now) {
                    true => Check::Answered(Err(RoomError::Conflict("too many people are silenced here"))),
                    false => Check::Go,
                }
            }
            Act::OpenPoll(new) => match &self.poll {
                None => Check::Go,
                Some(open) if open.row.key.is_some() && open.row.key == new.key => {
                    Check::Answered(match open.row.author_id == new.author_id {
                        true => Ok(open.view()),
                        false => Err(ONE_POLL),
                    })
                }
                Some(_) => Check::Answered(Err(ONE_POLL)),
            },
            Act::ClosePoll(id) => match &mut self.poll {
                Some(open) if open.row.poll_id == *id => {
                    open.closing = true;
                    if self.votes.is_idle() { Check::Go } else { Check::Wait }
                }
                _ => Check::Answered(Err(RoomError::PollClosed)),
            },
            _ => Check::Go,
        }
    }

    fn answer(&self, poll: Option<rest::Poll>) -> Answer {
        Answer { chat: self.view(), poll }
    }

    pub fn on_acted(&mut self, ticket: ActTicket, outcome: Result<Change, RoomError>) -> News {
        self.acting = false;
        let touched = std::mem::take(&mut self.touched);
        let (news, poll) = match outcome {
            Ok(change) => self.apply(change, &touched),
            Err(error) => {
                if let Some(open) = &mut self.poll {
                    open.closing = false;
                }
                ticket.send(Err(error));
                return News::Nothing;
            }
        };
        ticket.send(Ok(self.answer(poll)));
        news
    }

    fn apply(&mut self, change: Change, touched: &BTreeMap<u64, Entry>) -> (News, Option<rest::Poll>) {
        match change {
            Change::SlowMode(pause) => self.moderation.set_slow_mode(pause),
            Change::Pinned(row) => {
                let row = row.map(|row| touched.get(&offset_of(&row)).cloned().unwrap_or(*row));
                self.pinned = row.filter(is_live);
            }
            Change::TimedOut(user, until) => {
                self.moderation.silence(user, until);
                return (News::Nothing, None);
            }
            Change::Lifted(user) => {
                self.moderation.lift(&user);
                return (News::Nothing, None);
            }
            Change::PollOpened(row) => {
                // It may have been open on another node.
                self.votes_heard();
                let open = OpenPoll::new(*row, Default::default());
                let view = open.view();
                (self.poll, self.closed) = (Some(open), None);
                return (News::Poll, Some(view));
            }
            Change::PollClosed(row, tally) => {
                self.poll = None;
                let view = polls::view(&row, &tally);
                self.closed = Some(view.clone());
                return (News::Poll, Some(view));
            }
        }
        (News::Rules, None)
    }

    /// A vote that can be counted waits for its write; another is refused at once.
    pub fn vote(&mut self, user: UserId, poll: PollId, option: u32, ticket: VoteTicket) {
        let open = self.poll.as_ref().ok_or(RoomError::PollClosed);
        match open.and_then(|open| open.check(&poll, option)) {
            Ok(()) => self.votes.add(Vote { ticket, user, poll, option }),
            Err(error) => ticket.send(Err(error)),
        }
    }

    pub fn on_voted(&mut self, votes: Vec<Vote<VoteTicket>>, applied: StoreResult<Applied>) -> News {
        self.votes.on_written();
        let of = votes.first().map(|vote| vote.poll.clone());
        let open = self.poll.as_mut().filter(|open| Some(&open.row.poll_id) == of.as_ref());
        let outcome = match applied {
            Ok(applied) => open.ok_or(RoomError::PollClosed).map(|open| {
                open.tally.learn(applied.tally);
                open.view()
            }),
            Err(error) => Err(RoomError::Unavailable(error.to_string())),
        };
        let news = if outcome.is_ok() { News::Poll } else { News::Nothing };
        for Vote { ticket, option, .. } in votes {
            ticket.send(outcome.clone().map(|poll| rest::Poll { vote: Some(option), ..poll }));
        }
        news
    }

    /// They came too late.
    pub fn on_not_voted(&mut self, votes: Vec<Vote<VoteTicket>>) {
        self.votes.on_written();
        self.suppose_news();
        votes.into_iter().for_each(|vote| vote.ticket.send(Err(RoomError::PollClosed)));
    }

    /// A write is durable: who spoke must wait, what is pinned may have changed, and some are to be told. Returns the
    /// news, and how many notices were dropped.
    pub fn on_committed<T>(&mut self, batch: &mut Batch<T>) -> (News, u64) {
        self.moderation.on_spoken(std::mem::take(&mut batch.spoken));
        let mut dropped = 0;
        for call in std::mem::take(&mut batch.calls) {
            dropped += u64::from(!self.errand(call, batch));
        }
        if self.acting {
            self.touched.extend(batch.changed.iter().map(|(offset, row)| (*offset, row.clone())));
            self.touched.extend(batch.entries.iter().map(|row| (offset_of(row), row.clone())));
        }
        (self.look_at_pin(batch), dropped)
    }

    fn errand<T>(&mut self, call: Call, batch: &Batch<T>) -> bool {
        let index = usize::try_from(call.offset - batch.first).ok();
        match index.and_then(|index| batch.entries.get(index)).filter(|row| is_live(row)) {
            Some(row) => self.herald.add(Errand { comment: comment(row), call }),
            None => true,
        }
    }

    fn look_at_pin<T>(&mut self, batch: &Batch<T>) -> News {
        let Some(pinned) = &mut self.pinned else { return News::Nothing };
        let Some(row) = batch.changed.get(&offset_of(pinned)) else { return News::Nothing };
        let words = |row: &Entry| (row.text.clone(), row.edited_at, row.removed);
        let changed = words(pinned) != words(row);
        *pinned = row.clone();
        if row.removed {
            self.pinned = None;
        }
        if changed { News::Rules } else { News::Nothing }
    }
}

const ONE_POLL: RoomError = RoomError::Conflict("another poll is open; close it first");

/// What comes of an act before anything is written.
enum Check {
    Go,
    /// Votes are on their way that must count.
    Wait,
    Answered(Result<rest::Poll, RoomError>),
}

#[cfg(test)]
mod tests;
