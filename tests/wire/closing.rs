//! Autobahn 7: closing handshakes, good ones and others.

use crate::{
    conversation::{
        Heard::Answer,
        NEVER,
        Step::{self, Bytes, Closed, Failed, Hear, Refused, Send},
        asking, asking_in, case, check,
    },
    frames::{CLOSE, close, continuation, frame, ping, text},
};

fn normal() -> Step {
    Closed(vec![Some(1000)])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_close_is_answered_and_ends_everything() {
    let words = asking(NEVER);
    let (first, second) = words.split_at(9);
    let (first, second) = (text(first).unfinished(), continuation(second));
    let bye = || close(1000, "");
    check(vec![
        case(
            "7.1.1 a message, then a close",
            vec![Send(vec![text(asking(1))]), Hear(vec![Answer(1)]), Send(vec![bye()]), normal()],
        ),
        case("7.1.2 two closes", vec![Send(vec![bye(), bye()]), normal()]),
        case("7.1.3 a ping after the close", vec![Send(vec![bye(), ping("late")]), normal()]),
        case("7.1.4 a request after the close", vec![Send(vec![bye(), text(asking(NEVER))]), normal()]),
        case("7.1.5 a close between two pieces", vec![Send(vec![first, bye(), second]), normal()]),
        case(
            "7.1.6 256 KiB, a close and a ping",
            vec![Send(vec![text(asking_in(NEVER, 262_144)), bye(), ping("late")]), Refused],
        ),
        case("7.3.1 without a code", vec![Send(vec![frame(CLOSE, "")]), Closed(vec![None, Some(1000)])]),
        case("7.3.3 with a code", vec![Send(vec![bye()]), normal()]),
        case("7.3.3 byte by byte", vec![Bytes(vec![bye()]), normal()]),
        case("7.3.4 with a reason", vec![Send(vec![close(1000, "Hello, world!")]), normal()]),
        case("7.3.5 with the longest reason", vec![Send(vec![close(1000, "*".repeat(123))]), normal()]),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codes_that_may_be_sent_are_echoed() {
    let codes = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999];
    let steps = |code| vec![Send(vec![close(code, "reason")]), Closed(vec![Some(code), Some(1000)])];
    check(codes.map(|code| case(format!("7.7 code {code}"), steps(code))).to_vec()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closes_that_are_none_are_failed() {
    let mut cases = vec![
        case("7.3.2 a payload of one byte", vec![Send(vec![frame(CLOSE, "*")]), Failed]),
        case("7.3.6 a reason that is too long", vec![Send(vec![close(1000, "*".repeat(124))]), Failed]),
        case(
            "7.5.1 a reason that is no UTF-8",
            vec![Send(vec![close(1000, b"\xce\xba\xed\xa0\x80ed")]), Failed],
        ),
        case("a close in pieces", vec![Send(vec![close(1000, "").unfinished()]), Failed]),
    ];
    for code in [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999] {
        cases.push(case(format!("7.9 code {code}"), vec![Send(vec![close(code, "")]), Failed]));
        cases
            .push(case(format!("7.9 code {code} with a reason"), vec![Send(vec![close(code, "r")]), Failed]));
    }
    check(cases).await;
}

/// The RFC does not say what they mean; the connection has to end all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codes_out_of_every_range_end_the_socket_too() {
    let any = |code| Closed(vec![Some(code), Some(1000), Some(1002), Some(4002)]);
    let steps = |code| vec![Send(vec![close(code, "")]), any(code)];
    check([5000, 65_535].map(|code| case(format!("7.13 code {code}"), steps(code))).to_vec()).await;
}
