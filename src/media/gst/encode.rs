//! The ladder: one decode, each rung shrunk from the next larger one, capped CRF, a keyframe every
//! four seconds in all rungs at once. The sounds go along in the same pass if they are still to be made.

use std::{fmt::Write, sync::Arc};

use gst::prelude::*;
use gstreamer as gst;

use super::{
    elements, ending,
    outputs::{Output, check_chunk, close, ignored_sounds, outlet, own, sounds},
    pipeline,
    report::Reporter,
    segments::{Announcement, KeyUnits, TrackForm, Writer, picture_sink_description},
    shrink,
    source::{self, Form, Kind, Outlet},
    tracks::{self, Tracks},
};
use crate::domain::codec::Codec;
use crate::media::{
    chunk::Chunk,
    failure::{Failure, FailureCode},
    ladder::{Rung, SEGMENT_MS},
    probe::{DynamicRange, Probe, Rotation, Scan, VideoStream},
    protocol::{Sound, Task},
    rendition::{Origin, Track},
};

const QUANTIZER: u32 = 23;
const QUANTIZER_HEVC: u32 = 26;
const QUANTIZER_VP9: u32 = 33;
const PRESET: &str = "veryfast";
/// How much the cap may be overdrawn.
const VBV_MS: u32 = 2000;
/// A raw 1080p frame is 3 MB: eight of them smooth the branches, more only cost memory.
const RAW_QUEUE: &str = "queue max-size-buffers=8 max-size-bytes=0 max-size-time=0";

/// What is to be encoded.
#[derive(Clone, Copy)]
pub struct Order<'a> {
    pub probe: &'a Probe,
    pub rungs: &'a [Rung],
    pub sound: Sound,
    pub chunk: Chunk,
}

pub fn run(task: &Task, order: &Order<'_>, reporter: &Arc<Reporter>) -> Result<(), Failure> {
    let Order { probe, chunk, .. } = *order;
    let pipeline = gst::Pipeline::new();
    let tracks = Tracks::of(probe);
    let (Some(video), Some(track)) = (&probe.video, &tracks.picture) else {
        return Err(Failure::new(FailureCode::NoPlayableStreams, "there is no picture to make rungs of"));
    };
    let (mut outputs, picture) = picture(&pipeline, task, video, track, order, reporter)?;
    let mut outlets = vec![picture];
    if order.sound == Sound::Make {
        for (output, outlet) in sounds(&pipeline, task, probe, &tracks, reporter)? {
            outlets.push(outlet);
            outputs.push(output);
        }
    } else if chunk.is_whole() {
        outlets.extend(ignored_sounds(&pipeline, probe, &tracks)?);
    }
    source::attach(&pipeline, &task.source, outlets, chunk)?;
    let worked = working(&tracks, order.sound);
    let duration_ms = chunk.duration_ns(probe.duration_ms * 1_000_000) / 1_000_000;
    pipeline::play(&pipeline, &worked, duration_ms, reporter).map_err(|failure| own(&outputs, failure))?;
    if chunk.is_whole() {
        return close(&outputs, &tracks, probe, reporter);
    }
    check_chunk(&outputs, probe, chunk)
}

/// The position is that of the picture alone when the sounds are only counted.
fn working(tracks: &Tracks, make_sound: Sound) -> Tracks {
    let sounds = if make_sound == Sound::Make { tracks.sounds.clone() } else { Vec::new() };
    Tracks { picture: tracks.picture.clone(), sounds }
}

fn picture(
    pipeline: &gst::Pipeline,
    task: &Task,
    video: &VideoStream,
    track: &tracks::Track,
    order: &Order<'_>,
    reporter: &Arc<Reporter>,
) -> Result<(Vec<Output>, Outlet), Failure> {
    let parts = elements::describe(&description(video, order.rungs))?;
    take_frames_as_they_lie(&parts);
    if let (Some(rung), None) = (order.rungs.first(), order.chunk.end) {
        let rate = parts.by_name("rate").and_then(|rate| rate.static_pad("src"));
        ending::hold_last(&rate.expect("it is in the description"), track.done.clone(), rung.frame_rate);
    }
    let mut outputs = Vec::new();
    for (place, rung) in order.rungs.iter().enumerate() {
        if place > 0 {
            shrink::attach(&parts, place, rung);
        }
        spare_flushes(&parts, rung);
        let writer = Writer::attach(&parts, &task.output, announcement(rung, order.chunk), reporter)?;
        outputs.push(Output { writer, held: track.held.clone() });
    }
    Ok((outputs, outlet(pipeline, &parts, Kind::Picture, Form::Decoded, track)?))
}

