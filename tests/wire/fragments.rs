//! Autobahn 5 and 10: messages in pieces, and control frames between the pieces.

use crate::{
    conversation::{
        Heard::{Answer, Pong},
        NEVER,
        Step::{Bytes, Frames, Gather, Hear, Refused, Send},
        asking, asking_in, case, check,
    },
    frames::{Frame, TEXT, continuation, fragments, ping, pong, text},
};

fn halves(id: u64) -> (Frame, Frame) {
    let words = asking(id);
    let (first, second) = words.split_at(7);
    (text(first).unfinished(), continuation(second))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_in_pieces_are_whole_again_and_control_frames_may_come_between() {
    let (first, second) = halves(1);
    let (third, fourth) = halves(2);
    let two = vec![first.clone(), second.clone()];
    let around = vec![first.clone(), ping("between"), second.clone()];
    let both = vec![Pong("between".into()), Answer(1)];
    let pieces = |bytes, len| fragments(TEXT, asking_in(1, bytes).as_bytes(), len);
    let mut empties = vec![text("").unfinished()];
    empties.extend(std::iter::repeat_n(continuation("").unfinished(), 2_000));
    empties.push(continuation(asking(1)));
    check(vec![
        case("5.3 two pieces", vec![Send(two.clone()), Hear(vec![Answer(1)])]),
        case("5.4 a write for each piece", vec![Frames(two.clone()), Hear(vec![Answer(1)])]),
        case("5.5 byte by byte", vec![Bytes(two.clone()), Hear(vec![Answer(1)])]),
        case("5.6 a ping between", vec![Send(around.clone()), Gather(both.clone())]),
        case("5.7 a write for each", vec![Frames(around.clone()), Gather(both.clone())]),
        case("5.8 byte by byte", vec![Bytes(around), Gather(both)]),
        case(
            "5.19 a ping is answered before the message is whole",
            vec![
                Send(vec![first.clone(), ping("1")]),
                Hear(vec![Pong("1".into())]),
                Send(vec![continuation("").unfinished(), ping("2")]),
                Hear(vec![Pong("2".into())]),
                Send(vec![second.clone()]),
                Hear(vec![Answer(1)]),
            ],
        ),
        case(
            "5.20 the same, byte by byte",
            vec![
                Bytes(vec![first.clone(), ping("1")]),
                Hear(vec![Pong("1".into())]),
                Bytes(vec![continuation("").unfinished(), ping("2")]),
                Hear(vec![Pong("2".into())]),
                Bytes(vec![second.clone()]),
                Hear(vec![Answer(1)]),
            ],
        ),
        case(
            "a pong between",
            vec![Send(vec![first.clone(), pong("x"), second.clone()]), Hear(vec![Answer(1)])],
        ),
        case(
            "one message in pieces after another",
            vec![Send(vec![first, second, third, fourth]), Hear(vec![Answer(1), Answer(2)])],
        ),
        case("pieces of one byte", vec![Send(pieces(2_000, 1)), Hear(vec![Answer(1)])]),
        case("pieces of one byte up to the limit", vec![Send(pieces(16_384, 1)), Hear(vec![Answer(1)])]),
        case("pieces without a byte", vec![Send(empties), Hear(vec![Answer(1)])]),
        case(
            "10.1.1 pieces of 1,300 bytes up to the limit",
            vec![Frames(pieces(16_384, 1_300)), Hear(vec![Answer(1)])],
        ),
        case("10.1.1 and beyond it", vec![Frames(pieces(65_536, 1_300)), Refused]),
        case("beyond it by one byte", vec![Send(pieces(16_385, 4_096)), Refused]),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pieces_of_nothing_and_control_frames_in_pieces_end_the_socket() {
    let late = || vec![text(asking(NEVER)), ping("late")];
    let stray = || continuation("non-continuation payload");
    let (first, second) = halves(1);
    let good = || vec![first.clone(), second.clone()];
    let after = |frames: Vec<Frame>| [frames, late()].concat();
    check(vec![
        case(
            "5.1 a ping in pieces",
            vec![Send(after(vec![ping("a").unfinished(), continuation("b")])), Refused],
        ),
        case(
            "5.2 a pong in pieces",
            vec![Send(after(vec![pong("a").unfinished(), continuation("b")])), Refused],
        ),
        case("5.9 the end of nothing", vec![Send(after(vec![stray()])), Refused]),
        case("5.10 a write for each", vec![Frames(after(vec![stray()])), Refused]),
        case("5.11 byte by byte", vec![Bytes(after(vec![stray()])), Refused]),
        case("5.12 the middle of nothing", vec![Send(after(vec![stray().unfinished()])), Refused]),
        case("5.13 a write for each", vec![Frames(after(vec![stray().unfinished()])), Refused]),
        case("5.14 byte by byte", vec![Bytes(after(vec![stray().unfinished()])), Refused]),
        case(
            "5.15 after a message",
            vec![Send(after([good(), vec![stray().unfinished()]].concat())), Refused],
        ),
        case("5.16 before a message", vec![Send([vec![stray().unfinished()], good()].concat()), Refused]),
        case(
            "5.17 the end of nothing before a message",
            vec![Send([vec![stray()], good()].concat()), Refused],
        ),
        case("5.18 two beginnings", vec![Send(vec![first.clone(), text("…")]), Refused]),
        case(
            "a beginning that ends another",
            vec![Send(vec![first.clone(), text("…").unfinished()]), Refused],
        ),
    ])
    .await;
}
