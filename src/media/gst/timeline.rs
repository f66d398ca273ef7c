//! One timeline from zero. An edit list, a recording that begins again, a track that starts late: each comes as
//! another segment of time, and encoders and muxers lose their count over a second one. Sound, and pictures once they
//! are decoded, get their running time as their only time; what no segment shows is left out.

use std::sync::Mutex;

use gst::prelude::*;
use gstreamer as gst;

use super::jumps::{Belief, Jumps};

type Time = gst::FormattedSegment<gst::ClockTime>;

struct Timeline {
    segment: Option<Time>,
    announced: bool,
    jumps: Jumps,
    belief: Belief,
}

/// Everything that passes this pad from now on.
pub fn flatten(pad: &gst::Pad, belief: Belief) {
    let timeline = Mutex::new(Timeline::new(belief));
    let types =
        gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM | gst::PadProbeType::EVENT_FLUSH;
    pad.add_probe(types, move |_, info| {
        let mut timeline = timeline.lock().expect("nothing panics while it holds this");
        match &mut info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => timeline.pass_buffer(buffer),
            Some(gst::PadProbeData::Event(event)) => timeline.pass_event(event),
            _ => gst::PadProbeReturn::Ok,
        }
    });
}

impl Timeline {
    fn new(belief: Belief) -> Self {
        Self { segment: None, announced: false, jumps: Jumps::new(belief), belief }
    }

    fn pass_event(&mut self, event: &mut gst::Event) -> gst::PadProbeReturn {
        match event.view() {
            gst::EventView::FlushStop(_) => *self = Self::new(self.belief),
            gst::EventView::Segment(segment) => {
                let Some(segment) = segment.segment().downcast_ref::<gst::ClockTime>() else {
                    return gst::PadProbeReturn::Ok;
                };
                self.segment = Some(segment.clone());
                if std::mem::replace(&mut self.announced, true) {
                    return gst::PadProbeReturn::Handled;
                }
                *event = gst::event::Segment::builder(&Time::new()).seqnum(event.seqnum()).build();
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    }

    fn pass_buffer(&mut self, buffer: &mut gst::Buffer) -> gst::PadProbeReturn {
        let (Some(segment), Some(pts)) = (&self.segment, buffer.pts()) else {
            return gst::PadProbeReturn::Ok;
        };
        let running = segment.to_running_time(pts).and_then(|at| self.jumps.place(at.nseconds()));
        let Some(running) = running.map(gst::ClockTime::from_nseconds) else {
            return gst::PadProbeReturn::Handled;
        };
        if running != pts {
            let buffer = buffer.make_mut();
            buffer.set_pts(running);
            buffer.set_dts(gst::ClockTime::NONE);
        }
        gst::PadProbeReturn::Ok
    }
}
