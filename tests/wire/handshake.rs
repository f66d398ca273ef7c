//! The upgrade (RFC 6455, section 4.2): who is let in, who is not, and what they are told.

use std::time::Duration;

use tokio::{io::AsyncReadExt, time::timeout};

use crate::conversation::{Bed, DEADLINE, Heard, Peer, asking};
use crate::frames::text;

const START: &str = "GET /api/v1/ws HTTP/1.1";
const GOOD: &[(&str, &str)] = &[
    ("Host", "x"),
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

/// The good request with some headers instead of its own, or without them where the value is empty.
fn head(start: &str, changed: &[(&str, &str)]) -> String {
    let kept = GOOD.iter().filter(|(name, _)| changed.iter().all(|(other, _)| other != name));
    let lines = kept.chain(changed).filter(|(_, value)| !value.is_empty());
    let lines: String = lines.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("{start}\r\n{lines}\r\n")
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status line")
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let named = |line: &'a str| line.split_once(": ").filter(|(found, _)| found.eq_ignore_ascii_case(name));
    answer.lines().find_map(named).map(|(_, value)| value)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_ask_properly_are_upgraded() {
    let bed = Bed::start(&[]);
    let protocols = |asked| ("Sec-WebSocket-Protocol", asked);
    for (changed, chosen) in [
        (&[][..], None),
        (&[("Connection", "keep-alive, Upgrade")], None),
        (&[("Connection", "upgrade"), ("Upgrade", "WebSocket")], None),
        (&[("Origin", "https://elsewhere.example")], None),
        (&[protocols("playhouse.v1.json")], Some("playhouse.v1.json")),
        (&[protocols("playhouse.v1.msgpack")], Some("playhouse.v1.msgpack")),
        (&[protocols("soap, playhouse.v1.json")], Some("playhouse.v1.json")),
        (&[protocols("soap")], None),
        (&[("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")], None),
    ] {
        let (_, answer) = Peer::knock(bed.addr, head(START, changed).as_bytes()).await;
        assert_eq!(status(&answer), 101, "{changed:?}: {answer}");
        assert_eq!(header(&answer, "Sec-WebSocket-Accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        assert_eq!(header(&answer, "Sec-WebSocket-Protocol"), chosen, "{changed:?}");
        assert_eq!(header(&answer, "Sec-WebSocket-Extensions"), None, "there is no compression");
        let upgrade = header(&answer, "Upgrade").expect("RFC 6455, 4.2.2");
        assert!(upgrade.eq_ignore_ascii_case("websocket"), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_do_not_are_told_why_and_nothing_is_upgraded() {
    let bed = Bed::start(&[]);
    let version = |version| ("Sec-WebSocket-Version", version);
    let key = |key| ("Sec-WebSocket-Key", key);
    let refused = [
        (START, &[version("8")][..], &[426][..]),
        (START, &[version("14")], &[426]),
        (START, &[version("")], &[400, 426]),
        (START, &[key("")], &[400]),
        (START, &[key("short")], &[400]),
        (START, &[("Upgrade", "")], &[400, 426]),
        (START, &[("Upgrade", "h2c")], &[400, 426]),
        (START, &[("Connection", "")], &[400, 426]),
        (START, &[("Connection", "close")], &[400, 426]),
        ("POST /api/v1/ws HTTP/1.1", &[("Content-Length", "0")], &[405]),
        ("PUT /api/v1/ws HTTP/1.1", &[("Content-Length", "0")], &[405]),
        ("GET /api/v1/ws HTTP/1.0", &[], &[400, 426, 505]),
        ("GET /api/v1/wss HTTP/1.1", &[], &[404]),
    ];
    let mut wrong = Vec::new();
    for (start, changed, statuses) in refused {
        let (mut peer, answer) = Peer::knock(bed.addr, head(start, changed).as_bytes()).await;
        peer.send(&text(asking(1)).bytes()).await;
        let mut rest = Vec::new();
        // It hangs up, or takes it for the next request; it never answers as a socket.
        drop(timeout(Duration::from_millis(100), peer.stream.read_to_end(&mut rest)).await);
        let explained = match status(&answer) {
            426 if statuses == [426] => header(&answer, "Sec-WebSocket-Version") == Some("13"),
            426 => header(&answer, "Upgrade") == Some("websocket"),
            405 => header(&answer, "Allow").is_some_and(|allow| allow.contains("GET")),
            _ => true,
        };
        let right = statuses.contains(&status(&answer))
            && explained
            && header(&answer, "Content-Type") == Some("application/problem+json")
            && !String::from_utf8_lossy(&rest).contains("\"re\":1");
        if !right {
            wrong.push(format!("{start} {changed:?} is to be answered with {statuses:?}: {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_may_come_with_the_first_frames_and_in_single_bytes() {
    let bed = Bed::start(&[]);
    let first = [head(START, &[]).into_bytes(), text(asking(1)).bytes(), text(asking(2)).bytes()].concat();
    let (mut peer, answer) = Peer::knock(bed.addr, &first).await;
    assert_eq!(status(&answer), 101, "{answer}");
    assert_eq!(peer.hear().await, Ok(Heard::Answer(1)));
    assert_eq!(peer.hear().await, Ok(Heard::Answer(2)));

    let first = [head(START, &[]).into_bytes(), text(asking(3)).bytes()].concat();
    let (begin, rest) = first.split_at(1);
    let stream = tokio::net::TcpStream::connect(bed.addr).await.expect("a connection");
    stream.set_nodelay(true).expect("an open socket");
    let mut peer = Peer::over(stream);
    peer.send(begin).await;
    for byte in rest {
        peer.send(&[*byte]).await;
    }
    assert_eq!(status(&peer.answer_head().await), 101);
    assert_eq!(peer.hear().await, Ok(Heard::Answer(3)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_full_says_when_to_come_back_and_takes_others_when_someone_leaves() {
    let bed = Bed::start(&[("LIMITS__SOCKETS_MAX", "2")]);
    let good = head(START, &[]);
    let (first, answer) = Peer::knock(bed.addr, good.as_bytes()).await;
    assert_eq!(status(&answer), 101, "{answer}");
    let (_second, answer) = Peer::knock(bed.addr, good.as_bytes()).await;
    assert_eq!(status(&answer), 101, "{answer}");
    let (_, answer) = Peer::knock(bed.addr, good.as_bytes()).await;
    assert_eq!(status(&answer), 503, "{answer}");
    assert!(header(&answer, "Retry-After").is_some_and(|seconds| seconds.parse::<u64>().is_ok()), "{answer}");
    drop(first);
    let let_in = async {
        while status(&Peer::knock(bed.addr, good.as_bytes()).await.1) != 101 {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, let_in).await.expect("the place is free again");
}
