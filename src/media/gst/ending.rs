//! The last picture stays as long as it was meant to and no longer. GStreamer's `videorate` shows it never or once when
//! its stream does not say where it stops, so that a slide at the end would be cut off, or one frame come after the end.

use std::sync::Mutex;

use gst::prelude::*;
use gstreamer as gst;

use super::tracks::{Mark, ROUNDED_BY_NS, span_of};
use crate::media::probe::Fraction;

/// A still that is longer is cut off.
const HELD_MAX_NS: u64 = 600 * 1_000_000_000;

/// Lets nothing pass that begins after what was decoded, and repeats what passed last until that is over.
pub fn hold_last(pad: &gst::Pad, decoded: Mark, rate: Fraction) {
    let frame_ns = u64::from(rate.denominator) * 1_000_000_000 / u64::from(rate.numerator.max(1));
    let last: Mutex<Option<gst::Buffer>> = Mutex::default();
    pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM, move |pad, info| {
        let mut last = last.lock().expect("nothing panics while it holds this");
        match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => {
                let span = span_of(pad, buffer);
                if span.is_some_and(|(starts_ns, _)| starts_ns + ROUNDED_BY_NS >= decoded.ns()) {
                    return gst::PadProbeReturn::Handled;
                }
                *last = Some(buffer.clone());
            }
            Some(gst::PadProbeData::Event(event)) if event.type_() == gst::EventType::Eos => {
                if let (Some(last), Some(next)) = (last.take(), pad.peer()) {
                    repeat(pad, &next, &last, decoded.ns(), frame_ns);
                }
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}

fn repeat(pad: &gst::Pad, next: &gst::Pad, last: &gst::Buffer, until_ns: u64, frame_ns: u64) {
    let Some((mut pts, (shown_ns, _))) = last.pts().zip(span_of(pad, last)) else { return };
    let mut end_ns = shown_ns + frame_ns;
    let until_ns = until_ns.min(end_ns + HELD_MAX_NS);
    while end_ns + frame_ns / 2 <= until_ns {
        pts += gst::ClockTime::from_nseconds(frame_ns);
        let mut again = last.clone();
        let stamps = again.make_mut();
        stamps.set_pts(pts);
        stamps.set_dts(gst::ClockTime::NONE);
        if next.chain(again).is_err() {
            return;
        }
        end_ns += frame_ns;
    }
}
