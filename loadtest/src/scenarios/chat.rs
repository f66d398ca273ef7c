//! Seats in rooms: some comment at a common rate, and each must get every comment of its room once and in order.

use std::sync::Arc;

use tokio::time::Instant;

use super::muster::{Member, Muster, Tops};
use crate::{
    measure::Counter,
    playhouse::seat::Seat,
    run::{Run, SETTLE},
    schedule::Arrivals,
};

/// Sockets that open at the same time.
const DOORS: usize = 64;

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
    }
    seat.listen_until(&run, run.end()).await?;
    seat.listen_until_answered(&run, run.end() + SETTLE).await?;
    let tops = seat.listen_during(&run, member.quiet()).await?;
    until_all_is_there(&run, &mut seat, &tops).await
}

/// Opens a seat when there is room at the doors.
pub async fn enter(run: &Run, member: &Member, user: u32, token: Option<&str>) -> anyhow::Result<Seat> {
    let _door = member.doors().acquire().await?;
    let seat = Seat::open(run, run.room_of(user), token, Instant::now()).await?;
    run.recorder.user_came();
    Ok(seat)
}

/// Comments at this user's part of the common rate.
pub async fn talk(run: &Run, seat: &mut Seat, user: u32, start: Instant) -> anyhow::Result<()> {
    let per_s = run.plan.per_s / f64::from(run.plan.speakers.max(1));
    for at in Arrivals::new(run.choices(user), per_s, run.plan.ramp, run.plan.duration) {
        seat.listen_until(run, start + at).await?;
        if seat.may_ask(run) {
            seat.comment(run, start + at).await?;
        }
    }
    Ok(())
}

/// Listens until the seat is where its room is; what has not come by then is missing.
pub async fn until_all_is_there(run: &Run, seat: &mut Seat, tops: &Tops) -> anyhow::Result<()> {
    let top = tops.get(&seat.ears.room).copied().unwrap_or(0);
    let deadline = Instant::now() + SETTLE;
    while seat.ears.stream.offset() < top && Instant::now() < deadline {
        let soon = (Instant::now() + SETTLE / 10).min(deadline);
        match tokio::time::timeout_at(soon, seat.listen(run)).await {
            Ok(heard) => heard?,
            Err(_quiet) => {}
        }
    }
    run.recorder.add(Counter::Missing, top.saturating_sub(seat.ears.stream.offset()));
    run.recorder.user_went();
    Ok(())
}
