//! One rung from the one above it, bicubic as ffmpeg does it: takes decoded frames out of the
//! pipeline, shrinks their planes and puts them back in. GStreamer's own scaler costs more than twice as
//! much, which is a tenth of a whole ladder. Times go along unchanged, so all rungs cut at the same frames.

use std::sync::Mutex;

use gstreamer as gst;
use gstreamer_app as app;
use gstreamer_video as video;
use playhouse_scale::{Layout, Scaler};
use video::prelude::*;

use crate::media::ladder::Rung;

/// The part of a description that stands for shrinking into the rung at this place.
pub fn description(place: usize) -> String {
    format!(
        "appsink name=shrink_in{place} sync=false async=false max-buffers=2 \
         appsrc name=shrink_out{place} format=time block=true max-buffers=4 max-bytes=0"
    )
}

/// Connects the two ends that [`description`] named.
pub fn attach(parts: &gst::Bin, place: usize, rung: &Rung) {
    let named = |name: String| parts.by_name(&name).expect("it is in the description");
    let sink = named(format!("shrink_in{place}")).downcast::<app::AppSink>().expect("an appsink");
    let source = named(format!("shrink_out{place}")).downcast::<app::AppSrc>().expect("an appsrc");
    let shrinker = Mutex::new(Shrinker::new(rung));
    let end = source.clone();
    let callbacks = app::AppSinkCallbacks::builder()
        .new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            let mut shrinker = shrinker.lock().map_err(|_| gst::FlowError::Error)?;
            let buffer = shrinker.shrink(&sample, &source).ok_or_else(|| {
                gst::element_error!(sink, gst::CoreError::Negotiation, ["a frame cannot be shrunk"]);
                gst::FlowError::NotNegotiated
            })?;
            source.push_buffer(buffer)
        })
        .eos(move |_| {
            // A refusal means that the pipeline is shutting down, and then nobody waits for the end.
            end.end_of_stream().ok();
        });
    sink.set_callbacks(callbacks.build());
}

struct Shrinker {
    width: u32,
    height: u32,
    layouts: Option<Layouts>,
}

/// How frames lie in memory before and after, and what makes one of the other: brightness, then colours.
struct Layouts {
    caps: gst::Caps,
    from: video::VideoInfo,
    to: video::VideoInfo,
    scalers: [Scaler; 2],
    /// Frames that were encoded are written into again.
    pool: gst::BufferPool,
}

impl Drop for Layouts {
    fn drop(&mut self) {
        self.pool.set_active(false).ok();
    }
}

impl Shrinker {
    fn new(rung: &Rung) -> Self {
        Self { width: rung.width, height: rung.height, layouts: None }
    }

    fn shrink(&mut self, sample: &gst::Sample, source: &app::AppSrc) -> Option<gst::Buffer> {
        let caps = sample.caps()?;
        if self.layouts.as_ref().is_none_or(|known| known.caps.as_ref() != caps) {
            self.layouts = Some(self.lay_out(caps, source)?);
        }
        let layouts = self.layouts.as_mut()?;
        let large = sample.buffer()?;
        let mut small = layouts.pool.acquire_buffer(None).ok()?;
        {
            let small = small.get_mut()?;
            small.set_pts(running_time(sample, large.pts()?));
            small.set_duration(large.duration());
            let from = video::VideoFrameRef::from_buffer_ref_readable(large, &layouts.from).ok()?;
            let mut to = video::VideoFrameRef::from_buffer_ref_writable(small, &layouts.to).ok()?;
            for plane in 0..layouts.to.n_planes() {
                shrink_plane(&mut layouts.scalers[usize::from(plane > 0)], &from, &mut to, plane)?;
            }
        }
        Some(small)
    }

    /// Everything but the size stays: rate, colours, where chroma is sampled.
    fn lay_out(&self, caps: &gst::CapsRef, source: &app::AppSrc) -> Option<Layouts> {
        let from = video::VideoInfo::from_caps(caps).ok()?;
        let mut smaller = caps.copy();
        let structure = smaller.make_mut().structure_mut(0)?;
        structure.set("width", i32::try_from(self.width).ok()?);
        structure.set("height", i32::try_from(self.height).ok()?);
        source.set_caps(Some(&smaller));
        let to = video::VideoInfo::from_caps(&smaller).ok()?;
        let scaler = |plane| Scaler::new(plane_size(&from, plane), plane_size(&to, plane));
        let scalers = [scaler(0)?, scaler(1)?];
        let pool = pool(&smaller, &to)?;
        Some(Layouts { caps: caps.copy(), from, to, scalers, pool })
    }
}

fn pool(caps: &gst::Caps, info: &video::VideoInfo) -> Option<gst::BufferPool> {
    let pool = gst::BufferPool::new();
    let mut config = pool.config();
    config.set_params(Some(caps), u32::try_from(info.size()).ok()?, 0, 0);
    pool.set_config(config).ok()?;
    pool.set_active(true).ok()?;
    Some(pool)
}

type Readable<'a> = video::VideoFrameRef<&'a gst::BufferRef>;
type Writable<'a> = video::VideoFrameRef<&'a mut gst::BufferRef>;

fn shrink_plane(scaler: &mut Scaler, from: &Readable<'_>, to: &mut Writable<'_>, plane: u32) -> Option<()> {
    let source_layout = plane_layout(from.info(), from.plane_stride(), plane)?;
    let target_layout = plane_layout(to.info(), to.plane_stride(), plane)?;
    scaler.scale(from.plane_data(plane).ok()?, source_layout, to.plane_data_mut(plane).ok()?, target_layout)
}

fn plane_layout(info: &video::VideoInfo, strides: &[i32], plane: u32) -> Option<Layout> {
    let (width, height) = plane_size(info, plane);
    Some(Layout { width, height, stride: usize::try_from(*strides.get(plane as usize)?).ok()? })
}

/// Colours of 4:2:0 have half the width and half the height.
fn plane_size(info: &video::VideoInfo, plane: u32) -> (usize, usize) {
    let (width, height) = (info.width() as usize, info.height() as usize);
    if plane == 0 { (width, height) } else { (width.div_ceil(2), height.div_ceil(2)) }
}

fn running_time(sample: &gst::Sample, at: gst::ClockTime) -> Option<gst::ClockTime> {
    sample.segment()?.downcast_ref::<gst::ClockTime>()?.to_running_time(at)
}
