//! Accounts, the names they hold, and their logins.

use crate::{
    domain::{
        access::Roles,
        clock::Timestamp,
        ids::{ChannelId, FamilyId, UserId},
    },
    record, text_cell,
};

text_cell!(Roles);

record! {
    /// An account.
    pub struct Account in "accounts" {
        partition { user_id: UserId }
        clustering {}
        columns {
            username: String,
            email: String,
            display_name: String,
            password_hash: String,
            roles: Roles,
            channel_id: ChannelId,
            created_at: Timestamp,
        }
    }
}

record! {
    /// Who holds a user name. Claimed before the account is written; a claim without an account may be taken over.
    pub struct UsernameClaim in "username_claims" {
        partition { username: String }
        clustering {}
        columns { user_id: UserId, claimed_at: Timestamp }
    }
}

record! {
    /// Who holds an e-mail address, as `username_claims`.
    pub struct EmailClaim in "email_claims" {
        partition { email: String }
        clustering {}
        columns { user_id: UserId, claimed_at: Timestamp }
    }
}

record! {
    /// One login: a chain of refresh tokens of which only the newest is good.
    pub struct RefreshFamily in "refresh_families" {
        partition { family_id: FamilyId }
        clustering {}
        columns {
            user_id: UserId,
            generation: i64,
            token_hash: Vec<u8>,
            previous_hash: Option<Vec<u8>>,
            rotated_at: Timestamp,
            expires_at: Timestamp,
            ended: bool,
        }
    }
}
