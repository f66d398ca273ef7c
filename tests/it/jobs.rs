//! Jobs that lose their workers, their server and their node.

use std::{path::Path, process::Command, sync::Arc, time::Duration};

use playhouse::{
    backends::store::{
        self,
        tables::video::{Job, JobState, PendingJob},
    },
    domain::{
        clock::{Clock, SystemClock, Timestamp},
        ids::{VideoId, shard_of},
        video::Stage,
    },
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Person, TestApp, problem, wait_until};

/// 96 seconds with sound that are quick to encode: three chunks.
fn long_clip() -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("long.mp4");
    let picture = "testsrc=size=426x240:rate=25:duration=96";
    let sound = "sine=frequency=440:sample_rate=48000:duration=96";
    let encoding = "-c:v libx264 -preset ultrafast -g 50 -pix_fmt yuv420p -c:a aac -ac 2";
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound]);
    let status = ffmpeg.args(encoding.split(' ')).arg(&path).status().expect("ffmpeg is installed");
    assert!(status.success());
    std::fs::read(path).expect("a clip")
}

async fn job(app: &TestApp, who: &Person, id: &str) -> Value {
    let request = app.get(&format!("/api/v1/videos/{id}/job")).bearer_auth(&who.token);
    request.send().await.expect("an answer").json().await.expect("a job")
}

