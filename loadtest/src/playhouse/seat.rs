//! A socket that sits in a room: joins, resumes, speaks, and holds what it hears against what it must hear. Frames are
//! looked into, not read as JSON, except the answer to a join that resumes.

use std::{collections::VecDeque, time::Duration};

use playhouse_protocol::{
    realtime::{Op, PlayState, Position, Rate, Request, SUBPROTOCOL_JSON},
    rest::ReactionKind,
};
use serde::{Deserialize, de::IgnoredAny};
use tokio::time::{Instant, timeout_at};

use crate::{
    measure::{Counter, Seen, Stream, Tally, Timer},
    run::{Run, SETTLE},
    wire::{End, Socket, Upgrade, scan},
};

const ANSWER_AFTER_MAX: Duration = Duration::from_secs(30);
/// What may wait for its answers; past it the seat holds its tongue. The server hangs up at 64 KiB or 1,000 requests.
const UNANSWERED_MAX: usize = 300;
const UNANSWERED_BYTES_MAX: usize = 48 * 1024;
/// What a request is beside the text of a comment.
const REQUEST_BYTES: usize = 120;
/// Microseconds in the number of a comment; above them stands the process that said it.
const NUMBER_SPLIT: u64 = 10_000_000_000_000;

pub struct Seat {
    pub(super) socket: Socket,
    pub ears: Ears,
    pub(super) access_token: Option<String>,
    /// Since when the socket is gone.
    pub(super) lost_at: Option<Instant>,
    pub(super) returns: u32,
    next_id: u64,
}

/// What a seat knows of its room.
pub struct Ears {
    pub room: String,
    pub epoch: String,
    pub stream: Stream,
    /// Of the newest `counts`.
    pub viewers: Option<u64>,
    /// The last reaction that was acknowledged.
    pub reaction: ReactionKind,
    /// Comments that came with the join that resumed.
    pub replayed: u64,
    /// Where the room was when the socket ended, until it is joined again.
    pub(super) left_at: Option<Position>,
    /// How long the server asked to stay away.
    pub(super) stay_away: Duration,
    pub(super) asked: VecDeque<Asked>,
}

pub(super) struct Asked {
    id: u64,
    due: Instant,
    pub(super) what: What,
    /// As it was sent, while it may have to be sent again.
    pub(super) frame: Box<[u8]>,
}

pub(super) enum What {
    Join(Since),
    /// The join of a socket that came back.
    Return(Since),
    Comment,
    React(ReactionKind),
    /// Answered and no more.
    Other(&'static str),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Since {
    Nothing,
    Offset(u64),
}

impl From<Option<&Position>> for Since {
    fn from(position: Option<&Position>) -> Self {
        position.map_or(Self::Nothing, |position| Self::Offset(position.offset))
    }
}

/// The part of a resumed join's answer that has to be exact.
#[derive(Deserialize)]
struct Resumed {
    ok: ResumedRoom,
}

#[derive(Deserialize)]
struct ResumedRoom {
    recovered: bool,
    comments: Vec<IgnoredAny>,
    #[serde(default)]
    removed: Vec<IgnoredAny>,
    #[serde(default)]
    edited: Vec<IgnoredAny>,
}

impl Seat {
    /// Opens a socket and joins `room`; `due` is when that was meant to happen.
    pub async fn open(
        run: &Run,
        room: &str,
        access_token: Option<&str>,
        due: Instant,
    ) -> anyhow::Result<Self> {
        let seat = Self::enter(run, room, access_token, None, due).await?;
        run.recorder.time(Timer::Join, due.elapsed());
        Ok(seat)
    }

    /// Comes back to where `position` was.
    pub async fn resume(
        run: &Run,
        room: &str,
        access_token: Option<&str>,
        position: Position,
        due: Instant,
    ) -> anyhow::Result<Self> {
        Self::enter(run, room, access_token, Some(position), due).await
    }

