//! DASH (ISO/IEC 23009-1, profile isoff-live): a static MPD over the very segments that HLS plays.
//! Times are rounded edge by edge, not duration by duration, so that the timeline has no gap.

use std::fmt::Write;

use super::{
    beside::Beside,
    by_codec,
    sounds::{self, Choice, Sound},
};
use crate::domain::caption::Kind;
use crate::media::{
    layout,
    protection::Protection,
    rendition::{Rendition, Segment, Track},
};

const VIDEO_TIMESCALE: u64 = 90_000;
/// Complete renditions only; `pictures` smallest first, sounds in the order of the file.
pub fn mpd(pictures: &[&Rendition], sounds: &[&Rendition], beside: &Beside) -> String {
    render(pictures, sounds, None, beside)
}

/// The same over encrypted segments. `None` where one key does not cover them all: the one player that reads such
/// manifests takes one key a period.
pub fn protected_mpd(
    pictures: &[&Rendition],
    sounds: &[&Rendition],
    protection: &Protection,
    beside: &Beside,
) -> Option<String> {
    let lengths = pictures.iter().chain(sounds).map(|rendition| rendition.segments.len() as u64);
    let last = lengths.max().unwrap_or(0).saturating_sub(1);
    (protection.key_number(last) == 0).then(|| render(pictures, sounds, Some(protection), beside))
}

fn render(
    pictures: &[&Rendition],
    sounds: &[&Rendition],
    protection: Option<&Protection>,
    beside: &Beside,
) -> String {
    let all = pictures.iter().chain(sounds);
    let duration_ns = all.filter_map(|rendition| rendition.segments.last()).map(end_ns).max().unwrap_or(0);
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" profiles=\"urn:mpeg:dash:profile:isoff-live:2011\" \
         type=\"static\" mediaPresentationDuration=\"{}\" minBufferTime=\"PT4S\">\n",
        seconds(duration_ns)
    );
    program_information(&mut text, beside);
    text.push_str("  <Period id=\"0\" start=\"PT0S\">\n");
    let picture_sets = by_codec(pictures);
    for (pictures, id) in picture_sets.iter().zip(0..) {
        picture_set(&mut text, pictures, id, protection);
    }
    let sounds = sounds::named(sounds);
    // Numbered as they were when there was but one set of pictures, which sound alone has none of.
    let first_sound_set = picture_sets.len().max(1);
    sound_sets(&mut text, &sounds, first_sound_set, protection);
    let first_text_set = first_sound_set + sounds.len();
    text_sets(&mut text, beside, first_text_set);
    image_set(&mut text, beside, first_text_set + beside.captions.len());
    text.push_str("  </Period>\n</MPD>\n");
    text
}

/// The description as Dublin Core, since the schema has an element for the title only and lets others in.
fn program_information(text: &mut String, beside: &Beside) {
    if beside.title.is_empty() {
        return;
    }
    push(text, format_args!("  <ProgramInformation>\n    <Title>{}</Title>\n", escaped(&beside.title)));
    if !beside.description.is_empty() {
        push(
            text,
            format_args!(
                "    <dc:description xmlns:dc=\"http://purl.org/dc/elements/1.1/\">{}</dc:description>\n",
                escaped(&beside.description)
            ),
        );
    }
    text.push_str("  </ProgramInformation>\n");
}

fn picture_set(text: &mut String, pictures: &[&Rendition], id: usize, protection: Option<&Protection>) {
    push(
        text,
        format_args!(
            "    <AdaptationSet id=\"{id}\" contentType=\"video\" mimeType=\"video/mp4\" segmentAlignment=\"true\" \
             startWithSAP=\"1\">\n"
        ),
    );
    content_protection(text, protection);
    text.push_str("      <Role schemeIdUri=\"urn:mpeg:dash:role:2011\" value=\"main\"/>\n");
    for picture in pictures {
        let Track::Video { width, height, frame_rate } = picture.track else { continue };
        let (numerator, denominator) = (frame_rate.numerator, frame_rate.denominator);
        push(
            text,
            format_args!(
                "      <Representation id=\"{}\" codecs=\"{}\" bandwidth=\"{}\" width=\"{width}\" height=\"{height}\" \
                 frameRate=\"{numerator}/{denominator}\" sar=\"1:1\">\n",
                picture.id,
                picture.codec,
                picture.bandwidth_peak()
            ),
        );
        timeline(text, picture, VIDEO_TIMESCALE, protection);
        text.push_str("      </Representation>\n");
    }
    text.push_str("    </AdaptationSet>\n");
}

