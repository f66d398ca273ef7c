//! What a run finds or makes on the server before it starts: accounts for those who speak, and videos whose rooms they
//! sit in. Videos of earlier runs are used again.

use std::{
    hash::{BuildHasher, RandomState},
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use tokio::{task::JoinSet, time::Instant};

use super::{
    http::Http,
    rest::{self, Account},
    uploads::{self, Clip},
};
use crate::measure::{Recorder, Timer};

/// What makes a video one of ours.
const TITLE: &str = "Load test";
/// Accounts made at once: the server hashes two passwords at a time and lets 64 wait.
const REGISTERING_AT_ONCE: usize = 16;
/// Accounts asked for in one call of the bulk interface.
const BULK: u32 = 1_000;

/// Whether videos of earlier runs may serve again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Videos {
    New,
    OfEarlierRuns,
}

/// The rooms of a run, the same for all processes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct World {
    pub videos: Vec<String>,
    /// Likes of the first video before anyone acted.
    pub likes_before: u64,
}

pub async fn furnish(
    http: &Arc<Http>,
    recorder: &Arc<Recorder>,
    rooms: usize,
    videos: Videos,
) -> anyhow::Result<World> {
    let mut videos = if videos == Videos::New { Vec::new() } else { ours(http, rooms).await? };
    if videos.len() < rooms {
        let owner = register(http, recorder, 0..1, None).await?.pop().context("no account")?;
        let mut clip = Clip::built_in(TITLE);
        for number in videos.len()..rooms {
            clip.title = format!("{TITLE} {number}");
            videos.push(uploads::by_form(http, &owner.access_token, &clip).await?);
        }
        for video in &videos {
            uploads::until_ready(http, video, &owner.access_token).await?;
        }
    }
    let likes_before = match videos.first() {
        Some(video) => rest::video(http, video, None).await?.likes,
        None => 0,
    };
    Ok(World { videos, likes_before })
}

async fn ours(http: &Http, most: usize) -> anyhow::Result<Vec<String>> {
    let mut videos = Vec::new();
    let page = rest::newest(http, 100).await.context("the server cannot be asked for its videos")?;
    let ours = page.items.into_iter().filter(|video| video.title.starts_with(TITLE));
    videos.extend(ours.map(|video| video.id).take(most));
    videos.reverse();
    Ok(videos)
}

/// Accounts for the users of these numbers, in their order: in bulk when the server has that, else one by one.
pub async fn register(
    http: &Arc<Http>,
    recorder: &Arc<Recorder>,
    users: Range<u32>,
    admin_token: Option<&str>,
) -> anyhow::Result<Vec<Account>> {
    // Runs against one server need names of their own; the standard library's hasher is seeded by the system.
    let tag = RandomState::new().hash_one(0) as u32;
    if let Some(admin_token) = admin_token
        && let Some(accounts) = in_bulk(http, recorder, users.clone(), admin_token, tag).await?
    {
        return Ok(accounts);
    }
    let (http, recorder) = (http.clone(), recorder.clone());
    for_each(users, REGISTERING_AT_ONCE, move |number| {
        let (http, recorder) = (http.clone(), recorder.clone());
        async move {
            let began = Instant::now();
            let account = rest::register(&http, &format!("lt-{tag:08x}-{number}")).await?;
            recorder.time(Timer::Registration, began.elapsed());
            Ok(account)
        }
    })
    .await
}

async fn in_bulk(
    http: &Http,
    recorder: &Recorder,
    users: Range<u32>,
    admin_token: &str,
    tag: u32,
) -> anyhow::Result<Option<Vec<Account>>> {
    let mut accounts = Vec::new();
    while accounts.len() < users.len() {
        let count = (users.len() - accounts.len()).min(BULK as usize) as u32;
        let began = Instant::now();
        let prefix = format!("lt-{tag:08x}-{}", users.start as usize + accounts.len());
        match rest::register_in_bulk(http, admin_token, count, &prefix).await? {
            Some(made) => accounts.extend(made),
            None => return Ok(None),
        }
        recorder.time(Timer::Registration, began.elapsed() / count);
    }
    Ok(Some(accounts))
}

/// Does `work` for every number of `numbers`, at most `at_once` at a time, and gives what came of it in their order.
pub async fn for_each<T, F>(
    numbers: Range<u32>,
    at_once: usize,
    work: impl Fn(u32) -> F + Send + Sync + 'static,
) -> anyhow::Result<Vec<T>>
where
    T: Send + 'static,
    F: Future<Output = anyhow::Result<T>> + Send,
{
    let (next, work) = (Arc::new(AtomicU32::new(numbers.start)), Arc::new(work));
    let mut workers = JoinSet::new();
    for _ in 0..at_once.min(numbers.len()) {
        let (next, work, end) = (next.clone(), work.clone(), numbers.end);
        workers.spawn(async move {
            let mut done = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= end {
                    return anyhow::Ok(done);
                }
                done.push((number, work(number).await?));
            }
        });
    }
    let mut all = Vec::with_capacity(numbers.len());
    while let Some(done) = workers.join_next().await {
        all.extend(done.context("a worker broke")??);
    }
    all.sort_by_key(|(number, _)| *number);
    Ok(all.into_iter().map(|(_, done)| done).collect())
}
