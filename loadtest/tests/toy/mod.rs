//! A toy of a server: it registers anyone, has one video, and every socket is alone in its room. It can lose or repeat an
//! event, which the real one cannot be asked to.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{
    Message, accept_hdr,
    handshake::server::{ErrorResponse, Request, Response},
    http::HeaderValue,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manners {
    Good,
    /// The third event of each socket is never sent.
    LosesOne,
    /// The third event of each socket is sent twice.
    RepeatsOne,
    /// A socket that is new ends at its third comment, which is neither made nor answered.
    HangsUp,
}

pub struct Toy {
    address: SocketAddr,
    comments: Arc<AtomicU64>,
}

impl Toy {
    pub fn start(manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let (address, comments) = (listener.local_addr().expect("an address"), Arc::new(AtomicU64::new(0)));
        let counted = comments.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let counted = counted.clone();
                thread::spawn(move || serve(stream, manners, &counted));
            }
        });
        Self { address, comments }
    }

    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Comments it acknowledged.
    pub fn comments(&self) -> u64 {
        self.comments.load(Ordering::SeqCst)
    }
}

fn serve(stream: TcpStream, manners: Manners, counted: &AtomicU64) {
    let mut start = [0; 15];
    while stream.peek(&mut start).is_ok_and(|read| read > 0 && read < start.len()) {}
    if &start == b"GET /api/v1/ws " {
        sit(stream, manners, counted);
    } else {
        answer(stream);
    }
}

/// Answers one request after the other until the client has no more.
fn answer(mut stream: TcpStream) {
    let mut bytes = Vec::new();
    let mut more = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut more) {
        bytes.extend_from_slice(&more[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            head.to_lowercase().split("content-length: ").nth(1).map_or(0, |rest| {
                rest.lines().next().and_then(|digits| digits.trim().parse().ok()).unwrap_or(0)
            });
        if body.len() < length {
            continue;
        }
        bytes.clear();
        let body = said_to(head.lines().next().unwrap_or_default()).to_string();
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn said_to(request: &str) -> Value {
    let channel = json!({"id": "c", "handle": "c", "title": "c", "avatar_color": "#000000"});
    let video = json!({
        "id": "v", "title": "Load test 0", "description": "", "tags": [], "duration_ms": 1000, "views": 0, "likes": 0,
        "dislikes": 0, "comments": 0, "source_range": "standard", "status": "ready", "progress": {"stage": "done", "percent": 100},
        "failure": null, "visibility": "public", "encryption": "none", "chapters": [], "channel": channel, "renditions": [], "thumbnails": null,
        "reaction": "none", "created_at": "", "published_at": null,
    });
    let user = json!({
        "id": "u", "username": "u", "display_name": "u", "avatar_url": null, "channel_id": "c", "roles": [],
    });
    if request.contains("/auth/register") {
        json!({"access_token": "t", "refresh_token": "r", "expires_in_s": 600, "user": user})
    } else if request.contains("/videos/") {
        video
    } else {
        json!({"items": [video], "next_cursor": null})
    }
}

fn sit(stream: TcpStream, manners: Manners, counted: &AtomicU64) {
    #[expect(clippy::result_large_err, reason = "the signature is tungstenite's")]
    fn choose(_request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
        let json = HeaderValue::from_static("playhouse.v1.json");
        response.headers_mut().insert("sec-websocket-protocol", json);
        Ok(response)
    }
    let Ok(mut socket) = accept_hdr(stream, choose) else { return };
    let (mut offset, mut is_new) = (0_u64, true);
    while let Ok(message) = socket.read() {
        let Message::Text(text) = message else { continue };
        let asked: Value = serde_json::from_str(&text).expect("JSON");
        let (id, room) = (&asked["id"], &asked["room"]);
        let mut say = |frame: String| socket.send(Message::text(frame)).is_ok();
        // As the real one writes them: `re` comes first.
        let ok = |body: Value| format!(r#"{{"re":{id},"ok":{body}}}"#);
        let going_on = match asked["op"].as_str() {
            Some("join") => {
                if let Some(since) = asked["since"]["offset"].as_u64() {
                    (offset, is_new) = (since, false);
                }
                say(ok(json!({
                    "room": room, "epoch": "e", "offset": offset, "recovered": !is_new, "comments": [],
                })))
            }
            Some("comment") if manners == Manners::HangsUp && is_new && offset == 2 => {
                say(json!({"ev": "bye", "code": 4000, "detail": "", "reconnect_after_ms": 50}).to_string());
                false
            }
            Some("comment") => {
                offset += 1;
                counted.fetch_add(1, Ordering::SeqCst);
                let comment = json!({"id": format!("v-{offset}"), "video_id": "v", "text": asked["text"]});
                let event = json!({"ev": "comments", "room": room, "offset": offset, "items": [comment]});
                let times = match manners {
                    Manners::LosesOne if offset == 3 => 0,
                    Manners::RepeatsOne if offset == 3 => 2,
                    _ => 1,
                };
                (0..times).all(|_| say(event.to_string()))
                    && say(ok(json!({"comment": comment, "offset": offset})))
            }
            _ => say(ok(json!({}))),
        };
        if !going_on {
            return;
        }
    }
}
