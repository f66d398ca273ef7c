//! One socket's loop: what arrives goes to the session, what the outbox holds is written, pings keep it alive. Generic
//! over the stream and the sink, so it is tested with channels. It ends with a `bye` and a close code wherever the
//! other side may still hear them.

use std::{fmt, ops::ControlFlow, time::Duration};

use axum::extract::ws::{CloseFrame, Message};
use bytes::Bytes;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use playhouse_protocol::realtime::{CloseCode, Done, Event, Outcome, Reply, Request};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    Options,
    codec::{self, Misread},
};
use crate::{
    actors::{
        seat::{Batch, Close, Encoding, Outbox, Seat},
        session::{Overloaded, SessionHandle},
    },
    domain::clock::SharedClock,
    telemetry::Metrics,
};

/// Who hears what arrives: a session.
pub trait Listener {
    fn hear(&self, request: Request, bytes: usize) -> Result<(), Overloaded>;
    fn check_token(&self);
}

impl Listener for SessionHandle {
    fn hear(&self, request: Request, bytes: usize) -> Result<(), Overloaded> {
        self.say(request, bytes)
    }

    fn check_token(&self) {
        SessionHandle::check_token(self);
    }
}

pub struct Socket<'a, L> {
    pub outbox: Outbox,
    pub session: L,
    pub clock: SharedClock,
    pub options: &'a Options,
    pub metrics: &'a Metrics,
    /// Cancelled when the server goes away.
    pub drain: CancellationToken,
}

/// How a conversation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The other side closed, or is gone.
    Gone,
    Closed(Close),
}

/// When to ping, and until when an answer is waited for.
struct Pulse {
    ping_at: Instant,
    pong_by: Option<Instant>,
}

impl Pulse {
    fn new(interval: Duration) -> Self {
        Self { ping_at: Instant::now() + interval, pong_by: None }
    }

    fn next(&self) -> Instant {
        self.pong_by.map_or(self.ping_at, |pong_by| pong_by.min(self.ping_at))
    }
}

