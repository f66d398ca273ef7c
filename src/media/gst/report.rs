//! The worker's voice: events as JSON lines on stdout, from any thread, and the position that heartbeats
//! carry. A full pipe makes the speaking thread wait, which holds the pipeline back: that is wanted.

use std::{
    io::Write,
    sync::{
        Mutex,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
};

use crate::media::protocol::Event;

#[derive(Default)]
pub struct Reporter {
    speaking: Mutex<()>,
    percent: AtomicU8,
    position_ms: AtomicU64,
    /// What earlier passes of the same job have done.
    before_ms: AtomicU64,
}

impl Reporter {
    pub fn tell(&self, event: &Event) {
        let mut line = serde_json::to_vec(event).expect("an event has string keys only");
        line.push(b'\n');
        let _turn = self.speaking.lock().expect("speaking does not panic");
        let mut stdout = std::io::stdout().lock();
        if stdout.write_all(&line).and_then(|()| stdout.flush()).is_err() {
            // Nobody listens, so nobody wants the work.
            std::process::exit(1);
        }
    }

    /// One pass of several is done; positions of the next one count from there.
    pub fn advance(&self, duration_ms: u64) {
        self.before_ms.fetch_add(duration_ms, Ordering::Relaxed);
    }

    /// Called every half second with where the work stands in the source.
    pub fn heartbeat(&self, position_ms: u64, duration_ms: u64) {
        let position_ms = position_ms + self.before_ms.load(Ordering::Relaxed);
        let position_ms = self.position_ms.fetch_max(position_ms, Ordering::Relaxed).max(position_ms);
        self.tell(&Event::Heartbeat { position_ms });
        let percent = (position_ms * 100).checked_div(duration_ms).unwrap_or(0).min(99);
        let percent = u8::try_from(percent).unwrap_or(99);
        if self.percent.fetch_max(percent, Ordering::Relaxed) < percent {
            self.tell(&Event::Progress { percent });
        }
    }
}
