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
    pub struct Account in conditional "accounts" {
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
    /// Who holds a name that only one may hold. Claimed before its holder is written; a claim without a holder
    /// may be taken over. `kind` is `username`, `email` or `handle`.
    pub struct NameClaim in conditional "name_claims" {
        partition { kind: String, name: String }
        clustering {}
        columns { holder: String, claimed_at: Timestamp }
    }
}

record! {
    /// One login: a chain of refresh tokens of which only the newest is good.
    pub struct RefreshFamily in conditional "refresh_families" {
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

record! {
    /// What the first start has done, so that no later one does it again.
    pub struct FirstStart in "first_start" {
        partition { what: String }
        clustering {}
        columns { at: Timestamp }
    }
}

record! {
    /// Every account, so that all can be walked through. 16 shards by hash of the id.
    pub struct ListedAccount in "listed_accounts" {
        partition { shard: i64 }
        clustering { user_id: UserId, Ascending; }
        columns { channel_id: ChannelId }
    }
}
