//! Transcode jobs: one actor a video that is being made playable. It starts workers, keeps what they made, tells the
//! owner, and tries again what may succeed. The `jobs` and `catalogues` tables are its memory: after a crash it goes
//! on with what is finished. It never touches GStreamer and never decides who may see a video.

mod clearing;
mod copies;
mod demand;
mod errands;
mod fitness;
mod lease;
mod made;
mod material;
mod names;
mod pieces;
mod progress;
mod residence;
mod rows;
mod run;
mod screen;
mod shown;
mod state;
mod step;
mod sweep;
mod turns;
mod wishes;

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

pub use self::{
    copies::Copies,
    errands::Works,
    fitness::Fitness,
    lease::Lease,
    made::{catalogue, source},
    pieces::Board,
    progress::Outlook,
    run::{made_prefix, object_key, quarantine_prefix, source_key, source_prefix},
    screen::{Absence, Finding, Screening},
    state::NewSource,
    turns::{Owner, Turns},
};
use self::{
    made::{Made, made},
    pieces::{Hands, lend_hands},
    residence::{Residence, Running},
    shown::Shown,
    state::{Effect, Standing, VideoChange},
};
use super::{
    directory::{Directory, Failure, LoadError, Myself, Options, Refused, Reply, Resident, Shared},
    ledger::Ledger,
    notices::Notices,
    room::Rooms,
    videos,
};
use crate::{
    backends::{
        bus::SharedBus,
        feeds::Feeds,
        objects::SharedObjects,
        store::{
            Store, StoreResult,
            tables::{
                channel::Channel,
                video::{Job, JobLog, JobState, PendingJob, Video},
            },
        },
    },
    domain::{
        clock::{SharedClock, Timestamp},
        codec::Codec,
        ids::{UserId, VideoId, shard_of},
        video::Stage,
    },
    media::{self, Probe, WorkerOptions},
    telemetry::{Metrics, tasks},
};

/// What every job shares.
pub struct Workshop {
    pub store: Store,
    pub objects: SharedObjects,
    pub feeds: Feeds,
    pub ledger: Ledger,
    pub notices: Notices,
    pub rooms: Rooms,
    /// The bus, where other nodes may be on it.
    pub bus: Option<SharedBus>,
    pub clock: SharedClock,
    pub metrics: Arc<Metrics>,
    pub worker: WorkerOptions,
    pub limits: media::Limits,
    pub ladder: Vec<u32>,
    pub second_codec: Option<Codec>,
    pub attempts_max: u32,
    /// Where workers put their output before it is published.
    pub scratch: PathBuf,
    pub copies: Copies,
    pub turns: Turns,
    pub lease: Lease,
    /// Where pieces are offered to other nodes, if there may be some that can make them.
    pub board: Option<Board>,
    pub works: Works,
    pub fitness: Fitness,
    /// What looks sources through, if anything does.
    pub screening: Option<Screening>,
}

/// The jobs of this node.
#[derive(Clone)]
pub struct Transcodes {
    jobs: Directory<Transcode>,
    workshop: Arc<Workshop>,
    hands: Option<Hands>,
    closing: CancellationToken,
}

impl Transcodes {
    pub fn open(workshop: Workshop, options: Options, shared: Shared) -> Self {
        let workshop = Arc::new(workshop);
        let board = workshop.board.clone().filter(|_| workshop.works == Works::Here);
        let hands = board.map(|board| lend_hands(workshop.clone(), board));
        let jobs = Directory::open(Transcode { workshop: workshop.clone() }, options, shared);
        let closing = CancellationToken::new();
        let transcodes = Self { jobs, workshop, hands, closing };
        errands::answer(&transcodes);
        transcodes
    }

