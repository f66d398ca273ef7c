//! The same people in front of rooms whose store is slow, refuses, and applies what it then says it has not: in this
//! process, since only here can the store be given such habits. Rooms are drained again and again meanwhile, which is
//! what a restart is to them. Subscriptions and votes are left to the runs with kills.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use playhouse::{
    actors::{
        admission::{Bounds, Gate},
        directory::Shared,
        notices::Notices,
        room::{
            self, NewComment, RoomContext, RoomError, RoomHandle, Rooms, WatchedFor,
            history::{ListComments, Selection, list_comments},
            viewer_key,
        },
    },
    backends::{
        bus,
        store::{self, Store},
        tallies::Tallies,
    },
    domain::{
        access::Roles,
        account::Identity,
        clock::{Clock, SystemClock, Timestamp},
        ids::{ChannelId, UserId, VideoId},
        reaction,
    },
    telemetry::{Metrics, tasks},
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    diary::{Ack, Diary},
    ground::{Ground, User},
    habits::{Habits, Moody},
    intent::{Intent, Intents},
    life::{self, Outcome, Way},
    ready_video::ready_video,
    rows::{self, Shown},
    served::random::{Random, setting},
    verdict,
};

const PEOPLE: usize = 16;
const VIDEOS: usize = 4;
const STORE_DEADLINE: Duration = Duration::from_millis(250);

struct House {
    rooms: Rooms,
    store: Store,
    moody: Moody,
    videos: Vec<VideoId>,
    people: Vec<Identity>,
    _folder: tempfile::TempDir,
}

impl House {
    async fn start(seed: u64, habits: Habits) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(SystemClock);
        let moody = Moody::new(seed, habits);
        let store = store::open("embedded:", folder.path(), clock.clone()).await.expect("a store");
        let store = store.decorated(|engine| moody.around(engine));
        let metrics = Metrics::new();
        let wide = Bounds { messages_max: 1_000_000, bytes_max: 1 << 30 };
        let gate = Gate::new(wide, metrics.commands_in_flight_bytes.clone());
        let options = room::Options {
            store_deadline: STORE_DEADLINE,
            flush_interval: Duration::from_millis(5),
            retry_pause: Duration::from_millis(20),
            view_window: Duration::from_secs(604_800),
            ..room::Options::default()
        };
        let context = RoomContext {
            store: store.clone(),
            tallies: Tallies::new(store.clone()),
            clock: clock.clone(),
            metrics: metrics.clone(),
            notices: Notices::new(bus::embedded(clock.clone())),
            shared_bus: None,
            options: Arc::new(options),
        };
        let rooms = Rooms::open(context, Shared { gate, registry: Arc::default(), metrics });
        let people: Vec<_> = (0..PEOPLE).map(|number| identity(number, clock.now())).collect();
        let videos: Vec<_> = (0..VIDEOS).map(|_| VideoId::new(clock.now())).collect();
        for id in &videos {
            let (owner, channel) = (people[0].user_id.clone(), people[0].channel_id.clone());
            store.put(ready_video(id.clone(), owner, channel, clock.now())).await.expect("a stored video");
        }
        Self { rooms, store, moody, videos, people, _folder: folder }
    }

    fn ground(&self) -> Ground {
        let user = |who: &Identity| User { id: who.user_id.to_string(), token: String::new() };
        Ground {
            users: self.people.iter().map(user).collect(),
            channels: Vec::new(),
            videos: self.videos.iter().map(ToString::to_string).collect(),
        }
    }

    /// What is shown of each video.
    async fn shown(&self) -> Vec<Shown> {
        let mut all = Vec::new();
        for video in &self.videos {
            let counts = self.rooms.of(video).counts().await.expect("a store that is well");
            let count = |number: u64| i64::try_from(number).expect("a small number");
            let mut shown = Shown {
                likes: count(counts.likes),
                dislikes: count(counts.dislikes),
                views: count(counts.views),
                comments: count(counts.comments),
                ..Shown::default()
            };
            let mut cursor = None;
            loop {
                let query = ListComments { selection: Selection::Newest, limit: 100, cursor };
                let page = list_comments(&self.store, video, query).await.expect("a store that is well");
                for item in page.items {
                    if shown.texts.insert(item.id.clone(), item.text).is_some() {
                        shown.twice.push(item.id);
                    }
                }
                cursor = page.next_cursor;
                if cursor.is_none() {
                    break;
                }
            }
            all.push(shown);
        }
        all
    }
}

