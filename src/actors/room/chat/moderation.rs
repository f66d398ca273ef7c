//! Who may speak in a room and when: slow mode and time-outs. Pure. The room keeps a [`Moderation`]; each write gets a
//! [`Hush`], which is as much of it as concerns the authors in that write, and decides with that alone.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use crate::{
    actors::room::{
        error::RoomError,
        plan::{Command, Pending},
    },
    domain::{
        access::{Standing, may_moderate},
        clock::Timestamp,
        ids::{ChannelId, UserId},
    },
};

pub const SLOW_MODE_MAX: Duration = Duration::from_secs(6 * 3_600);
pub const TIME_OUT_MAX: Duration = Duration::from_secs(30 * 24 * 3_600);
/// People silenced in one room at the same time.
pub const SILENCED_LEN_MAX: usize = 5_000;
/// Speakers remembered; of the others the store knows.
const SPEAKERS_LEN_MAX: usize = 10_000;

#[derive(Debug, Default)]
pub struct Moderation {
    slow_mode: Duration,
    silenced: HashMap<UserId, Timestamp>,
    spoke: HashMap<UserId, Timestamp>,
}

impl Moderation {
    pub fn new(slow_mode: Duration, silenced: impl IntoIterator<Item = (UserId, Timestamp)>) -> Self {
        Self { slow_mode, silenced: silenced.into_iter().collect(), spoke: HashMap::new() }
    }

    pub fn slow_mode(&self) -> Duration {
        self.slow_mode
    }

    /// What the store says of it.
    pub fn renew(&mut self, slow_mode: Duration, silenced: impl IntoIterator<Item = (UserId, Timestamp)>) {
        self.slow_mode = slow_mode;
        self.silenced = silenced.into_iter().collect();
        self.spoke.clear();
    }

    pub fn set_slow_mode(&mut self, pause: Duration) {
        self.slow_mode = pause;
    }

    pub fn silence(&mut self, user: UserId, until: Timestamp) {
        self.silenced.insert(user, until);
    }

    pub fn lift(&mut self, user: &UserId) {
        self.silenced.remove(user);
    }

    /// Whether nobody more can be silenced. Forgets those whose time is over.
    pub fn is_full(&mut self, now: Timestamp) -> bool {
        if self.silenced.len() >= SILENCED_LEN_MAX {
            self.silenced.retain(|_, until| *until > now);
        }
        self.silenced.len() >= SILENCED_LEN_MAX
    }

    pub fn is_silenced(&self, user: &UserId, now: Timestamp) -> bool {
        self.silenced.get(user).is_some_and(|until| *until > now)
    }

    /// What the room has seen spoken itself.
    pub fn on_spoken(&mut self, spoken: impl IntoIterator<Item = (UserId, Timestamp)>) {
        if self.spoke.len() >= SPEAKERS_LEN_MAX {
            self.spoke.clear();
        }
        self.spoke.extend(spoken);
    }

    /// Someone has spoken on another node: when, and whether they must wait, the store knows.
    pub fn forget_speaker(&mut self, user: &UserId) {
        self.spoke.remove(user);
    }

    /// What was remembered may be older than what the store knows.
    pub fn forget_speakers(&mut self) {
        self.spoke.clear();
    }

    pub fn hush<T>(&self, channel: &ChannelId, commands: &[Pending<T>]) -> Hush {
        let mut hush = Hush { channel: Some(channel.clone()), slow_mode: self.slow_mode, ..Hush::default() };
        for user in commands.iter().filter_map(|pending| pending.command.speaker()) {
            let pair = |(user, at): (&UserId, &Timestamp)| (user.clone(), *at);
            hush.silenced.extend(self.silenced.get_key_value(user).map(pair));
            hush.spoke.extend(self.spoke.get_key_value(user).map(pair));
        }
        hush
    }
}

/// What one write knows of who may speak.
#[derive(Debug, Clone, Default)]
pub struct Hush {
    pub channel: Option<ChannelId>,
    pub slow_mode: Duration,
    silenced: HashMap<UserId, Timestamp>,
    spoke: HashMap<UserId, Timestamp>,
    /// Moderators whom the channel has appointed.
    free: HashSet<UserId>,
    /// How many acts of moderators it knows of, where those of other nodes may be unknown.
    pub acts: Option<i64>,
    /// It had to ask the store, since there are more.
    pub was_outdated: bool,
}

impl Hush {
    /// Authors of whom the store must be asked before it can be decided.
    pub fn unknown<T>(&self, commands: &[Pending<T>]) -> HashSet<UserId> {
        if self.slow_mode.is_zero() {
            return HashSet::new();
        }
        let bound = commands.iter().filter_map(|pending| match &pending.command {
            Command::Post { author, standing, .. } if !may_moderate(*standing) => Some(&author.id),
            _ => None,
        });
        bound.filter(|user| !self.spoke.contains_key(user)).cloned().collect()
    }

    /// What the store says of the rules, and of those who speak in this write.
    pub fn renew(&mut self, slow_mode: Duration, silenced: impl IntoIterator<Item = (UserId, Timestamp)>) {
        self.slow_mode = slow_mode;
        self.silenced = silenced.into_iter().collect();
        self.spoke.clear();
        self.was_outdated = true;
    }

    /// What the store says of someone.
    pub fn learn(&mut self, user: UserId, is_appointed: Option<Appointed>, spoke_at: Option<Timestamp>) {
        if let Some(Appointed) = is_appointed {
            self.free.insert(user.clone());
        }
        self.spoke.extend(spoke_at.map(|at| (user, at)));
    }

    pub fn check_edit(&self, who: &UserId, at: Timestamp) -> Result<(), RoomError> {
        match self.silenced.get(who) {
            Some(until) if *until > at => Err(RoomError::TimedOut { retry_after_ms: until_ms(*until, at) }),
            _ => Ok(()),
        }
    }

