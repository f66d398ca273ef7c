//! One socket as its shard has it: the stream, what is half read and what waits to be written. Everything it does
//! returns at once; what could not be done goes on when the socket wakes its seat.

use std::{
    io::IoSlice,
    ops::ControlFlow,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use playhouse_protocol::realtime::Event;
use tokio::{io::ReadBuf, sync::OwnedSemaphorePermit};

use super::{Standing, Wire, wheel::Step};
use crate::{
    actors::seat::{AudienceId, Bounded, Close, LatestKey, Outbox, Seat, close_frame},
    http::ws::parser::{Parser, Said, Unreadable},
};

/// Pieces in one write.
const PIECES_MAX: usize = 32;
/// What is cheaper to copy than to write in pieces.
const COPY_MAX: usize = 2_048;
/// Reads of one socket before the others get their turn.
const READS_MAX: usize = 4;

/// The other side has closed, or is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone;

/// In this order in memory: a broadcast touches what comes first, of thousands of them, and nothing else.
#[repr(C)]
pub struct Sitting {
    outbox: Outbox,
    wire: Wire,
    waker: Waker,
    pub seat: Seat,
    pub times: Times,
    pub phase: Phase,
    parser: Parser,
    pub session: Standing,
    pub audiences: Vec<AudienceId>,
    _place: OwnedSemaphorePermit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Open,
    /// The close is on its way; nothing more is said, and what is heard is thrown away.
    Closing,
    /// It is written, and our half of the stream is shut.
    Shut,
}

/// Steps in which things happened or are due.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// When the wheel has it looked at.
    pub look: Step,
    /// When it was last said something.
    pub asked: Step,
    pub pinged: Step,
    /// When at the latest something must be heard.
    pub pong_by: Step,
    /// When the socket last took something, or had nothing to take.
    pub wrote: Step,
    pub token_ends: Step,
    pub closing: Step,
}

impl Times {
    pub fn at(now: Step) -> Self {
        let never = Step::MAX;
        Self {
            look: never,
            asked: now,
            pinged: now,
            pong_by: never,
            wrote: now,
            token_ends: never,
            closing: now,
        }
    }
}

/// What was written.
#[derive(Debug, Clone, Copy, Default)]
pub struct Written {
    pub frames: u64,
    pub bytes: u64,
}

impl Written {
    fn add(&mut self, frames: usize, bytes: usize) {
        self.frames += frames as u64;
        self.bytes += bytes as u64;
    }
}

/// What became of a read.
pub enum Read {
    /// All there was; the socket will wake its seat.
    Done,
    /// There is more.
    More,
    Unreadable(Unreadable),
    Refused(Close),
}

impl Sitting {
    pub fn new(
        seat: Seat,
        wire: Wire,
        parser: Parser,
        session: Standing,
        place: OwnedSemaphorePermit,
        now: Step,
    ) -> Self {
        let waker = seat.waker();
        Self {
            seat,
            waker,
            wire,
            parser,
            outbox: Outbox::default(),
            audiences: Vec::new(),
            session,
            phase: Phase::Open,
            times: Times::at(now),
            _place: place,
        }
    }

    pub fn waits(&self) -> usize {
        self.outbox.bytes()
    }

    /// Writes whole frames, or as much as the socket takes; the rest waits.
    pub fn send(&mut self, frames: &Bytes, written: &mut Written) -> Result<(), Gone> {
        if !self.outbox.is_empty() {
            self.outbox.push(frames.clone());
            return Ok(());
        }
        let mut cx = Context::from_waker(&self.waker);
        match self.wire.poll_write(&mut cx, frames) {
            Poll::Ready(Ok(count)) if count == frames.len() => {
                written.add(1, count);
                Ok(())
            }
            Poll::Ready(Ok(0) | Err(_)) => Err(Gone),
            Poll::Ready(Ok(count)) => {
                written.add(0, count);
                self.outbox.push_rest(frames.slice(count..));
                // A short write arms nothing: only one that has to wait does.
                self.flush(written)
            }
            Poll::Pending => {
                self.outbox.push(frames.clone());
                Ok(())
            }
        }
    }

    pub fn send_pieces(&mut self, pieces: [Bytes; 3], written: &mut Written) -> Result<(), Gone> {
        let waited = !self.outbox.is_empty();
        if !waited && pieces[1].len() <= COPY_MAX {
            return self.send(&pieces.concat().into(), written);
        }
        let [begin, body, end] = pieces;
        self.outbox.push(begin);
        // A bound must not take the rest of a frame from its beginning.
        self.outbox.push_rest(body);
        self.outbox.push_rest(end);
        match waited {
            true => Ok(()),
            false => self.flush(written),
        }
    }

