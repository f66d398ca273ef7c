//! The talk's part of the room's actor: asks go to `chat`, acts and votes to tasks, news to the seats and to other nodes.

use std::time::{Duration, Instant};

use playhouse_protocol::realtime::Rate;

use super::{Live, Message};
use crate::{
    actors::room::{
        chat::{self, Act, ActTicket, Ask, News, herald},
        error::RoomError,
        plan::Batch,
        siblings::Again,
        work::{Done, Ticket},
    },
    backends::store::StoreResult,
};

/// A store that did not answer is asked again.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

impl Live {
    pub(super) fn on_ask(&mut self, ask: Ask) {
        match ask {
            Ask::Act(act, ticket) => self.chat.submit(act, ticket),
            Ask::Vote { who, poll, option, reply } => match self.facts.is_open_to(Some(&who)) {
                false => reply.send(Err(RoomError::NotFound)),
                true if self.chat.votes.waiting_len() >= super::WAITING_LEN_MAX => {
                    reply.send(Err(RoomError::Busy));
                }
                true => self.chat.vote(who.user_id, poll, option, reply),
            },
            Ask::Burst(who, emoji) => {
                let silenced = self.chat.moderation.is_silenced(&who.user_id, self.context.clock.now());
                if self.facts.is_open_to(Some(&who)) && !silenced {
                    self.chat.bursts.add(emoji);
                    self.bursts_changed();
                }
            }
            Ask::Show(reply) => reply.send(self.chat.view()),
            Ask::PollDue => self.show_poll(),
            Ask::BurstsDue => self.show_bursts(),
            Ask::LookAgain => self.chat.suppose_news(),
        }
    }

    pub(super) fn on_chat_done(&mut self, done: chat::Done) {
        let news = match done {
            chat::Done::Acted(ticket, outcome) => {
                self.chat.on_counted_act(outcome.as_ref());
                self.chat.on_acted(ticket, outcome.map(|acted| acted.change))
            }
            chat::Done::Voted(votes, applied) => {
                match applied.is_ok() {
                    true => self.siblings.balloted(),
                    false => self.votes_in_doubt(),
                }
                self.chat.on_voted(votes, applied)
            }
            chat::Done::NotVoted(votes) => {
                self.chat.on_not_voted(votes);
                News::Nothing
            }
            chat::Done::Told => {
                self.chat.herald.on_run();
                News::Nothing
            }
            chat::Done::Outdated => {
                self.chat.suppose_news();
                News::Nothing
            }
            chat::Done::Renewed(renewed) => {
                let renewed = self.or_again(renewed);
                self.chat.on_renewed(renewed)
            }
            chat::Done::Polled(poll, tally) => {
                let tally = self.or_again(tally);
                self.chat.on_polled(&poll, tally)
            }
        };
        self.show_news(news);
        self.speak(Again::No);
    }

    /// What could not be read is read again, after a pause.
    fn or_again<V>(&self, read: StoreResult<V>) -> Option<V> {
        if read.is_err() {
            self.desk.room.tell_after(LOOK_AGAIN_AFTER, Message::Chat(Ask::LookAgain));
        }
        read.ok()
    }

    pub(super) fn on_talk_committed(&mut self, batch: &mut Batch<Ticket>) {
        let (news, dropped) = self.chat.on_committed(batch);
        self.context.metrics.notices_dropped.inc_by(dropped);
        self.show_news(news);
    }

    /// Starts what the talk waits for, votes aside: they go with the other votes.
    pub(super) fn start_talk(&mut self) {
        self.start_renewing();
        if let Some((act, ticket)) = self.chat.next_act(self.context.clock.now()) {
            self.start_act(act, ticket);
        }
        if let Some(errands) = self.chat.herald.take() {
            let (desk, keeper) = (self.desk.clone(), self.keeper.clone());
            let notices = self.context.notices.clone();
            let (visibility, owner) = (self.facts.visibility, self.facts.owner.clone());
            let audience = herald::Audience { visibility, owner };
            self.desk.start("room_tell", async move {
                herald::run(&keeper, &notices, &audience, errands).await;
                desk.put(Done::Chat(chat::Done::Told));
            });
        }
    }