    pub fn check_post(&self, who: &UserId, standing: Standing, at: Timestamp) -> Result<(), RoomError> {
        self.check_edit(who, at)?;
        if self.slow_mode.is_zero() || self.is_free(who, standing) {
            return Ok(());
        }
        match self.spoke.get(who).map(|spoke_at| spoke_at.plus(self.slow_mode)) {
            Some(next) if next > at => Err(RoomError::SlowMode { retry_after_ms: until_ms(next, at) }),
            _ => Ok(()),
        }
    }

    /// Someone has spoken. Returns it, if it is to be remembered.
    pub fn on_posted(
        &mut self,
        who: &UserId,
        standing: Standing,
        at: Timestamp,
    ) -> Option<(UserId, Timestamp)> {
        if self.slow_mode.is_zero() || self.is_free(who, standing) {
            return None;
        }
        self.spoke.insert(who.clone(), at);
        Some((who.clone(), at))
    }

    fn is_free(&self, who: &UserId, standing: Standing) -> bool {
        may_moderate(standing) || self.free.contains(who)
    }
}

/// That the channel has appointed someone.
#[derive(Debug, Clone, Copy)]
pub struct Appointed;

fn until_ms(until: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(until.since(now).as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::account::Author;

    fn post(number: i64, standing: Standing) -> Pending<()> {
        let author = Author {
            id: UserId::new(Timestamp(number)),
            username: format!("user{number}"),
            display_name: String::new(),
        };
        let command =
            Command::Post { author, standing, text: "x".into(), at_ms: None, parent: None, key: None };
        Pending { ticket: (), command, at: Timestamp(0) }
    }

    fn channel() -> ChannelId {
        ChannelId::new(Timestamp(1))
    }

    #[test]
    fn slow_mode_lets_one_speak_again_when_the_pause_is_over() {
        let mut moderation = Moderation::new(Duration::from_secs(10), []);
        let commands = [post(1, Standing::Viewer)];
        let user = commands[0].command.speaker().unwrap().clone();
        let mut hush = moderation.hush(&channel(), &commands);
        assert_eq!(hush.unknown(&commands), HashSet::from([user.clone()]));
        assert_eq!(hush.check_post(&user, Standing::Viewer, Timestamp(1_000)), Ok(()));
        let spoken = hush.on_posted(&user, Standing::Viewer, Timestamp(1_000));
        let wait = |retry_after_ms| Err(RoomError::SlowMode { retry_after_ms });
        assert_eq!(hush.check_post(&user, Standing::Viewer, Timestamp(4_000)), wait(7_000), "in one write");
        moderation.on_spoken(spoken);
        let hush = moderation.hush(&channel(), &commands);
        assert!(hush.unknown(&commands).is_empty());
        assert_eq!(hush.check_post(&user, Standing::Viewer, Timestamp(10_999)), wait(1), "in the next");
        assert_eq!(hush.check_post(&user, Standing::Viewer, Timestamp(11_000)), Ok(()));
        assert_eq!(hush.check_edit(&user, Timestamp(1_001)), Ok(()), "an edit is no new comment");
        moderation.set_slow_mode(Duration::ZERO);
        let hush = moderation.hush(&channel(), &commands);
        assert_eq!(hush.check_post(&user, Standing::Viewer, Timestamp(1_001)), Ok(()));
    }

    #[test]
    fn whoever_moderates_is_not_slowed_down() {
        let moderation = Moderation::new(Duration::from_secs(10), []);
        let commands = [post(1, Standing::Chief), post(2, Standing::Viewer)];
        let [chief, appointed] = [0, 1].map(|n: usize| commands[n].command.speaker().unwrap().clone());
        let mut hush = moderation.hush(&channel(), &commands);
        assert_eq!(hush.unknown(&commands), HashSet::from([appointed.clone()]));
        hush.learn(appointed.clone(), Some(Appointed), Some(Timestamp(0)));
        for (user, standing) in [(chief, Standing::Chief), (appointed, Standing::Viewer)] {
            assert_eq!(hush.on_posted(&user, standing, Timestamp(1)), None);
            assert_eq!(hush.check_post(&user, standing, Timestamp(2)), Ok(()));
        }
    }

    #[test]
    fn who_is_silenced_neither_speaks_nor_edits_until_the_time_is_over() {
        let mut moderation = Moderation::default();
        let commands = [post(1, Standing::Viewer)];
        let user = commands[0].command.speaker().unwrap().clone();
        moderation.silence(user.clone(), Timestamp(500));
        let hush = moderation.hush(&channel(), &commands);
        let wait = Err(RoomError::TimedOut { retry_after_ms: 400 });
        assert_eq!(hush.check_post(&user, Standing::Viewer, Timestamp(100)), wait);
        assert_eq!(hush.check_edit(&user, Timestamp(100)), wait);
        assert_eq!(hush.check_post(&user, Standing::Viewer, Timestamp(500)), Ok(()));
        moderation.lift(&user);
        let hush = moderation.hush(&channel(), &commands);
        assert_eq!(hush.check_post(&user, Standing::Viewer, Timestamp(100)), Ok(()));
    }

    #[test]
    fn only_so_many_are_silenced_at_once() {
        let mut moderation = Moderation::default();
        for n in 0..SILENCED_LEN_MAX {
            assert!(!moderation.is_full(Timestamp(0)));
            moderation.silence(UserId::new(Timestamp(0)), Timestamp(if n == 0 { 5 } else { 9 }));
        }
        assert!(moderation.is_full(Timestamp(4)));
        assert!(!moderation.is_full(Timestamp(5)), "the first one's time is over");
    }
}