    /// Writes the job of a video whose source is in place, and begins it. Asking again changes nothing.
    pub async fn enqueue(&self, video: &VideoId, owner: &UserId) -> StoreResult<()> {
        let store = &self.workshop.store;
        store.put(pending(video, owner)).await?;
        let job = Job {
            video_id: video.clone(),
            state: JobState::Queued,
            stage: Stage::Queued,
            percent: 0,
            attempts: 0,
            runs: 0,
            plan: None,
            failure: None,
            trial: None,
            refused: None,
            log: JobLog::default(),
            created_at: self.workshop.clock.now(),
            owner: None,
            lease_ends_at: None,
        };
        store.insert_if_absent(job, None).await?;
        // A refusal is made good by the sweep.
        self.nudge(video).await.ok();
        Ok(())
    }

    /// Sees to it that a pending job runs. A refusal is made good by the sweep.
    async fn nudge(&self, video: &VideoId) -> Result<(), Refused> {
        if self.workshop.works == Works::Elsewhere {
            self.workshop.call(video).await;
            return Ok(());
        }
        // Here it waits; others may begin at once.
        if !self.workshop.fitness.is_fit().await {
            self.workshop.call(video).await;
        }
        let nudged = self.jobs.cast(video, Message::Start).await;
        if let Err(refused) = &nudged {
            tracing::warn!(video.id = %video, reason = %refused, "a job could not be started now");
        }
        nudged
    }

    /// What is pending without being there: a crash came between the two rows, or between the two removals.
    async fn mend(&self, pending: &PendingJob) -> StoreResult<()> {
        let store = &self.workshop.store;
        let video = &pending.video_id;
        match store.get::<Video>((video.clone(),), ()).await? {
            Some(known) => self.enqueue(video, &known.owner_id).await,
            None => store.delete::<PendingJob>((pending.shard,), (video.clone(),)).await,
        }
    }

    /// Tries a failed or cancelled job again. `false` when there is nothing to try again.
    pub async fn retry(&self, video: &VideoId) -> Result<bool, Refused> {
        self.jobs.call(video, Message::Retry).await
    }

    /// How far a job is. One that another node works on is known as far as it is written down.
    pub async fn outlook(&self, row: &Job) -> Result<Outlook, Refused> {
        match self.jobs.call_if_resident(&row.video_id, Message::Outlook).await? {
            Some(outlook) => Ok(outlook),
            None => {
                let state = rows::state(&self.workshop, row.clone(), Made::default());
                Ok(state.outlook(self.workshop.clock.now()))
            }
        }
    }

    /// Tries a file that is in its place; it becomes the video's once something of it plays. `false` while another is
    /// tried; asking again for the same changes nothing.
    pub async fn replace(&self, video: &VideoId, owner: &UserId, new: NewSource) -> Result<bool, Refused> {
        let ask = || {
            let new = new.clone();
            self.jobs.call(video, |reply| Message::Replace(new, reply))
        };
        match ask().await {
            // A crash came between the video's row and the job's.
            Err(Refused::Absent) => {
                let enqueued = self.enqueue(video, owner).await;
                enqueued.map_err(|error| Refused::Unavailable(error.to_string()))?;
                ask().await
            }
            other => other,
        }
    }

    /// `false` when the job had ended.
    pub async fn cancel(&self, video: &VideoId) -> Result<bool, Refused> {
        self.jobs.call(video, Message::Cancel).await
    }

    /// Stops the job and removes all that it made and knew.
    pub async fn remove(&self, video: &VideoId) -> Result<(), Refused> {
        match self.jobs.call(video, Message::Remove).await {
            Err(Refused::Absent) => Ok(()),
            other => other,
        }
    }

    /// Stops workers and waits; what is finished is kept, the rest is done again at the next start.
    pub async fn close(&self, deadline: Duration) -> usize {
        self.closing.cancel();
        if let Some(hands) = &self.hands {
            hands.close(deadline).await;
        }
        self.jobs.close(deadline).await
    }
}

fn pending(video: &VideoId, owner: &UserId) -> PendingJob {
    PendingJob { shard: shard_of(video.as_str()), video_id: video.clone(), owner_id: owner.clone() }
}

