//! How far each stream has come, read where it leaves the demuxer and where it is encoded. From these follow
//! the heartbeat, the per cent and the verdict at the end: a file that holds less than it declares is
//! truncated, however cleanly it ends.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use gst::prelude::*;
use gstreamer as gst;

use super::jumps::{Belief, Jumps};
use crate::media::{
    failure::{Failure, FailureCode},
    probe::Probe,
    rendition::Origin,
};

/// What times of frames may be rounded by.
pub const ROUNDED_BY_NS: u64 = 1_000_000;
const SHORT_MIN_NS: u64 = 1_000_000_000;
const SHORT_MAX_NS: u64 = 4_000_000_000;

/// From where to where buffers have passed a pad, in running time.
#[derive(Clone, Default)]
pub struct Mark {
    until_ns: Arc<AtomicU64>,
    /// Unset until something has passed.
    begins_ns: Arc<Mutex<Option<u64>>>,
    belief: Belief,
}

impl Mark {
    fn of(probe: &Probe) -> Self {
        Self { belief: Belief::of(probe), ..Self::default() }
    }

    pub fn ns(&self) -> u64 {
        self.until_ns.load(Ordering::Relaxed)
    }

    /// Where the earliest buffer begins.
    pub fn begins_ns(&self) -> Option<u64> {
        *self.begins_ns.lock().expect("nothing panics while it holds this")
    }

    pub fn belief(&self) -> Belief {
        self.belief
    }

    /// Follows every buffer of a pad from now on.
    pub fn follow(&self, pad: &gst::Pad) {
        let mark = self.clone();
        let jumps = Mutex::new(Jumps::new(self.belief));
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            let span = info.buffer().and_then(|buffer| span_of(pad, buffer));
            let mut jumps = jumps.lock().expect("nothing panics while it holds this");
            let placed = span.and_then(|(start_ns, end_ns)| Some((jumps.place(end_ns)?, end_ns - start_ns)));
            if let Some((end_ns, duration_ns)) = placed {
                mark.until_ns.fetch_max(end_ns, Ordering::Relaxed);
                let mut begins_ns = mark.begins_ns.lock().expect("nothing panics while it holds this");
                let start_ns = end_ns.saturating_sub(duration_ns);
                *begins_ns = Some(begins_ns.map_or(start_ns, |begins_ns| begins_ns.min(start_ns)));
            }
            gst::PadProbeReturn::Ok
        });
    }
}

/// From where to where it is shown, in running time: what lies before the segment is cut off.
pub fn span_of(pad: &gst::Pad, buffer: &gst::BufferRef) -> Option<(u64, u64)> {
    let start = buffer.pts().or(buffer.dts())?;
    let end = start + buffer.duration().unwrap_or(gst::ClockTime::ZERO);
    let segment = pad.sticky_event::<gst::event::Segment>(0)?;
    let segment = segment.segment().downcast_ref::<gst::ClockTime>()?;
    let running = |at| segment.to_running_time(at).map(gst::ClockTime::nseconds);
    let start = segment.start().map_or(start, |first| first.max(start));
    let end_ns = running(end).or_else(|| running(start))?;
    Some((running(start).unwrap_or(end_ns).min(end_ns), end_ns))
}

/// One stream through the worker.
#[derive(Clone, Default)]
pub struct Track {
    /// Out of the demuxer: what the file holds.
    pub held: Mark,
    /// Decoded, or passed to the muxer: how far the work is.
    pub done: Mark,
}

impl Track {
    fn of(probe: &Probe) -> Self {
        Self { held: Mark::of(probe), done: Mark::of(probe) }
    }
}

/// The streams of one run.
#[derive(Clone, Default)]
pub struct Tracks {
    pub picture: Option<Track>,
    /// As many as the probe has, in its order.
    pub sounds: Vec<Track>,
}

