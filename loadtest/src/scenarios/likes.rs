//! Everyone reacts to one video at a common rate, changing their mind now and then. In the end the video must have
//! exactly the likes that the last acknowledged wishes say.

use std::{sync::Arc, time::Duration};

use playhouse_protocol::rest::ReactionKind;
use tokio::time::{Instant, sleep};

use super::{
    chat::enter,
    muster::{Member, Muster},
};
use crate::{
    measure::{Counter, Tally},
    playhouse::rest,
    run::{Run, SETTLE},
    schedule::Arrivals,
};

const DOORS: usize = 64;
/// Acknowledged is durable, but a read may lag.
const EXACT_AFTER_MAX: Duration = Duration::from_secs(5);

pub async fn run(run: &Arc<Run>) -> anyhow::Result<()> {
    let accounts = run.accounts().await?;
    let muster = Muster::new(run.users().len() as u32, DOORS);
    let users = run
        .users()
        .zip(accounts)
        .map(|(user, account)| react(run.clone(), muster.member(), user, account.access_token));
    tokio::try_join!(muster.lead(run), run.crowd(users)).map(drop)
}

async fn react(run: Arc<Run>, member: Member, user: u32, token: String) -> anyhow::Result<()> {
    let mut seat = enter(&run, &member, user, Some(&token)).await?;
    let start = seat.listen_during(&run, member.ready()).await?;
    let per_s = run.plan.per_s / f64::from(run.plan.users);
    let mut choices = run.choices(user + run.plan.users);
    for at in Arrivals::new(run.choices(user), per_s, run.plan.ramp, run.plan.duration) {
        seat.listen_until(&run, start + at).await?;
        let reaction = match choices.below(10) {
            0..5 => ReactionKind::Like,
            5..7 => ReactionKind::Dislike,
            _ => ReactionKind::None,
        };
        if seat.may_ask(&run) {
            seat.react(&run, reaction, start + at).await?;
        }
    }
    seat.listen_until(&run, run.end()).await?;
    seat.listen_until_answered(&run, run.end() + SETTLE).await?;
    if seat.ears.reaction == ReactionKind::Like {
        run.recorder.count(Counter::LikesIntended);
    }
    seat.listen_during(&run, member.quiet()).await?;
    run.recorder.user_went();
    Ok(())
}

pub async fn check(run: &Run, all: &mut Tally) -> anyhow::Result<()> {
    let intended = run.world.likes_before + all.of(Counter::LikesIntended);
    let deadline = Instant::now() + EXACT_AFTER_MAX;
    loop {
        let likes = rest::video(&run.http, run.room_of(0), None).await?.likes;
        if likes == intended {
            return Ok(());
        }
        if Instant::now() > deadline {
            all.problem(Counter::WrongCounts, &format!("{likes} likes, {intended} were acknowledged"));
            return Ok(());
        }
        sleep(Duration::from_millis(100)).await;
    }
}
