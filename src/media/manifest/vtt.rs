//! The sprite sheet as WebVTT cues: `sprite.jpg#xywh=…`, the form that hls.js players and JW understand.

use std::fmt::Write;

use crate::media::{layout, thumbnails::Thumbnails};

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

fn clock(at_ms: u64) -> String {
    let (hours, minutes) = (at_ms / 3_600_000, at_ms / 60_000 % 60);
    format!("{hours:02}:{minutes:02}:{:02}.{:03}", at_ms / 1000 % 60, at_ms % 1000)
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
}
