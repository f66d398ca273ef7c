//! Players: each fetches the playlists of a video and then its segments as fast as they would be shown, over and over
//! until the run ends. A segment that comes later than it lasts is a stall.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use hyper::{Request, body::Bytes};
use tokio::time::Instant;

use crate::{
    measure::{Counter, Timer},
    playhouse::{
        media::{self, Playlist, Segment},
        rest,
    },
    run::{Run, wait_for},
    schedule::arrival_of,
};

/// A playlist that claims to last shorter than this would be fetched without a pause.
const SHORTEST: Duration = Duration::from_millis(200);

pub async fn run(run: &Arc<Run>) -> anyhow::Result<()> {
    let start = run.go().await?;
    let users = run.users().map(|user| {
        let run = run.clone();
        async move {
            let due = start + arrival_of(user, run.plan.users, run.plan.ramp);
            wait_for(due).await;
            run.recorder.user_came();
            while Instant::now() < run.end() {
                if let Err(reason) = play(&run, run.room_of(user), run.end()).await {
                    run.recorder.problem(Counter::Failed, &format!("playing: {reason:#}"));
                    wait_for(Instant::now() + Duration::from_secs(1)).await;
                }
            }
            run.recorder.user_went();
            Ok(())
        }
    });
    run.crowd(users).await?;
    run.all_silent().await
}

/// Plays a video from its start, again and again, until `end`.
pub async fn play(run: &Run, video: &str, end: Instant) -> anyhow::Result<()> {
    let playlist = tune_in(run, video).await?;
    let mut due = Instant::now();
    loop {
        for segment in &playlist.segments {
            wait_for(due.min(end)).await;
            if Instant::now() >= end {
                return Ok(());
            }
            fetch(run, segment, due).await?;
            due += segment.lasts.max(SHORTEST);
        }
    }
}

/// What a player asks before the first picture.
async fn tune_in(run: &Run, video: &str) -> anyhow::Result<Playlist> {
    let asked = Instant::now();
    let playback = rest::playback(&run.http, video).await?;
    run.recorder.time(Timer::Playback, asked.elapsed());
    run.recorder.count(Counter::Requests);
    let master = playlist(run, &playback.hls).await?;
    let variant = media::variants(&playback.hls, &master).into_iter().next().context("no variant")?;
    let playlist = media::playlist(&variant, &playlist(run, &variant).await?);
    anyhow::ensure!(!playlist.segments.is_empty(), "a playlist without segments");
    if let Some(init) = &playlist.init {
        let bytes = run.http.get(init, None).await?.hoped_for()?.body;
        run.recorder.add(Counter::BytesMedia, bytes.len() as u64);
    }
    Ok(playlist)
}

async fn playlist(run: &Run, path: &str) -> anyhow::Result<String> {
    let asked = Instant::now();
    let body = run.http.get(path, None).await?.hoped_for()?.body;
    run.recorder.write(|tally| {
        tally.time(Timer::Playlist, asked.elapsed());
        tally.count(Counter::Playlists, 1);
        tally.count(Counter::BytesMedia, body.len() as u64);
    });
    String::from_utf8(body.into()).context("a playlist that is no text")
}

async fn fetch(run: &Run, segment: &Segment, due: Instant) -> anyhow::Result<()> {
    let mut request = Request::get(&segment.path);
    if let Some(range) = &segment.range {
        request = request.header("range", range);
    }
    let body = run.http.call(request, None, Bytes::new()).await?.hoped_for()?.body;
    let latency = due.elapsed();
    run.recorder.write(|tally| {
        tally.time(Timer::Segment, latency);
        tally.count(Counter::Segments, 1);
        tally.count(Counter::BytesMedia, body.len() as u64);
        tally.count(Counter::Stalls, u64::from(latency > segment.lasts.max(SHORTEST)));
    });
    Ok(())
}
