use super::*;
use crate::media::{
    language::Language,
    probe::Fraction,
    rendition::{Origin, RenditionId, Segment},
    sound::{Label, Title},
};

fn segments(durations_ms: &[u64], bytes: u64) -> Vec<Segment> {
    let mut start_ns = 0;
    let make = |duration_ms: &u64| {
        let segment = Segment { start_ns, duration_ns: duration_ms * 1_000_000, bytes };
        start_ns += segment.duration_ns;
        segment
    };
    durations_ms.iter().map(make).collect()
}

fn picture(height: u32, bytes: u64) -> Rendition {
    let frame_rate = Fraction::new(30_000, 1001);
    Rendition {
        id: RenditionId::rung(height),
        track: Track::Video { width: height * 16 / 9, height, frame_rate },
        codec: "avc1.64001f".to_owned(),
        origin: Origin::Encoded,
        bandwidth_cap: 5_000_000,
        init_bytes: 700,
        growth: Growth::Complete,
        segments: segments(&[4000, 4000, 40], bytes),
    }
}

fn audio() -> Rendition {
    sound(0, "eng", "")
}

fn sound(place: usize, language: &str, title: &str) -> Rendition {
    let label = Label {
        language: Language::of_container(language),
        title: Title::of_container(title),
        ..Label::default()
    };
    Rendition {
        id: RenditionId::sound(place),
        track: Track::Audio { channels: 2, sample_rate: 48_000, label },
        codec: "mp4a.40.2".to_owned(),
        bandwidth_cap: 160_000,
        segments: segments(&[4000, 4000], 64_000),
        ..picture(360, 0)
    }
}

#[test]
fn a_master_has_every_attribute_and_starts_in_the_middle() {
    let (low, middle, high) = (picture(360, 100_000), picture(720, 500_000), picture(1080, 900_000));
    let text = master(&[&low, &middle, &high], &[&audio()], &Beside::default());
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[..6],
        [
            "#EXTM3U",
            "#EXT-X-VERSION:7",
            "#EXT-X-INDEPENDENT-SEGMENTS",
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"English\",LANGUAGE=\"en\",DEFAULT=YES,AUTOSELECT=YES,\
             CHANNELS=\"2\",URI=\"audio/index.m3u8\"",
            // 500 kB in 4 s is 1 Mbit/s, the sound 128 kbit/s; the stub of 40 ms is no peak, but its bytes count.
            "#EXT-X-STREAM-INF:BANDWIDTH=1128000,AVERAGE-BANDWIDTH=1620538,CODECS=\"avc1.64001f,mp4a.40.2\",\
             RESOLUTION=1280x720,FRAME-RATE=29.970,AUDIO=\"audio\",CLOSED-CAPTIONS=NONE",
            "v720/index.m3u8",
        ]
    );
    assert_eq!((lines[7], lines[9], lines.len()), ("v360/index.m3u8", "v1080/index.m3u8", 10));
}

#[test]
fn a_silent_picture_has_no_group_and_sound_alone_has_no_picture() {
    let silent = master(&[&picture(360, 100_000)], &[], &Beside::default());
    assert!(!silent.contains("AUDIO") && silent.contains("CODECS=\"avc1.64001f\","), "{silent}");
    let sound = master(&[], &[&audio()], &Beside::default());
    assert!(sound.ends_with(
        "#EXT-X-STREAM-INF:BANDWIDTH=128000,AVERAGE-BANDWIDTH=128000,CODECS=\"mp4a.40.2\"\naudio/index.m3u8\n"
    ));
}

#[test]
fn several_sounds_are_one_group_and_a_variant_has_room_for_the_heaviest() {
    let (german, commentary) = (sound(0, "ger", ""), sound(1, "eng", "A commentary"));
    let french = Rendition { segments: segments(&[4000, 4000], 96_000), ..sound(2, "fre", "") };
    let text = master(&[&picture(720, 500_000)], &[&german, &commentary, &french], &Beside::default());
    let lines: Vec<&str> = text.lines().skip(3).collect();
    assert_eq!(
        lines,
        [
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"Deutsch\",LANGUAGE=\"de\",DEFAULT=YES,AUTOSELECT=YES,\
             CHANNELS=\"2\",URI=\"audio/index.m3u8\"",
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"English – A commentary\",LANGUAGE=\"en\",DEFAULT=NO,\
             AUTOSELECT=YES,CHANNELS=\"2\",URI=\"audio2/index.m3u8\"",
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"Français\",LANGUAGE=\"fr\",DEFAULT=NO,AUTOSELECT=YES,\
             CHANNELS=\"2\",URI=\"audio3/index.m3u8\"",
            "#EXT-X-STREAM-INF:BANDWIDTH=1192000,AVERAGE-BANDWIDTH=1684538,CODECS=\"avc1.64001f,mp4a.40.2\",\
             RESOLUTION=1280x720,FRAME-RATE=29.970,AUDIO=\"audio\",CLOSED-CAPTIONS=NONE",
            "v720/index.m3u8",
        ]
    );
    let alone = master(&[], &[&german, &french], &Beside::default());
    assert_eq!(alone.matches("#EXT-X-MEDIA:TYPE=AUDIO").count(), 2);
    assert!(alone.ends_with(
        "#EXT-X-STREAM-INF:BANDWIDTH=192000,AVERAGE-BANDWIDTH=192000,CODECS=\"mp4a.40.2\",AUDIO=\"audio\"\n\
         audio/index.m3u8\n"
    ), "{alone}");
}

