//! The parser alone, a hundred times as fast as through sockets: what it makes of a stream does not depend on how the
//! stream is cut, and it is what the model says.

use std::{convert::Infallible, ops::ControlFlow};

use playhouse::http::ws::parser::{Parser, Said, Unreadable};

use super::{
    Budget, Random, hex,
    model::{Ending, judge},
    requests,
    streams::any_stream,
    streams_of_corpus,
};
use crate::frames;

const FRAME_BYTES_MAX: usize = 16_384;

/// Everything a parser has said of a stream.
#[derive(Debug, PartialEq)]
struct Outcome {
    said: Vec<Said>,
    replies: Vec<u8>,
    end: Option<Unreadable>,
}

fn parse<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut parser = Parser::new(FRAME_BYTES_MAX);
    let mut outcome = Outcome { said: Vec::new(), replies: Vec::new(), end: None };
    for piece in pieces {
        let said = &mut outcome.said;
        let fed = parser.feed(piece, &mut outcome.replies, |whole| {
            said.push(whole);
            ControlFlow::<Infallible>::Continue(())
        });
        if let Err(end) = fed {
            outcome.end = Some(end);
            break;
        }
    }
    outcome
}

fn cut<'a>(random: &mut Random, mut bytes: &'a [u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    while !bytes.is_empty() {
        let (piece, rest) = bytes.split_at((1 + random.below(60)).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}

/// What is wrong with how a stream was taken.
fn complaint(random: &mut Random, bytes: &[u8]) -> Option<String> {
    let whole = parse([bytes]);
    for pieces in [cut(random, bytes), bytes.chunks(1).collect()] {
        let piecewise = parse(pieces.iter().copied());
        if piecewise != whole {
            return Some(format!("{whole:?} as a whole, and {piecewise:?} in pieces"));
        }
    }
    let mut replies = whole.replies.clone();
    let mut pongs = Vec::new();
    while let Ok(Some(frame)) = frames::take(&mut replies) {
        pongs.extend((frame.opcode == frames::PONG).then_some(frame.payload));
    }
    let verdict = judge(bytes);
    let agrees = match verdict.ending {
        Ending::Open => whole.end.is_none() && whole.said.len() == verdict.answers,
        // A message that is no request is refused by others, and the parser goes on.
        Ending::Refused | Ending::OpenOrRefused => return None,
        Ending::Closing(_) => whole.end == Some(Unreadable::Closed),
        Ending::Failed | Ending::Closed => whole.end.is_some(),
    };
    let agrees = agrees && pongs == verdict.pongs;
    (!agrees).then(|| format!("{whole:?} where the model says {verdict:?}"))
}

#[test]
fn the_parser_makes_the_same_of_a_stream_however_it_is_cut() {
    let budget = Budget::of_environment("parser");
    let mut random = Random::new(budget.seed);
    let requests: Vec<String> = requests().iter().map(ToString::to_string).collect();
    let corpus = streams_of_corpus();
    let mut streams = 0_u64;
    for bytes in &corpus {
        assert_eq!(complaint(&mut random, bytes), None, "{}", hex(bytes));
    }
    while !budget.is_over() {
        let bytes = any_stream(&mut random, &requests, &corpus);
        let complaint = complaint(&mut random, &bytes);
        assert_eq!(complaint, None, "FUZZ_SEED={} stream {streams}: {}", budget.seed, hex(&bytes));
        streams += 1;
    }
    eprintln!("{streams} streams parsed");
}