/// Decoders leave room around their pictures, and copy each one for whoever does not say that it can do with that. All
/// that comes here can; videorate does not pass that on.
fn take_frames_as_they_lie(parts: &gst::Bin) {
    let decoded = parts.by_name("decoded").expect("it is in the description");
    let pad = decoded.static_pad("sink").expect("a queue has a sink pad");
    pad.add_probe(gst::PadProbeType::QUERY_DOWNSTREAM, |_, info| {
        match info.query_mut().map(gst::QueryRef::view_mut) {
            Some(gst::QueryViewMut::Allocation(allocation)) => {
                allocation.add_allocation_meta::<gstreamer_video::VideoMeta>(None);
                gst::PadProbeReturn::Handled
            }
            _ => gst::PadProbeReturn::Ok,
        }
    });
}

/// x265enc of 1.22 fails when it is flushed before it has seen a frame, which the seek to a chunk does.
fn spare_flushes(parts: &gst::Bin, rung: &Rung) {
    if let Some(encoder) = parts.by_name(&format!("hevc_{}", rung.rendition)) {
        let pad = encoder.static_pad("sink").expect("an encoder has a sink pad");
        pad.add_probe(gst::PadProbeType::EVENT_FLUSH, |_, _| gst::PadProbeReturn::Drop);
    }
}

fn announcement(rung: &Rung, chunk: Chunk) -> Announcement {
    let Rung { width, height, frame_rate, .. } = *rung;
    Announcement {
        rendition: rung.rendition.clone(),
        form: TrackForm::Picture(Track::Video { width, height, frame_rate }),
        origin: Origin::Encoded,
        bandwidth_cap: u64::from(rung.bitrate_max_kbps) * 1000,
        chunk,
    }
}

/// Decoded picture to segments, as gst-launch writes it. Only numbers of ours and names of rungs are in it.
fn description(video: &VideoStream, rungs: &[Rung]) -> String {
    let mut text = format!("{RAW_QUEUE} name=decoded {}", prepare(video, rungs));
    for (place, rung) in rungs.iter().enumerate() {
        let smaller = match place {
            0 => fit(video, rung),
            _ => {
                let thinned = thin_out(&rungs[place - 1], rung);
                format!(" rung{}. ! {RAW_QUEUE} {thinned}! {}", place - 1, shrink::description(place))
            }
        };
        let (encoder, sink) = (
            encoder(rung, threads(place)),
            picture_sink_description(&rung.rendition, rung.codec, KeyUnits::Forced),
        );
        write!(text, "{smaller} ! tee name=rung{place} rung{place}. ! {RAW_QUEUE} ! {encoder} ! {sink}")
            .expect("a String takes every write");
    }
    text
}

/// A rung slower than the one it is made from leaves frames out.
fn thin_out(above: &Rung, rung: &Rung) -> String {
    if above.frame_rate == rung.frame_rate {
        return String::new();
    }
    let (numerator, denominator) = (rung.frame_rate.numerator, rung.frame_rate.denominator);
    format!("! videorate drop-only=true ! video/x-raw,framerate={numerator}/{denominator} ")
}

/// The top rung: whatever was decoded becomes 8-bit 4:2:0 with square pixels. Often nothing is left to do. A high
/// dynamic range keeps its colours and loses its brightness scale, which GStreamer 1.22 cannot map.
fn fit(video: &VideoStream, rung: &Rung) -> String {
    let Rung { width, height, .. } = rung;
    let (primaries, colours) = match video.range {
        DynamicRange::Standard => ("", ""),
        DynamicRange::High => ("primaries-mode=merge-only", ",colorimetry=bt709"),
    };
    format!(
        "! videoconvertscale method=lanczos add-borders=false {primaries} \
         ! video/x-raw,format=I420,width={width},height={height},pixel-aspect-ratio=1/1{colours}"
    )
}

