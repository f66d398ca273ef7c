//! HLS (RFC 8216 and its second edition): the multivariant playlist and one media playlist a rendition.
//! Written for strict readers: Shaka refuses a variant with a missing attribute, Apple's tools a wrong one.

use std::fmt::Write;

use super::{
    beside::{Beside, CaptionTrack, Sprite},
    by_codec,
    sounds::{self, Choice, Sound},
};
use crate::domain::caption::{Kind, Language};
use crate::media::{
    layout,
    protection::Protection,
    rendition::{Growth, Rendition, Track},
    thumbnails::Thumbnails,
};

const AUDIO_GROUP: &str = "audio";
const SUBTITLES_GROUP: &str = "subs";

/// `pictures` smallest first, sounds in the order of the file. Without pictures, sound is the one variant.
pub fn master(pictures: &[&Rendition], sounds: &[&Rendition], beside: &Beside) -> String {
    let sounds = sounds::named(sounds);
    let mut text = String::from("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n");
    session_data(&mut text, "title", &beside.title);
    session_data(&mut text, "description", &beside.description);
    beside.named_captions().for_each(|(name, track)| subtitles(&mut text, &name, track));
    if !pictures.is_empty() || sounds.len() > 1 {
        sounds.iter().for_each(|sound| alternative(&mut text, sound));
    }
    if pictures.is_empty() {
        sound_variant(&mut text, &sounds, beside);
        return text;
    }
    by_codec(pictures)
        .iter()
        .flat_map(|pictures| middle_first(pictures))
        .for_each(|picture| variant(&mut text, picture, &sounds, beside));
    beside.sprite.iter().for_each(|sprite| image_stream(&mut text, sprite));
    text
}

/// Players without a measurement start with the first variant: the middle is neither a wait nor a blur.
fn middle_first<'a>(pictures: &[&'a Rendition]) -> Vec<&'a Rendition> {
    let middle = pictures.len() / 2;
    let mut ordered = vec![pictures[middle]];
    ordered.extend(pictures.iter().enumerate().filter(|(at, _)| *at != middle).map(|(_, picture)| *picture));
    ordered
}

fn alternative(text: &mut String, sound: &Sound<'_>) {
    let Sound { name, channels, .. } = sound;
    let uri = layout::playlist(&sound.rendition.id);
    let language = sound.language.map(|tag| format!("LANGUAGE=\"{tag}\",")).unwrap_or_default();
    let (default, chosen) = match sound.choice {
        Choice::Default => ("YES", "YES"),
        Choice::ByLanguage => ("NO", "YES"),
        Choice::ByName => ("NO", "NO"),
    };
    line(
        text,
        format_args!(
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"{AUDIO_GROUP}\",NAME=\"{name}\",{language}DEFAULT={default},\
             AUTOSELECT={chosen},CHANNELS=\"{channels}\",URI=\"{uri}\""
        ),
    );
}

fn subtitles(text: &mut String, name: &str, track: &CaptionTrack) {
    let described = match track.kind {
        Kind::Subtitles => "",
        Kind::Captions => {
            "CHARACTERISTICS=\"public.accessibility.transcribes-spoken-dialog,\
             public.accessibility.describes-music-and-sound\","
        }
    };
    let (language, uri) = (&track.language, layout::captions_playlist(&track.language));
    line(
        text,
        format_args!(
            "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"{SUBTITLES_GROUP}\",NAME=\"{name}\",LANGUAGE=\"{language}\",\
             DEFAULT=NO,AUTOSELECT=YES,FORCED=NO,{described}URI=\"{uri}\""
        ),
    );
}

/// A quoted string cannot hold quotes or line breaks, and knows no way to write them.
fn session_data(text: &mut String, name: &str, value: &str) {
    if !value.is_empty() {
        let value: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let value = value.replace('"', "'");
        line(text, format_args!("#EXT-X-SESSION-DATA:DATA-ID=\"org.playhouse.{name}\",VALUE=\"{value}\""));
    }
}

/// Roku's tag, which Shaka and others read too: the sprite for those who seek.
fn image_stream(text: &mut String, sprite: &Sprite) {
    let (width, height) = (sprite.sheet.tile_width, sprite.sheet.tile_height);
    line(
        text,
        format_args!(
            "#EXT-X-IMAGE-STREAM-INF:BANDWIDTH={},RESOLUTION={width}x{height},CODECS=\"jpeg\",URI=\"{}\"",
            sprite.bits_a_second(),
            layout::IMAGES
        ),
    );
}

/// The playlist of the sprite: one segment of tiles.
pub fn images(sheet: &Thumbnails) -> String {
    let seconds = |ms: u64| format!("{}.{:03}", ms / 1000, ms % 1000);
    let (covered, interval) = (seconds(sheet.covered_ms()), seconds(sheet.interval_ms));
    let (width, height) = (sheet.tile_width, sheet.tile_height);
    let (columns, rows) = (sheet.columns_filled(), sheet.rows());
    format!(
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{}\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:VOD\n\
         #EXT-X-IMAGES-ONLY\n#EXTINF:{covered},\n\
         #EXT-X-TILES:RESOLUTION={width}x{height},LAYOUT={columns}x{rows},DURATION={interval}\n{}\n#EXT-X-ENDLIST\n",
        sheet.covered_ms().div_ceil(1000),
        layout::SPRITE
    )
}

/// The attribute that every variant has when there is a caption track.
fn with_subtitles(beside: &Beside) -> String {
    match beside.captions.is_empty() {
        true => String::new(),
        false => format!(",SUBTITLES=\"{SUBTITLES_GROUP}\""),
    }
}

