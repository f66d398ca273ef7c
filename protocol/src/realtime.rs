//! Frames of `GET /api/v1/ws`, the same objects in JSON and MessagePack (as maps). `docs/realtime.md` tells
//! how they follow one another.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    problem::Code,
    rest::{Chat, Comment, Poll, ReactionKind, ReactionTotals, User},
};

pub const SUBPROTOCOL_JSON: &str = "playhouse.v1.json";
pub const SUBPROTOCOL_MSGPACK: &str = "playhouse.v1.msgpack";

/// Why the server closes a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CloseCode {
    GoingAway = 4000,
    SlowReader = 4001,
    MalformedFrame = 4002,
    NotAllowed = 4003,
    TooMany = 4004,
    TokenEnded = 4005,
}

/// Enough of a client's frame to answer it, whatever else is wrong with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    pub id: u64,
    pub op: String,
}

/// What a client says. Every answer repeats `id` as `re`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    pub id: u64,
    #[serde(flatten)]
    pub op: Op,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Op {
    Join {
        room: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<Position>,
        #[serde(default, skip_serializing_if = "Rate::is_all")]
        rate: Rate,
    },
    Leave {
        room: String,
    },
    Comment {
        room: String,
        text: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at_ms: Option<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent_id: Option<String>,
        /// Idempotency: the same key of the same user is the same comment.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
    },
    React {
        room: String,
        reaction: ReactionKind,
    },
    Watch {
        room: String,
        playback_id: String,
        position_ms: u64,
        watched_ms: u64,
        state: PlayState,
    },
    /// New words for a comment of one's own.
    Edit {
        room: String,
        comment_id: String,
        text: String,
    },
    /// Removes a comment: one's own, or any as a moderator.
    Remove {
        room: String,
        comment_id: String,
    },
    /// Emoji thrown into the room. Loss is allowed.
    Burst {
        room: String,
        emoji: String,
    },
    /// Pins a comment for all to see; without one nothing is pinned any more. Moderators only, as all below but `vote`.
    Pin {
        room: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment_id: Option<String>,
    },
    /// The pause between two comments of one account; 0 ends it.
    SlowMode {
        room: String,
        slow_mode_s: u64,
    },
    /// Silences someone in this room; 0 lets them speak again.
    TimeOut {
        room: String,
        user_id: String,
        duration_s: u64,
        /// Also removes what they have said in this room.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        remove_comments: bool,
    },
    /// Puts a question to the room. One poll is open at a time.
    OpenPoll {
        room: String,
        question: String,
        options: Vec<String>,
        /// Idempotency, while the poll is open.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
    },
    ClosePoll {
        room: String,
        poll_id: String,
    },
    /// One vote an account; voting again changes it.
    Vote {
        room: String,
        poll_id: String,
        /// The place of the option in the poll, from 0.
        option: u32,
    },
    Auth {
        access_token: String,
    },
    Ping,
}

impl Op {
    /// Every `op` there is.
    pub const NAMES: &'static [&'static str] = &[
        "join",
        "leave",
        "comment",
        "react",
        "watch",
        "edit",
        "remove",
        "burst",
        "pin",
        "slow_mode",
        "time_out",
        "open_poll",
        "close_poll",
        "vote",
        "auth",
        "ping",
    ];

    /// Its word on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Op::Join { .. } => "join",
            Op::Leave { .. } => "leave",
            Op::Comment { .. } => "comment",
            Op::React { .. } => "react",
            Op::Watch { .. } => "watch",
            Op::Edit { .. } => "edit",
            Op::Remove { .. } => "remove",
            Op::Burst { .. } => "burst",
            Op::Pin { .. } => "pin",
            Op::SlowMode { .. } => "slow_mode",
            Op::TimeOut { .. } => "time_out",
            Op::OpenPoll { .. } => "open_poll",
            Op::ClosePoll { .. } => "close_poll",
            Op::Vote { .. } => "vote",
            Op::Auth { .. } => "auth",
            Op::Ping => "ping",
        }
    }
}

/// How much of a room's comments a socket wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rate {
    /// Each of them.
    #[default]
    All,
    /// A fair sample while they come faster than anybody reads; `left_out` says how many others there were.
    Top,
}

impl Rate {
    fn is_all(&self) -> bool {
        *self == Rate::All
    }
}

/// A place in a room's stream. An offset means nothing without its epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    pub epoch: String,
    pub offset: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlayState {
    Playing,
    Paused,
    Ended,
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply<T> {
    pub re: u64,
    #[serde(flatten)]
    pub outcome: Outcome<T>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome<T> {
    Ok(T),
    Problem(Refusal),
}

/// A problem, as short as a frame wants it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub code: String,
    pub detail: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl Refusal {
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code: code.as_str().into(), detail: detail.into(), retry_after_ms: None }
    }
}

/// What `ok` holds where there is nothing to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Done {}

