//! The GStreamer elements that `media/gst` makes, by the Debian package that brings them. `doctor` asks for each.
//! The server process never loads GStreamer, so the asking is done by `gst-inspect-1.0`.

/// A Debian package and the elements we need from it.
pub(super) struct Package {
    pub name: &'static str,
    pub elements: &'static [&'static str],
}

pub(super) const PACKAGES: &[Package] = &[
    Package {
        name: "libgstreamer1.0-0",
        elements: &["capsfilter", "fakesink", "filesrc", "identity", "queue", "tee", "typefind"],
    },
    Package {
        name: "gstreamer1.0-plugins-base",
        elements: &[
            "appsink",
            "audioconvert",
            "audioresample",
            "decodebin3",
            "oggdemux",
            "opusdec",
            "parsebin",
            "theoradec",
            "videoconvertscale",
            "videorate",
            "vorbisdec",
        ],
    },
    Package {
        name: "gstreamer1.0-plugins-good",
        elements: &[
            "aacparse",
            "avidemux",
            "deinterlace",
            "flvdemux",
            "matroskademux",
            "mpegaudioparse",
            "qtdemux",
            "videoflip",
            "vp8dec",
            "vp9dec",
        ],
    },
    Package {
        name: "gstreamer1.0-plugins-bad",
        elements: &["av1dec", "h264parse", "h265parse", "mpegpsdemux", "mpegvideoparse", "tsdemux"],
    },
    Package { name: "gstreamer1.0-plugins-ugly", elements: &["x264enc"] },
    Package {
        name: "gstreamer1.0-libav",
        elements: &[
            "avdec_aac",
            "avdec_ac3",
            "avdec_h264",
            "avdec_h265",
            "avdec_mp3",
            "avdec_mpeg2video",
            "avenc_aac",
        ],
    },
];

/// The element that shows whether `gst-inspect-1.0` itself is there.
pub(super) const TOOLS_PACKAGE: &str = "gstreamer1.0-tools";
