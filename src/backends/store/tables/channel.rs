//! Channels.

use crate::{
    domain::{
        clock::Timestamp,
        ids::{ChannelId, UserId},
    },
    record,
};

record! {
    /// What an account publishes under.
    pub struct Channel in "channels" {
        partition { channel_id: ChannelId }
        clustering {}
        columns {
            owner_id: UserId,
            handle: String,
            title: String,
            description: String,
            avatar_color: String,
            created_at: Timestamp,
        }
    }
}

record! {
    /// Who moderates the talk about a channel's videos besides its owner: at most 100.
    pub struct Moderator in "channel_moderators" {
        partition { channel_id: ChannelId }
        clustering { user_id: UserId, Ascending; }
        columns { username: String, display_name: String, appointed_at: Timestamp }
    }
}
