//! `[scan]`: whether uploads are looked through for malware, by whom, and what becomes of what is found.

use serde::Deserialize;

use super::{
    Seconds,
    range::{Range, range},
};
use crate::domain::service::Address;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScanPolicy {
    Off,
    /// The file is deleted.
    Reject,
    /// The file is kept where nobody but the operator finds it.
    Quarantine,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scan {
    pub policy: ScanPolicy,
    pub clamd: Address,
    pub fail_closed: bool,
    pub chunk_bytes: u64,
    pub deadline_s: Seconds,
}

pub(super) const RANGES: &[Range] =
    &[range("chunk_bytes", 2_097_152, 1_073_741_824), range("deadline_s", 1, 3_600)];
