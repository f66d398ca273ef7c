//! The loop over channels: no socket, no server.

use std::sync::{Arc, Mutex};

use futures_util::stream;
use playhouse_protocol::realtime::Op;
use tokio::sync::mpsc;
use tokio_util::sync::PollSender;

use super::*;
use crate::{
    actors::seat,
    domain::clock::{ManualClock, Timestamp},
    telemetry::tasks,
};

/// Hears as many requests as it is told to.
#[derive(Clone)]
struct Ears {
    heard: Arc<Mutex<Vec<Request>>>,
    heard_max: usize,
    checks: mpsc::UnboundedSender<()>,
}

impl Listener for Ears {
    fn hear(&self, request: Request, _bytes: usize) -> Result<(), Overloaded> {
        let mut heard = self.heard.lock().unwrap();
        if heard.len() == self.heard_max {
            return Err(Overloaded);
        }
        heard.push(request);
        Ok(())
    }

    fn check_token(&self) {
        self.checks.send(()).ok();
    }
}

struct Bench {
    seat: Seat,
    clock: Arc<ManualClock>,
    drain: CancellationToken,
    heard: Arc<Mutex<Vec<Request>>>,
    checks: mpsc::UnboundedReceiver<()>,
    to_server: mpsc::Sender<Result<Message, String>>,
    from_server: mpsc::Receiver<Message>,
    ended: tokio::task::JoinHandle<Ended>,
}

const DEADLINE: Duration = Duration::from_secs(20);

/// A loop that may write so many messages before somebody reads.
fn bench(options: Options, unread_max: usize) -> Bench {
    let metrics = Metrics::new();
    let (seat, outbox) = seat::pair(Encoding::Json, 1_000, metrics.clone());
    let (to_server, stream) = mpsc::channel(100);
    let (sink, from_server) = mpsc::channel(unread_max);
    let (checks_sender, checks) = mpsc::unbounded_channel();
    let heard = Arc::<Mutex<Vec<Request>>>::default();
    let ears = Ears { heard: heard.clone(), heard_max: 2, checks: checks_sender };
    let (clock, drain) = (Arc::new(ManualClock::at(Timestamp(1_000))), CancellationToken::new());
    let (own_clock, own_drain) = (clock.clone(), drain.clone());
    let ended = tasks::spawn("test_socket", async move {
        let (options, metrics) = (options, metrics);
        let socket = Socket {
            outbox,
            session: ears,
            clock: own_clock,
            options: &options,
            metrics: &metrics,
            drain: own_drain,
        };
        let stream = stream::unfold(stream, async |mut stream| Some((stream.recv().await?, stream)));
        run(Box::pin(stream), PollSender::new(sink), socket).await
    });
    Bench { seat, clock, drain, heard, checks, to_server, from_server, ended }
}

fn quick() -> Options {
    Options { close_deadline: Duration::from_millis(50), ..Options::default() }
}

impl Bench {
    async fn say(&self, message: Message) {
        self.to_server.send(Ok(message)).await.unwrap();
    }

    async fn read(&mut self) -> Message {
        timeout(DEADLINE, self.from_server.recv()).await.unwrap().unwrap()
    }

    /// The close code, and the `bye` that came right before it.
    async fn read_close(&mut self) -> (u16, serde_json::Value) {
        let mut last = None;
        loop {
            match self.read().await {
                Message::Close(frame) => {
                    let Some(Message::Text(bye)) = last else { panic!("no bye before the close") };
                    return (frame.unwrap().code, serde_json::from_str(&bye).unwrap());
                }
                message => last = Some(message),
            }
        }
    }

