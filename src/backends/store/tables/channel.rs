//! Channels.

use crate::{
    domain::{
        clock::Timestamp,
        encryption::Encryption,
        ids::{ChannelId, UserId},
    },
    record,
};

record! {
    /// What an account publishes under. `encryption` is what its videos begin with. Who `pays` waits for
    /// no worker behind those who do not; absent is no.
    pub struct Channel in conditional "channels" {
        partition { channel_id: ChannelId }
        clustering {}
        columns {
            owner_id: UserId,
            handle: String,
            title: String,
            description: String,
            avatar_color: String,
            encryption: Encryption,
            pays: Option<bool>,
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