impl Tracks {
    pub fn of(probe: &Probe) -> Self {
        Self {
            picture: probe.video.as_ref().map(|_| Track::of(probe)),
            sounds: probe.sounds.iter().map(|_| Track::of(probe)).collect(),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Track> {
        self.picture.iter().chain(&self.sounds)
    }

    /// Moves whenever any of the worked-on streams does: their mean.
    pub fn position_ms(&self) -> u64 {
        let (sum, count) = self.all().fold((0, 0), |(sum, count), track| (sum + track.done.ns(), count + 1));
        sum / 1_000_000 / u64::max(count, 1)
    }

    /// Whether the file held about as much as it declares.
    pub fn check_held(&self, probe: &Probe) -> Result<(), Failure> {
        check_declared(probe, self.all().map(|track| track.held.ns()).max().unwrap_or(0))
    }
}

/// An estimated duration is believed by half only.
pub fn check_declared(probe: &Probe, held_ns: u64) -> Result<(), Failure> {
    let declared_ns = probe.duration_ms * 1_000_000;
    let slack_ns = if probe.container.duration_is_exact() {
        (declared_ns / 50).clamp(SHORT_MIN_NS, SHORT_MAX_NS)
    } else {
        declared_ns / 2
    };
    if held_ns + slack_ns >= declared_ns {
        return Ok(());
    }
    let seconds = |ns: u64| std::time::Duration::from_nanos(ns).as_secs_f64();
    let detail = format!(
        "the file is cut off: it declares {:.1} s and holds {:.1} s; upload it again",
        seconds(declared_ns),
        seconds(held_ns)
    );
    Err(Failure::new(FailureCode::Truncated, detail))
}

/// What nobody notices between sound and picture. An encoder's or a packet's first frame of sound may be lost.
const OFFSET_MAX_NS: u64 = 40_000_000;

/// Whether a rendition begins where its stream in the file does. What is encoded may begin before, with silence or with
/// its first picture.
pub fn check_beginning(held: &Mark, made_from_ns: u64, origin: Origin) -> Result<(), Failure> {
    let held_from_ns = held.begins_ns().unwrap_or(made_from_ns);
    let early_ns = if origin == Origin::Encoded { 0 } else { held_from_ns.saturating_sub(made_from_ns) };
    if made_from_ns.saturating_sub(held_from_ns).max(early_ns) <= OFFSET_MAX_NS {
        return Ok(());
    }
    let (held, made) = (held_from_ns / 1_000_000, made_from_ns / 1_000_000);
    let detail =
        format!("what begins at {held} ms in the file came out at {made} ms: sound and picture would part");
    Err(Failure::new(FailureCode::WorkerFailed, detail))
}

/// Whether a rendition came out as long as its stream in the file.
pub fn check_made(held_ns: u64, made_ns: u64) -> Result<(), Failure> {
    let slack_ns = (held_ns / 20).max(SHORT_MIN_NS);
    if made_ns + slack_ns >= held_ns {
        return Ok(());
    }
    let (held, made) = (held_ns / 1_000_000, made_ns / 1_000_000);
    let detail = format!("a damaged part of the file could not be decoded: {made} ms of {held} ms came out");
    Err(Failure::new(FailureCode::Damaged, detail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::probe::{AudioStream, Container};

    fn probe(container: Container, duration_ms: u64) -> Probe {
        let audio = AudioStream {
            codec: "aac".to_owned(),
            profile: None,
            channels: 2,
            sample_rate: 48_000,
            language: None,
            title: None,
            stream: None,
        };
        Probe { container, duration_ms, video: None, sounds: vec![audio], chapters: Vec::new() }
    }

    fn held(probe: &Probe, held_ms: u64) -> Result<(), FailureCode> {
        let tracks = Tracks::of(probe);
        tracks.sounds[0].held.until_ns.store(held_ms * 1_000_000, Ordering::Relaxed);
        tracks.check_held(probe).map_err(|failure| failure.code)
    }

    #[test]
    fn a_file_must_hold_what_its_index_declares() {
        let indexed = |duration_ms, held_ms| held(&probe(Container::IsoBmff, duration_ms), held_ms);
        assert_eq!(indexed(12_000, 12_000), Ok(()));
        assert_eq!(indexed(12_000, 11_100), Ok(()));
        assert_eq!(indexed(12_000, 2_100), Err(FailureCode::Truncated));
        assert_eq!(indexed(7_200_000, 7_190_000), Err(FailureCode::Truncated));
        assert_eq!(indexed(0, 0), Ok(()));
    }

    #[test]
    fn an_estimate_is_believed_by_half() {
        assert_eq!(held(&probe(Container::Mp3, 10_000), 6_000), Ok(()));
        assert_eq!(held(&probe(Container::Mp3, 10_000), 4_000), Err(FailureCode::Truncated));
    }

    #[test]
    fn a_rendition_must_be_as_long_as_its_stream() {
        assert!(check_made(10_000_000_000, 9_500_000_000).is_ok());
        assert!(check_made(10_000_000_000, 8_000_000_000).is_err());
    }
}