/// Runs until one side ends it, and closes what can still be closed.
pub async fn run<R, W, L, E>(mut stream: R, mut sink: W, mut socket: Socket<'_, L>) -> Ended
where
    R: Stream<Item = Result<Message, E>> + Unpin,
    W: Sink<Message> + Unpin,
    L: Listener,
    E: fmt::Display,
{
    let ended = socket.talk(&mut stream, &mut sink).await;
    match &ended {
        // The answer to the other side's close may still have to be written.
        Ended::Gone => drop(timeout(socket.options.close_deadline, sink.close()).await),
        Ended::Closed(close) => socket.say_goodbye(&mut stream, &mut sink, close).await,
    }
    ended
}

impl<L: Listener> Socket<'_, L> {
    async fn talk<R, W, E>(&mut self, stream: &mut R, sink: &mut W) -> Ended
    where
        R: Stream<Item = Result<Message, E>> + Unpin,
        W: Sink<Message> + Unpin,
        E: fmt::Display,
    {
        let mut pulse = Pulse::new(self.options.ping_interval);
        let drain = self.drain.clone();
        loop {
            let wake_at = pulse.next().min(self.token_end());
            let next = tokio::select! {
                () = drain.cancelled() => ControlFlow::Break(going_away()),
                batch = self.outbox.next() => self.write(sink, batch).await,
                frame = stream.next() => {
                    pulse.pong_by = None;
                    self.hear(frame)
                }
                () = sleep_until(wake_at) => self.beat(sink, &mut pulse).await,
            };
            if let ControlFlow::Break(ended) = next {
                return ended;
            }
        }
    }

    /// When the token is over, as far as is known now; never closer than a second, so that nothing spins.
    fn token_end(&self) -> Instant {
        let left = self.seat().token_expires_at().since(self.clock.now());
        Instant::now() + left.clamp(Duration::from_secs(1), Duration::from_secs(3_600))
    }

    fn seat(&self) -> &Seat {
        self.outbox.seat()
    }

    fn hear<E: fmt::Display>(&self, frame: Option<Result<Message, E>>) -> ControlFlow<Ended> {
        let encoding = self.seat().encoding();
        match frame {
            None | Some(Ok(Message::Close(_))) => ControlFlow::Break(Ended::Gone),
            Some(Err(error)) => ControlFlow::Break(broken(&error.to_string())),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => ControlFlow::Continue(()),
            Some(Ok(Message::Text(text))) if encoding == Encoding::Json => self.take(text.as_bytes()),
            Some(Ok(Message::Binary(bytes))) if encoding == Encoding::MessagePack => self.take(&bytes),
            Some(Ok(Message::Text(_))) => malformed("this sub-protocol speaks in binary frames"),
            Some(Ok(Message::Binary(_))) => malformed("this sub-protocol speaks in text frames"),
        }
    }

    fn take(&self, frame: &[u8]) -> ControlFlow<Ended> {
        if frame.len() > self.options.frame_bytes_max {
            return malformed("the frame is too large");
        }
        match codec::read(self.seat().encoding(), frame) {
            Ok(request) => match self.session.hear(request, frame.len()) {
                Ok(()) => ControlFlow::Continue(()),
                Err(Overloaded) => {
                    let detail = "too many requests wait for their answers";
                    ControlFlow::Break(Ended::Closed(Close::new(CloseCode::TooMany, detail)))
                }
            },
            Err(Misread::Malformed(detail)) => malformed(detail),
            Err(Misread::Problem(re, refusal)) => {
                self.metrics.commands_refused.of(static_code(&refusal.code)).inc();
                self.seat().say(&Reply::<Done> { re, outcome: Outcome::Problem(refusal) });
                ControlFlow::Continue(())
            }
        }
    }

    /// Pings if it is time to, and looks whether the last one was answered and the token is still good.
    async fn beat<W: Sink<Message> + Unpin>(&self, sink: &mut W, pulse: &mut Pulse) -> ControlFlow<Ended> {
        let now = Instant::now();
        if pulse.pong_by.is_some_and(|pong_by| pong_by <= now) {
            let close = Close::new(CloseCode::GoingAway, "no answer to a ping");
            return ControlFlow::Break(Ended::Closed(close));
        }
        self.session.check_token();
        if pulse.ping_at > now {
            return ControlFlow::Continue(());
        }
        pulse.ping_at = now + self.options.ping_interval;
        pulse.pong_by.get_or_insert(now + self.options.pong_deadline);
        match timeout(self.options.write_deadline, sink.send(Message::Ping(Bytes::new()))).await {
            Ok(Ok(())) => ControlFlow::Continue(()),
            Ok(Err(_)) => ControlFlow::Break(Ended::Gone),
            Err(_) => ControlFlow::Break(slow()),
        }
    }

    /// Writes a batch with one flush. A seat that is closed meanwhile is not kept waiting by a slow reader.
    async fn write<W: Sink<Message> + Unpin>(&mut self, sink: &mut W, batch: Batch) -> ControlFlow<Ended> {
        let Batch { frames, close } = batch;
        let encoding = self.seat().encoding();
        let count = u64::try_from(frames.len()).unwrap_or(u64::MAX);
        let bytes: usize = frames.iter().map(Bytes::len).sum();
        let work = async {
            for frame in frames {
                sink.feed(codec::message(encoding, frame)).await?;
            }
            sink.flush().await
        };
        let written = tokio::select! {
            written = timeout(self.options.write_deadline, work) => written,
            close = self.outbox.closed(), if close.is_none() => return ControlFlow::Break(Ended::Closed(close)),
            () = self.drain.cancelled() => return ControlFlow::Break(going_away()),
        };
        match written {
            Err(_) => return ControlFlow::Break(slow()),
            Ok(Err(_)) => return ControlFlow::Break(Ended::Gone),
            Ok(Ok(())) => {}
        }
        self.metrics.frames_sent.inc_by(count);
        self.metrics.frame_bytes_sent.inc_by(u64::try_from(bytes).unwrap_or(u64::MAX));
        close.map_or(ControlFlow::Continue(()), |close| ControlFlow::Break(Ended::Closed(close)))
    }

    /// Says why, closes, and waits for the other side to have heard it: to hang up on unread bytes could take the
    /// reason from it.
    async fn say_goodbye<R, W, E>(&mut self, stream: &mut R, sink: &mut W, close: &Close)
    where
        R: Stream<Item = Result<Message, E>> + Unpin,
        W: Sink<Message> + Unpin,
    {
        // Rooms and relays see at once that nothing more gets through here.
        self.seat().close(close.clone());
        let code = close.code as u16;
        let encoding = self.seat().encoding();
        let reconnect_after_ms = self.options.reconnect_after_ms(close.code);
        let bye = Event::Bye { code, detail: close.detail.clone(), reconnect_after_ms };
        let work = async {
            if let Ok(frame) = encoding.encode(&bye) {
                sink.feed(codec::message(encoding, frame)).await?;
            }
            sink.send(Message::Close(Some(CloseFrame { code, reason: close.detail.as_str().into() })))
                .await?;
            while let Some(Ok(_)) = stream.next().await {}
            Ok::<(), W::Error>(())
        };
        drop(timeout(self.options.close_deadline, work).await);
    }
}

fn malformed(detail: &str) -> ControlFlow<Ended> {
    ControlFlow::Break(Ended::Closed(Close::new(CloseCode::MalformedFrame, detail)))
}

fn slow() -> Ended {
    Ended::Closed(Close::new(CloseCode::SlowReader, "frames are not read fast enough"))
}

fn going_away() -> Ended {
    Ended::Closed(Close::new(CloseCode::GoingAway, "the server goes away, come back and resume"))
}

/// A connection that broke off says so in its error; everything else is the other side's mistake.
fn broken(error: &str) -> Ended {
    let gone = ["IO error", "without closing handshake", "Connection closed", "already closed"];
    match gone.iter().any(|sign| error.contains(sign)) {
        true => Ended::Gone,
        false => {
            Ended::Closed(Close::new(CloseCode::MalformedFrame, "the frame is too large or breaks RFC 6455"))
        }
    }
}

fn static_code(code: &str) -> &'static str {
    use playhouse_protocol::problem::Code;
    Code::ALL.iter().find(|known| known.as_str() == code).map_or("", |known| known.as_str())
}

#[cfg(test)]
mod tests;
