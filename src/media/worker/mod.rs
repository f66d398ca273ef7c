//! The parent's side of `playhouse media-worker`: starts the child, hands it its task, passes its events on,
//! kills it when it falls silent or is no longer wanted. One call is one child. The transcode job actor calls
//! [`run`] from a task of its own; retries, back-off and how many run at once are its business.

mod spawner;

use std::{
    ffi::OsString,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStderr, ChildStdout, Command},
    sync::mpsc,
    time::{Instant, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{
    failure::{Failure, FailureCode},
    probe::Probe,
    protocol::{Event, Guards, Job, Task},
};
use crate::domain::codec::Codec;

/// An event is far below this; more is a child gone mad.
const LINE_MAX_BYTES: u64 = 64 * 1024;
const STDERR_KEPT_BYTES: usize = 4096;
/// How long a child may take to end after its last word.
const EXIT_MAX: Duration = Duration::from_secs(10);

/// How children are started and watched.
#[derive(Debug, Clone)]
pub struct WorkerOptions {
    /// Usually `std::env::current_exe()`.
    pub program: PathBuf,
    /// What makes the program a worker.
    pub arguments: Vec<OsString>,
    /// GStreamer's list of plugins: one file for all children, made by the first of them ([`check`] at boot).
    pub gst_registry: PathBuf,
    /// A child whose position stands still for this long is killed.
    pub silence_max: Duration,
}

impl WorkerOptions {
    pub fn new(program: impl Into<PathBuf>, gst_registry: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            arguments: vec!["media-worker".into()],
            gst_registry: gst_registry.into(),
            silence_max: Duration::from_secs(60),
        }
    }
}

/// What the machine has of what media needs: for `doctor` and for readiness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Equipment {
    pub gstreamer: String,
    /// Elements that are not installed, each with the Debian package that has it.
    pub missing: Vec<String>,
    /// What of the walls around a worker is in force.
    pub guards: Guards,
}

/// Does one task to its end. Events arrive in the order in which their files came into place, heartbeats
/// left out; `Done` and `Failed` are this call's answer instead. A full channel makes the child wait. A
/// closed one, or `cancel`, kills it and answers `cancelled`. Dropping the future kills the child, too.
pub async fn run(
    options: &WorkerOptions,
    task: &Task,
    cancel: &CancellationToken,
    events: &mpsc::Sender<Event>,
) -> Result<(), Failure> {
    let mut child =
        spawner::spawn(command(options, task)).await.map_err(|error| not_started(options, &error))?;
    let stdout = child.stdout.take().expect("stdout is piped");
    let stderr = child.stderr.take().expect("stderr is piped");
    let mut last_words = Vec::new();
    let watched = async {
        tell(&mut child, task).await?;
        listen(stdout, options.silence_max, events).await
    };
    let heard = tokio::select! {
        biased;
        () = cancel.cancelled() => Err(Ending::Cancelled),
        heard = watched => heard,
        never = keep_tail(stderr, &mut last_words) => match never {},
    };
    let ends_itself = matches!(heard, Ok(()) | Err(Ending::Silent | Ending::Failed(_)));
    let status = if ends_itself { wait_for_end(&mut child).await } else { None };
    let status = if status.is_none() { kill(&mut child).await } else { status };
    heard.map_err(|ending| ending.into_failure(options, status, &String::from_utf8_lossy(&last_words)))
}

/// Probes a source.
pub async fn probe(
    options: &WorkerOptions,
    task: &Task,
    cancel: &CancellationToken,
) -> Result<Probe, Failure> {
    let probed = |event| if let Event::Probed { probe } = event { Some(probe) } else { None };
    ask(options, task, cancel, probed).await.map_err(|failure| match failure.code {
        // Looking at a few frames takes little of anything, so it is the file that does this.
        FailureCode::Crashed => Failure { retryable: false, ..failure },
        _ => failure,
    })
}

