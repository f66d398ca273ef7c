//! What rooms of one video say to each other when several nodes have one. The store decides: a comment is durable, and
//! has its offset, before anybody hears of it. A word on the bus only says that there is something to be read, so one that
//! is lost costs time, and what the bus forgets was never the truth. Emoji alone are said themselves: they are stored
//! nowhere, and may be missed.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::{sync::Semaphore, task::JoinHandle, time::Instant};
use tracing::warn;

use super::actor::{Message, Room};
use crate::{
    actors::directory::Myself,
    backends::bus::{BusResult, Delivery, SharedBus},
    domain::ids::VideoId,
    telemetry::tasks,
};

/// How often a room with viewers says how many, though nothing has changed.
pub const SAID_AGAIN_AFTER: Duration = Duration::from_secs(5);
/// A room that was not heard of for so long has no viewers any more: its node is gone.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(15);

/// How things stand in one of the rooms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// Names the room that says it, for as long as it lives.
    pub from: String,
    pub epoch: String,
    /// The newest offset it knows.
    pub head: u64,
    pub viewers: u64,
    /// How often it has written reactions or views.
    pub votes: u64,
    /// How often it was told that the video's row has changed.
    pub changes: u64,
    /// Acts of moderators that it knows of, as the store counts them.
    #[serde(default)]
    pub acts: i64,
    /// How often it has written votes on polls.
    #[serde(default)]
    pub ballots: u64,
}

/// Emoji that were thrown into one of the rooms within a tick.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Burst {
    pub from: String,
    pub thrown: BTreeMap<String, u64>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Said {
    Word(Word),
    Burst(Burst),
}

/// What has become known by a word.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct News {
    pub viewers: bool,
    pub votes: bool,
    pub changes: bool,
    pub ballots: bool,
}

/// The other rooms of a video, as far as they were heard of.
pub struct Siblings {
    bus: Option<SharedBus>,
    topic: String,
    /// How things stand here, and what was said of it last.
    own: Word,
    said: Option<Word>,
    heard: HashMap<String, (Word, Instant)>,
    listening: Option<JoinHandle<()>>,
    room: Myself<Room>,
    /// Emoji are said by one task at a time: a bus that is slow gets fewer of them.
    mouth: Arc<Semaphore>,
}

impl Drop for Siblings {
    fn drop(&mut self) {
        if let Some(listening) = self.listening.take() {
            listening.abort();
        }
    }
}

impl Siblings {
    /// Listens from now on, if there is a bus that others may be on.
    pub async fn listen(
        bus: Option<SharedBus>,
        video: &VideoId,
        name: String,
        room: Myself<Room>,
    ) -> BusResult<Self> {
        let topic = format!("room.{video}");
        let listening = match &bus {
            None => None,
            Some(bus) => {
                let mut subscription = bus.subscribe(&topic).await?;
                let room = room.clone();
                Some(tasks::spawn("room_siblings", async move {
                    loop {
                        let said = match subscription.next().await {
                            Delivery::Missed(_) => Message::Missed,
                            Delivery::Event(event) => match serde_json::from_slice(&event) {
                                Ok(Said::Word(word)) => Message::Heard(word),
                                Ok(Said::Burst(burst)) => Message::Thrown(burst),
                                Err(error) => {
                                    warn!(error.chain = %error, "a room said something that cannot be read");
                                    continue;
                                }
                            },
                        };
                        if room.tell(said).is_err() {
                            return;
                        }
                    }
                }))
            }
        };
        let epoch = String::new();
        let own = Word { from: name, epoch, head: 0, viewers: 0, votes: 0, changes: 0, acts: 0, ballots: 0 };
        let mouth = Arc::new(Semaphore::new(1));
        Ok(Self { bus, topic, own, said: None, heard: HashMap::new(), listening, room, mouth })
    }

    /// Viewers in the other rooms.
    pub fn viewers(&self) -> u64 {
        self.heard.values().map(|(word, _)| word.viewers).sum()
    }

    /// Takes in what another room says; `None` for what this one has said itself.
    pub fn hear(&mut self, word: Word, now: Instant) -> Option<News> {
        if word.from == self.own.from {
            return None;
        }
        let before = self.heard.get(&word.from).map(|(before, _)| before.clone());
        let changed = |part: fn(&Word) -> u64| before.as_ref().map_or(0, part) != part(&word);
        let news = News {
            viewers: changed(|word| word.viewers),
            votes: changed(|word| word.votes),
            changes: changed(|word| word.changes),
            ballots: changed(|word| word.ballots),
        };
        self.heard.insert(word.from.clone(), (word, now));
        Some(news)
    }

    /// Forgets rooms whose nodes are gone. Says whether there were any.
    pub fn forget_silent(&mut self, now: Instant) -> bool {
        let before = self.heard.len();
        self.heard.retain(|_, (_, at)| now.duration_since(*at) < FORGOTTEN_AFTER);
        self.heard.len() < before
    }

    pub fn voted(&mut self) {
        self.own.votes += 1;
    }

    pub fn video_changed(&mut self) {
        self.own.changes += 1;
    }

    pub fn balloted(&mut self) {
        self.own.ballots += 1;
    }

    pub fn acted(&mut self, acts: i64) {
        self.own.acts = acts;
    }

    /// Whether this room itself has said it.
    pub fn is_own(&self, burst: &Burst) -> bool {
        burst.from == self.own.from
    }

    /// Says what was thrown in. Answers how many emoji nobody will hear of, because others are still being said.
    #[must_use]
    pub fn throw(&self, thrown: BTreeMap<String, u64>) -> u64 {
        let Some(bus) = self.bus.clone().filter(|_| !thrown.is_empty()) else { return 0 };
        let Ok(permit) = self.mouth.clone().try_acquire_owned() else { return thrown.values().sum() };
        let (topic, burst) = (self.topic.clone(), Burst { from: self.own.from.clone(), thrown });
        drop(tasks::spawn("room_burst", async move {
            let text = serde_json::to_vec(&Said::Burst(burst)).unwrap_or_default();
            drop(bus.publish(&topic, Bytes::from(text)).await);
            drop(permit);
        }));
        0
    }

    /// Says how things stand, if that has changed since it was said last or is to be said `again`.
    pub fn say(&mut self, epoch: &str, head: u64, viewers: u64, again: Again) {
        let Some(bus) = self.bus.clone() else { return };
        let word = Word { epoch: epoch.to_owned(), head, viewers, ..self.own.clone() };
        if self.said.as_ref() == Some(&word) && again == Again::No {
            return;
        }
        self.said = Some(word.clone());
        let (topic, room) = (self.topic.clone(), self.room.clone());
        drop(tasks::spawn("room_word", async move {
            let text = serde_json::to_vec(&Said::Word(word)).unwrap_or_default();
            if bus.publish(&topic, Bytes::from(text)).await.is_err() {
                drop(room.tell(Message::Unsaid));
            }
        }));
    }

    pub fn are_possible(&self) -> bool {
        self.bus.is_some()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    Yes,
    No,
}
