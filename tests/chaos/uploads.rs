//! Those who upload: by tus, in pieces, asking where it stands after each answer that did not come, at whichever node they
//! get. A file that was accepted is kept in mind, byte for byte.

use std::{sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use tokio::{
    net::TcpStream,
    time::{Instant, sleep},
};

use crate::{field::Field, served::random::Random};

const CLIP: &[u8] = include_bytes!("../../loadtest/assets/one-second.mp4");
const ANSWER_MAX: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(100);
/// Between two files of one person.
const BREAK: Duration = Duration::from_secs(15);
const PATIENCE: Duration = Duration::from_secs(180);
const PIECES: usize = 4;

/// A file that was accepted.
pub struct Accepted {
    pub video: String,
    pub bytes: Vec<u8>,
}

#[derive(Default)]
pub struct Uploaded {
    pub accepted: Vec<Accepted>,
    /// Requests that were not answered, or with the request to come again.
    pub repeated: u64,
    pub wrong: Vec<String>,
}

struct Uploader {
    field: Arc<Field>,
    token: String,
    client: Client,
    random: Random,
    told: Uploaded,
}

/// What an answer to an upload comes to.
enum Heard {
    Answer(Response),
    /// Ask again.
    Nothing,
    Refused(String),
}

pub async fn act(field: Arc<Field>, number: usize) -> Uploaded {
    // Each request may meet another node.
    let client = Client::builder().pool_max_idle_per_host(0).build().expect("a client");
    let random = Random::new(field.seed.wrapping_add(0x0000_F11E).wrapping_mul(number as u64 + 1));
    let token = field.ground.users[number].token.clone();
    let mut uploader = Uploader { field: field.clone(), token, client, random, told: Uploaded::default() };
    let mut count = 0;
    while !field.over.is_cancelled() {
        count += 1;
        let name = format!("clip {number}-{count}");
        match uploader.upload(&name).await {
            Ok(accepted) => uploader.told.accepted.push(accepted),
            Err(why) => uploader.told.wrong.push(format!("{name}: {why}")),
        }
        tokio::select! {
            () = field.over.cancelled() => {}
            () = sleep(BREAK) => {}
        }
    }
    uploader.told
}

impl Uploader {
    /// From the first request to the last byte. Goes on after the crowd has come to rest, so that nothing is half done.
    async fn upload(&mut self, name: &str) -> Result<Accepted, String> {
        let bytes = clip_of(name);
        let deadline = Instant::now() + PATIENCE;
        let path = self.begin(name, bytes.len(), deadline).await?;
        loop {
            let (offset, video) = self.ask(&path, deadline).await?;
            if offset == bytes.len() {
                return Ok(Accepted { video, bytes });
            }
            if offset > bytes.len() {
                return Err(format!("it stands at {offset} of {}", bytes.len()));
            }
            let most = bytes.len().div_ceil(PIECES).min(bytes.len() - offset);
            let piece = bytes[offset..offset + 1 + self.random.below(most)].to_vec();
            let request = self.request(Method::PATCH, &path).header("upload-offset", offset);
            let request = request.header("content-type", "application/offset+octet-stream").body(piece);
            // Whatever is said or not, the next question tells how far it is.
            match self.hear(request).await {
                Heard::Answer(_) => {}
                Heard::Refused(why) => return Err(why),
                Heard::Nothing if Instant::now() > deadline => {
                    return Err(format!("it stands at {offset} of {} after {PATIENCE:?}", bytes.len()));
                }
                // Else two requests in turn would meet the same two nodes in turn, again and again.
                Heard::Nothing if self.random.one_in(2) => drop(TcpStream::connect(self.field.addr).await),
                Heard::Nothing => sleep(PAUSE).await,
            }
        }
    }

    async fn begin(&mut self, name: &str, len: usize, deadline: Instant) -> Result<String, String> {
        let encode = |text: &str| BASE64_STANDARD.encode(text);
        let metadata =
            format!("title {},filename {},visibility {}", encode(name), encode("clip.mp4"), encode("public"));
        let answer = self
            .until_answered(deadline, |uploader| {
                let request = uploader.request(Method::POST, "/api/v1/uploads").header("upload-length", len);
                request.header("upload-metadata", &metadata).header("idempotency-key", name)
            })
            .await?;
        header(&answer, "location").ok_or_else(|| "an upload without an address".to_owned())
    }

    /// Where it stands, and the video that it is to become.
    async fn ask(&mut self, path: &str, deadline: Instant) -> Result<(usize, String), String> {
        let answer = self.until_answered(deadline, |uploader| uploader.request(Method::HEAD, path)).await?;
        let offset = header(&answer, "upload-offset").and_then(|text| text.parse().ok());
        let video = header(&answer, "playhouse-video-id");
        offset
            .zip(video)
            .ok_or_else(|| format!("an answer without what was asked for: {:?}", answer.headers()))
    }

    async fn until_answered(
        &mut self,
        deadline: Instant,
        request: impl Fn(&Self) -> RequestBuilder,
    ) -> Result<Response, String> {
        loop {
            match self.hear(request(self)).await {
                Heard::Answer(answer) => return Ok(answer),
                Heard::Refused(why) => return Err(why),
                Heard::Nothing if Instant::now() > deadline => {
                    return Err(format!("no answer in {PATIENCE:?}"));
                }
                Heard::Nothing => sleep(PAUSE).await,
            }
        }
    }

    async fn hear(&mut self, request: RequestBuilder) -> Heard {
        let heard = match request.timeout(ANSWER_MAX).send().await {
            Ok(answer) if answer.status().is_success() => Heard::Answer(answer),
            Ok(answer) if must_ask_again(answer.status()) => Heard::Nothing,
            Ok(answer) => {
                Heard::Refused(format!("{}: {}", answer.status(), answer.text().await.unwrap_or_default()))
            }
            Err(_) => Heard::Nothing,
        };
        self.told.repeated += u64::from(matches!(heard, Heard::Nothing));
        heard
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("http://{}{path}", self.field.addr);
        self.client.request(method, url).bearer_auth(&self.token).header("tus-resumable", "1.0.0")
    }
}

/// Held by another request, overtaken by it, a node that cannot say now, or one that does not know of it.
fn must_ask_again(status: StatusCode) -> bool {
    let codes = [
        StatusCode::CONFLICT,
        StatusCode::LOCKED,
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::BAD_GATEWAY,
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::INSUFFICIENT_STORAGE,
        StatusCode::REQUEST_TIMEOUT,
    ];
    codes.contains(&status)
}

fn header(answer: &Response, name: &str) -> Option<String> {
    answer.headers().get(name)?.to_str().ok().map(ToOwned::to_owned)
}

/// The clip with a box behind it that no player looks into, so that no two files are equal.
fn clip_of(name: &str) -> Vec<u8> {
    let mut bytes = CLIP.to_vec();
    let len = u32::try_from(name.len() + 8).expect("a short name");
    bytes.extend(len.to_be_bytes());
    bytes.extend(b"free");
    bytes.extend(name.as_bytes());
    bytes
}