/// A set each, since players switch within a set by themselves. Labels are for telling several apart.
fn sound_sets(text: &mut String, sounds: &[Sound<'_>], first_id: usize, protection: Option<&Protection>) {
    for (sound, id) in sounds.iter().zip(first_id..) {
        let name = (sounds.len() > 1).then(|| escaped(&sound.name));
        let label = name.map(|name| format!("      <Label>{name}</Label>\n")).unwrap_or_default();
        sound_set(text, sound, id, &label, protection);
    }
}

fn sound_set(text: &mut String, sound: &Sound<'_>, id: usize, label: &str, protection: Option<&Protection>) {
    let Sound { rendition: audio, channels, sample_rate, .. } = sound;
    let language = sound.language.map(|tag| format!(" lang=\"{tag}\"")).unwrap_or_default();
    let role = if sound.choice == Choice::Default { "main" } else { "alternate" };
    push(
        text,
        format_args!(
            "    <AdaptationSet id=\"{id}\" contentType=\"audio\" mimeType=\"audio/mp4\"{language} \
             segmentAlignment=\"true\" startWithSAP=\"1\">\n"
        ),
    );
    content_protection(text, protection);
    push(
        text,
        format_args!(
            "{label}      <Role schemeIdUri=\"urn:mpeg:dash:role:2011\" value=\"{role}\"/>\n      \
             <Representation id=\"{}\" codecs=\"{}\" bandwidth=\"{}\" audioSamplingRate=\"{sample_rate}\">\n        \
             <AudioChannelConfiguration \
             schemeIdUri=\"urn:mpeg:dash:23003:3:audio_channel_configuration:2011\" value=\"{channels}\"/>\n",
            audio.id,
            audio.codec,
            audio.bandwidth_peak()
        ),
    );
    timeline(text, audio, u64::from(*sample_rate), protection);
    text.push_str("      </Representation>\n    </AdaptationSet>\n");
}

/// Each track as its whole file. Its rate is a guess on the high side, since nobody chooses by it.
fn text_sets(text: &mut String, beside: &Beside, first_id: usize) {
    for ((name, track), id) in beside.named_captions().zip(first_id..) {
        let role = match track.kind {
            Kind::Subtitles => "subtitle",
            Kind::Captions => "caption",
        };
        let (name, language, file) = (escaped(&name), &track.language, layout::captions(&track.language));
        push(
            text,
            format_args!(
                "    <AdaptationSet id=\"{id}\" contentType=\"text\" mimeType=\"text/vtt\" lang=\"{language}\">\n      \
                 <Label>{name}</Label>\n      <Role schemeIdUri=\"urn:mpeg:dash:role:2011\" value=\"{role}\"/>\n      \
                 <Representation id=\"captions-{language}\" bandwidth=\"1000\">\n        \
                 <BaseURL>{file}</BaseURL>\n      </Representation>\n    </AdaptationSet>\n"
            ),
        );
    }
}

/// The sprite as tiles (DASH-IF IOP 6.2.6): one segment, so its name needs no number.
fn image_set(text: &mut String, beside: &Beside, id: usize) {
    let Some(sprite) = &beside.sprite else { return };
    let sheet = &sprite.sheet;
    let (columns, rows) = (sheet.columns_filled(), sheet.rows());
    let (width, height) = (columns * sheet.tile_width, rows * sheet.tile_height);
    push(
        text,
        format_args!(
            "    <AdaptationSet id=\"{id}\" contentType=\"image\" mimeType=\"image/jpeg\">\n      \
             <SegmentTemplate media=\"{}\" timescale=\"1000\" duration=\"{}\" startNumber=\"1\"/>\n      \
             <Representation id=\"thumbnails\" bandwidth=\"{}\" width=\"{width}\" height=\"{height}\">\n        \
             <EssentialProperty schemeIdUri=\"http://dashif.org/guidelines/thumbnail_tile\" value=\"{columns}x{rows}\"/>\n      \
             </Representation>\n    </AdaptationSet>\n",
            layout::SPRITE,
            sheet.covered_ms(),
            sprite.bits_a_second()
        ),
    );
}

/// Text of an element or of an attribute in double quotes (XML 1.0), without what XML cannot hold.
fn escaped(text: &str) -> String {
    let piece = |c: char| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\n' | '\t' => c.to_string(),
        '\u{FFFE}' | '\u{FFFF}' => String::new(),
        c if c.is_control() => String::new(),
        c => c.to_string(),
    };
    text.chars().map(piece).collect()
}

