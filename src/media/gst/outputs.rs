//! What passthrough and ladder share: renditions being written, those of the sounds, and the verdict at the
//! end of a run.

use std::sync::Arc;

use gst::prelude::*;
use gstreamer as gst;

use super::{
    aac, elements,
    report::Reporter,
    segments::{Announcement, TrackForm, Writer},
    source::{Form, Kind, Outlet, internal},
    timeline,
    tracks::{self, Mark, Tracks},
};
use crate::media::{
    chunk::Chunk,
    failure::{Failure, FailureCode},
    probe::{AudioStream, Probe},
    protocol::{Event, Task},
    rendition::{Origin, RenditionId},
};

/// A rendition and how much of its stream the file held.
pub struct Output {
    pub writer: Arc<Writer>,
    pub held: Mark,
}

/// The sound renditions of a run, from streams that may need encoding.
pub fn sounds(
    pipeline: &gst::Pipeline,
    task: &Task,
    probe: &Probe,
    tracks: &Tracks,
    reporter: &Arc<Reporter>,
) -> Result<Vec<(Output, Outlet)>, Failure> {
    let streams = probe.sounds.iter().zip(&tracks.sounds).enumerate();
    let made = streams.map(|(place, (audio, track))| {
        sound(pipeline, task, RenditionId::sound(place), audio, track, reporter)
    });
    made.collect()
}

fn sound(
    pipeline: &gst::Pipeline,
    task: &Task,
    rendition: RenditionId,
    audio: &AudioStream,
    track: &tracks::Track,
    reporter: &Arc<Reporter>,
) -> Result<(Output, Outlet), Failure> {
    let (form, origin, description) = if audio.plays_as_it_is() {
        (Form::AsItIs, Origin::Passthrough, aac::remuxer_description(&rendition))
    } else {
        (Form::Decoded, Origin::Encoded, aac::encoder_description(&rendition, audio.channels))
    };
    let parts = elements::describe(&description)?;
    if form == Form::Decoded {
        aac::trim_priming(&parts);
    }
    let announcement = Announcement {
        rendition,
        form: TrackForm::Sound { language: audio.language.clone(), title: audio.title.clone() },
        origin,
        chunk: Chunk::WHOLE,
        bandwidth_cap: aac::BITRATE * 5 / 4,
    };
    let writer = Writer::attach(&parts, &task.output, announcement, reporter)?;
    let output = Output { writer, held: track.held.clone() };
    Ok((output, of_stream(audio, outlet(pipeline, &parts, Kind::Sound, form, track)?)))
}

/// For this very stream and no other.
pub fn of_stream(audio: &AudioStream, outlet: Outlet) -> Outlet {
    Outlet { stream: audio.stream.clone(), ..outlet }
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
    if form == Form::Decoded || kind == Kind::Sound {
        timeline::flatten(&sink, track.held.belief());
    }
    track.done.follow(&sink);
    Ok(Outlet { kind, stream: None, form, sink, held: track.held.clone() })
}

/// A stream that is made elsewhere is read to its end all the same: how long it is decides whether the file is whole.
pub fn ignored(pipeline: &gst::Pipeline, kind: Kind, track: &tracks::Track) -> Result<Outlet, Failure> {
    let parts = elements::describe("fakesink sync=false async=false")?;
    outlet(pipeline, &parts, kind, Form::AsItIs, track)
}

/// All sounds of a source, where they are made elsewhere.
pub fn ignored_sounds(
    pipeline: &gst::Pipeline,
    probe: &Probe,
    tracks: &Tracks,
) -> Result<Vec<Outlet>, Failure> {
    let streams = probe.sounds.iter().zip(&tracks.sounds);
    streams.map(|(audio, track)| Ok(of_stream(audio, ignored(pipeline, Kind::Sound, track)?))).collect()
}

/// A writer that could not write knows better than the pipeline why.
pub fn own(outputs: &[Output], failure: Failure) -> Failure {
    outputs.iter().find_map(|output| output.writer.take_failure()).unwrap_or(failure)
}

/// The verdict, then the end of each rendition.
pub fn close(outputs: &[Output], tracks: &Tracks, probe: &Probe, reporter: &Reporter) -> Result<(), Failure> {
    tracks.check_held(probe)?;
    for output in outputs {
        tracks::check_beginning(
            &output.held,
            output.writer.begins_ns(),
            output.writer.announcement().origin,
        )?;
        tracks::check_made(output.held.ns(), output.writer.made_ns())?;
        if output.writer.segments() == 0 {
            let detail = "there is nothing in one of the file's pictures or sounds";
            return Err(Failure::new(FailureCode::Damaged, detail));
        }
    }
    for output in outputs {
        reporter.tell(&Event::Closed { rendition: output.writer.rendition().clone() });
    }
    Ok(())
}

/// The verdict on a chunk: one that another follows must be exactly as long as it was to be, else a seam would show.
/// The last one is as long as what is left of the stream.
pub fn check_chunk(outputs: &[Output], probe: &Probe, chunk: Chunk) -> Result<(), Failure> {
    for Output { writer, held } in outputs {
        let (segments, made_ns) = (writer.segments(), writer.made_ns());
        match chunk.end {
            Some(end) => {
                let expected = end.sequence - chunk.first_sequence;
                let off_ns = made_ns.abs_diff(end.ns - chunk.start_ns);
                if segments != expected || off_ns > tracks::ROUNDED_BY_NS {
                    let (chunk, name) = (chunk.index, writer.rendition());
                    return Err(Failure::new(
                        FailureCode::NotCuttable,
                        format!(
                            "chunk {chunk} of {name} has {segments} segments instead of {expected}, off by {off_ns} ns"
                        ),
                    ));
                }
            }
            None if segments == 0 => {
                return Err(Failure::new(FailureCode::NotCuttable, "the last chunk came out empty"));
            }
            None => {
                tracks::check_made(held.ns(), made_ns)?;
                // Where there is sound, its own job has seen the file to its end.
                if probe.sounds.is_empty() {
                    tracks::check_declared(probe, chunk.start_ns + held.ns())?;
                }
            }
        }
    }
    Ok(())
}
