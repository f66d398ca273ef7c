//! Jobs over nodes that share Cassandra, Redis and a bucket: the chunks of one video are made by all of them, and what a
//! node that is killed had in hand is made by the others.

use std::{
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use playhouse::{
    backends::{
        objects::Prefix,
        store::{
            self, Store,
            tables::{
                self,
                video::{Job, PendingJob, Piece},
            },
        },
    },
    domain::{
        clock::SystemClock,
        ids::{VideoId, shard_of},
    },
};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::{
    cassandra,
    objects::Server,
    objects_suite::names,
    proxy::{Faults, Proxy},
    redis::Service,
    store::fresh,
    support::{Person, TestApp, problem, tiny_video},
};

const NO_FAULTS: Faults = Faults { delays: 0, cuts: 0, silences: 0, delay_max: Duration::ZERO };

/// What nodes share, each of its own for this test.
struct Ground {
    bucket: Server,
    _redis: Service,
    /// With the key file of all nodes.
    _shared: tempfile::TempDir,
    store: Store,
    settings: Vec<(&'static str, String)>,
}

impl Ground {
    async fn new() -> Self {
        let (bucket, redis) = (Server::start().await, Service::redis().await);
        let uri = fresh(&[cassandra::shared().contact()], 1, tables::ALL).await;
        let store = store::open(&uri, "".as_ref(), Arc::new(SystemClock)).await.expect("a store");
        let shared = tempfile::tempdir().expect("a folder");
        let settings = vec![
            ("SERVER__KEY_FILE", shared.path().join("seed").display().to_string()),
            ("BACKENDS__STORE", uri),
            ("BACKENDS__BUS", redis.uri("jobs")),
            ("BACKENDS__OBJECTS", bucket.uri()),
            ("MEDIA__LADDER", "180,144".to_owned()),
            ("MEDIA__WORKERS_MAX", "1".to_owned()),
            ("MEDIA__LEASE_S", "5".to_owned()),
        ];
        Self { bucket, _redis: redis, _shared: shared, store, settings }
    }

    async fn node(&self, more: &[(&str, &str)]) -> TestApp {
        let settings: Vec<(&str, &str)> = self
            .settings
            .iter()
            .map(|(key, value)| (*key, value.as_str()))
            .chain(more.iter().copied())
            .collect();
        TestApp::start_with(&settings).await
    }

    /// A node in a process of its own, to be killed.
    async fn process(&self, more: &[(&str, &str)]) -> Process {
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let listen = free.local_addr().expect("a bound socket");
        drop(free);
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(env!("CARGO_BIN_EXE_playhouse"));
        command.arg("serve").stdout(Stdio::null()).stderr(Stdio::null());
        for (key, value) in &self.settings {
            command.env(format!("PLAYHOUSE__{key}"), value);
        }
        for (key, value) in more {
            command.env(format!("PLAYHOUSE__{key}"), value);
        }
        command.env("PLAYHOUSE__SERVER__LISTEN", listen.to_string());
        command.env("PLAYHOUSE__SERVER__DATA_DIR", folder.path());
        let child = command.spawn().expect("a server");
        let process = Process { child, folder };
        let health = format!("http://{listen}/health/ready");
        wait_long("the other node is there", || async { reqwest::get(&health).await.is_ok() }).await;
        process
    }

    /// Whether another node than this one makes a piece right now.
    async fn is_in_other_hands(&self, video: &str, node: &TestApp) -> bool {
        self.is_in_hands_other_than(video, &node_name(node.folder.path())).await
    }

    async fn is_in_hands_other_than(&self, video: &str, name: &str) -> bool {
        let pieces = self.store.all::<Piece>((id(video),)).await.expect("rows");
        pieces.iter().any(|piece| {
            let by_another = piece.worker.as_ref().is_some_and(|worker| !worker.starts_with(name));
            by_another && piece.outcome.is_none()
        })
    }

    async fn is_nothing_left_of(&self, video: &str) -> bool {
        let objects = names(&self.bucket.open(), &Prefix::all()).await;
        let pieces = self.store.all::<Piece>((id(video),)).await.expect("rows");
        let job = self.store.get::<Job>((id(video),), ()).await.expect("a row");
        let pending = self.store.get::<PendingJob>((shard_of(video),), (id(video),)).await.expect("a row");
        !objects.iter().any(|name| name.contains(video))
            && pieces.is_empty()
            && job.is_none()
            && pending.is_none()
    }
}

struct Process {
    child: Child,
    folder: tempfile::TempDir,
}

impl Process {
    fn name(&self) -> String {
        node_name(self.folder.path())
    }
}

fn node_name(data_dir: &Path) -> String {
    std::fs::read_to_string(data_dir.join("node")).expect("a name")
}

impl Drop for Process {
    fn drop(&mut self) {
        // SIGKILL.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn id(video: &str) -> VideoId {
    video.parse().expect("an id")
}

/// So many seconds, quick to encode: a chunk each 24 to 48 of them.
fn long_clip(seconds: u32) -> Vec<u8> {
    tiny_video("long.mp4", seconds, &[], &["-g", "50"])
}

async fn upload(app: &TestApp, who: &Person, clip: &[u8]) -> String {
    app.upload(who, clip.to_vec(), "public").await["id"].as_str().expect("an id").to_owned()
}

async fn job(app: &TestApp, who: &Person, id: &str) -> Value {
    let request = app.get(&format!("/api/v1/videos/{id}/job")).bearer_auth(&who.token);
    request.send().await.expect("an answer").json().await.expect("a job")
}

async fn ask(app: &TestApp, who: &Person, method: Method, path: &str) -> StatusCode {
    app.request(method, path).bearer_auth(&who.token).send().await.expect("an answer").status()
}

async fn metrics(app: &TestApp) -> String {
    app.get("/metrics").send().await.expect("an answer").text().await.expect("text")
}

async fn is_unfit(app: &TestApp) -> bool {
    metrics(app).await.lines().any(|line| line == "playhouse_media_unfit 1")
}

/// Encoding takes its time on a busy machine.
async fn wait_long<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while !holds().await {
        assert!(tokio::time::Instant::now() < deadline, "it never came to be: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How many pieces a node counts of a kind.
async fn pieces(app: &TestApp, kind: &str) -> u64 {
    let text = metrics(app).await;
    let name = format!("playhouse_job_pieces_total{{kind=\"{kind}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&name)).map_or(0, |count| count.parse().expect("a number"))
}

async fn is_ready(app: &TestApp, who: &Person, id: &str) {
    let video = app.wait_for_video(who, id, |video| video["status"] != "processing").await;
    let job = job(app, who, id).await;
    assert_eq!(video["status"], "ready", "{video} {job}");
    assert_eq!(job["chunks_done"], job["chunks"], "{job}");
    assert!(job["chunks"].as_u64().expect("a number") >= 4, "{job}");
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_of_two_videos_are_made_by_both_nodes_and_a_removed_video_leaves_nothing() {
    let ground = Ground::new().await;
    let (one, two) = (ground.node(&[]).await, ground.node(&[]).await);
    let ada = one.register("ada").await;
    let ada_there = two.sign_in(&ada).await;
    let clip = long_clip(240);
    let (first, second) = (upload(&one, &ada, &clip).await, upload(&one, &ada, &clip).await);
    is_ready(&one, &ada, &first).await;
    is_ready(&one, &ada, &second).await;
    let (here, elsewhere) = (pieces(&one, "here").await, pieces(&one, "elsewhere").await);
    assert!(here > 0 && elsewhere > 0, "{here} here, {elsewhere} elsewhere");
    // The first node may have made one itself that it had on offer; a piece is counted after it is written down.
    wait_long("whoever made them has counted them", || async {
        pieces(&one, "for_others").await + pieces(&two, "for_others").await >= elsewhere
    })
    .await;
    assert!(pieces(&two, "for_others").await > 0);
    let playback = two.get(&format!("/api/v1/videos/{first}/playback")).send().await.expect("an answer");
    assert_eq!(playback.status(), StatusCode::OK);
    for (app, who, id) in [(&one, &ada, &first), (&two, &ada_there, &second)] {
        let removed = ask(app, who, Method::DELETE, &format!("/api/v1/videos/{id}")).await;
        assert_eq!(removed, StatusCode::NO_CONTENT);
        wait_long("nothing is left", || ground.is_nothing_left_of(id)).await;
    }
    one.stop().await;
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_node_costs_the_pieces_it_had() {
    let ground = Ground::new().await;
    let one = ground.node(&[]).await;
    let other = ground.process(&[]).await;
    let ada = one.register("ada").await;
    let video = upload(&one, &ada, &long_clip(360)).await;
    wait_long("the other node has a piece", || ground.is_in_other_hands(&video, &one)).await;
    drop(other);
    is_ready(&one, &ada, &video).await;
    assert!(pieces(&one, "lost").await > 0);
    let removed = ask(&one, &ada, Method::DELETE, &format!("/api/v1/videos/{video}")).await;
    assert_eq!(removed, StatusCode::NO_CONTENT);
    wait_long("nothing is left", || ground.is_nothing_left_of(&video)).await;
    one.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_nodes_jobs_go_on_at_another_that_makes_pieces_of_them() {
    let ground = Ground::new().await;
    let front = ground.node(&[("NODE__ROLES", "http,ws")]).await;
    let media = [("NODE__ROLES", "media")];
    let makers = [ground.process(&media).await, ground.process(&media).await];
    let ada = front.register("ada").await;
    let video = upload(&front, &ada, &long_clip(360)).await;
    let owner = async || ground.store.get::<Job>((id(&video),), ()).await.expect("rows")?.owner;
    wait_long("a piece is in the hands of the one that does not own the job", || async {
        match owner().await {
            Some(owner) => ground.is_in_hands_other_than(&video, &owner).await,
            None => false,
        }
    })
    .await;
    let owned_by = owner().await.expect("an owner");
    let (killed, heir): (Vec<Process>, Vec<Process>) =
        makers.into_iter().partition(|maker| maker.name() == owned_by);
    assert_eq!((killed.len(), heir.len()), (1, 1));
    drop(killed);
    is_ready(&front, &ada, &video).await;
    assert_eq!(job(&front, &ada, &video).await["attempts"], 0);
    let removed = ask(&front, &ada, Method::DELETE, &format!("/api/v1/videos/{video}")).await;
    assert_eq!(removed, StatusCode::NO_CONTENT);
    wait_long("nothing is left", || ground.is_nothing_left_of(&video)).await;
    front.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_loses_the_bucket_leaves_its_jobs_to_others_and_fails_none() {
    let ground = Ground::new().await;
    let to_bucket = || ground.bucket.addr().to_string();
    let line = Proxy::before(to_bucket(), NO_FAULTS, 1).await;
    let through = line.address.clone();
    let behind = ground.bucket.uri_through(through.parse().expect("an address"));
    let hard = [("MEDIA__ATTEMPTS_MAX", "1"), ("BACKENDS__DEADLINE_MS", "3000")];
    let lone = ground.node(&[hard[0], hard[1], ("BACKENDS__OBJECTS", &behind)]).await;
    let ada = lone.register("ada").await;
    // While nobody else is there, the jobs are the lone node's.
    let videos = [upload(&lone, &ada, &long_clip(240)).await, upload(&lone, &ada, &long_clip(240)).await];
    wait_long("it makes something of the first", || async { pieces(&lone, "here").await > 0 }).await;
    let other = ground.node(&hard).await;
    let ada_there = other.sign_in(&ada).await;
    drop(line);
    for video in &videos {
        is_ready(&other, &ada_there, video).await;
        assert_eq!(job(&other, &ada_there, video).await["attempts"], 0);
    }
    assert!(is_unfit(&lone).await && !is_unfit(&other).await);
    let _mended = Proxy::at(&through, to_bucket(), NO_FAULTS, 1).await;
    let third = upload(&other, &ada_there, &long_clip(240)).await;
    wait_long("it lends a hand again", || async { pieces(&lone, "for_others").await > 0 }).await;
    is_ready(&other, &ada_there, &third).await;
    assert!(!is_unfit(&lone).await);
    lone.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_cancelled_or_removed_on_one_node_stops_on_the_other() {
    let ground = Ground::new().await;
    let (one, two) = (ground.node(&[]).await, ground.node(&[]).await);
    let ada = one.register("ada").await;
    let ada_there = two.sign_in(&ada).await;
    let video = upload(&one, &ada, &long_clip(360)).await;
    let path = format!("/api/v1/videos/{video}");
    wait_long("the other node has a piece", || ground.is_in_other_hands(&video, &one)).await;
    let cancelled = ask(&two, &ada_there, Method::POST, &format!("{path}/job/cancel")).await;
    assert!(cancelled.is_success(), "{cancelled}");
    let no_worker =
        async |app: &TestApp| metrics(app).await.lines().any(|line| line == "playhouse_media_workers 0");
    wait_long("no worker runs", || async { no_worker(&one).await && no_worker(&two).await }).await;
    wait_long("nothing is on offer", || async {
        ground.store.all::<Piece>((id(&video),)).await.expect("rows").is_empty()
    })
    .await;
    assert_eq!(job(&one, &ada, &video).await["state"], "cancelled");
    let retried = ask(&two, &ada_there, Method::POST, &format!("{path}/job/retry")).await;
    assert!(retried.is_success(), "{retried}");
    wait_long("the first node has a piece", || ground.is_in_other_hands(&video, &two)).await;
    assert_eq!(ask(&one, &ada, Method::DELETE, &path).await, StatusCode::NO_CONTENT);
    wait_long("no worker runs", || async { no_worker(&one).await && no_worker(&two).await }).await;
    wait_long("nothing is left", || ground.is_nothing_left_of(&video)).await;
    one.stop().await;
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_node_does_what_its_roles_say() {
    let ground = Ground::new().await;
    let front = ground.node(&[("NODE__ROLES", "http,ws")]).await;
    let maker = ground.node(&[("NODE__ROLES", "media")]).await;
    let ada = front.register("ada").await;
    let video = upload(&front, &ada, &long_clip(240)).await;
    is_ready(&front, &ada, &video).await;
    assert_eq!((pieces(&front, "here").await, pieces(&front, "for_others").await), (0, 0));
    assert!(pieces(&maker, "here").await > 0);
    let refused = maker.get("/api/v1/videos").send().await.expect("an answer");
    assert_eq!(problem(refused).await, (503, "unavailable".into()));
    let socket = maker.get("/api/v1/ws").send().await.expect("an answer");
    assert_eq!(socket.status(), StatusCode::SERVICE_UNAVAILABLE);
    for (app, roles) in [(&front, "http, ws"), (&maker, "media")] {
        let ready: Value =
            app.get("/health/ready").send().await.expect("an answer").json().await.expect("a report");
        assert_eq!(ready["status"], "ok", "{ready}");
        let checks = ready["checks"].as_array().expect("checks").iter();
        let told: Vec<&Value> = checks.filter(|check| check["name"] == "roles").collect();
        assert_eq!(told[0]["detail"], roles, "{ready}");
    }
    let path = format!("/api/v1/videos/{video}");
    assert_eq!(ask(&front, &ada, Method::DELETE, &path).await, StatusCode::NO_CONTENT);
    wait_long("nothing is left", || ground.is_nothing_left_of(&video)).await;
    front.stop().await;
    maker.stop().await;
}
