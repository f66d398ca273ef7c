//! Who may see and do what. Every check of a role or a visibility is written here and nowhere else.

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{account::Identity, ids::UserId};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Viewer,
    Creator,
    Moderator,
    Admin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such name")]
pub struct UnknownName;

macro_rules! names {
    ($type:ident { $($variant:ident = $name:literal),+ $(,)? }) => {
        impl $type {
            pub const NAMES: &'static [&'static str] = &[$($name),+];

            pub fn as_str(self) -> &'static str {
                match self { $($type::$variant => $name),+ }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $type {
            type Err = UnknownName;
            fn from_str(text: &str) -> Result<Self, UnknownName> {
                match text { $($name => Ok($type::$variant),)+ _ => Err(UnknownName) }
            }
        }
    };
}
pub(super) use names;

names!(Role { Viewer = "viewer", Creator = "creator", Moderator = "moderator", Admin = "admin" });

/// The roles of an account, kept as `viewer,creator`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Roles(BTreeSet<Role>);

impl Roles {
    /// What a new account has: it may watch, talk and publish.
    pub fn of_new_account() -> Self {
        [Role::Viewer, Role::Creator].into_iter().collect()
    }

    pub fn has(&self, role: Role) -> bool {
        self.0.contains(&role)
    }

    pub fn add(&mut self, role: Role) {
        self.0.insert(role);
    }

    pub fn iter(&self) -> impl Iterator<Item = Role> {
        self.0.iter().copied()
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        Self(roles.into_iter().collect())
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(Role::as_str).collect();
        f.write_str(&names.join(","))
    }
}

impl FromStr for Roles {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        text.split(',').filter(|name| !name.is_empty()).map(Role::from_str).collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Listed and open to all.
    Public,
    /// Open to whoever knows the id.
    Unlisted,
    /// Its owner's alone: to all others it does not exist.
    Private,
}

names!(Visibility { Public = "public", Unlisted = "unlisted", Private = "private" });

/// Whether someone (`None`: anonymous) may know that a video of this owner exists.
pub fn may_see(visibility: Visibility, owner: &UserId, who: Option<&Identity>) -> bool {
    visibility != Visibility::Private || who.is_some_and(|who| who.user_id == *owner)
}

/// Whether someone may change or delete a video of this owner.
pub fn may_edit(owner: &UserId, who: &Identity) -> bool {
    who.user_id == *owner
}

/// Whether someone may change captions and the like of a video of this owner.
pub fn may_describe(owner: &UserId, who: &Identity) -> bool {
    may_edit(owner, who) || is_moderator(who)
}

/// What someone is in the talk about a video, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    Viewer,
    /// A moderator whom the channel has appointed.
    Appointed,
    /// The owner of the video; moderators and administrators of the house.
    Chief,
}

/// What someone is without being appointed.
pub fn standing(owner: &UserId, who: &Identity) -> Standing {
    match who.user_id == *owner || is_moderator(who) {
        true => Standing::Chief,
        false => Standing::Viewer,
    }
}

/// What the roles of an account alone make it.
pub fn standing_of_roles(roles: &Roles) -> Standing {
    match roles.has(Role::Moderator) || roles.has(Role::Admin) {
        true => Standing::Chief,
        false => Standing::Viewer,
    }
}

/// Whether someone may pin, slow down, ask and silence.
pub fn may_moderate(standing: Standing) -> bool {
    standing >= Standing::Appointed
}

/// Whether someone may silence someone else. Nobody silences their equals.
pub fn may_silence(standing: Standing, target: Standing) -> bool {
    may_moderate(standing) && standing > target
}

/// Whether someone may remove a comment: its author, and whoever moderates.
pub fn may_remove_comment(author: &UserId, who: &UserId, standing: Standing) -> bool {
    who == author || may_moderate(standing)
}

/// Whether someone may appoint moderators for a channel: its owner, and administrators.
pub fn may_appoint(channel_owner: &UserId, who: &Identity) -> bool {
    who.user_id == *channel_owner || is_admin(who)
}

pub fn is_moderator(who: &Identity) -> bool {
    standing_of_roles(&who.roles) == Standing::Chief
}

pub fn is_admin(who: &Identity) -> bool {
    who.roles.has(Role::Admin)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{clock::Timestamp, ids::ChannelId};

    fn identity(roles: &str) -> Identity {
        Identity {
            user_id: UserId::new(Timestamp(1)),
            channel_id: ChannelId::new(Timestamp(1)),
            username: "ada".into(),
            display_name: "Ada".into(),
            roles: roles.parse().unwrap(),
            expires_at: Timestamp(i64::MAX),
        }
    }

    #[test]
    fn a_private_video_exists_for_its_owner_alone() {
        let (owner, admin) = (identity("creator"), identity("admin,moderator"));
        assert!(may_see(Visibility::Private, &owner.user_id, Some(&owner)));
        for other in [None, Some(&admin)] {
            assert!(!may_see(Visibility::Private, &owner.user_id, other));
            assert!(may_see(Visibility::Unlisted, &owner.user_id, other));
        }
    }

    #[test]
    fn a_comment_goes_by_its_author_the_owner_or_a_moderator() {
        let (author, owner, other) = (identity("viewer"), identity("creator"), identity("viewer"));
        let may =
            |who: &Identity| may_remove_comment(&author.user_id, &who.user_id, standing(&owner.user_id, who));
        assert!(may(&author) && may(&owner) && may(&identity("moderator")) && may(&identity("admin")));
        assert!(!may(&other));
        assert!(may_remove_comment(&author.user_id, &other.user_id, Standing::Appointed));
    }

    #[test]
    fn moderators_silence_those_below_them_and_never_their_equals() {
        use Standing::{Appointed, Chief, Viewer};
        for (standing, target, may) in [
            (Viewer, Viewer, false),
            (Appointed, Viewer, true),
            (Appointed, Appointed, false),
            (Appointed, Chief, false),
            (Chief, Viewer, true),
            (Chief, Appointed, true),
            (Chief, Chief, false),
        ] {
            assert_eq!(may_silence(standing, target), may, "{standing:?} {target:?}");
        }
    }

    #[test]
    fn roles_survive_their_text_form() {
        let roles: Roles = "viewer,admin".parse().unwrap();
        assert_eq!(roles.to_string(), "viewer,admin");
        assert_eq!("boss".parse::<Roles>(), Err(UnknownName));
    }
}
