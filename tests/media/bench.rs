//! A workbench: a folder, a source, and the real worker run over it as the job actor does.

use std::{
    cmp::Reverse,
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use playhouse::domain::codec::Codec;
use playhouse::media::{
    Catalogue, Event, Failure, Job, Limits, Plan, Probe, RenditionId, Stage, Task, WorkerOptions,
    plan::Piece, rendition::Rendition, worker,
};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub struct Bench {
    pub folder: TempDir,
}

/// What became of a source.
pub struct Made {
    pub probe: Probe,
    pub catalogue: Catalogue,
    pub events: Vec<Event>,
    pub output: PathBuf,
}

/// What ffmpeg says of a rendition's bytes.
#[derive(Debug)]
pub struct Decoded {
    pub frames: usize,
    /// Presentation times of all frames relative to the first one, in microseconds.
    pub times_us: Vec<i64>,
    /// Presentation times of keyframes relative to the first frame, in milliseconds.
    pub keyframes_ms: Vec<i64>,
}

pub fn options() -> WorkerOptions {
    let registry = Path::new(env!("CARGO_TARGET_TMPDIR")).join("gst-registry.bin");
    WorkerOptions::new(env!("CARGO_BIN_EXE_playhouse"), registry)
}

impl Bench {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn task(&self, source: &Path, job: Job) -> Task {
        let output = self.path().join("output");
        fs::create_dir_all(&output).expect("a writable folder");
        Task { source: source.to_owned(), output, limits: Limits::default(), job }
    }

    pub async fn probe(&self, source: &Path) -> Result<Probe, Failure> {
        worker::probe(&options(), &self.task(source, Job::Probe), &CancellationToken::new()).await
    }

    /// One job; its events in order.
    pub async fn run(&self, source: &Path, job: Job) -> (Result<(), Failure>, Vec<Event>) {
        let task = self.task(source, job);
        run_with(&options(), &task, &CancellationToken::new()).await
    }

    /// The whole plan of a source, stage by stage.
    pub async fn make(&self, source: &Path) -> Made {
        self.make_in(source, None).await
    }

    /// In a second codec too.
    pub async fn make_in(&self, source: &Path, second_codec: Option<Codec>) -> Made {
        let probe = self.probe(source).await.expect("a good source");
        let mut catalogue = Catalogue::default();
        let mut all = vec![Event::Probed { probe: probe.clone() }];
        let plan = Plan::new(probe.clone(), &[1080, 720, 480, 360]).with_second_codec(second_codec);
        // Later chunks first: what comes out may not depend on the order.
        let mut pieces = plan.pieces();
        pieces.sort_by_key(|piece| (piece.stage, Reverse(piece.chunk.index)));
        pieces.retain(|piece| piece.stage != Stage::Verify);
        for piece in &pieces {
            let (ended, events) = self.run(source, piece.job.clone()).await;
            ended.unwrap_or_else(|failure| panic!("{}: {failure}", piece.name()));
            all.extend(events);
        }
        let shared: BTreeSet<RenditionId> = pieces.iter().flat_map(Piece::shared_renditions).collect();
        all.extend(shared.into_iter().map(|rendition| Event::Closed { rendition }));
        catalogue.expect_rungs(plan.rungs().len());
        for event in &all {
            catalogue.apply(event).expect("events in order");
        }
        let folder = self.path().join("output");
        let (verified, _) = self.run(&folder, Job::Verify { made: catalogue.to_verify() }).await;
        verified.expect("what was made plays");
        Made { probe, catalogue, events: all, output: self.path().join("output") }
    }
}

pub async fn run_with(
    options: &WorkerOptions,
    task: &Task,
    cancel: &CancellationToken,
) -> (Result<(), Failure>, Vec<Event>) {
    let (sender, mut receiver) = mpsc::channel(8);
    let run = async {
        let sender = sender;
        worker::run(options, task, cancel, &sender).await
    };
    let read = async {
        let mut events = Vec::new();
        while let Some(event) = receiver.recv().await {
            events.push(event);
        }
        events
    };
    tokio::join!(run, read)
}

impl Made {
    pub fn rendition(&self, name: &str) -> &Rendition {
        let id = RenditionId::parse(name).expect("a rendition's name");
        self.catalogue.find(&id).unwrap_or_else(|| panic!("there is no {name}"))
    }

    /// The names of all renditions, sorted.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.catalogue.renditions.iter().map(|known| known.id.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// Init and segments as one file. Their sizes must be those reported.
    pub fn join(&self, name: &str) -> PathBuf {
        let rendition = self.rendition(name);
        assert!(rendition.is_complete(), "{name} is complete");
        let folder = self.output.join(name);
        let mut bytes = fs::read(folder.join("init.mp4")).expect("an init segment");
        assert_eq!(bytes.len() as u64, rendition.init_bytes);
        for (sequence, segment) in rendition.segments.iter().enumerate() {
            let part = fs::read(folder.join(format!("seg{sequence:05}.m4s"))).expect("a segment");
            assert_eq!(part.len() as u64, segment.bytes);
            bytes.extend(part);
        }
        let joined = self.output.join(format!("{name}.mp4"));
        fs::write(&joined, bytes).expect("a writable folder");
        joined
    }

    /// Decodes a rendition with ffmpeg, which must not complain.
    pub fn decode(&self, name: &str) -> Decoded {
        let joined = self.join(name);
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(["-v", "error", "-i"]).arg(&joined);
        // Else it complains of frames that come at no even rate.
        ffmpeg.args(["-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "null", "-"]);
        let decoded = output(&mut ffmpeg);
        assert_eq!(decoded.1, "", "ffmpeg complains about {name}");
        let entries = ["-v", "error", "-show_entries", "packet=pts_time,flags", "-of", "csv=p=0"];
        let (packets, _) = output(Command::new("ffprobe").args(entries).arg(&joined));
        let mut times: Vec<(i64, bool)> = packets.lines().filter_map(packet).collect();
        times.sort_unstable();
        let first = times.first().map_or(0, |(at_us, _)| *at_us);
        let keys = times.iter().filter(|(_, key)| *key);
        let keyframes_ms = keys.map(|(at_us, _)| (at_us - first + 500) / 1000).collect();
        let times_us = times.iter().map(|(at_us, _)| at_us - first).collect();
        Decoded { frames: times.len(), times_us, keyframes_ms }
    }

    pub fn duration_ms(&self, name: &str) -> i64 {
        i64::try_from(self.rendition(name).duration_ns() / 1_000_000).expect("a short clip")
    }
}

fn packet(line: &str) -> Option<(i64, bool)> {
    let (time, flags) = line.split_once(',')?;
    let seconds: f64 = time.parse().ok()?;
    Some(((seconds * 1_000_000.0).round() as i64, flags.contains('K')))
}

/// What a command says, on stdout and stderr. It must succeed.
pub fn output(command: &mut Command) -> (String, String) {
    let output = command.output().expect("ffmpeg is installed");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let (said, complained) = (text(output.stdout), text(output.stderr));
    assert!(output.status.success(), "{command:?}: {complained}");
    (said, complained)
}
