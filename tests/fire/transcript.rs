//! The worked transcript of `docs/realtime.md`, said and heard by the real program: join, gap, resume, slow reader. The
//! page has to hold what happens here, word for word; `PLAYHOUSE_REGEN=1` writes it anew. Names stand for ids, and `…`
//! for what would differ from run to run or is told elsewhere.

mod brief;

use std::{net::SocketAddr, time::Duration};

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::{net::TcpSocket, time::timeout};

use self::brief::Names;
use crate::{
    ground::{self, Ground},
    person::Socket,
    served::{Program, Served},
};

const ANSWER_MAX: Duration = Duration::from_secs(15);
const BEGIN: &str = "<!-- transcript: written by tests/fire/transcript.rs -->\n";
const END: &str = "<!-- transcript ends -->";

/// What has been said, as the page shows it.
struct Stage {
    addr: SocketAddr,
    ground: Ground,
    names: Names,
    lines: Vec<String>,
}

struct Actor {
    name: &'static str,
    socket: Socket,
}

impl Stage {
    fn room(&self) -> &str {
        &self.ground.videos[0]
    }

    fn tell(&mut self, what: &str) {
        self.lines.push(format!("      … {what} …"));
    }

    fn write(&mut self, name: &str, arrow: char, words: &str) {
        let words = self.names.brief(words);
        self.lines.push(format!("{name:<5}{arrow} {words}"));
    }

    async fn enter(&self, name: &'static str, user: usize) -> Actor {
        let token = Some(self.ground.users[user].token.as_str());
        Actor { name, socket: Socket::connect(self.addr, token).await.expect("a socket") }
    }

    /// Says it and hears the answer. What the room says meanwhile is heard after it.
    async fn ask(&mut self, actor: &mut Actor, request: Value, events: usize) -> Value {
        let id = actor.socket.send(request.clone()).await.expect("an open socket");
        self.write(actor.name, '→', &brief::request(id, &request));
        let (mut answer, mut heard) = (None, Vec::new());
        while answer.is_none() || heard.len() < events {
            let words = self.hear_words(actor).await;
            let said: Value = serde_json::from_str(&words).expect("JSON");
            match said["re"] == json!(id) {
                true => answer = Some((words, said)),
                false => heard.push(words),
            }
        }
        let (words, said) = answer.expect("the loop ends with it");
        self.write(actor.name, '←', &words);
        for words in heard {
            self.write(actor.name, '←', &words);
        }
        said["ok"].clone()
    }

    async fn hear(&mut self, actor: &mut Actor) {
        let words = self.hear_words(actor).await;
        self.write(actor.name, '←', &words);
    }

    /// The next word but counts, which come when they come.
    async fn hear_words(&self, actor: &mut Actor) -> String {
        loop {
            let words = timeout(ANSWER_MAX, actor.socket.hear_words()).await.expect("in time");
            let words = words.expect("an open socket");
            if !words.contains(r#""ev":"counts""#) {
                return words;
            }
        }
    }

