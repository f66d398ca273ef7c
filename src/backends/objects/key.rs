//! Names of objects: path-like, safe on every file system and in every bucket.

use std::{fmt, str::FromStr};

const KEY_LEN_MAX: usize = 512;
const PART_LEN_MAX: usize = 200;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an object key is up to {KEY_LEN_MAX} characters out of a-z, A-Z, 0-9, `-`, `_`, `.` in parts between `/`, \
     none empty and none beginning with a dot"
)]
pub struct InvalidKey;

/// The name of one object, such as `videos/0193…/720p/3.m4s`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey(Box<str>);

impl ObjectKey {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ObjectKey {
    type Err = InvalidKey;
    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let valid = text.len() <= KEY_LEN_MAX && text.split('/').all(is_part);
        if valid { Ok(Self(text.into())) } else { Err(InvalidKey) }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A part that begins with a dot could be `..`, and is where engines keep what is not an object.
fn is_part(part: &str) -> bool {
    let well_formed = part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    well_formed && !part.is_empty() && part.len() <= PART_LEN_MAX && !part.starts_with('.')
}

/// The beginning of keys up to and with a `/`, or of all keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix(Box<str>);

impl Prefix {
    /// Every object.
    pub fn all() -> Self {
        Self("".into())
    }

    /// Empty, or ends with a `/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Prefix {
    type Err = InvalidKey;
    /// `videos/x/`; the last `/` may not be left out, since `videos/x` would also be the beginning of `videos/xy`.
    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let key: ObjectKey = text.strip_suffix('/').ok_or(InvalidKey)?.parse()?;
        Ok(Self(format!("{key}/").into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_leaves_its_place() {
        let long = "x".repeat(513);
        for text in [
            "",
            "/",
            "/etc/passwd",
            "a/",
            "a//b",
            "..",
            "a/../b",
            "a/./b",
            ".tmp/x",
            "a\\b",
            "a b",
            "ä",
            "a\0",
            &long,
        ] {
            assert_eq!(text.parse::<ObjectKey>(), Err(InvalidKey), "{text}");
        }
        for text in ["a", "videos/0193/720p/init.mp4", "a-b_c.D"] {
            assert!(text.parse::<ObjectKey>().is_ok(), "{text}");
        }
    }

    #[test]
    fn a_prefix_ends_at_a_slash() {
        assert_eq!("videos/x".parse::<Prefix>(), Err(InvalidKey));
        assert_eq!("/".parse::<Prefix>(), Err(InvalidKey));
        assert!("videos/x/".parse::<Prefix>().is_ok());
    }
}