/// `ok` of a `join`: the room as it is now. After a successful resume `recovered` is true and `comments` and
/// `removed` hold exactly what was missed; otherwise `comments` are the latest, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    pub room: String,
    pub epoch: String,
    pub offset: u64,
    pub recovered: bool,
    pub counts: Counts,
    pub comments: Vec<Comment>,
    /// Ids of comments that were removed in what was missed. They may be unknown to the client.
    pub removed: Vec<String>,
    /// Comments that were edited in what was missed and came before it, as they are now.
    #[serde(default)]
    pub edited: Vec<Comment>,
    /// How the room is talked in.
    #[serde(default)]
    pub chat: Chat,
    pub limits: Limits,
}

/// What a client may do; over it, it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    pub frame_bytes_max: u64,
    pub comment_len_max: u64,
    pub rooms_max: u64,
    pub comments_per_minute: u64,
}

/// `ok` of a `comment` and of an `edit`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Posted {
    pub comment: Comment,
    pub offset: u64,
}

/// `ok` of a `watch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watched {
    /// Whether this playing has counted as a view.
    pub counted: bool,
}

/// `ok` of `open_poll`, `close_poll` and `vote`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Polled {
    pub poll: Poll,
}

/// `ok` of an `auth`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Authenticated {
    pub user: User,
}

/// `ok` of a `react`.
pub type Reacted = ReactionTotals;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    pub views: u64,
    pub likes: u64,
    pub dislikes: u64,
    pub comments: u64,
    pub viewers: u64,
}

/// What the server says by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ev", rename_all = "snake_case")]
pub enum Event {
    /// `offset` is that of the last item; items follow one another without gaps.
    Comments {
        room: String,
        offset: u64,
        items: Vec<Comment>,
        /// With `"rate": "top"`: how many were not sent that came with or before the last of these.
        #[serde(default, skip_serializing_if = "is_zero")]
        left_out: u64,
    },
    /// Latest state, at most once a second.
    Counts {
        room: String,
        #[serde(flatten)]
        counts: Counts,
    },
    Removed {
        room: String,
        offset: u64,
        ids: Vec<String>,
    },
    Edited {
        room: String,
        offset: u64,
        items: Vec<Comment>,
    },
    /// Latest state: the rules of the room, whenever they change.
    Chat {
        room: String,
        slow_mode_s: u64,
        pinned: Option<Box<Comment>>,
    },
    /// Latest state, at most once a second: the poll that is open, or the one that was just closed.
    Poll {
        room: String,
        poll: Box<Poll>,
    },
    /// How often each emoji was thrown since the last of these. What a slow reader misses is lost.
    Bursts {
        room: String,
        counts: BTreeMap<String, u64>,
    },
    Notice {
        kind: String,
        data: serde_json::Value,
    },
    Bye {
        code: u16,
        detail: String,
        reconnect_after_ms: u64,
    },
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_reads_as_the_interface_writes_it() {
        let text = r#"{"id":1,"op":"join","room":"v","since":{"epoch":"e","offset":42}}"#;
        let request: Request = serde_json::from_str(text).unwrap();
        let since = Some(Position { epoch: "e".into(), offset: 42 });
        assert_eq!(request, Request { id: 1, op: Op::Join { room: "v".into(), since, rate: Rate::All } });
        let ping: Request = serde_json::from_str(r#"{"id":2,"op":"ping"}"#).unwrap();
        assert_eq!(ping.op, Op::Ping);
    }

    #[test]
    fn every_operation_has_the_name_it_reads_from() {
        for name in Op::NAMES {
            let text = format!(
                r#"{{"op":"{name}","room":"v","text":"x","reaction":"like","playback_id":"p","position_ms":1,
                "watched_ms":1,"state":"paused","comment_id":"v-1","emoji":"x","slow_mode_s":1,"user_id":"u",
                "duration_s":1,"question":"q","options":[],"poll_id":"p","option":0,"access_token":"t"}}"#
            );
            assert_eq!(serde_json::from_str::<Op>(&text).unwrap().name(), *name);
        }
    }

    #[test]
    fn replies_and_events_read_as_the_interface_writes_them() {
        let ok = Reply { re: 7, outcome: Outcome::Ok(Watched { counted: true }) };
        assert_eq!(serde_json::to_string(&ok).unwrap(), r#"{"re":7,"ok":{"counted":true}}"#);
        let refusal = Refusal::new(Code::TooMany, "wait");
        let refused = Reply::<Done> { re: 8, outcome: Outcome::Problem(refusal) };
        let text = r#"{"re":8,"problem":{"code":"too_many","detail":"wait"}}"#;
        assert_eq!(serde_json::to_string(&refused).unwrap(), text);
        let counts = Event::Counts { room: "v".into(), counts: Counts { views: 1, ..Counts::default() } };
        let text = r#"{"ev":"counts","room":"v","views":1,"likes":0,"dislikes":0,"comments":0,"viewers":0}"#;
        assert_eq!(serde_json::to_string(&counts).unwrap(), text);
    }
}
