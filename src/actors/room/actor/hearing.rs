//! How a room goes along with those of the same video on other nodes.

use std::time::Duration;

use playhouse_protocol::realtime::Position;
use tokio::time::Instant;

use super::{Arrival, JoinTicket, Live, Message, WAITING_LEN_MAX};
use crate::{
    actors::room::{
        error::RoomError,
        plan::Pending,
        siblings::{Again, Burst, SAID_AGAIN_AFTER, Word},
        state::Followed,
        work::Ticket,
    },
    backends::store::{StoreError, StoreResult},
    domain::tally::Tally,
};

impl Live {
    pub(super) async fn on_heard(&mut self, word: Word) {
        let is_behind = self.state.is_behind(&word.epoch, word.head);
        let acts = word.acts;
        let Some(news) = self.siblings.hear(word, Instant::now()) else { return };
        self.behind |= is_behind;
        self.recount |= news.votes;
        self.chat.on_heard(acts);
        if news.ballots {
            self.chat.votes_heard();
        }
        if news.viewers {
            self.counts_changed();
        }
        if news.changes {
            // As if it had been told of it itself; if the store does not answer, the next word tells it again.
            drop(self.look_at_video().await);
        }
    }

    /// Somebody has thrown emoji into a room on another node.
    pub(super) fn on_thrown(&mut self, burst: &Burst) {
        if !self.siblings.is_own(burst) && !self.seats.all_closed() {
            self.chat.bursts.hear(&burst.thrown);
            self.bursts_changed();
        }
    }

    /// Nobody knows what was said meanwhile: everything may have changed.
    pub(super) async fn on_missed(&mut self) {
        (self.behind, self.recount) = (true, true);
        self.chat.suppose_news();
        drop(self.look_at_video().await);
    }

    /// Says how things stand here, if that has changed.
    pub(super) fn speak(&mut self, again: Again) {
        let viewers = self.seats.len() as u64;
        self.siblings.acted(self.chat.acts());
        self.siblings.say(self.state.epoch(), self.state.head(), viewers, again);
        if viewers > 0 && self.siblings.are_possible() {
            self.say_again_later();
        }
    }

    /// Each word says everything: the next that is heard makes up for those that were not.
    pub(super) fn say_again_later(&mut self) {
        if !self.word_due {
            self.word_due = true;
            self.desk.room.tell_after(SAID_AGAIN_AFTER, Message::WordDue);
        }
    }

    pub(super) fn on_word_due(&mut self) {
        self.word_due = false;
        if self.siblings.forget_silent(Instant::now()) {
            self.counts_changed();
        }
        self.speak(Again::Yes);
    }

    /// Reads what others have written, as soon as nothing of its own is under way.
    pub(super) fn start_following(&mut self) {
        if self.recount && !self.recounting {
            (self.recount, self.recounting) = (false, true);
            self.desk.recount(self.ledger.clone());
        }
        if !self.behind {
            return;
        }
        if let Some(from) = self.state.begin_to_follow() {
            self.behind = false;
            self.desk.follow(self.keeper.clone(), self.state.epoch().to_owned(), from);
        }
    }

    /// Others have written first: the commands are decided anew on what they wrote, unless that has happened for too long.
    pub(super) fn on_overtaken(&mut self, commands: Vec<Pending<Ticket>>) {
        let (now, patience) = (self.context.clock.now(), self.context.options.store_deadline);
        let late = |pending: &Pending<Ticket>| now.since(pending.at) > patience;
        let (late, again): (Vec<_>, Vec<_>) = commands.into_iter().partition(late);
        let refused = || Err(RoomError::Unavailable("other nodes write to this room all the time".into()));
        late.into_iter().for_each(|pending| pending.ticket.send(refused()));
        self.chat.moderation.forget_speakers();
        self.state.put_back(again);
        self.behind = true;
    }

    /// Lets in who comes, or has who was ahead of this node wait until it has read as far.
    pub(super) fn on_arrival(&mut self, arrival: Arrival, ticket: JoinTicket) {
        let is_ahead = |since: &Position| self.state.is_behind(&since.epoch, since.offset);
        let waits = self.siblings.are_possible() && arrival.since.as_ref().is_some_and(is_ahead);
        if !waits || self.arrivals.len() >= WAITING_LEN_MAX {
            return ticket.send(self.join(arrival));
        }
        self.behind = true;
        self.arrivals.push((arrival, ticket));
    }

    /// Whatever has come of reading.
    pub(super) fn let_arrivals_in(&mut self) {
        for (arrival, ticket) in std::mem::take(&mut self.arrivals) {
            ticket.send(self.join(arrival));
        }
    }

    pub(super) fn on_followed(&mut self, followed: StoreResult<Option<Followed>>) {
        let taken_in = match followed {
            Ok(Some(followed)) => {
                self.chat.on_followed(&followed.entries);
                self.state.on_followed(followed)
            }
            Ok(None) => false,
            Err(error) => return self.lost_track(&error.to_string()),
        };
        match taken_in {
            true => {
                self.has_news();
                self.let_arrivals_in();
            }
            false => self.state.on_failed(),
        }
    }

    pub(super) fn on_counted(&mut self, counted: Result<(Tally, Tally), StoreError>) {
        self.recounting = false;
        match counted {
            Ok((reactions, views)) => {
                self.reactions.learn(reactions);
                self.views.learn(views);
                self.counts_changed();
            }
            Err(_) => {
                self.recount = true;
                self.desk.room.tell_after(Duration::from_secs(1), Message::Wake);
            }
        }
    }
}
