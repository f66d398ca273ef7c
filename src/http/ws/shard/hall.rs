//! The shard's task. It takes turns between arrivals, sockets that are ready, commands and the wheel, each turn
//! bounded, so that neither a large room nor a busy socket keeps the others waiting. Commands are done strictly in
//! their order: a broadcast that was interrupted is ended before the next command is looked at.

use std::{
    collections::{BTreeSet, VecDeque},
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use playhouse_protocol::realtime::CloseCode;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::{
    Arrival, Arrivals, Standing,
    audiences::Audiences,
    ending::{going_away, slow},
    hearing::{hear, overloaded},
    sitting::{Gone, Phase, Read, Sitting, Written},
    times::Pace,
    wheel::{Step, Wheel},
};
use crate::{
    actors::seat::{AudienceId, Bounded, Close, Command, Encoding, Parcel, Place, Post, Seat},
    http::ws::{
        Parts,
        parser::{Parser, Unreadable},
    },
};

/// Writes and reads in one turn of the task: about a millisecond.
const BUDGET: usize = 128;
const SCRATCH_BYTES: usize = 64 << 10;

pub struct Hall {
    pub(super) parts: Arc<Parts>,
    post: Arc<Post>,
    arrivals: Arc<Arrivals>,
    drain: Pin<Box<WaitForCancellationFutureOwned>>,
    pub(super) draining: bool,
    pub(super) slots: Vec<Option<Box<Sitting>>>,
    pub(super) free: Vec<u32>,
    pub(super) audiences: Audiences,
    commands: VecDeque<Command>,
    broadcast: Option<Broadcast>,
    ready: VecDeque<u32>,
    pub(super) wheel: Wheel,
    pub(super) pace: Pace,
    pub(super) next_step: Pin<Box<Sleep>>,
    /// Those whose sockets turned out to be gone.
    pub(super) leaving: Vec<u32>,
    /// Those whose outboxes may have outgrown their bound.
    grown: Vec<u32>,
    /// Those that something waited for when they were last looked at, and the bytes of all of them.
    pub(super) waiting: BTreeSet<u32>,
    pub(super) waiting_bytes: i64,
    scratch: Box<[u8]>,
    pub(super) written: Written,
    budget: usize,
}

/// A parcel under way.
struct Broadcast {
    audience: AudienceId,
    parcel: Arc<Parcel>,
    encoding: Encoding,
    /// The first slot of that encoding that has not been written to.
    next: u32,
}

impl Future for Hall {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let hall = &mut *self;
        hall.post.register(cx.waker());
        hall.budget = BUDGET;
        if !hall.draining && hall.drain.as_mut().poll(cx).is_ready() {
            hall.send_everybody_away();
        }
        hall.turn_wheel(cx);
        if hall.work() {
            cx.waker().wake_by_ref();
        }
        hall.let_go();
        hall.count();
        Poll::Pending
    }
}

impl Hall {
    pub fn new(parts: Arc<Parts>, post: Arc<Post>, arrivals: Arc<Arrivals>) -> Self {
        let drain = Box::pin(parts.drain.clone().cancelled_owned());
        let pace = Pace::of(&parts.options);
        let next_step = Box::pin(sleep_until(Instant::now() + parts.options.step));
        Self {
            parts,
            post,
            arrivals,
            drain,
            draining: false,
            slots: Vec::new(),
            free: Vec::new(),
            audiences: Audiences::default(),
            commands: VecDeque::new(),
            broadcast: None,
            ready: VecDeque::new(),
            wheel: Wheel::default(),
            pace,
            next_step,
            leaving: Vec::new(),
            grown: Vec::new(),
            waiting: BTreeSet::new(),
            waiting_bytes: 0,
            scratch: vec![0; SCRATCH_BYTES].into(),
            written: Written::default(),
            budget: 0,
        }
    }

    /// Works until there is nothing to do or the turn is over. Returns whether there is more.
    fn work(&mut self) -> bool {
        loop {
            let arrived = self.seat_arrivals();
            let looked = self.look_at_ready();
            let commanded = self.do_commands();
            self.hold_bounds();
            self.let_go();
            if !(arrived || looked || commanded) {
                return false;
            }
            if self.budget == 0 {
                return true;
            }
        }
    }

    fn spend(&mut self) -> bool {
        let left = self.budget > 0;
        self.budget = self.budget.saturating_sub(1);
        left
    }

    // --- arrivals ---

    fn seat_arrivals(&mut self) -> bool {
        let arrivals =
            mem::take(&mut *self.arrivals.lock().expect("no code panics while it holds this lock"));
        let some = !arrivals.is_empty();
        for arrival in arrivals {
            self.seat(arrival);
        }
        some
    }

