//! What a job's actor writes, and on what condition: its own row only while the job is this node's, the video's row in
//! one conditional update, nothing of a video that is gone.

use super::{
    Residence, Transcode, VideoChange, Works, Workshop,
    lease::Claim,
    made::{Made, made},
    pending,
    pieces::{OFFERED_MAX, WORD_JOB},
    run,
    state::{DurationChange, Options, State},
};
use crate::{
    actors::{directory::Failure, transcode::Message, videos},
    backends::store::{
        StoreResult,
        tables::{
            upload::Upload,
            video::{Catalogue as CatalogueRow, Job, PendingJob, Piece, Video},
        },
    },
    domain::{
        clock::Timestamp,
        ids::{VideoId, shard_of},
    },
    media::Catalogue,
};

#[derive(Debug, thiserror::Error)]
#[error("another node has taken this job over")]
struct Lost;

/// What is stored of a job, ready to go on.
pub fn state(workshop: &Workshop, job: Job, made: Made) -> State {
    let options = Options {
        ladder: workshop.ladder.clone(),
        second_codec: workshop.second_codec,
        attempts_max: workshop.attempts_max,
        pieces_at_once_max: pieces_at_once_max(workshop),
    };
    State::load(job, made, options)
}

fn pieces_at_once_max(workshop: &Workshop) -> usize {
    match (workshop.works, &workshop.board) {
        (Works::Elsewhere, _) => 0,
        (Works::Here, Some(_)) => workshop.turns.workers() + OFFERED_MAX,
        // One beyond the workers, so that none waits while the next piece is asked for.
        (Works::Here, None) => workshop.turns.workers() + 1,
    }
}

impl Transcode {
    /// Makes the job this node's. `false` while another works on it; then it is looked at again when that lease ends.
    pub async fn claim(&self, job: &mut Residence, now: Timestamp) -> Result<bool, Failure> {
        let lease = self.workshop.lease.clone();
        let claimed = self.workshop.store.update::<Job, _>((job.video.clone(),), move |row| match row {
            None => (None, None),
            Some(row) => match lease.claim(row, now) {
                Claim::Mine(row) => (Some(*row.clone()), Some(Claim::Mine(row))),
                elsewhere => (None, Some(elsewhere)),
            },
        });
        match claimed.await?.ok_or(Lost)? {
            Claim::Mine(row) => self.begin_holding(job, *row).await.map(|()| true),
            Claim::Elsewhere { until } => {
                job.pause(until.since(now));
                Ok(false)
            }
        }
    }

    /// Makes the job this node's whoever works on it.
    pub async fn seize(&self, job: &mut Residence, now: Timestamp) -> Result<(), Failure> {
        let lease = self.workshop.lease.clone();
        let seized = self.workshop.store.update::<Job, _>((job.video.clone(),), move |row| {
            let row = row.map(|row| lease.seize(row, now));
            (row.clone(), row)
        });
        let row = seized.await?.ok_or(Lost)?;
        self.begin_holding(job, row).await?;
        self.say(&job.video).await;
        Ok(())
    }

    /// What another node has done meanwhile is what counts.
    async fn begin_holding(&self, job: &mut Residence, row: Job) -> Result<(), Failure> {
        job.held_until = row.lease_ends_at.unwrap_or_default();
        job.hands_over = false;
        if let Some(board) = self.workshop.board.as_ref().filter(|_| job.running.is_empty()) {
            board.clear(&job.video).await?;
        }
        if !job.state.is_of(&row) {
            let made = made(&self.workshop.store, &job.video).await?;
            job.shown.change(row.state);
            job.state = state(&self.workshop, row, made);
        }
        if !job.renews {
            job.renews = true;
            job.myself.tell_after(self.workshop.lease.renewal(), Message::Renew);
        }
        Ok(())
    }

    /// Whoever else works on it looks whether it is still theirs.
    pub async fn say(&self, video: &VideoId) {
        if let Some(board) = &self.workshop.board {
            board.say(video, WORD_JOB).await;
        }
    }

    /// As long as there is work, the lease goes on.
    pub async fn renew(&self, job: &mut Residence) -> Result<(), Failure> {
        job.renews = false;
        let is_held = job.held_until > Timestamp(0);
        if job.state.is_settled() || !is_held || (job.running.is_empty() && job.pauses == 0) {
            return Ok(());
        }
        self.save_job(job, job.state.row()).await?;
        job.renews = true;
        job.myself.tell_after(self.workshop.lease.renewal(), Message::Renew);
        Ok(())
    }