    async fn enter(
        run: &Run,
        room: &str,
        access_token: Option<&str>,
        since: Option<Position>,
        due: Instant,
    ) -> anyhow::Result<Self> {
        let socket = connect(run, access_token).await?;
        let mut seat = Self {
            socket,
            ears: Ears::new(room),
            access_token: access_token.map(str::to_owned),
            lost_at: None,
            returns: 0,
            next_id: 1,
        };
        seat.join(run, room, since, due).await?;
        Ok(seat)
    }

    /// Joins `room`, leaving the one before, and waits for the snapshot.
    pub async fn join(
        &mut self,
        run: &Run,
        room: &str,
        since: Option<Position>,
        due: Instant,
    ) -> anyhow::Result<()> {
        if self.ears.room != room {
            // What a socket that comes back asks again, it asks in the room that it was in.
            if run.plan.returns_max > 0 {
                self.listen_until_answered(run, Instant::now() + SETTLE).await?;
            }
            let leave = Op::Leave { room: std::mem::take(&mut self.ears.room) };
            self.ask(run, leave, What::Other("leave"), due).await?;
            self.ears.room = room.to_owned();
        }
        let what = What::Join(since.as_ref().into());
        self.ears.epoch.clear();
        self.ears.left_at.clone_from(&since);
        self.ask(run, Op::Join { room: room.to_owned(), since, rate: Rate::All }, what, due).await?;
        let deadline = Instant::now() + ANSWER_AFTER_MAX;
        while self.ears.epoch.is_empty() {
            match timeout_at(deadline, self.listen(run)).await {
                Ok(heard) => heard?,
                Err(_) => anyhow::bail!("no answer to join in time"),
            }
            anyhow::ensure!(!self.ears.asked.is_empty() || !self.ears.epoch.is_empty(), "join was refused");
        }
        Ok(())
    }

    /// Where to resume from.
    pub fn position(&self) -> Position {
        Position { epoch: self.ears.epoch.clone(), offset: self.ears.stream.offset() }
    }

    /// Waits for the server to say something and takes it in. Brings back a socket that ended, if that is asked for.
    pub async fn listen(&mut self, run: &Run) -> Result<(), End> {
        if self.lost_at.is_some() {
            return self.come_back(run).await;
        }
        let ears = &mut self.ears;
        let heard = self.socket.read(|payload, _out| ears.hear(payload, run)).await;
        self.or_lose(run, heard)
    }

    /// Listens until `moment`.
    pub async fn listen_until(&mut self, run: &Run, moment: Instant) -> Result<(), End> {
        // Looked at first: under load the socket always has something to say.
        while Instant::now() < moment {
            match timeout_at(moment, self.listen(run)).await {
                Ok(heard) => heard?,
                Err(_moment) => break,
            }
        }
        Ok(())
    }

