//! The way to a shard, which owns many sockets: whoever has something for one of its seats, or for an audience among
//! them, leaves a command here. Commands are done in the order they came in, so what an actor says first arrives
//! first, to one seat and to a whole room alike. No mailbox is involved, and nothing waits for a socket.
//!
//! The queue of commands has no bound of its own: rooms have one broadcast under way, sessions answer what was
//! admitted, and the outbox behind each seat is bounded in bytes.

use std::{
    mem,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    task::Waker,
};

use bytes::Bytes;
use futures_util::task::AtomicWaker;

use super::{Close, Encoding};
use crate::domain::clock::Timestamp;

/// Where in a shard a seat is, and which of those that have been there it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub slot: u32,
    pub seat: super::SeatId,
}

/// Seats that are written to together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AudienceId(u64);

impl AudienceId {
    /// One that nobody else has.
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl Default for AudienceId {
    fn default() -> Self {
        Self::new()
    }
}

/// What a frame replaces in an outbox: the frame of the same key that has not been written yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LatestKey(pub u64);

impl LatestKey {
    /// One that nobody else has.
    pub fn new() -> Self {
        Self(AudienceId::new().0)
    }
}

impl Default for LatestKey {
    fn default() -> Self {
        Self::new()
    }
}

pub enum Command {
    /// Bytes that make up whole frames.
    Send(Place, Bytes),
    /// A frame in three pieces, of which others share the middle one.
    SendShared(Place, [Bytes; 3]),
    Close(Place, Close),
    TokenEnds(Place, Timestamp),
    /// The session has laid itself to rest.
    Rested(Place),
    Enter(Place, AudienceId),
    Leave(Place, AudienceId),
    Broadcast(AudienceId, Arc<Parcel>),
    CloseAll(AudienceId, Close),
}

/// The same for many: frames by encoding. When the last shard has written it, `written` is called.
pub struct Parcel {
    pub frames: [Option<Bytes>; 2],
    /// Set when it is only the latest state of something.
    pub latest: Option<LatestKey>,
    pub written: Option<Box<dyn FnOnce() + Send + Sync>>,
}

impl Parcel {
    pub fn of(&self, encoding: Encoding) -> Option<&Bytes> {
        self.frames[encoding as usize].as_ref()
    }
}

impl Drop for Parcel {
    fn drop(&mut self) {
        if let Some(written) = self.written.take() {
            written();
        }
    }
}

#[derive(Default)]
pub struct Post {
    commands: Mutex<Vec<Command>>,
    /// Slots whose sockets can be read or written again.
    ready: Mutex<Vec<u32>>,
    shard: AtomicWaker,
}

impl Post {
    pub fn leave(&self, command: Command) {
        let mut commands = lock(&self.commands);
        let first = commands.is_empty();
        commands.push(command);
        drop(commands);
        if first {
            self.shard.wake();
        }
    }

    /// Has the shard look at a socket.
    pub fn is_ready(&self, slot: u32) {
        let mut ready = lock(&self.ready);
        let first = ready.is_empty();
        ready.push(slot);
        drop(ready);
        if first {
            self.shard.wake();
        }
    }

    /// Wakes the shard without a command.
    pub fn wake(&self) {
        self.shard.wake();
    }

    /// Whom to wake from now on. To be called before looking for what has come.
    pub fn register(&self, waker: &Waker) {
        self.shard.register(waker);
    }

    /// What has come since it was last asked. `into` is empty, and its memory is used again.
    pub fn take_commands(&self, into: &mut Vec<Command>) {
        mem::swap(&mut *lock(&self.commands), into);
    }

    pub fn take_ready(&self, into: &mut Vec<u32>) {
        mem::swap(&mut *lock(&self.ready), into);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no code panics while it holds this lock")
}
