//! A socket's place to be written to. Whoever holds a [`Seat`] (rooms, the session, the relay) puts frames into its
//! outbox; the socket's task owns the [`Outbox`] and writes them. The outbox is bounded in bytes: past the bound it
//! first gives up what is only the latest state, then closes the socket as a slow reader. Actors never see a socket.

use std::{
    mem,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use playhouse_protocol::realtime::CloseCode;
use serde::Serialize;
use tokio::sync::Notify;

use crate::{domain::clock::Timestamp, telemetry::Metrics};

/// How a socket wants its frames, by its sub-protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    Json,
    MessagePack,
}

impl Encoding {
    /// `Err` is impossible for the protocol's own types; it is reported, not assumed.
    pub fn encode<T: Serialize>(self, value: &T) -> Result<Bytes, String> {
        match self {
            Encoding::Json => serde_json::to_vec(value).map(Bytes::from).map_err(|error| error.to_string()),
            Encoding::MessagePack => {
                rmp_serde::to_vec_named(value).map(Bytes::from).map_err(|error| error.to_string())
            }
        }
    }
}

/// One value in both encodings, each made when the first seat wants it and then shared.
pub struct Shared<'a, T> {
    value: &'a T,
    json: Option<Bytes>,
    message_pack: Option<Bytes>,
}

impl<'a, T: Serialize> Shared<'a, T> {
    pub fn new(value: &'a T) -> Self {
        Self { value, json: None, message_pack: None }
    }

    pub fn frame(&mut self, encoding: Encoding) -> Bytes {
        let place = match encoding {
            Encoding::Json => &mut self.json,
            Encoding::MessagePack => &mut self.message_pack,
        };
        let encode = || encoding.encode(self.value).expect("the protocol's types always serialise");
        place.get_or_insert_with(encode).clone()
    }
}

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

/// What a frame replaces in an outbox: the frame of the same key that has not been written yet.
pub type LatestKey = Arc<str>;

#[derive(Clone)]
pub struct Seat(Arc<Inner>);

struct Inner {
    id: SeatId,
    encoding: Encoding,
    bytes_max: usize,
    queue: Mutex<Queue>,
    /// Wakes the one task that owns the outbox.
    filled: Notify,
    /// In milliseconds; `i64::MAX` while no token limits the socket.
    token_expires_at: AtomicI64,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct Queue {
    frames: Vec<Bytes>,
    latest: Vec<(LatestKey, Bytes)>,
    bytes: usize,
    closed: Option<Close>,
}

/// The receiving half of a seat, owned by the socket's task.
pub struct Outbox(Seat);

/// What an outbox held: frames in their order, then the end if there is one.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Batch {
    pub frames: Vec<Bytes>,
    pub close: Option<Close>,
}

/// A seat and its outbox.
pub fn pair(encoding: Encoding, bytes_max: usize, metrics: Arc<Metrics>) -> (Seat, Outbox) {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let seat = Seat(Arc::new(Inner {
        id: SeatId(NEXT.fetch_add(1, Ordering::Relaxed)),
        encoding,
        bytes_max,
        queue: Mutex::default(),
        filled: Notify::new(),
        token_expires_at: AtomicI64::new(i64::MAX),
        metrics,
    }));
    (seat.clone(), Outbox(seat))
}

impl Seat {
    pub fn id(&self) -> SeatId {
        self.0.id
    }

    pub fn encoding(&self) -> Encoding {
        self.0.encoding
    }

    /// Queues a frame that must not be lost. A seat that is closed takes nothing more.
    pub fn send(&self, frame: Bytes) {
        let mut queue = self.lock();
        if queue.closed.is_none() {
            queue.bytes += frame.len();
            queue.frames.push(frame);
            self.bound(&mut queue);
        }
        drop(queue);
        self.0.filled.notify_one();
    }

    /// Encodes and queues something said to this seat alone.
    pub fn say<T: Serialize>(&self, value: &T) {
        self.send(Shared::new(value).frame(self.0.encoding));
    }

    /// Queues a frame that replaces the unwritten one of the same key. It is written after the frames before it and
    /// may be given up when the socket is slow.
    pub fn latest(&self, key: &LatestKey, frame: Bytes) {
        let mut queue = self.lock();
        if queue.closed.is_none() {
            queue.bytes += frame.len();
            match queue.latest.iter().position(|(present, _)| present == key) {
                Some(at) => {
                    let old = mem::replace(&mut queue.latest[at].1, frame);
                    queue.bytes -= old.len();
                }
                None => queue.latest.push((key.clone(), frame)),
            }
            self.bound(&mut queue);
        }
        drop(queue);
        self.0.filled.notify_one();
    }

    /// Closes the socket after what is queued. The first reason stands.
    pub fn close(&self, close: Close) {
        let mut queue = self.lock();
        queue.closed.get_or_insert(close);
        drop(queue);
        self.0.filled.notify_one();
    }

