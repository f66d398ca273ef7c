//! With the real clamd, which knows one signature of ours.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use reqwest::Method;
use serde_json::Value;

use crate::support::{Person, TestApp, tiny_clip, wait_until};

/// The test file of the EICAR institute in two halves, so that this file is not itself a finding.
const EICAR: [&str; 2] = ["X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD", "-ANTIVIRUS-TEST-FILE!$H+H*"];
/// More than clamd takes in one stream.
const BEHIND_BYTES: usize = 26 << 20;

struct Clamd {
    folder: tempfile::TempDir,
    child: Option<Child>,
}

impl Clamd {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("signatures")).expect("a folder");
        let eicar = EICAR.concat();
        let hex: String = eicar.bytes().map(|byte| format!("{byte:02x}")).collect();
        let signature = folder.path().join("signatures/eicar.ndb");
        std::fs::write(signature, format!("Eicar-Test-Signature:0:*:{hex}\n")).expect("a file");
        Self { folder, child: None }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("clamd.sock")
    }

    async fn start(&mut self) {
        let path = self.folder.path();
        let user = Command::new("id").arg("-un").output().expect("a user");
        let config = format!(
            "Foreground yes\nUser {}\nDatabaseDirectory {}\nLocalSocket {}\nStreamMaxLength 25M\n",
            String::from_utf8_lossy(&user.stdout).trim(),
            path.join("signatures").display(),
            self.socket().display()
        );
        std::fs::write(path.join("clamd.conf"), config).expect("a file");
        let program = if Path::new("/usr/sbin/clamd").exists() { "/usr/sbin/clamd" } else { "clamd" };
        let child = Command::new(program)
            .arg(format!("--config-file={}", path.join("clamd.conf").display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("clamd is installed; run `make setup-test`");
        self.child = Some(child);
        wait_until("clamd listens", || async { self.socket().exists() }).await;
    }
}

impl Drop for Clamd {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

async fn app(clamd: &Clamd, policy: &str) -> TestApp {
    let address = format!("unix:{}", clamd.socket().display());
    TestApp::start_with(&[("SCAN__POLICY", policy), ("SCAN__CLAMD", &address)]).await
}

/// A clip with a `free` box behind it that holds the test file.
fn infected() -> Vec<u8> {
    let tail = [vec![b' '; BEHIND_BYTES], EICAR.concat().into_bytes()].concat();
    let length = u32::try_from(tail.len() + 8).expect("it is short").to_be_bytes();
    [tiny_clip(&[]).as_slice(), &length, b"free", &tail].concat()
}

async fn used_bytes(app: &TestApp, who: &Person) -> usize {
    let request = app.get("/api/v1/me/storage").bearer_auth(&who.token);
    let told: Value = request.send().await.expect("an answer").json().await.expect("what is used");
    usize::try_from(told["used_bytes"].as_u64().expect("a sum")).expect("a small one")
}

async fn failed(app: &TestApp, who: &Person, video: &Value) -> String {
    let id = video["id"].as_str().expect("an id");
    let video = app.wait_for_video(who, id, |video| video["status"] != "processing").await;
    assert_eq!(video["status"], "failed", "{video}");
    assert_eq!(video["failure"]["retryable"], false);
    video["failure"]["code"].as_str().expect("a code").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn malware_far_into_a_file_is_found_and_the_file_is_put_away() {
    let mut clamd = Clamd::new();
    clamd.start().await;
    for (policy, kept) in [("reject", false), ("quarantine", true)] {
        let app = app(&clamd, policy).await;
        let ada = app.register("ada").await;
        let video = app.upload(&ada, infected(), "public").await;
        assert_eq!(failed(&app, &ada, &video).await, "malware");
        let id = video["id"].as_str().expect("an id");
        let objects = app.folder.path().join("objects");
        assert!(!objects.join(format!("sources/{id}/original")).exists());
        assert_eq!(objects.join(format!("quarantine/{id}/original")).exists(), kept, "{policy}");
        let counted = if kept { infected().len() } else { 0 };
        assert_eq!(used_bytes(&app, &ada).await, counted, "what is not kept is not counted");
        let path = format!("/api/v1/videos/{id}");
        let deleted = app.request(Method::DELETE, &path).bearer_auth(&ada.token).send().await;
        assert_eq!(deleted.expect("an answer").status(), 204);
        let file = objects.join(format!("quarantine/{id}/original"));
        wait_until("it goes with its video", || async { !file.exists() }).await;
        assert_eq!(used_bytes(&app, &ada).await, 0);
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_scanner_is_away_a_video_waits_and_says_so() {
    let mut clamd = Clamd::new();
    let app = app(&clamd, "reject").await;
    let ada = app.register("ada").await;
    let video = app.upload(&ada, tiny_clip(&[]), "public").await;
    let id = video["id"].as_str().expect("an id");
    let path = format!("/api/v1/videos/{id}/job");
    let says_so = || async {
        let job = app.get(&path).bearer_auth(&ada.token).send().await.expect("an answer");
        let job: Value = job.json().await.expect("a job");
        job["events"].as_array().expect("events").iter().any(|event| {
            event["detail"].as_str().is_some_and(|detail| detail.contains("scanner does not answer"))
        })
    };
    wait_until("the job says that it waits", says_so).await;
    clamd.start().await;
    app.wait_for_video(&ada, id, |video| video["status"] == "ready").await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_fails_open_goes_on_without_a_scanner() {
    let clamd = Clamd::new();
    let address = format!("unix:{}", clamd.socket().display());
    let settings = [("SCAN__POLICY", "reject"), ("SCAN__CLAMD", &address), ("SCAN__FAIL_CLOSED", "false")];
    let app = TestApp::start_with(&settings).await;
    let ada = app.register("ada").await;
    let video = app.upload(&ada, tiny_clip(&[]), "public").await;
    let id = video["id"].as_str().expect("an id");
    app.wait_for_video(&ada, id, |video| video["status"] == "ready").await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn malware_never_takes_the_place_of_a_video() {
    let mut clamd = Clamd::new();
    clamd.start().await;
    for (policy, kept) in [("reject", 0), ("quarantine", 1)] {
        let app = app(&clamd, policy).await;
        let ada = app.register("ada").await;
        let clip = tiny_clip(&[]);
        let video = app.upload(&ada, clip.clone(), "public").await;
        let id = video["id"].as_str().expect("an id");
        app.wait_for_video(&ada, id, |video| video["status"] == "ready").await;
        let file = reqwest::multipart::Part::bytes(infected()).file_name("clip.mp4");
        let form = reqwest::multipart::Form::new().text("replaces", id.to_owned()).part("file", file);
        let request = app.request(Method::POST, "/api/v1/videos").bearer_auth(&ada.token).multipart(form);
        assert_eq!(request.send().await.expect("an answer").status(), 202);
        let path = format!("/api/v1/videos/{id}/job");
        let is_refused = || async {
            let job = app.get(&path).bearer_auth(&ada.token).send().await.expect("an answer");
            let job: Value = job.json().await.expect("a job");
            job["replacement"]["failure"]["code"] == "malware" && job["state"] == "done"
        };
        wait_until("the file is refused", is_refused).await;
        wait_until("it is not counted", || async { used_bytes(&app, &ada).await == clip.len() }).await;
        let count = |folder: &str| {
            let path = app.folder.path().join("objects").join(folder).join(id);
            std::fs::read_dir(path).map_or(0, Iterator::count)
        };
        assert_eq!((count("sources"), count("quarantine")), (1, kept), "{policy}");
        let shown = app.get(&format!("/media/v/{id}/master.m3u8")).send().await.expect("an answer");
        assert_eq!(shown.status(), 200);
        app.stop().await;
    }
}
