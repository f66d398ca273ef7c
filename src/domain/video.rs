//! Videos: their words, their states, and when one has been seen.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    access::{UnknownName, names},
    text::{self, Invalid},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Uploading,
    Processing,
    Ready,
    Failed,
}

names!(Status { Uploading = "uploading", Processing = "processing", Ready = "ready", Failed = "failed" });

/// What its job does with a video right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    Uploading,
    Queued,
    Probing,
    Packaging,
    Encoding,
    Thumbnails,
    Finishing,
    Done,
    Failed,
}

names!(Stage {
    Uploading = "uploading",
    Queued = "queued",
    Probing = "probing",
    Packaging = "packaging",
    Encoding = "encoding",
    Thumbnails = "thumbnails",
    Finishing = "finishing",
    Done = "done",
    Failed = "failed",
});

/// Why a video failed, in words its uploader understands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub code: String,
    pub detail: String,
    pub retryable: bool,
}

pub const TAGS_MAX: usize = 20;

pub fn title(input: &str) -> Result<String, Invalid> {
    text::line(input, 1, 200).ok_or(Invalid("has 1 to 200 visible characters"))
}

pub fn description(input: &str) -> Result<String, Invalid> {
    text::lines(input, 5_000).ok_or(Invalid("has at most 5000 characters"))
}

/// Trimmed, without doubles, empty ones dropped; at most 20 of at most 40 characters.
pub fn tags(inputs: &[String]) -> Result<Vec<String>, Invalid> {
    const ADVICE: Invalid = Invalid("are at most 20 of at most 40 visible characters");
    let mut tags = Vec::new();
    for input in inputs.iter().filter(|input| !input.trim().is_empty()) {
        let tag = text::line(input, 1, 40).ok_or(ADVICE)?;
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    if tags.len() > TAGS_MAX { Err(ADVICE) } else { Ok(tags) }
}

/// Whether so much watching is a view: `threshold_ms`, or half of a video shorter than twice that.
pub fn is_view(watched_ms: u64, duration_ms: Option<u64>, threshold_ms: u64) -> bool {
    let needed = duration_ms.map_or(threshold_ms, |duration_ms| threshold_ms.min(duration_ms / 2));
    watched_ms >= needed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_takes_ten_seconds_or_half_of_a_shorter_video() {
        for (watched_ms, duration_ms, counts) in [
            (10_000, Some(60_000), true),
            (9_999, Some(60_000), false),
            (2_600, Some(5_200), true),
            (2_599, Some(5_200), false),
            (9_999, None, false),
            (10_000, None, true),
        ] {
            assert_eq!(is_view(watched_ms, duration_ms, 10_000), counts, "{watched_ms} of {duration_ms:?}");
        }
    }

    #[test]
    fn tags_are_cleaned() {
        let inputs = [" a ".to_owned(), "a".into(), "".into(), "b c".into()];
        assert_eq!(tags(&inputs), Ok(vec!["a".into(), "b c".into()]));
        assert!(tags(&["x".repeat(41)]).is_err());
        assert!(tags(&(0..21).map(|n| n.to_string()).collect::<Vec<_>>()).is_err());
    }
}
