//! What callers may ask of the talk in a room. Who may do it is decided here, from the video's row, the roles in the
//! caller's token and the channel's moderators, before the room hears of it.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use playhouse_protocol::rest;
use tokio::time::timeout;

use super::{
    Act, Answer, Ask,
    moderation::{SLOW_MODE_MAX, TIME_OUT_MAX},
    polls::{option_of, tally_of, view},
};
use crate::{
    actors::room::{RoomHandle, actor::Message, error::RoomError, facts::Facts, history, plan::Command},
    backends::store::{
        Query, StoreError,
        tables::{
            account::Account,
            chat::{Poll, PollOptions, TimeOut},
        },
    },
    domain::{
        access::{self, Standing},
        account::{Author, Identity},
        clock::Timestamp,
        emoji::Emoji,
        ids::{CommentId, PollId, UserId},
        page::{Cursor, Page},
        poll,
    },
};

/// How long the removal of all that someone has said may take.
const SWEEP_MAX: Duration = Duration::from_secs(30);
const REMOVALS_AT_ONCE: usize = 32;
const KEY_LEN_MAX: usize = 128;

/// A question to be.
#[derive(Debug, Clone)]
pub struct NewPoll {
    pub question: String,
    pub options: Vec<String>,
    /// The same key of the same author is the same poll, while it is open.
    pub key: Option<String>,
}

/// What becomes of what a silenced person has said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommentsOf {
    Stay,
    Go,
}

impl RoomHandle {
    /// What someone is in this room; `NotFound` if the video is not theirs to know.
    pub async fn standing(&self, who: &Identity) -> Result<Standing, RoomError> {
        let facts = self.rooms.facts(&self.video).await?;
        let facts = facts.filter(|facts| facts.is_open_to(Some(who))).ok_or(RoomError::NotFound)?;
        match access::standing(&facts.owner, who) {
            Standing::Chief => Ok(Standing::Chief),
            _ => self.appointed(&facts, &who.user_id).await,
        }
    }

    /// The rules of the room and its open poll.
    pub async fn chat(&self) -> Result<rest::Chat, RoomError> {
        let ask = |reply| Message::Chat(Ask::Show(reply));
        if let Some(chat) = self.rooms.directory.call_if_resident(&self.video, ask).await? {
            return Ok(chat);
        }
        let context = &self.rooms.context;
        let stored = context.keeper(&self.video).load_chat(&context.tallies).await.map_err(unavailable)?;
        Ok(super::Chat::new(&self.video, stored).view())
    }

    /// Until when someone is silenced here.
    pub async fn timed_out_until(&self, user: &UserId) -> Result<Option<Timestamp>, RoomError> {
        let context = &self.rooms.context;
        let row = context.store.get::<TimeOut>((self.video.clone(),), (user.clone(),)).await;
        Ok(row.map_err(unavailable)?.map(|row| row.until).filter(|until| *until > context.clock.now()))
    }

    pub async fn set_slow_mode(&self, who: &Identity, pause: Duration) -> Result<rest::Chat, RoomError> {
        self.moderate(who).await?;
        match pause <= SLOW_MODE_MAX {
            true => Ok(self.act(Act::SlowMode(pause)).await?.chat),
            false => Err(RoomError::invalid("slow_mode_s", "is at most 21600 (six hours)")),
        }
    }

    /// Pins a comment of this room, or none.
    pub async fn pin(&self, who: &Identity, comment: Option<&CommentId>) -> Result<rest::Chat, RoomError> {
        self.moderate(who).await?;
        let target = comment.map(|id| self.target(id)).transpose()?;
        Ok(self.act(Act::Pin(target)).await?.chat)
    }

    /// Silences someone below oneself, or with no duration lets them speak again. With [`CommentsOf::Go`] all that they
    /// have said here is gone when this returns, what was on its way included. Asking again goes on where it stopped.
    pub async fn time_out(
        &self,
        who: &Identity,
        user: &UserId,
        duration: Duration,
        comments: CommentsOf,
    ) -> Result<rest::TimedOut, RoomError> {
        let standing = self.moderate(who).await?;
        let target = self.below(standing, user).await?;
        if duration > TIME_OUT_MAX {
            return Err(RoomError::invalid("duration_s", "is at most 2592000 (30 days)"));
        }
        let until = self.rooms.context.clock.now().plus(duration);
        let act = match duration.is_zero() {
            true => Act::Lift(user.clone()),
            false => Act::TimeOut { user: target, by: who.user_id.clone(), until },
        };
        self.act(act).await?;
        let removed = match comments {
            CommentsOf::Stay => 0,
            CommentsOf::Go => self.remove_all_of(who, standing, user).await?,
        };
        let until = (!duration.is_zero()).then(|| until.to_rfc3339());
        self.tell_silenced(user, until.as_deref()).await;
        Ok(rest::TimedOut { user_id: user.to_string(), until, removed })
    }

