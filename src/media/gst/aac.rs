//! Sound into AAC-LC, stereo, 48 kHz. The encoder puts 1024 samples of its own before the first, and CMAF has
//! no edit list to hide them, so the first 1024 samples of the source are left out and the rest is moved
//! forward by as much: everything is then heard when it should be.

use std::sync::Mutex;

use gst::prelude::*;
use gstreamer as gst;

use super::segments::{KeyUnits, sink_description};
use crate::media::rendition::RenditionId;

pub const SAMPLE_RATE: u64 = 48_000;
pub const BITRATE: u64 = 128_000;
const PRIMING_SAMPLES: u64 = 1024;
/// Interleaved stereo floats.
const SAMPLE_BYTES: u64 = 8;

/// Decoded sound to segments. `aac-ms` would code every band as middle and side and lose the side: what is heard on one
/// side alone then comes from both. The ghost sink pad is the only one; the trimming sits on the src pad of `trim`.
pub fn encoder_description(rendition: &RenditionId, channels: u32) -> String {
    let sink = sink_description(rendition, KeyUnits::AsTheyCome);
    let to_stereo = to_stereo(channels);
    format!(
        "queue max-size-buffers=0 max-size-bytes=0 max-size-time=2000000000 \
         ! {to_stereo} ! audioresample ! audiorate \
         ! capsfilter name=trim caps=audio/x-raw,format=F32LE,layout=interleaved,rate={SAMPLE_RATE},channels=2 \
         ! audioconvert ! avenc_aac bitrate={BITRATE} aac-ms=false ! aacparse \
         ! audio/mpeg,mpegversion=4,stream-format=raw ! {sink}"
    )
}

/// 5.1 and 7.1 are folded (after ITU-R BS.775: front 0 dB, centre and surround -3 dB, no bass channel) and turned down
/// by 3 dB; what still would be too loud is limited. GStreamer's own folding makes speech 9 dB quieter.
fn to_stereo(channels: u32) -> String {
    const FRONT: f32 = 0.708;
    const OTHER: f32 = 0.5;
    let (left, right): (&[f32], &[f32]) = match channels {
        6 => (&[FRONT, 0.0, OTHER, 0.0, OTHER, 0.0], &[0.0, FRONT, OTHER, 0.0, 0.0, OTHER]),
        8 => (
            &[FRONT, 0.0, OTHER, 0.0, OTHER, 0.0, OTHER, 0.0],
            &[0.0, FRONT, OTHER, 0.0, 0.0, OTHER, 0.0, OTHER],
        ),
        _ => return "audioconvert".to_owned(),
    };
    let row = |weights: &[f32]| {
        let weights: Vec<String> = weights.iter().map(|weight| format!("(float){weight}")).collect();
        format!("<{}>", weights.join(","))
    };
    format!(
        "audioconvert mix-matrix=\"<{},{}>\" ! audio/x-raw,channels=2 ! audioconvert ! rglimiter",
        row(left),
        row(right)
    )
}

/// AAC that plays as it is, to segments.
pub fn remuxer_description(rendition: &RenditionId) -> String {
    let sink = sink_description(rendition, KeyUnits::AsTheyCome);
    format!(
        "queue max-size-buffers=2000 max-size-bytes=0 max-size-time=0 ! aacparse \
         ! audio/mpeg,mpegversion=4,stream-format=raw ! {sink}"
    )
}

/// Leaves the first samples out and moves the others forward.
pub fn trim_priming(parts: &gst::Bin) {
    let filter = parts.by_name("trim").expect("the filter is in the description");
    let pad = filter.static_pad("src").expect("a capsfilter has a src pad");
    let left = Mutex::new(PRIMING_SAMPLES);
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let mut left = left.lock().expect("trimming does not panic");
        let Some(gst::PadProbeData::Buffer(buffer)) = &mut info.data else { return gst::PadProbeReturn::Ok };
        match trimmed(buffer, *left) {
            Some((cut, still_left)) => {
                *left = still_left;
                *buffer = cut;
                gst::PadProbeReturn::Ok
            }
            None => {
                *left -= buffer.size() as u64 / SAMPLE_BYTES;
                gst::PadProbeReturn::Drop
            }
        }
    });
}

/// The buffer without its first `left` samples, and what is left to drop: nothing. None if it is dropped whole.
fn trimmed(buffer: &gst::Buffer, left: u64) -> Option<(gst::Buffer, u64)> {
    let samples = buffer.size() as u64 / SAMPLE_BYTES;
    if left > 0 && samples <= left {
        return None;
    }
    let skipped = usize::try_from(left * SAMPLE_BYTES).ok()?;
    let mut cut = match left {
        0 => buffer.copy(),
        _ => buffer.copy_region(gst::BufferCopyFlags::all(), skipped..).ok()?,
    };
    let shift = span(PRIMING_SAMPLES);
    let skipped_span = span(left);
    let cut_buffer = cut.make_mut();
    cut_buffer.set_pts(buffer.pts().map(|pts| (pts + skipped_span).saturating_sub(shift)));
    cut_buffer.set_duration(buffer.duration().map(|duration| duration.saturating_sub(skipped_span)));
    cut_buffer.set_offset(u64::MAX);
    cut_buffer.set_offset_end(u64::MAX);
    Some((cut, 0))
}

fn span(samples: u64) -> gst::ClockTime {
    gst::ClockTime::from_nseconds(samples * 1_000_000_000 / SAMPLE_RATE)
}
