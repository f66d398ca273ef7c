//! The row of a video, where a test needs nothing else of it.

use playhouse::{
    backends::store::tables::video::Video,
    domain::{
        access::Visibility,
        clock::Timestamp,
        encryption::Encryption,
        ids::{ChannelId, UserId, VideoId},
        video::{Stage, Status},
    },
};

/// A public video that is ready.
pub fn ready_video(video_id: VideoId, owner_id: UserId, channel_id: ChannelId, at: Timestamp) -> Video {
    Video {
        video_id,
        channel_id,
        owner_id,
        title: "A video".into(),
        description: String::new(),
        tags: Default::default(),
        visibility: Visibility::Public,
        encryption: Encryption::None,
        status: Status::Ready,
        stage: Stage::Done,
        percent: 100,
        failure: None,
        duration_ms: Some(55_000),
        created_at: at,
        published_at: Some(at),
    }
}
