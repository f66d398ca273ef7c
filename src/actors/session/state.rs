//! What a session knows and decides: who speaks, in which rooms they sit, and what a request comes to.

use std::time::Duration;

use playhouse_protocol::{
    problem::Code,
    realtime::{CloseCode, Op, PlayState, Position, Rate, Refusal},
    rest::ReactionKind,
};

use super::chat::{self, Talk};
use crate::{
    actors::{room::RoomError, seat::Close},
    domain::{
        account::Identity,
        clock::Timestamp,
        ids::{CommentId, PlaybackId, VideoId},
        reaction::Reaction,
    },
};

#[derive(Debug)]
pub struct State {
    identity: Option<Box<Identity>>,
    rooms: Vec<VideoId>,
    rooms_max: usize,
}

/// What is to be done for a request that may be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    Join {
        video: VideoId,
        since: Option<Position>,
        rate: Rate,
    },
    Leave {
        video: VideoId,
    },
    Comment {
        who: Identity,
        video: VideoId,
        text: String,
        at_ms: Option<u64>,
        parent_id: Option<CommentId>,
        key: Option<String>,
    },
    React {
        who: Identity,
        video: VideoId,
        reaction: Option<Reaction>,
    },
    Watch {
        video: VideoId,
        playback_id: PlaybackId,
        watched_ms: u64,
    },
    Talk {
        who: Identity,
        video: VideoId,
        talk: Talk,
    },
    Authenticate {
        access_token: String,
    },
    Pong,
}

/// Why a request is not done.
#[derive(Debug, Clone, PartialEq)]
pub enum Denied {
    Refuse(Refusal),
    End(Close),
}

impl State {
    pub fn new(identity: Option<Identity>, rooms_max: usize) -> Self {
        Self { identity: identity.map(Box::new), rooms: Vec::new(), rooms_max }
    }

    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_deref()
    }

    /// Is in no room any more. Returns those it was in.
    pub fn leave_all(&mut self) -> Vec<VideoId> {
        std::mem::take(&mut self.rooms)
    }

    /// Speaks for someone else from now on. Returns who it spoke for.
    pub fn identify(&mut self, identity: Identity) -> Option<Identity> {
        self.identity.replace(Box::new(identity)).map(|before| *before)
    }

    pub fn on_joined(&mut self, video: VideoId) {
        if !self.rooms.contains(&video) {
            // One is what most have; growing by doubling would cost the others.
            self.rooms.reserve_exact(1);
            self.rooms.push(video);
        }
    }

    pub fn on_left(&mut self, video: &VideoId) {
        self.rooms.retain(|joined| joined != video);
    }

    /// The end of a session whose token is over.
    pub fn check_token(&self, now: Timestamp) -> Option<Close> {
        let over = self.identity().is_some_and(|who| who.expires_at <= now);
        over.then(|| {
            Close::new(CloseCode::TokenEnded, "the access token has ended, refresh it and come back")
        })
    }

    pub fn decide(&self, op: Op, now: Timestamp) -> Result<Step, Denied> {
        if let Some(close) = self.check_token(now).filter(|_| !matches!(op, Op::Auth { .. })) {
            return Err(Denied::End(close));
        }
        match op {
            Op::Ping => Ok(Step::Pong),
            Op::Auth { access_token } => Ok(Step::Authenticate { access_token }),
            Op::Join { room, since, rate } => self.join(&room, since, rate),
            Op::Leave { room } => Ok(Step::Leave { video: self.joined(&room)? }),
            Op::Comment { room, text, at_ms, parent_id, key } => {
                let (who, video) = (self.speaker()?, self.joined(&room)?);
                let parent_id = parent_id.map(|id| id.parse()).transpose();
                let parent_id = parent_id.map_err(|_| invalid("parent_id names no comment of this video"))?;
                Ok(Step::Comment { who, video, text, at_ms, parent_id, key })
            }
            Op::React { room, reaction } => {
                let (who, video) = (self.speaker()?, self.joined(&room)?);
                let reaction = match reaction {
                    ReactionKind::Like => Some(Reaction::Like),
                    ReactionKind::Dislike => Some(Reaction::Dislike),
                    ReactionKind::None => None,
                };
                Ok(Step::React { who, video, reaction })
            }
            Op::Watch { room, playback_id, watched_ms, state, position_ms: _ } => {
                // Whatever the player does now, what has been watched has been watched.
                let (PlayState::Playing | PlayState::Paused | PlayState::Ended) = state;
                let video = self.joined(&room)?;
                let playback_id = playback_id.parse();
                let playback_id = playback_id.map_err(|error| invalid(&format!("playback_id: {error}")))?;
                Ok(Step::Watch { video, playback_id, watched_ms })
            }
            other => {
                let (room, talk) = chat::talk(other)?;
                let (who, video) = (self.speaker()?, self.joined(&room)?);
                Ok(Step::Talk { who, video, talk })
            }
        }
    }

    fn join(&self, room: &str, since: Option<Position>, rate: Rate) -> Result<Step, Denied> {
        let not_found = || Denied::Refuse(refusal(&RoomError::NotFound));
        let video: VideoId = room.parse().map_err(|_| not_found())?;
        if self.rooms.len() >= self.rooms_max && !self.rooms.contains(&video) {
            let detail = format!("a session is in at most {} rooms; leave one first", self.rooms_max);
            return Err(Denied::Refuse(Refusal::new(Code::TooManyRooms, detail)));
        }
        Ok(Step::Join { video, since, rate })
    }

    fn joined(&self, room: &str) -> Result<VideoId, Denied> {
        let video = room.parse().ok().filter(|video| self.rooms.contains(video));
        video.ok_or_else(|| Denied::Refuse(Refusal::new(Code::NotJoined, "join the room first")))
    }

    fn speaker(&self) -> Result<Identity, Denied> {
        let unknown = || Denied::Refuse(Refusal::new(Code::Unauthenticated, "sign in with an `auth` first"));
        self.identity().cloned().ok_or_else(unknown)
    }
}