    /// As `send`, and while it waits the next of the same key takes its place.
    pub fn send_latest(&mut self, key: LatestKey, frame: &Bytes, written: &mut Written) -> Result<(), Gone> {
        match self.outbox.is_empty() {
            true => self.send(frame, written),
            false => {
                self.outbox.push_latest(key, frame.clone());
                Ok(())
            }
        }
    }

    /// Writes what waits until the socket takes no more.
    pub fn flush(&mut self, written: &mut Written) -> Result<(), Gone> {
        let mut cx = Context::from_waker(&self.waker);
        while !self.outbox.is_empty() {
            let mut pieces = [IoSlice::new(&[]); PIECES_MAX];
            let count = self.outbox.pieces(&mut pieces);
            match self.wire.poll_write_pieces(&mut cx, &pieces[..count]) {
                Poll::Ready(Ok(0) | Err(_)) => return Err(Gone),
                Poll::Ready(Ok(count)) => written.add(self.outbox.advance(count), count),
                Poll::Pending => return Ok(()),
            }
        }
        match self.phase {
            Phase::Closing => self.shut(),
            Phase::Open | Phase::Shut => Ok(()),
        }
    }

    /// What of its bound it has overrun.
    pub fn bound(&mut self, bytes_max: usize) -> Bounded {
        match self.phase {
            Phase::Open => self.outbox.bound(bytes_max),
            Phase::Closing | Phase::Shut => Bounded::Within,
        }
    }

    /// Reads what there is, and hands on what has become whole until `hear` refuses.
    pub fn read(
        &mut self,
        scratch: &mut [u8],
        mut hear: impl FnMut(&mut Standing, &Seat, Said) -> ControlFlow<Close>,
        written: &mut Written,
    ) -> Result<Read, Gone> {
        for _ in 0..READS_MAX {
            let mut buffer = ReadBuf::new(scratch);
            let mut cx = Context::from_waker(&self.waker);
            match self.wire.poll_read(&mut cx, &mut buffer) {
                Poll::Pending => return Ok(Read::Done),
                Poll::Ready(Err(_)) => return Err(Gone),
                Poll::Ready(Ok(())) if buffer.filled().is_empty() => return Err(Gone),
                Poll::Ready(Ok(())) => {}
            }
            match self.take_in(buffer.filled(), &mut hear, written)? {
                Read::Done => {}
                ended => return Ok(ended),
            }
        }
        Ok(Read::More)
    }

    /// Parses bytes that have been read.
    pub fn take_in(
        &mut self,
        input: &[u8],
        mut hear: impl FnMut(&mut Standing, &Seat, Said) -> ControlFlow<Close>,
        written: &mut Written,
    ) -> Result<Read, Gone> {
        if self.phase != Phase::Open {
            return Ok(Read::Done);
        }
        let Self { parser, session, seat, .. } = self;
        let mut replies = Vec::new();
        let fed = parser.feed(input, &mut replies, |said| hear(session, seat, said));
        if !replies.is_empty() {
            self.send(&replies.into(), written)?;
        }
        Ok(match fed {
            Ok(ControlFlow::Continue(())) => Read::Done,
            Ok(ControlFlow::Break(close)) => Read::Refused(close),
            Err(unreadable) => Read::Unreadable(unreadable),
        })
    }

    /// Says why and closes, after what waits already.
    pub fn close(
        &mut self,
        close: &Close,
        reconnect_after_ms: u64,
        written: &mut Written,
    ) -> Result<(), Gone> {
        let code = close.code as u16;
        let bye = Event::Bye { code, detail: close.detail.clone(), reconnect_after_ms };
        self.outbox.push(self.seat.encoding().frame(&bye));
        self.outbox.push(close_frame(code, &close.detail));
        self.end(written)
    }

    /// Nothing more is said after what waits already.
    pub fn end(&mut self, written: &mut Written) -> Result<(), Gone> {
        self.phase = Phase::Closing;
        self.seat.mark_closed();
        self.flush(written)
    }

    /// Gives up what waits, as far as frames have not been begun.
    pub fn give_up_waiting(&mut self) -> usize {
        self.outbox.clear()
    }

    /// Nobody reads here any more, and nobody will.
    pub fn abandon(&mut self) {
        self.wire.give_up();
    }

    /// What is unread when we hang up could take the reason from the other side, so only our half is shut.
    fn shut(&mut self) -> Result<(), Gone> {
        let mut cx = Context::from_waker(&self.waker);
        match self.wire.poll_shutdown(&mut cx) {
            Poll::Ready(Err(_)) => return Err(Gone),
            Poll::Ready(Ok(())) => self.phase = Phase::Shut,
            Poll::Pending => {}
        }
        Ok(())
    }
}