    /// Who is silenced here. For those who moderate.
    pub async fn timed_out(&self, who: &Identity) -> Result<Vec<rest::TimeOut>, RoomError> {
        self.moderate(who).await?;
        let context = &self.rooms.context;
        let rows = context.keeper(&self.video).silenced().await.map_err(unavailable)?;
        let now = context.clock.now();
        let shown = |row: TimeOut| rest::TimeOut {
            user: rest::Author {
                id: row.user_id.to_string(),
                username: row.username,
                display_name: row.display_name,
                avatar_url: None,
            },
            until: row.until.to_rfc3339(),
        };
        Ok(rows.into_iter().filter(|row| row.until > now).map(shown).collect())
    }

    pub async fn open_poll(&self, who: &Identity, new: NewPoll) -> Result<rest::Poll, RoomError> {
        self.moderate(who).await?;
        let of = |field| move |invalid| RoomError::of_field(field, invalid);
        if new.key.as_ref().is_some_and(|key| key.is_empty() || key.len() > KEY_LEN_MAX) {
            return Err(RoomError::invalid("key", "has 1 to 128 bytes"));
        }
        let now = self.rooms.context.clock.now();
        let row = Poll {
            video_id: self.video.clone(),
            poll_id: PollId::new(now),
            question: poll::question(&new.question).map_err(of("question"))?,
            options: PollOptions(poll::options(&new.options).map_err(of("options"))?),
            author_id: who.user_id.clone(),
            key: new.key,
            created_at: now,
            closed_at: None,
        };
        polled(self.act(Act::OpenPoll(Box::new(row))).await?)
    }

    /// The poll as it ended: votes that were acknowledged are in it, later ones are refused.
    pub async fn close_poll(&self, who: &Identity, poll: &PollId) -> Result<rest::Poll, RoomError> {
        self.moderate(who).await?;
        polled(self.act(Act::ClosePoll(poll.clone())).await?)
    }

    /// The poll, once the vote is durable. The last vote of an account counts.
    pub async fn vote(&self, who: Identity, poll: &PollId, option: u32) -> Result<rest::Poll, RoomError> {
        self.count("vote");
        let poll = poll.clone();
        self.ask(|reply| Message::Chat(Ask::Vote { who, poll, option, reply })).await?
    }

    /// A poll of this room with its results, and the caller's own choice.
    pub async fn poll(&self, poll: &PollId, who: Option<&UserId>) -> Result<Option<rest::Poll>, RoomError> {
        let context = &self.rooms.context;
        let row = context.keeper(&self.video).poll(poll).await.map_err(unavailable)?;
        let Some(row) = row else { return Ok(None) };
        let open = self.chat().await?.poll;
        let mut poll = self.results(&row, open.as_ref()).await?;
        if let Some(who) = who {
            let value = context.tallies.value_of(&tally_of(&row.poll_id), who.as_str()).await;
            poll.vote = value.map_err(unavailable)?.and_then(option_of);
        }
        Ok(Some(poll))
    }

    /// Polls of this room, newest first.
    pub async fn polls(&self, limit: usize, cursor: Option<Cursor>) -> Result<Page<rest::Poll>, RoomError> {
        let query = Query::<Poll>::of((self.video.clone(),), limit).after(cursor);
        let page = self.rooms.context.store.scan(query).await.map_err(unavailable)?;
        let open = self.chat().await?.poll;
        let mut items = Vec::with_capacity(page.items.len());
        for row in &page.items {
            items.push(self.results(row, open.as_ref()).await?);
        }
        Ok(Page { items, next_cursor: page.next_cursor })
    }

    /// Throws an emoji into the room. It is counted, or lost.
    pub async fn burst(&self, who: Identity, emoji: Emoji) -> Result<(), RoomError> {
        self.count("burst");
        let ask = Message::Chat(Ask::Burst(who, emoji));
        self.rooms.directory.cast_if_resident(&self.video, ask).await?;
        Ok(())
    }

