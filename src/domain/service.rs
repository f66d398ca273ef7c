//! Where a service of this machine or network listens.

use std::{fmt, path::PathBuf, str::FromStr};

use serde::Deserialize;

/// `tcp://host:port` or `unix:/path`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Address {
    Tcp(String),
    Unix(PathBuf),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an address is tcp://host:port or unix:/path")]
pub struct NoAddress;

impl FromStr for Address {
    type Err = NoAddress;
    fn from_str(text: &str) -> Result<Self, NoAddress> {
        if let Some(place) = text.strip_prefix("tcp://").filter(|place| place.contains(':')) {
            return Ok(Self::Tcp(place.to_owned()));
        }
        let path = text.strip_prefix("unix:").filter(|path| path.starts_with('/'));
        path.map(|path| Self::Unix(path.into())).ok_or(NoAddress)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(place) => write!(f, "tcp://{place}"),
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl TryFrom<String> for Address {
    type Error = NoAddress;
    fn try_from(text: String) -> Result<Self, NoAddress> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_they_are_read() {
        for text in ["tcp://127.0.0.1:3310", "unix:/run/clamav/clamd.ctl"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        for text in ["", "127.0.0.1:3310", "tcp://host", "unix:relative"] {
            assert_eq!(text.parse::<Address>(), Err(NoAddress), "{text}");
        }
    }
}
