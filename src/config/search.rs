//! `[search]`: how the index is kept equal to the store.

use serde::Deserialize;

use super::{
    Seconds,
    range::{Range, range},
};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Search {
    pub sweep_interval_s: Seconds,
}

pub(super) const RANGES: &[Range] = &[range("sweep_interval_s", 1, 86_400)];
