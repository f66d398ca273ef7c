//! What a source is, as the probe stage found it: container, duration, at most one picture, and the sounds it comes
//! with. Serialisable, so that a resumed job need not probe again. Says nothing about what is made of it.

use serde::{Deserialize, Serialize};

use super::{
    language::Language,
    sound::{StreamName, Title},
};
use crate::domain::chapter::Chapter;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    pub container: Container,
    /// What the container declares; zero when it declares nothing.
    pub duration_ms: u64,
    pub video: Option<VideoStream>,
    /// In the order of the file; at most [`super::sound::SOUNDS_MAX`].
    pub sounds: Vec<AudioStream>,
    /// As the file has them: at most a hundred.
    #[serde(default)]
    pub chapters: Vec<Chapter>,
}

/// The containers that are let in, by what their first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Container {
    IsoBmff,
    Matroska,
    Avi,
    Wav,
    MpegTs,
    MpegPs,
    Flv,
    Ogg,
    Mp3,
    Adts,
}

impl Container {
    /// Whether the declared duration comes from an index and not from an estimate by bit rate.
    pub fn duration_is_exact(self) -> bool {
        matches!(self, Self::IsoBmff | Self::Matroska | Self::Avi | Self::Wav)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VideoStream {
    /// The media type without `video/x-`, such as `h264`.
    pub codec: String,
    pub profile: Option<String>,
    pub level: Option<String>,
    /// As coded: before rotation and before the pixel aspect ratio is applied.
    pub width: u32,
    pub height: u32,
    pub pixel_aspect: Fraction,
    pub frame_rate: Fraction,
    pub rotation: Rotation,
    pub bits_a_sample: u32,
    pub chroma: Chroma,
    pub scan: Scan,
    pub range: DynamicRange,
}

impl VideoStream {
    /// Size as it is to be seen: pixels square, picture upright. Fractions are kept for the ladder.
    pub fn display_size(&self) -> (f64, f64) {
        let width = f64::from(self.width) * self.pixel_aspect.as_f64();
        let height = f64::from(self.height);
        match self.rotation {
            Rotation::Upright | Rotation::HalfTurn => (width, height),
            Rotation::QuarterTurn | Rotation::ThreeQuarterTurn => (height, width),
        }
    }

    /// Whether every player shows this stream as it is: 8-bit 4:2:0 progressive H.264 up to High 4.2, square
    /// pixels, upright, at most 1080p60.
    pub fn plays_as_it_is(&self) -> bool {
        const PROFILES: [&str; 6] =
            ["constrained-baseline", "baseline", "main", "high", "progressive-high", "constrained-high"];
        const LEVELS: [&str; 14] =
            ["1", "1b", "1.1", "1.2", "1.3", "2", "2.1", "2.2", "3", "3.1", "3.2", "4", "4.1", "4.2"];
        let listed =
            |list: &[&str], value: &Option<String>| value.as_deref().is_some_and(|it| list.contains(&it));
        self.codec == "h264"
            && listed(&PROFILES, &self.profile)
            && listed(&LEVELS, &self.level)
            && self.bits_a_sample == 8
            && self.chroma == Chroma::Yuv420
            && self.scan == Scan::Progressive
            && self.rotation == Rotation::Upright
            && self.pixel_aspect.as_f64() == 1.0
            && self.width.max(self.height) <= 1920
            && self.width.min(self.height) <= 1088
            && self.frame_rate.as_f64() <= 60.5
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioStream {
    /// Such as `aac`, `mp3`, `opus`.
    pub codec: String,
    pub profile: Option<String>,
    pub channels: u32,
    pub sample_rate: u32,
    /// When the container says it.
    pub language: Option<Language>,
    #[serde(default)]
    pub title: Option<Title>,
    /// Tells it apart where there are several.
    #[serde(default)]
    pub stream: Option<StreamName>,
}

impl AudioStream {
    /// AAC-LC in mono or stereo at a rate every player takes.
    pub fn plays_as_it_is(&self) -> bool {
        self.codec == "aac"
            && self.profile.as_deref() == Some("lc")
            && (1..=2).contains(&self.channels)
            && (44_100..=48_000).contains(&self.sample_rate)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fraction {
    pub numerator: u32,
    /// Never zero; the worker reports 0/1 for an unknown rate.
    pub denominator: u32,
}

impl Fraction {
    pub const ONE: Self = Self::new(1, 1);

    pub const fn new(numerator: u32, denominator: u32) -> Self {
        Self { numerator, denominator }
    }

    /// Without common factors.
    pub fn reduced(self) -> Self {
        let (mut divisor, mut rest) = (self.numerator, self.denominator);
        while rest != 0 {
            (divisor, rest) = (rest, divisor % rest);
        }
        Self::new(self.numerator / divisor.max(1), self.denominator / divisor.max(1))
    }

    pub fn as_f64(self) -> f64 {
        f64::from(self.numerator) / f64::from(self.denominator.max(1))
    }
}

/// Clockwise turn that makes the picture upright.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rotation {
    #[default]
    Upright,
    QuarterTurn,
    HalfTurn,
    ThreeQuarterTurn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Chroma {
    Yuv420,
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scan {
    Progressive,
    Interlaced,
}

/// `High` is PQ or HLG: it is shown without tone mapping, so its colours look washed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DynamicRange {
    #[default]
    Standard,
    High,
}
