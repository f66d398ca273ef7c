//! `[media]`: which renditions are made, by how many workers, and what a source may be at most.

use serde::{Deserialize, Deserializer, de::Error};
use url::Url;

use super::{
    Seconds,
    range::{Range, range},
};
use crate::domain::codec::Codec;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Media {
    /// Heights in pixels: even, each less than the one before, at least one.
    #[serde(deserialize_with = "ladder")]
    pub ladder: Vec<u32>,
    /// [`Media::second_codec`] is what counts.
    #[serde(deserialize_with = "codecs")]
    codecs: Vec<Codec>,
    /// Zero stands for half of the cores; [`Media::workers`] is what counts.
    workers_max: usize,
    pub attempts_max: u32,
    pub silence_max_s: Seconds,
    pub lease_s: Seconds,
    pub duration_max_s: Seconds,
    pub pixels_max: u64,
    pub playback_token_ttl_s: Seconds,
    pub key_rotation_segments: u64,
    pub cache_bytes_max: u64,
    #[serde(deserialize_with = "delivery")]
    pub delivery: Delivery,
}

/// Where players fetch what they play.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    Node,
    /// From the object store, to which the node sends them on.
    Store,
    /// From a CDN at this origin, which gets it from the node.
    Cdn(String),
}

pub(super) const RANGES: &[Range] = &[
    range("ladder", 144, 2_160),
    range("workers_max", 0, 64),
    range("attempts_max", 1, 20),
    range("silence_max_s", 5, 600),
    range("lease_s", 5, 600),
    range("duration_max_s", 1, 604_800),
    range("pixels_max", 4_096, 67_108_864),
    range("playback_token_ttl_s", 60, 604_800),
    range("key_rotation_segments", 0, 1_000_000),
    range("cache_bytes_max", 0, 1_099_511_627_776),
];

impl Media {
    /// What pictures are made in besides H.264.
    pub fn second_codec(&self) -> Option<Codec> {
        self.codecs.iter().copied().find(|codec| *codec != Codec::H264)
    }

    /// Transcode processes at the same time, on a machine with so many cores. Never zero.
    pub fn workers(&self, cores: usize) -> usize {
        if self.workers_max == 0 { (cores / 2).max(1) } else { self.workers_max }
    }
}

fn ladder<'de, D: Deserializer<'de>>(source: D) -> Result<Vec<u32>, D::Error> {
    let heights = Vec::<u32>::deserialize(source)?;
    let descending = heights.windows(2).all(|pair| pair[0] > pair[1]);
    let even = heights.iter().all(|height| height.is_multiple_of(2));
    if !heights.is_empty() && descending && even {
        return Ok(heights);
    }
    let allowed = "even heights, tallest first, such as 1080, 720, 480, 360";
    Err(D::Error::custom(format!("{heights:?} is no ladder, allowed: {allowed}")))
}

fn delivery<'de, D: Deserializer<'de>>(source: D) -> Result<Delivery, D::Error> {
    let text = String::deserialize(source)?;
    let is_origin = |url: &Url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.path() == "/"
            && url.query().is_none()
    };
    match text.as_str() {
        "node" => Ok(Delivery::Node),
        "store" => Ok(Delivery::Store),
        _ if Url::parse(&text).is_ok_and(|url| is_origin(&url)) => {
            Ok(Delivery::Cdn(text.trim_end_matches('/').to_owned()))
        }
        _ => {
            let allowed = "node, store, or the origin of a CDN as https://HOST";
            Err(D::Error::custom(format!("\"{text}\" is no place to play from, allowed: {allowed}")))
        }
    }
}

fn codecs<'de, D: Deserializer<'de>>(source: D) -> Result<Vec<Codec>, D::Error> {
    let names = Vec::<String>::deserialize(source)?;
    let known: Option<Vec<Codec>> = names.iter().map(|name| name.parse().ok()).collect();
    match known.as_deref() {
        Some([Codec::H264]) => Ok(vec![Codec::H264]),
        Some([Codec::H264, second]) if *second != Codec::H264 => Ok(vec![Codec::H264, *second]),
        _ => {
            let allowed = "[\"h264\"], and one of \"av1\", \"vp9\" and \"hevc\" behind it";
            Err(D::Error::custom(format!("{names:?} are no codecs, allowed: {allowed}")))
        }
    }
}
