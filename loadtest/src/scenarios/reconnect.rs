//! A storm: comments flow, half-way all listening seats lose their sockets at once and come back with their offsets.
//! Each must get exactly what it missed, and then everything that follows.

use std::sync::Arc;

use super::{
    chat::{enter, talk, until_all_is_there},
    muster::{Member, Muster},
};
use crate::{
    measure::Timer,
    playhouse::seat::Seat,
    run::{Run, SETTLE, wait_for},
};

/// Sockets that open at the same time. More would wait in the kernel's accept queue, and lose there, not in the server.
const DOORS: usize = 256;

pub async fn run(run: &Arc<Run>) -> anyhow::Result<()> {
    let accounts = run.accounts().await?;
    let muster = Muster::new(run.users().len() as u32, DOORS);
    let users = run.users().enumerate().map(|(nth, user)| {
        let token = accounts.get(nth).map(|account| account.access_token.clone());
        sit(run.clone(), muster.member(), user, token)
    });
    tokio::try_join!(muster.lead(run), run.crowd(users)).map(drop)
}

async fn sit(run: Arc<Run>, member: Member, user: u32, token: Option<String>) -> anyhow::Result<()> {
    let mut seat = enter(&run, &member, user, token.as_deref()).await?;
    let start = seat.listen_during(&run, member.ready()).await?;
    if token.is_some() {
        talk(&run, &mut seat, user, start).await?;
    } else {
        let storm = start + run.plan.duration / 2;
        seat.listen_until(&run, storm).await?;
        let (room, position) = (seat.ears.room.clone(), seat.position());
        drop(seat);
        wait_for(storm).await;
        let door = member.doors().acquire().await?;
        seat = Seat::resume(&run, &room, None, position, storm).await?;
        drop(door);
        run.recorder.time(Timer::Settle, storm.elapsed());
    }
    seat.listen_until(&run, run.end()).await?;
    seat.listen_until_answered(&run, run.end() + SETTLE).await?;
    let tops = seat.listen_during(&run, member.quiet()).await?;
    until_all_is_there(&run, &mut seat, &tops).await
}