    pub fn is_closed(&self) -> bool {
        self.lock().closed.is_some()
    }

    pub fn queued_bytes(&self) -> usize {
        self.lock().bytes
    }

    /// When the token ends that this socket speaks with.
    pub fn token_expires_at(&self) -> Timestamp {
        Timestamp(self.0.token_expires_at.load(Ordering::Relaxed))
    }

    pub fn set_token_expires_at(&self, at: Timestamp) {
        self.0.token_expires_at.store(at.0, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.queue.lock().expect("no code panics while it holds this lock")
    }

    fn bound(&self, queue: &mut Queue) {
        if queue.bytes <= self.0.bytes_max {
            return;
        }
        let given_up: usize = queue.latest.iter().map(|(_, frame)| frame.len()).sum();
        self.count_drops("latest", queue.latest.len());
        queue.latest.clear();
        queue.bytes -= given_up;
        if queue.bytes > self.0.bytes_max {
            self.count_drops("stream", queue.frames.len());
            queue.frames = Vec::new();
            queue.bytes = 0;
            queue.closed = Some(Close::new(CloseCode::SlowReader, "frames are not read fast enough"));
        }
    }

    fn count_drops(&self, kind: &'static str, count: usize) {
        self.0.metrics.outbox_drops.of(kind).inc_by(u64::try_from(count).unwrap_or(u64::MAX));
    }
}

impl Outbox {
    /// Waits until there is something to write. Cancelling the wait loses nothing.
    pub async fn next(&mut self) -> Batch {
        loop {
            if let Some(batch) = self.take() {
                return batch;
            }
            self.0.0.filled.notified().await;
        }
    }

    /// Everything that is queued, if anything is.
    pub fn take(&mut self) -> Option<Batch> {
        let mut queue = self.0.lock();
        let Queue { frames, latest, bytes, closed } = &mut *queue;
        let mut batch = Batch { frames: mem::take(frames), close: closed.clone() };
        batch.frames.extend(mem::take(latest).into_iter().map(|(_, frame)| frame));
        *bytes = 0;
        (!batch.frames.is_empty() || batch.close.is_some()).then_some(batch)
    }

    /// Waits until the seat is closed, whatever else is queued.
    pub async fn closed(&self) -> Close {
        loop {
            if let Some(close) = self.0.lock().closed.clone() {
                return close;
            }
            self.0.0.filled.notified().await;
        }
    }

    pub fn seat(&self) -> &Seat {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seat(bytes_max: usize) -> (Seat, Outbox) {
        pair(Encoding::Json, bytes_max, Metrics::new())
    }

    fn frame(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    #[test]
    fn frames_keep_their_order_and_the_latest_state_replaces_itself() {
        let (seat, mut outbox) = seat(1_000);
        let (counts, other): (LatestKey, LatestKey) = ("a".into(), "b".into());
        seat.send(frame("one"));
        seat.latest(&counts, frame("counts 1"));
        seat.send(frame("two"));
        seat.latest(&other, frame("other"));
        seat.latest(&counts, frame("counts 2"));
        assert_eq!(seat.queued_bytes(), "one".len() + "two".len() + "counts 2".len() + "other".len());
        let batch = outbox.take().unwrap();
        assert_eq!(batch.frames, [frame("one"), frame("two"), frame("counts 2"), frame("other")]);
        assert_eq!((outbox.take(), seat.queued_bytes()), (None, 0));
    }

    #[test]
    fn a_slow_reader_first_loses_the_latest_state_and_then_its_socket() {
        let (seat, mut outbox) = seat(10);
        seat.send(frame("12345"));
        seat.latest(&"a".into(), frame("state"));
        seat.send(frame("678"));
        assert_eq!(seat.queued_bytes(), 8, "the state was given up, the stream was not");
        assert!(!seat.is_closed());
        seat.send(frame("9ab"));
        assert!(seat.is_closed());
        seat.send(frame("later"));
        let batch = outbox.take().unwrap();
        assert_eq!(batch.frames, Vec::<Bytes>::new());
        assert_eq!(batch.close.unwrap().code, CloseCode::SlowReader);
    }

    #[tokio::test]
    async fn the_first_reason_to_close_stands_and_what_was_queued_goes_first() {
        let (seat, mut outbox) = seat(100);
        seat.send(frame("one"));
        seat.close(Close::new(CloseCode::GoingAway, "bye"));
        seat.close(Close::new(CloseCode::TooMany, "no"));
        let batch = outbox.next().await;
        assert_eq!(batch.frames, [frame("one")]);
        assert_eq!(batch.close.unwrap().code, CloseCode::GoingAway);
        assert_eq!(outbox.closed().await.code, CloseCode::GoingAway);
    }
}
