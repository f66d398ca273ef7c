//! Resumable uploads, and what the files of an account come to. How far an upload is, is the length of its file; where it
//! gathers in an object store, it is in the rows of its pieces.

use serde::{Deserialize, Serialize};

use crate::{
    blob_cell,
    domain::{
        clock::Timestamp,
        ids::{ChannelId, UploadId, UserId, VideoId},
        storage::FileState,
        video::Failure,
    },
    record, text_cell,
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

/// Where the bytes of an upload are fetched from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    pub url: String,
    /// Of the file as it was when bytes came.
    pub etag: Option<String>,
    /// What the file may come to.
    pub room_bytes: u64,
    /// Set once it has come to an end that is no good one.
    pub failure: Option<Failure>,
}

blob_cell!(Draft, Import);
text_cell!(FileState);

record! {
    /// An upload that was begun. `finished` is set once its bytes are a video's source or, where it is a part of
    /// another, all here. `length_bytes` is unset until the client has said it, and `concat` is `Upload-Concat` as it
    /// came. Where it `replaces` the file of a video, `video_id` is only what it is counted as until it does.
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
            import: Option<Import>,
            replaces: Option<VideoId>,
            finished: bool,
            created_at: Timestamp,
            expires_at: Timestamp,
        }
    }
}

record! {
    /// The upload that an `Idempotency-Key` has begun.
    pub struct UploadKey in conditional "upload_keys" {
        partition { owner_id: UserId }
        clustering { key: String, Ascending; }
        columns { upload_id: UploadId, video_id: VideoId }
    }
}

record! {
    /// The files of an account, each with the bytes that are counted for it; `video_id` is that of the video a file is
    /// or will be. The statics are sums over the rows, and the quota that was given to this account alone.
    pub struct StoredFile in conditional "stored_files" {
        partition { owner_id: UserId }
        clustering { state: FileState, Ascending; video_id: VideoId, Ascending; }
        columns { upload_id: UploadId, bytes: i64 }
        statics StoredTotals { used_bytes: i64, open_uploads: i64, quota_bytes: Option<i64> }
    }
}

record! {
    /// The pieces of an upload that gathers in an object store, each under where it begins in the file; `object` is its
    /// key. The statics say whose word counts: `fence` is that of the last request that took the upload, and what is
    /// written with a lesser one is refused. The pieces up to `reach_bytes` are what has arrived; what lies beyond is
    /// left from before the upload was begun anew. `ending`: it is on its way to where it belongs.
    pub struct UploadPiece in conditional "upload_pieces" {
        partition { upload_id: UploadId }
        clustering { start: i64, Ascending; }
        columns { bytes: i64, object: String }
        statics UploadStand { fence: i64, reach_bytes: i64, pieces: i64, ending: bool }
    }
}

record! {
    /// Uploads that gather in an object store, so that what nobody goes on with is found. 16 shards by hash of the upload.
    pub struct GatheringUpload in "gathering_uploads" {
        partition { shard: i64 }
        clustering { upload_id: UploadId, Ascending; }
        columns {}
    }
}
