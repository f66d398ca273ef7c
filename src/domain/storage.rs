//! What an account's files are counted as, and how much an account may keep.

use std::{fmt, str::FromStr};

use super::access::{Role, Roles, UnknownName, names};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileState {
    /// An upload under way.
    Open,
    /// All of a piece of a larger file, which waits for the others.
    Part,
    /// The source of a video.
    Stored,
}

names!(FileState { Open = "open", Part = "part", Stored = "stored" });

/// Bytes the files of an account may have together; 0: as many as there is space for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quotas {
    pub viewer_bytes: u64,
    pub creator_bytes: u64,
    pub moderator_bytes: u64,
    pub admin_bytes: u64,
}

impl Quotas {
    /// What the highest of these roles may; `None` without a bound.
    pub fn of(&self, roles: &Roles) -> Option<u64> {
        let bytes = match roles.iter().max().unwrap_or(Role::Viewer) {
            Role::Viewer => self.viewer_bytes,
            Role::Creator => self.creator_bytes,
            Role::Moderator => self.moderator_bytes,
            Role::Admin => self.admin_bytes,
        };
        (bytes > 0).then_some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_role_decides_and_nothing_is_no_bound() {
        let quotas = Quotas { viewer_bytes: 1, creator_bytes: 2, moderator_bytes: 3, admin_bytes: 0 };
        let of = |roles: &[Role]| quotas.of(&roles.iter().copied().collect());
        assert_eq!(of(&[]), Some(1));
        assert_eq!(of(&[Role::Viewer, Role::Creator]), Some(2));
        assert_eq!(of(&[Role::Admin, Role::Creator]), None);
    }
}