/// Segment encryption (ISO/IEC 23009-4): the init is encrypted too, unlike that of HLS.
fn content_protection(text: &mut String, protection: Option<&Protection>) {
    let Some(protection) = protection else { return };
    let (uri, iv) = (layout::key(protection.set(), 0), protection.iv_text(0));
    push(
        text,
        format_args!(
            "      <ContentProtection schemeIdUri=\"urn:mpeg:dash:sea:2012\" \
             xmlns:sea=\"urn:mpeg:dash:schema:sea:2012\">\n        \
             <sea:SegmentEncryption schemeIdUri=\"urn:mpeg:dash:sea:aes128-cbc:2013\"/>\n        \
             <sea:KeySystem keySystemUri=\"urn:mpeg:dash:sea:keysys:http:2013\"/>\n        \
             <sea:CryptoPeriod IV=\"{iv}\" keyUriTemplate=\"{uri}\"/>\n      </ContentProtection>\n"
        ),
    );
}

fn timeline(text: &mut String, rendition: &Rendition, timescale: u64, protection: Option<&Protection>) {
    let folder = protection.map(|protection| layout::encrypted(protection.set(), "")).unwrap_or_default();
    push(
        text,
        format_args!(
            "        <SegmentTemplate timescale=\"{timescale}\" initialization=\"$RepresentationID$/{folder}{}\" \
             media=\"$RepresentationID$/{folder}seg$Number%05d$.m4s\" startNumber=\"0\">\n          <SegmentTimeline>\n",
            layout::INIT
        ),
    );
    for (start, duration, repeats) in runs(&rendition.segments, timescale) {
        let repeated = if repeats > 0 { format!(" r=\"{repeats}\"") } else { String::new() };
        push(text, format_args!("            <S t=\"{start}\" d=\"{duration}\"{repeated}/>\n"));
    }
    text.push_str("          </SegmentTimeline>\n        </SegmentTemplate>\n");
}

/// Segments as (start, duration, how often the same follows), in ticks.
fn runs(segments: &[Segment], timescale: u64) -> Vec<(u64, u64, usize)> {
    let mut runs: Vec<(u64, u64, usize)> = Vec::new();
    for segment in segments {
        let start = ticks(segment.start_ns, timescale);
        let duration = ticks(end_ns(segment), timescale) - start;
        match runs.last_mut() {
            Some((first, same, repeats))
                if *same == duration && *first + *same * (*repeats as u64 + 1) == start =>
            {
                *repeats += 1;
            }
            _ => runs.push((start, duration, 0)),
        }
    }
    runs
}

fn end_ns(segment: &Segment) -> u64 {
    segment.start_ns + segment.duration_ns
}

fn ticks(at_ns: u64, timescale: u64) -> u64 {
    let exact = u128::from(at_ns) * u128::from(timescale) + 500_000_000;
    u64::try_from(exact / 1_000_000_000).unwrap_or(u64::MAX)
}

fn seconds(duration_ns: u64) -> String {
    format!("PT{}.{:03}S", duration_ns / 1_000_000_000, duration_ns % 1_000_000_000 / 1_000_000)
}

fn push(text: &mut String, piece: std::fmt::Arguments<'_>) {
    text.write_fmt(piece).expect("a String takes every write");
}

#[cfg(test)]
mod tests;
