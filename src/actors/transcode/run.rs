//! One run of a worker: waits for its turn, finds the source, starts the child, publishes each file as it comes into
//! place, and tells the job's actor. Files get names of this run, so that a URL never changes its content.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::{fs, sync::mpsc};
use tokio_util::sync::CancellationToken;

use super::{
    Message, Transcode, Workshop,
    material::material,
    names::of_run,
    pieces::{self, here_or_elsewhere, may_be_given},
    screen::screen,
    step::{Run, Step},
    turns::{Full, Owner, Place, Turn},
};
use crate::{
    actors::directory::Myself,
    backends::{
        objects::{ObjectError, ObjectKey, Prefix},
        store::tables::video::{Job, Piece},
    },
    domain::ids::{UploadId, VideoId},
    media::{self, Event, Failure, FailureCode, RenditionId, Task, layout},
    telemetry::Raised,
};

const EVENTS_LEN_MAX: usize = 64;

pub struct Order {
    pub video: VideoId,
    pub owner: Owner,
    /// The upload whose file is worked on; `None` for the one that the video began with.
    pub source: Option<UploadId>,
    pub run: Run,
    pub cancel: CancellationToken,
    /// The folder for what its worker makes.
    pub scratch: String,
}

/// Who is told what comes into place.
pub type Hear<'a> = &'a (dyn Fn(Event) + Send + Sync);

impl Order {
    fn named(&self, rendition: &RenditionId) -> RenditionId {
        of_run(rendition, self.run.generation)
    }

    /// Published by an earlier run of the same chunk: players may have it, so it stays as it is.
    fn is_kept(&self, named: &RenditionId, sequence: u64) -> bool {
        self.run.kept.get(named).is_some_and(|next| sequence < *next)
    }
}

/// Ends with exactly one `Probed` or `Ended`.
pub async fn run(
    workshop: Arc<Workshop>,
    order: Order,
    place: Result<Place, Full>,
    myself: Myself<Transcode>,
) {
    let run = order.run.number;
    let hear = |event: Event| drop(myself.tell(Message::Made { run, event: Box::new(event) }));
    let last_word = match work(&workshop, &order, place, &hear).await {
        Ok(Some(probe)) => Message::Probed { run, probe: Box::new(probe) },
        Ok(None) => Message::Ended { run, outcome: Ok(()) },
        Err(failure) => {
            clean_up_if_gone(&workshop, &order.video).await;
            Message::Ended { run, outcome: Err(failure) }
        }
    };
    // An actor that is gone loads its job anew and starts this run again.
    drop(myself.tell(last_word));
}

async fn work(
    workshop: &Workshop,
    order: &Order,
    place: Result<Place, Full>,
    hear: Hear<'_>,
) -> Result<Option<media::Probe>, Failure> {
    let place = place.map_err(|_| busy())?;
    let place = match &workshop.board {
        Some(board) if may_be_given(order) => here_or_elsewhere(workshop, board, order, place).await?,
        _ => pieces::Place::Here(turn(order, place).await?),
    };
    match place {
        pieces::Place::Here(turn) => {
            let made = work_here(workshop, order, turn, hear).await;
            workshop.metrics.job_pieces.of("here").inc_by(u64::from(made.is_ok()));
            made
        }
        pieces::Place::Elsewhere(outcome) => {
            outcome.events.into_iter().for_each(hear);
            outcome.failure.map_or(Ok(None), Err)
        }
    }
}

/// Makes a piece of a job of another node.
pub async fn make_for_another(
    workshop: &Workshop,
    order: &Order,
    place: Place,
    hear: Hear<'_>,
) -> Result<(), Failure> {
    let turn = turn(order, place).await?;
    work_here(workshop, order, turn, hear).await.map(drop)
}

async fn turn(order: &Order, place: Place) -> Result<Turn, Failure> {
    tokio::select! {
        () = order.cancel.cancelled() => Err(cancelled()),
        turn = place.turn() => Ok(turn),
    }
}

async fn work_here(
    workshop: &Workshop,
    order: &Order,
    turn: Turn,
    hear: Hear<'_>,
) -> Result<Option<media::Probe>, Failure> {
    let output = workshop.scratch.join(&order.scratch);
    let made = work_in(workshop, order, output.clone(), turn, hear).await;
    drop(fs::remove_dir_all(output).await);
    match made {
        Err(failure) => Err(workshop.fitness.reason(failure).await),
        made => made,
    }
}

async fn work_in(
    workshop: &Workshop,
    order: &Order,
    output: PathBuf,
    turn: Turn,
    hear: Hear<'_>,
) -> Result<Option<media::Probe>, Failure> {
    fs::create_dir_all(&output).await.map_err(|error| no_scratch(&error))?;
    let material = tokio::select! {
        () = order.cancel.cancelled() => return Err(cancelled()),
        material = material(workshop, order, &output) => material?,
    };
    let job = match &order.run.step {
        Step::Probe => media::Job::Probe,
        Step::Make(piece) => piece.job.clone(),
    };
    if order.run.step == Step::Probe {
        screen(workshop, order, material.path()).await?;
    }
    let task = Task { source: material.path().to_owned(), output, limits: workshop.limits, job };
    let _turn = turn;
    let began = std::time::Instant::now();
    let working = Raised::of(&workshop.metrics.media_workers);
    let outcome = match order.run.step {
        Step::Probe => media::worker::probe(&workshop.worker, &task, &order.cancel).await.map(Some),
        Step::Make(_) => make(workshop, order, &task, hear).await.map(|()| None),
    };
    drop((working, material));
    let seconds = began.elapsed().as_secs_f64();
    workshop.metrics.job_stage_seconds.of(order.run.step.name()).observe(seconds);
    outcome
}

