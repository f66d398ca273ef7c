//! Clips are uploaded at a rate, by form and by tus in turn, and each is waited for until it plays.

use std::sync::Arc;

use anyhow::ensure;
use tokio::time::Instant;

use crate::{
    measure::{Counter, Timer},
    playhouse::{
        rest::Account,
        uploads::{self, Clip},
    },
    run::{Run, wait_for},
    schedule::Arrivals,
};

pub async fn run(run: &Arc<Run>) -> anyhow::Result<()> {
    let accounts: Arc<[Account]> = run.accounts().await?.into();
    ensure!(!accounts.is_empty() || run.share.index > 0, "nobody has an account to upload with");
    let start = run.go().await?;
    let per_s = if accounts.is_empty() { 0.0 } else { run.plan.per_s / f64::from(run.share.of) };
    let choices = run.choices(run.share.index);
    let arrivals = Arrivals::new(choices, per_s, run.plan.ramp, run.plan.duration);
    let uploads = arrivals.enumerate().map(|(nth, at)| {
        let (run, accounts) = (run.clone(), accounts.clone());
        async move {
            wait_for(start + at).await;
            run.recorder.user_came();
            let uploaded = upload(&run, &accounts[nth % accounts.len()], nth, start + at).await;
            run.recorder.user_went();
            if let Err(reason) = uploaded {
                run.recorder.problem(Counter::Failed, &format!("upload: {reason:#}"));
            }
            Ok(())
        }
    });
    run.crowd(uploads).await?;
    wait_for(run.end()).await;
    run.all_silent().await
}

/// One clip, from the moment it was due until it plays.
pub async fn upload(run: &Run, account: &Account, nth: usize, due: Instant) -> anyhow::Result<()> {
    let clip = Clip::built_in(&format!("Uploaded by a load test, {nth}"));
    let token = &account.access_token;
    // A form that breaks off begins anew, which a server may rightly take for another video.
    let id = if nth.is_multiple_of(2) && run.http.repeats == 0 {
        uploads::by_form(&run.http, token, &clip).await?
    } else {
        uploads::by_tus(&run.http, token, &clip).await?
    };
    run.recorder.time(Timer::Upload, due.elapsed());
    run.recorder.count(Counter::Uploads);
    let accepted = Instant::now();
    uploads::until_ready(&run.http, &id, token).await?;
    run.recorder.time(Timer::Playable, accepted.elapsed());
    run.recorder.count(Counter::Playable);
    Ok(())
}
