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
