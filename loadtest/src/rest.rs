//! The few REST calls a simulated user makes before it takes its socket: one connection a call, each with a deadline.

use std::time::Duration;

use anyhow::{Context, bail};
use http_body_util::{BodyExt, Full};
use hyper::{Request, StatusCode, body::Bytes};
use hyper_util::rt::TokioIo;
use playhouse_protocol::rest::{Register, Tokens, Video, VideoStatus};
use serde::de::DeserializeOwned;
use tokio::{net::TcpStream, time::timeout};

const DEADLINE: Duration = Duration::from_secs(30);
const PLAYABLE_AFTER_MAX: Duration = Duration::from_secs(120);

/// One second of a test picture and a tone, made with ffmpeg's testsrc2 and sine: the room needs a video.
const CLIP: &[u8] = include_bytes!("../assets/one-second.mp4");
const BOUNDARY: &str = "playhouse-loadtest-boundary";

/// An account of the run. The password is the user name, as nobody else is to know either.
pub async fn register(target: &str, username: &str) -> anyhow::Result<Tokens> {
    let email = format!("{username}@loadtest.invalid");
    let body = Register { username: username.to_owned(), email, password: format!("{username}-password") };
    let body = serde_json::to_vec(&body)?;
    let request = Request::post("/api/v1/auth/register").header("content-type", "application/json");
    call(target, request, body).await.with_context(|| {
        format!(
            "user {username} could not register; does the server run with PLAYHOUSE__LIMITS__ENABLED=false?"
        )
    })
}

/// A public video that is ready, so that everyone may enter its room.
pub async fn publish_clip(target: &str, access_token: &str) -> anyhow::Result<Video> {
    let request = Request::post("/api/v1/videos")
        .header("authorization", format!("Bearer {access_token}"))
        .header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"));
    let mut video: Video =
        call(target, request, multipart()).await.context("the clip could not be uploaded")?;
    let ready = async {
        let mut polls = tokio::time::interval(Duration::from_millis(250));
        while !matches!(video.status, VideoStatus::Ready | VideoStatus::Failed) {
            polls.tick().await;
            let request = Request::get(format!("/api/v1/videos/{}", video.id))
                .header("authorization", format!("Bearer {access_token}"));
            video = call(target, request, Vec::new()).await?;
        }
        anyhow::Ok(video)
    };
    let video = timeout(PLAYABLE_AFTER_MAX, ready).await.context("the clip was not ready in time")??;
    match &video.failure {
        Some(failure) => bail!("the clip failed: {}", failure.detail),
        None => Ok(video),
    }
}

fn multipart() -> Vec<u8> {
    let mut body = Vec::with_capacity(CLIP.len() + 512);
    for (name, value) in [("title", "Load test"), ("visibility", "public")] {
        let field =
            format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(field.as_bytes());
    }
    let head = format!(
        "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"one-second.mp4\"\r\n\
         content-type: video/mp4\r\n\r\n"
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(CLIP);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    body
}

async fn call<T: DeserializeOwned>(
    target: &str,
    request: hyper::http::request::Builder,
    body: Vec<u8>,
) -> anyhow::Result<T> {
    let request = request.header("host", target).body(Full::new(Bytes::from(body)))?;
    timeout(DEADLINE, exchange(target, request)).await.context("no answer in time")?
}

async fn exchange<T: DeserializeOwned>(target: &str, request: Request<Full<Bytes>>) -> anyhow::Result<T> {
    let stream = TcpStream::connect(target).await.with_context(|| format!("no server at {target}"))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let answer = async {
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        drop(sender);
        anyhow::Ok((status, body))
    };
    let (answer, _closed) = tokio::join!(answer, connection);
    let (status, body) = answer?;
    if status == StatusCode::TOO_MANY_REQUESTS {
        bail!("all users share an address: start the server with PLAYHOUSE__LIMITS__ENABLED=false");
    }
    if !status.is_success() {
        bail!("{status}: {}", String::from_utf8_lossy(&body));
    }
    serde_json::from_slice(&body)
        .with_context(|| format!("unexpected body: {}", String::from_utf8_lossy(&body)))
}
