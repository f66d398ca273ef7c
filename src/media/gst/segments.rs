//! From muxer to files: takes what a muxer hands its appsink, writes `init.mp4` and numbered segments under
//! a temporary name, renames them into place and reports each. One writer a rendition.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as app;

use super::{
    codec_name::{codec_name, with_level},
    report::Reporter,
};
use crate::domain::codec::Codec;
use crate::media::{
    chunk::Chunk,
    failure::{Failure, FailureCode},
    language::Language,
    layout,
    protocol::Event,
    rendition::{Origin, RenditionId, Segment, Track},
    sound::{Label, Preference, Title},
};

/// What is known of a rendition before its first byte.
#[derive(Clone)]
pub struct Announcement {
    pub rendition: RenditionId,
    pub form: TrackForm,
    pub origin: Origin,
    pub bandwidth_cap: u64,
    /// Which part of the video is made.
    pub chunk: Chunk,
}

/// A picture's size is decided before; how sound comes out is known when it reaches the muxer.
#[derive(Clone)]
pub enum TrackForm {
    Picture(Track),
    Sound { language: Option<Language>, title: Option<Title> },
}

/// The muxer and sink of one rendition, as gst-launch describes them. `async=false` matters: a sink that
/// prerolls starves the other branches of a tee for ever.
pub fn sink_description(rendition: &RenditionId, key_units: KeyUnits) -> String {
    description("cmafmux", rendition, key_units)
}

/// The same for a picture in a codec. CMAF knows no VP9; the DASH muxer lays out the same boxes for it.
pub fn picture_sink_description(rendition: &RenditionId, codec: Codec, key_units: KeyUnits) -> String {
    let muxer = if codec == Codec::Vp9 { "dashmp4mux" } else { "cmafmux" };
    description(muxer, rendition, key_units)
}

fn description(muxer: &str, rendition: &RenditionId, key_units: KeyUnits) -> String {
    let force = key_units == KeyUnits::Forced;
    let milliseconds = crate::media::ladder::SEGMENT_MS;
    format!(
        "{muxer} name=mux_{rendition} fragment-duration={milliseconds}000000 send-force-keyunit={force} \
         header-update-mode=none ! appsink name=sink_{rendition} buffer-list=true sync=false async=false"
    )
}

/// Whether the encoder is told where to cut, or the source's own keyframes decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyUnits {
    Forced,
    AsTheyCome,
}

/// One rendition on its way to disk.
pub struct Writer {
    folder: PathBuf,
    announcement: Announcement,
    reporter: Arc<Reporter>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    caps: Option<gst::Caps>,
    preference: Preference,
    init_bytes: Option<u64>,
    segments: u64,
    made_ns: u64,
    /// Where the first segment begins.
    begins_ns: Option<u64>,
    failure: Option<Failure>,
}

impl Writer {
    /// Attaches to the muxer and sink that [`sink_description`] named.
    pub fn attach(
        parts: &gst::Bin,
        output: &Path,
        announcement: Announcement,
        reporter: &Arc<Reporter>,
    ) -> Result<Arc<Self>, Failure> {
        let folder = output.join(announcement.rendition.as_str());
        fs::create_dir_all(&folder).map_err(|error| not_written(&error))?;
        let named = |prefix: &str| parts.by_name(&format!("{prefix}_{}", announcement.rendition));
        let mux = named("mux").expect("the muxer is in the description");
        let sink = named("sink").expect("the sink is in the description");
        let sink = sink.downcast::<app::AppSink>().expect("an appsink");
        begin_at(&mux, announcement.chunk);
        let reporter = Arc::clone(reporter);
        let writer = Arc::new(Self { folder, announcement, reporter, state: Mutex::default() });
        writer.learn(&mux);
        let taker = Arc::clone(&writer);
        let callbacks = app::AppSinkCallbacks::builder().new_sample(move |sink| taker.take(sink));
        sink.set_callbacks(callbacks.build());
        Ok(writer)
    }

