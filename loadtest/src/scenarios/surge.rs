//! Everyone wants into one room: sockets open and join at a rate that the server has no say in. In the end the room must
//! show as many viewers as there are.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::muster::{Member, Muster};
use crate::{
    measure::Counter,
    playhouse::seat::Seat,
    run::{Run, wait_for},
    schedule::arrival_of,
};

/// Sockets that may be on their way; those that wait for others do so on their own time.
const DOORS: usize = 512;
const VIEWERS_AFTER_MAX: Duration = Duration::from_secs(5);

pub async fn run(run: &Arc<Run>) -> anyhow::Result<()> {
    let muster = Muster::new(run.users().len() as u32, DOORS);
    let users = run.users().map(|user| join(run.clone(), muster.member(), user));
    let lead = async {
        muster.lead(run).await?;
        if run.share.index == 0 {
            count_viewers(run).await?;
        }
        run.company.meet("counted").await?;
        muster.dismiss();
        anyhow::Ok(())
    };
    tokio::try_join!(lead, run.crowd(users)).map(drop)
}

async fn join(run: Arc<Run>, member: Member, user: u32) -> anyhow::Result<()> {
    let start = member.ready().await;
    let due = start + arrival_of(user, run.plan.users, run.plan.ramp);
    wait_for(due).await;
    let door = member.doors().acquire().await?;
    let mut seat = Seat::open(&run, run.room_of(0), None, due).await?;
    drop(door);
    run.recorder.user_came();
    run.recorder.count(Counter::SeatsIntended);
    seat.listen_until(&run, run.end()).await?;
    seat.listen_during(&run, async {
        member.quiet().await;
        member.dismissed().await;
    })
    .await?;
    run.recorder.user_went();
    Ok(())
}

/// Sits down as one more and waits until the room shows all of us.
async fn count_viewers(run: &Run) -> anyhow::Result<()> {
    let all = u64::from(run.plan.users) + 1;
    let mut seat = Seat::open(run, run.room_of(0), None, Instant::now()).await?;
    let deadline = Instant::now() + VIEWERS_AFTER_MAX;
    while seat.ears.viewers != Some(all) {
        if tokio::time::timeout_at(deadline, seat.listen(run)).await.is_err() {
            let words = format!("the room shows {:?} viewers, {all} sit there", seat.ears.viewers);
            run.recorder.problem(Counter::WrongCounts, &words);
            break;
        }
    }
    Ok(())
}