    fn seat(&mut self, arrival: Arrival) {
        let Arrival { wire, said, encoding, access_token, anonymous, place } = arrival;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).expect("there are fewer sockets than that")
        });
        wire.prepare();
        let seat = Seat::new(self.post.clone(), slot, encoding);
        let mut session = Standing::Asleep(Box::new(self.parts.sessions.newcomer(seat.clone(), anonymous)));
        if let Some(access_token) = access_token {
            session.sign_in(access_token);
        }
        let parser = Parser::new(self.parts.options.frame_bytes_max);
        let sitting = Sitting::new(seat, wire, parser, session, place, self.wheel.now());
        self.slots[slot as usize] = Some(Box::new(sitting));
        self.parts.metrics.connections.inc();
        self.look_by(slot, self.wheel.now() + self.pace.ping.min(self.pace.rest));
        if self.draining {
            return self.close(slot, &going_away());
        }
        if !said.is_empty() {
            self.hear(slot, Some(&said));
        }
        // Nothing wakes a seat whose socket has never been looked at.
        self.ready.push_back(slot);
    }

    // --- sockets ---

    fn look_at_ready(&mut self) -> bool {
        if self.ready.is_empty() {
            let mut ready = Vec::new();
            self.post.take_ready(&mut ready);
            self.ready = ready.into();
        }
        let some = !self.ready.is_empty();
        self.take_commands();
        // Half of a turn is kept for those who are to be written to.
        while self.budget > BUDGET / 2 || self.commands.is_empty() {
            let Some(slot) = self.ready.pop_front() else { break };
            if !self.spend() {
                self.ready.push_front(slot);
                break;
            }
            self.look_at(slot);
        }
        some
    }

    fn look_at(&mut self, slot: u32) {
        let now = self.wheel.now();
        let Some(sitting) = self.slots[slot as usize].as_mut() else { return };
        sitting.seat.begin_look();
        let waited = sitting.waits();
        if sitting.flush(&mut self.written).is_err() {
            return self.leaving.push(slot);
        }
        if sitting.waits() < waited {
            sitting.times.wrote = now;
        }
        self.hear(slot, None);
    }

    /// Reads what the socket has, or takes in what was read of it before.
    fn hear(&mut self, slot: u32, said: Option<&[u8]>) {
        let now = self.wheel.now();
        let Self { slots, scratch, written, parts, grown, .. } = self;
        let Some(sitting) = slots[slot as usize].as_mut() else { return };
        sitting.times.pong_by = Step::MAX;
        let mut asked = false;
        let each = |session: &mut Standing, seat: &Seat, said| {
            asked = true;
            hear(session, seat, said, parts)
        };
        let read = match said {
            Some(said) => sitting.take_in(said, each, written),
            None => sitting.read(scratch, each, written),
        };
        if sitting.waits() > 0 {
            // Answers to pings wait there too.
            grown.push(slot);
        }
        if asked {
            sitting.times.asked = now;
            let rests_at = now + self.pace.rest;
            self.look_by(slot, rests_at);
        }
        match read {
            Ok(Read::Done) => {}
            Ok(Read::More) => self.ready.push_back(slot),
            Ok(Read::Refused(close)) => self.close(slot, &close),
            Ok(Read::Unreadable(Unreadable::Broken(detail))) => {
                self.close(slot, &Close::new(CloseCode::MalformedFrame, detail));
            }
            Ok(Read::Unreadable(Unreadable::Closed)) => self.end(slot),
            Err(Gone) => self.leaving.push(slot),
        }
    }

    // --- commands ---

    fn do_commands(&mut self) -> bool {
        let mut some = false;
        while self.budget > 0 {
            if self.broadcast.is_some() {
                some = true;
                self.go_on_broadcasting();
                continue;
            }
            self.take_commands();
            let Some(command) = self.commands.pop_front() else { break };
            some = true;
            self.obey(command);
        }
        some
    }

    fn take_commands(&mut self) {
        if self.commands.is_empty() {
            let mut commands = Vec::new();
            self.post.take_commands(&mut commands);
            self.commands = commands.into();
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Send(place, frames) => {
                self.write(place, |sitting, written| sitting.send(&frames, written));
            }
            Command::SendShared(place, pieces) => {
                self.write(place, |sitting, written| sitting.send_pieces(pieces, written));
            }
            Command::Close(place, close) => {
                if self.open(place).is_some() {
                    self.close(place.slot, &close);
                }
            }
            Command::TokenEnds(place, at) => {
                let left = at.since(self.parts.clock.now());
                let ends = self.wheel.now().saturating_add(self.pace.steps(left));
                if let Some(sitting) = self.open(place) {
                    sitting.times.token_ends = ends;
                    self.look_by(place.slot, ends);
                }
            }
            Command::Rested(place) => {
                let rested = self.open(place).map(|sitting| sitting.session.on_rested());
                if rested.is_some_and(|rested| rested.is_err()) {
                    self.close(place.slot, &overloaded());
                }
            }
            Command::Enter(place, audience) => {
                if let Some(sitting) = self.open(place)
                    && !sitting.audiences.contains(&audience)
                {
                    sitting.audiences.push(audience);
                    let encoding = sitting.seat.encoding();
                    self.audiences.enter((audience, encoding), place.slot);
                }
            }
            Command::Leave(place, audience) => {
                if let Some(sitting) = self.open(place) {
                    sitting.audiences.retain(|entered| *entered != audience);
                    let encoding = sitting.seat.encoding();
                    self.audiences.leave((audience, encoding), place.slot);
                }
            }
            Command::Broadcast(audience, parcel) => {
                self.broadcast = Some(Broadcast { audience, parcel, encoding: Encoding::Json, next: 0 });
            }
            Command::CloseAll(audience, close) => {
                let listeners = Encoding::ALL.map(|encoding| (audience, encoding));
                let slots = listeners.map(|listeners| self.audiences.from(listeners, 0).to_vec());
                slots.concat().into_iter().for_each(|slot| self.close(slot, &close));
            }
        }
    }

    /// The sitting that a command is for, if it is there still and not about to leave.
    fn open(&mut self, place: Place) -> Option<&mut Sitting> {
        let sitting = self.slots.get_mut(place.slot as usize)?.as_deref_mut();
        sitting.filter(|sitting| sitting.seat.id() == place.seat && sitting.phase == Phase::Open)
    }

    fn write(&mut self, place: Place, write: impl FnOnce(&mut Sitting, &mut Written) -> Result<(), Gone>) {
        self.spend();
        let now = self.wheel.now();
        let mut written = mem::take(&mut self.written);
        let outcome = self.open(place).map(|sitting| {
            let waited = sitting.waits() > 0;
            let outcome = write(sitting, &mut written);
            if !waited {
                sitting.times.wrote = now;
            }
            (outcome, sitting.waits() > 0)
        });
        self.written = written;
        match outcome {
            Some((Ok(()), true)) => self.grown.push(place.slot),
            Some((Err(Gone), _)) => self.leaving.push(place.slot),
            Some((Ok(()), false)) | None => {}
        }
    }

    fn go_on_broadcasting(&mut self) {
        let Some(Broadcast { audience, parcel, encoding, next }) = &mut self.broadcast else { return };
        let now = self.wheel.now();
        let slots = match parcel.of(*encoding) {
            Some(_) => self.audiences.from((*audience, *encoding), *next),
            None => &[],
        };
        let turn = &slots[..slots.len().min(self.budget)];
        let ended = turn.len() == slots.len();
        for (slot, frames) in turn.iter().zip(std::iter::repeat(parcel.of(*encoding)).flatten()) {
            let Some(sitting) = self.slots[*slot as usize].as_mut() else { continue };
            let waited = sitting.waits() > 0;
            let sent = match parcel.latest {
                Some(key) => sitting.send_latest(key, frames, &mut self.written),
                None => sitting.send(frames, &mut self.written),
            };
            match sent {
                Err(Gone) => self.leaving.push(*slot),
                Ok(()) if sitting.waits() > 0 => {
                    if !waited {
                        sitting.times.wrote = now;
                    }
                    self.grown.push(*slot);
                }
                Ok(()) => {}
            }
        }
        self.budget -= turn.len();
        *next = turn.last().map_or(*next, |slot| slot + 1);
        match (ended, *encoding) {
            (false, _) => {}
            (true, Encoding::Json) => (*encoding, *next) = (Encoding::MessagePack, 0),
            (true, Encoding::MessagePack) => self.broadcast = None,
        }
    }

    /// Counts what a full outbox cost, and closes those that are too slow even so.
    fn hold_bounds(&mut self) {
        let bytes_max = self.parts.options.outbox_bytes_max;
        for slot in mem::take(&mut self.grown) {
            let Some(sitting) = self.slots[slot as usize].as_mut() else { continue };
            let stalls_at = sitting.times.wrote + self.pace.write;
            match sitting.bound(bytes_max) {
                Bounded::Within => {}
                Bounded::WithoutState(count) => self.count_drops("latest", count),
                Bounded::Overflowed(count) => {
                    self.count_drops("stream", count);
                    self.close(slot, &slow());
                }
            }
            self.look_by(slot, stalls_at);
            self.waiting.insert(slot);
        }
    }

    fn count_drops(&self, kind: &'static str, count: usize) {
        self.parts.metrics.outbox_drops.of(kind).inc_by(count as u64);
    }
}