    async fn over_rest(&mut self, name: &str, user: usize, method: Method, path: &str, body: Option<Value>) {
        let shown = body.as_ref().map(|body| format!(" {body}")).unwrap_or_default();
        let line = format!("{method} /api/v1{path}{shown}");
        self.write(name, '→', &line);
        let mut request = Client::new().request(method, format!("http://{}/api/v1{path}", self.addr));
        request = request.bearer_auth(&self.ground.users[user].token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        assert!(request.send().await.expect("an answer").status().is_success(), "{line}");
    }
}

fn since(answer: &Value) -> Value {
    json!({"epoch": answer["epoch"], "offset": answer["offset"]})
}

async fn play(addr: SocketAddr, ground: Ground, served: &Served) -> String {
    let names = Names::new(&ground.videos[0]);
    let mut stage = Stage { addr, ground, names, lines: Vec::new() };
    let room = stage.room().to_owned();
    let mut ada = stage.enter("Ada", 1).await;
    let joined = stage.ask(&mut ada, json!({"op": "join", "room": room}), 0).await;
    stage.names.epoch(joined["epoch"].as_str().expect("an epoch"));
    stage.forget_the_first_epoch();
    let comment = json!({"op": "comment", "room": room, "text": "first", "at_ms": 12_000, "key": "5f0c"});
    stage.ask(&mut ada, comment, 1).await;
    let mut bob = stage.enter("Bob", 2).await;
    stage.ask(&mut bob, json!({"op": "join", "room": room}), 0).await;
    let say = |text: &str| json!({"op": "comment", "room": room, "text": text});
    stage.ask(&mut bob, say("hello"), 1).await;
    stage.hear(&mut ada).await;
    drop(ada);
    stage.tell("Ada's network is gone; she keeps epoch e1 and offset 2");
    stage.ask(&mut bob, say("nice"), 1).await;
    stage.ask(&mut bob, say("oops"), 1).await;
    stage
        .over_rest("Bob", 2, Method::PATCH, &format!("/comments/{room}-2"), Some(json!({"text": "hello!"})))
        .await;
    stage.hear(&mut bob).await;
    stage.over_rest("Bob", 2, Method::DELETE, &format!("/comments/{room}-4"), None).await;
    stage.hear(&mut bob).await;
    stage.tell("Ada is back, and gets what she missed");
    let mut ada = stage.enter("Ada", 1).await;
    let last = json!({"epoch": joined["epoch"], "offset": 2});
    let resumed = stage.ask(&mut ada, json!({"op": "join", "room": room, "since": last}), 0).await;
    stage.ask(&mut ada, json!({"op": "react", "room": room, "reaction": "like"}), 0).await;
    let watch = json!({"op": "watch", "room": room, "playback_id": "pb1", "position_ms": 22_000,
        "watched_ms": 10_000, "state": "playing"});
    stage.ask(&mut ada, watch, 0).await;
    drop(ada);
    stage.tell("she is away again, and Bob says more than the room remembers (here: 8 entries)");
    for _ in 0..10 {
        bob.socket.send(say(&"a long story, ".repeat(100))).await.expect("an open socket");
    }
    let last = format!("\"id\":\"{room}-{:x}\"", 16);
    let is_last = |words: String| words.contains(r#""ev":"comments""#) && words.contains(&last);
    while !is_last(stage.hear_words(&mut bob).await) {}
    let mut ada = stage.enter("Ada", 1).await;
    let again = json!({"op": "join", "room": room, "since": since(&resumed)});
    stage.ask(&mut ada, again, 0).await;
    be_slow(&mut stage, served).await;
    stage.lines.join("\n")
}

impl Stage {
    /// The first line was written before the epoch had a name.
    fn forget_the_first_epoch(&mut self) {
        for line in &mut self.lines {
            *line = self.names.named(line);
        }
    }
}

/// Carl asks and asks, and reads nothing, until he is cut off; then he reads, and comes back.
async fn be_slow(stage: &mut Stage, served: &Served) {
    stage.tell("Carl's player asks for the room again and again, and reads none of the answers");
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4_096).expect("a small buffer");
    let stream = socket.connect(stage.addr).await.expect("a connection");
    let socket = Socket::over(stream, stage.addr, None).await.expect("a socket");
    let mut carl = Actor { name: "Carl", socket };
    let room = stage.room().to_owned();
    let joined = stage.ask(&mut carl, json!({"op": "join", "room": room}), 0).await;
    let asking = async {
        // Faster than he reads, and not faster than the server answers.
        while carl.socket.send(json!({"op": "join", "room": room})).await.is_some() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::select! {
        () = asking => {}
        () = cut_off(served) => {}
    }
    stage.tell("he reads what was on its way to him, and then");
    let bye = async {
        loop {
            let words = stage.hear_words(&mut carl).await;
            if words.contains(r#""ev":"bye""#) {
                return words;
            }
        }
    };
    let bye = timeout(ANSWER_MAX, bye).await.expect("a last word");
    stage.write("Carl", '←', &bye);
    assert_eq!(timeout(ANSWER_MAX, carl.socket.hear_words()).await.expect("in time"), None);
    let code = carl.socket.closed.expect("a close");
    stage.lines.push(format!("Carl ← close {code}"));
    stage.tell("after `reconnect_after_ms`, from where he was");
    let socket = Socket::connect(stage.addr, None).await.expect("a socket");
    let mut carl = Actor { name: "Carl", socket };
    stage.ask(&mut carl, json!({"op": "join", "room": room, "since": since(&joined)}), 0).await;
}

/// Until the program says that it has cut someone off for slowness.
async fn cut_off(served: &Served) {
    loop {
        let text = reqwest::get(format!("{}/metrics", served.url())).await.expect("metrics");
        let text = text.text().await.expect("text");
        if text.contains("playhouse_connections_closed_total{code=\"4001\"}") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_transcript_of_the_realtime_page_is_what_happens() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = [
        ("ROOMS__HISTORY_LEN_MAX", "8"),
        ("ROOMS__SNAPSHOT_LEN_MAX", "2"),
        ("ROOMS__OUTBOX_BYTES_MAX", "16384"),
        ("LIMITS__SESSION_IN_FLIGHT_BYTES_MAX", "1048576"),
    ];
    let program = Program::new(folder.path(), &settings);
    let ground = ground::prepare(&program, 3, 1).await;
    let served = program.start();
    let happened = play(program.addr, ground, &served).await;
    let happened = format!("```\n{happened}\n```\n");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/realtime.md");
    let page = std::fs::read_to_string(path).expect("the page");
    let (before, rest) = page.split_once(BEGIN).expect("the mark where it begins");
    let (written, after) = rest.split_once(END).expect("the mark where it ends");
    if std::env::var_os("PLAYHOUSE_REGEN").is_some() {
        std::fs::write(path, format!("{before}{BEGIN}{happened}{END}{after}")).expect("a written page");
    } else {
        assert_eq!(written, happened, "run this test with PLAYHOUSE_REGEN=1 and look at what changed");
    }
}