/// Starts a child that only looks around. The first one on a machine takes a second, because it makes the
/// registry; do it at boot.
pub async fn check(
    options: &WorkerOptions,
    second_codec: Option<Codec>,
    cancel: &CancellationToken,
) -> Result<Equipment, Failure> {
    let task = Task {
        source: PathBuf::new(),
        output: PathBuf::new(),
        limits: super::Limits::default(),
        job: Job::Check { second_codec },
    };
    let checked = |event| match event {
        Event::Checked { gstreamer, missing, guards } => Some(Equipment { gstreamer, missing, guards }),
        _ => None,
    };
    ask(options, &task, cancel, checked).await
}

/// Runs a job that has one answer.
async fn ask<T>(
    options: &WorkerOptions,
    task: &Task,
    cancel: &CancellationToken,
    answer: impl Fn(Event) -> Option<T>,
) -> Result<T, Failure> {
    let (sender, mut receiver) = mpsc::channel(4);
    let listen = async {
        let mut found = None;
        while let Some(event) = receiver.recv().await {
            found = answer(event).or(found);
        }
        found
    };
    let run = async {
        let sender = sender;
        run(options, task, cancel, &sender).await
    };
    let (ended, found) = tokio::join!(run, listen);
    ended?;
    found.ok_or_else(|| Failure::new(FailureCode::WorkerFailed, "the worker ended without an answer"))
}

