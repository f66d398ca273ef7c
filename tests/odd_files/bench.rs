//! One file through the worker, as the job actor does it: probe, then stage by stage, and what cannot be passed
//! through is encoded.

use std::{collections::BTreeSet, path::Path, time::Duration};

use playhouse::media::{
    Catalogue, Event, Failure, Job, Limits, Plan, RenditionId, Stage, Task, WorkerOptions,
    manifest::Beside,
    plan::{Picture, Piece},
    worker,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

const LADDER: [u32; 4] = [1080, 720, 480, 360];
const SILENCE_MAX: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub enum Outcome {
    /// The names of what was made.
    Ready {
        made: Vec<String>,
    },
    Failed(Failure),
    /// Neither, at the deadline.
    Late,
}

fn options() -> WorkerOptions {
    let registry = Path::new(env!("CARGO_TARGET_TMPDIR")).join("gst-registry.bin");
    WorkerOptions {
        silence_max: SILENCE_MAX,
        ..WorkerOptions::new(env!("CARGO_BIN_EXE_playhouse"), registry)
    }
}

/// The first worker makes the registry.
pub async fn warm_up(_: &Path) {
    worker::check(&options(), None, &CancellationToken::new()).await.expect("a worker");
}

pub async fn settle(source: &Path, folder: &Path) -> Outcome {
    let output = tempfile::tempdir_in(folder).expect("a folder");
    let mut catalogue = Catalogue::default();
    match make(source, output.path(), &mut catalogue).await {
        Err(failure) => Outcome::Failed(failure),
        Ok(()) => {
            assert!(
                catalogue.master(&Beside::default()).is_some(),
                "{} is ready and cannot be played",
                source.display()
            );
            let mut made: Vec<String> =
                catalogue.renditions.iter().map(|known| known.id.to_string()).collect();
            made.sort_unstable();
            Outcome::Ready { made }
        }
    }
}

async fn make(source: &Path, output: &Path, catalogue: &mut Catalogue) -> Result<(), Failure> {
    let task =
        |job| Task { source: source.to_owned(), output: output.to_owned(), limits: Limits::default(), job };
    let look = async || worker::probe(&options(), &task(Job::Probe), &CancellationToken::new()).await;
    // As the job does it: one of the files makes GStreamer's demuxer stand still, once in a while.
    let probe = match look().await {
        Err(failure) if failure.retryable => look().await?,
        other => other?,
    };
    catalogue.apply(&Event::Probed { probe: probe.clone() }).expect("a probe follows from nothing");
    let plan = Plan::new(probe.clone(), &LADDER);
    match make_pieces(&plan, &task, catalogue).await {
        Err((Stage::Passthrough, failure)) if failure.retryable && probe.video.is_some() => {
            let encoding = Plan { picture: Picture::Encode, ..plan };
            make_pieces(&encoding, &task, catalogue).await.map_err(|(_, failure)| failure)
        }
        ended => ended.map_err(|(_, failure)| failure),
    }
}

async fn make_pieces(
    plan: &Plan,
    task: &impl Fn(Job) -> Task,
    catalogue: &mut Catalogue,
) -> Result<(), (Stage, Failure)> {
    let mut pieces = plan.pieces();
    pieces.retain(|piece| piece.stage != Stage::Verify);
    catalogue.expect_rungs(plan.rungs().len());
    for piece in &pieces {
        run(&task(piece.job.clone()), catalogue).await.map_err(|failure| (piece.stage, failure))?;
    }
    let shared: BTreeSet<RenditionId> = pieces.iter().flat_map(Piece::shared_renditions).collect();
    for rendition in shared {
        catalogue.apply(&Event::Closed { rendition }).expect("its chunks are all there");
    }
    let verify = task(Job::Verify { made: catalogue.to_verify() });
    let verify = Task { source: verify.output.clone(), ..verify };
    run(&verify, catalogue).await.map_err(|failure| (Stage::Verify, failure))
}

async fn run(task: &Task, catalogue: &mut Catalogue) -> Result<(), Failure> {
    let (sender, mut receiver) = mpsc::channel(8);
    let run = async {
        let sender = sender;
        worker::run(&options(), task, &CancellationToken::new(), &sender).await
    };
    let read = async {
        while let Some(event) = receiver.recv().await {
            catalogue.apply(&event).expect("events in order");
        }
    };
    tokio::join!(run, read).0
}