/// The default sound, with the others beside it where there are any.
fn sound_variant(text: &mut String, sounds: &[Sound<'_>], beside: &Beside) {
    let Some(default) = sounds.iter().find(|sound| sound.choice == Choice::Default) else { return };
    let (peak, average) = heaviest(sounds);
    let group = if sounds.len() > 1 { format!(",AUDIO=\"{AUDIO_GROUP}\"") } else { String::new() };
    line(
        text,
        format_args!(
            "#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},CODECS=\"{}\"{group}{}",
            codecs(None, sounds),
            with_subtitles(beside)
        ),
    );
    line(text, format_args!("{}", layout::playlist(&default.rendition.id)));
}

/// Peak and average of the sound that needs most: a variant must be playable with any.
fn heaviest(sounds: &[Sound<'_>]) -> (u64, u64) {
    let most =
        |bits: fn(&Rendition) -> u64| sounds.iter().map(|sound| bits(sound.rendition)).max().unwrap_or(0);
    (most(Rendition::bandwidth_peak), most(Rendition::bandwidth_average))
}

/// Each once.
fn codecs(picture: Option<&Rendition>, sounds: &[Sound<'_>]) -> String {
    let all = picture.into_iter().chain(sounds.iter().map(|sound| sound.rendition));
    let mut codecs: Vec<&str> = Vec::new();
    for rendition in all {
        if !codecs.contains(&rendition.codec.as_str()) {
            codecs.push(&rendition.codec);
        }
    }
    codecs.join(",")
}

fn variant(text: &mut String, picture: &Rendition, sounds: &[Sound<'_>], beside: &Beside) {
    let Track::Video { width, height, frame_rate } = picture.track else { return };
    let (peak, average) = heaviest(sounds);
    let (peak, average) = (picture.bandwidth_peak() + peak, picture.bandwidth_average() + average);
    let codecs = codecs(Some(picture), sounds);
    let group = if sounds.is_empty() { String::new() } else { format!(",AUDIO=\"{AUDIO_GROUP}\"") };
    line(
        text,
        format_args!(
            "#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},CODECS=\"{codecs}\",\
             RESOLUTION={width}x{height},FRAME-RATE={:.3}{group}{},CLOSED-CAPTIONS=NONE",
            frame_rate.as_f64(),
            with_subtitles(beside)
        ),
    );
    line(text, format_args!("{}", layout::playlist(&picture.id)));
}

/// One rendition's playlist. `growth` may be more careful than the rendition's own.
pub fn media(rendition: &Rendition, growth: Growth) -> String {
    playlist(rendition, growth, None)
}

/// The same over encrypted segments. The map stands before the first key, which leaves the init clear.
pub fn protected_media(rendition: &Rendition, growth: Growth, protection: &Protection) -> String {
    playlist(rendition, growth, Some(protection))
}

fn playlist(rendition: &Rendition, growth: Growth, protection: Option<&Protection>) -> String {
    let longest_ns = rendition.segments.iter().map(|segment| segment.duration_ns).max().unwrap_or(0);
    let target_s = match growth {
        Growth::Complete => longest_ns.div_ceil(1_000_000_000).max(1),
        // It may not change while a playlist grows, and a passed-through GOP may be longer than our own.
        Growth::Growing => longest_ns.div_ceil(1_000_000_000).max(TARGET_GROWING_S),
    };
    let kind = if growth == Growth::Complete { "VOD" } else { "EVENT" };
    let mut text = format!(
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{target_s}\n#EXT-X-MEDIA-SEQUENCE:0\n\
         #EXT-X-PLAYLIST-TYPE:{kind}\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MAP:URI=\"{}\"\n",
        layout::INIT
    );
    for (segment, sequence) in rendition.segments.iter().zip(0..) {
        if let Some(protection) = protection.filter(|protection| protection.begins_key(sequence)) {
            key_line(&mut text, protection, protection.key_number(sequence));
        }
        let (seconds, micros) =
            (segment.duration_ns / 1_000_000_000, segment.duration_ns % 1_000_000_000 / 1000);
        line(&mut text, format_args!("#EXTINF:{seconds}.{micros:06},"));
        let name = layout::segment_name(sequence);
        let uri = protection.map_or(name.clone(), |protection| layout::encrypted(protection.set(), &name));
        line(&mut text, format_args!("{uri}"));
    }
    if growth == Growth::Complete {
        text.push_str("#EXT-X-ENDLIST\n");
    }
    text
}

fn key_line(text: &mut String, protection: &Protection, number: u64) {
    let (uri, iv) = (layout::key(protection.set(), number), protection.iv_text(number));
    line(text, format_args!("#EXT-X-KEY:METHOD=AES-128,URI=\"../{uri}\",IV={iv}"));
}

/// The playlist of a caption track: its whole file, as long as the video. Of the kind that the other playlists are of.
pub fn captions(language: &Language, duration_ms: u64, growth: Growth) -> String {
    let kind = if growth == Growth::Complete { "VOD" } else { "EVENT" };
    let target_s = duration_ms.div_ceil(1000).max(1);
    let (seconds, millis) = (duration_ms / 1000, duration_ms % 1000);
    format!(
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{target_s}\n#EXT-X-MEDIA-SEQUENCE:0\n\
         #EXT-X-PLAYLIST-TYPE:{kind}\n#EXTINF:{seconds}.{millis:03},\n{language}.vtt\n#EXT-X-ENDLIST\n"
    )
}

const TARGET_GROWING_S: u64 = 5;

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("a String takes every write");
}

#[cfg(test)]
mod tests;