    /// Listens while `work` is done.
    pub async fn listen_during<T>(&mut self, run: &Run, work: impl Future<Output = T>) -> Result<T, End> {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return Ok(done),
                heard = self.listen(run) => heard?,
            }
        }
    }

    /// Listens until all requests are answered, or `deadline`; what is open then counts as unanswered.
    pub async fn listen_until_answered(&mut self, run: &Run, deadline: Instant) -> Result<(), End> {
        while !self.ears.asked.is_empty() {
            match timeout_at(deadline, self.listen(run)).await {
                Ok(heard) => heard?,
                Err(_late) => {
                    run.recorder.add(Counter::Unanswered, self.ears.asked.len() as u64);
                    self.ears.asked.clear();
                }
            }
        }
        Ok(())
    }

    pub async fn comment(&mut self, run: &Run, due: Instant) -> Result<(), End> {
        let since_start = due.saturating_duration_since(run.started()).as_micros() as u64;
        let number = u64::from(run.share.index) * NUMBER_SPLIT + since_start;
        let text = scan::marked_text(number, run.plan.text_bytes);
        let room = self.ears.room.clone();
        // It may have to be said again without being there twice.
        let key = (run.plan.returns_max > 0).then(|| format!("lt-{number:x}"));
        let comment = Op::Comment { room, text, at_ms: None, parent_id: None, key };
        self.ask(run, comment, What::Comment, due).await
    }

    pub async fn react(&mut self, run: &Run, reaction: ReactionKind, due: Instant) -> Result<(), End> {
        let room = self.ears.room.clone();
        self.ask(run, Op::React { room, reaction }, What::React(reaction), due).await
    }

    /// Says how far a playing is.
    pub async fn watch(
        &mut self,
        run: &Run,
        playback_id: &str,
        watched_ms: u64,
        due: Instant,
    ) -> Result<(), End> {
        let (room, playback_id) = (self.ears.room.clone(), playback_id.to_owned());
        let state = PlayState::Playing;
        let watch = Op::Watch { room, playback_id, position_ms: watched_ms, watched_ms, state };
        self.ask(run, watch, What::Other("watch"), due).await
    }

    /// Whether there is room for another request. If not, the server is far behind and it says nothing.
    pub fn may_ask(&self, run: &Run) -> bool {
        let most = UNANSWERED_MAX.min(UNANSWERED_BYTES_MAX / (REQUEST_BYTES + run.plan.text_bytes));
        let may = self.ears.asked.len() < most;
        if !may {
            run.recorder.problem(Counter::Failed, "not asked, too many answers are due");
        }
        may
    }

    async fn ask(&mut self, run: &Run, op: Op, what: What, due: Instant) -> Result<(), End> {
        let frame = self.note(run, op, what, due)?;
        if self.lost_at.is_some() {
            return Ok(());
        }
        let sent = self.socket.send(&frame).await;
        self.or_lose(run, sent)
    }

    /// Keeps in mind that an answer is due; gives the frame that asks for it.
    pub(super) fn note(&mut self, run: &Run, op: Op, what: What, due: Instant) -> Result<Vec<u8>, End> {
        let id = self.next_id;
        self.next_id += 1;
        let frame =
            serde_json::to_vec(&Request { id, op }).map_err(|error| End::Broken(error.to_string()))?;
        let kept = if run.plan.returns_max > 0 { frame.as_slice().into() } else { Box::default() };
        self.ears.asked.push_back(Asked { id, due, what, frame: kept });
        Ok(frame)
    }
}

pub(super) async fn connect(run: &Run, access_token: Option<&str>) -> anyhow::Result<Socket> {
    let upgrade = Upgrade {
        path: "/api/v1/ws".to_owned(),
        subprotocol: Some(SUBPROTOCOL_JSON),
        access_token: access_token.map(str::to_owned),
    };
    let socket = Socket::connect(run.http.address, &upgrade).await?;
    run.recorder.count(Counter::Connected);
    Ok(socket)
}

impl Ears {
    fn new(room: &str) -> Self {
        Self {
            room: room.to_owned(),
            epoch: String::new(),
            stream: Stream::after(0),
            viewers: None,
            reaction: ReactionKind::None,
            replayed: 0,
            left_at: None,
            stay_away: Duration::ZERO,
            asked: VecDeque::new(),
        }
    }

