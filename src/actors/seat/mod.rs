//! A socket's place to be written to. Whoever holds a [`Seat`] (rooms, the session, the relay) leaves frames for it;
//! the shard that owns the socket writes them, and bounds what waits there in bytes. Actors never see a socket, and
//! no message of theirs ever waits for one.

mod frame;
mod outbox;
mod post;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::Wake,
};

use bytes::Bytes;
use playhouse_protocol::realtime::CloseCode;
use serde::Serialize;

pub use self::{
    frame::{Encoding, Opcode, Shared, close as close_frame, control as control_frame},
    outbox::{Bounded, Outbox},
    post::{AudienceId, Command, LatestKey, Parcel, Place, Post},
};
use crate::domain::clock::Timestamp;

/// Names a seat among all seats of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeatId(u64);

/// Why and how a socket is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close {
    pub code: CloseCode,
    pub detail: String,
}

impl Close {
    pub fn new(code: CloseCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}

/// Cheap to clone: there is one allocation a socket, and it is its waker too.
#[derive(Clone)]
pub struct Seat(Arc<Inner>);

struct Inner {
    place: Place,
    encoding: Encoding,
    post: Arc<Post>,
    closed: AtomicBool,
    /// Whether the shard has been told already that the socket can be read or written.
    ready: AtomicBool,
}

impl Wake for Inner {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.ready.swap(true, Ordering::AcqRel) {
            self.post.is_ready(self.place.slot);
        }
    }
}

impl Seat {
    /// A seat in one of a shard's slots.
    pub fn new(post: Arc<Post>, slot: u32, encoding: Encoding) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let place = Place { slot, seat: SeatId(NEXT.fetch_add(1, Ordering::Relaxed)) };
        let (closed, ready) = (AtomicBool::new(false), AtomicBool::new(false));
        Self(Arc::new(Inner { place, encoding, post, closed, ready }))
    }

    pub fn id(&self) -> SeatId {
        self.0.place.seat
    }

    pub fn encoding(&self) -> Encoding {
        self.0.encoding
    }

    /// The shard it is in.
    pub fn post(&self) -> &Arc<Post> {
        &self.0.post
    }

    /// Queues whole frames that must not be lost. A seat that is closed takes nothing more.
    pub fn send(&self, frames: Bytes) {
        self.leave(|place| Command::Send(place, frames));
    }

    /// Encodes and queues something said to this seat alone.
    pub fn say<T: Serialize>(&self, value: &T) {
        self.send(self.0.encoding.frame(value));
    }

    /// Answers a request with what is for this seat alone and what many are told, which is encoded as it wants it.
    pub fn reply_shared<T: Serialize>(&self, re: u64, own: &T, shared: &Bytes) {
        self.leave(|place| Command::SendShared(place, self.0.encoding.reply_around(re, own, shared)));
    }

    /// Closes the socket after what has been queued. The first reason stands.
    pub fn close(&self, close: Close) {
        self.leave(|place| Command::Close(place, close));
    }

    /// Has the session asked about its token when that ends.
    pub fn token_ends(&self, at: Timestamp) {
        self.leave(|place| Command::TokenEnds(place, at));
    }

    /// Tells the shard that the session has laid itself to rest.
    pub fn session_rests(&self) {
        self.leave(Command::Rested);
    }

    /// From now on it is written what is broadcast to an audience.
    pub fn enter(&self, audience: AudienceId) {
        self.leave(|place| Command::Enter(place, audience));
    }

    pub fn leave_audience(&self, audience: AudienceId) {
        self.leave(|place| Command::Leave(place, audience));
    }

    /// Whether its socket is closed or about to be.
    pub fn is_closed(&self) -> bool {
        self.0.closed.load(Ordering::Acquire)
    }

    /// For the shard alone: nothing more gets through.
    pub fn mark_closed(&self) {
        self.0.closed.store(true, Ordering::Release);
    }

    /// For the shard alone: wakes it for this seat when the socket can be read or written.
    pub fn waker(&self) -> std::task::Waker {
        self.0.clone().into()
    }

    /// For the shard alone: it is about to look at the socket.
    pub fn begin_look(&self) {
        self.0.ready.store(false, Ordering::Release);
    }

    fn leave(&self, command: impl FnOnce(Place) -> Command) {
        if !self.is_closed() {
            self.0.post.leave(command(self.0.place));
        }
    }
}