fn identity(number: usize, now: Timestamp) -> Identity {
    Identity {
        user_id: UserId::new(now),
        channel_id: ChannelId::new(now),
        username: format!("person{number}"),
        display_name: format!("Person {number}"),
        roles: Roles::of_new_account(),
        expires_at: now.plus(Duration::from_secs(3_600)),
    }
}

/// Straight to the rooms.
struct Door {
    rooms: Rooms,
    videos: Vec<VideoId>,
    who: Identity,
}

impl Door {
    async fn ask(&self, intent: &Intent, id: Option<&str>) -> Result<Ack, RoomError> {
        let who = self.who.clone();
        match intent {
            Intent::React { video, reaction } => {
                let asked = reaction.value().and_then(reaction::Reaction::from_value);
                let totals = self.rooms.of(&self.videos[*video]).react(who, asked).await?;
                let said = serde_json::to_value(totals.reaction).expect("a word");
                Ok(Ack::Reaction(said.as_str().unwrap_or_default().to_owned()))
            }
            Intent::View { video, playback } => {
                let viewer_key = viewer_key(Some(&who), "");
                let playback_id = playback.parse().expect("an id");
                let watched = WatchedFor { viewer: Some(who), viewer_key, playback_id, watched_ms: 20_000 };
                Ok(Ack::Counted(self.rooms.of(&self.videos[*video]).view(watched).await?))
            }
            Intent::Comment { video, text, key } => {
                let (text, key) = (text.clone(), key.clone());
                let new = NewComment { who, text, at_ms: None, parent_id: None, key };
                let posted = self.rooms.of(&self.videos[*video]).comment(new).await?;
                Ok(Ack::Comment { id: posted.comment.id, text: posted.comment.text })
            }
            Intent::Edit { text, .. } => {
                let id = id.expect("a comment").parse().expect("an id");
                let comment = self.of_comment(&id).edit(&id, who, text).await?.comment;
                Ok(Ack::Comment { id: comment.id, text: comment.text })
            }
            Intent::Remove { .. } => {
                let id = id.expect("a comment").parse().expect("an id");
                self.of_comment(&id).remove(&id, who).await.map(|()| Ack::Nothing)
            }
            Intent::Subscribe { .. } => Ok(Ack::Nothing),
            Intent::Vote { option } => Ok(Ack::Voted(Some(*option as u64))),
        }
    }

    fn of_comment(&self, id: &playhouse::domain::ids::CommentId) -> RoomHandle {
        self.rooms.of(&id.location().expect("a comment's id").0)
    }
}

impl Way for Door {
    async fn attempt(&mut self, intent: &Intent, comment: Option<&str>) -> Outcome {
        match self.ask(intent, comment).await {
            Ok(ack) => Outcome::Done(ack),
            Err(RoomError::Unavailable(_) | RoomError::Busy) => Outcome::Unknown,
            Err(RoomError::NotFound) => Outcome::Gone,
            Err(error) => Outcome::Refused(error.to_string()),
        }
    }
}