/// Runs the child and publishes beside it. A file that cannot be published ends the run.
async fn make(workshop: &Workshop, order: &Order, task: &Task, hear: Hear<'_>) -> Result<(), Failure> {
    let (events, mut arrived) = mpsc::channel(EVENTS_LEN_MAX);
    let child = async {
        let outcome = media::run(&workshop.worker, task, &order.cancel, &events).await;
        drop(events);
        outcome
    };
    let publish = async {
        while let Some(event) = arrived.recv().await {
            hear(publish(workshop, order, &task.output, event).await?);
        }
        Ok(())
    };
    // The channel closes when publishing fails, and the child is then killed: its `cancelled` is not the cause.
    let publish = async {
        let outcome: Result<(), Failure> = publish.await;
        if outcome.is_err() {
            order.cancel.cancel();
        }
        outcome
    };
    let (made, published) = tokio::join!(child, publish);
    published.and(made)
}

/// Moves the file an event speaks of to its place; answers with the event in this run's names.
async fn publish(workshop: &Workshop, order: &Order, output: &Path, event: Event) -> Result<Event, Failure> {
    let (file, event) = match event {
        Event::Opened { rendition, track, codec, origin, bandwidth_cap, init_bytes, chunk } => {
            let named = order.named(&rendition);
            // The first chunk's serves all.
            let wanted = chunk.is_none_or(|first| first == 0) && !order.is_kept(&named, 0);
            let names = wanted.then(|| (layout::init(&rendition), layout::init(&named)));
            let rendition = named;
            let event = Event::Opened { rendition, track, codec, origin, bandwidth_cap, init_bytes, chunk };
            (names, event)
        }
        Event::SegmentWritten { rendition, sequence, segment } => {
            let named = order.named(&rendition);
            let wanted = !order.is_kept(&named, sequence);
            let names =
                wanted.then(|| (layout::segment(&rendition, sequence), layout::segment(&named, sequence)));
            (names, Event::SegmentWritten { rendition: named, sequence, segment })
        }
        Event::Closed { rendition } => (None, Event::Closed { rendition: order.named(&rendition) }),
        Event::CandidateWritten { number, .. } => {
            let name = layout::candidate(usize::from(number));
            (Some((name.clone(), name)), event)
        }
        Event::PosterWritten { .. } => (Some((layout::POSTER.into(), layout::POSTER.into())), event),
        Event::SpriteWritten { .. } => (Some((layout::SPRITE.into(), layout::SPRITE.into())), event),
        other => (None, other),
    };
    if let Some((made, published)) = file {
        let key = object_key(&order.video, &published);
        let file = output.join(made);
        let info = workshop.objects.put_file(&key, &file).await.map_err(|error| not_published(&error))?;
        workshop.metrics.object_bytes_written.inc_by(info.size);
    }
    Ok(event)
}

/// Where a file of a video lies in the object store. `name` is one of `media::layout`.
pub fn object_key(video: &VideoId, name: &str) -> ObjectKey {
    key(format!("videos/{video}/{name}"))
}

/// All that was made of a video.
pub fn made_prefix(video: &VideoId) -> Prefix {
    prefix(format!("videos/{video}/"))
}

/// Where a file is kept in which malware was found.
pub fn quarantine_key(video: &VideoId, upload: Option<&UploadId>) -> ObjectKey {
    key(format!("quarantine/{video}/{}", source_name(upload)))
}

pub fn quarantine_prefix(video: &VideoId) -> Prefix {
    prefix(format!("quarantine/{video}/"))
}

pub fn source_prefix(video: &VideoId) -> Prefix {
    prefix(format!("sources/{video}/"))
}

fn key(text: String) -> ObjectKey {
    text.parse().expect("ids and names of the layout are plain")
}

fn prefix(text: String) -> Prefix {
    text.parse().expect("ids are plain")
}

/// Where the file of a video lies in the object store: the one that it began with, or the one that an upload brought to
/// take its place.
pub fn source_key(video: &VideoId, upload: Option<&UploadId>) -> ObjectKey {
    key(format!("sources/{video}/{}", source_name(upload)))
}

fn source_name(upload: Option<&UploadId>) -> &str {
    upload.map_or("original", UploadId::as_str)
}

/// Where several nodes work on a video, one of them may have removed it while another still put a file in its place.
pub async fn clean_up_if_gone(workshop: &Workshop, video: &VideoId) {
    if workshop.board.is_none() || !matches!(workshop.store.get::<Job>((video.clone(),), ()).await, Ok(None))
    {
        return;
    }
    if let Err(error) = workshop.objects.delete_prefix(&made_prefix(video)).await {
        tracing::warn!(video.id = %video, error.chain = %error, "files of a removed video could not be removed");
    }
    if let Err(error) = workshop.store.delete_partition::<Piece>((video.clone(),)).await {
        tracing::warn!(video.id = %video, error.chain = %error, "pieces of a removed video could not be removed");
    }
}

pub(super) fn busy() -> Failure {
    Failure::new(FailureCode::Busy, "too many videos are waiting already")
}

pub(super) fn cancelled() -> Failure {
    Failure::new(FailureCode::Cancelled, "the job was cancelled")
}

pub(super) fn no_scratch(error: &std::io::Error) -> Failure {
    let code = match error.kind() {
        std::io::ErrorKind::StorageFull => FailureCode::NoSpace,
        _ => FailureCode::WorkerFailed,
    };
    Failure::new(code, format!("no folder for the worker's output: {error}"))
}

fn not_published(error: &ObjectError) -> Failure {
    let code = match error {
        ObjectError::NoSpace => FailureCode::NoSpace,
        _ => FailureCode::WorkerFailed,
    };
    Failure::new(code, format!("what was made could not be kept: {error}"))
}
