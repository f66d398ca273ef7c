//! Reads everything back when all is well again: what both nodes show of each video, what became of each file, and whether
//! every object has its row and every row its objects.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use playhouse::{
    app,
    backends::{
        objects::{Prefix, SharedObjects, read_all},
        store::{Store, tables::video::Video},
    },
    domain::{clock::SystemClock, ids::VideoId},
};
use reqwest::Client;
use serde_json::Value;
use tokio::time::sleep;

use crate::{field::Field, ground, uploads::Accepted, world::World};

/// How soon nodes show the same once nothing happens any more. Longer than the two seconds that are promised in peace:
/// both may have to start a room again.
const AGREED_WITHIN: Duration = Duration::from_secs(20);
const DONE_WITHIN: Duration = Duration::from_secs(240);
const PAGE: usize = 500;

/// What is shown at each node's own door, until it is the same at all.
pub async fn nodes_agree(world: &World, field: &Field) -> Vec<String> {
    let deadline = Instant::now() + AGREED_WITHIN;
    loop {
        let mut shown = Vec::new();
        for machine in &world.machines {
            shown.push(all_counts(&format!("http://{}", machine.door.addr), &field.ground.videos).await);
        }
        let differ = shown.windows(2).find_map(|pair| first_difference(&pair[0], &pair[1]));
        match differ {
            None => return Vec::new(),
            Some(difference) if Instant::now() > deadline => return vec![difference],
            Some(_) => sleep(Duration::from_millis(200)).await,
        }
    }
}

fn first_difference(one: &[Value], other: &[Value]) -> Option<String> {
    let differ = one.iter().zip(other).find(|(one, other)| one != other)?;
    Some(format!("one node shows {}, the other {}", differ.0, differ.1))
}

async fn all_counts(url: &str, videos: &[String]) -> Vec<Value> {
    let client = Client::new();
    let mut shown = Vec::new();
    for video in videos {
        let answer = get(&client, &format!("{url}/api/v1/videos/{video}")).await;
        let names = ["id", "views", "likes", "dislikes", "comments"];
        shown.push(names.iter().map(|name| (name.to_string(), answer[name].clone())).collect());
    }
    shown
}

async fn get(client: &Client, url: &str) -> Value {
    let answer = client.get(url).timeout(Duration::from_secs(20)).send().await.expect("an answer");
    answer.json().await.expect("JSON")
}

/// What became of the files: each is ready, or failed and says why; and what is ready plays to its end.
pub async fn uploads(world: &World, accepted: &[Accepted]) -> (usize, Vec<String>) {
    let client = Client::new();
    let url = format!("http://{}", world.front);
    let deadline = Instant::now() + DONE_WITHIN;
    let (mut ready, mut wrong) = (0, Vec::new());
    for file in accepted {
        let video = loop {
            let video = get(&client, &format!("{url}/api/v1/videos/{}", file.video)).await;
            let ended = video["status"] == "ready" || video["status"] == "failed";
            if ended || Instant::now() > deadline {
                break video;
            }
            sleep(Duration::from_millis(250)).await;
        };
        match video["status"].as_str() {
            Some("ready") => {
                ready += 1;
                wrong.extend(does_not_play(&client, &url, &file.video).await);
            }
            Some("failed") if video["failure"]["detail"].as_str().is_some_and(|why| !why.is_empty()) => {
                eprintln!("  a file failed: {}", video["failure"]);
            }
            _ => wrong.push(format!("a file never came to an end: {video}")),
        }
    }
    (ready, wrong)
}

/// Every playlist and every segment that they name can be fetched.
async fn does_not_play(client: &Client, url: &str, video: &str) -> Option<String> {
    let playback = get(client, &format!("{url}/api/v1/videos/{video}/playback")).await;
    let Some(hls) = playback["hls"].as_str() else {
        return Some(format!("{video} does not play: {playback}"));
    };
    let base = url::Url::parse(url).expect("a URL").join(hls).expect("an address");
    let mut waiting = vec![base];
    let mut seen = BTreeSet::new();
    while let Some(address) = waiting.pop() {
        if !seen.insert(address.clone()) {
            continue;
        }
        let answer = client.get(address.clone()).timeout(Duration::from_secs(20)).send().await;
        let Ok(answer) = answer else { return Some(format!("{address} is not answered")) };
        if !answer.status().is_success() {
            return Some(format!("{address}: {}", answer.status()));
        }
        if address.path().ends_with(".m3u8") {
            let text = answer.text().await.unwrap_or_default();
            waiting.extend(named_in(&text).filter_map(|name| address.join(name).ok()));
        }
    }
    (seen.len() < 3).then(|| format!("{video} has only {} files", seen.len()))
}

/// Lines that are addresses, and those in `URI="…"`.
fn named_in(playlist: &str) -> impl Iterator<Item = &str> {
    let lines = playlist.lines().filter(|line| !line.is_empty());
    lines.filter_map(|line| match line.strip_prefix('#') {
        None => Some(line),
        Some(tag) => {
            tag.split_once("URI=\"").and_then(|(_, rest)| rest.split_once('"')).map(|(name, _)| name)
        }
    })
}

/// No object without a row, no accepted file without its object. Read while no node runs.
pub async fn objects(world: &World, accepted: &[Accepted]) -> Vec<String> {
    let config = ground::config(&world.machines[0].program);
    let (_, back_ends) =
        app::accounts_alone(&config, std::sync::Arc::new(SystemClock)).await.expect("its data");
    let keys = all_keys(&back_ends.objects).await;
    let mut wrong = Vec::new();
    for video in videos_in(&keys) {
        if !is_known(&back_ends.store, &video).await {
            wrong.push(format!("objects of {video}, which is no video: {:?}", of_video(&keys, &video)));
        }
    }
    for file in accepted {
        let key = format!("sources/{}/original", file.video).parse().expect("a plain key");
        let kept = match back_ends.objects.get(&key, None).await.expect("an object store") {
            Some(object) => read_all(object.body).await.expect("its bytes"),
            None => Vec::new(),
        };
        if kept != file.bytes {
            wrong.push(format!("{key}: {} bytes are kept of {}", kept.len(), file.bytes.len()));
        }
    }
    back_ends.store.close().await.expect("it closes");
    wrong
}

async fn all_keys(objects: &SharedObjects) -> Vec<String> {
    let (mut keys, mut after) = (Vec::new(), None);
    loop {
        let page = objects.list(&Prefix::all(), after.as_ref(), PAGE).await.expect("a list");
        after = page.objects.last().map(|listed| listed.key.clone());
        keys.extend(page.objects.iter().map(|listed| listed.key.to_string()));
        if !page.more {
            return keys;
        }
    }
}

/// The second part of every key but those of the health check.
fn videos_in(keys: &[String]) -> BTreeSet<String> {
    let named = keys.iter().filter(|key| !key.starts_with("health/"));
    named.filter_map(|key| key.split('/').nth(1).map(ToOwned::to_owned)).collect()
}

fn of_video<'a>(keys: &'a [String], video: &str) -> Vec<&'a String> {
    keys.iter().filter(|key| key.contains(video)).collect()
}

async fn is_known(store: &Store, video: &str) -> bool {
    let Ok(id) = video.parse::<VideoId>() else { return false };
    store.get::<Video>((id,), ()).await.expect("the store answers").is_some()
}
