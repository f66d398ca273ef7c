//! `[uploads]`: how large a file may be, how much an account may keep, how slow a sender, and how long an unfinished
//! upload is kept.

use serde::{Deserialize, Deserializer};

use super::{
    Seconds,
    range::{Range, range},
};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Uploads {
    pub size_max_bytes: u64,
    pub unfinished_per_account_max: usize,
    pub expire_after_s: Seconds,
    pub speed_min_bytes_per_s: u64,
    pub speed_within_s: Seconds,
    pub space_min_bytes: u64,
    pub memory_max_bytes: u64,
    pub quota_viewer_bytes: u64,
    pub quota_creator_bytes: u64,
    pub quota_moderator_bytes: u64,
    pub quota_admin_bytes: u64,
    pub imports_at_once_max: usize,
    pub import_duration_max_s: Seconds,
    #[serde(deserialize_with = "places")]
    pub import_hosts_allowed: Vec<String>,
}

pub(super) const RANGES: &[Range] = &[
    range("size_max_bytes", 1, 1_099_511_627_776),
    range("unfinished_per_account_max", 1, 10_000),
    range("expire_after_s", 60, 2_592_000),
    range("speed_min_bytes_per_s", 0, 1_073_741_824),
    range("speed_within_s", 1, 600),
    range("space_min_bytes", 0, 1_125_899_906_842_624),
    range("memory_max_bytes", 16_777_216, 1_099_511_627_776),
    range("quota_viewer_bytes", 0, 1_125_899_906_842_624),
    range("quota_creator_bytes", 0, 1_125_899_906_842_624),
    range("quota_moderator_bytes", 0, 1_125_899_906_842_624),
    range("quota_admin_bytes", 0, 1_125_899_906_842_624),
    range("imports_at_once_max", 1, 256),
    range("import_duration_max_s", 1, 604_800),
];

/// `host:port`, with commas between.
fn places<'de, D: Deserializer<'de>>(source: D) -> Result<Vec<String>, D::Error> {
    let text = String::deserialize(source)?;
    let places = text.split(',').map(|place| place.trim().to_ascii_lowercase());
    Ok(places.filter(|place| !place.is_empty()).collect())
}
