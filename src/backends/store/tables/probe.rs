//! Whether the store takes a row and gives it back.

use crate::{domain::clock::Timestamp, record};

record! {
    /// What a readiness check writes and reads back.
    pub struct Probe in "probes" {
        partition { name: String }
        clustering {}
        columns { at: Timestamp }
    }
}
