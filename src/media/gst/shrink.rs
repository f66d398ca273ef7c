//! One rung from the one above it, bicubic (Catmull-Rom) as ffmpeg does it: takes decoded frames out of the
//! pipeline, shrinks their planes with SIMD code and puts them back in. GStreamer's own scaler costs twice as
//! much, which is a tenth of a whole ladder. Times go along unchanged, so all rungs cut at the same frames.

use std::sync::Mutex;

use fast_image_resize::{
    FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer,
    images::{CroppedImageMut, Image, ImageRef},
};
use gstreamer as gst;
use gstreamer_app as app;
use gstreamer_video as video;
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
    resizer: Resizer,
    layouts: Option<Layouts>,
}

/// How frames lie in memory before and after.
struct Layouts {
    caps: gst::Caps,
    from: video::VideoInfo,
    to: video::VideoInfo,
}

impl Shrinker {
    fn new(rung: &Rung) -> Self {
        Self { width: rung.width, height: rung.height, resizer: Resizer::new(), layouts: None }
    }

    fn shrink(&mut self, sample: &gst::Sample, source: &app::AppSrc) -> Option<gst::Buffer> {
        let caps = sample.caps()?;
        if self.layouts.as_ref().is_none_or(|known| known.caps.as_ref() != caps) {
            self.layouts = Some(self.lay_out(caps, source)?);
        }
        let layouts = self.layouts.as_ref()?;
        let large = sample.buffer()?;
        let mut small = gst::Buffer::with_size(layouts.to.size()).ok()?;
        {
            let small = small.get_mut()?;
            small.set_pts(running_time(sample, large.pts()?));
            small.set_duration(large.duration());
            let from = video::VideoFrameRef::from_buffer_ref_readable(large, &layouts.from).ok()?;
            let mut to = video::VideoFrameRef::from_buffer_ref_writable(small, &layouts.to).ok()?;
            for plane in 0..layouts.to.n_planes() {
                shrink_plane(&mut self.resizer, &from, &mut to, plane)?;
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
        Some(Layouts { caps: caps.copy(), from, to: video::VideoInfo::from_caps(&smaller).ok()? })
    }
}

type Readable<'a> = video::VideoFrameRef<&'a gst::BufferRef>;
type Writable<'a> = video::VideoFrameRef<&'a mut gst::BufferRef>;

/// Rows may be padded: both sides are seen as pictures as wide as their stride, of which a part is used.
fn shrink_plane(resizer: &mut Resizer, from: &Readable<'_>, to: &mut Writable<'_>, plane: u32) -> Option<()> {
    let size = |info: &video::VideoInfo| {
        let (width, height) = (info.width(), info.height());
        if plane == 0 { (width, height) } else { (width.div_ceil(2), height.div_ceil(2)) }
    };
    let (from_width, from_height) = size(from.info());
    let (to_width, to_height) = size(to.info());
    let stride = |strides: &[i32]| u32::try_from(*strides.get(plane as usize)?).ok();
    let (from_stride, to_stride) = (stride(from.plane_stride())?, stride(to.plane_stride())?);
    let bytes = from.plane_data(plane).ok()?.get(..(from_stride * from_height) as usize)?;
    let large = ImageRef::new(from_stride, from_height, bytes, PixelType::U8).ok()?;
    let bytes = to.plane_data_mut(plane).ok()?.get_mut(..(to_stride * to_height) as usize)?;
    let mut padded = Image::from_slice_u8(to_stride, to_height, bytes, PixelType::U8).ok()?;
    let mut small = CroppedImageMut::new(&mut padded, 0, 0, to_width, to_height).ok()?;
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom)).crop(
        0.0,
        0.0,
        f64::from(from_width),
        f64::from(from_height),
    );
    resizer.resize(&large, &mut small, &options).ok()
}

fn running_time(sample: &gst::Sample, at: gst::ClockTime) -> Option<gst::ClockTime> {
    sample.segment()?.downcast_ref::<gst::ClockTime>()?.to_running_time(at)
}
