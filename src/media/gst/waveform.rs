//! The poster of sound without a picture: how loud the first is from beginning to end, drawn as bars. One pass that decodes
//! and keeps a few hundred numbers.

use std::sync::{Arc, Mutex};

use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as app;

use super::{
    elements,
    outputs::{of_stream, outlet},
    pictures::place,
    pipeline,
    report::Reporter,
    source::{self, Form, Kind, internal},
    tracks::Tracks,
};
use crate::media::{
    chunk::Chunk,
    failure::{Failure, FailureCode},
    layout,
    picture::Picture,
    probe::Probe,
    protocol::{Event, Task},
};

const SAMPLE_RATE: usize = 8000;
/// Samples that one peak stands for: a hundredth of a second, so that even a jingle fills the picture.
const PEAK_SAMPLES: usize = SAMPLE_RATE / 100;

pub fn run(task: &Task, probe: &Probe, reporter: &Arc<Reporter>) -> Result<(), Failure> {
    let Some(audio) = probe.sounds.first() else {
        return Err(Failure::new(FailureCode::NoPlayableStreams, "there is nothing to draw"));
    };
    let pipeline = gst::Pipeline::new();
    let mut tracks = Tracks::of(&Probe { video: None, ..probe.clone() });
    tracks.sounds.truncate(1);
    let track = tracks.sounds[0].clone();
    let parts = elements::describe(&format!(
        "audioconvert ! audioresample ! audio/x-raw,format=F32LE,rate={SAMPLE_RATE},channels=1 \
         ! appsink name=samples sync=false async=false"
    ))?;
    let peaks = Arc::new(Mutex::new(Peaks::default()));
    follow(&parts, &peaks);
    let outlet = of_stream(audio, outlet(&pipeline, &parts, Kind::Sound, Form::Decoded, &track)?);
    source::attach(&pipeline, &task.source, vec![outlet], Chunk::WHOLE)?;
    pipeline::play(&pipeline, &tracks, probe.duration_ms, reporter)?;
    drop(pipeline);
    let peaks = peaks.lock().map_err(|error| internal(&error))?;
    let poster = Picture::waveform(&peaks.done).poster();
    let poster =
        poster.ok_or_else(|| Failure::new(FailureCode::WorkerFailed, "the waveform could not be drawn"))?;
    place(task, layout::POSTER, &poster)?;
    reporter.tell(&Event::PosterWritten { bytes: poster.len() as u64 });
    Ok(())
}

/// The loudest sample of each hundredth of a second, as a byte: twelve hours are four megabytes.
#[derive(Default)]
struct Peaks {
    done: Vec<u8>,
    loudest: f32,
    samples: usize,
}

impl Peaks {
    fn take(&mut self, samples: &[u8]) {
        for sample in samples.chunks_exact(4) {
            let value = f32::from_le_bytes([sample[0], sample[1], sample[2], sample[3]]);
            self.loudest = self.loudest.max(value.abs());
            self.samples += 1;
            if self.samples == PEAK_SAMPLES {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is clamped")]
                self.done.push((self.loudest.clamp(0.0, 1.0) * 255.0) as u8);
                (self.loudest, self.samples) = (0.0, 0);
            }
        }
    }
}

fn follow(parts: &gst::Bin, peaks: &Arc<Mutex<Peaks>>) {
    let sink = parts.by_name("samples").expect("it is in the description");
    let sink = sink.downcast::<app::AppSink>().expect("an appsink");
    let peaks = Arc::clone(peaks);
    let callbacks = app::AppSinkCallbacks::builder().new_sample(move |sink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        let map = sample.buffer().and_then(|buffer| buffer.map_readable().ok());
        let map = map.ok_or(gst::FlowError::Error)?;
        peaks.lock().expect("nothing panics while it holds this").take(&map);
        Ok(gst::FlowSuccess::Ok)
    });
    sink.set_callbacks(callbacks.build());
}