/// People act for so long; then the store is well again, and everything has to fit.
async fn run(habits: Habits, lasts: Duration) {
    let seed = setting("FIRE_SEED").unwrap_or(1);
    eprintln!("FIRE_SEED={seed} {habits:?}");
    let house = House::start(seed, habits).await;
    let over = CancellationToken::new();
    let door =
        |who: &Identity| Door { rooms: house.rooms.clone(), videos: house.videos.clone(), who: who.clone() };
    house.moody.begin();
    let people: Vec<_> = (0..PEOPLE)
        .map(|number| {
            let intents = Intents::new(seed, number, VIDEOS, 1);
            let way = door(&house.people[number]);
            let life = life::live(way, intents, over.clone(), Duration::from_millis(10), Duration::ZERO);
            tasks::spawn("person", life)
        })
        .collect();
    let drains = keep_draining(&house, seed, lasts).await;
    over.cancel();
    let diaries: Vec<Diary> =
        join_all(people).await.into_iter().map(|diary| diary.expect("it ends")).collect();
    let troubles = house.moody.end();
    assert_eq!(house.rooms.close(Duration::from_secs(20)).await, 0, "a room did not finish");

    let acknowledged: u64 = diaries.iter().map(|diary| diary.acknowledged).sum();
    let unheard: u64 = diaries.iter().map(|diary| diary.unheard).sum();
    eprintln!("{acknowledged} acknowledged, {unheard} never answered, {troubles} troubles, {drains} drains");
    let wrong = compare(&house, &diaries).await;
    assert!(wrong.is_empty(), "FIRE_SEED={seed}: {} things are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(acknowledged > 100 && troubles > 5, "hardly anything happened");
}

async fn keep_draining(house: &House, seed: u64, lasts: Duration) -> usize {
    let mut moments = Random::new(seed ^ 0x00D8_A135);
    let mut drains = 0;
    let draining = async {
        loop {
            sleep(Duration::from_millis(50 + moments.below(300) as u64)).await;
            let video = moments.pick(&house.videos);
            drop(house.rooms.drain(video).await);
            drains += 1;
        }
    };
    drop(tokio::time::timeout(lasts, draining).await);
    drains
}

async fn compare(house: &House, diaries: &[Diary]) -> Vec<String> {
    let (ground, shown) = (house.ground(), house.shown().await);
    let tallies = Tallies::new(house.store.clone());
    let mut wrong: Vec<String> = diaries.iter().flat_map(|diary| diary.wrong.clone()).collect();
    for (video, shown) in shown.iter().enumerate() {
        let totals = [(1, shown.likes), (2, shown.dislikes)];
        wrong.extend(rows::reactions(&tallies, &ground, diaries, video, Some(totals)).await);
        wrong.extend(rows::views(&tallies, &ground, diaries, video, Some(shown.views)).await);
    }
    wrong.extend(verdict::comments_differ(diaries, &shown));
    wrong
}

const WELL: Habits = Habits { slow_ms: 0, refuses: 0, forgets: 0, hangs_ms: 0, hangs: 0 };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_store_makes_nothing_wrong() {
    run(Habits { slow_ms: 30, hangs: 8, hangs_ms: 400, ..WELL }, Duration::from_secs(4)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_applies_and_then_fails_makes_nothing_wrong() {
    run(Habits { slow_ms: 5, refuses: 4, forgets: 6, ..WELL }, Duration::from_secs(4)).await;
}

/// A view whose answer is lost has counted once, and whoever asks again hears so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_playing_is_counted_once_and_said_to_be_when_its_answer_was_lost() {
    for forgets in 0..3 {
        let house = House::start(1, Habits { forgets: 100, ..WELL }).await;
        let video = 0;
        let mut door =
            Door { rooms: house.rooms.clone(), videos: house.videos.clone(), who: house.people[1].clone() };
        let first = Intent::View { video, playback: "first".into() };
        let second = Intent::View { video, playback: "second".into() };
        house.moody.begin_after(forgets);
        drop(door.attempt(&first, None).await);
        house.moody.end();
        house.rooms.drain(&house.videos[video]).await.expect("it drains");
        for (intent, counted) in [(&first, true), (&second, false), (&first, true)] {
            let outcome = door.attempt(intent, None).await;
            assert!(matches!(outcome, Outcome::Done(Ack::Counted(said)) if said == counted), "{intent:?}");
        }
        assert_eq!(house.shown().await[video].views, 1, "after {forgets} writes");
    }
}
