//! Uploads under fire: connections are cut and the program is killed while bytes come, again and again. What was told
//! as durable must still be there each time, and every file must arrive byte for byte.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use sha2::{Digest, Sha256};
use tokio::{io::AsyncWriteExt, net::TcpStream, time::sleep};

use crate::{
    ground,
    served::{
        Program, Served,
        random::{Random, setting},
    },
};

const FILE_LEN_MAX: usize = 6 << 20;
/// What a round sends at most: several rounds a file.
const SENT_MAX: usize = 1 << 20;
const KILLED_WITHIN_MS: usize = 6;
const ATTEMPTS: usize = 10;

struct Uploader {
    program: Program,
    served: Option<Served>,
    client: Client,
    token: String,
    random: Random,
}

/// An upload as its client sees it.
struct Upload {
    path: String,
    bytes: Vec<u8>,
    /// What the program has said is durable.
    told: usize,
    /// What may have reached it, in whichever request: one that was cut off may be worked on later than the next.
    sent: usize,
    video: String,
}

impl Uploader {
    async fn start(folder: &std::path::Path, seed: u64) -> Self {
        let program = Program::new(folder, &[("TELEMETRY__LOG", "error")]);
        let ground = ground::prepare(&program, 1, 0).await;
        let served = Some(program.start());
        let token = ground.users[0].token.clone();
        Self { program, served, client: Client::new(), token, random: Random::new(seed) }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("http://{}{path}", self.program.addr);
        let request = self.client.request(method, url).bearer_auth(&self.token);
        request.header("tus-resumable", "1.0.0").timeout(Duration::from_secs(20))
    }

    async fn begin(&mut self) -> Upload {
        let length = 1 + self.random.below(FILE_LEN_MAX);
        let bytes: Vec<u8> = (0..length).map(|_| self.random.byte()).collect();
        let name = BASE64_STANDARD.encode("noise.bin");
        let request = self.request(Method::POST, "/api/v1/uploads").header("upload-length", length);
        let answer = request.header("upload-metadata", format!("filename {name}")).send().await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.status(), StatusCode::CREATED);
        let header = |name: &str| answer.headers()[name].to_str().expect("text").to_owned();
        Upload { path: header("location"), video: header("playhouse-video-id"), bytes, told: 0, sent: 0 }
    }

    /// How far the program says the upload is.
    async fn ask(&self, upload: &mut Upload) {
        let answer = self.request(Method::HEAD, &upload.path).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK);
        let offset = answer.headers()["upload-offset"].to_str().expect("text").parse().expect("a number");
        assert!(
            (upload.told..=upload.sent).contains(&offset),
            "it stands at {offset}: {} was told, {} sent",
            upload.told,
            upload.sent
        );
        upload.told = offset;
    }

    /// Sends some of what is missing, and then is cut off in one of the ways there are.
    async fn break_off(&mut self, upload: &mut Upload) {
        let missing = &upload.bytes[upload.told..];
        let count = self.random.below(missing.len().min(SENT_MAX) + 1);
        upload.sent = upload.sent.max(upload.told + count);
        let mut stream = TcpStream::connect(self.program.addr).await.expect("a connection");
        let head = format!(
            "PATCH {} HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: {}\r\nContent-Length: {}\r\n\
             Authorization: Bearer {}\r\nContent-Type: application/offset+octet-stream\r\n\r\n",
            upload.path,
            upload.told,
            missing.len(),
            self.token
        );
        let sending = async {
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(&missing[..count]).await
        };
        if self.random.one_in(2) {
            let moment = Duration::from_millis(self.random.below(KILLED_WITHIN_MS) as u64);
            let served = self.served.take().expect("it runs");
            let killing = async {
                sleep(moment).await;
                served.kill();
            };
            // It is killed while it reads: whether all could be sent is left open.
            drop(tokio::join!(sending, killing));
            self.served = Some(self.program.start());
            return;
        }
        sending.await.expect("it is sent");
        if self.random.one_in(2) {
            // The connection is reset instead of closed.
            stream.set_zero_linger().expect("a socket option");
        }
    }

    /// Sends all that is missing, and sees that it arrived. A request that was cut off may come in between; then one
    /// asks anew, as every client does.
    async fn complete(&self, mut upload: Upload, folder: &std::path::Path) {
        upload.sent = upload.bytes.len();
        for _ in 0..ATTEMPTS {
            let missing = upload.bytes[upload.told..].to_vec();
            let request = self.request(Method::PATCH, &upload.path).header("upload-offset", upload.told);
            let request = request.header("content-type", "application/offset+octet-stream").body(missing);
            let status = request.send().await.expect("an answer").status();
            self.ask(&mut upload).await;
            if status == StatusCode::NO_CONTENT {
                break;
            }
            assert!(matches!(status, StatusCode::CONFLICT | StatusCode::LOCKED), "{status}");
        }
        assert_eq!(upload.told, upload.bytes.len());
        let source = folder.join(format!("objects/sources/{}/original", upload.video));
        let arrived = std::fs::read(source).expect("the source");
        assert_eq!(Sha256::digest(arrived), Sha256::digest(&upload.bytes));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_cuts_and_kills_cost_an_upload_nothing_that_was_told() {
    let seed = setting("FIRE_SEED").unwrap_or(1);
    let rounds = setting("FIRE_CUTS").unwrap_or(200);
    eprintln!("FIRE_SEED={seed}");
    let folder = tempfile::tempdir().expect("a folder");
    let mut uploader = Uploader::start(folder.path(), seed).await;
    let mut upload = uploader.begin().await;
    let mut arrived = 0;
    for _ in 0..rounds {
        uploader.break_off(&mut upload).await;
        uploader.ask(&mut upload).await;
        if upload.told == upload.bytes.len() || uploader.random.one_in(12) {
            uploader.complete(upload, folder.path()).await;
            arrived += 1;
            upload = uploader.begin().await;
        }
    }
    uploader.complete(upload, folder.path()).await;
    eprintln!("{rounds} breaks, {} files whole", arrived + 1);
    let url = format!("http://{}/metrics", uploader.program.addr);
    let text = uploader.client.get(url).send().await.expect("an answer").text().await.expect("text");
    assert!(text.lines().any(|line| line == "playhouse_uploads_receiving 0"), "a request is still counted");
}
