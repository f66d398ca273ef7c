use super::*;
use crate::media::{
    probe::Fraction,
    rendition::{Segment, Track},
    sound::Label,
};

fn opened(rendition: RenditionId, origin: Origin) -> Event {
    let track = if rendition.as_str().starts_with("audio") {
        Track::Audio { channels: 2, sample_rate: 48_000, label: Label::default() }
    } else {
        Track::Video { width: 1280, height: 720, frame_rate: Fraction::new(24, 1) }
    };
    let codec = "avc1.64001f".to_owned();
    Event::Opened { rendition, track, codec, origin, bandwidth_cap: 1_000_000, init_bytes: 700, chunk: None }
}

fn written(rendition: RenditionId, sequence: u64) -> Event {
    let segment = Segment { start_ns: sequence * 4_000_000_000, duration_ns: 4_000_000_000, bytes: 1000 };
    Event::SegmentWritten { rendition, sequence, segment }
}

fn catalogue(events: &[Event]) -> Catalogue {
    let mut catalogue = Catalogue { sounds_expected: 1, ..Catalogue::default() };
    for event in events {
        catalogue.apply(event).unwrap();
    }
    catalogue
}

fn shown(catalogue: &Catalogue) -> Vec<&str> {
    catalogue.pictures().iter().map(|picture| picture.id.as_str()).collect()
}

#[test]
fn nothing_plays_before_both_picture_and_sound_have_a_segment() {
    let source = RenditionId::source;
    let mut growing = catalogue(&[opened(source(), Origin::Passthrough), written(source(), 0)]);
    assert!(!growing.is_playable() && growing.master(&Beside::default()).is_none());
    growing.apply(&opened(RenditionId::sound(0), Origin::Encoded)).unwrap();
    assert!(!growing.is_playable());
    growing.apply(&written(RenditionId::sound(0), 0)).unwrap();
    assert!(growing.is_playable() && growing.master(&Beside::default()).is_some());
    assert!(growing.mpd(&Beside::default()).is_none(), "an MPD is static, so it waits");
    growing.apply(&Event::Closed { rendition: source() }).unwrap();
    let playlist = growing.media_playlist(&source()).unwrap();
    assert!(playlist.contains("EVENT"), "the sound still grows: {playlist}");
    growing.apply(&Event::Closed { rendition: RenditionId::sound(0) }).unwrap();
    assert!(growing.media_playlist(&source()).unwrap().contains("ENDLIST"));
    assert!(growing.mpd(&Beside::default()).is_some());
}

#[test]
fn the_passed_through_picture_stays_until_the_whole_ladder_is_complete() {
    let rung = RenditionId::rung;
    let mut made = catalogue(&[
        opened(RenditionId::source(), Origin::Passthrough),
        written(RenditionId::source(), 0),
        Event::Closed { rendition: RenditionId::source() },
        opened(rung(720), Origin::Encoded),
        written(rung(720), 0),
        opened(rung(360), Origin::Encoded),
        written(rung(360), 0),
    ]);
    assert_eq!(shown(&made), ["source"]);
    made.apply(&Event::Closed { rendition: rung(720) }).unwrap();
    assert!(shown(&made).contains(&"source"));
    made.apply(&Event::Closed { rendition: rung(360) }).unwrap();
    let mut ladder = shown(&made);
    ladder.sort_unstable();
    assert_eq!(ladder, ["v360", "v720"]);
}

#[test]
fn a_first_rung_is_shown_while_it_grows() {
    let made =
        catalogue(&[opened(RenditionId::rung(360), Origin::Encoded), written(RenditionId::rung(360), 0)]);
    assert_eq!(shown(&made), ["v360"]);
}

#[test]
fn a_retried_run_starts_its_rendition_anew_and_a_gap_is_refused() {
    let rung = || RenditionId::rung(360);
    let mut made = catalogue(&[opened(rung(), Origin::Encoded), written(rung(), 0), written(rung(), 1)]);
    made.apply(&opened(rung(), Origin::Encoded)).unwrap();
    assert_eq!(made.find(&rung()).unwrap().segments.len(), 0);
    let gap = OutOfOrder::Gap { rendition: rung(), have: 0, given: 1 };
    assert_eq!(made.apply(&written(rung(), 1)), Err(gap));
    let stranger = RenditionId::rung(480);
    assert_eq!(made.apply(&written(stranger.clone(), 0)), Err(OutOfOrder::NotOpened(stranger)));
}

fn begun(rendition: RenditionId, first_sequence: u64) -> Event {
    match opened(rendition, Origin::Encoded) {
        Event::Opened { rendition, track, codec, origin, bandwidth_cap, init_bytes, .. } => {
            let chunk = Some(first_sequence);
            Event::Opened { rendition, track, codec, origin, bandwidth_cap, init_bytes, chunk }
        }
        other => other,
    }
}

fn sequences(catalogue: &Catalogue) -> Vec<u64> {
    let segments = &catalogue.find(&RenditionId::rung(360)).unwrap().segments;
    segments.iter().map(|segment| segment.start_ns / 4_000_000_000).collect()
}

