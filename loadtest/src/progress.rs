//! The line a person watches while a run goes on: once a second in a terminal, every five seconds in a log.

use std::{
    io::{IsTerminal, Write, stderr},
    time::Duration,
};

use tokio::time::Instant;

use crate::measure::Second;

const LOG_EVERY: u32 = 5;

pub struct Progress {
    terminal: bool,
    silent: bool,
    shown: u32,
    last: Option<(Instant, Duration)>,
}

impl Default for Progress {
    fn default() -> Self {
        Self { terminal: stderr().is_terminal(), silent: false, shown: 0, last: None }
    }
}

impl Progress {
    pub fn silent() -> Self {
        Self { silent: true, ..Self::default() }
    }

    /// Cores this process used since the last time it was asked.
    pub fn cores_since_last(&mut self, cpu: Duration) -> f64 {
        let now = Instant::now();
        let last = self.last.replace((now, cpu));
        last.map_or(0.0, |(then, before)| {
            (cpu - before).as_secs_f64() / (now - then).as_secs_f64().max(0.001)
        })
    }

    pub fn show(&mut self, second: &Second, started: bool, errors: u64) {
        self.shown += 1;
        if self.silent || (!self.terminal && self.shown % LOG_EVERY != 1) {
            return;
        }
        let at = if started { format!("{:4.0} s", second.at_s) } else { "set-up".to_owned() };
        let line = format!(
            "{at}  {:>6} users  {:>7} op/s  {:>8} deliveries/s  p50 {:>7.1} ms  p99 {:>7.1} ms  {errors} errors  client {:.2} cores",
            second.users,
            second.operations,
            second.deliveries,
            second.p50_ms,
            second.p99_ms,
            second.client_cores,
        );
        let end = if self.terminal { "" } else { "\n" };
        let start = if self.terminal { "\r\x1b[K" } else { "" };
        // Nobody to read it is no reason to stop.
        drop(write!(stderr(), "{start}{line}{end}"));
    }

    pub fn end(&self) {
        if self.terminal && !self.silent {
            eprintln!();
        }
    }
}