    pub async fn save_job(&self, job: &mut Residence, row: Job) -> Result<(), Failure> {
        let now = self.workshop.clock.now();
        job.shown.change(row.state);
        let lease = self.workshop.lease.clone();
        let saved = self.workshop.store.update::<Job, _>((job.video.clone(),), move |stored| {
            let row = lease.save(stored.as_ref(), row.clone(), now);
            let is_mine = row.is_some();
            (row, is_mine)
        });
        if !saved.await? {
            return Err(Lost.into());
        }
        job.held_until = now.plus(self.workshop.lease.hold);
        Ok(())
    }

    /// A node that was away for longer than its lease asks first. Over what was made of a file that this job does not
    /// know of nothing is written: then another node has taken the job and replaced the file.
    pub async fn save_catalogue(&self, job: &mut Residence, catalogue: &Catalogue) -> Result<(), Failure> {
        if self.workshop.clock.now() >= job.held_until {
            self.save_job(job, job.state.row()).await?;
        }
        let description = rmp_serde::to_vec_named(catalogue)?;
        let (mine, before) = job.state.sources();
        let row = CatalogueRow { video_id: job.video.clone(), description, source: mine.clone() };
        let saved = self.workshop.store.update::<CatalogueRow, _>((job.video.clone(),), move |stored| {
            let is_known = stored.is_none_or(|stored| [&mine, &before].contains(&&stored.source));
            (is_known.then(|| row.clone()), is_known)
        });
        if saved.await? { Ok(()) } else { Err(Lost.into()) }
    }

    pub async fn save_video(&self, video: &VideoId, change: VideoChange) -> StoreResult<()> {
        let update = self.workshop.store.update::<Video, _>((video.clone(),), move |row| {
            let row = row.map(|row| Video {
                status: change.status,
                stage: change.stage,
                percent: change.percent,
                failure: change.failure.clone(),
                duration_ms: match change.duration {
                    DurationChange::AsBefore => row.duration_ms,
                    DurationChange::Now(duration_ms) => duration_ms,
                },
                ..row
            });
            (row, ())
        });
        update.await?;
        videos::tell_room(&self.workshop.rooms, video).await;
        Ok(())
    }

    pub async fn mark_pending(&self, job: &Residence) -> StoreResult<()> {
        self.workshop.store.put(pending(&job.video, &job.owner.account)).await
    }

    pub async fn settle(&self, video: &VideoId) -> StoreResult<()> {
        self.workshop.store.delete::<PendingJob>((shard_of(video.as_str()),), (video.clone(),)).await
    }

    /// Hands an unfinished job back, so that nobody has to wait for the end of its lease.
    pub async fn release(&self, job: &Residence) {
        let lease = self.workshop.lease.clone();
        let released = self
            .workshop
            .store
            .update::<Job, _>((job.video.clone(),), move |row| (row.and_then(|row| lease.release(row)), ()));
        if let Err(error) = released.await {
            tracing::warn!(video.id = %job.video, error.chain = %error, "a job could not be handed back; its lease ends by itself");
        }
    }

    /// All that was made of the video and known of its job.
    pub async fn remove(&self, job: &mut Residence) -> Result<(), Failure> {
        let store = &self.workshop.store;
        self.workshop.objects.delete_prefix(&run::made_prefix(&job.video)).await?;
        self.workshop.objects.delete_prefix(&run::source_prefix(&job.video)).await?;
        store.delete::<CatalogueRow>((job.video.clone(),), ()).await?;
        if let Some(trial) = job.state.row().trial {
            self.workshop.ledger.forget(&job.owner.account, &trial.file_id).await?;
            store.delete::<Upload>((trial.upload_id,), ()).await?;
        }
        self.settle(&job.video).await?;
        store.delete::<Job>((job.video.clone(),), ()).await?;
        if self.workshop.board.is_some() {
            // Another node may have put a file in its place before it saw that the job is gone.
            self.workshop.objects.delete_prefix(&run::made_prefix(&job.video)).await?;
            store.delete_partition::<Piece>((job.video.clone(),)).await?;
            self.say(&job.video).await;
        }
        job.removal.drain(..).for_each(|reply| reply.send(()));
        job.myself.drain();
        Ok(())
    }
}
