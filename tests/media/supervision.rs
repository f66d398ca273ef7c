//! The parent and its child: what the child may, how its death looks, that it never outlives who wants it.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use playhouse::media::{
    Event, FailureCode, Job, Plan, Task, WorkerOptions,
    plan::{Cutting, Stage},
    protocol::InForce,
    worker,
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    bench::{Bench, options, run_with},
    clips,
};

const DEADLINE: Duration = Duration::from_secs(20);

/// Waits until something holds; panics at the deadline.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what} did not come about");
        sleep(Duration::from_millis(10)).await;
    }
}

/// A shell in the worker's place.
fn shell(script: &str) -> WorkerOptions {
    WorkerOptions { program: "/bin/sh".into(), arguments: vec!["-c".into(), script.into()], ..options() }
}

fn any_task(bench: &Bench) -> Task {
    bench.task(Path::new("/nowhere"), Job::Probe)
}

fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
    !matches!(state, None | Some('Z' | 'X'))
}

/// The children of this process that work on this bench.
fn workers_on(bench: &Bench) -> Vec<u32> {
    let folder = bench.path().display().to_string();
    let holds_our_files = |pid: u32| {
        let files = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        files.filter_map(|file| std::fs::read_link(file.path()).ok()).any(|path| path.starts_with(&folder))
    };
    let processes = std::fs::read_dir("/proc").expect("procfs").flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| *pid != std::process::id() && holds_our_files(*pid)).collect()
}

#[tokio::test]
async fn this_machine_has_what_media_needs() {
    let equipment = worker::check(&options(), None, &CancellationToken::new()).await.expect("a worker");
    assert_eq!(equipment.missing, Vec::<String>::new());
    assert!(equipment.gstreamer.contains("GStreamer 1."), "{}", equipment.gstreamer);
}

#[tokio::test]
async fn a_silent_child_is_killed_and_called_stalled() {
    let bench = Bench::new();
    let mark = bench.path().join("pid");
    let silent = WorkerOptions {
        silence_max: Duration::from_millis(300),
        ..shell(&format!("echo $$ > {}; read task; exec sleep 1000", mark.display()))
    };
    let (ended, _) = run_with(&silent, &any_task(&bench), &CancellationToken::new()).await;
    let failure = ended.expect_err("silence");
    assert_eq!((failure.code, failure.retryable), (FailureCode::Stalled, true));
    let pid = std::fs::read_to_string(mark).expect("the child had started").trim().parse().expect("a pid");
    assert!(!lives(pid));
}

/// Heartbeats alone are no life: a position has to move.
#[tokio::test]
async fn a_child_that_beats_without_moving_is_stalled() {
    let bench = Bench::new();
    let beating = WorkerOptions {
        silence_max: Duration::from_millis(500),
        ..shell("while :; do echo '{\"event\":\"heartbeat\",\"position_ms\":1234}'; sleep 0.05; done")
    };
    let ended = timeout(DEADLINE, run_with(&beating, &any_task(&bench), &CancellationToken::new())).await;
    let failure = ended.expect("the watchdog bites").0.expect_err("it stands still");
    assert_eq!(failure.code, FailureCode::Stalled);
    assert!(failure.detail.contains("1.2 s"), "{}", failure.detail);
}

#[tokio::test]
async fn a_child_that_dies_or_babbles_fails_its_job_only() {
    let bench = Bench::new();
    for (script, code) in [
        ("read task; kill -SEGV $$", FailureCode::Crashed),
        ("read task; kill -KILL $$", FailureCode::WorkerDied),
        ("exit 0", FailureCode::WorkerDied),
        ("read task; echo hello", FailureCode::WorkerFailed),
        ("read task; head -c 200000 /dev/zero | tr '\\0' x", FailureCode::WorkerFailed),
        ("read task; echo '{\"event\":\"closed\",\"rendition\":\"../../etc\"}'", FailureCode::WorkerFailed),
    ] {
        let (ended, events) = run_with(&shell(script), &any_task(&bench), &CancellationToken::new()).await;
        let failure = ended.expect_err("a bad child");
        assert_eq!((failure.code, failure.retryable, events.len()), (code, true, 0), "{script}");
    }
    let missing = WorkerOptions { program: "/nowhere/playhouse".into(), ..options() };
    let (ended, _) = run_with(&missing, &any_task(&bench), &CancellationToken::new()).await;
    assert_eq!(ended.expect_err("no program").code, FailureCode::WorkerDied);
}

/// A long encode of which the first segment is awaited; then the child is gone one way or another.
async fn in_the_middle(bench: &Bench) -> (Task, mpsc::Sender<Event>, mpsc::Receiver<Event>) {
    let source = clips::h264_aac(bench.path(), "long.mp4", 60, 640, 360);
    let probe = bench.probe(&source).await.expect("a good source");
    let whole = Plan { cutting: Cutting::Whole, ..Plan::new(probe, &[360]) };
    let ladder = whole.pieces().into_iter().find(|piece| piece.stage == Stage::Ladder).expect("a ladder").job;
    let (sender, receiver) = mpsc::channel(1);
    (bench.task(&source, ladder), sender, receiver)
}

