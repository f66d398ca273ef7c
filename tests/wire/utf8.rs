//! Autobahn 6: text is UTF-8 (RFC 3629), however it is cut. The sequences are those of Markus Kuhn's UTF-8 test file.
//! The bytes stand in a field that nobody reads, so that it is not the parser of JSON that refuses them.

use crate::{
    conversation::{
        Heard::Answer,
        NEVER,
        Step::{Frames, Hear, Refused, Send},
        asking, asking_around, case, check,
    },
    frames::{TEXT, continuation, fragments, text},
};

const VALID: &[(&str, &[u8])] = &[
    ("6.5 U+0024", b"hello\x24world"),
    ("6.5 U+00A2", b"hello\xC2\xA2world"),
    ("6.5 U+20AC", b"hello\xE2\x82\xACworld"),
    ("6.5 U+24B62", b"hello\xF0\xA4\xAD\xA2world"),
    ("6.5 Greek", b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5"),
    ("6.7 first of two bytes", b"\xc2\x80"),
    ("6.7 first of three bytes", b"\xe0\xa0\x80"),
    ("6.7 first of four bytes", b"\xf0\x90\x80\x80"),
    ("6.9 last of one byte", b"\x7f"),
    ("6.9 last of two bytes", b"\xdf\xbf"),
    ("6.9 last of three bytes", b"\xef\xbf\xbf"),
    ("6.9 last of all", b"\xf4\x8f\xbf\xbf"),
    ("6.11 before the surrogates", b"\xed\x9f\xbf"),
    ("6.11 after the surrogates", b"\xee\x80\x80"),
    ("6.11 replacement character", b"\xef\xbf\xbd"),
    ("6.22 non-characters", b"\xef\xbf\xbe\xf0\x9f\xbf\xbf\xf4\x8f\xbf\xbe"),
    ("6.23 specials", b"\xef\xbf\xb9\xef\xbf\xbb\xef\xbf\xbc"),
];

const INVALID: &[(&str, &[u8])] = &[
    (
        "6.3 a surrogate in Greek",
        b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80\x65\x64\x69\x74\x65\x64",
    ),
    ("6.6 cut after one byte of two", b"\xce"),
    ("6.6 cut after one byte of three", b"\xce\xba\xe1"),
    ("6.6 cut after two bytes of three", b"\xce\xba\xe1\xbd"),
    ("6.8 five bytes", b"\xf8\x88\x80\x80\x80"),
    ("6.8 six bytes", b"\xfc\x84\x80\x80\x80\x80"),
    ("6.10 beyond the last of four bytes", b"\xf7\xbf\xbf\xbf"),
    ("6.10 last of five bytes", b"\xfb\xbf\xbf\xbf\xbf"),
    ("6.10 last of six bytes", b"\xfd\xbf\xbf\xbf\xbf\xbf"),
    ("6.11 U+110000", b"\xf4\x90\x80\x80"),
    ("6.12 a continuation byte", b"\x80"),
    ("6.12 the last continuation byte", b"\xbf"),
    ("6.12 six of them", b"\x80\xbf\x80\xbf\x80\xbf"),
    ("6.13 a lonely start of two", b"\xc2 "),
    ("6.13 a lonely start of three", b"\xe1 "),
    ("6.13 a lonely start of four", b"\xf1 "),
    ("6.13 a lonely start of five", b"\xf8 "),
    ("6.13 a lonely start of six", b"\xfc "),
    ("6.14 last byte of two missing", b"\xdf"),
    ("6.14 last byte of three missing", b"\xef\xbf"),
    ("6.14 last byte of four missing", b"\xf7\xbf\xbf"),
    ("6.14 overlong, last byte missing", b"\xe0\x80"),
    ("6.15 many unfinished", b"\xc0\xe0\x80\xf0\x80\x80\xf8\x80\x80\x80\xdf\xef\xbf\xf7\xbf\xbf"),
    ("6.16 FE", b"\xfe"),
    ("6.16 FF", b"\xff"),
    ("6.16 FE FE FF FF", b"\xfe\xfe\xff\xff"),
    ("6.17 overlong slash of two", b"\xc0\xaf"),
    ("6.17 overlong slash of three", b"\xe0\x80\xaf"),
    ("6.17 overlong slash of four", b"\xf0\x80\x80\xaf"),
    ("6.17 overlong slash of five", b"\xf8\x80\x80\x80\xaf"),
    ("6.18 longest overlong of two", b"\xc1\xbf"),
    ("6.18 longest overlong of three", b"\xe0\x9f\xbf"),
    ("6.18 longest overlong of four", b"\xf0\x8f\xbf\xbf"),
    ("6.19 overlong NUL of two", b"\xc0\x80"),
    ("6.19 overlong NUL of three", b"\xe0\x80\x80"),
    ("6.19 overlong NUL of four", b"\xf0\x80\x80\x80"),
    ("6.20 U+D800", b"\xed\xa0\x80"),
    ("6.20 U+DB7F", b"\xed\xad\xbf"),
    ("6.20 U+DC00", b"\xed\xb0\x80"),
    ("6.20 U+DFFF", b"\xed\xbf\xbf"),
    ("6.21 a pair of surrogates", b"\xed\xa0\x80\xed\xb0\x80"),
    ("6.21 the last pair", b"\xed\xaf\xbf\xed\xbf\xbf"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn valid_text_is_answered_however_it_is_cut() {
    let mut cases = Vec::new();
    for (name, bytes) in VALID {
        let words = asking_around(1, bytes);
        let answered = || Hear(vec![Answer(1)]);
        cases.push(case(format!("{name}, whole"), vec![Send(vec![text(words.clone())]), answered()]));
        let cut = fragments(TEXT, &words, 1);
        cases.push(case(format!("{name}, in pieces of one byte"), vec![Send(cut.clone()), answered()]));
        cases.push(case(format!("{name}, a write for each"), vec![Frames(cut), answered()]));
    }
    let empty = || vec![text("").unfinished(), continuation("").unfinished(), continuation("")];
    cases.push(case("6.1.2 three pieces without a byte are no request", vec![Send(empty()), Refused]));
    let middle = vec![text("").unfinished(), continuation(asking(1)).unfinished(), continuation("")];
    cases.push(case("6.1.3 only the middle piece has bytes", vec![Send(middle), Hear(vec![Answer(1)])]));
    check(cases).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invalid_text_ends_the_socket_however_it_is_cut() {
    let mut cases = Vec::new();
    for (name, bytes) in INVALID {
        let words = asking_around(NEVER, bytes);
        cases.push(case(format!("{name}, whole"), vec![Send(vec![text(words.clone())]), Refused]));
        let cut = fragments(TEXT, &words, 1);
        cases.push(case(format!("{name}, in pieces of one byte"), vec![Send(cut), Refused]));
    }
    check(cases).await;
}

/// A server may wait for the whole frame; that it need not wait for the whole message is what these rows ask for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invalid_text_ends_the_socket_before_the_message_is_whole() {
    let begin = || text("{\"id\":100,\"op\":\"ping\",\"pad\":\"\u{3ba}\u{1f79}").unfinished();
    check(vec![
        case(
            "6.4.1 a bad piece in the middle",
            vec![Send(vec![begin()]), Send(vec![continuation(b"\xf4\x90\x80\x80").unfinished()]), Refused],
        ),
        case(
            "6.4.2 a bad piece that ends where it is known to be bad",
            vec![Send(vec![begin()]), Send(vec![continuation(b"\xf4\x90").unfinished()]), Refused],
        ),
        case(
            "a piece that ends within a character and goes on wrongly",
            vec![Send(vec![text(b"{\"\xe2\x82").unfinished(), continuation("x").unfinished()]), Refused],
        ),
    ])
    .await;
}
