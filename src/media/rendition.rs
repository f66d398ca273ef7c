//! One way to see or hear a video: its track, its codec and the segments that exist so far. What the store
//! keeps and the manifests are rendered from; kept small, because a long video has thousands of segments.

use serde::{Deserialize, Serialize};

use super::{probe::Fraction, sound::Label};
use crate::domain::codec::Codec;

/// A folder name of the output and a path element of its URLs: `v720`, `audio`, `source`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RenditionId(String);

#[derive(Debug, thiserror::Error)]
#[error("a rendition is named by 1 to 16 lower-case letters and digits")]
pub struct BadRenditionId;

impl RenditionId {
    pub fn parse(text: &str) -> Result<Self, BadRenditionId> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        match text.len() {
            1..=16 if text.bytes().all(plain) => Ok(Self(text.to_owned())),
            _ => Err(BadRenditionId),
        }
    }

    /// A rung of the ladder, named by the height of its 16:9 box.
    pub fn rung(height: u32) -> Self {
        Self(format!("v{height}"))
    }

    /// The same in a codec: `v720` in H.264, `v720av1` in AV1.
    pub fn rung_in(height: u32, codec: Codec) -> Self {
        match codec {
            Codec::H264 => Self::rung(height),
            other => Self(format!("v{height}{other}")),
        }
    }

    /// A sound, shared by all pictures: `audio` is the first of its file, `audio2` the next.
    pub fn sound(place: usize) -> Self {
        match place {
            0 => Self("audio".to_owned()),
            _ => Self(format!("audio{}", place + 1)),
        }
    }

    /// Which sound of its file it is, by the name that [`RenditionId::sound`] gave, whatever follows it.
    pub fn sound_place(&self) -> usize {
        let behind = self.0.strip_prefix("audio").unwrap_or_default();
        let digits = behind.find(|c: char| !c.is_ascii_digit()).unwrap_or(behind.len());
        behind[..digits].parse::<usize>().map_or(0, |number| number.saturating_sub(1))
    }

    /// The picture passed through as it was uploaded, until the ladder replaces it.
    pub fn source() -> Self {
        Self("source".to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for RenditionId {
    type Error = BadRenditionId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<RenditionId> for String {
    fn from(id: RenditionId) -> Self {
        id.0
    }
}

impl std::fmt::Display for RenditionId {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rendition {
    pub id: RenditionId,
    pub track: Track,
    /// RFC 6381, such as `avc1.64001f`.
    pub codec: String,
    pub origin: Origin,
    /// What it is announced with until its segments can be measured.
    pub bandwidth_cap: u64,
    pub init_bytes: u64,
    pub growth: Growth,
    pub segments: Vec<Segment>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Track {
    Video {
        width: u32,
        height: u32,
        frame_rate: Fraction,
    },
    Audio {
        channels: u32,
        sample_rate: u32,
        #[serde(flatten)]
        label: Label,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    Passthrough,
    Encoded,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Growth {
    Growing,
    Complete,
}

/// Its number is its place in [`Rendition::segments`]. Written as an array of three numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u64, u64, u64)", into = "(u64, u64, u64)")]
pub struct Segment {
    pub start_ns: u64,
    pub duration_ns: u64,
    pub bytes: u64,
}

impl From<(u64, u64, u64)> for Segment {
    fn from((start_ns, duration_ns, bytes): (u64, u64, u64)) -> Self {
        Self { start_ns, duration_ns, bytes }
    }
}

impl From<Segment> for (u64, u64, u64) {
    fn from(segment: Segment) -> Self {
        (segment.start_ns, segment.duration_ns, segment.bytes)
    }
}

impl Rendition {
    pub fn is_video(&self) -> bool {
        matches!(self.track, Track::Video { .. })
    }

    /// A picture in another codec than H.264.
    pub fn is_in_second_codec(&self) -> bool {
        [Codec::Av1, Codec::Vp9, Codec::Hevc].iter().any(|codec| codec.is_named_by(&self.codec))
    }

    pub fn is_complete(&self) -> bool {
        self.growth == Growth::Complete
    }

    pub fn duration_ns(&self) -> u64 {
        self.segments.iter().map(|segment| segment.duration_ns).sum()
    }

    /// Bits a second of the heaviest segment. Stubs (less than half the longest) do not count: a last segment
    /// of one frame says nothing about the line it needs.
    pub fn bandwidth_peak(&self) -> u64 {
        let longest_ns = self.segments.iter().map(|segment| segment.duration_ns).max().unwrap_or(0);
        let whole = self.segments.iter().filter(|segment| segment.duration_ns * 2 >= longest_ns);
        let measured =
            whole.map(|segment| bits_a_second(segment.bytes, segment.duration_ns)).max().unwrap_or(0);
        match self.growth {
            Growth::Complete => measured,
            Growth::Growing => measured.max(self.bandwidth_cap),
        }
    }

    pub fn bandwidth_average(&self) -> u64 {
        let bytes = self.segments.iter().map(|segment| segment.bytes).sum();
        match self.growth {
            Growth::Complete => bits_a_second(bytes, self.duration_ns()),
            Growth::Growing => bits_a_second(bytes, self.duration_ns()).min(self.bandwidth_peak()),
        }
    }
}

fn bits_a_second(bytes: u64, duration_ns: u64) -> u64 {
    let bits = u128::from(bytes) * 8 * 1_000_000_000;
    u64::try_from(bits.div_ceil(u128::from(duration_ns.max(1)))).unwrap_or(u64::MAX)
}
