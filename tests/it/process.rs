//! The program as a process: how it starts, how it ends, and what is there after it was killed.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use playhouse::{
    actors::supervise,
    app::Surroundings,
    cli::{Output, serve},
    domain::clock::SystemClock,
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use reqwest::Client;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::support;

/// A running `playhouse serve`.
struct Served {
    child: Child,
    url: String,
}

impl Served {
    fn start(data_dir: &Path) -> Self {
        let mut child = command(data_dir).arg("serve").spawn().expect("the program starts");
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
        out.read_line(&mut line).expect("a first line");
        let url =
            line.trim().strip_prefix("playhouse listens on ").unwrap_or_else(|| panic!("it said: {line}"));
        let url = url.to_owned();
        // Whoever prints into a closed pipe would end; read on beside the test.
        std::thread::spawn(move || drop(std::io::copy(&mut out, &mut std::io::sink())));
        Self { child, url }
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, signal).expect("it runs");
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn command(data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_playhouse"));
    command
        .env("PLAYHOUSE__SERVER__LISTEN", "127.0.0.1:0")
        .env("PLAYHOUSE__SERVER__DATA_DIR", data_dir)
        .env("PLAYHOUSE__LIMITS__ENABLED", "false")
        .env("PLAYHOUSE__AUTH__ARGON2_MEMORY_KIB", "8192")
        .env("PLAYHOUSE__AUTH__ARGON2_ITERATIONS", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_it_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut served = Served::start(folder.path());
    let live = reqwest::get(format!("{}/health/live", served.url)).await.expect("an answer");
    assert!(live.status().is_success());
    served.signal(Signal::TERM);
    assert_eq!(served.child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn a_wrong_setting_is_refused_in_one_line_that_names_it() {
    let folder = tempfile::tempdir().expect("a folder");
    for (key, value) in [("PLAYHOUSE__ROOMS__TICK_MS", "5000"), ("PLAYHOUSE__ROOMS__TIKC_MS", "5")] {
        let output = command(folder.path()).arg("serve").env(key, value).output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains("rooms.ti"), "{said}");
    }
}

/// What one person said last, and whether the server had acknowledged it when it was killed.
struct Intent {
    token: String,
    acknowledged: &'static str,
    attempted: &'static str,
}

/// Likes and unlikes until the server is gone.
async fn act(url: String, video: String, mut intent: Intent, client: Client) -> Intent {
    for reaction in ["like", "dislike", "none"].into_iter().cycle() {
        intent.attempted = reaction;
        let request = client.put(format!("{url}/api/v1/videos/{video}/reaction")).bearer_auth(&intent.token);
        let answer =
            request.json(&json!({ "reaction": reaction })).timeout(Duration::from_secs(5)).send().await;
        match answer {
            Ok(answer) if answer.status().is_success() => intent.acknowledged = reaction,
            _ => return intent,
        }
    }
    intent
}

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_reaction_is_there_after_kill_9_and_totals_are_what_people_say() {
    const PEOPLE: usize = 6;
    let folder = tempfile::tempdir().expect("a folder");
    let mut served = Served::start(folder.path());
    let client = Client::new();
    let mut people = Vec::new();
    for n in 0..PEOPLE {
        let body = json!({"username": format!("p{n}x"), "email": format!("p{n}@example.org"), "password": "correct horse"});
        let request = client.post(format!("{}/api/v1/auth/register", served.url)).json(&body);
        let tokens: Value = request.send().await.expect("an answer").json().await.expect("tokens");
        let token = tokens["access_token"].as_str().expect("a token").to_owned();
        people.push(Intent { token, acknowledged: "none", attempted: "none" });
    }
    let form = reqwest::multipart::Form::new()
        .part("file", reqwest::multipart::Part::bytes(vec![1; 9]).file_name("x"));
    let upload =
        client.post(format!("{}/api/v1/videos", served.url)).bearer_auth(&people[0].token).multipart(form);
    let video: Value = upload.send().await.expect("an answer").json().await.expect("a video");
    let video = video["id"].as_str().expect("an id").to_owned();

    for round in 0..5 {
        let acting = people.into_iter().map(|intent| {
            playhouse::telemetry::tasks::spawn(
                "client",
                act(served.url.clone(), video.clone(), intent, client.clone()),
            )
        });
        let acting: Vec<_> = acting.collect();
        tokio::time::sleep(Duration::from_millis(rand::random_range(50..400))).await;
        served.signal(Signal::KILL);
        people = Vec::new();
        for intent in acting {
            people.push(intent.await.expect("it ends"));
        }
        served = Served::start(folder.path());
        check(&served.url, &video, &mut people, &client, round).await;
    }
}

async fn check(url: &str, video: &str, people: &mut [Intent], client: &Client, round: usize) {
    let (mut likes, mut dislikes, mut shown) = (0, 0, Value::Null);
    for intent in people.iter_mut() {
        let request = client.get(format!("{url}/api/v1/videos/{video}")).bearer_auth(&intent.token);
        shown = request.send().await.expect("an answer").json().await.expect("a video");
        let stored = shown["reaction"].as_str().expect("a reaction").to_owned();
        let possible = [intent.acknowledged, intent.attempted];
        assert!(possible.contains(&stored.as_str()), "round {round}: {stored} is none of {possible:?}");
        likes += i64::from(stored == "like");
        dislikes += i64::from(stored == "dislike");
        intent.acknowledged =
            ["like", "dislike", "none"].into_iter().find(|known| *known == stored).expect("one");
    }
    assert_eq!((&shown["likes"], &shown["dislikes"]), (&json!(likes), &json!(dislikes)), "round {round}");
}

/// Dies whenever it is started.
struct Mayfly;

impl Actor for Mayfly {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(myself.cast(())?)
    }

    async fn handle(&self, _: ActorRef<()>, (): (), (): &mut ()) -> Result<(), ActorProcessingErr> {
        Err("its day is over".into())
    }
}

const MELTDOWN_DIR: &str = "PLAYHOUSE_TEST_MELTDOWN_DIR";

/// Not a test of its own: the process that `a_child_that_keeps_dying…` starts and watches.
#[test]
#[ignore = "started by another test"]
fn meltdown_process() {
    let Some(folder) = std::env::var_os(MELTDOWN_DIR) else { return };
    let (mayfly, _) = supervise::Child::new("mayfly", || (Mayfly, ()));
    let program = env!("CARGO_BIN_EXE_playhouse").into();
    let surroundings = Surroundings { clock: Arc::new(SystemClock), program, children: vec![mayfly] };
    let mut output = Output { out: &mut std::io::sink(), err: &mut std::io::stderr() };
    let exit = serve::run_in(support::config(Path::new(&folder), &[]), surroundings, &mut output);
    std::process::exit(exit.expect("its streams are open") as i32);
}

#[test]
fn a_child_that_keeps_dying_ends_the_process_with_a_clear_last_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "process::meltdown_process", "--ignored", "--nocapture"])
        .env(MELTDOWN_DIR, folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("this test runs");
    let mut said = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
    assert_eq!(child.wait().expect("it ends").code(), Some(1), "{said}");
    let last = said.lines().last().expect("a last line");
    assert!(last.starts_with("playhouse stopped: actor `mayfly` keeps failing"), "{last}");
    assert!(last.ends_with("its day is over"), "{last}");
}

