//! Twenty uploads on a bad day: media workers are killed at random, the program is killed twice, the disk fills once.
//! All of them have to end ready, with the bytes they were sent with.

use std::{
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::{Client, Method, StatusCode};
use sha2::{Digest, Sha256};
use tokio::{
    sync::Mutex,
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    ground,
    served::{
        Program, Served,
        random::{Random, setting},
    },
    small_disk::SmallDisk,
};

const UPLOADS: usize = 20;
const AT_ONCE: usize = 4;
const WORKERS_KILLED: usize = 12;
const PIECE_LEN: usize = 200_000;
const ALL_READY_WITHIN: Duration = Duration::from_secs(240);

/// A clip that plays, behind it as many bytes as no player looks at (a `free` box, ISO/IEC 14496-12).
fn clips(folder: &Path, random: &mut Random) -> Vec<Vec<u8>> {
    let path = folder.join("clip.mp4");
    let made = "-v error -f lavfi -i testsrc2=duration=4:size=320x180:rate=25 -f lavfi -i sine=duration=4 -c:v libx264 \
                -preset ultrafast -pix_fmt yuv420p -g 25 -c:a aac -shortest -movflags +faststart";
    let output = Command::new("ffmpeg").args(made.split_ascii_whitespace()).arg(&path).output();
    assert!(output.is_ok_and(|output| output.status.success()), "ffmpeg is installed by `make setup-test`");
    let clip = std::fs::read(&path).expect("the clip");
    let with_tail = |_| {
        let tail: Vec<u8> = (0..500_000 + random.below(1_000_000)).map(|_| random.byte()).collect();
        let length = u32::try_from(tail.len() + 8).expect("it is short").to_be_bytes();
        [clip.as_slice(), &length, b"free", &tail].concat()
    };
    (0..UPLOADS).map(with_tail).collect()
}

struct Uploader {
    client: Client,
    url: String,
    token: String,
    /// Bytes that were acknowledged, of all uploads.
    sent: AtomicUsize,
}

impl Uploader {
    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token);
        request.header("tus-resumable", "1.0.0").timeout(Duration::from_secs(20))
    }

    /// Goes on until all of it is there, whatever happens between. Returns the video.
    async fn upload(&self, number: usize, bytes: &[u8]) -> String {
        let created = loop {
            let request = self.request(Method::POST, "/api/v1/uploads").header("upload-length", bytes.len());
            // The answer may be lost: the key makes the next one the same.
            let answer = request.header("idempotency-key", format!("clip-{number}")).send().await;
            match answer {
                Ok(answer) if answer.status() == StatusCode::CREATED => break answer,
                _ => sleep(Duration::from_millis(100)).await,
            }
        };
        let header = |name: &str| created.headers()[name].to_str().expect("text").to_owned();
        let (path, video) = (header("location"), header("playhouse-video-id"));
        let mut offset = 0;
        while offset < bytes.len() {
            let piece = bytes[offset..bytes.len().min(offset + PIECE_LEN)].to_vec();
            let request = self.request(Method::PATCH, &path).header("upload-offset", offset);
            let request = request.header("content-type", "application/offset+octet-stream").body(piece);
            let told = match request.send().await {
                Ok(answer) if answer.status() == StatusCode::NO_CONTENT => offset_of(&answer),
                _ => {
                    sleep(Duration::from_millis(100)).await;
                    let head = self.request(Method::HEAD, &path).send().await;
                    head.ok().filter(|head| head.status() == StatusCode::OK).and_then(|head| offset_of(&head))
                }
            };
            let Some(told) = told else { continue };
            assert!(told >= offset, "{told} of {offset} acknowledged bytes are left");
            self.sent.fetch_add(told - offset, Ordering::Relaxed);
            offset = told;
        }
        video
    }
}

impl Uploader {
    async fn wait_until_ready(&self, video: &str, deadline: Instant, program: &Program) {
        let path = format!("/api/v1/videos/{video}");
        loop {
            let answer = self.request(Method::GET, &path).send().await.expect("an answer");
            let told: serde_json::Value = answer.json().await.expect("a video");
            if told["status"] == "ready" && told["progress"]["percent"] == 100 {
                return;
            }
            assert!(told["status"] != "failed", "{told}");
            assert!(Instant::now() < deadline, "it never became ready: {told}\n{}", program.log());
            sleep(Duration::from_millis(100)).await;
        }
    }
}

