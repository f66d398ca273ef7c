//! GStreamer's set-up: which elements a worker needs, which it must never have. What fetches addresses, plays
//! playlists or drives hardware is taken out of this process's registry before anything is opened.

use gst::prelude::*;
use gstreamer as gst;

use crate::{
    domain::codec::Codec,
    media::failure::{Failure, FailureCode},
};

/// Elements with the Debian package that has each.
const NEEDED: [(&str, &str); 26] = [
    ("filesrc", "libgstreamer1.0-0"),
    ("queue", "libgstreamer1.0-0"),
    ("tee", "libgstreamer1.0-0"),
    ("identity", "libgstreamer1.0-0"),
    ("fakesink", "libgstreamer1.0-0"),
    ("capsfilter", "libgstreamer1.0-0"),
    ("appsink", "gstreamer1.0-plugins-base"),
    ("appsrc", "gstreamer1.0-plugins-base"),
    ("parsebin", "gstreamer1.0-plugins-base"),
    ("videoconvertscale", "gstreamer1.0-plugins-base"),
    ("videorate", "gstreamer1.0-plugins-base"),
    ("audioconvert", "gstreamer1.0-plugins-base"),
    ("audioresample", "gstreamer1.0-plugins-base"),
    ("audiorate", "gstreamer1.0-plugins-base"),
    ("qtdemux", "gstreamer1.0-plugins-good"),
    ("matroskademux", "gstreamer1.0-plugins-good"),
    ("aacparse", "gstreamer1.0-plugins-good"),
    ("rglimiter", "gstreamer1.0-plugins-good"),
    ("deinterlace", "gstreamer1.0-plugins-good"),
    ("videoflip", "gstreamer1.0-plugins-good"),
    ("h264parse", "gstreamer1.0-plugins-bad"),
    ("tsdemux", "gstreamer1.0-plugins-bad"),
    ("x264enc", "gstreamer1.0-plugins-ugly"),
    ("avdec_h264", "gstreamer1.0-libav"),
    ("avenc_aac", "gstreamer1.0-libav"),
    ("cmafmux", "playhouse itself"),
];

/// What a second codec needs on top.
fn needed_for(codec: Option<Codec>) -> &'static [(&'static str, &'static str)] {
    match codec {
        None | Some(Codec::H264) => &[],
        Some(Codec::Av1) => {
            &[("av1enc", "gstreamer1.0-plugins-bad"), ("av1parse", "gstreamer1.0-plugins-bad")]
        }
        Some(Codec::Vp9) => &[
            ("vp9enc", "gstreamer1.0-plugins-good"),
            ("vp9parse", "gstreamer1.0-plugins-bad"),
            ("dashmp4mux", "playhouse itself"),
        ],
        Some(Codec::Hevc) => {
            &[("x265enc", "gstreamer1.0-plugins-bad"), ("h265parse", "gstreamer1.0-plugins-bad")]
        }
    }
}

/// Demuxers that open what a file names.
const NEVER: [&str; 8] =
    ["hlsdemux", "hlsdemux2", "dashdemux", "dashdemux2", "mssdemux", "mssdemux2", "sdpdemux", "gesdemux"];

/// Sources that open nothing but what we hand them. Whatever else a loaded plugin brings comes back into the
/// registry when it is loaded, so no plugin that reaches out may hold an element we use.
const HARMLESS: [&str; 2] = ["filesrc", "appsrc"];

pub fn init() -> Result<(), Failure> {
    let incomplete = |what: &str| {
        let detail = format!("GStreamer cannot be used here ({what}): run `playhouse doctor`");
        Failure::new(FailureCode::SetupIncomplete, detail)
    };
    gst::init().map_err(|error| incomplete(&error.to_string()))?;
    gstfmp4::plugin_register_static().map_err(|error| incomplete(&error.to_string()))?;
    take_away_what_reaches_out();
    Ok(())
}

/// GStreamer's version and what is missing, for a second codec too where one is wanted.
pub fn look(second_codec: Option<Codec>) -> Result<(String, Vec<String>), Failure> {
    init()?;
    let needed = NEEDED.iter().chain(needed_for(second_codec));
    let absent = needed.filter(|(name, _)| gst::ElementFactory::find(name).is_none());
    let missing = absent.map(|(name, package)| format!("{name} ({package})")).collect();
    Ok((gst::version_string().to_string(), missing))
}

/// A rank of NONE hides a factory from autoplugging only; a removed one cannot be made at all.
fn take_away_what_reaches_out() {
    let registry = gst::Registry::get();
    for feature in registry.features(gst::ElementFactory::static_type()) {
        let Ok(factory) = feature.downcast::<gst::ElementFactory>() else { continue };
        if reaches_out(&factory) {
            factory.set_rank(gst::Rank::NONE);
            registry.remove_feature(&factory);
        }
    }
}

fn reaches_out(factory: &gst::ElementFactory) -> bool {
    let klass = factory.metadata("klass").unwrap_or_default();
    let name = factory.name();
    let opens_addresses = factory.uri_type() == gst::URIType::Src && !HARMLESS.contains(&name.as_str());
    opens_addresses
        || NEVER.contains(&name.as_str())
        || klass.contains("Adaptive")
        || klass.contains("Hardware")
        || klass.contains("Network")
}

/// An element that [`NEEDED`] lists, or one the source asks for.
pub fn make(name: &str) -> Result<gst::Element, Failure> {
    gst::ElementFactory::make(name).build().map_err(|_| {
        let detail = format!("the GStreamer element {name} is not installed here: run `playhouse doctor`");
        Failure::new(FailureCode::SetupIncomplete, detail)
    })
}

/// A part of a pipeline in gst-launch's language. Nothing from a source may be put into `description`.
pub fn describe(description: &str) -> Result<gst::Bin, Failure> {
    gst::parse::bin_from_description(description, true).map_err(|error| {
        Failure::new(
            FailureCode::SetupIncomplete,
            format!("GStreamer lacks something that is needed here: {error}"),
        )
    })
}
