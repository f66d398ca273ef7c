//! The frame path: streams of frames, changed and cut anywhere, through sockets to the real program. It has to do what
//! the model says, and to serve everybody else meanwhile.

use std::{net::SocketAddr, time::Duration};

use futures_util::future::join_all;
use tokio::{io::AsyncWriteExt, time::timeout};

use super::{
    Budget, Random, hex,
    model::{Ending, Verdict, judge},
    mutate, requests, streams_of_corpus,
};
use crate::{
    conversation::{Bed, DEADLINE, Heard, Peer, Speaks, asking},
    frames::{self, Frame, TEXT, close, fragments, frame, ping, pong, text},
};

/// Streams under way at the same time.
const AT_ONCE: u64 = 8;
/// Below what one session may have in flight: that bound has tests of its own.
const STREAM_BYTES_MAX: usize = 40_000;

fn any_frame(random: &mut Random, requests: &[String]) -> Vec<Frame> {
    let words = random.pick(requests).clone().into_bytes();
    let len = 1 + random.below(words.len());
    let frames = match random.below(10) {
        0..=3 => vec![text(words)],
        4 | 5 => fragments(TEXT, &words, len),
        6 => vec![ping(vec![random.byte(); random.below(127)])],
        7 => vec![pong(vec![random.byte(); random.below(127)])],
        8 => vec![close(*random.pick(&[1000, 1001, 1005, 1006, 1014, 2999, 3000, 4999]), "why")],
        _ => vec![frame(random.byte() & 0x0f, words)],
    };
    let spoiled = random.below(12) == 0;
    let spoil = |frame: Frame, random: &mut Random| match random.below(5) {
        0 => frame.unmasked(),
        1 => frame.unfinished(),
        2 => frame.reserved(1 + random.byte() % 7),
        3 => frame.declaring(random.next() >> random.below(64)),
        _ => frame.masked_with([0; 4]),
    };
    frames.into_iter().map(|frame| if spoiled { spoil(frame, random) } else { frame }).collect()
}

pub fn any_stream(random: &mut Random, requests: &[String], corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..=random.below(6) {
        match random.below(4) {
            0 => bytes.extend_from_slice(random.pick::<Vec<u8>>(corpus)),
            _ => bytes.extend(any_frame(random, requests).iter().flat_map(Frame::bytes)),
        }
    }
    if random.below(3) == 0 {
        mutate(random, &mut bytes);
    }
    bytes.truncate(STREAM_BYTES_MAX);
    bytes
}

/// Sends a stream in pieces cut at random and compares what comes back with what the model says.
async fn try_stream(addr: SocketAddr, random: &mut Random, bytes: &[u8]) -> Result<(), String> {
    let Verdict { answers, mut pongs, ending } = judge(bytes);
    let mut peer = Peer::open(addr, Speaks::Json).await;
    let mut rest = bytes;
    while !rest.is_empty() {
        let len = (1 + random.below(400)).min(rest.len());
        peer.send(&rest[..len]).await;
        rest = &rest[len..];
    }
    let mut answered = 0;
    let whole = matches!(ending, Ending::Open);
    while whole && (answered < answers || !pongs.is_empty()) {
        match peer.hear().await? {
            Heard::Answer(_) | Heard::Problem(_) => answered += 1,
            Heard::Pong(payload) if pongs.first() == Some(&payload) => drop(pongs.remove(0)),
            other => {
                return Err(format!(
                    "{other:?} after {answered} of {answers} answers, {} pongs missing",
                    pongs.len()
                ));
            }
        }
    }
    if matches!(ending, Ending::Open | Ending::OpenOrRefused) {
        drop(peer.stream.shutdown().await);
    }
    finish(&mut peer, &ending, answers - answered, pongs).await
}