struct Transcode {
    workshop: Arc<Workshop>,
}

pub enum Message {
    Start,
    Probed {
        run: u32,
        probe: Box<Probe>,
    },
    Made {
        run: u32,
        event: Box<media::Event>,
    },
    Ended {
        run: u32,
        outcome: Result<(), media::Failure>,
    },
    RetryDue,
    /// The lease wants to be renewed.
    Renew,
    Retry(Reply<bool>),
    Replace(NewSource, Reply<bool>),
    Cancel(Reply<bool>),
    Remove(Reply<()>),
    Outlook(Reply<Outlook>),
    /// Another node may have taken the job over.
    Look,
}

impl Resident for Transcode {
    const KIND: &'static str = "transcode";
    type Key = VideoId;
    type Message = Message;
    type State = Residence;

    async fn load(&self, myself: Myself<Self>, key: &VideoId) -> Result<Residence, LoadError> {
        let store = &self.workshop.store;
        let unavailable =
            |error: crate::backends::store::StoreError| LoadError::Unavailable(error.to_string());
        let job = store.get::<Job>((key.clone(),), ()).await.map_err(unavailable)?;
        let video = store.get::<Video>((key.clone(),), ()).await.map_err(unavailable)?;
        let (Some(job), Some(video)) = (job, video) else { return Err(LoadError::Absent) };
        let channel = store.get::<Channel>((video.channel_id.clone(),), ()).await.map_err(unavailable)?;
        let pays = channel.is_some_and(|channel| channel.pays == Some(true));
        let made = made(store, key).await.map_err(unavailable)?;
        let shown = Shown::new(self.workshop.metrics.clone(), job.state);
        let listening = CancellationToken::new();
        if let Some(board) = &self.workshop.board {
            let said = pieces::overhear(board, key, myself.clone(), listening.clone());
            said.await.map_err(|error| LoadError::Unavailable(error.to_string()))?;
        }
        Ok(Residence {
            state: rows::state(&self.workshop, job, made),
            video: key.clone(),
            owner: Owner { account: video.owner_id, pays },
            myself,
            running: Vec::new(),
            pauses: 0,
            held_until: Timestamp(0),
            renews: false,
            hands_over: false,
            removal: Vec::new(),
            shown,
            _listening: listening.drop_guard(),
        })
    }

    async fn handle(&self, job: &mut Residence, message: Message) -> Result<(), Failure> {
        let (effects, answer) = self.decide(job, message).await?;
        for effect in effects {
            self.perform(job, effect).await?;
        }
        // Whoever asked reads the row next.
        if let Some((reply, done)) = answer {
            reply.send(done);
        }
        match job.removal.is_empty() {
            true => {
                self.clear(job).await?;
                self.leave_to_others(job).await;
                Ok(())
            }
            false if job.running.is_empty() => self.remove(job).await,
            false => Ok(()),
        }
    }

    fn is_idle(&self, job: &Residence) -> bool {
        !job.is_busy()
    }

    async fn unload(&self, job: &mut Residence) {
        if !job.state.is_settled() && job.removal.is_empty() {
            self.release(job).await;
        }
    }
}

type Decided = (Vec<Effect>, Option<(Reply<bool>, bool)>);

