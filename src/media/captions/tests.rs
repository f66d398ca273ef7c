use proptest::prelude::*;

use super::*;

fn webvtt(text: &str) -> String {
    read(text.as_bytes()).unwrap().to_webvtt()
}

/// A file of one cue with this text, as its text comes out again.
fn said(raw: &str) -> String {
    let written = webvtt(&format!("WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n{raw}\n"));
    written.strip_prefix("WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n").unwrap().trim_end().to_owned()
}

#[test]
fn subrip_becomes_webvtt() {
    let file = "\u{FEFF}1\r\n00:00:05,000 --> 00:00:06,500 X1:1 X2:2\r\n{\\an8}<font color=\"#fff\">Second</font>\r\nline\r\n\r\n\
                2\r\n00:00:01,000 --> 00:00:04,000\r\n<I>First</I> & <b>last\r\n\r\n99\r\n\r\n3\r\n1:00:00,1 --> 1:00:01,0\r\na --> b\r\n";
    assert_eq!(
        webvtt(file),
        "WEBVTT\n\n00:00:01.000 --> 00:00:04.000\n<i>First</i> &amp; <b>last\n99</b>\n\n\
         00:00:05.000 --> 00:00:06.500 line:0\nSecond\nline\n\n01:00:00.001 --> 01:00:01.000\na --&gt; b\n"
    );
}

#[test]
fn webvtt_keeps_words_places_and_known_tags_and_loses_the_rest() {
    let file = "WEBVTT - a title\nKind: captions\n\nSTYLE\n::cue { background: url(https://evil.example/) }\n\n\
                REGION\nid:bill\n\nNOTE\na secret\n\nintro\n00:02.000 --> 00:03.000 region:bill align:end line:90%\n\
                <v.loud Ann O'Hara>Hey <c.yellow.bg_blue>you</c>\n- two\n\n00:01.000 --> 00:02.500\n<lang fr-CA>Oui</lang> <00:00:01.500>là\n";
    assert_eq!(
        webvtt(file),
        "WEBVTT\n\n00:00:01.000 --> 00:00:02.500\n<lang fr-CA>Oui</lang> <00:00:01.500>là\n\n\
         00:00:02.000 --> 00:00:03.000 line:90% align:end\n\
         <v.loud Ann O\u{2019}Hara>Hey <c.yellow.bg_blue>you</c>\n- two</v>\n"
    );
}

#[test]
fn nothing_that_a_page_could_run_is_left() {
    for (raw, clean) in [
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)&gt;"),
        ("<b onmouseover=alert(1)>x</b>", "<b>x</b>"),
        ("<v onclick=alert(1) x=\"y\">x", "<v onclickalert(1) xy>x</v>"),
        ("<v &quot;&lt;img onerror&#61;1&gt;>x", "<v img onerror1>x</v>"),
        ("<c.\"onload=1\">x</c>", "<c.onload1>x</c>"),
        ("<lang \"><svg/onload=1>\">x", "&lt;svg/onload=1&gt;\"&gt;x"),
        ("&lt;script&gt;", "&lt;script&gt;"),
        ("&amp;lt;script&amp;gt;", "&amp;lt;script&amp;gt;"),
        ("&#60;img src=x&#x3e;", "&lt;img src=x&gt;"),
        ("<<b>script>x", "&lt;<b>script&gt;x</b>"),
        ("<b", "&lt;b"),
        ("x <!-- --", "x &lt;!-- --"),
        ("\u{1b}[31mred\u{7}", "[31mred"),
    ] {
        assert_eq!(said(raw), clean, "{raw}");
    }
}

#[test]
fn tags_are_closed_in_order_and_ends_without_a_beginning_are_left_out() {
    for (raw, clean) in [
        ("<b><i>x</b>y</i>", "<b><i>x</i></b>y"),
        ("</b>x</font>", "x"),
        ("<ruby>漢<rt>kan</ruby>x", "<ruby>漢<rt>kan</rt></ruby>x"),
        ("<rt>x</rt>", "x"),
        ("<v>x</v>", "x"),
        ("a<br/>b", "a\nb"),
    ] {
        assert_eq!(said(raw), clean, "{raw}");
    }
}

