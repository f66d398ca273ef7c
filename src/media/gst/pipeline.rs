//! Runs a pipeline to its end: plays it, beats while it runs, turns GStreamer's errors into failures that an
//! uploader understands.

use gst::prelude::*;
use gstreamer as gst;

use super::{report::Reporter, source::internal, tracks::Tracks};
use crate::media::failure::{Failure, FailureCode};

const HEARTBEAT: gst::ClockTime = gst::ClockTime::from_mseconds(500);

/// Until every sink has had its end of stream.
pub fn play(
    pipeline: &gst::Pipeline,
    tracks: &Tracks,
    duration_ms: u64,
    reporter: &Reporter,
) -> Result<(), Failure> {
    let bus = pipeline.bus().expect("a pipeline has a bus");
    if pipeline.set_state(gst::State::Playing).is_err() {
        let said = bus.pop_filtered(&[gst::MessageType::Error]);
        return Err(said.map_or_else(|| internal(&"it does not start"), |message| of_message(&message)));
    }
    let ended = wait(&bus, tracks, duration_ms, reporter);
    pipeline.set_state(gst::State::Null).map_err(|error| internal(&error))?;
    ended
}

fn wait(bus: &gst::Bus, tracks: &Tracks, duration_ms: u64, reporter: &Reporter) -> Result<(), Failure> {
    loop {
        match bus.timed_pop_filtered(HEARTBEAT, &[gst::MessageType::Eos, gst::MessageType::Error]) {
            None => reporter.heartbeat(tracks.position_ms(), duration_ms),
            Some(message) if message.type_() == gst::MessageType::Eos => return Ok(()),
            Some(message) => return Err(of_message(&message)),
        }
    }
}

/// GStreamer has one sentence for all that goes wrong between two elements.
fn in_words(message: &str) -> &str {
    if message.starts_with("Internal data stream error") {
        "its pictures or sound could not be followed to their end"
    } else {
        message
    }
}

fn of_message(message: &gst::Message) -> Failure {
    let gst::MessageView::Error(error) = message.view() else {
        return internal(&"it ended without a reason");
    };
    let (what, from) =
        (error.error(), error.src().map(|source| source.name().to_string()).unwrap_or_default());
    let described = format!("{what} ({from})");
    if what.matches(gst::CoreError::Failed) {
        return Failure::new(FailureCode::CodecNotSupported, what.message().to_owned());
    }
    if what.matches(gst::CoreError::MissingPlugin) || what.matches(gst::StreamError::CodecNotFound) {
        return Failure::new(
            FailureCode::CodecNotSupported,
            format!("nothing here can decode this: {described}"),
        );
    }
    if what.is::<gst::StreamError>() {
        return Failure::new(
            FailureCode::Damaged,
            format!("the file is damaged: {}", in_words(what.message())),
        );
    }
    if what.matches(gst::ResourceError::Seek) {
        return Failure::new(FailureCode::NotCuttable, described);
    }
    if what.matches(gst::ResourceError::NoSpaceLeft) {
        return Failure::new(FailureCode::NoSpace, described);
    }
    internal(&described)
}
