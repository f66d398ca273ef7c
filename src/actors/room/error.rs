//! Why a room does not do what it was asked to.

use playhouse_protocol::problem::Code;

use crate::{actors::directory::Refused, domain::text::Invalid};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoomError {
    /// The video or the comment is not there, or not theirs to know.
    #[error("nothing is here")]
    NotFound,
    #[error("only its author may change a comment; its author, the video's owner and moderators may do this")]
    Forbidden,
    /// They have just spoken.
    #[error("the room is in slow mode, wait for `retry_after_ms`")]
    SlowMode { retry_after_ms: u64 },
    /// A moderator has silenced them.
    #[error("a moderator has silenced you here, wait for `retry_after_ms`")]
    TimedOut { retry_after_ms: u64 },
    /// More often than one account may.
    #[error("that is too often, wait for `retry_after_ms`")]
    TooOften { retry_after_ms: u64 },
    #[error("the poll is closed")]
    PollClosed,
    #[error("{0}")]
    Conflict(&'static str),
    #[error("{field} {detail}")]
    Invalid { field: &'static str, detail: &'static str },
    /// Nothing was done.
    #[error("too much is waiting already, try again shortly")]
    Busy,
    /// The room has as many seats as it may.
    #[error("the room is full")]
    Full,
    /// It is not known whether it was done; asking again is safe (with a key, for a comment).
    #[error("not available right now: {0}")]
    Unavailable(String),
}

impl RoomError {
    pub fn invalid(field: &'static str, detail: &'static str) -> Self {
        Self::Invalid { field, detail }
    }

    pub fn of_field(field: &'static str, Invalid(detail): Invalid) -> Self {
        Self::Invalid { field, detail }
    }

    pub fn code(&self) -> Code {
        match self {
            RoomError::NotFound => Code::NotFound,
            RoomError::Forbidden => Code::Forbidden,
            RoomError::Invalid { .. } => Code::Invalid,
            RoomError::SlowMode { .. } => Code::SlowMode,
            RoomError::TimedOut { .. } => Code::TimedOut,
            RoomError::PollClosed => Code::PollClosed,
            RoomError::Conflict(_) => Code::Conflict,
            RoomError::Busy | RoomError::TooOften { .. } => Code::TooMany,
            RoomError::Full | RoomError::Unavailable(_) => Code::Unavailable,
        }
    }

    /// When it may be tried again, where that is known.
    pub fn retry_after_ms(&self) -> Option<u64> {
        match self {
            RoomError::SlowMode { retry_after_ms }
            | RoomError::TimedOut { retry_after_ms }
            | RoomError::TooOften { retry_after_ms } => Some((*retry_after_ms).max(1)),
            RoomError::Busy | RoomError::Full | RoomError::Unavailable(_) => Some(1_000),
            _ => None,
        }
    }
}

impl From<Refused> for RoomError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Busy => RoomError::Busy,
            Refused::Absent => RoomError::NotFound,
            Refused::Unavailable(detail) => RoomError::Unavailable(detail),
        }
    }
}
