//! What a room does with the end of its work, and how it finishes when it leaves.

use playhouse_protocol::{
    realtime::{CloseCode, Counts},
    rest::{ReactionKind, ReactionTotals},
};
use tokio::time::timeout;
use tracing::{error, warn};

use super::{Live, Message};
use crate::{
    actors::{
        directory::Failure,
        room::{
            error::RoomError,
            gather::{React, View},
            siblings::Again,
            state::{Loaded, Reloaded},
            work::{Done, ReactTicket, Ticket, ViewTicket},
        },
        seat::Close,
    },
    backends::{store::StoreError, tallies::Applied},
    domain::{reaction::Reaction, tally::Tally},
};

impl Live {
    pub(super) fn on_done(&mut self, done: Done) -> Result<(), Failure> {
        match done {
            Done::Committed(mut batch) => {
                self.on_talk_committed(&mut batch);
                let answers = self.state.on_committed(batch);
                answers.into_iter().for_each(|(ticket, answer)| ticket.send(answer));
                self.has_news();
                self.speak(Again::No);
            }
            Done::Decided(answers) => {
                self.state.on_nothing_to_write();
                answers.into_iter().for_each(|(ticket, answer)| ticket.send(answer));
            }
            Done::Settled(Ok(())) => self.state.on_settled(),
            Done::Settled(Err(error)) => self.lost_track(&error.to_string()),
            Done::NotWritten(tickets, reason) => {
                self.lost_track(&reason);
                refuse(tickets, &reason);
            }
            Done::Overtaken(commands) => self.on_overtaken(commands),
            Done::Followed(followed) => self.on_followed(followed),
            Done::Counted(counted) => self.on_counted(counted),
            Done::Reloaded(loaded) => self.on_reloaded(loaded),
            Done::Reacted(reacts, applied) => self.on_reacted(reacts, applied),
            Done::Viewed(views, tally) => self.on_viewed(views, tally),
            Done::NotViewed(views, error) => {
                self.viewings.on_written();
                self.votes_in_doubt();
                let refused = || Err(RoomError::Unavailable(error.to_string()));
                views.into_iter().for_each(|view| view.ticket.send(refused()));
            }
            Done::Chat(done) => self.on_chat_done(done),
            Done::Crashed(kind) => return Err(format!("the task {kind} failed").into()),
        }
        Ok(())
    }

    /// It is not known what the store holds: it is read again, after a pause, before anything else is written.
    pub(super) fn lost_track(&mut self, reason: &str) {
        warn!(video.id = %self.keeper.video, reason, "a room could not write and will read its stream again");
        // What is known to be durable goes out first, so that what is found later follows it without a gap.
        self.send_all();
        self.state.on_failed();
        self.chat.moderation.forget_speakers();
        self.retry_later();
    }

    fn retry_later(&mut self) {
        self.retry_due = true;
        self.desk.room.tell_after(self.context.options.retry_pause, Message::RetryDue);
    }

    fn on_reloaded(&mut self, loaded: Result<Loaded, StoreError>) {
        self.reloading = false;
        match loaded {
            Ok(loaded) => {
                self.chat.on_reloaded();
                match self.state.on_reloaded(loaded) {
                    Reloaded::Continued => self.has_news(),
                    Reloaded::Lost => {
                        self.greetings.forget();
                        let close =
                            Close::new(CloseCode::GoingAway, "the room lost its place, come back and resume");
                        self.seats.close_all(&close);
                    }
                }
            }
            Err(error) => {
                refuse(self.state.give_up_waiting(), &error.to_string());
                self.retry_later();
            }
        }
        self.let_arrivals_in();
    }

    fn on_reacted(&mut self, reacts: Vec<React<ReactTicket>>, applied: Result<Applied, StoreError>) {
        self.reacts.on_written();
        match applied {
            Ok(applied) => {
                self.reactions.learn(applied.tally);
                self.siblings.voted();
                self.speak(Again::No);
                self.counts_changed();
                let Counts { likes, dislikes, .. } = self.counts();
                for react in reacts {
                    let reaction = match react.reaction {
                        Some(Reaction::Like) => ReactionKind::Like,
                        Some(Reaction::Dislike) => ReactionKind::Dislike,
                        None => ReactionKind::None,
                    };
                    react.ticket.send(Ok(ReactionTotals { likes, dislikes, reaction }));
                }
            }
            Err(error) => {
                self.votes_in_doubt();
                let refused = || Err(RoomError::Unavailable(error.to_string()));
                reacts.into_iter().for_each(|react| react.ticket.send(refused()));
            }
        }
    }

    /// A write of votes failed. It may have been made all the same, and one whose answer did not come may yet be: all rooms
    /// count now, and again when nothing of it can be under way any more.
    pub(super) fn votes_in_doubt(&mut self) {
        self.count_again();
        self.desk.room.tell_after(self.context.options.store_deadline, Message::CountAgain);
    }

    pub(super) fn count_again(&mut self) {
        self.recount = true;
        self.chat.votes_heard();
        self.siblings.voted();
        self.siblings.balloted();
        self.speak(Again::No);
    }

    fn on_viewed(&mut self, views: Vec<(View<ViewTicket>, bool)>, tally: Tally) {
        self.viewings.on_written();
        self.views.learn(tally);
        self.siblings.voted();
        self.speak(Again::No);
        for (view, counted) in views {
            if counted {
                self.counted.insert(view.playback_id);
            }
            view.ticket.send(Ok(counted));
        }
        self.counts_changed();
    }

    /// Brings home what is under way and what waits. What cannot be is refused when its tickets are dropped.
    pub(super) async fn finish(&mut self) {
        self.retry_due = false;
        loop {
            self.start_work();
            self.write();
            self.flush_votes();
            if self.is_settled() {
                break;
            }
            match timeout(self.context.options.store_deadline * 2, self.done.recv()).await {
                Ok(Some(Done::Reloaded(Err(error)))) => {
                    refuse(self.state.give_up_waiting(), &error.to_string());
                    return;
                }
                Ok(Some(done)) => {
                    if let Err(failure) = self.on_done(done) {
                        error!(error = %failure, "a room could not finish its work");
                        return;
                    }
                    self.retry_due = false;
                }
                Ok(None) | Err(_) => return,
            }
        }
        self.send_all();
        if self.state.has_written() {
            // A mark that is not made only costs the next load a repair.
            drop(self.keeper.mark_settled(self.state.head() + 1).await);
        }
    }
}

fn refuse(tickets: Vec<Ticket>, reason: &str) {
    let refused = || Err(RoomError::Unavailable(reason.to_owned()));
    tickets.into_iter().for_each(|ticket| ticket.send(refused()));
}