    /// What the stream is, and how the demuxer marked it: both reach the muxer through decoder and encoder.
    fn learn(self: &Arc<Self>, mux: &gst::Element) {
        let pad = mux.sink_pads().into_iter().next().expect("the muxer is linked");
        let writer = Arc::clone(self);
        pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
            match info.event().map(|event| event.view()) {
                Some(gst::EventView::Caps(caps)) => writer.state().caps = Some(caps.caps_owned()),
                Some(gst::EventView::StreamStart(start)) => {
                    writer.state().preference = preference(start.stream_flags());
                }
                _ => {}
            }
            gst::PadProbeReturn::Ok
        });
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("the writer does not panic")
    }

    fn take(&self, sink: &app::AppSink) -> Result<gst::FlowSuccess, gst::FlowError> {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        self.write(&sample).map(|()| gst::FlowSuccess::Ok).map_err(|failure| {
            gst::element_error!(sink, gst::ResourceError::Write, ["{}", failure.detail]);
            self.state().failure = Some(failure);
            gst::FlowError::Error
        })
    }

    /// A list is an init segment (DISCONT and HEADER on its first buffer), a media segment, or both.
    fn write(&self, sample: &gst::Sample) -> Result<(), Failure> {
        let Some(list) = sample.buffer_list() else { return Ok(()) };
        let header = gst::BufferFlags::DISCONT | gst::BufferFlags::HEADER;
        let has_init = list.get(0).is_some_and(|first| first.flags().contains(header));
        let mut buffers = list.iter();
        if has_init && let Some(init) = buffers.next() {
            self.write_init(init)?;
        }
        let media: Vec<&gst::BufferRef> = buffers.collect();
        let Some(first) = media.first() else { return Ok(()) };
        let start = first.pts().and_then(|pts| running_time(sample, pts)).unwrap_or(gst::ClockTime::ZERO);
        let duration = first.duration().unwrap_or(gst::ClockTime::ZERO);
        self.write_segment(&media, start.nseconds(), duration.nseconds())
    }

    fn write_init(&self, init: &gst::BufferRef) -> Result<(), Failure> {
        if self.state().init_bytes.is_some() {
            return Ok(());
        }
        let (caps, preference) = {
            let state = self.state();
            (state.caps.clone(), state.preference)
        };
        let made = init.map_readable().map_err(|error| super::source::internal(&error))?;
        let made = with_level(caps.as_deref(), made.to_vec());
        let codec = caps.as_ref().and_then(|caps| codec_name(caps, &made));
        let bytes = self.place(layout::INIT, &[&gst::Buffer::from_slice(made)])?;
        let codec = codec.ok_or_else(|| super::source::internal(&"the codec has no name"))?;
        let announcement = &self.announcement;
        self.state().init_bytes = Some(bytes);
        self.reporter.tell(&Event::Opened {
            rendition: announcement.rendition.clone(),
            track: announcement.form.track(caps.as_ref(), preference),
            codec,
            origin: announcement.origin,
            bandwidth_cap: announcement.bandwidth_cap,
            init_bytes: bytes,
            chunk: (!announcement.chunk.is_whole()).then_some(announcement.chunk.first_sequence),
        });
        Ok(())
    }

    fn write_segment(
        &self,
        media: &[&gst::BufferRef],
        start_ns: u64,
        duration_ns: u64,
    ) -> Result<(), Failure> {
        let chunk = self.announcement.chunk;
        let sequence = chunk.first_sequence + self.state().segments;
        let bytes = self.place(&layout::segment_name(sequence), media)?;
        // A first segment lasts from the beginning of the video, also where its first frame comes later.
        let made_before_ns = self.state().made_ns;
        {
            let mut state = self.state();
            state.segments += 1;
            state.made_ns += duration_ns;
            state.begins_ns.get_or_insert(start_ns);
        }
        let segment = Segment { start_ns: chunk.start_ns + made_before_ns, duration_ns, bytes };
        let rendition = self.announcement.rendition.clone();
        self.reporter.tell(&Event::SegmentWritten { rendition, sequence, segment });
        Ok(())
    }

    /// A file is there whole or not at all.
    fn place(&self, name: &str, buffers: &[&gst::BufferRef]) -> Result<u64, Failure> {
        let temporary = self.folder.join(format!(".{name}.part"));
        let write = || -> std::io::Result<u64> {
            let mut file = File::create(&temporary)?;
            let mut bytes = 0;
            for buffer in buffers {
                let map = buffer.map_readable().map_err(std::io::Error::other)?;
                file.write_all(&map)?;
                bytes += map.len() as u64;
            }
            fs::rename(&temporary, self.folder.join(name))?;
            Ok(bytes)
        };
        write().map_err(|error| not_written(&error))
    }

    pub fn announcement(&self) -> &Announcement {
        &self.announcement
    }

    pub fn rendition(&self) -> &RenditionId {
        &self.announcement.rendition
    }

    /// How much of the stream is on disk.
    pub fn made_ns(&self) -> u64 {
        self.state().made_ns
    }

    /// Where what is on disk begins; zero before anything is.
    pub fn begins_ns(&self) -> u64 {
        self.state().begins_ns.unwrap_or(0)
    }

    pub fn segments(&self) -> u64 {
        self.state().segments
    }

    /// Why writing stopped, when it did.
    pub fn take_failure(&self) -> Option<Failure> {
        self.state().failure.take()
    }
}

/// Running time begins with the chunk; what is written goes on from where the chunk before it ends.
fn begin_at(mux: &gst::Element, chunk: Chunk) {
    if chunk.is_whole() {
        return;
    }
    let first_fragment = chunk.first_sequence.saturating_add(1);
    mux.set_property("decode-time-offset", i64::try_from(chunk.start_ns).unwrap_or(i64::MAX));
    mux.set_property("start-fragment-sequence-number", u32::try_from(first_fragment).unwrap_or(u32::MAX));
}

impl TrackForm {
    fn track(&self, caps: Option<&gst::Caps>, preference: Preference) -> Track {
        match self {
            Self::Picture(track) => track.clone(),
            Self::Sound { language, title } => {
                let number = |field: &str| {
                    let value = caps?.structure(0)?.get::<i32>(field).ok()?;
                    u32::try_from(value).ok()
                };
                Track::Audio {
                    channels: number("channels").unwrap_or(2),
                    sample_rate: number("rate").unwrap_or(48_000),
                    label: Label { language: language.clone(), title: title.clone(), preference },
                }
            }
        }
    }
}

/// Matroska marks its defaults, MP4 those that are not enabled.
fn preference(flags: gst::StreamFlags) -> Preference {
    if flags.contains(gst::StreamFlags::SELECT) {
        return Preference::Preferred;
    }
    if flags.contains(gst::StreamFlags::UNSELECT) { Preference::OnRequest } else { Preference::Unmarked }
}

/// x264enc counts from 1000 hours; running time starts at zero.
fn running_time(sample: &gst::Sample, at: gst::ClockTime) -> Option<gst::ClockTime> {
    sample.segment()?.downcast_ref::<gst::ClockTime>()?.to_running_time(at)
}

pub fn not_written(error: &std::io::Error) -> Failure {
    let code = match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => FailureCode::NoSpace,
        _ => FailureCode::WorkerFailed,
    };
    Failure::new(code, format!("the output cannot be written: {error}"))
}
