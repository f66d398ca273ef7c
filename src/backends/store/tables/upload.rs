//! Resumable uploads. How far one is, is the length of its file, not a row.

use serde::{Deserialize, Serialize};

use crate::{
    blob_cell,
    domain::{
        clock::Timestamp,
        ids::{ChannelId, UploadId, UserId, VideoId},
    },
    record,
};

/// What the uploader said about the video to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    pub title: String,
    pub description: String,
    pub tags: Vec<String>,
    pub visibility: crate::domain::access::Visibility,
    pub filename: String,
}

blob_cell!(Draft);

record! {
    /// An upload that was begun. `finished` is set once its bytes are a video's source or, where it is a part of
    /// another, all here. `length_bytes` is unset until the client has said it, and `concat` is `Upload-Concat` as it
    /// came.
    pub struct Upload in "uploads" {
        partition { upload_id: UploadId }
        clustering {}
        columns {
            owner_id: UserId,
            channel_id: ChannelId,
            video_id: VideoId,
            length_bytes: Option<i64>,
            metadata: String,
            concat: Option<String>,
            draft: Draft,
            finished: bool,
            created_at: Timestamp,
            expires_at: Timestamp,
        }
    }
}

record! {
    /// The unfinished uploads of an account, so that they can be counted.
    pub struct OpenUpload in "open_uploads" {
        partition { owner_id: UserId }
        clustering { upload_id: UploadId, Ascending; }
        columns { created_at: Timestamp }
    }
}
