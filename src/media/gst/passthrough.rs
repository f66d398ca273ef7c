//! The quick way to something that plays: the picture is put into segments as it is, the sound too where every
//! player takes it, otherwise it is encoded, which is cheap. Also the only stage of a source without a picture.

use std::sync::Arc;

use gst::prelude::*;
use gstreamer as gst;

use super::{
    elements, entry_points,
    outputs::{Output, close, ignored, outlet, own, sounds},
    pipeline,
    report::Reporter,
    segments::{Announcement, KeyUnits, TrackForm, Writer, sink_description},
    source::{self, Form, Kind},
    timeline,
    tracks::Tracks,
};
use crate::media::{
    chunk::Chunk,
    failure::{Failure, FailureCode},
    probe::{Container, Probe, VideoStream},
    protocol::Task,
    rendition::{Origin, RenditionId, Track},
};

pub fn run(task: &Task, probe: &Probe, reporter: &Arc<Reporter>) -> Result<(), Failure> {
    let pipeline = gst::Pipeline::new();
    let tracks = Tracks::of(probe);
    let (mut outlets, mut outputs) = (Vec::new(), Vec::new());
    if let (Some(video), Some(track)) = (&probe.video, &tracks.picture) {
        let parts = elements::describe(&picture_description(probe.container))?;
        let mux = parts.by_name(&format!("mux_{}", RenditionId::source())).expect("it is in the description");
        mux.sink_pads().iter().for_each(entry_points::mark);
        let announcement = picture_announcement(task, probe, video);
        let writer = Writer::attach(&parts, &task.output, announcement, reporter)?;
        if !has_decoding_times(probe.container) {
            let entrance = parts.static_pad("sink").expect("its first element has one");
            timeline::flatten(&entrance, track.held.belief());
        }
        outlets.push(outlet(&pipeline, &parts, Kind::Picture, Form::AsItIs, track)?);
        outputs.push(Output { writer, held: track.held.clone() });
    }
    for (output, outlet) in sounds(&pipeline, task, probe, &tracks, reporter)? {
        outlets.push(outlet);
        outputs.push(output);
    }
    source::attach(&pipeline, &task.source, outlets, Chunk::WHOLE)?;
    pipeline::play(&pipeline, &tracks, probe.duration_ms, reporter)
        .map_err(|failure| own(&outputs, failure))
        .map_err(|failure| if probe.video.is_some() { not_as_it_is(failure) } else { failure })?;
    close(&outputs, &tracks, probe, reporter)
}

/// A decoder steps over damage that a muxer cannot, so whether the file is at fault is for the encoding to say.
fn not_as_it_is(failure: Failure) -> Failure {
    match failure.code {
        FailureCode::Damaged => Failure::new(FailureCode::WorkerFailed, failure.detail),
        _ => failure,
    }
}

/// The sounds of a source whose picture is made elsewhere: never cut, whatever the picture is.
pub fn sounds_alone(task: &Task, probe: &Probe, reporter: &Arc<Reporter>) -> Result<(), Failure> {
    let pipeline = gst::Pipeline::new();
    let tracks = Tracks::of(probe);
    let (mut outlets, mut outputs) = (Vec::new(), Vec::new());
    if let Some(track) = &tracks.picture {
        outlets.push(ignored(&pipeline, Kind::Picture, track)?);
    }
    for (output, outlet) in sounds(&pipeline, task, probe, &tracks, reporter)? {
        outlets.push(outlet);
        outputs.push(output);
    }
    source::attach(&pipeline, &task.source, outlets, Chunk::WHOLE)?;
    let worked = Tracks { picture: None, sounds: tracks.sounds.clone() };
    pipeline::play(&pipeline, &worked, probe.duration_ms, reporter)
        .map_err(|failure| own(&outputs, failure))?;
    close(&outputs, &tracks, probe, reporter)
}

/// B-frames in Matroska and AVI come without, which the muxer needs.
fn has_decoding_times(container: Container) -> bool {
    container == Container::IsoBmff
}

fn picture_description(container: Container) -> String {
    let stamp = if has_decoding_times(container) { "" } else { "! h264timestamper " };
    let sink = sink_description(&RenditionId::source(), KeyUnits::AsTheyCome);
    format!(
        "queue max-size-buffers=2000 max-size-bytes=0 max-size-time=0 ! h264parse {stamp}\
         ! video/x-h264,stream-format=avc,alignment=au ! {sink}"
    )
}

fn picture_announcement(task: &Task, probe: &Probe, video: &VideoStream) -> Announcement {
    let size_bytes = std::fs::metadata(&task.source).map_or(0, |file| file.len());
    Announcement {
        rendition: RenditionId::source(),
        form: TrackForm::Picture(Track::Video {
            width: video.width,
            height: video.height,
            frame_rate: video.frame_rate,
        }),
        origin: Origin::Passthrough,
        chunk: Chunk::WHOLE,
        bandwidth_cap: size_bytes * 8 * 1000 / probe.duration_ms.max(1000),
    }
}
