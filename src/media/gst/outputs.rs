//! What passthrough and ladder share: renditions being written, the sound rendition, and the verdict at the
//! end of a run.

use std::sync::Arc;

use gst::prelude::*;
use gstreamer as gst;

use super::{
    aac, elements,
    report::Reporter,
    segments::{Announcement, TrackForm, Writer},
    source::{Form, Kind, Outlet, internal},
    tracks::{self, Mark, Tracks},
};
use crate::media::{
    failure::Failure,
    probe::{AudioStream, Probe},
    protocol::{Event, Task},
    rendition::{Origin, RenditionId},
};

/// A rendition and how much of its stream the file held.
pub struct Output {
    pub writer: Arc<Writer>,
    pub held: Mark,
}

/// The `audio` rendition of a run, from a stream that may need encoding.
pub fn sound(
    pipeline: &gst::Pipeline,
    task: &Task,
    audio: &AudioStream,
    track: &tracks::Track,
    reporter: &Arc<Reporter>,
) -> Result<(Output, Outlet), Failure> {
    let rendition = RenditionId::audio();
    let (form, origin, description) = if audio.plays_as_it_is() {
        (Form::AsItIs, Origin::Passthrough, aac::remuxer_description(&rendition))
    } else {
        (Form::Decoded, Origin::Encoded, aac::encoder_description(&rendition))
    };
    let parts = elements::describe(&description)?;
    if form == Form::Decoded {
        aac::trim_priming(&parts);
    }
    let announcement = Announcement {
        rendition,
        form: TrackForm::Sound { language: audio.language.clone() },
        origin,
        bandwidth_cap: aac::BITRATE * 5 / 4,
    };
    let writer = Writer::attach(&parts, &task.output, announcement, reporter)?;
    let output = Output { writer, held: track.held.clone() };
    Ok((output, outlet(pipeline, &parts, Kind::Sound, form, track)?))
}

/// Adds the parts of one stream to the pipeline; what enters them counts as done.
pub fn outlet(
    pipeline: &gst::Pipeline,
    parts: &gst::Bin,
    kind: Kind,
    form: Form,
    track: &tracks::Track,
) -> Result<Outlet, Failure> {
    pipeline.add(parts).map_err(|error| internal(&error))?;
    let sink = parts.static_pad("sink").ok_or_else(|| internal(&"a part has no entrance"))?;
    track.done.follow(&sink);
    Ok(Outlet { kind, form, sink, held: track.held.clone() })
}

/// A writer that could not write knows better than the pipeline why.
pub fn own(outputs: &[Output], failure: Failure) -> Failure {
    outputs.iter().find_map(|output| output.writer.take_failure()).unwrap_or(failure)
}

/// The verdict, then the end of each rendition.
pub fn close(outputs: &[Output], tracks: &Tracks, probe: &Probe, reporter: &Reporter) -> Result<(), Failure> {
    tracks.check_held(probe)?;
    for output in outputs {
        tracks::check_made(output.held.ns(), output.writer.made_ns())?;
    }
    for output in outputs {
        reporter.tell(&Event::Closed { rendition: output.writer.rendition().clone() });
    }
    Ok(())
}
