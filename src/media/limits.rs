//! What a source may cost at most. Plain numbers that the caller takes from its configuration; the worker
//! checks them before anything is decoded.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    pub size_max_bytes: u64,
    pub duration_max_ms: u64,
    /// Width times height of the largest picture.
    pub pixels_max: u64,
    /// The longest side of a picture.
    pub side_max: u32,
    pub streams_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            size_max_bytes: 2 << 30,
            duration_max_ms: 12 * 60 * 60 * 1000,
            pixels_max: 8192 * 4320,
            side_max: 8192,
            streams_max: 64,
        }
    }
}
