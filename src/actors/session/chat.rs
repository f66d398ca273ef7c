//! The operations of the talk in a room: read from the wire, held to the limits of the account, asked of the room.

use std::time::Duration;

use playhouse_protocol::{
    realtime::{Done, Op, Polled, Posted},
    rest,
};
use serde::Serialize;

use super::{
    RetryAfter, SessionContext,
    state::{Denied, invalid, refusal},
};
use crate::{
    actors::room::{CommentsOf, NewPoll, RoomError},
    domain::{
        account::Identity,
        emoji::Emoji,
        ids::{CommentId, PollId, UserId, VideoId},
    },
};

/// What is to be done in a room, its ids and words read.
#[derive(Debug, Clone, PartialEq)]
pub enum Talk {
    Edit { comment: CommentId, text: String },
    Remove { comment: CommentId },
    Burst { emoji: Emoji },
    Pin { comment: Option<CommentId> },
    SlowMode { pause: Duration },
    TimeOut { user: UserId, duration: Duration, comments: CommentsOf },
    OpenPoll { question: String, options: Vec<String>, key: Option<String> },
    ClosePoll { poll: PollId },
    Vote { poll: PollId, option: u32 },
}

/// What `ok` holds.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    Done(Done),
    Posted(Box<Posted>),
    Chat(Box<rest::Chat>),
    TimedOut(rest::TimedOut),
    Polled(Polled),
}

/// The room an operation names, and what it wants there.
pub fn talk(op: Op) -> Result<(String, Talk), Denied> {
    let comment = |id: String| id.parse::<CommentId>().map_err(|_| not_found());
    let poll = |id: String| id.parse::<PollId>().map_err(|_| not_found());
    Ok(match op {
        Op::Edit { room, comment_id, text } => (room, Talk::Edit { comment: comment(comment_id)?, text }),
        Op::Remove { room, comment_id } => (room, Talk::Remove { comment: comment(comment_id)? }),
        Op::Burst { room, emoji } => {
            let emoji = emoji.parse().map_err(|error| invalid(&format!("emoji {error}")))?;
            (room, Talk::Burst { emoji })
        }
        Op::Pin { room, comment_id } => (room, Talk::Pin { comment: comment_id.map(comment).transpose()? }),
        Op::SlowMode { room, slow_mode_s } => {
            (room, Talk::SlowMode { pause: Duration::from_secs(slow_mode_s) })
        }
        Op::TimeOut { room, user_id, duration_s, remove_comments } => {
            let user = user_id.parse().map_err(|_| not_found())?;
            let comments = if remove_comments { CommentsOf::Go } else { CommentsOf::Stay };
            (room, Talk::TimeOut { user, duration: Duration::from_secs(duration_s), comments })
        }
        Op::OpenPoll { room, question, options, key } => (room, Talk::OpenPoll { question, options, key }),
        Op::ClosePoll { room, poll_id } => (room, Talk::ClosePoll { poll: poll(poll_id)? }),
        Op::Vote { room, poll_id, option } => (room, Talk::Vote { poll: poll(poll_id)?, option }),
        Op::Join { .. }
        | Op::Leave { .. }
        | Op::Comment { .. }
        | Op::React { .. }
        | Op::Watch { .. }
        | Op::Auth { .. }
        | Op::Ping => unreachable!("the session decides these itself"),
    })
}

fn not_found() -> Denied {
    Denied::Refuse(refusal(&RoomError::NotFound))
}

/// Asks the room. What is wrong in it with an id is told apart from a room that is closed to the session.
pub async fn perform(
    context: &SessionContext,
    video: &VideoId,
    who: Identity,
    talk: Talk,
) -> Result<Answer, RoomError> {
    allow(context, &who.user_id, &talk).await?;
    let room = context.rooms.of(video);
    Ok(match talk {
        Talk::Edit { comment, text } => Answer::Posted(Box::new(room.edit(&comment, who, &text).await?)),
        Talk::Remove { comment } => {
            room.remove(&comment, who).await?;
            Answer::Done(Done {})
        }
        Talk::Burst { emoji } => {
            room.burst(who, emoji).await?;
            Answer::Done(Done {})
        }
        Talk::Pin { comment } => Answer::Chat(Box::new(room.pin(&who, comment.as_ref()).await?)),
        Talk::SlowMode { pause } => Answer::Chat(Box::new(room.set_slow_mode(&who, pause).await?)),
        Talk::TimeOut { user, duration, comments } => {
            Answer::TimedOut(room.time_out(&who, &user, duration, comments).await?)
        }
        Talk::OpenPoll { question, options, key } => {
            let poll = room.open_poll(&who, NewPoll { question, options, key }).await?;
            Answer::Polled(Polled { poll })
        }
        Talk::ClosePoll { poll } => Answer::Polled(Polled { poll: room.close_poll(&who, &poll).await? }),
        Talk::Vote { poll, option } => Answer::Polled(Polled { poll: room.vote(who, &poll, option).await? }),
    })
}

async fn allow(context: &SessionContext, user: &UserId, talk: &Talk) -> Result<(), RoomError> {
    let limits = &context.user_limits;
    let allowed = match talk {
        Talk::Edit { .. } => limits.comment(user).await,
        Talk::Burst { .. } => limits.burst(user).await,
        _ => limits.react(user).await,
    };
    allowed.map_err(|RetryAfter(pause)| RoomError::TooOften {
        retry_after_ms: u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
    })
}