/// With a GStreamer that lacks nothing but x265.
#[test]
fn a_codec_that_cannot_be_made_is_refused_at_the_start_and_named_by_the_doctor() {
    let folder = tempfile::tempdir().expect("a folder");
    let plugins = folder.path().join("plugins");
    std::fs::create_dir(&plugins).expect("a writable folder");
    let system = Command::new("pkg-config").args(["--variable=pluginsdir", "gstreamer-1.0"]).output();
    let system = String::from_utf8(system.expect("pkg-config is installed").stdout).expect("a path");
    for entry in std::fs::read_dir(system.trim()).expect("GStreamer is installed") {
        let entry = entry.expect("an entry");
        if !entry.file_name().to_string_lossy().contains("x265") {
            std::os::unix::fs::symlink(entry.path(), plugins.join(entry.file_name())).expect("a link");
        }
    }
    for (verb, expected) in [
        (
            "serve",
            "media.codecs: hevc cannot be made here, missing: x265enc (gstreamer1.0-plugins-bad); install",
        ),
        ("doctor", "GStreamer x265enc"),
    ] {
        let mut command = command(&folder.path().join("data"));
        command.env("PLAYHOUSE__MEDIA__CODECS", "h264,hevc").env("GST_PLUGIN_SYSTEM_PATH_1_0", &plugins);
        let output = command.arg(verb).output().expect("the program starts");
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(expected), "{said}");
        assert!(!said.contains("x264enc"), "only the one is missing: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_serves_what_its_roles_say_and_always_says_how_it_is() {
    for (roles, page, socket) in [("ws", 503, 426), ("http", 200, 503), ("media", 503, 503)] {
        let app = support::TestApp::start_with(&[("NODE__ROLES", roles)]).await;
        let status = async |path: &str| app.get(path).send().await.expect("an answer").status().as_u16();
        assert_eq!((status("/api/v1/videos").await, status("/api/v1/ws").await), (page, socket), "{roles}");
        let segment = status("/media/v/none/master.m3u8").await;
        assert_eq!(segment == 503, roles != "http", "{roles}: {segment}");
        for path in ["/health/live", "/health/ready", "/metrics"] {
            assert_eq!(status(path).await, 200, "{roles}: {path}");
        }
        if page == 503 {
            let refused = app.get("/api/v1/videos").send().await.expect("an answer");
            assert_eq!(support::problem(refused).await, (503, "unavailable".into()));
        }
        app.stop().await;
    }
}