    async fn moderate(&self, who: &Identity) -> Result<Standing, RoomError> {
        self.count("moderate");
        let standing = self.standing(who).await?;
        if access::may_moderate(standing) { Ok(standing) } else { Err(RoomError::Forbidden) }
    }

    async fn appointed(&self, facts: &Facts, user: &UserId) -> Result<Standing, RoomError> {
        let keeper = self.rooms.context.keeper(&self.video);
        let appointed = keeper.appointed(&facts.channel, user).await.map_err(unavailable)?;
        Ok(if appointed.is_some() { Standing::Appointed } else { Standing::Viewer })
    }

    /// Someone whom one may silence.
    async fn below(&self, standing: Standing, user: &UserId) -> Result<Author, RoomError> {
        let account = self.rooms.context.store.get::<Account>((user.clone(),), ()).await;
        let account = account.map_err(unavailable)?.ok_or(RoomError::NotFound)?;
        let facts = self.rooms.facts(&self.video).await?.ok_or(RoomError::NotFound)?;
        let target = match access::standing_of_roles(&account.roles) {
            _ if *user == facts.owner => Standing::Chief,
            Standing::Chief => Standing::Chief,
            _ => self.appointed(&facts, user).await?,
        };
        match access::may_silence(standing, target) {
            true => Ok(Author {
                id: account.user_id,
                username: account.username,
                display_name: account.display_name,
            }),
            false => Err(RoomError::Forbidden),
        }
    }

    async fn remove_all_of(
        &self,
        who: &Identity,
        standing: Standing,
        user: &UserId,
    ) -> Result<u64, RoomError> {
        // What was decided before the time-out is written before this comes back.
        drop(self.write(who.clone(), Command::Wait).await);
        let sweep = async {
            let (mut removed, mut before) = (0, None);
            loop {
                let store = &self.rooms.context.store;
                let page =
                    history::offsets_of(store, &self.video, user, before).await.map_err(unavailable)?;
                removed += self.remove_each(who, standing, page.offsets).await?;
                before = page.before;
                if before.is_none() {
                    return Ok(removed);
                }
            }
        };
        let late = || RoomError::Unavailable("there is much to remove; ask again to go on".into());
        timeout(SWEEP_MAX, sweep).await.unwrap_or_else(|_| Err(late()))
    }

    async fn remove_each(
        &self,
        who: &Identity,
        standing: Standing,
        offsets: Vec<u64>,
    ) -> Result<u64, RoomError> {
        let removals = offsets.into_iter().map(|target| {
            let command = Command::Remove { target, who: who.clone(), standing };
            self.write(who.clone(), command)
        });
        let outcomes: Vec<_> = stream::iter(removals).buffer_unordered(REMOVALS_AT_ONCE).collect().await;
        outcomes.into_iter().try_fold(0, |removed, outcome| match outcome {
            Ok(_) => Ok(removed + 1),
            // Someone else was faster.
            Err(RoomError::NotFound) => Ok(removed),
            Err(error) => Err(error),
        })
    }

    async fn tell_silenced(&self, user: &UserId, until: Option<&str>) {
        let data = serde_json::json!({ "video_id": self.video, "until": until });
        self.rooms.context.notices.tell(user, "timed_out", data).await;
    }

    /// Of an open poll the room knows more than its tally; a poll it does not name is not open.
    async fn results(&self, row: &Poll, open: Option<&rest::Poll>) -> Result<rest::Poll, RoomError> {
        if let Some(open) = open.filter(|open| open.id == row.poll_id.as_str()) {
            return Ok(open.clone());
        }
        let tally = self.rooms.context.tallies.read(&tally_of(&row.poll_id)).await;
        Ok(rest::Poll { open: false, ..view(row, &tally.map_err(unavailable)?) })
    }

    async fn act(&self, act: Act) -> Result<Answer, RoomError> {
        self.ask(|reply| Message::Chat(Ask::Act(act, reply))).await?
    }
}

fn polled(answer: Answer) -> Result<rest::Poll, RoomError> {
    answer.poll.ok_or(RoomError::PollClosed)
}

fn unavailable(error: StoreError) -> RoomError {
    RoomError::Unavailable(error.to_string())
}