#[tokio::test]
async fn a_killed_worker_is_a_failure_that_can_be_retried() {
    let bench = Bench::new();
    let (task, sender, mut receiver) = in_the_middle(&bench).await;
    let (options, cancel) = (options(), CancellationToken::new());
    let run = async {
        let sender = sender;
        worker::run(&options, &task, &cancel, &sender).await
    };
    let kill = async {
        receiver.recv().await.expect("a first event");
        let workers = workers_on(&bench);
        assert_eq!(workers.len(), 1, "one worker holds the source open");
        let killed = Command::new("kill").args(["-KILL", &workers[0].to_string()]).status();
        assert!(killed.expect("kill is there").success());
        while receiver.recv().await.is_some() {}
    };
    let (ended, ()) = tokio::join!(run, kill);
    let failure = ended.expect_err("it was killed");
    assert_eq!((failure.code, failure.retryable), (FailureCode::WorkerDied, true));
    assert!(failure.detail.contains("signal: 9"), "{}", failure.detail);
}

#[tokio::test]
async fn a_cancelled_worker_is_gone_when_the_answer_comes() {
    let bench = Bench::new();
    let (task, sender, mut receiver) = in_the_middle(&bench).await;
    let (options, cancel) = (options(), CancellationToken::new());
    let run = worker::run(&options, &task, &cancel, &sender);
    let stop = async {
        receiver.recv().await.expect("a first event");
        cancel.cancel();
    };
    let (ended, ()) = tokio::join!(run, stop);
    assert_eq!(ended.expect_err("it was cancelled").code, FailureCode::Cancelled);
    assert_eq!(workers_on(&bench), Vec::<u32>::new());
}

/// What a worker may still do when its file has taken it over.
#[tokio::test]
async fn a_worker_at_work_has_no_network_and_bounded_time_and_files() {
    let bench = Bench::new();
    let (task, sender, mut receiver) = in_the_middle(&bench).await;
    let (options, cancel) = (options(), CancellationToken::new());
    let guards = worker::check(&options, None, &cancel).await.expect("a worker").guards;
    let run = worker::run(&options, &task, &cancel, &sender);
    let look = async {
        receiver.recv().await.expect("a first event");
        let workers = workers_on(&bench);
        let file =
            |name: &str| std::fs::read_to_string(format!("/proc/{}/{name}", workers[0])).unwrap_or_default();
        let limits = file("limits");
        let limit = |name: &str| -> u64 {
            let line = limits.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            line.split_whitespace().find_map(|word| word.parse().ok()).unwrap_or(u64::MAX)
        };
        // 120 s, and 200 s for each of the source's 60 s and of 30 s before them.
        assert!((18_120..18_200).contains(&limit("Max cpu time")), "{limits}");
        assert_eq!(limit("Max file size"), (2 << 30) + (64 << 20));
        let namespace = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/net")).ok();
        let apart = namespace(&workers[0].to_string()) != namespace("self");
        assert_eq!(apart, guards.network == InForce::Yes);
        cancel.cancel();
    };
    let (ended, ()) = tokio::join!(run, look);
    assert_eq!(ended.expect_err("it was cancelled").code, FailureCode::Cancelled);
}

#[tokio::test]
async fn a_dropped_run_takes_its_worker_along() {
    let bench = Bench::new();
    let (task, sender, mut receiver) = in_the_middle(&bench).await;
    let (options, cancel) = (options(), CancellationToken::new());
    tokio::select! {
        ended = worker::run(&options, &task, &cancel, &sender) => panic!("it ended: {ended:?}"),
        first = receiver.recv() => assert!(first.is_some()),
    }
    until("the worker's end", || workers_on(&bench).is_empty()).await;
}

/// A worker that waits for its task, started by a shell that is then killed.
#[tokio::test]
async fn a_worker_is_confined_and_dies_with_its_parent() {
    let script = "exec 3<&0; PLAYHOUSE_PARENT=$$ \"$0\" media-worker <&3 & echo $!; wait";
    let mut parent = Command::new("/bin/sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_playhouse")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a shell");
    let mut line = String::new();
    let stdout = parent.stdout.take().expect("stdout is piped");
    BufReader::new(stdout).read_line(&mut line).expect("the worker's pid");
    let pid: u32 = line.trim().parse().expect("a pid");
    let file = |name: &str| std::fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
    let limit = |name: &str, value: &str| {
        file("limits")
            .lines()
            .any(|line| line.starts_with(name) && line.split_whitespace().any(|word| word == value))
    };
    until("confinement", || limit("Max open files", "256")).await;
    assert!(file("status").contains("NoNewPrivs:\t1"));
    assert!(
        limit("Max address space", "4294967296") && limit("Max core file size", "0"),
        "{}",
        file("limits")
    );
    assert!(lives(pid));
    parent.kill().expect("a living shell");
    parent.wait().expect("a dead shell");
    until("the worker's death", || !lives(pid)).await;
}

#[tokio::test]
async fn a_worker_whose_parent_is_gone_already_does_nothing() {
    let bench = Bench::new();
    let script = format!("PLAYHOUSE_PARENT=1 exec {} media-worker", env!("CARGO_BIN_EXE_playhouse"));
    let (ended, _) = run_with(&shell(&script), &any_task(&bench), &CancellationToken::new()).await;
    let failure = ended.expect_err("no parent");
    assert_eq!(failure.code, FailureCode::WorkerFailed);
    assert!(failure.detail.contains("is gone"), "{}", failure.detail);
}