    async fn ended(self) -> Ended {
        timeout(DEADLINE, self.ended).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn requests_reach_the_session_and_frames_reach_the_client() {
    let mut bench = bench(quick(), 10);
    bench.say(Message::text(r#"{"id":1,"op":"ping"}"#)).await;
    bench.say(Message::text(r#"{"id":2,"op":"fly"}"#)).await;
    let Message::Text(answer) = bench.read().await else { panic!("an answer is text") };
    assert!(answer.starts_with(r#"{"re":2,"problem":{"code":"unknown_op""#), "{answer}");
    assert_eq!(bench.heard.lock().unwrap()[0].op, Op::Ping);
    bench.seat.send(Bytes::from_static(b"one"));
    bench.seat.send(Bytes::from_static(b"two"));
    assert_eq!((bench.read().await, bench.read().await), (Message::text("one"), Message::text("two")));
    bench.say(Message::Close(None)).await;
    assert_eq!(bench.ended().await, Ended::Gone);
}

#[tokio::test]
async fn what_cannot_go_on_ends_with_a_bye_and_its_code() {
    let ping = || Message::text(r#"{"id":1,"op":"ping"}"#);
    let large = Message::text(format!(r#"{{"id":1,"op":"ping","x":"{}"}}"#, "x".repeat(20_000)));
    for (messages, code) in [
        (vec![Message::binary("x")], 4002),
        (vec![Message::text("x")], 4002),
        (vec![large], 4002),
        (vec![ping(), ping(), ping()], 4004),
    ] {
        let mut bench = bench(quick(), 10);
        for message in messages {
            bench.say(message).await;
        }
        let (closed, bye) = bench.read_close().await;
        assert_eq!((closed, &bye["code"], &bye["ev"]), (code, &code.into(), &"bye".into()));
        assert!(bench.seat.is_closed(), "rooms see at once that nobody listens");
    }
    let mut bench = bench(quick(), 10);
    bench.to_server.send(Err("Space limit exceeded".into())).await.unwrap();
    assert_eq!(bench.read_close().await.0, 4002);
}

#[tokio::test]
async fn a_connection_that_breaks_off_is_gone() {
    for error in ["IO error: broken pipe", "Connection reset without closing handshake"] {
        let bench = bench(quick(), 10);
        bench.to_server.send(Err(error.into())).await.unwrap();
        assert_eq!(bench.ended().await, Ended::Gone, "{error}");
    }
}

#[tokio::test]
async fn a_ping_without_an_answer_ends_the_socket_and_an_answer_keeps_it() {
    let options =
        Options { ping_interval: Duration::from_millis(5), pong_deadline: Duration::from_secs(2), ..quick() };
    let mut bench = bench(options, 100);
    for _ in 0..3 {
        assert_eq!(bench.read().await, Message::Ping(Bytes::new()));
        bench.say(Message::Pong(Bytes::new())).await;
    }
    assert_eq!(bench.read_close().await.0, 4000);
}

#[tokio::test]
async fn a_reader_that_does_not_read_is_cut_even_while_a_write_waits_for_it() {
    let mut bench = bench(Options { close_deadline: DEADLINE, ..quick() }, 1);
    let frame = Bytes::from(vec![b'x'; 400]);
    for _ in 0..3 {
        bench.seat.send(frame.clone());
        tokio::task::yield_now().await;
    }
    while !bench.seat.is_closed() {
        bench.seat.send(frame.clone());
        tokio::task::yield_now().await;
    }
    // Only now does it read again, and hears why.
    let (code, bye) = bench.read_close().await;
    assert_eq!((code, &bye["code"]), (4001, &4001.into()));
}

#[tokio::test]
async fn a_reader_that_never_reads_again_is_left_behind() {
    let options = Options { write_deadline: Duration::from_millis(20), ..quick() };
    let bench = bench(options, 1);
    for _ in 0..2 {
        bench.seat.send(Bytes::from_static(b"x"));
    }
    let ended = timeout(DEADLINE, bench.ended).await.unwrap().unwrap();
    let Ended::Closed(close) = ended else { panic!("{ended:?}") };
    assert_eq!(close.code, CloseCode::SlowReader);
}

#[tokio::test]
async fn a_server_that_goes_away_says_so() {
    let mut bench = bench(quick(), 10);
    bench.seat.send(Bytes::from_static(b"one"));
    assert_eq!(bench.read().await, Message::text("one"));
    bench.drain.cancel();
    let (code, bye) = bench.read_close().await;
    assert_eq!(code, 4000);
    assert!(bye["reconnect_after_ms"].as_u64().unwrap() >= 200);
    assert!(matches!(bench.ended().await, Ended::Closed(_)));
}

#[tokio::test]
async fn the_session_is_asked_about_its_token_when_that_is_due() {
    let mut bench = bench(quick(), 10);
    bench.seat.set_token_expires_at(Timestamp(1_500));
    // Wakes the loop, which then sees when the token ends.
    bench.say(Message::text(r#"{"id":1,"op":"ping"}"#)).await;
    bench.clock.advance(Duration::from_secs(1));
    timeout(DEADLINE, bench.checks.recv()).await.unwrap().unwrap();
}
