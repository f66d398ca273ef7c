//! `[scan]`: whether uploads are looked through for malware, by whom, and what becomes of what is found.

use serde::{Deserialize, Deserializer, de::Error};

use super::{
    Seconds,
    range::{Range, range},
};

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
    #[serde(deserialize_with = "address")]
    pub clamd: String,
    pub fail_closed: bool,
    pub chunk_bytes: u64,
    pub deadline_s: Seconds,
}

pub(super) const RANGES: &[Range] =
    &[range("chunk_bytes", 2_097_152, 1_073_741_824), range("deadline_s", 1, 3_600)];

fn address<'de, D: Deserializer<'de>>(source: D) -> Result<String, D::Error> {
    let text = String::deserialize(source)?;
    let is_tcp = text.strip_prefix("tcp://").is_some_and(|place| place.contains(':'));
    match is_tcp || text.starts_with("unix:/") {
        true => Ok(text),
        false => Err(D::Error::custom(format!("{text} is no address, allowed: tcp://host:port, unix:/path"))),
    }
}
