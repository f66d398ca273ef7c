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
    Malware,
    /// It is away, so the file cannot be looked through.
    ScannerAway,
    NoSpace,
    /// The node can neither read sources nor keep what it makes of them.
    StorageAway,
    SourceUnreadable,
    SetupIncomplete,
    /// The source cannot be made in chunks; in one piece it may.
    NotCuttable,
    /// What was made does not play.
    OutputBroken,
    /// Nobody has time for it now.
    Busy,
    Stalled,
    /// What reads the file crashes over it.
    Crashed,
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
            Self::Malware => "malware",
            Self::ScannerAway => "scanner_away",
            Self::NoSpace => "no_space",
            Self::StorageAway => "storage_away",
            Self::SourceUnreadable => "source_unreadable",
            Self::SetupIncomplete => "setup_incomplete",
            Self::NotCuttable => "not_cuttable",
            Self::OutputBroken => "output_broken",
            Self::Busy => "busy",
            Self::Stalled => "stalled",
            Self::Crashed => "crashed",
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
                | Self::StorageAway
                | Self::ScannerAway
                | Self::SourceUnreadable
                | Self::SetupIncomplete
                | Self::NotCuttable
                | Self::OutputBroken
                | Self::Busy
                | Self::Stalled
                | Self::Crashed
                | Self::WorkerDied
                | Self::WorkerFailed
                | Self::Cancelled
        )
    }
}

/// What its uploader can do about a failure, by its code.
pub fn advice(code: &str) -> &'static str {
    let quoted = serde_json::Value::String(code.to_owned());
    match serde_json::from_value::<FailureCode>(quoted) {
        Ok(FailureCode::Empty | FailureCode::Truncated | FailureCode::Damaged) => {
            "upload the file again; if it does not play on your machine either, export it anew"
        }
        Ok(FailureCode::NotAVideo | FailureCode::ContainerNotSupported | FailureCode::CodecNotSupported) => {
            "export it as MP4 with H.264 and AAC and upload that"
        }
        Ok(FailureCode::NoPlayableStreams) => {
            "check that the file has a picture or sound, and upload it again"
        }
        Ok(FailureCode::TooLong | FailureCode::TooLargePicture | FailureCode::TooLargeFile) => {
            "make it shorter or smaller and upload that"
        }
        Ok(FailureCode::TooManyStreams) => "export it with fewer tracks and upload that",
        Ok(FailureCode::SetupIncomplete) => "ask the operator to run `playhouse doctor`, then retry",
        Ok(FailureCode::Malware) => "clean your machine, make the video anew and upload that",
        Ok(FailureCode::ScannerAway | FailureCode::StorageAway) => {
            "wait; ask the operator to run `playhouse doctor`"
        }
        Ok(FailureCode::NoSpace) => "ask the operator to free disk space, then retry",
        Ok(
            FailureCode::Stalled
            | FailureCode::Crashed
            | FailureCode::WorkerDied
            | FailureCode::NotCuttable
            | FailureCode::OutputBroken,
        ) => "retry; if it fails the same way again, export the file anew and upload that",
        Ok(
            FailureCode::SourceUnreadable
            | FailureCode::Busy
            | FailureCode::WorkerFailed
            | FailureCode::Cancelled,
        )
        | Err(_) => "retry",
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
    fn every_failure_says_what_can_be_done() {
        assert!(advice("no_space").contains("disk"));
        assert!(advice("codec_not_supported").contains("H.264"));
        assert_eq!(advice("what is this"), "retry");
    }

    #[test]
    fn a_faulty_file_is_not_tried_again_and_a_dead_worker_is() {
        assert!(!Failure::new(FailureCode::Truncated, "").retryable);
        assert!(Failure::new(FailureCode::WorkerDied, "").retryable);
    }
}
