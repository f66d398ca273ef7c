//! Problems (RFC 9457) and the one table of their codes. A code is stable: programs may rely on it.

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal, $status:literal, $title:literal;)+) => {
        /// What went wrong, as programs see it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Code {
            pub const ALL: &'static [Code] = &[$(Code::$variant),+];

            pub fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $code),+ }
            }

            /// The HTTP status a problem of this code is sent with.
            pub fn status(self) -> u16 {
                match self { $(Code::$variant => $status),+ }
            }

            pub fn title(self) -> &'static str {
                match self { $(Code::$variant => $title),+ }
            }

            /// What the code means and what to do about it.
            pub fn about(self) -> &'static str {
                match self { $(Code::$variant => concat!($($doc),+)),+ }
            }
        }
    };
}

codes! {
    /// The request is not well-formed: bad JSON, a bad header, a bad query.
    Malformed = "malformed", 400, "The request is malformed";
    /// There is no access token, or it is not valid. Sign in or refresh.
    Unauthenticated = "unauthenticated", 401, "A valid access token is needed";
    /// The user name or the password is wrong.
    WrongCredentials = "wrong_credentials", 401, "User name or password is wrong";
    /// The refresh token is unknown, used or ended. Sign in again.
    RefreshRefused = "refresh_refused", 401, "The refresh token is not valid any more";
    /// The token does not allow this.
    Forbidden = "forbidden", 403, "This is not allowed";
    /// It is not there, or not yours to know.
    NotFound = "not_found", 404, "Nothing is here";
    /// This path does not take this method; `Allow` names those it takes.
    MethodNotAllowed = "method_not_allowed", 405, "The method is not allowed here";
    /// Nothing of the video can be played yet. Ask again after `Retry-After`.
    NotPlayableYet = "not_playable_yet", 409, "The video cannot be played yet";
    /// The user name is taken.
    UsernameTaken = "username_taken", 409, "The user name is taken";
    /// The e-mail address is taken.
    EmailTaken = "email_taken", 409, "The e-mail address is taken";
    /// The handle is taken by another channel.
    HandleTaken = "handle_taken", 409, "The handle is taken";
    /// The state of the thing does not allow this now.
    Conflict = "conflict", 409, "This conflicts with the present state";
    /// `Upload-Offset` is not the upload's offset. Ask for it with HEAD and go on from there.
    OffsetMismatch = "offset_mismatch", 409, "The offset is not where the upload stands";
    /// The upload was finished or terminated, and is gone.
    Gone = "gone", 410, "This is gone";
    /// `Tus-Resumable` names a version that is not spoken here; `Tus-Version` names those that are.
    TusVersion = "tus_version", 412, "This version of tus is not spoken here";
    /// The body or the declared length is larger than allowed.
    TooLarge = "too_large", 413, "Too large";
    /// The account's files may not have so many bytes together. Delete some, or ask for a larger quota.
    OverQuota = "over_quota", 413, "The account's quota is used up";
    /// The content type is not the one this call takes.
    UnsupportedMediaType = "unsupported_media_type", 415, "The content type is not supported here";
    /// The range lies outside of the content.
    RangeNotSatisfiable = "range_not_satisfiable", 416, "The range cannot be served";
    /// Fields are missing or invalid; `errors` names each.
    Invalid = "invalid", 422, "The input is invalid";
    /// This is a WebSocket: ask for an upgrade, version 13, over HTTP/1.1.
    UpgradeRequired = "upgrade_required", 426, "An upgrade to WebSocket is needed";
    /// Another request writes this upload right now. Try again.
    Locked = "locked", 423, "Another request writes this upload";
    /// The bytes are not those that `Upload-Checksum` was made of. None of them was kept; send them again.
    ChecksumMismatch = "checksum_mismatch", 460, "The checksum does not match";
    /// A moderator has silenced you in this room. Wait for `retry_after_ms`.
    TimedOut = "timed_out", 403, "You are silenced here for a while";
    /// The poll is closed and takes no votes.
    PollClosed = "poll_closed", 409, "The poll is closed";
    /// The room is in slow mode and you have just spoken. Wait for `retry_after_ms`.
    SlowMode = "slow_mode", 429, "The room is in slow mode";
    /// Too many requests. Wait for `Retry-After`.
    TooMany = "too_many", 429, "Too many requests";
    /// The failure is ours. Give us the `request_id`.
    Internal = "internal", 500, "Something failed on our side";
    /// A back end is away or the server is full. Try again after `Retry-After`.
    Unavailable = "unavailable", 503, "Not available right now";
    /// The bytes come too slowly to be waited for. What came is kept; ask for the offset and go on from there.
    TooSlow = "too_slow", 503, "The bytes come too slowly";
    /// There is no space left for the bytes. What arrived is kept; try again later.
    NoSpace = "no_space", 507, "No space is left";
    /// Realtime only: the frame's `op` is not known.
    UnknownOp = "unknown_op", 400, "The operation is not known";
    /// Realtime only: join the room first.
    NotJoined = "not_joined", 409, "The room has not been joined";
    /// Realtime only: the session is in as many rooms as it may.
    TooManyRooms = "too_many_rooms", 429, "Too many rooms";
}

impl serde::Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// `application/problem+json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// A relative reference to the description of the code.
    pub r#type: String,
    pub title: String,
    pub status: u16,
    /// What is wrong here and what to do about it.
    pub detail: String,
    /// Stable; see `Code`.
    pub code: String,
    pub request_id: String,
    /// When it may be done, where that is known; `Retry-After` says it in whole seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldError {
    pub field: String,
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_unique_and_has_an_error_status() {
        let mut seen = std::collections::HashSet::new();
        for code in Code::ALL {
            assert!(seen.insert(code.as_str()), "{} stands twice", code.as_str());
            assert!((400..600).contains(&code.status()));
            assert!(!code.about().trim().is_empty());
        }
    }
}
