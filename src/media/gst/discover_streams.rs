//! One stream as the Discoverer describes it, in our own terms.

use gstreamer as gst;
use gstreamer_pbutils as pbutils;
use pbutils::prelude::*;

use crate::media::{
    language::Language,
    probe::{AudioStream, Chroma, DynamicRange, Fraction, Rotation, Scan, VideoStream},
    sound::{StreamName, Title},
};

/// None for cover art and for phantoms without a size (MPEG-PS has them).
pub fn video_stream(info: &pbutils::DiscovererVideoInfo) -> Option<VideoStream> {
    let caps = info.caps()?;
    let caps = caps.structure(0)?;
    // The Discoverer also calls a picture without a believable rate an image.
    let is_image = info.is_image() && caps.name().starts_with("image/");
    if is_image || info.width() == 0 || info.height() == 0 {
        return None;
    }
    let text = |field: &str| caps.get::<String>(field).ok();
    Some(VideoStream {
        codec: codec_name(caps.name()),
        profile: text("profile"),
        level: text("level"),
        width: info.width(),
        height: info.height(),
        pixel_aspect: aspect(info.par()),
        frame_rate: fraction(info.framerate()),
        rotation: rotation(info),
        bits_a_sample: bits_a_sample(info, caps),
        chroma: chroma(&text),
        scan: scan(info, &text),
        range: dynamic_range(&text),
    })
}

pub fn audio_stream(info: &pbutils::DiscovererAudioInfo) -> Option<AudioStream> {
    let caps = info.caps()?;
    let caps = caps.structure(0)?;
    if info.channels() == 0 || info.sample_rate() == 0 {
        return None;
    }
    Some(AudioStream {
        codec: audio_codec(caps),
        profile: caps.get::<String>("profile").ok(),
        channels: info.channels(),
        sample_rate: info.sample_rate(),
        language: info.language().and_then(|code| Language::of_container(&code)),
        title: title(info),
        stream: info.stream_id().and_then(|id| StreamName::of(&id)),
    })
}

fn title(info: &pbutils::DiscovererAudioInfo) -> Option<Title> {
    let tags = info.tags()?;
    let title = tags.get::<gst::tags::Title>()?;
    Title::of_container(title.get())
}

fn codec_name(media_type: &str) -> String {
    let name = media_type.rsplit('/').next().unwrap_or(media_type);
    name.trim_start_matches("x-").to_owned()
}

fn audio_codec(caps: &gst::StructureRef) -> String {
    match (caps.name().as_str(), caps.get::<i32>("mpegversion")) {
        ("audio/mpeg", Ok(2 | 4)) => "aac".to_owned(),
        ("audio/mpeg", _) => "mp3".to_owned(),
        (name, _) => codec_name(name),
    }
}

fn fraction(value: gst::Fraction) -> Fraction {
    let numerator = u32::try_from(value.numer()).unwrap_or(0);
    let denominator = u32::try_from(value.denom()).unwrap_or(1).max(1);
    Fraction::new(numerator, denominator)
}

/// A missing or absurd aspect means square pixels.
fn aspect(value: gst::Fraction) -> Fraction {
    let aspect = fraction(value);
    if (0.1..=10.0).contains(&aspect.as_f64()) { aspect } else { Fraction::ONE }
}

fn rotation(info: &pbutils::DiscovererVideoInfo) -> Rotation {
    let tags = info.tags();
    let turned = tags.as_ref().and_then(|tags| tags.get::<gst::tags::ImageOrientation>());
    match turned.as_ref().map(|turned| turned.get()) {
        Some("rotate-90" | "flip-rotate-90") => Rotation::QuarterTurn,
        Some("rotate-180" | "flip-rotate-180") => Rotation::HalfTurn,
        Some("rotate-270" | "flip-rotate-270") => Rotation::ThreeQuarterTurn,
        _ => Rotation::Upright,
    }
}

/// The parser knows it for H.264 and HEVC; the Discoverer gives bits a pixel, which is 24 for 8-bit 4:2:0.
fn bits_a_sample(info: &pbutils::DiscovererVideoInfo, caps: &gst::StructureRef) -> u32 {
    caps.get::<u32>("bit-depth-luma").ok().unwrap_or_else(|| (info.depth() / 3).max(8))
}

fn chroma(text: &impl Fn(&str) -> Option<String>) -> Chroma {
    match text("chroma-format").as_deref() {
        Some("4:2:0") => Chroma::Yuv420,
        _ => Chroma::Other,
    }
}

fn scan(info: &pbutils::DiscovererVideoInfo, text: &impl Fn(&str) -> Option<String>) -> Scan {
    let mode = text("interlace-mode");
    let woven = mode.as_deref().is_some_and(|mode| mode != "progressive");
    if info.is_interlaced() || woven { Scan::Interlaced } else { Scan::Progressive }
}

fn dynamic_range(text: &impl Fn(&str) -> Option<String>) -> DynamicRange {
    const HIGH: [&str; 4] = ["bt2100-pq", "bt2100-hlg", "smpte2084", "arib-std-b67"];
    match text("colorimetry") {
        Some(colours) if HIGH.iter().any(|high| colours.contains(high)) => DynamicRange::High,
        _ => DynamicRange::Standard,
    }
}
