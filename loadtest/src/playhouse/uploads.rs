//! Uploading a clip, by form and by tus, and waiting until it plays.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, bail, ensure};
use hyper::{Request, body::Bytes};
use playhouse_protocol::rest::{Video, VideoStatus};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::{
    http::{Answer, Http},
    rest,
};

const PLAYABLE_AFTER_MAX: Duration = Duration::from_secs(300);
const POLL: Duration = Duration::from_millis(250);
const BOUNDARY: &str = "playhouse-loadtest-boundary";
/// A tus client sends a file in pieces; this many, so that resuming by offset is in use.
const PIECES: usize = 3;
const REPEAT_AFTER: Duration = Duration::from_millis(500);

/// A file to upload.
#[derive(Clone)]
pub struct Clip {
    pub bytes: Arc<[u8]>,
    pub title: String,
}

impl Clip {
    /// One second of a test picture and a tone, made with ffmpeg's testsrc2 and sine.
    pub fn built_in(title: &str) -> Self {
        let bytes: &[u8] = include_bytes!("../../assets/one-second.mp4");
        Self { bytes: bytes.into(), title: title.to_owned() }
    }
}

/// `POST /videos` as a form; gives the video's id once it is accepted.
pub async fn by_form(http: &Http, access_token: &str, clip: &Clip) -> anyhow::Result<String> {
    let request = Request::post("/api/v1/videos")
        .header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"));
    let answer = http.call(request, Some(access_token), form(clip)).await?;
    let video: Video = answer.hoped_for().context("a clip could not be uploaded")?.json()?;
    Ok(video.id)
}

fn form(clip: &Clip) -> Vec<u8> {
    let mut body = Vec::with_capacity(clip.bytes.len() + 512);
    for (name, value) in [("title", clip.title.as_str()), ("visibility", "public")] {
        let field =
            format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(field.as_bytes());
    }
    let head = format!(
        "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"clip.mp4\"\r\n\
         content-type: video/mp4\r\n\r\n"
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(&clip.bytes);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    body
}

/// tus 1.0.0: create, then the file in pieces; gives the video's id once the last one is in. Where requests may be repeated,
/// an upload whose line breaks goes on from where the server says that it stands.
pub async fn by_tus(http: &Http, access_token: &str, clip: &Clip) -> anyhow::Result<String> {
    let mut repeats = http.repeats;
    let path = loop {
        match begin(http, access_token, clip).await {
            Err(_) if repeats > 0 => repeats -= 1,
            path => break path?,
        }
        sleep(REPEAT_AFTER).await;
    };
    let (mut offset, piece_len) = (0, clip.bytes.len().div_ceil(PIECES));
    loop {
        let piece = &clip.bytes[offset..clip.bytes.len().min(offset + piece_len)];
        let answer = match add(http, access_token, &path, offset, piece).await {
            Err(_) if repeats > 0 => {
                repeats -= 1;
                sleep(REPEAT_AFTER).await;
                let asked = Request::head(&path).header("tus-resumable", "1.0.0");
                http.call(asked, Some(access_token), Bytes::new()).await?.hoped_for()?
            }
            answer => answer?,
        };
        let stands_at = answer.header("upload-offset").and_then(|text| text.parse().ok());
        offset = stands_at.filter(|offset| *offset <= clip.bytes.len()).context("no offset")?;
        if offset == clip.bytes.len() {
            let video = answer.header("playhouse-video-id").map(str::to_owned);
            return video.context("a finished upload without a video");
        }
    }
}

/// Gives the path of a new upload.
async fn begin(http: &Http, access_token: &str, clip: &Clip) -> anyhow::Result<String> {
    let metadata = format!("title {},visibility {}", base64(clip.title.as_bytes()), base64(b"public"));
    let request = Request::post("/api/v1/uploads")
        .header("tus-resumable", "1.0.0")
        .header("idempotency-key", base64(clip.title.as_bytes()))
        .header("upload-length", clip.bytes.len())
        .header("upload-metadata", metadata);
    let created = http.call(request, Some(access_token), Bytes::new()).await?.hoped_for()?;
    Ok(created.header("location").context("an upload without a location")?.to_owned())
}

async fn add(
    http: &Http,
    access_token: &str,
    path: &str,
    offset: usize,
    piece: &[u8],
) -> anyhow::Result<Answer> {
    let request = Request::patch(path)
        .header("tus-resumable", "1.0.0")
        .header("upload-offset", offset)
        .header("content-type", "application/offset+octet-stream");
    let answer = http.call(request, Some(access_token), Bytes::copy_from_slice(piece)).await?.hoped_for()?;
    let expected = (offset + piece.len()).to_string();
    ensure!(
        answer.header("upload-offset") == Some(&expected),
        "the server has another offset than {expected}"
    );
    Ok(answer)
}

/// Asks until the video plays; fails when it will never.
pub async fn until_ready(http: &Http, id: &str, access_token: &str) -> anyhow::Result<()> {
    let asking = async {
        let mut polls = interval(POLL);
        polls.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            polls.tick().await;
            let video = rest::video(http, id, Some(access_token)).await?;
            match (video.status, video.failure) {
                (VideoStatus::Ready, _) => return Ok(()),
                (VideoStatus::Failed, failure) => {
                    bail!("the clip failed: {}", failure.map_or("no reason".to_owned(), |why| why.detail))
                }
                _ => {}
            }
        }
    };
    timeout(PLAYABLE_AFTER_MAX, asking).await.context("a clip was not ready in time")?
}

/// RFC 4648, with padding: what tus wants its metadata in.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits =
            three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..4 {
            let letter = ALPHABET[(bits >> (18 - 6 * place) & 0x3f) as usize];
            text.push(if place <= three.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_encoded_as_rfc_4648_has_it() {
        for (plain, encoded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }

    #[test]
    fn a_form_ends_with_its_boundary_and_holds_the_file() {
        let clip = Clip { bytes: b"bytes".as_slice().into(), title: "T".to_owned() };
        let form = String::from_utf8(form(&clip)).unwrap();
        assert!(form.ends_with("bytes\r\n--playhouse-loadtest-boundary--\r\n"), "{form}");
        assert!(form.contains("name=\"title\"\r\n\r\nT\r\n"));
    }
}
