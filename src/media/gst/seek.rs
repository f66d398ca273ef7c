//! Confines a run to a chunk: before anything is decoded, the demuxer is sent to the keyframe before the chunk and
//! told where to stop; the decoder then throws away what lies outside. The pad is held meanwhile, so that nothing of
//! the file's beginning gets through.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use gst::prelude::*;
use gstreamer as gst;

use crate::media::chunk::{Chunk, LEAD_MAX_NS};

/// Call it from `pad-added`, before anything flows.
pub fn confine(pad: &gst::Pad, chunk: Chunk) {
    let asked = AtomicBool::new(false);
    let hold: Arc<Mutex<Option<gst::PadProbeId>>> = Arc::default();
    let held = Arc::clone(&hold);
    let kind = gst::PadProbeType::BLOCK | gst::PadProbeType::BUFFER;
    let id = pad.add_probe(kind, move |pad, _| {
        if !asked.swap(true, Ordering::Relaxed) {
            let (pad, held) = (pad.clone(), Arc::clone(&held));
            // The thread that is held here is the demuxer's own, which has to do the seek.
            std::thread::spawn(move || go(&pad, chunk, &held));
        }
        gst::PadProbeReturn::Ok
    });
    *hold.lock().expect("nothing panics while it is held") = id;
}

fn go(pad: &gst::Pad, chunk: Chunk, hold: &Mutex<Option<gst::PadProbeId>>) {
    let time = |ns: u64| gst::ClockTime::from_nseconds(ns);
    let (stop_type, stop) =
        chunk.end.map_or((gst::SeekType::None, None), |end| (gst::SeekType::Set, Some(time(end.ns))));
    let seek = gst::event::Seek::new(
        1.0,
        gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE,
        gst::SeekType::Set,
        Some(time(chunk.start_ns)),
        stop_type,
        stop,
    );
    if !pad.send_event(seek) {
        refuse(pad, "the file cannot be sought in");
    }
    refuse_long_lead(pad);
    if let Some(id) = hold.lock().expect("nothing panics while it is held").take() {
        pad.remove_probe(id);
    }
}

/// Looks at the first frame after the seek: how long before the chunk it lies.
fn refuse_long_lead(pad: &gst::Pad) {
    pad.add_probe(gst::PadProbeType::BUFFER, |pad, info| {
        let segment = pad.sticky_event::<gst::event::Segment>(0);
        let start = segment.as_ref().and_then(|event| {
            event.segment().downcast_ref::<gst::ClockTime>().and_then(gst::FormattedSegment::start)
        });
        let first = info.buffer().and_then(|buffer| buffer.pts().or(buffer.dts()));
        let (Some(start), Some(first)) = (start, first) else { return gst::PadProbeReturn::Ok };
        if start.saturating_sub(first).nseconds() > LEAD_MAX_NS {
            refuse(pad, "its keyframes lie too far apart");
        }
        gst::PadProbeReturn::Remove
    });
}

/// The job is then done in one piece.
fn refuse(pad: &gst::Pad, why: &str) {
    if let Some(element) = pad.parent_element() {
        gst::element_error!(element, gst::ResourceError::Seek, ["{why}"]);
    }
}
