//! How pictures are coded: H.264, which every player takes, and beside it at most one that needs less for the same.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::access::{UnknownName, names};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Codec {
    #[default]
    H264,
    Av1,
    Vp9,
    Hevc,
}

names!(Codec { H264 = "h264", Av1 = "av1", Vp9 = "vp9", Hevc = "hevc" });

impl Codec {
    /// Whether an RFC 6381 string, such as `av01.0.04M.08`, is of this codec.
    pub fn is_named_by(self, string: &str) -> bool {
        let prefixes: &[&str] = match self {
            Self::H264 => &["avc1", "avc3"],
            Self::Av1 => &["av01"],
            Self::Vp9 => &["vp09"],
            Self::Hevc => &["hvc1", "hev1"],
        };
        prefixes.iter().any(|prefix| string.starts_with(prefix))
    }
}