/// Hears the rest: at most so many answers and these pongs, and the right end.
async fn finish(
    peer: &mut Peer,
    ending: &Ending,
    mut answers: usize,
    mut pongs: Vec<Vec<u8>>,
) -> Result<(), String> {
    let mut refused = false;
    loop {
        match peer.hear().await? {
            Heard::Answer(_) | Heard::Problem(_) if answers > 0 && !refused => answers -= 1,
            Heard::Pong(payload) if pongs.contains(&payload) => {
                pongs.drain(..=pongs.iter().position(|pong| *pong == payload).unwrap_or(0));
            }
            Heard::Bye(4002)
                if matches!(ending, Ending::Refused | Ending::OpenOrRefused | Ending::Failed) =>
            {
                refused = true;
            }
            Heard::Close(code) => {
                let right = match ending {
                    Ending::Refused | Ending::OpenOrRefused => refused && code == Some(4002),
                    Ending::Closing(asked) => code == *asked || code == Some(1000),
                    Ending::Failed => matches!(code, Some(1002 | 1007 | 4002)),
                    Ending::Closed => true,
                    Ending::Open => false,
                };
                if !right {
                    return Err(format!("closed with {code:?} where {ending:?} was right"));
                }
                peer.send(&frames::close(code.unwrap_or(1000), "").bytes()).await;
                // Behind half a frame the close is not seen; the end of the stream is.
                drop(peer.stream.shutdown().await);
            }
            Heard::End if *ending == Ending::Refused && !refused => {
                return Err("it hung up without a word".into());
            }
            Heard::End => return Ok(()),
            other => return Err(format!("{other:?} where {ending:?} was right")),
        }
    }
}

async fn attack(addr: SocketAddr, budget: &Budget, lane: u64) -> Result<u64, String> {
    let mut random = Random::new(budget.seed.wrapping_add(lane));
    let requests: Vec<String> = requests().iter().map(ToString::to_string).collect();
    let corpus = streams_of_corpus();
    let mut streams = 0;
    for bytes in &corpus {
        try_stream(addr, &mut random, bytes).await.map_err(|wrong| format!("{wrong}: {}", hex(bytes)))?;
    }
    while !budget.is_over() {
        let bytes = any_stream(&mut random, &requests, &corpus);
        let outcome = timeout(2 * DEADLINE, try_stream(addr, &mut random, &bytes)).await;
        let outcome = outcome.unwrap_or_else(|_| Err("no end".into()));
        outcome.map_err(|wrong| format!("lane {lane}, stream {streams}: {wrong}: {}", hex(&bytes)))?;
        streams += 1;
    }
    Ok(streams)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_frame_path_does_what_the_model_says_of_any_bytes() {
    let budget = Budget::of_environment("streams");
    let bed = Bed::start(&[]);
    let mut bystander = Peer::open(bed.addr, Speaks::Json).await;
    let lanes = join_all((0..AT_ONCE).map(|lane| attack(bed.addr, &budget, lane))).await;
    let lanes: Result<Vec<u64>, String> = lanes.into_iter().collect();
    let streams: u64 = lanes
        .map_err(|wrong| format!("FUZZ_SEED={}: {wrong}", budget.seed))
        .expect("as the model says")
        .iter()
        .sum();
    eprintln!("{streams} streams");
    bystander.send(&text(asking(7)).bytes()).await;
    assert_eq!(timeout(Duration::from_secs(5), bystander.hear()).await, Ok(Ok(Heard::Answer(7))));
    assert!(!bed.log().contains("panicked"), "{}", bed.log());
}

/// The model itself is held against the rows that the program passes.
#[test]
fn the_model_knows_good_from_bad() {
    let asked = || text(asking(1)).bytes();
    let verdict = |bytes: &[u8]| judge(bytes).ending;
    assert_eq!(judge(&[asked(), asked()].concat()).answers, 2);
    assert_eq!(judge(&ping("x").bytes()).pongs, [b"x"]);
    assert_eq!(verdict(&close(1000, "").bytes()), Ending::Closing(Some(1000)));
    assert_eq!(verdict(&close(1005, "").bytes()), Ending::Failed);
    assert_eq!(verdict(&text("x").bytes()), Ending::Refused);
    assert_eq!(verdict(&text(asking(1)).unmasked().bytes()), Ending::Refused);
    assert_eq!(verdict(&text(asking(1)).reserved(4).bytes()), Ending::Refused);
    assert_eq!(verdict(&asked()[..3]), Ending::Open);
}
