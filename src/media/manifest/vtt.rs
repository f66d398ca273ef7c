//! The sprite sheet and the chapters as WebVTT. The sheet as WebVTT cues: `sprite.jpg#xywh=…`, the form that hls.js players and JW understand.

use std::fmt::Write;

use crate::domain::chapter::Chapter;
use crate::media::{
    captions::{Cue, CueText, Script, Settings, clock},
    layout,
    thumbnails::Thumbnails,
};

pub fn thumbnails(sheet: &Thumbnails) -> String {
    let mut text = String::from("WEBVTT\n");
    for tile in 0..sheet.tiles {
        let start_ms = u64::from(tile) * sheet.interval_ms;
        let end_ms = (start_ms + sheet.interval_ms).min(sheet.duration_ms.max(start_ms + 1));
        let (left, top) = sheet.origin_of(tile);
        let (start, end, sprite) = (clock(start_ms), clock(end_ms), layout::SPRITE);
        let (width, height) = (sheet.tile_width, sheet.tile_height);
        write!(text, "\n{start} --> {end}\n{sprite}#xywh={left},{top},{width},{height}\n")
            .expect("a String takes every write");
    }
    text
}

/// Chapters as cues, each up to the next and the last to the end: the form of `<track kind="chapters">`.
pub fn chapters(chapters: &[Chapter], duration_ms: u64) -> String {
    let ends = chapters.iter().skip(1).map(|chapter| chapter.start_ms).chain([duration_ms]);
    let cue = |(chapter, end_ms): (&Chapter, u64)| {
        let (start_ms, end_ms) = (chapter.start_ms, end_ms.max(chapter.start_ms + 1));
        Some(Cue { start_ms, end_ms, settings: Settings::default(), text: CueText::plain(&chapter.title)? })
    };
    Script::of(chapters.iter().zip(ends).filter_map(cue).collect(), 0).to_webvtt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cues_follow_one_another_and_the_last_ends_with_the_video() {
        let text = thumbnails(&Thumbnails::for_duration(11_500));
        assert!(
            text.starts_with("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nsprite.jpg#xywh=0,0,160,90\n"),
            "{text}"
        );
        assert!(text.ends_with("00:00:11.000 --> 00:00:11.500\nsprite.jpg#xywh=160,90,160,90\n"), "{text}");
    }

    #[test]
    fn chapters_follow_one_another_and_their_titles_cannot_become_tags() {
        let chapter = |start_ms, title: &str| Chapter { start_ms, title: title.into() };
        let text = chapters(&[chapter(0, "A & <b>"), chapter(10_000, "x --> y")], 25_500);
        assert_eq!(
            text,
            "WEBVTT\n\n00:00:00.000 --> 00:00:10.000\nA &amp; &lt;b&gt;\n\n\
             00:00:10.000 --> 00:00:25.500\nx --&gt; y\n"
        );
    }
}
