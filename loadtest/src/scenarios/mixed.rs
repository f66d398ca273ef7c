//! A crowd: users come over the ramp, each with a socket, and browse lists, videos, channels and comments, watch at play
//! rate, and those with an account comment and like; a few upload clips that are transcoded meanwhile. Each user's next
//! step is due whether or not the server was slow with the one before. Searching is not part of it yet.

use std::{sync::Arc, time::Duration};

use playhouse_protocol::rest::ReactionKind;
use tokio::time::Instant;

use super::{
    muster::{Member, Muster},
    upload::upload,
    watch::play,
};
use crate::{
    measure::{Choices, Counter, Timer},
    playhouse::{
        rest::{self, Account},
        seat::Seat,
    },
    run::{Run, SETTLE, wait_for},
    schedule::{Arrivals, arrival_of},
};

const DOORS: usize = 256;
/// Uploads a second of all users together: one in ten seconds.
const UPLOADS_PER_S: f64 = 0.1;

pub async fn run(run: &Arc<Run>) -> anyhow::Result<()> {
    let accounts = run.accounts().await?;
    let muster = Muster::new(run.users().len() as u32, DOORS);
    let users = run.users().enumerate().map(|(nth, user)| {
        let (run, member, account) = (run.clone(), muster.member(), accounts.get(nth).cloned());
        async move { Box::pin(live(&run, &member, user, account)).await }
    });
    let uploads = upload_now_and_then(run, &accounts);
    tokio::try_join!(muster.lead(run), run.crowd(users), uploads).map(drop)
}

/// One user, from coming to going.
async fn live(run: &Run, member: &Member, user: u32, account: Option<Account>) -> anyhow::Result<()> {
    let start = member.ready().await;
    let came = start + arrival_of(user, run.plan.users, run.plan.ramp);
    wait_for(came).await;
    let token = account.as_ref().map(|account| account.access_token.as_str());
    let mut choices = run.choices(user);
    let room = run.world.videos[choices.below(run.world.videos.len())].clone();
    let door = member.doors().acquire().await?;
    let mut seat = Seat::open(run, &room, token, came).await?;
    drop(door);
    run.recorder.user_came();
    let mut due = came;
    loop {
        due += choices.pause(run.plan.think);
        if due >= run.end() {
            break;
        }
        seat.listen_until(run, due).await?;
        due += step(run, &mut seat, &mut choices, token, due).await?;
    }
    seat.listen_until(run, run.end()).await?;
    seat.listen_until_answered(run, run.end() + SETTLE).await?;
    seat.listen_during(run, member.quiet()).await?;
    run.recorder.user_went();
    Ok(())
}

/// One thing a user does. Out of a hundred: 20 lists, 20 videos, 8 channels, 12 pages of comments, 10 changes of
/// the room, 15 times watching for half a pause; the rest comments and likes of those who may, and lists of the others.
/// Gives how long it was meant to take.
async fn step(
    run: &Run,
    seat: &mut Seat,
    choices: &mut Choices,
    token: Option<&str>,
    due: Instant,
) -> anyhow::Result<Duration> {
    let videos = &run.world.videos;
    let video = &videos[choices.below(videos.len())];
    match (choices.below(100), token) {
        (0..20, _) => get(run, seat, Timer::List, "/api/v1/videos?sort=newest", due).await?,
        (20..40, _) => get(run, seat, Timer::Video, &format!("/api/v1/videos/{video}"), due).await?,
        (40..48, _) => visit_channel(run, seat, video, due).await?,
        (48..60, _) => {
            get(run, seat, Timer::CommentPage, &format!("/api/v1/videos/{video}/comments"), due).await?;
        }
        (60..70, _) => move_on(run, seat, video, due).await?,
        (70..85, _) => return watch(run, seat, choices, due).await,
        (85..93, Some(_)) => seat.comment(run, due).await?,
        (_, Some(_)) => {
            let reaction = if choices.below(3) == 0 { ReactionKind::None } else { ReactionKind::Like };
            seat.react(run, reaction, due).await?;
        }
        (_, None) => get(run, seat, Timer::List, "/api/v1/videos?limit=50", due).await?,
    }
    Ok(Duration::ZERO)
}

/// A request over HTTP, while the socket goes on being read.
async fn get(run: &Run, seat: &mut Seat, timer: Timer, path: &str, due: Instant) -> anyhow::Result<()> {
    let answer = seat.listen_during(run, run.http.get(path, None)).await?;
    let latency = due.elapsed();
    match answer.and_then(|answer| answer.hoped_for()) {
        Ok(_) => run.recorder.write(|tally| {
            tally.time(timer, latency);
            tally.time(Timer::Rest, latency);
            tally.count(Counter::Requests, 1);
        }),
        Err(reason) => run.recorder.problem(Counter::Failed, &format!("{}: {reason:#}", timer.name())),
    }
    Ok(())
}

async fn visit_channel(run: &Run, seat: &mut Seat, video: &str, due: Instant) -> anyhow::Result<()> {
    match seat.listen_during(run, rest::video(&run.http, video, None)).await? {
        Ok(video) => {
            get(run, seat, Timer::Channel, &format!("/api/v1/channels/{}", video.channel.id), due).await
        }
        Err(reason) => {
            run.recorder.problem(Counter::Failed, &format!("video: {reason:#}"));
            Ok(())
        }
    }
}

/// To another video's room, over the same socket.
async fn move_on(run: &Run, seat: &mut Seat, video: &str, due: Instant) -> anyhow::Result<()> {
    if seat.ears.room != video {
        seat.join(run, video, None, due).await?;
        run.recorder.time(Timer::Join, due.elapsed());
    }
    Ok(())
}

/// Plays the room's video for a while, and says so as the page does.
async fn watch(run: &Run, seat: &mut Seat, choices: &mut Choices, due: Instant) -> anyhow::Result<Duration> {
    let lasts = choices.pause(run.plan.think / 2).min(run.plan.think);
    let (video, end) = (seat.ears.room.clone(), (due + lasts).min(run.end()));
    if let Err(reason) = seat.listen_during(run, play(run, &video, end)).await? {
        run.recorder.problem(Counter::Failed, &format!("playing: {reason:#}"));
    }
    let playback_id = format!("lt-{:x}", (choices.share() * 1e15) as u64);
    seat.watch(run, &playback_id, lasts.as_millis() as u64, due + lasts).await?;
    Ok(lasts)
}

async fn upload_now_and_then(run: &Arc<Run>, accounts: &[Account]) -> anyhow::Result<()> {
    let Some(account) = accounts.first().filter(|_| run.share.index == 0) else { return Ok(()) };
    while run.has_started().is_none() {
        wait_for(Instant::now() + Duration::from_millis(50)).await;
    }
    let choices = run.choices(run.plan.users);
    let arrivals = Arrivals::new(choices, UPLOADS_PER_S, run.plan.ramp, run.plan.duration);
    let uploads = arrivals.enumerate().map(|(nth, at)| {
        let (run, account) = (run.clone(), account.clone());
        async move {
            let due = run.started() + at;
            wait_for(due).await;
            if let Err(reason) = upload(&run, &account, nth, due).await {
                run.recorder.problem(Counter::Failed, &format!("upload: {reason:#}"));
            }
            Ok(())
        }
    });
    run.crowd(uploads).await
}
