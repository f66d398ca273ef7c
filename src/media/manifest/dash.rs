//! DASH (ISO/IEC 23009-1, profile isoff-live): a static MPD over the very segments that HLS plays.
//! Times are rounded edge by edge, not duration by duration, so that the timeline has no gap.

use std::fmt::Write;

use crate::media::{
    layout,
    rendition::{Rendition, Segment, Track},
};

const VIDEO_TIMESCALE: u64 = 90_000;

/// Complete renditions only; `pictures` smallest first.
pub fn mpd(pictures: &[&Rendition], audio: Option<&Rendition>) -> String {
    let all = pictures.iter().copied().chain(audio);
    let duration_ns = all.filter_map(|rendition| rendition.segments.last()).map(end_ns).max().unwrap_or(0);
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" profiles=\"urn:mpeg:dash:profile:isoff-live:2011\" \
         type=\"static\" mediaPresentationDuration=\"{}\" minBufferTime=\"PT4S\">\n  <Period id=\"0\" start=\"PT0S\">\n",
        seconds(duration_ns)
    );
    if !pictures.is_empty() {
        picture_set(&mut text, pictures);
    }
    if let Some(audio) = audio {
        sound_set(&mut text, audio);
    }
    text.push_str("  </Period>\n</MPD>\n");
    text
}

fn picture_set(text: &mut String, pictures: &[&Rendition]) {
    text.push_str(
        "    <AdaptationSet id=\"0\" contentType=\"video\" mimeType=\"video/mp4\" segmentAlignment=\"true\" \
         startWithSAP=\"1\">\n      <Role schemeIdUri=\"urn:mpeg:dash:role:2011\" value=\"main\"/>\n",
    );
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
        timeline(text, picture, VIDEO_TIMESCALE);
        text.push_str("      </Representation>\n");
    }
    text.push_str("    </AdaptationSet>\n");
}

fn sound_set(text: &mut String, audio: &Rendition) {
    let Track::Audio { channels, sample_rate, language } = &audio.track else { return };
    let language = language.as_ref().map(|tag| format!(" lang=\"{tag}\"")).unwrap_or_default();
    push(
        text,
        format_args!(
            "    <AdaptationSet id=\"1\" contentType=\"audio\" mimeType=\"audio/mp4\"{language} \
             segmentAlignment=\"true\" startWithSAP=\"1\">\n      \
             <Role schemeIdUri=\"urn:mpeg:dash:role:2011\" value=\"main\"/>\n      \
             <Representation id=\"{}\" codecs=\"{}\" bandwidth=\"{}\" audioSamplingRate=\"{sample_rate}\">\n        \
             <AudioChannelConfiguration \
             schemeIdUri=\"urn:mpeg:dash:23003:3:audio_channel_configuration:2011\" value=\"{channels}\"/>\n",
            audio.id,
            audio.codec,
            audio.bandwidth_peak()
        ),
    );
    timeline(text, audio, u64::from(*sample_rate));
    text.push_str("      </Representation>\n    </AdaptationSet>\n");
}

fn timeline(text: &mut String, rendition: &Rendition, timescale: u64) {
    push(
        text,
        format_args!(
            "        <SegmentTemplate timescale=\"{timescale}\" initialization=\"$RepresentationID$/{}\" \
             media=\"$RepresentationID$/seg$Number%05d$.m4s\" startNumber=\"0\">\n          <SegmentTimeline>\n",
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
