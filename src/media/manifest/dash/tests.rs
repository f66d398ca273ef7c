use super::*;
use crate::media::{
    language::Language,
    manifest::CaptionTrack,
    probe::Fraction,
    rendition::{Growth, Origin, RenditionId},
    sound::Label,
};

fn segment(start_ns: u64, duration_ns: u64) -> Segment {
    Segment { start_ns, duration_ns, bytes: 1000 }
}

fn picture() -> Rendition {
    let frame_rate = Fraction::new(24, 1);
    Rendition {
        id: RenditionId::rung(720),
        track: Track::Video { width: 1280, height: 720, frame_rate },
        codec: "avc1.64001f".to_owned(),
        origin: Origin::Encoded,
        bandwidth_cap: 0,
        init_bytes: 700,
        growth: Growth::Complete,
        segments: vec![
            segment(0, 4_000_000_000),
            segment(4_000_000_000, 4_000_000_000),
            segment(8_000_000_000, 500_000_000),
        ],
    }
}

#[test]
fn equal_segments_are_one_line_and_the_rest_follow() {
    assert_eq!(runs(&picture().segments, 90_000), [(0, 360_000, 1), (720_000, 45_000, 0)]);
}

#[test]
fn rounded_edges_leave_no_gap() {
    // 187 frames of AAC are 3.98933… s.
    let third = 3_989_333_333;
    let segments: Vec<Segment> = (0..50).map(|at| segment(at * third, third)).collect();
    let mut end = 0;
    for (start, duration, repeats) in runs(&segments, 44_100) {
        assert_eq!(start, end);
        end = start + duration * (repeats as u64 + 1);
    }
    assert_eq!(end, ticks(50 * third, 44_100));
}

fn sound(place: usize, language: &str) -> Rendition {
    let label = Label { language: Language::of_container(language), ..Label::default() };
    let track = Track::Audio { channels: 2, sample_rate: 48_000, label };
    Rendition { id: RenditionId::sound(place), track, codec: "mp4a.40.2".to_owned(), ..picture() }
}

#[test]
fn each_sound_is_a_set_of_its_own_between_pictures_and_texts() {
    let caption =
        CaptionTrack { language: "en".parse().unwrap(), label: "en".to_owned(), kind: Kind::Captions };
    let beside = Beside { captions: vec![caption], ..Beside::default() };
    let text = mpd(&[&picture()], &[&sound(0, "ger"), &sound(1, "eng")], &beside);
    for part in [
        "<AdaptationSet id=\"1\" contentType=\"audio\" mimeType=\"audio/mp4\" lang=\"de\" segmentAlignment=\"true\" \
         startWithSAP=\"1\">\n      <Label>Deutsch</Label>\n      \
         <Role schemeIdUri=\"urn:mpeg:dash:role:2011\" value=\"main\"/>\n      <Representation id=\"audio\"",
        "<AdaptationSet id=\"2\" contentType=\"audio\" mimeType=\"audio/mp4\" lang=\"en\" segmentAlignment=\"true\" \
         startWithSAP=\"1\">\n      <Label>English</Label>\n      \
         <Role schemeIdUri=\"urn:mpeg:dash:role:2011\" value=\"alternate\"/>\n      <Representation id=\"audio2\"",
        "<AdaptationSet id=\"3\" contentType=\"text\"",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[test]
fn an_mpd_names_the_same_files_as_the_playlists() {
    let text = mpd(&[&picture()], &[&sound(0, "und")], &Beside::default());
    for part in [
        "type=\"static\" mediaPresentationDuration=\"PT8.500S\"",
        "profiles=\"urn:mpeg:dash:profile:isoff-live:2011\"",
        "<Representation id=\"v720\" codecs=\"avc1.64001f\" bandwidth=\"2000\" width=\"1280\" height=\"720\"",
        "initialization=\"$RepresentationID$/init.mp4\" media=\"$RepresentationID$/seg$Number%05d$.m4s\"",
        "<S t=\"0\" d=\"360000\" r=\"1\"/>",
        "<SegmentTemplate timescale=\"48000\"",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert_eq!(text.matches("<AdaptationSet").count(), text.matches("</AdaptationSet>").count());
}

#[test]
fn a_protected_mpd_names_the_encrypted_files_and_exists_only_while_one_key_covers_them() {
    let protection = Protection::new("x1".to_owned(), [7; 32], 0);
    let text = protected_mpd(&[&picture()], &[], &protection, &Beside::default()).unwrap();
    for part in [
        "<ContentProtection schemeIdUri=\"urn:mpeg:dash:sea:2012\" xmlns:sea=\"urn:mpeg:dash:schema:sea:2012\">",
        "<sea:SegmentEncryption schemeIdUri=\"urn:mpeg:dash:sea:aes128-cbc:2013\"/>",
        &format!("<sea:CryptoPeriod IV=\"{}\" keyUriTemplate=\"keys/x1/0.key\"/>", protection.iv_text(0)),
        "initialization=\"$RepresentationID$/x1/init.mp4\" media=\"$RepresentationID$/x1/seg$Number%05d$.m4s\"",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let rotating = |segments| Protection::new("x1".to_owned(), [7; 32], segments);
    assert!(protected_mpd(&[&picture()], &[], &rotating(3), &Beside::default()).is_some());
    assert_eq!(protected_mpd(&[&picture()], &[], &rotating(2), &Beside::default()), None);
}

#[test]
fn a_caption_track_is_a_set_of_its_own_and_its_label_cannot_leave_its_element() {
    let track = CaptionTrack {
        language: "pt-BR".parse().unwrap(),
        label: "</Label> & 'co'".to_owned(),
        kind: Kind::Captions,
    };
    let text = mpd(&[&picture()], &[], &Beside { captions: vec![track], ..Beside::default() });
    for part in [
        "contentType=\"text\" mimeType=\"text/vtt\" lang=\"pt-BR\">",
        "<Label>&lt;/Label&gt; &amp; 'co'</Label>\n      <Role schemeIdUri=\"urn:mpeg:dash:role:2011\" value=\"caption\"/>",
        "<BaseURL>captions/pt-BR.vtt</BaseURL>",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[test]
fn words_stand_before_the_period_and_cannot_leave_their_elements() {
    let beside = Beside {
        title: "Tom & \"Jerry\" </Title><Period>".to_owned(),
        description: "one\n]]> <b>\u{1}two".to_owned(),
        ..Beside::default()
    };
    let text = mpd(&[&picture()], &[], &beside);
    assert!(text.contains(
        "  <ProgramInformation>\n    <Title>Tom &amp; &quot;Jerry&quot; &lt;/Title&gt;&lt;Period&gt;</Title>\n    \
         <dc:description xmlns:dc=\"http://purl.org/dc/elements/1.1/\">one\n]]&gt; &lt;b&gt;two</dc:description>\n  \
         </ProgramInformation>\n  <Period id=\"0\""
    ), "{text}");
    assert_eq!(text.matches("<Period").count(), 1);
}
