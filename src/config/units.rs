//! Lengths of time as configuration writes them: whole numbers whose key names the unit.
//! A section holds these types, so that seconds cannot be taken for milliseconds.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A whole number of milliseconds: the type of every key that ends in `_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Millis {
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

/// A whole number of seconds: the type of every key that ends in `_s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seconds(pub u64);

impl Seconds {
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0)
    }
}
