//! Poster and sprite sheet, from keyframes alone where there are enough of them: that costs a hundredth of
//! decoding everything. Each tile is the first picture of its interval; the poster is the tile with the most
//! in it.

use std::sync::{Arc, Mutex};

use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as app;

use super::{
    elements,
    outputs::outlet,
    pipeline,
    report::Reporter,
    segments::not_written,
    source::{self, Form, Kind, internal},
    tracks::Tracks,
    waveform,
};
use crate::media::{
    chunk::Chunk,
    failure::{Failure, FailureCode},
    ladder, layout,
    picture::{Picture, Pictures, Sheet},
    probe::{Probe, Rotation, Scan, VideoStream},
    protocol::{Event, Task},
    thumbnails::Thumbnails,
};

const POSTER_BOX: u32 = 720;

pub fn run(task: &Task, probe: &Probe, reporter: &Arc<Reporter>) -> Result<(), Failure> {
    let Some(video) = &probe.video else { return waveform::run(task, probe, reporter) };
    let thumbnails = Thumbnails::for_duration(probe.duration_ms);
    let mut sheet = collect(task, probe, video, thumbnails, Frames::KeyOnly, reporter)?;
    if !sheet.is_dense() {
        sheet = collect(task, probe, video, thumbnails, Frames::All, reporter)?;
    }
    let failed = || Failure::new(FailureCode::Damaged, "no picture of this file could be decoded");
    let Pictures { candidates, sprite } = sheet.finish().ok_or_else(failed)?;
    for ((at_ms, candidate), number) in candidates.iter().zip(0_u8..) {
        place(task, &layout::candidate(usize::from(number)), candidate)?;
        reporter.tell(&Event::CandidateWritten { number, at_ms: *at_ms, bytes: candidate.len() as u64 });
    }
    let (_, poster) = candidates.first().ok_or_else(failed)?;
    place(task, layout::POSTER, poster)?;
    reporter.tell(&Event::PosterWritten { bytes: poster.len() as u64 });
    place(task, layout::SPRITE, &sprite)?;
    reporter.tell(&Event::SpriteWritten { thumbnails, bytes: sprite.len() as u64 });
    Ok(())
}

pub fn place(task: &Task, name: &str, bytes: &[u8]) -> Result<(), Failure> {
    let temporary = task.output.join(format!(".{name}.part"));
    let write = || {
        std::fs::write(&temporary, bytes)?;
        std::fs::rename(&temporary, task.output.join(name))
    };
    write().map_err(|error| not_written(&error))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Frames {
    KeyOnly,
    All,
}

fn collect(
    task: &Task,
    probe: &Probe,
    video: &VideoStream,
    thumbnails: Thumbnails,
    frames: Frames,
    reporter: &Arc<Reporter>,
) -> Result<Sheet, Failure> {
    let pipeline = gst::Pipeline::new();
    let mut tracks = Tracks::of(&Probe { sounds: Vec::new(), ..probe.clone() });
    let track = tracks.picture.take().unwrap_or_default();
    let parts = elements::describe(&description(video))?;
    let sheet = Arc::new(Mutex::new(Sheet::new(thumbnails)));
    skip_taken(&parts, &sheet);
    take_pictures(&parts, &sheet);
    let mut outlet = outlet(&pipeline, &parts, Kind::Picture, Form::Decoded, &track)?;
    if frames == Frames::KeyOnly {
        outlet.form = Form::KeyframesDecoded;
    }
    source::attach(&pipeline, &task.source, vec![outlet], Chunk::WHOLE)?;
    let tracks = Tracks { picture: Some(track), sounds: Vec::new() };
    pipeline::play(&pipeline, &tracks, probe.duration_ms, reporter)?;
    drop(pipeline);
    let mut collected = sheet.lock().map_err(|error| internal(&error))?;
    Ok(std::mem::replace(&mut *collected, Sheet::new(thumbnails)))
}

fn description(video: &VideoStream) -> String {
    let fitted = ladder::rungs(video, &[POSTER_BOX]);
    let (width, height) = (fitted[0].width, fitted[0].height);
    let deinterlace =
        if video.scan == Scan::Interlaced { "! videoconvertscale ! deinterlace fields=top " } else { "" };
    let turn = match video.rotation {
        Rotation::Upright => "",
        Rotation::QuarterTurn => "! videoconvertscale ! videoflip video-direction=90r ",
        Rotation::HalfTurn => "! videoconvertscale ! videoflip video-direction=180 ",
        Rotation::ThreeQuarterTurn => "! videoconvertscale ! videoflip video-direction=90l ",
    };
    format!(
        "identity name=choose {deinterlace}{turn}! videoconvertscale method=lanczos add-borders=false \
         ! video/x-raw,format=RGB,width={width},height={height},pixel-aspect-ratio=1/1 \
         ! appsink name=pictures sync=false async=false"
    )
}

/// Frames of an interval that has its picture are dropped before they are scaled.
fn skip_taken(parts: &gst::Bin, sheet: &Arc<Mutex<Sheet>>) {
    let choose = parts.by_name("choose").expect("it is in the description");
    let pad = choose.static_pad("src").expect("an identity has a src pad");
    let sheet = Arc::clone(sheet);
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let at_ms = info.buffer().and_then(|buffer| running_ms(pad, buffer));
        let mut sheet = sheet.lock().expect("a sheet does not panic");
        match at_ms {
            Some(at_ms) if sheet.reserve(at_ms) => gst::PadProbeReturn::Ok,
            _ => gst::PadProbeReturn::Handled,
        }
    });
}

fn running_ms(pad: &gst::Pad, buffer: &gst::BufferRef) -> Option<u64> {
    let segment = pad.sticky_event::<gst::event::Segment>(0)?;
    let segment = segment.segment().downcast_ref::<gst::ClockTime>()?;
    segment.to_running_time(buffer.pts()?).map(gst::ClockTime::mseconds)
}

fn take_pictures(parts: &gst::Bin, sheet: &Arc<Mutex<Sheet>>) {
    let sink = parts.by_name("pictures").expect("it is in the description");
    let sink = sink.downcast::<app::AppSink>().expect("an appsink");
    let sheet = Arc::clone(sheet);
    let callbacks = app::AppSinkCallbacks::builder().new_sample(move |sink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        if let (Some(at_ms), Some(picture)) = (sample_ms(&sample), picture_of(&sample)) {
            sheet.lock().expect("a sheet does not panic").take(at_ms, picture);
        }
        Ok(gst::FlowSuccess::Ok)
    });
    sink.set_callbacks(callbacks.build());
}

fn sample_ms(sample: &gst::Sample) -> Option<u64> {
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    segment.to_running_time(sample.buffer()?.pts()?).map(gst::ClockTime::mseconds)
}

/// GStreamer pads the rows of RGB to four bytes.
fn picture_of(sample: &gst::Sample) -> Option<Picture> {
    let caps = sample.caps()?.structure(0)?;
    let side = |field: &str| usize::try_from(caps.get::<i32>(field).ok()?).ok();
    let (width, height) = (side("width")?, side("height")?);
    let map = sample.buffer()?.map_readable().ok()?;
    let stride = (width * 3).next_multiple_of(4);
    let rows = map.chunks(stride).take(height).map(|row| row.get(..width * 3));
    let pixels = rows.collect::<Option<Vec<&[u8]>>>()?.concat();
    Picture::new(width, height, pixels)
}
