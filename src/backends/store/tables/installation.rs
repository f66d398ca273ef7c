//! What all nodes of an installation must have in common.

use crate::{domain::clock::Timestamp, record};

record! {
    /// The secret that tokens are signed and keys are wrapped with, by a fingerprint that does not give it away.
    pub struct KnownSeed in conditional "known_seed" {
        partition { purpose: String }
        clustering {}
        columns { fingerprint: String, at: Timestamp }
    }
}