impl Transcode {
    /// What a message leads to, and what whoever asked is told when that is done.
    async fn decide(&self, job: &mut Residence, message: Message) -> Result<Decided, Failure> {
        let now = self.workshop.clock.now();
        let mut answer = None;
        let effects = match message {
            Message::Start | Message::RetryDue if self.workshop.works == Works::Elsewhere => {
                job.pauses = 0;
                Vec::new()
            }
            Message::Start if job.is_busy() || job.state.is_settled() => Vec::new(),
            Message::Start if !self.workshop.fitness.is_fit().await => {
                job.wait_until_fit();
                Vec::new()
            }
            Message::Start if !self.claim(job, now).await? => Vec::new(),
            Message::Start => job.state.start(now),
            Message::Probed { run, probe } => {
                job.forget(run);
                job.state.on_probed(run, *probe, now)
            }
            Message::Made { run, event } => job.state.on_event(run, &event, now, rand::random()),
            Message::Ended { run, outcome } => {
                job.forget(run);
                match outcome {
                    Ok(()) => job.state.on_step_finished(run, now),
                    Err(failure) => job.state.on_failed(run, in_domain(failure), now, rand::random()),
                }
            }
            Message::RetryDue => {
                job.pauses = job.pauses.saturating_sub(1);
                self.resume(job, now).await?
            }
            Message::Outlook(reply) => {
                reply.send(job.state.outlook(now));
                Vec::new()
            }
            Message::Look => {
                if !job.running.is_empty() {
                    self.save_job(job, job.state.row()).await?;
                }
                Vec::new()
            }
            Message::Renew => {
                self.renew(job).await?;
                Vec::new()
            }
            Message::Retry(reply) => {
                let effects = self.retry(job, now).await?;
                answer = Some((reply, !effects.is_empty()));
                effects
            }
            Message::Replace(new, reply) => {
                let effects = self.replace(job, new, now).await?;
                answer = Some((reply, effects.is_some()));
                effects.unwrap_or_default()
            }
            Message::Cancel(reply) => {
                let effects = self.cancel(job, now).await?;
                answer = Some((reply, !effects.is_empty()));
                effects
            }
            Message::Remove(reply) => {
                let effects = self.cancel(job, now).await?;
                job.removal.push(reply);
                effects.into_iter().filter(|effect| *effect == Effect::StopWorkers).collect()
            }
        };
        Ok((effects, answer))
    }

    async fn perform(&self, job: &mut Residence, effect: Effect) -> Result<(), Failure> {
        match effect {
            Effect::Run(run) => self.start_worker(job, *run),
            Effect::SaveJob(row) => {
                if matches!(row.state, JobState::Running | JobState::Queued) {
                    self.mark_pending(job).await?;
                }
                self.save_job(job, *row).await?;
            }
            Effect::SaveCatalogue(catalogue) => self.save_catalogue(job, &catalogue).await?,
            Effect::SaveVideo(change) => self.save_video(&job.video, change).await?,
            Effect::Publish => {
                let Workshop { store, feeds, clock, .. } = &*self.workshop;
                videos::publish(store, feeds, &job.video, clock.now()).await?;
            }
            Effect::Tell => self.tell_owner(job).await,
            Effect::RetryAfter(pause) => job.pause(pause),
            // A run's last message says when its worker is gone.
            Effect::StopWorkers => job.running.iter().for_each(|running| running.cancel.cancel()),
            Effect::HandOver => job.hands_over = true,
            // Until nothing is left of a file that had to go, a start must find the job.
            Effect::Settle if job.state.standing() != Standing::NoTrial => {}
            Effect::Settle => self.settle(&job.video).await?,
        }
        Ok(())
    }

    fn start_worker(&self, job: &mut Residence, run: step::Run) {
        let cancel = CancellationToken::new();
        job.running.push(Running {
            run: run.number,
            cancel: cancel.clone(),
            _guard: cancel.clone().drop_guard(),
        });
        // In the order in which they are begun, which that of their tasks need not be.
        let place = self.workshop.turns.ask(demand::of(&run.step, &job.owner));
        let source = job.state.source().cloned();
        let (video, owner) = (job.video.clone(), job.owner.clone());
        let scratch = format!("{video}-{}", run.number);
        let order = run::Order { video, owner, source, run, cancel, scratch };
        let (workshop, myself) = (self.workshop.clone(), job.myself.clone());
        drop(tasks::spawn("transcode-run", run::run(workshop, order, place, myself)));
    }
}

fn in_domain(failure: media::Failure) -> crate::domain::video::Failure {
    crate::domain::video::Failure {
        code: failure.code.as_str().into(),
        detail: failure.detail,
        retryable: failure.retryable,
    }
}
