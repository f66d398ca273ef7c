//! The probe: GStreamer's Discoverer over a file that has passed the sniffing, and the limits on what it
//! found. Runs the decoders on the first frames, so that a codec nobody can decode is refused here.

use std::path::Path;

use gstreamer as gst;
use gstreamer_pbutils as pbutils;
use pbutils::prelude::*;

use super::{
    discover_chapters::chapters,
    discover_streams::{audio_stream, video_stream},
    source::{Decoding, decoding, internal},
};
use crate::media::{
    failure::{Failure, FailureCode},
    limits::Limits,
    probe::{AudioStream, Container, Probe},
    sound::SOUNDS_MAX,
};

const TIMEOUT_S: u64 = 10;

/// What typefind may call a container; the sniffing alone cannot know what is nested in what.
const CONTAINERS: [&str; 20] = [
    "video/quicktime",
    "audio/x-m4a",
    "application/x-3gp",
    "video/x-matroska",
    "audio/x-matroska",
    "video/webm",
    "audio/webm",
    "video/mpegts",
    "video/mpeg",
    "video/x-cdxa",
    "video/x-msvideo",
    "video/x-flv",
    "application/ogg",
    "video/ogg",
    "audio/ogg",
    "audio/x-wav",
    "audio/mpeg",
    "application/x-id3",
    "application/x-apetag",
    "application/x-icy",
];

pub fn discover(source: &Path, container: Container, limits: &Limits) -> Result<Probe, Failure> {
    let failed = |error: gst::glib::Error| of_error(&error);
    let absolute = std::path::absolute(source).map_err(|error| internal(&error))?;
    let uri = gst::glib::filename_to_uri(absolute, None).map_err(failed)?;
    let timeout = gst::ClockTime::from_seconds(TIMEOUT_S);
    let discoverer = pbutils::Discoverer::new(timeout).map_err(failed)?;
    let info = discoverer.discover_uri(&uri).map_err(failed)?;
    check_result(&info)?;
    check_containers(info.stream_info())?;
    let probe = Probe {
        container,
        duration_ms: info.duration().map_or(0, gst::ClockTime::mseconds),
        video: info
            .video_streams()
            .iter()
            .filter(|stream| is_decodable(&info, *stream))
            .find_map(video_stream),
        sounds: sounds(&info),
        chapters: chapters(source, container, info.toc()),
    };
    if probe.video.is_none() && info.video_streams().iter().any(|stream| video_stream(stream).is_some()) {
        return Err(undecodable());
    }
    check_limits(&probe, info.stream_list().len(), limits)?;
    Ok(probe)
}

/// Demuxers announce streams in an order of their own; their names are in the order of the file.
fn sounds(info: &pbutils::DiscovererInfo) -> Vec<AudioStream> {
    let streams = info.audio_streams();
    let decodable = streams.iter().filter(|stream| is_decodable(info, *stream));
    let mut sounds: Vec<AudioStream> = decodable.filter_map(audio_stream).collect();
    sounds.sort_by(|one, other| one.stream.cmp(&other.stream));
    sounds.truncate(SOUNDS_MAX);
    if let [only] = &mut sounds[..] {
        only.stream = None;
    }
    sounds
}

/// A sound nobody can decode is passed over, and the picture plays without it. Where nothing is missing the
/// Discoverer has decoded everything, and names raw streams (WAV) by their container.
fn is_decodable(info: &pbutils::DiscovererInfo, stream: &impl IsA<pbutils::DiscovererStreamInfo>) -> bool {
    let caps = stream.as_ref().caps();
    info.result() == pbutils::DiscovererResult::Ok
        || caps.is_some_and(|caps| !matches!(decoding(&caps), Decoding::Impossible))
}

fn undecodable() -> Failure {
    Failure::new(FailureCode::CodecNotSupported, "nothing here can decode what is in the file")
}

fn of_error(error: &gst::glib::Error) -> Failure {
    if error.matches(gst::StreamError::TypeNotFound) || error.matches(gst::StreamError::WrongType) {
        return Failure::new(FailureCode::NotAVideo, "the file is not a video of any known kind");
    }
    if error.matches(gst::CoreError::MissingPlugin) || error.matches(gst::StreamError::CodecNotFound) {
        return undecodable();
    }
    let detail = format!("the file is damaged or cut off before its index ({error})");
    Failure::new(FailureCode::Damaged, detail)
}

fn check_result(info: &pbutils::DiscovererInfo) -> Result<(), Failure> {
    match info.result() {
        pbutils::DiscovererResult::Ok => Ok(()),
        // Some streams have no decoder. What can be played decides, below.
        pbutils::DiscovererResult::MissingPlugins if !info.stream_list().is_empty() => Ok(()),
        pbutils::DiscovererResult::MissingPlugins => Err(undecodable()),
        pbutils::DiscovererResult::Timeout => {
            Err(Failure::new(FailureCode::Damaged, "the file could not be understood in time"))
        }
        _ => Err(Failure::new(FailureCode::Damaged, "the file is damaged: nothing in it could be read")),
    }
}

fn check_containers(stream: Option<pbutils::DiscovererStreamInfo>) -> Result<(), Failure> {
    let Some(container) =
        stream.and_then(|stream| stream.downcast::<pbutils::DiscovererContainerInfo>().ok())
    else {
        return Ok(());
    };
    let caps = container.caps();
    let name = caps.as_ref().and_then(|caps| caps.structure(0)).map_or("", |caps| caps.name().as_str());
    if !CONTAINERS.contains(&name) {
        let detail = format!("{name} files are not taken: upload an MP4, MOV, MKV or WebM file");
        return Err(Failure::new(FailureCode::ContainerNotSupported, detail));
    }
    container.streams().into_iter().try_for_each(|stream| check_containers(Some(stream)))
}

fn check_limits(probe: &Probe, streams: usize, limits: &Limits) -> Result<(), Failure> {
    if probe.video.is_none() && probe.sounds.is_empty() {
        let detail = "the file has neither a picture nor a sound that can be played";
        return Err(Failure::new(FailureCode::NoPlayableStreams, detail));
    }
    if streams > limits.streams_max {
        let detail = format!("the file has {streams} streams and at most {} are allowed", limits.streams_max);
        return Err(Failure::new(FailureCode::TooManyStreams, detail));
    }
    if probe.duration_ms > limits.duration_max_ms {
        let (long, most) = (probe.duration_ms / 1000, limits.duration_max_ms / 1000);
        return Err(Failure::new(
            FailureCode::TooLong,
            format!("the video is {long} s long and at most {most} s are allowed"),
        ));
    }
    let Some(video) = &probe.video else { return Ok(()) };
    let pixels = u64::from(video.width) * u64::from(video.height);
    if pixels > limits.pixels_max || video.width.max(video.height) > limits.side_max {
        let (width, height) = (video.width, video.height);
        let detail = format!("the picture is {width}x{height}, which is more than is allowed");
        return Err(Failure::new(FailureCode::TooLargePicture, detail));
    }
    Ok(())
}