/// The job once it is as `wanted`, within two minutes: encoding takes its time on a busy machine.
async fn wait_for_job(app: &TestApp, who: &Person, id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(120);
    loop {
        let job = job(app, who, id).await;
        if wanted(&job) {
            return job;
        }
        assert!(tokio::time::Instant::now() < deadline, "it never came to be: {job}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn has_chunks(job: &Value, least: u64) -> bool {
    job["chunks_done"].as_u64().is_some_and(|done| done >= least)
}

fn details(job: &Value) -> Vec<String> {
    let events = job["events"].as_array().expect("events").iter();
    events.map(|event| event["detail"].as_str().expect("a detail").to_owned()).collect()
}

/// Media workers that this very process has started on files of this folder.
fn workers_in(folder: &Path) -> Vec<u32> {
    let folder = folder.display().to_string();
    let holds = |pid: u32| {
        let files = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        files.filter_map(|file| std::fs::read_link(file.path()).ok()).any(|path| path.starts_with(&folder))
    };
    let processes = std::fs::read_dir("/proc").expect("procfs").flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| *pid != std::process::id() && holds(*pid)).collect()
}

fn count(details: &[String], what: &str) -> usize {
    details.iter().filter(|detail| detail.contains(what)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_worker_and_a_lost_server_cost_one_chunk() {
    let app = TestApp::start().await;
    let ada = app.register("ada").await;
    let id = app.upload(&ada, long_clip(), "public").await["id"].as_str().expect("an id").to_owned();
    wait_for_job(&app, &ada, &id, |job| has_chunks(job, 1)).await;
    wait_until("a worker is there to be killed", || async {
        let workers = workers_in(app.folder.path());
        for pid in &workers {
            Command::new("kill").args(["-KILL", &pid.to_string()]).status().expect("kill is there");
        }
        !workers.is_empty()
    })
    .await;
    wait_for_job(&app, &ada, &id, |job| has_chunks(job, 2)).await;
    let app = app.restart().await;
    let ready = app.wait_for_video(&ada, &id, |video| video["status"] != "processing").await;
    assert_eq!(ready["status"], "ready", "{ready}");
    let done = job(&app, &ada, &id).await;
    let told = details(&done);
    assert_eq!(
        (&done["chunks_done"], &done["chunks"], &done["eta_ms"]),
        (&3.into(), &3.into(), &Value::Null)
    );
    assert!(count(&told, "worker_died") >= 1, "{told:?}");
    for chunk in 1..=3 {
        assert_eq!(count(&told, &format!("chunk {chunk} of the ladder")), 1, "made once: {told:?}");
    }
    check_playlist(&app, &ada, &id).await;
    app.stop().await;
}

/// 24 segments of four seconds, each of which is there.
async fn check_playlist(app: &TestApp, who: &Person, id: &str) {
    let playback = app.get(&format!("/api/v1/videos/{id}/playback")).bearer_auth(&who.token);
    let playback: Value = playback.send().await.expect("an answer").json().await.expect("a playback");
    let master_path = playback["hls"].as_str().expect("a path");
    let text = async |path: &str| app.get(path).send().await.expect("an answer").text().await.expect("text");
    let master = text(master_path).await;
    let media = master.lines().find(|line| line.starts_with("v240")).expect("the one rung");
    let folder = master_path.rsplit_once('/').expect("a path").0;
    let playlist = text(&format!("{folder}/{media}")).await;
    let segments: Vec<&str> = playlist.lines().filter(|line| line.ends_with(".m4s")).collect();
    assert_eq!((segments.len(), playlist.matches("#EXTINF:4.000").count()), (24, 24), "{playlist}");
    assert!(playlist.contains("#EXT-X-ENDLIST"));
    let rendition = media.rsplit_once('/').expect("a path").0;
    for segment in segments {
        let path = format!("{folder}/{rendition}/{segment}");
        assert_eq!(app.get(&path).send().await.expect("an answer").status(), StatusCode::OK, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_another_node_is_taken_over_when_its_lease_ends() {
    let app = TestApp::start().await;
    let ada = app.register("ada").await;
    let id = app.upload(&ada, long_clip(), "public").await["id"].as_str().expect("an id").to_owned();
    app.wait_for_video(&ada, &id, |video| video["status"] == "ready").await;
    let folder = app.halt().await;
    let lease_ends_at = SystemClock.now().plus(Duration::from_secs(8));
    leave_to_another_node(folder.path(), &id, lease_ends_at).await;
    let app = TestApp::start_in(folder, &[]).await;
    let told = wait_for_job(&app, &ada, &id, |job| job["state"] == "done").await;
    let last = told["events"].as_array().expect("events").last().expect("an event").clone();
    assert!(
        last["at"].as_str().expect("a time") >= lease_ends_at.to_rfc3339().as_str(),
        "not before: {last}"
    );
    assert_eq!(count(&details(&told), "chunk 1 of the ladder"), 1, "what that node had finished is kept");
    assert_eq!(count(&details(&told), "chunk 3 of the ladder"), 2);
    app.stop().await;
}

/// As if another node had died over the last chunk.
async fn leave_to_another_node(folder: &Path, id: &str, lease_ends_at: Timestamp) {
    let config = crate::support::config(folder, &[]);
    let uri = config.backends.store.to_string();
    let store = store::open(&uri, folder, Arc::new(SystemClock)).await.expect("nobody has it open");
    let video: VideoId = id.parse().expect("an id");
    let job = store.get::<Job>((video.clone(),), ()).await.expect("a store").expect("a job");
    let mut plan = job.plan.clone().expect("a plan");
    assert!(plan.finished.remove("ladder/2"), "{:?}", plan.finished);
    let job = Job {
        state: JobState::Running,
        stage: Stage::Encoding,
        plan: Some(plan),
        owner: Some("node-other".into()),
        lease_ends_at: Some(lease_ends_at),
        ..job
    };
    store.put(job).await.expect("a store that takes writes");
    let video_row = store.get::<store::tables::video::Video>((video.clone(),), ()).await.expect("a store");
    let owner_id = video_row.expect("a video").owner_id;
    let pending = PendingJob { shard: shard_of(id), video_id: video, owner_id };
    store.put(pending).await.expect("a store that takes writes");
    store.close().await.expect("it closes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_leaves_no_worker_and_goes_on_where_it_was_when_retried() {
    let app = TestApp::start().await;
    let ada = app.register("ada").await;
    let id = app.upload(&ada, long_clip(), "public").await["id"].as_str().expect("an id").to_owned();
    wait_for_job(&app, &ada, &id, |job| has_chunks(job, 1)).await;
    let ask = async |what: &str| {
        let request = app.request(Method::POST, &format!("/api/v1/videos/{id}/job/{what}"));
        request.bearer_auth(&ada.token).send().await.expect("an answer")
    };
    let cancelled: Value = ask("cancel").await.json().await.expect("a job");
    assert_eq!(
        (&cancelled["state"], &cancelled["failure"]["code"]),
        (&"cancelled".into(), &"cancelled".into())
    );
    assert_eq!(cancelled["advice"], "retry");
    assert_eq!(problem(ask("cancel").await).await, (409, "conflict".into()));
    wait_until("its workers are gone", || async { workers_in(app.folder.path()).is_empty() }).await;
    let retried: Value = ask("retry").await.json().await.expect("a job");
    assert_eq!((&retried["state"], &retried["chunks_done"]), (&"running".into(), &cancelled["chunks_done"]));
    app.wait_for_video(&ada, &id, |video| video["status"] == "ready").await;
    let told = details(&job(&app, &ada, &id).await);
    assert_eq!(count(&told, "chunk 1 of the ladder"), 1, "{told:?}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn videos_of_a_channel_that_pays_are_made_before_those_of_others() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.register("ada").await, app.register("bob").await);
    let (name, password) = app.admin();
    let admin = app.login(&name, &password).await;
    let precede = async |channel: &str, who: &Person| {
        let path = format!("/api/v1/admin/channels/{channel}/precedence");
        let request = app.request(Method::PUT, &path).bearer_auth(&who.token).json(&json!({"pays": true}));
        request.send().await.expect("an answer")
    };
    let hers = ada.user["channel_id"].as_str().expect("a channel");
    assert_eq!(problem(precede(hers, &ada).await).await, (403, "forbidden".into()));
    let nobodys = "01a21d514bf175919a9de89e71ccbe74";
    assert_eq!(problem(precede(nobodys, &admin).await).await, (404, "not_found".into()));
    assert_eq!(precede(hers, &admin).await.status(), StatusCode::NO_CONTENT);
    // By turns his one would be ready long before her three.
    let clip = long_clip();
    let publish =
        async |who| app.upload(who, clip.clone(), "public").await["id"].as_str().expect("an id").to_owned();
    let his = publish(&bob).await;
    for id in [publish(&ada).await, publish(&ada).await, publish(&ada).await] {
        wait_for_job(&app, &ada, &id, |job| job["state"] == "done").await;
    }
    assert_eq!(job(&app, &bob, &his).await["state"], "running");
    app.stop().await;
}
