//! How the talk in a room goes along with what is done on other nodes: rules that moderators changed there, votes on the
//! open poll. What is read is taken in between two acts of this room, so that neither undoes the other.

use playhouse_protocol::rest;

use super::{
    Chat, News, Stored,
    acts::Acted,
    polls::{OpenPoll, tally_of, view},
};
use crate::{
    actors::room::{
        error::RoomError,
        keeper::Keeper,
        stream::{is_live, offset_of},
    },
    backends::{
        store::{
            StoreResult,
            tables::room::{Entry, EntryKind},
        },
        tallies::Tallies,
    },
    domain::{ids::PollId, tally::Tally},
};

/// The rules as they are stored now.
#[derive(Debug)]
pub struct Renewed {
    pub stored: Stored,
    /// The poll that was open here and is not any more, as it ended.
    pub ended: Option<rest::Poll>,
}

/// How far this room is behind the others.
#[derive(Debug, Default)]
pub struct Behind {
    /// Acts that it knows of.
    acts: i64,
    outdated: bool,
    renewing: bool,
    /// Others have voted since the votes were counted.
    recount: bool,
    counting: bool,
}

impl Keeper {
    /// Reads the rules again; `known` is the poll that is open as far as this room knows.
    pub async fn renew_chat(&self, tallies: &Tallies, known: Option<PollId>) -> StoreResult<Renewed> {
        let stored = self.load_talk(tallies).await?;
        let open = stored.poll.as_ref().map(|open| &open.row.poll_id);
        let ended = match known.filter(|known| Some(known) != open) {
            Some(known) => self.ended(tallies, &known).await?,
            None => None,
        };
        Ok(Renewed { stored, ended })
    }

    async fn ended(&self, tallies: &Tallies, poll: &PollId) -> StoreResult<Option<rest::Poll>> {
        let Some(row) = self.poll(poll).await? else { return Ok(None) };
        let tally = self.within(tallies.read(&tally_of(poll))).await?;
        Ok(Some(rest::Poll { open: false, ..view(&row, &tally) }))
    }
}

impl Behind {
    pub fn new(acts: i64) -> Self {
        Self { acts, ..Self::default() }
    }
}

impl Chat {
    /// Acts of moderators that this room knows of.
    pub fn acts(&self) -> i64 {
        self.behind.acts
    }

    /// Others know of so many acts.
    pub fn on_heard(&mut self, acts: i64) {
        self.behind.outdated |= acts > self.behind.acts;
    }

    pub fn votes_heard(&mut self) {
        self.behind.recount = true;
    }

    /// Anything may have been done.
    pub fn suppose_news(&mut self) {
        (self.behind.outdated, self.behind.recount) = (true, true);
    }

    /// An act of this room ended. If others came between, or if it is not known what came of it, the rules are read.
    pub fn on_counted_act(&mut self, outcome: Result<&Acted, &RoomError>) {
        match outcome {
            Ok(acted) if acted.acts == self.behind.acts + 1 => self.behind.acts = acted.acts,
            Ok(acted) => self.behind.outdated |= acted.acts > self.behind.acts,
            Err(_) => self.behind.outdated = true,
        }
    }

    /// What others have written may be about what is pinned, and tells that they spoke.
    pub fn on_followed(&mut self, entries: &[Entry]) {
        let pinned = self.pinned.as_ref().map(|row| row.offset);
        for entry in entries {
            match entry.kind {
                EntryKind::Comment => self.moderation.forget_speaker(&entry.author_id),
                EntryKind::Edit | EntryKind::Removal => {
                    self.behind.outdated |= pinned.is_some() && entry.target == pinned;
                }
            }
        }
    }

    /// Whether the rules are to be read now; then no act begins and no vote is written until they are.
    #[must_use]
    pub fn begin_to_renew(&mut self) -> bool {
        let begins = self.behind.outdated && !self.acting && !self.votes.is_writing();
        if begins {
            (self.behind.outdated, self.behind.renewing, self.acting) = (false, true, true);
        }
        begins
    }

    pub fn is_renewing(&self) -> bool {
        self.behind.renewing
    }

    pub fn open_poll_id(&self) -> Option<PollId> {
        self.poll.as_ref().map(OpenPoll::id).cloned()
    }

    /// `None` if the store did not answer.
    pub fn on_renewed(&mut self, renewed: Option<Box<Renewed>>) -> News {
        (self.behind.renewing, self.acting) = (false, false);
        let touched = std::mem::take(&mut self.touched);
        let Some(renewed) = renewed else { return News::Nothing };
        let Renewed { stored, ended } = *renewed;
        let before = self.view();
        self.behind.acts = self.behind.acts.max(stored.acts);
        self.moderation
            .renew(stored.slow_mode, stored.silenced.into_iter().map(|row| (row.user_id, row.until)));
        let pinned = stored.pinned.map(|row| touched.get(&offset_of(&row)).cloned().unwrap_or(row));
        self.pinned = pinned.filter(is_live);
        self.change_poll(stored.poll, ended);
        let after = self.view();
        let rules = |chat: &rest::Chat| (chat.slow_mode_s, chat.pinned.clone());
        match (rules(&before) != rules(&after), before.poll != after.poll) {
            (false, false) => News::Nothing,
            (true, false) => News::Rules,
            (false, true) => News::Poll,
            (true, true) => News::All,
        }
    }

    fn change_poll(&mut self, mut poll: Option<OpenPoll>, ended: Option<rest::Poll>) {
        let before = self.poll.take();
        let is_same = before.as_ref().map(OpenPoll::id) == poll.as_ref().map(OpenPoll::id);
        if let (true, Some(open), Some(before)) = (is_same, &mut poll, before) {
            open.tally.learn(before.tally);
        }
        self.poll = poll;
        if !is_same {
            self.closed = ended;
            // They were for the poll before.
            for vote in self.votes.give_up_waiting() {
                vote.ticket.send(Err(RoomError::PollClosed));
            }
        }
    }

    /// The poll whose votes are to be counted again now.
    #[must_use]
    pub fn begin_to_count(&mut self) -> Option<PollId> {
        if !self.behind.recount || self.behind.counting {
            return None;
        }
        self.behind.recount = false;
        let poll = self.open_poll_id()?;
        self.behind.counting = true;
        Some(poll)
    }

    /// `None` if the store did not answer.
    pub fn on_polled(&mut self, poll: &PollId, tally: Option<Tally>) -> News {
        self.behind.counting = false;
        let (Some(open), Some(tally)) = (self.poll.as_mut(), tally) else { return News::Nothing };
        if open.id() == poll && open.learn(tally) { News::Poll } else { News::Nothing }
    }
}