#[test]
fn chunks_in_any_order_show_a_beginning_without_a_gap() {
    let rung = || RenditionId::rung(360);
    // Chunks of two segments; the third is the first to come, and the second is last.
    let mut made = Catalogue::default();
    let orders: [(&[Event], &[u64]); 6] = [
        (&[begun(rung(), 4), written(rung(), 4)], &[]),
        (&[begun(rung(), 0), written(rung(), 0)], &[0]),
        (&[written(rung(), 5)], &[0]),
        (&[written(rung(), 1)], &[0, 1]),
        (&[begun(rung(), 2), written(rung(), 2)], &[0, 1, 2]),
        (&[written(rung(), 3)], &[0, 1, 2, 3, 4, 5]),
    ];
    for (events, shown) in orders {
        for event in events {
            made.apply(event).unwrap();
        }
        assert_eq!(sequences(&made), shown);
        let json = serde_json::to_string(&made).unwrap();
        assert_eq!(serde_json::from_str::<Catalogue>(&json).unwrap(), made);
    }
}

#[test]
fn a_chunk_made_again_adds_only_what_is_missing() {
    let rung = || RenditionId::rung(360);
    for first in [0, 4] {
        let mut made = Catalogue::default();
        made.apply(&begun(rung(), first)).unwrap();
        made.apply(&written(rung(), first)).unwrap();
        assert_eq!(made.kept(&rung(), first), first + 1);
        made.apply(&begun(rung(), first)).unwrap();
        for sequence in [first, first + 1] {
            made.apply(&written(rung(), sequence)).unwrap();
        }
        assert_eq!(made.kept(&rung(), first), first + 2);
    }
}

#[test]
fn a_segment_of_a_chunk_that_has_not_begun_and_a_chunk_of_another_kind_are_refused() {
    let rung = || RenditionId::rung(360);
    let mut made = Catalogue::default();
    made.apply(&begun(rung(), 0)).unwrap();
    assert!(matches!(made.apply(&written(rung(), 4)), Err(OutOfOrder::Gap { .. })));
    let mut other = begun(rung(), 8);
    if let Event::Opened { codec, .. } = &mut other {
        *codec = "avc1.640020".to_owned();
    }
    assert_eq!(made.apply(&other), Err(OutOfOrder::Unequal(rung())));
}

#[test]
fn nothing_plays_before_every_sound_has_begun_and_all_end_together() {
    let (first, second) = (RenditionId::sound(0), RenditionId::sound(1));
    let begun = |id: &RenditionId| [opened(id.clone(), Origin::Encoded), written(id.clone(), 0)];
    let mut made = catalogue(&begun(&RenditionId::rung(360)));
    made.expect_sounds(2);
    // As they come, not as they stand in the file.
    begun(&second).iter().for_each(|event| made.apply(event).unwrap());
    assert!(!made.is_playable());
    begun(&first).iter().for_each(|event| made.apply(event).unwrap());
    assert!(made.is_playable());
    let order: Vec<&str> = made.sounds().iter().map(|sound| sound.id.as_str()).collect();
    assert_eq!(order, ["audio", "audio2"]);
    for rendition in [RenditionId::rung(360), first] {
        made.apply(&Event::Closed { rendition }).unwrap();
    }
    let playlist = made.media_playlist(&RenditionId::rung(360)).unwrap();
    assert!(playlist.contains("EVENT") && made.mpd(&Beside::default()).is_none(), "one sound still grows");
    made.apply(&Event::Closed { rendition: second }).unwrap();
    assert!(made.media_playlist(&RenditionId::rung(360)).unwrap().contains("VOD"));
    assert_eq!(made.mpd(&Beside::default()).unwrap().matches("contentType=\"audio\"").count(), 2);
}

#[test]
fn a_first_rung_does_not_replace_the_passed_through_picture() {
    let rung = RenditionId::rung;
    let mut made = catalogue(&[
        opened(RenditionId::source(), Origin::Passthrough),
        written(RenditionId::source(), 0),
        Event::Closed { rendition: RenditionId::source() },
        opened(rung(360), Origin::Encoded),
        written(rung(360), 0),
        Event::Closed { rendition: rung(360) },
    ]);
    made.expect_rungs(2);
    assert!(shown(&made).contains(&"source"));
    for event in
        [opened(rung(720), Origin::Encoded), written(rung(720), 0), Event::Closed { rendition: rung(720) }]
    {
        made.apply(&event).unwrap();
    }
    assert!(!shown(&made).contains(&"source"));
}

#[test]
fn what_is_stored_is_read_back() {
    let made =
        catalogue(&[opened(RenditionId::sound(0), Origin::Encoded), written(RenditionId::sound(0), 0)]);
    let json = serde_json::to_string(&made).unwrap();
    assert!(json.contains("[0,4000000000,1000]"), "a segment is three numbers: {json}");
    assert_eq!(serde_json::from_str::<Catalogue>(&json).unwrap(), made);
}