    /// Reads what moderators and voters have done on other nodes, if they have, or here without an answer.
    fn start_renewing(&mut self) {
        if self.chat.begin_to_renew() {
            let (desk, keeper, tallies) =
                (self.desk.clone(), self.keeper.clone(), self.context.tallies.clone());
            let known = self.chat.open_poll_id();
            self.desk.start("room_renew", async move {
                let renewed = keeper.renew_chat(&tallies, known).await.map(Box::new);
                desk.put(Done::Chat(chat::Done::Renewed(renewed)));
            });
        }
        if let Some(poll) = self.chat.begin_to_count() {
            let (desk, ledger) = (self.desk.clone(), self.ledger.clone());
            self.desk.start("room_poll", async move {
                let tally = ledger.votes_on(&poll).await;
                desk.put(Done::Chat(chat::Done::Polled(poll, tally)));
            });
        }
    }

    fn start_act(&self, act: Act, ticket: ActTicket) {
        let (desk, keeper, now) = (self.desk.clone(), self.keeper.clone(), self.context.clock.now());
        let tallies = self.context.tallies.clone();
        self.desk.start("room_act", async move {
            let outcome = keeper.act(act, now, &tallies).await;
            desk.put(Done::Chat(chat::Done::Acted(ticket, outcome)));
        });
    }

    pub(super) fn flush_poll(&mut self) {
        if self.chat.is_renewing() {
            return;
        }
        let Some(votes) = self.chat.votes.take() else { return };
        let (desk, ledger) = (self.desk.clone(), self.ledger.clone());
        let is_shared = self.siblings.are_possible();
        self.desk.start("room_vote", async move {
            // Another node may have closed the poll unheard.
            if is_shared && matches!(ledger.is_open(&votes).await, Ok(false)) {
                return desk.put(Done::Chat(chat::Done::NotVoted(votes)));
            }
            let applied = ledger.vote(&votes).await;
            desk.put(Done::Chat(chat::Done::Voted(votes, applied)));
        });
    }

    /// What was thrown within a tick goes out together at its end.
    pub(super) fn bursts_changed(&mut self) {
        if !self.chat.bursts_due {
            self.chat.bursts_due = true;
            let width = self.paces[Rate::All as usize].width();
            self.desk.room.tell_after(width, Message::Chat(Ask::BurstsDue));
        }
    }

    fn show_bursts(&mut self) {
        self.chat.bursts_due = false;
        if let Some((event, own)) = self.chat.bursts_event() {
            self.seats.show(self.chat.keys.bursts, &event);
            self.context.metrics.bursts_dropped.inc_by(self.siblings.throw(own));
        }
    }

    fn show_news(&mut self, news: News) {
        match news {
            News::Nothing => return,
            News::Rules => self.seats.show(self.chat.keys.rules, &self.chat.rules_event()),
            News::Poll => self.poll_changed(),
            News::All => {
                self.seats.show(self.chat.keys.rules, &self.chat.rules_event());
                self.poll_changed();
            }
        }
        // Whoever joins from now on is told of it.
        self.greetings.forget();
    }

    fn poll_changed(&mut self) {
        if self.chat.poll_due {
            return;
        }
        self.chat.poll_due = true;
        let options = &self.context.options;
        let since = self.chat.poll_shown_at.map(|at| at.elapsed());
        let left = since.map_or_else(Default::default, |since| options.counts_interval.saturating_sub(since));
        self.desk.room.tell_after(left.max(options.tick), Message::Chat(Ask::PollDue));
    }

    fn show_poll(&mut self) {
        self.chat.poll_due = false;
        let another_follows = self.chat.has_poll_after_the_closed();
        if let Some(event) = self.chat.poll_event() {
            self.seats.show(self.chat.keys.poll, &event);
            self.chat.poll_shown_at = Some(Instant::now());
        }
        if another_follows {
            self.poll_changed();
        }
    }
}
