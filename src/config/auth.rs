//! `[auth]`: how long tokens last and what a password hash costs.

use serde::Deserialize;

use super::{
    Seconds,
    range::{Range, range},
};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    pub access_token_ttl_s: Seconds,
    pub refresh_token_ttl_s: Seconds,
    pub refresh_grace_s: Seconds,
    pub argon2_memory_kib: u32,
    pub argon2_iterations: u32,
    pub hashes_at_once_max: usize,
    pub hashes_waiting_max: usize,
}

pub(super) const RANGES: &[Range] = &[
    range("access_token_ttl_s", 10, 86_400),
    range("refresh_token_ttl_s", 60, 31_536_000),
    range("refresh_grace_s", 0, 300),
    range("argon2_memory_kib", 8_192, 1_048_576),
    range("argon2_iterations", 1, 10),
    range("hashes_at_once_max", 1, 64),
    range("hashes_waiting_max", 1, 10_000),
];