#[test]
fn a_playlist_is_an_event_while_it_grows_and_ends_when_it_is_complete() {
    let rendition = picture(360, 1);
    let growing = media(&rendition, Growth::Growing);
    assert!(growing.contains("#EXT-X-PLAYLIST-TYPE:EVENT\n") && !growing.contains("ENDLIST"));
    let complete = media(&rendition, Growth::Complete);
    assert_eq!(
        complete,
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:0\n\
         #EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MAP:URI=\"init.mp4\"\n\
         #EXTINF:4.000000,\nseg00000.m4s\n#EXTINF:4.000000,\nseg00001.m4s\n#EXTINF:0.040000,\nseg00002.m4s\n\
         #EXT-X-ENDLIST\n"
    );
}

#[test]
fn what_still_grows_is_announced_with_its_cap() {
    let growing = Rendition { growth: Growth::Growing, ..picture(360, 100_000) };
    assert!(master(&[&growing], &[], &Beside::default()).contains("BANDWIDTH=5000000,"));
}

#[test]
fn every_variant_names_the_captions_and_no_two_of_them_are_called_the_same() {
    let track = |language: &str, kind| CaptionTrack {
        language: language.parse().unwrap(),
        label: "English".to_owned(),
        kind,
    };
    let beside = Beside {
        captions: vec![track("en", Kind::Subtitles), track("en-GB", Kind::Captions)],
        ..Beside::default()
    };
    let text = master(&[&picture(360, 1), &picture(720, 1)], &[&audio()], &beside);
    assert_eq!(text.matches(",SUBTITLES=\"subs\",CLOSED-CAPTIONS=NONE").count(), 2);
    assert!(text.contains(
        "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"subs\",NAME=\"English\",LANGUAGE=\"en\",DEFAULT=NO,AUTOSELECT=YES,\
         FORCED=NO,URI=\"captions/en.m3u8\"\n"
    ));
    assert!(text.contains("NAME=\"English (en-GB)\",LANGUAGE=\"en-GB\""), "{text}");
    assert!(text.contains("CHARACTERISTICS=\"public.accessibility.transcribes-spoken-dialog,"));
    let sound = master(&[], &[&audio()], &beside);
    assert!(sound.contains("CODECS=\"mp4a.40.2\",SUBTITLES=\"subs\"\n"), "{sound}");
    let playlist = captions(&"en-GB".parse().unwrap(), 12_345, Growth::Complete);
    assert!(playlist.ends_with("#EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:12.345,\nen-GB.vtt\n#EXT-X-ENDLIST\n"));
    assert!(playlist.contains("#EXT-X-TARGETDURATION:13\n"));
}

#[test]
fn the_sprite_is_a_stream_of_images_with_one_segment_of_tiles() {
    let sprite = Sprite { sheet: Thumbnails::for_duration(12_300), bytes: 13_000 };
    let text = master(&[&picture(360, 1)], &[], &Beside { sprite: Some(sprite), ..Beside::default() });
    assert!(text.contains(
        "#EXT-X-IMAGE-STREAM-INF:BANDWIDTH=8000,RESOLUTION=160x90,CODECS=\"jpeg\",URI=\"images.m3u8\"\n"
    ));
    assert!(images(&sprite.sheet).ends_with(
        "#EXT-X-IMAGES-ONLY\n#EXTINF:13.000,\n#EXT-X-TILES:RESOLUTION=160x90,LAYOUT=10x2,DURATION=1.000\n\
         sprite.jpg\n#EXT-X-ENDLIST\n"
    ));
}

#[test]
fn words_are_session_data_on_one_line_each() {
    let beside = Beside {
        title: "Say \"hi\"".to_owned(),
        description: "one\n#EXT-X-KEY:METHOD=NONE\r\ntwo".to_owned(),
        ..Beside::default()
    };
    let text = master(&[&picture(360, 1)], &[], &beside);
    assert!(
        text.contains("#EXT-X-SESSION-DATA:DATA-ID=\"org.playhouse.title\",VALUE=\"Say 'hi'\"\n"),
        "{text}"
    );
    assert!(text.contains("VALUE=\"one #EXT-X-KEY:METHOD=NONE  two\"\n"), "{text}");
    assert!(!text.lines().any(|line| line.starts_with("#EXT-X-KEY")));
}

#[test]
fn an_encrypted_playlist_names_its_map_before_its_keys_and_a_key_whenever_it_changes() {
    let protection = Protection::new("x1".to_owned(), [7; 32], 2);
    let playlist = protected_media(&picture(360, 1), Growth::Complete, &protection);
    let (first, second) = (protection.iv_text(0), protection.iv_text(1));
    let lines: Vec<&str> = playlist.lines().skip(6).collect();
    assert_eq!(
        lines,
        [
            "#EXT-X-MAP:URI=\"init.mp4\"",
            &format!("#EXT-X-KEY:METHOD=AES-128,URI=\"../keys/x1/0.key\",IV={first}"),
            "#EXTINF:4.000000,",
            "x1/seg00000.m4s",
            "#EXTINF:4.000000,",
            "x1/seg00001.m4s",
            &format!("#EXT-X-KEY:METHOD=AES-128,URI=\"../keys/x1/1.key\",IV={second}"),
            "#EXTINF:0.040000,",
            "x1/seg00002.m4s",
            "#EXT-X-ENDLIST",
        ]
    );
    assert_eq!(first.len(), 34);
}
