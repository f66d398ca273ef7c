//! `[uploads]`: how large a file may be and how long an unfinished upload is kept.

use serde::Deserialize;

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
}

pub(super) const RANGES: &[Range] = &[
    range("size_max_bytes", 1, 1_099_511_627_776),
    range("unfinished_per_account_max", 1, 10_000),
    range("expire_after_s", 60, 2_592_000),
];