pub(super) fn invalid(detail: &str) -> Denied {
    Denied::Refuse(Refusal::new(Code::Invalid, detail))
}

/// What a room's error looks like to a client.
pub fn refusal(error: &RoomError) -> Refusal {
    let code = error.code();
    Refusal { retry_after_ms: error.retry_after_ms(), ..Refusal::new(code, error.to_string()) }
}

pub fn too_many(retry_after: Duration) -> Refusal {
    let retry_after_ms = u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX).max(1);
    let detail = "that is too often, wait for `retry_after_ms`";
    Refusal { retry_after_ms: Some(retry_after_ms), ..Refusal::new(Code::TooMany, detail) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        access::Roles,
        ids::{ChannelId, UserId},
    };

    fn ada() -> Identity {
        Identity {
            user_id: UserId::new(Timestamp(1)),
            channel_id: ChannelId::new(Timestamp(1)),
            username: "ada".into(),
            display_name: "Ada".into(),
            roles: Roles::of_new_account(),
            expires_at: Timestamp(1_000),
        }
    }

    fn op(json: &str) -> Op {
        serde_json::from_str(json).unwrap()
    }

    fn code(outcome: Result<Step, Denied>) -> String {
        match outcome {
            Ok(_) => "ok".into(),
            Err(Denied::Refuse(refusal)) => refusal.code,
            Err(Denied::End(close)) => format!("{}", close.code as u16),
        }
    }

    #[test]
    fn who_may_do_what() {
        let [a, b, c] = ["a", "b", "c"].map(|id| id.parse::<VideoId>().unwrap());
        let session = |identity| {
            let mut state = State::new(identity, 2);
            state.on_joined(a.clone());
            state.on_joined(b.clone());
            state
        };
        let (anonymous, known) = (session(None), session(Some(ada())));
        let comment = r#"{"op":"comment","room":"a","text":"x"}"#;
        let react = r#"{"op":"react","room":"a","reaction":"like"}"#;
        let watch =
            r#"{"op":"watch","room":"a","playback_id":"p","position_ms":1,"watched_ms":1,"state":"paused"}"#;
        for (request, of_anonymous, of_known) in [
            (r#"{"op":"ping"}"#, "ok", "ok"),
            (r#"{"op":"auth","access_token":"t"}"#, "ok", "ok"),
            (r#"{"op":"join","room":"a"}"#, "ok", "ok"),
            (r#"{"op":"join","room":"c"}"#, "too_many_rooms", "too_many_rooms"),
            (r#"{"op":"join","room":"no id"}"#, "not_found", "not_found"),
            (r#"{"op":"leave","room":"b"}"#, "ok", "ok"),
            (r#"{"op":"leave","room":"c"}"#, "not_joined", "not_joined"),
            (comment, "unauthenticated", "ok"),
            (&comment.replace("\"a\"", "\"c\""), "unauthenticated", "not_joined"),
            (&comment.replace("\"x\"", "\"x\",\"parent_id\":\"a.b\""), "unauthenticated", "invalid"),
            (react, "unauthenticated", "ok"),
            (watch, "ok", "ok"),
            (&watch.replace("\"p\"", "\"p/q\""), "invalid", "invalid"),
        ] {
            assert_eq!(code(anonymous.decide(op(request), Timestamp(0))), of_anonymous, "{request}");
            assert_eq!(code(known.decide(op(request), Timestamp(0))), of_known, "{request}");
        }
        let mut left = known;
        left.on_left(&b);
        assert_eq!(code(left.decide(op(r#"{"op":"join","room":"c"}"#), Timestamp(0))), "ok");
        assert_eq!(left.leave_all(), [a]);
        drop(c);
    }

    #[test]
    fn a_session_ends_with_its_token_unless_it_brings_another() {
        let mut state = State::new(Some(ada()), 2);
        assert_eq!(code(state.decide(Op::Ping, Timestamp(999))), "ok");
        assert_eq!(code(state.decide(Op::Ping, Timestamp(1_000))), "4005");
        let auth = Op::Auth { access_token: "t".into() };
        assert_eq!(code(state.decide(auth, Timestamp(1_000))), "ok");
        state.identify(Identity { expires_at: Timestamp(2_000), ..ada() });
        assert_eq!(code(state.decide(Op::Ping, Timestamp(1_000))), "ok");
        assert_eq!(State::new(None, 1).check_token(Timestamp(i64::MAX)), None);
    }
}