fn offset_of(answer: &reqwest::Response) -> Option<usize> {
    answer.headers().get("upload-offset")?.to_str().ok()?.parse().ok()
}

/// Two kills and a full disk, as the bytes come.
async fn trouble(
    uploader: &Uploader,
    program: &Program,
    served: &Mutex<Option<Served>>,
    disk: &SmallDisk,
    total: usize,
) {
    for (percent, fills) in [(25, false), (50, true), (70, false)] {
        while uploader.sent.load(Ordering::Relaxed) * 100 < total * percent {
            sleep(Duration::from_millis(20)).await;
        }
        if fills {
            let ballast = disk.fill();
            if ballast.is_some() {
                let one_more = uploader.request(Method::POST, "/api/v1/uploads").header("upload-length", 1);
                let refused = one_more.send().await.expect("an answer").status();
                assert_eq!(refused, StatusCode::INSUFFICIENT_STORAGE, "nobody notices the full disk");
            }
            sleep(Duration::from_secs(3)).await;
            drop(ballast);
        } else {
            let mut served = served.lock().await;
            served.take().expect("it runs").kill();
            *served = Some(program.start());
        }
    }
}

/// The media workers of a program.
fn workers(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").expect("processes").flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_worker = |pid: &u32| {
        let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        line.contains("media-worker") && status.contains(&format!("PPid:\t{parent}\n"))
    };
    pids.filter(is_worker).collect()
}

async fn kill_workers(served: Arc<Mutex<Option<Served>>>, mut random: Random) {
    let mut killed = 0;
    while killed < WORKERS_KILLED {
        sleep(Duration::from_millis(100 + random.below(400) as u64)).await;
        let Some(parent) = served.lock().await.as_ref().map(Served::pid) else { continue };
        let found = workers(parent);
        if !found.is_empty() {
            let pid = random.pick(&found).to_string();
            killed += usize::from(Command::new("kill").args(["-KILL", &pid]).output().is_ok());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_uploads_end_ready_though_workers_and_the_program_are_killed_and_the_disk_fills() {
    let seed = setting("FIRE_SEED").unwrap_or(1);
    eprintln!("FIRE_SEED={seed}");
    let mut random = Random::new(seed);
    let folder = tempfile::tempdir().expect("a folder");
    let disk = SmallDisk::new(folder.path().join("disk"), 160);
    let clips = Arc::new(clips(folder.path(), &mut random));
    let total: usize = clips.iter().map(Vec::len).sum();
    let data_dir = disk.path.join("data");
    let settings = [
        ("UPLOADS__SPACE_MIN_BYTES", "16777216"),
        ("MEDIA__ATTEMPTS_MAX", "10"),
        ("TELEMETRY__LOG", "error"),
    ];
    let program = Program::new(&data_dir, &settings);
    let ground = ground::prepare(&program, 1, 0).await;
    let served = Arc::new(Mutex::new(Some(program.start())));
    let client = Arc::new(Uploader {
        client: Client::new(),
        url: format!("http://{}", program.addr),
        token: ground.users[0].token.clone(),
        sent: AtomicUsize::new(0),
    });
    let mut uploads = JoinSet::new();
    for lane in 0..AT_ONCE {
        let (client, clips) = (client.clone(), clips.clone());
        uploads.spawn(async move {
            let mut videos = Vec::new();
            for number in (lane..UPLOADS).step_by(AT_ONCE) {
                videos.push((number, client.upload(number, &clips[number]).await));
            }
            videos
        });
    }
    let mut killing = JoinSet::new();
    killing.spawn(kill_workers(served.clone(), random.clone()));
    trouble(&client, &program, &served, &disk, total).await;
    let videos: Vec<(usize, String)> = uploads.join_all().await.concat();
    killing.join_all().await;
    let deadline = Instant::now() + ALL_READY_WITHIN;
    for (number, video) in &videos {
        client.wait_until_ready(video, deadline, &program).await;
        let arrived = std::fs::read(data_dir.join(format!("objects/sources/{video}/original")));
        assert_eq!(Sha256::digest(arrived.expect("the source")), Sha256::digest(&clips[*number]));
    }
    assert_eq!(videos.len(), UPLOADS);
    let served = served.lock().await.take().expect("it runs");
    let pid = served.pid();
    served.stop();
    assert!(workers(pid).is_empty(), "a worker outlived the program");
    assert_eq!(std::fs::read_dir(data_dir.join("uploads")).expect("the folder").count(), 0);
}
