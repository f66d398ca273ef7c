//! How sockets leave a shard: told why and closed, or found to be gone; and what is counted at the end of a turn.

use std::mem;

use playhouse_protocol::realtime::CloseCode;

use super::{
    Standing,
    hall::Hall,
    sitting::{Gone, Phase, Sitting, Written},
    wheel::Step,
};
use crate::actors::seat::Close;

impl Hall {
    pub(super) fn sitting(&mut self, slot: u32) -> Option<&mut Sitting> {
        self.slots.get_mut(slot as usize)?.as_deref_mut()
    }

    /// Says why and closes. What waits goes first, unless nobody reads it.
    pub(super) fn close(&mut self, slot: u32, close: &Close) {
        let now = self.wheel.now();
        let reconnect_after_ms = self.parts.options.reconnect_after_ms(close.code);
        let Some(sitting) = self.slots[slot as usize].as_mut() else { return };
        if sitting.phase != Phase::Open {
            return;
        }
        if close.code == CloseCode::SlowReader {
            sitting.give_up_waiting();
        }
        sitting.times.closing = now;
        let closed = sitting.close(close, reconnect_after_ms, &mut self.written);
        self.parts.metrics.connections_closed.of(label(close.code)).inc();
        self.part(slot, closed);
    }

    /// The other side has closed, and is answered.
    pub(super) fn end(&mut self, slot: u32) {
        let now = self.wheel.now();
        let Some(sitting) = self.slots[slot as usize].as_mut() else { return };
        sitting.times.closing = now;
        let ended = sitting.end(&mut self.written);
        self.parts.metrics.connections_closed.of("peer").inc();
        self.part(slot, ended);
    }

    /// Nothing is broadcast to it any more, and its session ends; the socket may stay a little to hear why.
    fn part(&mut self, slot: u32, closed: Result<(), Gone>) {
        let due: Step = self.wheel.now() + self.pace.end;
        let Some(sitting) = self.slots[slot as usize].as_mut() else { return };
        let encoding = sitting.seat.encoding();
        for audience in mem::take(&mut sitting.audiences) {
            self.audiences.leave((audience, encoding), slot);
        }
        sitting.session = Standing::Gone;
        match closed {
            Ok(()) => self.look_by(slot, due),
            Err(Gone) => self.leaving.push(slot),
        }
    }

    /// Drops those whose sockets are gone.
    pub(super) fn let_go(&mut self) {
        for slot in mem::take(&mut self.leaving) {
            let Some(mut sitting) = self.slots[slot as usize].take() else { continue };
            sitting.seat.mark_closed();
            let encoding = sitting.seat.encoding();
            for audience in mem::take(&mut sitting.audiences) {
                self.audiences.leave((audience, encoding), slot);
            }
            if sitting.phase == Phase::Open {
                self.parts.metrics.connections_closed.of("peer").inc();
            }
            self.parts.metrics.connections.dec();
            self.free.push(slot);
        }
    }

    pub(super) fn send_everybody_away(&mut self) {
        self.draining = true;
        for slot in 0..self.slots.len() {
            self.close(u32::try_from(slot).expect("slots are numbered so"), &going_away());
        }
    }

    /// Shows what waits in outboxes, once a step.
    pub(super) fn count_waiting(&mut self) {
        let slots = &self.slots;
        let waits = |slot: u32| slots[slot as usize].as_ref().map_or(0, |sitting| sitting.waits());
        self.waiting.retain(|slot| waits(*slot) > 0);
        let bytes: usize = self.waiting.iter().map(|slot| waits(*slot)).sum();
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.parts.metrics.outbox_bytes.inc_by(bytes - self.waiting_bytes);
        self.waiting_bytes = bytes;
    }

    /// Tells the metrics what this turn has done.
    pub(super) fn count(&mut self) {
        let Written { frames, bytes } = mem::take(&mut self.written);
        if bytes > 0 {
            self.parts.metrics.frames_sent.inc_by(frames);
            self.parts.metrics.frame_bytes_sent.inc_by(bytes);
        }
    }
}

pub fn slow() -> Close {
    Close::new(CloseCode::SlowReader, "frames are not read fast enough")
}

pub fn going_away() -> Close {
    Close::new(CloseCode::GoingAway, "the server goes away, come back and resume")
}

fn label(code: CloseCode) -> &'static str {
    match code {
        CloseCode::GoingAway => "4000",
        CloseCode::SlowReader => "4001",
        CloseCode::MalformedFrame => "4002",
        CloseCode::NotAllowed => "4003",
        CloseCode::TooMany => "4004",
        CloseCode::TokenEnded => "4005",
    }
}
