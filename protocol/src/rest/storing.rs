//! What an account keeps, how files come in, and what is being made of them.

use serde::{Deserialize, Serialize};

use super::{Failure, Visibility};

bodies! {
    /// What the files of an account come to: sources of videos and unfinished uploads.
    pub struct Storage {
        pub used_bytes: u64,
        /// What they may come to; null: as much as there is space for.
        pub quota_bytes: Option<u64>,
        pub unfinished_uploads: u64,
        pub unfinished_uploads_max: u64,
    }

    /// A quota of an account's own; null: that of its roles again.
    pub struct Quota {
        pub quota_bytes: Option<u64>,
    }

    /// Whether videos of a channel are worked on before those of channels that do not pay.
    pub struct Precedence {
        pub pays: bool,
    }

    /// A file to be fetched from a URL of the public web.
    pub struct NewImport {
        pub url: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub title: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub description: Option<String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub tags: Vec<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub visibility: Option<Visibility>,
        /// The video whose file it takes the place of; then only `url` counts.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub replaces: Option<String>,
    }

    /// A file that is being fetched.
    pub struct Import {
        pub id: String,
        /// The video that it becomes once it is here.
        pub video_id: String,
        /// The same video, if it is one whose file it takes the place of.
        pub replaces: Option<String>,
        /// Out of `fetching`, `done`, `failed`.
        pub status: String,
        pub received_bytes: u64,
        /// Known once all of it is here.
        pub length_bytes: Option<u64>,
        pub failure: Option<Failure>,
        pub created_at: String,
    }

    /// The state of a video's transcode job.
    pub struct Job {
        pub video_id: String,
        /// Out of `queued`, `running`, `done`, `failed`, `cancelled`.
        pub state: String,
        pub stage: String,
        pub percent: u8,
        /// Runs that failed since it was last begun or retried.
        pub attempts: u32,
        /// What it will take at its present pace; absent while nothing can be said.
        pub eta_ms: Option<u64>,
        /// Chunks of the picture that are encoded; one that is too short to be cut is one chunk.
        pub chunks_done: u32,
        /// Zero while the source has not been looked at.
        pub chunks: u32,
        pub failure: Option<Failure>,
        /// What can be done about the failure.
        pub advice: Option<String>,
        /// Of the last file that was to take the place of the video's, unless it did.
        pub replacement: Option<FileReplacement>,
        pub events: Vec<JobEvent>,
    }

    /// A file that is to take the place of a video's.
    pub struct FileReplacement {
        pub upload_id: String,
        /// Out of `on_trial`, while the old file is shown, and `refused`: then the old one stays.
        pub status: String,
        /// Why it was refused.
        pub failure: Option<Failure>,
    }

    pub struct JobEvent {
        pub at: String,
        pub stage: String,
        pub detail: String,
    }
}
