//! The file of a video is replaced again and again, and the program is killed at random moments of it. In the end it is
//! one file or the other each time: its bytes, what plays, what it is counted as, and nothing beside it.

use std::{path::Path, process::Command, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::{
    ground,
    served::{
        Program, Served,
        random::{Random, setting},
    },
};

const KILLED_WITHIN_MS: usize = 900;
const SETTLED_WITHIN: Duration = Duration::from_secs(120);

/// What a video may be made of; one of the files is none.
struct File {
    bytes: Vec<u8>,
    lasts_s: Option<f64>,
}

fn clip(seconds: u32) -> File {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("clip.mp4");
    let picture = format!("testsrc2=duration={seconds}:size=320x180:rate=25");
    let sound = format!("sine=duration={seconds}");
    let encoding = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 25 -c:a aac";
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", &sound]);
    let status = ffmpeg.args(encoding.split(' ')).arg(&path).status();
    assert!(status.expect("ffmpeg is installed; run `make setup-test`").success());
    File { bytes: std::fs::read(path).expect("a clip"), lasts_s: Some(f64::from(seconds)) }
}

struct Owner {
    program: Program,
    served: Option<Served>,
    client: Client,
    token: String,
    random: Random,
}

impl Owner {
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("http://{}{path}", self.program.addr);
        let request = self.client.request(method, url).bearer_auth(&self.token);
        request.header("tus-resumable", "1.0.0").timeout(Duration::from_secs(20))
    }

    async fn read(&self, path: &str) -> Value {
        self.request(Method::GET, path).send().await.expect("an answer").json().await.expect("JSON")
    }

    async fn upload(&self, file: &File) -> String {
        let part = reqwest::multipart::Part::bytes(file.bytes.clone()).file_name("clip.mp4");
        let form = reqwest::multipart::Form::new().part("file", part);
        let answer = self.request(Method::POST, "/api/v1/videos").multipart(form).send().await;
        let video: Value = answer.expect("an answer").json().await.expect("a video");
        video["id"].as_str().expect("an id").to_owned()
    }

    async fn begin(&self, video: &str, file: &File) -> String {
        let metadata = format!("replaces {}", BASE64_STANDARD.encode(video));
        let request = self.request(Method::POST, "/api/v1/uploads").header("upload-length", file.bytes.len());
        let answer = request.header("upload-metadata", metadata).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::CREATED);
        answer.headers()["location"].to_str().expect("a path").to_owned()
    }

    fn rest(&self, path: &str, offset: usize, file: &File) -> RequestBuilder {
        let request = self.request(Method::PATCH, path).header("upload-offset", offset);
        let request = request.header("content-type", "application/offset+octet-stream");
        request.body(file.bytes[offset..].to_vec())
    }

    /// Lets a request go and kills the program at some moment, perhaps long after the answer.
    async fn killed_beside(&mut self, sending: impl Future<Output = reqwest::Result<Response>>) {
        let moment = Duration::from_millis(self.random.below(KILLED_WITHIN_MS) as u64);
        let served = self.served.take().expect("it runs");
        let killing = async {
            sleep(moment).await;
            served.kill();
        };
        drop(tokio::join!(sending, killing));
        self.served = Some(self.program.start());
    }

    /// Sends what is missing until the program says that all of it is there.
    async fn complete(&self, path: &str, file: &File) {
        let deadline = Instant::now() + SETTLED_WITHIN;
        loop {
            let head = self.request(Method::HEAD, path).send().await.expect("an answer");
            let offset =
                head.headers().get("upload-offset").and_then(|offset| offset.to_str().ok()?.parse().ok());
            match offset {
                Some(offset) if offset == file.bytes.len() => return,
                Some(offset) => drop(self.rest(path, offset, file).send().await.expect("an answer")),
                // The sweep has it in its hands.
                None => assert_eq!(head.status(), StatusCode::LOCKED),
            }
            assert!(Instant::now() < deadline, "the upload does not come to its end");
        }
    }

    /// The video's job once no file is on trial and no work is left.
    async fn settled(&self, video: &str) -> Value {
        let deadline = Instant::now() + SETTLED_WITHIN;
        loop {
            let job = self.read(&format!("/api/v1/videos/{video}/job")).await;
            if job["replacement"]["status"] != "on_trial" && job["state"] == "done" {
                return job;
            }
            assert!(Instant::now() < deadline, "it does not settle: {job}\n{}", self.program.log());
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn holds(&self, video: &str, file: &File, folder: &Path) {
        let original = self.request(Method::GET, &format!("/api/v1/videos/{video}/original")).send().await;
        assert!(original.expect("an answer").bytes().await.expect("bytes") == file.bytes, "another original");
        let used = self.read("/api/v1/me/storage").await["used_bytes"].as_u64();
        assert_eq!(used, Some(file.bytes.len() as u64), "the sum of one file");
        let sources = folder.join(format!("objects/sources/{video}"));
        assert_eq!(std::fs::read_dir(sources).expect("a folder").count(), 1, "a source is left");
        let lasts_s = self.play(video).await;
        let expected_s = file.lasts_s.expect("a file that plays");
        assert!((lasts_s - expected_s).abs() < 0.5, "{lasts_s} s play of {expected_s}");
        let told_ms = self.read(&format!("/api/v1/videos/{video}")).await["duration_ms"].as_f64();
        assert!((told_ms.expect("a duration") / 1_000.0 - expected_s).abs() < 0.5, "{told_ms:?}");
    }

    /// Fetches all that a player may, and says how long the longest rendition is.
    async fn play(&self, video: &str) -> f64 {
        let mut longest_s = 0_f64;
        for playlist in uris(&self.text(&format!("/media/v/{video}/master.m3u8")).await) {
            if let Some(rendition) = playlist.strip_suffix("index.m3u8") {
                let listed = self.text(&format!("/media/v/{video}/{playlist}")).await;
                let lengths = listed.lines().filter_map(|line| line.strip_prefix("#EXTINF:"));
                let lengths = lengths.filter_map(|length| length.trim_end_matches(',').parse::<f64>().ok());
                longest_s = longest_s.max(lengths.sum());
                for file in uris(&listed) {
                    self.text(&format!("/media/v/{video}/{rendition}{file}")).await;
                }
            }
        }
        longest_s
    }

    async fn text(&self, path: &str) -> String {
        let answer = self.request(Method::GET, path).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        String::from_utf8_lossy(&answer.bytes().await.expect("bytes")).into_owned()
    }
}

/// The URIs that a playlist names, attributes included.
fn uris(playlist: &str) -> Vec<String> {
    let attributes = playlist.split("URI=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let lines = playlist.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    attributes.chain(lines).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_replaced_or_is_not_whenever_the_program_is_killed() {
    let seed = setting("FIRE_SEED").unwrap_or(1);
    let rounds = setting("FIRE_REPLACEMENTS").and_then(|rounds| usize::try_from(rounds).ok()).unwrap_or(9);
    eprintln!("FIRE_SEED={seed}");
    let folder = tempfile::tempdir().expect("a folder");
    let program = Program::new(folder.path(), &[("TELEMETRY__LOG", "error")]);
    let ground = ground::prepare(&program, 1, 0).await;
    let served = Some(program.start());
    let token = ground.users[0].token.clone();
    let mut owner = Owner { program, served, client: Client::new(), token, random: Random::new(seed) };
    let files = [clip(2), clip(4), File { bytes: vec![7; 50_000], lasts_s: None }];

    let mut shown = &files[0];
    let video = owner.upload(shown).await;
    owner.settled(&video).await;
    let (mut taken, mut refused) = (0, 0);
    for file in files.iter().cycle().skip(1).take(rounds) {
        let path = owner.begin(&video, file).await;
        let sending = owner.rest(&path, 0, file).send();
        owner.killed_beside(sending).await;
        // Now and then it is killed once more, in the middle of what it makes good.
        if owner.random.one_in(2) {
            owner.killed_beside(owner.request(Method::HEAD, &path).send()).await;
        }
        owner.complete(&path, file).await;
        let job = owner.settled(&video).await;
        match file.lasts_s {
            Some(_) => (shown, taken) = (file, taken + 1),
            None => {
                refused += 1;
                assert_eq!(job["replacement"]["status"], "refused", "{job}");
            }
        }
        owner.holds(&video, shown, folder.path()).await;
    }
    eprintln!("{rounds} replacements: {taken} taken, {refused} refused");
}
