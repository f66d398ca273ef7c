//! Videos, what they were made into, and the jobs that make it.

use serde::{Deserialize, Serialize};

use crate::{
    blob_cell,
    domain::{
        access::Visibility,
        clock::Timestamp,
        ids::{ChannelId, UserId, VideoId},
        video::{Failure, Stage, Status},
    },
    record, text_cell,
};

text_cell!(Visibility, Status, Stage, JobState);
blob_cell!(Tags, Failure, Thumbnails, JobLog, Segments, Codec);

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tags(pub Vec<String>);

/// Object keys of a video's pictures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thumbnails {
    /// The folder below `videos/<video>/` that holds `poster.jpg` and `sprite.jpg`.
    pub folder: String,
    /// `None` where there is no picture to make a sprite from.
    pub sprite: Option<Sprite>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sprite {
    pub tile_width: u32,
    pub tile_height: u32,
    pub columns: u32,
    pub tiles: u32,
    pub interval_ms: u64,
}

record! {
    /// A video.
    pub struct Video in "videos" {
        partition { video_id: VideoId }
        clustering {}
        columns {
            channel_id: ChannelId,
            owner_id: UserId,
            title: String,
            description: String,
            tags: Tags,
            visibility: Visibility,
            status: Status,
            stage: Stage,
            percent: i64,
            failure: Option<Failure>,
            duration_ms: Option<i64>,
            thumbnails: Option<Thumbnails>,
            created_at: Timestamp,
            published_at: Option<Timestamp>,
        }
    }
}

/// One segment, so that playlists can be rendered without opening a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// In units of the rendition's timescale.
    pub duration_ticks: u64,
    pub bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Segments(pub Vec<Segment>);

/// What a playlist must say of a rendition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Codec {
    /// RFC 6381.
    pub codecs: String,
    pub width: Option<u32>,
    pub height: Option<u32>,
    /// Numerator and denominator.
    pub frame_rate: Option<(u32, u32)>,
    pub timescale: u32,
    pub channels: Option<u32>,
    pub language: Option<String>,
}

record! {
    /// A rendition: one track of a video, in segments.
    pub struct Rendition in "renditions" {
        partition { video_id: VideoId }
        clustering { rendition_id: String, Ascending; }
        columns { name: String, codec: Codec, segments: Segments, complete: bool }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

record! {
    /// The transcode job of a video: the truth that every queue only repeats.
    pub struct Job in "jobs" {
        partition { video_id: VideoId }
        clustering {}
        columns {
            state: JobState,
            stage: Stage,
            percent: i64,
            attempts: i64,
            failure: Option<Failure>,
            log: JobLog,
            created_at: Timestamp,
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
