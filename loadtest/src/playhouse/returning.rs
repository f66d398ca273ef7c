//! A socket that ended comes back: it joins where it was, and asks again for what was not answered. Comments carry keys and
//! the rest may be asked twice, so that nothing is done twice.

use std::time::Duration;

use playhouse_protocol::realtime::{Op, Rate};
use tokio::time::Instant;

use super::seat::{Seat, What, connect};
use crate::{
    run::{Run, wait_for},
    wire::End,
};

/// How long the way back may be closed.
const BACK_WITHIN: Duration = Duration::from_secs(30);
/// Between two attempts, and before the first where the server could not say how long to stay away.
const PAUSE: Duration = Duration::from_millis(300);

impl Seat {
    /// What is to be told of an end: nothing, as long as the user may come back.
    pub(super) fn or_lose(&mut self, run: &Run, outcome: Result<(), End>) -> Result<(), End> {
        if outcome.is_ok() || self.returns >= run.plan.returns_max {
            return outcome;
        }
        self.returns += 1;
        self.lost_at = Some(Instant::now());
        if !self.ears.epoch.is_empty() {
            self.ears.left_at = Some(self.position());
        }
        self.ears.epoch.clear();
        Ok(())
    }

    /// May be dropped at any await: the next call goes on.
    pub(super) async fn come_back(&mut self, run: &Run) -> Result<(), End> {
        let Some(lost_at) = self.lost_at else { return Ok(()) };
        wait_for(lost_at + self.ears.stay_away.max(PAUSE)).await;
        self.socket = loop {
            match connect(run, self.access_token.as_deref()).await {
                Ok(socket) => break socket,
                Err(reason) if lost_at.elapsed() > BACK_WITHIN => {
                    return Err(End::Broken(format!("it could not come back: {reason:#}")));
                }
                Err(_) => wait_for(Instant::now() + PAUSE).await,
            }
        };
        (self.lost_at, self.ears.stay_away) = (None, Duration::ZERO);
        // Whoever is not there leaves no room.
        let mut again = std::mem::take(&mut self.ears.asked);
        again.retain(|asked| !matches!(asked.what, What::Join(_) | What::Return(_) | What::Other("leave")));
        let (room, since) = (self.ears.room.clone(), self.ears.left_at.clone());
        let what = What::Return(since.as_ref().into());
        let mut frames = vec![self.note(run, Op::Join { room, since, rate: Rate::All }, what, lost_at)?];
        frames.extend(again.iter().map(|asked| asked.frame.to_vec()));
        self.ears.asked.append(&mut again);
        for frame in frames {
            let sent = self.socket.send(&frame).await;
            self.or_lose(run, sent)?;
            if self.lost_at.is_some() {
                break;
            }
        }
        Ok(())
    }
}
