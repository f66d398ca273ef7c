//! How a room speaks to those who sit in it: who comes and goes, what is sent when, and the counts.

use std::time::{Duration, Instant};

use playhouse_protocol::realtime::{Event, Rate};

use super::{Arrival, Live, Message};
use crate::actors::{
    room::{error::RoomError, greeting::Greeting, pace::Next, siblings::Again, top},
    seat::SeatId,
};

const RATES: [Rate; 2] = [Rate::All, Rate::Top];

impl Live {
    pub(super) fn join(&mut self, arrival: Arrival) -> Result<(), RoomError> {
        let Arrival { seat, viewer, since, rate, re } = arrival;
        if !self.facts.is_open_to(viewer.as_deref()) {
            return Err(RoomError::NotFound);
        }
        self.make_room_for(seat.id())?;
        let since = since.filter(|since| since.epoch == self.state.epoch());
        let last = since.as_ref().map(|since| since.offset);
        // Whoever knows of something newer than the others have been sent has it from an answer to their own comment.
        if last.is_some_and(|last| last > self.state.sent(rate)) {
            self.send(rate);
        }
        self.seats.join(seat.clone(), viewer, rate);
        let counts = self.counts();
        let limits = self.context.options.limits;
        let (room, chat) = (self.seats.room(), &self.chat);
        let greeting = Greeting { seat: &seat, re, since: last, rate, room, counts, limits, chat };
        let recovered = self.greetings.greet(&greeting, || self.state.recovery(since.as_ref(), rate));
        let outcome = match (last, recovered) {
            (None, _) => "fresh",
            (Some(_), true) => "recovered",
            (Some(_), false) => "not_recovered",
        };
        self.context.metrics.joins.of(outcome).inc();
        self.viewers_changed();
        Ok(())
    }

    fn make_room_for(&mut self, seat: SeatId) -> Result<(), RoomError> {
        let seats_max = self.context.options.seats_max;
        if self.seats.len() >= seats_max && !self.seats.contains(seat) {
            self.seats.drop_closed();
            if self.seats.len() >= seats_max {
                return Err(RoomError::Full);
            }
        }
        Ok(())
    }

    pub(super) fn leave(&mut self, seat: SeatId) {
        if self.seats.leave(seat) {
            self.viewers_changed();
        }
    }

    /// Something in the stream has not been sent yet.
    pub(super) fn has_news(&mut self) {
        if self.state.has_unsent(Rate::All) {
            self.unsent_since.get_or_insert_with(Instant::now);
            self.counts_changed();
        }
        RATES.into_iter().for_each(|rate| self.send_when_due(rate));
    }

    fn send_when_due(&mut self, rate: Rate) {
        if !self.state.has_unsent(rate) {
            return;
        }
        match self.paces[rate as usize].next(Instant::now()) {
            Next::Now => self.send(rate),
            Next::After(left) => self.desk.room.tell_after(left, Message::Tick(rate)),
            Next::Later => {}
        }
    }

    pub(super) fn on_tick(&mut self, rate: Rate) {
        self.paces[rate as usize].on_due();
        self.send_when_due(rate);
    }

    pub(super) fn on_written(&mut self, rate: Rate) {
        let took = self.paces[rate as usize].on_written(Instant::now());
        if rate == Rate::All {
            self.context.metrics.broadcast_seconds.observe((took + self.waited).as_secs_f64());
        }
        self.send_when_due(rate);
    }

    /// Sends what has not been sent, whatever the time.
    pub(super) fn send(&mut self, rate: Rate) {
        if !self.state.has_unsent(rate) {
            return;
        }
        if self.seats.has(rate) {
            let events = self.news(rate);
            self.paces[rate as usize].on_sent(Instant::now());
            let room = self.desk.room.clone();
            // A room that is leaving sends for the last time and need not hear that it was written.
            self.seats.broadcast(rate, &events, move || drop(room.tell(Message::Written(rate))));
        }
        if rate == Rate::All {
            self.waited = self.unsent_since.take().map_or(Duration::ZERO, |since| since.elapsed());
        }
        self.state.mark_sent(rate);
        self.greetings.forget();
    }

    pub(super) fn send_all(&mut self) {
        RATES.into_iter().for_each(|rate| self.send(rate));
    }

    fn news(&self, rate: Rate) -> Vec<Event> {
        let events = self.state.events_after(self.state.sent(rate));
        match rate {
            Rate::All => events,
            Rate::Top => top::sample(events, self.context.options.top_len_max),
        }
    }

    /// Something was counted: it is shown as soon as a second has passed since counts were shown last.
    pub(super) fn counts_changed(&mut self) {
        self.show_counts_in(self.context.options.tick);
    }

    /// Somebody came or went. That can wait, so that it does not take the turn of what is counted next.
    fn viewers_changed(&mut self) {
        self.show_counts_in(self.context.options.counts_interval);
    }

    fn show_counts_in(&mut self, pause: Duration) {
        let now = Instant::now();
        let turn = self.shown.map_or(now, |(_, at)| at + self.context.options.counts_interval);
        let due = turn.max(now + pause);
        if self.counts_due.is_none_or(|at| due < at) {
            self.counts_due = Some(due);
            self.desk.room.tell_after(due - now, Message::CountsDue);
        }
    }

    pub(super) fn on_counts_due(&mut self) {
        // One that was overtaken comes to nothing.
        if self.counts_due.is_some_and(|at| at <= Instant::now()) {
            self.show_counts();
        }
    }

    fn show_counts(&mut self) {
        self.counts_due = None;
        self.seats.drop_closed();
        let counts = self.counts();
        self.speak(Again::No);
        if self.shown.is_none_or(|(shown, _)| shown != counts) {
            let room = self.seats.room().to_owned();
            self.seats.show(self.counts_key, &Event::Counts { room, counts });
            self.shown = Some((counts, Instant::now()));
        }
    }
}
