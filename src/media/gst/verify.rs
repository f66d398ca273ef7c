//! The last look at what was made: each encoded rendition is read from its published files as a player would read it.
//! The smallest picture and the sound are decoded whole; of the larger pictures, which come from the same decode and
//! the same encoder, every frame is counted and the first frame of every segment decoded. That still meets every file.

use std::{
    fs, iter,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as app;

use super::{
    elements,
    outputs::outlet,
    pipeline,
    report::Reporter,
    source::{self, Form, Kind},
    tracks::{Mark, ROUNDED_BY_NS, Track, Tracks},
};
use crate::media::{
    chunk::Chunk,
    failure::{Failure, FailureCode},
    layout,
    protocol::{Depth, Made, Task},
};

/// Read ahead of the decoder; a larger file is read whole.
const AHEAD_MAX_BYTES: u64 = 4 << 20;

pub fn run(task: &Task, made: &[Made], reporter: &Arc<Reporter>) -> Result<(), Failure> {
    let all_ms: u64 = made.iter().map(Made::duration_ms).sum();
    for rendition in made {
        look(task, rendition, all_ms, reporter)?;
        reporter.advance(rendition.duration_ms());
    }
    Ok(())
}

fn look(task: &Task, made: &Made, all_ms: u64, reporter: &Arc<Reporter>) -> Result<(), Failure> {
    let pipeline = gst::Pipeline::new();
    let track = Track::default();
    let (kind, form) = match made.depth {
        Depth::Sound => (Kind::Sound, Form::Decoded),
        Depth::EveryFrame => (Kind::Picture, Form::Decoded),
        Depth::EverySegment => (Kind::Picture, Form::KeyframesDecoded),
    };
    let parts = elements::describe("identity name=seen silent=true ! fakesink sync=false async=false")?;
    let seen = count_whole(&parts);
    let outlet = outlet(&pipeline, &parts, kind, form, &track)?;
    source::attach_to(&pipeline, &files(&task.source, made)?, vec![outlet], Chunk::WHOLE)?;
    let tracks = match kind {
        Kind::Picture => Tracks { picture: Some(track.clone()), sounds: Vec::new() },
        Kind::Sound => Tracks { picture: None, sounds: vec![track.clone()] },
    };
    pipeline::play(&pipeline, &tracks, all_ms, reporter).map_err(|failure| broken(made, &failure.detail))?;
    judge(made, &track.held, seen.load(Ordering::Relaxed))
}

/// The init segment and every segment behind it, one file at a time.
fn files(folder: &Path, made: &Made) -> Result<gst::Element, Failure> {
    let source = elements::make("appsrc")?;
    let feed = source.clone().downcast::<app::AppSrc>().expect("an appsrc");
    feed.set_format(gst::Format::Bytes);
    feed.set_max_bytes(AHEAD_MAX_BYTES);
    feed.set_block(true);
    let folder = folder.join(made.rendition.as_str());
    let names = iter::once(layout::INIT.to_owned()).chain((0..made.segments).map(layout::segment_name));
    let paths: Vec<PathBuf> = names.map(|name| folder.join(name)).collect();
    // Ends with the pipeline: what it is flushed of cannot be fed.
    std::thread::spawn(move || {
        for path in paths {
            let fed = match fs::read(path) {
                Ok(bytes) => feed.push_buffer(gst::Buffer::from_slice(bytes)).is_ok(),
                Err(error) => {
                    gst::element_error!(feed, gst::ResourceError::Read, ["{error}"]);
                    false
                }
            };
            if !fed {
                return;
            }
        }
        feed.end_of_stream().ok();
    });
    Ok(source)
}

fn judge(made: &Made, held: &Mark, decoded: u64) -> Result<(), Failure> {
    let slack_ns = made.frame_ns + ROUNDED_BY_NS;
    // Not by where it ends: the demuxer takes frames that are shown out of their order for a late beginning.
    let held_ns = held.ns().saturating_sub(held.begins_ns().unwrap_or(0));
    if held_ns.abs_diff(made.duration_ns) > slack_ns {
        let expected_ns = made.duration_ns;
        return Err(broken(made, &format!("it lasts {held_ns} ns instead of {expected_ns}")));
    }
    let expected = match made.depth {
        Depth::Sound => return Ok(()),
        Depth::EveryFrame => (made.duration_ns + made.frame_ns / 2) / made.frame_ns.max(1),
        Depth::EverySegment => made.segments,
    };
    if decoded == expected {
        return Ok(());
    }
    Err(broken(made, &format!("{decoded} of {expected} frames could be decoded")))
}

fn broken(made: &Made, why: &str) -> Failure {
    let name = &made.rendition;
    Failure::new(
        FailureCode::OutputBroken,
        format!("what was made of the video ({name}) does not play: {why}"),
    )
}

/// Frames that came out of the decoder without a fault in them.
fn count_whole(parts: &gst::Bin) -> Arc<AtomicU64> {
    let seen = parts.by_name("seen").expect("it is in the description");
    let pad = seen.static_pad("src").expect("an identity has a src pad");
    let count = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&count);
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if info.buffer().is_some_and(|buffer| !buffer.flags().contains(gst::BufferFlags::CORRUPTED)) {
            counted.fetch_add(1, Ordering::Relaxed);
        }
        gst::PadProbeReturn::Ok
    });
    count
}
