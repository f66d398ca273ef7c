//! One run in one process: what was asked for, who takes part, and where everything is written down. A run has four
//! parts that all processes enter together: preparing, acting, falling silent, checking.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use anyhow::Context;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};

use crate::{
    company::Company,
    measure::{Choices, Counter, Recorder, Timer},
    playhouse::{
        http::Http,
        rest::Account,
        world::{self, World},
    },
    schedule,
};

/// What is to be done, as the command line says it and as workers are told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    pub scenario: Scenario,
    /// `HOST:PORT`.
    pub target: String,
    pub users: u32,
    /// Users with an account, the first of them all.
    pub speakers: u32,
    pub rooms: u32,
    /// Of all users together.
    pub per_s: f64,
    pub duration: Duration,
    pub ramp: Duration,
    /// The mean pause between two things a user does.
    pub think: Duration,
    /// How often a socket that ends is opened again.
    pub returns_max: u32,
    pub text_bytes: usize,
    pub seed: u64,
    pub admin_token: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Scenario {
    /// Seats in rooms read what some of them say.
    Chat,
    /// Players fetch playlists and segments as fast as they show them.
    Watch,
    /// Everyone joins one room at once.
    Surge,
    /// Everyone likes, dislikes and changes their mind about one video.
    Likes,
    /// All seats of a room drop while comments flow, and come back for what they missed.
    Reconnect,
    /// Clips are uploaded, by form and by tus, and waited for.
    Upload,
    /// A crowd that browses, watches, comments, likes and uploads.
    Mixed,
}

/// The part of a run that is done here: this process of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    pub index: u32,
    pub of: u32,
}

pub struct Run {
    pub plan: Plan,
    pub share: Share,
    pub world: World,
    pub http: Arc<Http>,
    pub recorder: Arc<Recorder>,
    pub company: Company,
    started: OnceLock<Instant>,
    silent: OnceLock<Instant>,
}

/// Between everyone being ready and the first thing that happens.
const LEAD_IN: Duration = Duration::from_millis(300);
/// How long answers and events may come after the last thing that was done.
pub const SETTLE: Duration = Duration::from_secs(20);
const LATE_PERIOD: Duration = Duration::from_millis(10);

impl Run {
    pub fn new(
        plan: Plan,
        share: Share,
        world: World,
        http: Arc<Http>,
        recorder: Arc<Recorder>,
        company: Company,
    ) -> Self {
        let (started, silent) = (OnceLock::new(), OnceLock::new());
        Self { plan, share, world, http, recorder, company, started, silent }
    }

    /// The users that are simulated here.
    pub fn users(&self) -> std::ops::Range<u32> {
        schedule::share_of(self.plan.users, self.share.index, self.share.of)
    }

    /// Accounts for those of our users that have one, checked to last for the run.
    pub async fn accounts(&self) -> anyhow::Result<Vec<Account>> {
        let users = self.users();
        let speakers = users.start.min(self.plan.speakers)..users.end.min(self.plan.speakers);
        let admin_token = self.plan.admin_token.as_deref();
        let accounts = world::register(&self.http, &self.recorder, speakers, admin_token).await?;
        let needed_s = self.plan.duration.as_secs() + 2 * SETTLE.as_secs();
        if let Some(account) = accounts.iter().find(|account| account.expires_in_s < needed_s) {
            anyhow::bail!(
                "tokens last {} s and the run {needed_s} s: start the server with PLAYHOUSE__AUTH__ACCESS_TOKEN_TTL_S={}",
                account.expires_in_s,
                2 * needed_s
            );
        }
        Ok(accounts)
    }

    pub fn choices(&self, user: u32) -> Choices {
        Choices::new(self.plan.seed, u64::from(user))
    }

    pub fn room_of(&self, user: u32) -> &str {
        &self.world.videos[user as usize % self.world.videos.len()]
    }

    /// Waits for everyone to be ready and gives the moment from which schedules count.
    pub async fn go(&self) -> anyhow::Result<Instant> {
        self.company.meet("ready").await?;
        Ok(*self.started.get_or_init(|| Instant::now() + LEAD_IN))
    }

    /// The moment from which schedules count; now, when that is not known yet.
    pub fn started(&self) -> Instant {
        self.has_started().unwrap_or_else(Instant::now)
    }

    pub fn has_started(&self) -> Option<Instant> {
        self.started.get().copied()
    }

    pub fn end(&self) -> Instant {
        self.started() + self.plan.duration
    }

    /// Waits until nobody in any process does anything new. What then stands, stands.
    pub async fn all_silent(&self) -> anyhow::Result<()> {
        self.silent.get_or_init(Instant::now);
        self.company.meet("silent").await
    }

    /// From the start to the last answer.
    pub fn acted_for(&self) -> Duration {
        let silent = self.silent.get().copied().unwrap_or_else(Instant::now);
        silent.saturating_duration_since(self.started())
    }

    /// Runs users as tasks until all are done; a user that breaks counts as an error.
    pub async fn crowd<F>(self: &Arc<Self>, users: impl Iterator<Item = F>) -> anyhow::Result<()>
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let mut crowd = JoinSet::new();
        for user in users {
            crowd.spawn(user);
        }
        while let Some(user) = crowd.join_next().await {
            if let Err(reason) = user.context("a simulated user broke")? {
                self.recorder.problem(Counter::Cut, &format!("{reason:#}"));
            }
        }
        Ok(())
    }

    /// Notes how late this process' own timers are, for as long as it is polled.
    pub async fn watch_own_lateness(&self) {
        let mut ticks = interval(LATE_PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            let due = ticks.tick().await;
            if self.has_started().is_some_and(|start| start <= due) && self.silent.get().is_none() {
                self.recorder.time(Timer::ClientLate, due.elapsed());
            }
        }
    }
}

pub async fn wait_for(moment: Instant) {
    sleep_until(moment).await;
}
