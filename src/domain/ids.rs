//! Identifiers: opaque, unguessable, ordered by the time they were made, at most 64 URL-safe characters.
//! Every kind is its own type, so that one cannot be passed for another.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Builder;

use super::clock::Timestamp;

/// The most characters an id may have, in any kind.
pub const ID_LEN_MAX: usize = 64;

/// Lists of everything there is are cut into so many partitions.
pub const SHARDS: i64 = 16;

/// The partition an id is listed in; the same for ever.
pub fn shard_of(id: &str) -> i64 {
    let sum = id.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    i64::from(sum) % SHARDS
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id has 1 to {ID_LEN_MAX} characters out of a-z, A-Z, 0-9, `-` and `_`")]
pub struct InvalidId;

/// UUID version 7 (RFC 9562, 5.7) in 32 hexadecimal digits: text order is time order.
fn time_ordered(now: Timestamp) -> String {
    let millis = u64::try_from(now.0).unwrap_or(0);
    Builder::from_unix_timestamp_millis(millis, &rand::random()).into_uuid().simple().to_string()
}

fn parse(text: &str) -> Result<Box<str>, InvalidId> {
    let well_formed = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if text.is_empty() || text.len() > ID_LEN_MAX || !well_formed { Err(InvalidId) } else { Ok(text.into()) }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// A new id that nobody can guess.
            pub fn new(now: Timestamp) -> Self {
                Self(time_ordered(now).into())
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse(text).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// An account.
    UserId
);
id!(
    /// A channel: what an account publishes under.
    ChannelId
);
id!(
    /// A video, its room and its transcode job.
    VideoId
);
id!(
    /// A resumable upload.
    UploadId
);
id!(
    /// A family of refresh tokens: one login.
    FamilyId
);
id!(
    /// One playing of a video by one viewer.
    PlaybackId
);
id!(
    /// One socket's session.
    SessionId
);
id!(
    /// A question put to a room.
    PollId
);
id!(
    /// A comment. It carries its video and its place in the room's stream, so no index is needed to find it.
    CommentId
);

impl CommentId {
    /// The comment at `offset` of a video's stream.
    pub fn at(video: &VideoId, offset: u64) -> Self {
        Self(format!("{video}-{offset:x}").into())
    }

    /// The video and offset this id names; `None` when nobody can have been given such an id.
    pub fn location(&self) -> Option<(VideoId, u64)> {
        let (video, offset) = self.0.rsplit_once('-')?;
        Some((video.parse().ok()?, u64::from_str_radix(offset, 16).ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_the_time_they_were_made() {
        let ids: Vec<_> = (0..100).map(|ms| VideoId::new(Timestamp(1_700_000_000_000 + ms))).collect();
        assert!(ids.is_sorted());
    }

    #[test]
    fn what_is_not_url_safe_is_no_id() {
        for text in ["", "a/b", "a.b", "ä", "a b", &"x".repeat(65)] {
            assert_eq!(text.parse::<VideoId>(), Err(InvalidId), "{text}");
        }
    }

    #[test]
    fn a_comment_id_names_its_video_and_offset() {
        let video = VideoId::new(Timestamp(1_700_000_000_000));
        let id = CommentId::at(&video, 77_000);
        assert!(id.as_str().len() <= ID_LEN_MAX);
        assert_eq!(id.location(), Some((video, 77_000)));
        assert_eq!("nonsense".parse::<CommentId>().unwrap().location(), None);
    }
}
