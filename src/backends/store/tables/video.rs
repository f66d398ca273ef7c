//! Videos, what they were made into, and the jobs that make it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    blob_cell,
    domain::{
        access::Visibility,
        clock::Timestamp,
        encryption::Encryption,
        ids::{ChannelId, UploadId, UserId, VideoId},
        video::{Failure, Stage, Status},
    },
    record, text_cell,
};

text_cell!(Visibility, Status, Stage, JobState);
blob_cell!(Tags, Failure, JobLog, JobPlan, Trial, RefusedFile);

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tags(pub Vec<String>);

record! {
    /// A video.
    pub struct Video in conditional "videos" {
        partition { video_id: VideoId }
        clustering {}
        columns {
            channel_id: ChannelId,
            owner_id: UserId,
            title: String,
            description: String,
            tags: Tags,
            visibility: Visibility,
            encryption: Encryption,
            status: Status,
            stage: Stage,
            percent: i64,
            failure: Option<Failure>,
            duration_ms: Option<i64>,
            created_at: Timestamp,
            published_at: Option<Timestamp>,
        }
    }
}

impl Video {
    /// Whether everybody may come upon it: in lists, and by searching.
    pub fn is_listed(&self) -> bool {
        self.visibility == Visibility::Public && self.published_at.is_some()
    }
}

record! {
    /// What has been made of a video so far: renditions with their segments, pictures. `description` is
    /// `media::Catalogue` in MessagePack, written and read as a whole. `source` is the upload whose file that was made
    /// of; unset for the file that the video began with.
    pub struct Catalogue in conditional "catalogues" {
        partition { video_id: VideoId }
        clustering {}
        columns { description: Vec<u8>, source: Option<UploadId> }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    Queued,
    Running,
    Done,
    Failed,
    Cancelled,
}

impl JobState {
    pub fn as_str(self) -> &'static str {
        match self {
            JobState::Queued => "queued",
            JobState::Running => "running",
            JobState::Done => "done",
            JobState::Failed => "failed",
            JobState::Cancelled => "cancelled",
        }
    }
}

impl std::fmt::Display for JobState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for JobState {
    type Err = crate::domain::access::UnknownName;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [JobState::Queued, JobState::Running, JobState::Done, JobState::Failed, JobState::Cancelled]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or(crate::domain::access::UnknownName)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobEvent {
    pub at: Timestamp,
    pub stage: Stage,
    pub detail: String,
}

/// The last events of a job, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobLog(pub Vec<JobEvent>);

/// What a job goes on with after a restart: the plan, in the media layer's own JSON, and what is finished of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobPlan {
    pub plan: String,
    /// Names what the plan's chunks make together, so that another plan's files do not take their place.
    pub generation: u32,
    pub finished: BTreeSet<String>,
    /// Attempts that failed, by piece.
    pub failed: BTreeMap<String, u32>,
}

/// A file that is to take the place of a video's, as long as something of it or of the other is left to be removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// What brought it; its source is named by it.
    pub upload_id: UploadId,
    /// What it is counted as until it is the video's.
    pub file_id: VideoId,
    /// Runs up to this one were of the file before it.
    pub runs_before: i64,
    /// What to go on with if it is refused.
    pub before: JobBefore,
}

/// How a job stood when a trial began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobBefore {
    pub state: JobState,
    pub stage: Stage,
    pub percent: i64,
    pub attempts: i64,
    pub plan: Option<JobPlan>,
    pub failure: Option<Failure>,
}

/// The last file that was to take the place of a video's and could not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedFile {
    pub upload_id: UploadId,
    pub failure: Failure,
}

record! {
    /// The transcode job of a video: the truth that every queue only repeats. `owner` is the node that works on it,
    /// until `lease_ends_at`.
    pub struct Job in conditional "jobs" {
        partition { video_id: VideoId }
        clustering {}
        columns {
            state: JobState,
            stage: Stage,
            percent: i64,
            attempts: i64,
            runs: i64,
            plan: Option<JobPlan>,
            failure: Option<Failure>,
            trial: Option<Trial>,
            refused: Option<RefusedFile>,
            log: JobLog,
            created_at: Timestamp,
            owner: Option<String>,
            lease_ends_at: Option<Timestamp>,
        }
    }
}

record! {
    /// Pieces of a job that any node may make, by the number of their run. `given` says what is to be made and `outcome`
    /// what came of it, in the job's own JSON; `worker` makes it until `lease_ends_at`. Rows go when the job's node has
    /// taken in what came of them.
    pub struct Piece in conditional "job_pieces" {
        partition { video_id: VideoId }
        clustering { run: i64, Ascending; }
        columns {
            given: String,
            worker: Option<String>,
            lease_ends_at: Option<Timestamp>,
            outcome: Option<String>,
        }
    }
}

record! {
    /// Jobs that are neither done nor given up, so that a start finds them. 16 shards by hash of the video.
    pub struct PendingJob in "pending_jobs" {
        partition { shard: i64 }
        clustering { video_id: VideoId, Ascending; }
        columns { owner_id: UserId }
    }
}

record! {
    /// Videos that are being removed, so that a crash in the middle leaves nothing behind. 16 shards by hash of the
    /// video.
    pub struct Removal in "video_removals" {
        partition { shard: i64 }
        clustering { video_id: VideoId, Ascending; }
        columns {}
    }
}

record! {
    /// The upload that is to take the place of a video's file: one at a time. A row whose upload is gone, or settled, is
    /// as good as none.
    pub struct Replacement in conditional "video_replacements" {
        partition { video_id: VideoId }
        clustering {}
        columns { upload_id: UploadId }
    }
}