/// Upright, progressive, at a constant rate, before anything is scaled.
fn prepare(video: &VideoStream, rungs: &[Rung]) -> String {
    let mut text = String::new();
    if video.scan == Scan::Interlaced {
        text.push_str("! videoconvertscale ! deinterlace mode=auto fields=all ");
    }
    let turn = match video.rotation {
        Rotation::Upright => None,
        Rotation::QuarterTurn => Some("90r"),
        Rotation::HalfTurn => Some("180"),
        Rotation::ThreeQuarterTurn => Some("90l"),
    };
    if let Some(turn) = turn {
        write!(text, "! videoconvertscale ! videoflip video-direction={turn} ")
            .expect("a String takes every write");
    }
    if let Some(rung) = rungs.first() {
        let (numerator, denominator) = (rung.frame_rate.numerator, rung.frame_rate.denominator);
        write!(text, "! videorate name=rate ! video/x-raw,framerate={numerator}/{denominator} ")
            .expect("a String takes every write");
    }
    text
}

/// The top rung takes the cores it finds; one thread for each of the others costs least and still fills them.
fn threads(place: usize) -> u32 {
    if place == 0 { 0 } else { 1 }
}

fn encoder(rung: &Rung, threads: u32) -> String {
    let frames = f64::from(u32::try_from(SEGMENT_MS).unwrap_or(4000)) / 1000.0 * rung.frame_rate.as_f64();
    let (bitrate, key_distance) = (rung.bitrate_max_kbps, frames.ceil());
    match rung.codec {
        Codec::H264 => h264(bitrate, key_distance, threads),
        Codec::Hevc => hevc(rung, key_distance),
        Codec::Av1 => av1(bitrate, key_distance, threads),
        Codec::Vp9 => vp9(bitrate, key_distance, threads),
    }
}

/// Constrained quality: what the picture needs, up to the rate. Key frames stand where they are asked for and nowhere else.
fn vp9(bitrate: u32, key_distance: f64, threads: u32) -> String {
    format!(
        "vp9enc deadline=1000000 cpu-used=5 row-mt=true tile-columns=1 end-usage=cq cq-level={QUANTIZER_VP9} \
         target-bitrate={bitrate}000 min-quantizer=4 max-quantizer=63 lag-in-frames=16 auto-alt-ref=true \
         keyframe-mode=disabled keyframe-max-dist={key_distance} threads={threads} \
         ! vp9parse ! video/x-vp9,alignment=super-frame"
    )
}

fn h264(bitrate: u32, key_distance: f64, threads: u32) -> String {
    format!(
        "x264enc pass=qual quantizer={QUANTIZER} bitrate={bitrate} vbv-buf-capacity={VBV_MS} \
         key-int-max={key_distance} speed-preset={PRESET} threads={threads} option-string=\"scenecut=0:ref=1\" \
         ! video/x-h264,profile=high,stream-format=avc"
    )
}

/// Capped CRF as in H.264. Closed GOPs, since a chunk must not lean on the one before it.
fn hevc(rung: &Rung, key_distance: f64) -> String {
    let (rendition, bitrate) = (&rung.rendition, rung.bitrate_max_kbps);
    let buffer = bitrate * VBV_MS / 1000;
    format!(
        "x265enc name=hevc_{rendition} speed-preset={PRESET} key-int-max={key_distance} option-string=\"crf={QUANTIZER_HEVC}\
         :vbv-maxrate={bitrate}:vbv-bufsize={buffer}:scenecut=0:open-gop=0\" \
         ! h265parse ! video/x-h265,profile=main,stream-format=hvc1,alignment=au"
    )
}

/// libaom has no cap in its constant quality: the rate is aimed at, and what is easy gets less.
fn av1(bitrate: u32, key_distance: f64, threads: u32) -> String {
    format!(
        "av1enc usage-profile=realtime cpu-used=8 end-usage=vbr target-bitrate={bitrate} min-quantizer=20 \
         max-quantizer=58 lag-in-frames=0 keyframe-max-dist={key_distance} threads={threads} \
         ! av1parse ! video/x-av1,stream-format=obu-stream,alignment=tu"
    )
}
