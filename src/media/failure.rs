//! Why a source could not be made playable, in words its uploader understands and with a code that programs
//! may rely on. Made by the worker about the source and by the parent about the worker. The job actor stores
//! it as the video's `failure` and retries only what says it is retryable.

use serde::{Deserialize, Serialize};

/// `{code, detail, retryable}` of a failed video.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Failure {
    pub code: FailureCode,
    pub detail: String,
    /// Whether the same file may well succeed if it is tried again.
    pub retryable: bool,
}

/// Stable names; a new one may be added, none may change its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureCode {
    Empty,
    NotAVideo,
    ContainerNotSupported,
    CodecNotSupported,
    NoPlayableStreams,
    Damaged,
    Truncated,
    TooLong,
    TooLargePicture,
    TooLargeFile,
    TooManyStreams,
    NoSpace,
    SourceUnreadable,
    SetupIncomplete,
    /// The source cannot be made in chunks; in one piece it may.
    NotCuttable,
    Stalled,
    WorkerDied,
    WorkerFailed,
    Cancelled,
}

impl FailureCode {
    /// The name that REST answers and logs carry.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::NotAVideo => "not_a_video",
            Self::ContainerNotSupported => "container_not_supported",
            Self::CodecNotSupported => "codec_not_supported",
            Self::NoPlayableStreams => "no_playable_streams",
            Self::Damaged => "damaged",
            Self::Truncated => "truncated",
            Self::TooLong => "too_long",
            Self::TooLargePicture => "too_large_picture",
            Self::TooLargeFile => "too_large_file",
            Self::TooManyStreams => "too_many_streams",
            Self::NoSpace => "no_space",
            Self::SourceUnreadable => "source_unreadable",
            Self::SetupIncomplete => "setup_incomplete",
            Self::NotCuttable => "not_cuttable",
            Self::Stalled => "stalled",
            Self::WorkerDied => "worker_died",
            Self::WorkerFailed => "worker_failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// What the file itself causes will not change by trying again; what the machine causes may.
    pub fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::NoSpace
                | Self::SourceUnreadable
                | Self::SetupIncomplete
                | Self::NotCuttable
                | Self::Stalled
                | Self::WorkerDied
                | Self::WorkerFailed
                | Self::Cancelled
        )
    }
}

impl std::fmt::Display for FailureCode {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.as_str())
    }
}

impl Failure {
    pub fn new(code: FailureCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), retryable: code.is_retryable() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_code_is_what_its_json_says() {
        for code in [FailureCode::NotAVideo, FailureCode::TooLargePicture, FailureCode::WorkerDied] {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }

    #[test]
    fn a_faulty_file_is_not_tried_again_and_a_dead_worker_is() {
        assert!(!Failure::new(FailureCode::Truncated, "").retryable);
        assert!(Failure::new(FailureCode::WorkerDied, "").retryable);
    }
}
