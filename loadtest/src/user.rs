//! One simulated user in a room: says something now and then, reads everything, and keeps count of both.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use playhouse_protocol::{
    realtime::{Event, Op, Outcome, Posted, Reply, Request},
    rest::Comment,
};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::{
    measure::{Choices, InOrder, Tally},
    socket::{Incoming, Socket},
};

/// How long after the last word a comment may still arrive.
const SETTLE: Duration = Duration::from_secs(10);

/// Comments of one user that may wait for their answer; past it the user holds its tongue.
const UNANSWERED_MAX: usize = 64;

/// What all users of a run have in common.
pub struct Run {
    pub room: String,
    /// Sending times in comments count from here.
    pub start: Instant,
    pub end: Instant,
    /// The mean time between two comments of one user.
    pub pause: Duration,
    /// Comments acknowledged to anyone: what everyone must have in the end.
    pub accepted: AtomicU64,
    /// Users that have no more to say and no answer to wait for.
    pub silent: tokio::sync::Semaphore,
    pub users: u32,
}

pub struct User {
    pub socket: Socket,
    pub order: InOrder,
    pub choices: Choices,
    pub tally: Tally,
    unanswered: HashMap<u64, Instant>,
    next_id: u64,
}

impl User {
    pub fn new(socket: Socket, order: InOrder, choices: Choices) -> Self {
        Self { socket, order, choices, tally: Tally::default(), unanswered: HashMap::new(), next_id: 1 }
    }

    /// Talks until the end of the run, then reads until everything that was accepted has arrived.
    pub async fn run(mut self, run: Arc<Run>) -> Tally {
        if let Err(reason) = self.talk(&run).await {
            self.tally.cut.push(reason);
        }
        self.tally.unanswered = self.unanswered.len() as u64;
        run.silent.add_permits(1);
        let deadline = run.end + SETTLE;
        // Once all are silent the number of accepted comments stands.
        let _all_silent = timeout_at(deadline, self.read_until_all_are_silent(&run)).await;
        while self.tally.cut.is_empty() && self.tally.received < run.accepted.load(Ordering::SeqCst) {
            match timeout_at(deadline, self.socket.next()).await {
                Ok(Ok(frame)) => self.take(frame, &run),
                Ok(Err(reason)) => self.tally.cut.push(reason),
                Err(_) => break,
            }
        }
        self.tally
    }

    async fn talk(&mut self, run: &Run) -> Result<(), String> {
        let mut next_comment = run.start + run.pause.mul_f64(self.choices.share());
        let give_up = run.end + SETTLE;
        loop {
            let talking = next_comment < run.end;
            if !talking && (self.unanswered.is_empty() || Instant::now() > give_up) {
                return Ok(());
            }
            let wake = if talking { next_comment } else { give_up };
            tokio::select! {
                frame = self.socket.next() => self.take(frame?, run),
                () = sleep_until(wake) => {
                    if talking && self.unanswered.len() < UNANSWERED_MAX {
                        self.comment(run).await.map_err(|error| error.to_string())?;
                    }
                    // Between half and one and a half of the mean, so that users do not march in step.
                    next_comment += run.pause.mul_f64(0.5 + self.choices.share());
                }
            }
        }
    }

    async fn comment(&mut self, run: &Run) -> anyhow::Result<()> {
        let (id, now) = (self.next_id, Instant::now());
        self.next_id += 1;
        let text = format!("sent at {} µs: hello everyone", (now - run.start).as_micros());
        let room = run.room.clone();
        self.unanswered.insert(id, now);
        self.socket
            .send(Request { id, op: Op::Comment { room, text, at_ms: None, parent_id: None, key: None } })
            .await
    }

    async fn read_until_all_are_silent(&mut self, run: &Run) {
        loop {
            tokio::select! {
                _all = run.silent.acquire_many(run.users) => return,
                frame = self.socket.next(), if self.tally.cut.is_empty() => match frame {
                    Ok(frame) => self.take(frame, run),
                    Err(reason) => self.tally.cut.push(reason),
                },
            }
        }
    }

    fn take(&mut self, (frame, bytes): (Incoming<Posted>, u64), run: &Run) {
        self.tally.bytes += bytes;
        match frame {
            Incoming::Reply(reply) => self.answered(reply, run),
            Incoming::Event(Event::Comments { items, .. }) => {
                items.iter().for_each(|comment| self.delivered(comment, run));
            }
            Incoming::Event(Event::Bye { code, detail, .. }) => {
                self.tally.cut.push(format!("{code} {detail}"))
            }
            Incoming::Event(_) => {}
        }
    }

    fn answered(&mut self, reply: Reply<Posted>, run: &Run) {
        let Some(sent) = self.unanswered.remove(&reply.re) else { return };
        match reply.outcome {
            Outcome::Ok(_) => {
                self.tally.accepted += 1;
                self.tally.answer.record(sent.elapsed());
                run.accepted.fetch_add(1, Ordering::SeqCst);
            }
            Outcome::Problem(refusal) => *self.tally.refused.entry(refusal.code).or_default() += 1,
        }
    }

    fn delivered(&mut self, comment: &Comment, run: &Run) {
        let offset = comment.id.rsplit_once('-').and_then(|(_, offset)| u64::from_str_radix(offset, 16).ok());
        if !offset.is_some_and(|offset| self.order.accept(offset)) {
            self.tally.repeated += 1;
            return;
        }
        self.tally.received += 1;
        let sent_us =
            comment.text.strip_prefix("sent at ").and_then(|rest| rest.split(' ').next()?.parse().ok());
        if let Some(sent_us) = sent_us {
            let sent = run.start + Duration::from_micros(sent_us);
            self.tally.delivery.record(Instant::now().saturating_duration_since(sent));
        }
    }
}
