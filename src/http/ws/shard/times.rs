//! What a shard does because time has passed: it pings, cuts those who are silent or take nothing, has sessions rest
//! and tokens looked at.

use std::{task::Context, time::Duration};

use playhouse_protocol::realtime::CloseCode;
use tokio::time::Instant;

use super::{
    ending::slow,
    hall::Hall,
    sitting::{Phase, Sitting},
    wheel::Step,
};
use crate::{
    actors::seat::{Close, Opcode, control_frame},
    http::ws::Options,
};

/// The options, in steps of the wheel.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    step: Duration,
    pub ping: Step,
    pub pong: Step,
    pub write: Step,
    pub rest: Step,
    pub end: Step,
}

impl Pace {
    pub fn of(options: &Options) -> Self {
        let steps = |duration| steps(duration, options.step);
        Self {
            step: options.step,
            ping: steps(options.ping_interval),
            pong: steps(options.pong_deadline),
            write: steps(options.write_deadline),
            rest: steps(options.session_rest_after),
            end: steps(options.close_deadline),
        }
    }

    pub fn steps(&self, duration: Duration) -> Step {
        steps(duration, self.step)
    }
}

/// Rounded up, and at least one.
fn steps(duration: Duration, step: Duration) -> Step {
    let steps = duration.as_micros().div_ceil(step.as_micros().max(1)).max(1);
    Step::try_from(steps).unwrap_or(Step::MAX / 2)
}

impl Hall {
    pub(super) fn turn_wheel(&mut self, cx: &mut Context<'_>) {
        while self.next_step.as_mut().poll(cx).is_ready() {
            // A shard that was held up does not make up for steps it has missed.
            let next = (self.next_step.deadline() + self.pace.step).max(Instant::now());
            self.next_step.as_mut().reset(next);
            self.count_waiting();
            let now = self.wheel.now() + 1;
            for slot in self.wheel.turn() {
                if let Some(sitting) = self.sitting(slot).filter(|sitting| sitting.times.look == now) {
                    sitting.times.look = Step::MAX;
                    self.look_at_the_time(slot);
                }
            }
        }
    }

    /// Has a seat looked at by then at the latest.
    pub(super) fn look_by(&mut self, slot: u32, due: Step) {
        if self.sitting(slot).is_some_and(|sitting| due < sitting.times.look) {
            self.look_at_step(slot, due);
        }
    }

    fn look_at_step(&mut self, slot: u32, due: Step) {
        let look = self.wheel.schedule(slot, due);
        if let Some(sitting) = self.sitting(slot) {
            sitting.times.look = look;
        }
    }

    fn look_at_the_time(&mut self, slot: u32) {
        let (now, pace) = (self.wheel.now(), self.pace);
        let Some(sitting) = self.slots[slot as usize].as_mut() else { return };
        if sitting.phase != Phase::Open {
            if now >= sitting.times.closing + pace.end {
                sitting.abandon();
                return self.leaving.push(slot);
            }
            let due = sitting.times.closing + pace.end;
            return self.look_at_step(slot, due);
        }
        if let Some(close) = overdue(sitting, now, &pace) {
            return self.close(slot, &close);
        }
        if now >= sitting.times.token_ends && sitting.session.check_token() {
            // Asked once: it closes the seat, or names the end of another token.
            sitting.times.token_ends = Step::MAX;
            sitting.times.asked = now;
        }
        if now >= sitting.times.asked + pace.rest {
            sitting.session.rest();
        }
        if now >= sitting.times.pinged + pace.ping {
            sitting.times.pinged = now;
            sitting.times.pong_by = sitting.times.pong_by.min(now + pace.pong);
            if sitting.send(&control_frame(Opcode::Ping, b""), &mut self.written).is_err() {
                return self.leaving.push(slot);
            }
        }
        let due = due(sitting, &pace);
        self.look_at_step(slot, due);
    }
}

fn overdue(sitting: &Sitting, now: Step, pace: &Pace) -> Option<Close> {
    if sitting.waits() > 0 && now >= sitting.times.wrote + pace.write {
        return Some(slow());
    }
    (now >= sitting.times.pong_by).then(|| Close::new(CloseCode::GoingAway, "no answer to a ping"))
}

/// When the next of its deadlines is.
fn due(sitting: &Sitting, pace: &Pace) -> Step {
    let times = &sitting.times;
    let mut due = (times.pinged + pace.ping).min(times.token_ends).min(times.pong_by);
    if sitting.session.is_awake() {
        due = due.min(times.asked + pace.rest);
    }
    if sitting.waits() > 0 {
        due = due.min(times.wrote + pace.write);
    }
    due
}