/// Nothing of the server's environment reaches a process that decodes hostile input, but what loading and
/// debugging need.
fn command(options: &WorkerOptions, task: &Task) -> Command {
    const KEPT: [&str; 8] = [
        "PATH",
        "LD_LIBRARY_PATH",
        "LANG",
        "RUST_BACKTRACE",
        "GST_DEBUG",
        "GST_PLUGIN_PATH",
        "GST_PLUGIN_SYSTEM_PATH",
        "GST_PLUGIN_SYSTEM_PATH_1_0",
    ];
    let mut command = Command::new(&options.program);
    command.args(&options.arguments).env_clear();
    command.envs(KEPT.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command
        .env("GST_REGISTRY", &options.gst_registry)
        .env("GST_REGISTRY_FORK", "no")
        // The one folder it may write to.
        .env("TMPDIR", &task.output)
        .env(super::gst::PARENT_VARIABLE, std::process::id().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

fn not_started(options: &WorkerOptions, error: &std::io::Error) -> Failure {
    let program = options.program.display();
    Failure::new(FailureCode::WorkerDied, format!("the media worker {program} cannot be started: {error}"))
}

async fn tell(child: &mut Child, task: &Task) -> Result<(), Ending> {
    let mut line = serde_json::to_vec(task).expect("a task has string keys only");
    line.push(b'\n');
    let mut stdin = child.stdin.take().expect("stdin is piped");
    match timeout(EXIT_MAX, stdin.write_all(&line)).await {
        Ok(Ok(())) => Ok(()),
        // It died before it listened; how is known from its exit.
        Ok(Err(_)) | Err(_) => Err(Ending::Silent),
    }
}

/// Why listening ended before `Done`.
enum Ending {
    Cancelled,
    Stalled {
        position_ms: u64,
        silence: Duration,
    },
    Failed(Failure),
    Garbled(String),
    /// The pipe closed without a last word.
    Silent,
}

impl Ending {
    fn into_failure(self, options: &WorkerOptions, status: Option<ExitStatus>, last_words: &str) -> Failure {
        let ended = status.map_or_else(|| "unknown status".to_owned(), |status| status.to_string());
        match self {
            Self::Cancelled => Failure::new(FailureCode::Cancelled, "processing was cancelled"),
            Self::Failed(failure) => failure,
            Self::Stalled { position_ms, silence } => Failure::new(
                FailureCode::Stalled,
                format!(
                    "processing stood still at {:.1} s of the video for {} s",
                    std::time::Duration::from_millis(position_ms).as_secs_f64(),
                    silence.as_secs()
                ),
            ),
            Self::Garbled(what) => {
                tracing::warn!(worker.line = %what, "media worker spoke out of turn");
                Failure::new(FailureCode::WorkerFailed, "processing failed in the media worker")
            }
            Self::Silent if status.is_some_and(crashed) => {
                tracing::warn!(worker.exit = ended, worker.stderr = last_words, "media worker crashed");
                let detail =
                    "the file makes the program that reads it crash: it is damaged, or made to do that";
                Failure::new(FailureCode::Crashed, detail)
            }
            Self::Silent => {
                let program = options.program.display().to_string();
                tracing::warn!(
                    worker.program = program,
                    worker.exit = ended,
                    worker.stderr = last_words,
                    "media worker died"
                );
                Failure::new(
                    FailureCode::WorkerDied,
                    format!("the process working on this video died ({ended})"),
                )
            }
        }
    }
}

/// Whether it was its own doing: no wish of the machine's, such as a kill for want of memory.
fn crashed(status: ExitStatus) -> bool {
    use rustix::process::Signal;
    const OWN_DOING: [Signal; 6] =
        [Signal::SEGV, Signal::ABORT, Signal::TRAP, Signal::BUS, Signal::ILL, Signal::FPE];
    status.signal().is_some_and(|signal| OWN_DOING.iter().any(|own| own.as_raw() == signal))
}

/// Reads events until the last one. Only a position that moves, or something made, counts as life.
async fn listen(
    stdout: ChildStdout,
    silence_max: Duration,
    events: &mpsc::Sender<Event>,
) -> Result<(), Ending> {
    let mut lines = Lines { reader: BufReader::new(stdout), line: Vec::new() };
    let mut position_ms = 0;
    let mut deadline = Instant::now() + silence_max;
    loop {
        let event = match timeout_at(deadline, lines.next()).await {
            Err(_) => return Err(Ending::Stalled { position_ms, silence: silence_max }),
            Ok(event) => event?,
        };
        match event {
            Event::Done => return Ok(()),
            Event::Failed { failure } => return Err(Ending::Failed(failure)),
            Event::Heartbeat { position_ms: now_ms } if now_ms <= position_ms => continue,
            Event::Heartbeat { position_ms: now_ms } => position_ms = now_ms,
            made => events.send(made).await.map_err(|_| Ending::Cancelled)?,
        }
        deadline = Instant::now() + silence_max;
    }
}

struct Lines {
    reader: BufReader<ChildStdout>,
    line: Vec<u8>,
}

impl Lines {
    async fn next(&mut self) -> Result<Event, Ending> {
        self.line.clear();
        let mut bounded = (&mut self.reader).take(LINE_MAX_BYTES);
        match bounded.read_until(b'\n', &mut self.line).await {
            Ok(read) if read > 0 && self.line.last() == Some(&b'\n') => {}
            Ok(read) if read as u64 == LINE_MAX_BYTES => {
                return Err(Ending::Garbled("a line too long".to_owned()));
            }
            Ok(_) | Err(_) => return Err(Ending::Silent),
        }
        serde_json::from_slice(&self.line).map_err(|error| Ending::Garbled(error.to_string()))
    }
}

/// Keeps the end of what the child writes to stderr, for the log.
async fn keep_tail(mut stderr: ChildStderr, kept: &mut Vec<u8>) -> std::convert::Infallible {
    let mut piece = [0_u8; 1024];
    while let Some(read) = read_some(&mut stderr, &mut piece).await {
        kept.extend_from_slice(&piece[..read]);
        let surplus = kept.len().saturating_sub(STDERR_KEPT_BYTES);
        kept.drain(..surplus);
    }
    std::future::pending().await
}

async fn read_some(source: &mut (impl AsyncRead + Unpin), piece: &mut [u8]) -> Option<usize> {
    source.read(piece).await.ok().filter(|read| *read > 0)
}

async fn wait_for_end(child: &mut Child) -> Option<ExitStatus> {
    timeout(EXIT_MAX, child.wait()).await.ok()?.ok()
}

async fn kill(child: &mut Child) -> Option<ExitStatus> {
    if let Err(error) = child.start_kill() {
        tracing::debug!(%error, "media worker was gone before it was killed");
    }
    wait_for_end(child).await
}

/// Makes the registry's folder, so that the first child can write it.
pub fn prepare_registry(registry: &Path) -> std::io::Result<()> {
    registry.parent().map_or(Ok(()), std::fs::create_dir_all)
}