#[test]
fn what_cannot_be_read_is_left_out_and_counted() {
    let file = "WEBVTT\n\n00:01.000 --> 00:00.500\nbackwards\n\n00:99.000 --> 01:00.000\nno time\n\n\
                00:01.000 --> 00:02.000\n<b></b> \n\n00:01.000 --> 00:02.000\ngood\n";
    let script = read(file.as_bytes()).unwrap();
    assert_eq!((script.cues.len(), script.skipped), (1, 3));
}

#[test]
fn a_file_that_is_no_captions_is_refused_with_its_reason() {
    let many = format!("WEBVTT\n{}", "\n00:01.000 --> 00:02.000\nx\n".repeat(CUES_MAX + 1));
    for (bytes, fault) in [
        (&b""[..], Fault::NotCaptions),
        (b"just some text", Fault::NotCaptions),
        (b"WEBVTTX\n\nx", Fault::NotCaptions),
        (b"{\"a\": 1}", Fault::NotCaptions),
        (b"WEBVTT\n\nno cue", Fault::NoCues),
        (b"1\n00:00:02,000 --> 00:00:01,000\nx", Fault::NoCues),
        (b"WEBVTT\n\n00:01.000 --> 00:02.000\n\xFF", Fault::NotText),
        (many.as_bytes(), Fault::TooManyCues),
    ] {
        assert_eq!(read(bytes), Err(fault));
    }
}

#[test]
fn utf_16_is_read_by_its_mark() {
    let text = "\u{FEFF}1\r\n00:00:01,000 --> 00:00:02,000\r\nœuvre\r\n";
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for bytes in [little, big] {
        assert!(read(&bytes).unwrap().to_webvtt().ends_with("\nœuvre\n"));
    }
}

/// What a page that takes cue text for HTML would see: tags by their names, and nothing in them that sets anything.
fn is_harmless(written: &str) -> bool {
    let known = ["b", "i", "u", "c", "v", "lang", "ruby", "rt"];
    written.split('<').skip(1).all(|rest| {
        let Some((tag, _)) = rest.split_once('>') else { return false };
        let name = tag.trim_start_matches('/').split(['.', ' ']).next().unwrap_or_default();
        let is_time =
            tag.len() >= 12 && tag.bytes().all(|byte| byte.is_ascii_digit() || b":.".contains(&byte));
        (known.contains(&name) || is_time) && !tag.contains(['=', '"', '\'', '`', '\n'])
    })
}

/// Pieces that captions are made of, whole and broken.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-zé漢 \\n]{0,6}",
        "[<>&;/.=\"'{}\\\\]{1,4}",
        Just("<b>".to_owned()),
        Just("</i>".to_owned()),
        Just("<v Bob's & co=1>".to_owned()),
        Just("<ruby>x<rt>".to_owned()),
        Just("&lt;".to_owned()),
        Just("&#x3C;script".to_owned()),
        Just("-->".to_owned()),
        Just("\n\n".to_owned()),
        Just("\n00:00:03.000 --> 00:00:04.000 line:1%\n".to_owned()),
        Just("<00:00:01.000>".to_owned()),
        "\\PC{0,3}",
    ];
    prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn what_is_written_reads_as_the_same_and_is_harmless(body in pieces(), subrip in any::<bool>()) {
        let head = if subrip { "1\n00:00:01,000 --> 00:00:09,000\n" } else { "WEBVTT\n\n00:01.000 --> 00:09.000\n" };
        let Ok(script) = read(format!("{head}{body}").as_bytes()) else { return Ok(()) };
        let written = script.to_webvtt();
        prop_assert!(is_harmless(&written), "{written}");
        let again = read(written.as_bytes()).expect("what we write we read");
        prop_assert_eq!(&again.cues, &script.cues);
        prop_assert_eq!(again.skipped, 0);
        prop_assert_eq!(again.to_webvtt(), written);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        drop(read(&bytes));
    }
}