    fn hear(&mut self, payload: &[u8], run: &Run) {
        let now = Instant::now();
        run.recorder.write(|tally| {
            tally.count(Counter::BytesIn, payload.len() as u64);
            match payload {
                [b'{', b'"', b'r', b'e', b'"', b':', rest @ ..] => self.answered(payload, rest, now, tally),
                _ if payload.starts_with(br#"{"ev":"bye""#) => {
                    let asked = scan::number_after(payload, br#""reconnect_after_ms":"#);
                    self.stay_away = Duration::from_millis(asked.unwrap_or(0));
                }
                // Of a room that was left a moment ago something may still come.
                _ if scan::text_after(payload, br#""room":"#).is_some_and(|room| room != self.room) => {}
                _ if self.epoch.is_empty() => {}
                _ if payload.starts_with(br#"{"ev":"comments""#) => self.news(payload, run, now, tally),
                _ if payload.starts_with(br#"{"ev":"counts""#) => {
                    self.viewers = scan::number_after(payload, br#""viewers":"#);
                }
                // Other events of the stream: nothing of theirs is checked here but that they move it.
                _ => {
                    if let Some(offset) = scan::number_after(payload, br#""offset":"#) {
                        self.stream.take(offset, offset.saturating_sub(self.stream.offset()));
                    }
                }
            }
        });
    }

    fn news(&mut self, payload: &[u8], run: &Run, now: Instant, tally: &mut Tally) {
        let Some(offset) = scan::number_after(payload, br#""offset":"#) else {
            tally.problem(Counter::Failed, "comments without an offset");
            return;
        };
        let Seen { fresh, repeated, skipped } =
            self.stream.take(offset, scan::count(payload, br#""video_id":"#));
        tally.count(Counter::Deliveries, fresh);
        tally.count(Counter::Frames, 1);
        tally.count(Counter::Duplicates, repeated);
        tally.count(Counter::Gaps, skipped);
        let Some(start) = run.has_started() else { return };
        for number in scan::marks(payload) {
            // Only our own comments are timed: other processes have other clocks.
            if number / NUMBER_SPLIT == u64::from(run.share.index) {
                let due = start + Duration::from_micros(number % NUMBER_SPLIT);
                tally.time(Timer::Delivery, now.saturating_duration_since(due));
            }
        }
    }

    fn answered(&mut self, payload: &[u8], rest: &[u8], now: Instant, tally: &mut Tally) {
        let id = rest.iter().take_while(|byte| byte.is_ascii_digit());
        let id = id.fold(0_u64, |id, digit| id.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')));
        let Some(place) = self.asked.iter().position(|asked| asked.id == id) else {
            tally.problem(Counter::Failed, "an answer to nothing");
            return;
        };
        let Some(Asked { due, what, .. }) = self.asked.remove(place) else { return };
        if !scan::holds(&payload[..payload.len().min(40)], br#","ok":"#) {
            let code = scan::text_after(payload, br#""code":"#).unwrap_or("unknown");
            let op = match what {
                What::Join(_) | What::Return(_) => "join",
                What::Comment => "comment",
                What::React(_) => "react",
                What::Other(op) => op,
            };
            tally.problem(Counter::Failed, &format!("{op} was refused: {code}"));
            return;
        }
        let latency = now.saturating_duration_since(due);
        match what {
            What::Join(since) => self.joined(payload, since, tally),
            What::Return(since) => {
                tally.time(Timer::Settle, latency);
                self.joined(payload, since, tally);
            }
            What::Comment => {
                tally.count(Counter::Comments, 1);
                tally.time(Timer::Answer, latency);
            }
            What::React(reaction) => {
                self.reaction = reaction;
                tally.count(Counter::Reactions, 1);
                tally.time(Timer::Reaction, latency);
            }
            What::Other(_) => {}
        }
    }

    fn joined(&mut self, payload: &[u8], since: Since, tally: &mut Tally) {
        let epoch = scan::text_after(payload, br#""epoch":"#);
        let offset = scan::number_after(payload, br#""offset":"#);
        let (Some(epoch), Some(offset)) = (epoch, offset) else {
            tally.problem(Counter::Failed, "a snapshot without epoch and offset");
            return;
        };
        tally.count(Counter::Joins, 1);
        epoch.clone_into(&mut self.epoch);
        self.left_at = None;
        self.stream = Stream::after(offset);
        let Since::Offset(before) = since else { return };
        tally.count(Counter::Returns, 1);
        match serde_json::from_slice::<Resumed>(payload) {
            Ok(Resumed { ok }) if ok.recovered => {
                let (missed, came) = (offset.saturating_sub(before), ok.comments.len() as u64);
                // What was edited or removed took an offset, too.
                let other = (ok.removed.len() + ok.edited.len()) as u64;
                self.replayed = came;
                tally.count(Counter::Replayed, came);
                tally.count(Counter::Gaps, missed.saturating_sub(came + other));
                tally.count(Counter::Duplicates, came.saturating_sub(missed));
            }
            Ok(_) => tally.problem(Counter::Unrecovered, "the room remembers no further back"),
            Err(error) => tally.problem(Counter::Failed, &format!("an unreadable snapshot: {error}")),
        }
    }
}
