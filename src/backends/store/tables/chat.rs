//! How a room is talked in: its rules, who is silenced, who spoke when, its polls. Rooms of the
//! video are the only writers; the votes are a tally.

use serde::{Deserialize, Serialize};

use crate::{
    blob_cell,
    domain::{
        clock::Timestamp,
        ids::{CommentId, PollId, UserId, VideoId},
    },
    record, text_cell,
};

text_cell!(PollId);
blob_cell!(PollOptions);

record! {
    /// The rules of a room; without a row there are none. `pinned` and `poll` are hints: a removed comment is not
    /// pinned and a closed poll is not open, whatever stands here. `acts` counts what moderators have done, time-outs
    /// included: whoever knows of fewer has something to read.
    pub struct RoomChat in conditional "room_chat" {
        partition { video_id: VideoId }
        clustering {}
        columns { slow_mode_s: i64, pinned: Option<CommentId>, poll: Option<PollId>, acts: Option<i64> }
    }
}

record! {
    /// Who may not speak in a room until when. Rows expire.
    pub struct TimeOut in "room_time_outs" {
        partition { video_id: VideoId }
        clustering { user_id: UserId, Ascending; }
        columns { username: String, display_name: String, until: Timestamp, set_by: UserId }
    }
}

record! {
    /// When someone last spoke in a room with slow mode. Rows expire with the pause they are to keep.
    pub struct Speaker in "room_speakers" {
        partition { video_id: VideoId, user_id: UserId }
        clustering {}
        columns { spoke_at: Timestamp }
    }
}

/// What a poll lets one choose from, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PollOptions(pub Vec<String>);

record! {
    /// A question put to a room, newest first. It is open while `room_chat` names it and it is not closed. Votes are
    /// the tally of kind `poll`.
    pub struct Poll in "room_polls" {
        partition { video_id: VideoId }
        clustering { poll_id: PollId, Descending; }
        columns {
            question: String,
            options: PollOptions,
            author_id: UserId,
            key: Option<String>,
            created_at: Timestamp,
            closed_at: Option<Timestamp>,
        }
    }
}
