//! Autobahn 1 to 4: sizes, pings and pongs, reserved bits, reserved opcodes; and masks.

use serde_json::json;

use crate::{
    conversation::{
        Case,
        Heard::{Answer, Pong},
        NEVER, Speaks,
        Step::{Bytes, Hear, Refused, Send},
        asking, asking_in, case, check,
    },
    frames::{Frame, binary, continuation, frame, ping, pong, text},
};

/// `limits.frame_bytes_max`.
const FRAME_BYTES_MAX: usize = 16_384;

fn asked(id: u64) -> Frame {
    text(asking(id))
}

/// A request in MessagePack, of about so many bytes.
fn packed(id: u64, bytes: usize) -> Frame {
    let pad = "x".repeat(bytes);
    binary(rmp_serde::to_vec_named(&json!({"id": id, "op": "ping", "pad": pad})).expect("plain data"))
}

fn in_message_pack(case: Case) -> Case {
    Case { speaks: Speaks::MessagePack, ..case }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_every_size_up_to_the_limit_are_answered_and_larger_ones_refused() {
    let sized = |bytes| text(asking_in(1, bytes));
    let mut cases = Vec::new();
    for bytes in [40, 125, 126, 127, 128, 4_095, 4_096, 4_097, 16_383, FRAME_BYTES_MAX] {
        let steps = vec![Send(vec![sized(bytes)]), Hear(vec![Answer(1)])];
        cases.push(case(format!("1.1 text of {bytes} bytes"), steps));
    }
    for bytes in [125, 126, FRAME_BYTES_MAX] {
        let steps = vec![Bytes(vec![sized(bytes)]), Hear(vec![Answer(1)])];
        cases.push(case(format!("1.1 text of {bytes} bytes, byte by byte"), steps));
    }
    for bytes in [1, 100, 200, 4_096, 16_000] {
        let steps = vec![Send(vec![packed(1, bytes)]), Hear(vec![Answer(1)])];
        cases.push(in_message_pack(case(format!("1.2 binary of {bytes} bytes and a few"), steps)));
    }
    for bytes in [FRAME_BYTES_MAX + 1, 32_768, 65_535, 65_536, 131_072] {
        let late = text(asking(NEVER));
        cases.push(case(
            format!("1.1 text of {bytes} bytes is too large"),
            vec![Send(vec![sized(bytes), late]), Refused],
        ));
        let steps = vec![Send(vec![packed(1, bytes)]), Refused];
        cases.push(in_message_pack(case(format!("1.2 binary of {bytes} bytes is too large"), steps)));
    }
    for declared in [1 << 17, 1 << 32, i64::MAX as u64, u64::MAX] {
        let steps = vec![Send(vec![text("").declaring(declared)]), Refused];
        cases.push(case(format!("1.1 a header that promises {declared} bytes, and none of them"), steps));
    }
    cases.push(case("1.1 no text at all is no request", vec![Send(vec![text("")]), Refused]));
    cases.push(case("text is not JSON", vec![Send(vec![text("Hello")]), Refused]));
    cases.push(case("binary where text is spoken", vec![Send(vec![packed(1, 1)]), Refused]));
    cases.push(in_message_pack(case("text where binary is spoken", vec![Send(vec![asked(1)]), Refused])));
    check(cases).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pings_are_answered_with_what_they_carry_and_pongs_with_nothing() {
    let every_len: Vec<Vec<u8>> = (0..=125).map(|len| vec![0xfe; len]).collect();
    let one_by_one = every_len
        .iter()
        .flat_map(|payload| [Send(vec![ping(payload.clone())]), Hear(vec![Pong(payload.clone())])]);
    let ten: Vec<Vec<u8>> = (0..10).map(|n| format!("ping {n}").into_bytes()).collect();
    let ten_pings: Vec<Frame> = ten.iter().map(|payload| ping(payload.clone())).collect();
    let ten_pongs: Vec<_> = ten.iter().map(|payload| Pong(payload.clone())).collect();
    let said = |payload: &str| vec![Pong(payload.into())];
    check(vec![
        case("2.1 a ping without payload", vec![Send(vec![ping("")]), Hear(said(""))]),
        case("2.2 a ping with text", vec![Send(vec![ping("Hello, world!")]), Hear(said("Hello, world!"))]),
        case("2.3, 2.4 pings of 0 to 125 bytes that are no text", one_by_one.collect()),
        case("2.5 a ping of 126 bytes", vec![Send(vec![ping([0xfe; 126]), asked(NEVER)]), Refused]),
        case(
            "2.6 a ping of 125 bytes, byte by byte",
            vec![Bytes(vec![ping([0xfe; 125])]), Hear(vec![Pong(vec![0xfe; 125])])],
        ),
        case(
            "2.7 a pong that nobody asked for",
            vec![Send(vec![pong("")]), Send(vec![ping("x")]), Hear(said("x"))],
        ),
        case("2.8 one with payload", vec![Send(vec![pong("unsolicited"), ping("x")]), Hear(said("x"))]),
        case("2.9 a pong, then a ping", vec![Send(vec![pong("a"), ping("b")]), Hear(said("b"))]),
        case("2.10 ten pings", vec![Send(ten_pings.clone()), Hear(ten_pongs.clone())]),
        case("2.11 ten pings, byte by byte", vec![Bytes(ten_pings), Hear(ten_pongs)]),
        case("a pong of 126 bytes", vec![Send(vec![pong([0; 126]), asked(NEVER)]), Refused]),
        in_message_pack(case("pings in MessagePack", vec![Send(vec![ping("p")]), Hear(said("p"))])),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reserved_bits_end_the_socket() {
    let answered = || [Send(vec![asked(1)]), Hear(vec![Answer(1)])];
    let then = |steps: [crate::conversation::Step; 2]| [answered().to_vec(), steps.to_vec()].concat();
    check(vec![
        case("3.1 RSV 1", vec![Send(vec![asked(NEVER).reserved(1)]), Refused]),
        case(
            "3.2 RSV 2 after a good frame",
            then([Send(vec![asked(NEVER).reserved(2), ping("late")]), Refused]),
        ),
        case("3.3 RSV 3, byte by byte", then([Bytes(vec![asked(NEVER).reserved(3), ping("late")]), Refused])),
        case("3.4 RSV 4 (compressed)", then([Bytes(vec![asked(NEVER).reserved(4), ping("late")]), Refused])),
        case("3.5 RSV 5 of a binary", vec![Send(vec![packed(NEVER, 1).reserved(5)]), Refused]),
        case("3.6 RSV 6 of a ping", vec![Send(vec![ping("x").reserved(6)]), Refused]),
        case("3.7 RSV 7 of a close", vec![Send(vec![frame(8, [3, 232]).reserved(7)]), Refused]),
        case(
            "RSV 1 in a continuation",
            vec![Send(vec![text(&asking(NEVER)[..5]).unfinished(), continuation("…").reserved(1)]), Refused],
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reserved_opcodes_end_the_socket() {
    let mut cases = Vec::new();
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        let section = if opcode < 8 { "4.1" } else { "4.2" };
        for payload in ["", "reserved opcode payload"] {
            let name = format!("{section} opcode {opcode} with {} bytes", payload.len());
            let bad = vec![frame(opcode, payload), asked(NEVER), ping("late")];
            cases.push(case(format!("{name}, first"), vec![Send(bad.clone()), Refused]));
            let steps = vec![Send(vec![asked(1)]), Hear(vec![Answer(1)]), Bytes(bad), Refused];
            cases.push(case(format!("{name}, after a good frame, byte by byte"), steps));
        }
    }
    check(cases).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_of_clients_are_masked() {
    let zero = [0; 4];
    check(vec![
        case("a mask of zeros", vec![Send(vec![asked(1).masked_with(zero)]), Hear(vec![Answer(1)])]),
        case("no mask", vec![Send(vec![asked(NEVER).unmasked()]), Refused]),
        case(
            "no mask after a good frame",
            vec![Send(vec![asked(1)]), Hear(vec![Answer(1)]), Send(vec![asked(NEVER).unmasked()]), Refused],
        ),
        case("a ping without mask", vec![Send(vec![ping("x").unmasked()]), Refused]),
        case(
            "a continuation without mask",
            vec![Send(vec![text(asking(NEVER)).unfinished(), continuation("").unmasked()]), Refused],
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_answered_in_their_order() {
    let ids: Vec<u64> = (1..=99).collect();
    let asked: Vec<Frame> = ids.iter().map(|id| text(asking(*id))).collect();
    let answers: Vec<_> = ids.iter().map(|id| Answer(*id)).collect();
    check(vec![
        case("99 in one write", vec![Send(asked.clone()), Hear(answers.clone())]),
        case("99, byte by byte", vec![Bytes(asked), Hear(answers)]),
    ])
    .await;
}
