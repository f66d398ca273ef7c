//! What the rules of a room ask of the store. Every write here is one row, or two of which the first alone means nothing;
//! no decision is made here.

use std::{collections::BTreeMap, time::Duration};

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{
    Act, Change,
    moderation::Appointed,
    polls::{OpenPoll, tally_of},
};
use crate::{
    actors::room::{
        error::RoomError,
        keeper::Keeper,
        plan::Plan,
        stream::{is_live, offset_in, signed, unsigned},
    },
    backends::{
        store::{
            StoreResult,
            tables::{
                channel::Moderator,
                chat::{Poll, RoomChat, Speaker, TimeOut},
                room::{Entry, EntryKind},
            },
        },
        tallies::Tallies,
    },
    domain::{
        clock::Timestamp,
        ids::{ChannelId, CommentId, PollId, UserId},
    },
};

const AT_ONCE: usize = 16;

/// The rules of a room as they are stored.
#[derive(Debug)]
pub struct Stored {
    pub slow_mode: Duration,
    pub silenced: Vec<TimeOut>,
    pub pinned: Option<Entry>,
    pub poll: Option<OpenPoll>,
}

impl Keeper {
    pub async fn silenced(&self) -> StoreResult<Vec<TimeOut>> {
        self.within(self.store.all::<TimeOut>((self.video.clone(),))).await
    }

    /// Who is silenced is not among it.
    pub async fn load_chat(&self, tallies: &Tallies) -> StoreResult<Stored> {
        let row = self.chat_row().await?;
        let pinned = row.as_ref().and_then(|row| offset_in(&self.video, row.pinned.as_ref()?));
        let pinned = match pinned {
            Some(offset) => self.live_row(offset).await?,
            None => None,
        };
        let poll = match row.as_ref().and_then(|row| row.poll.clone()) {
            Some(poll) => self.poll(&poll).await?.filter(|poll| poll.closed_at.is_none()),
            None => None,
        };
        let poll = match poll {
            Some(poll) => {
                let totals = self.within(tallies.totals(&tally_of(&poll.poll_id))).await?;
                Some(OpenPoll::new(poll, totals))
            }
            None => None,
        };
        Ok(Stored { slow_mode: slow_mode_of(row.as_ref()), silenced: Vec::new(), pinned, poll })
    }

    pub async fn slow_mode(&self) -> StoreResult<Duration> {
        Ok(slow_mode_of(self.chat_row().await?.as_ref()))
    }

    pub async fn poll(&self, poll: &PollId) -> StoreResult<Option<Poll>> {
        self.within(self.store.get::<Poll>((self.video.clone(),), (poll.clone(),))).await
    }

    pub async fn appointed(&self, channel: &ChannelId, user: &UserId) -> StoreResult<Option<Appointed>> {
        let row = self.store.get::<Moderator>((channel.clone(),), (user.clone(),));
        Ok(self.within(row).await?.map(|_| Appointed))
    }

    /// Fetches what a plan must know of its authors while the room is in slow mode.
    pub async fn complete_hush<T>(&self, plan: &mut Plan<T>) -> StoreResult<()> {
        let unknown = plan.hush.unknown(&plan.commands);
        let Some(channel) = plan.hush.channel.clone().filter(|_| !unknown.is_empty()) else { return Ok(()) };
        let found: Vec<(UserId, Option<Appointed>, Option<Timestamp>)> = stream::iter(unknown)
            .map(|user| {
                let channel = &channel;
                async move {
                    let appointed = self.appointed(channel, &user).await?;
                    let partition = (self.video.clone(), user.clone());
                    let speaker = self.within(self.store.get::<Speaker>(partition, ())).await?;
                    Ok((user, appointed, speaker.map(|speaker| speaker.spoke_at)))
                }
            })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        found.into_iter().for_each(|(user, appointed, spoke_at)| plan.hush.learn(user, appointed, spoke_at));
        Ok(())
    }

    /// Remembers who spoke when, for as long as they are to be silent. Doing it again changes nothing.
    pub async fn remember_speakers(&self, entries: &[Entry], slow_mode: Duration) -> StoreResult<()> {
        if slow_mode.is_zero() {
            return Ok(());
        }
        let spoken = entries.iter().filter(|entry| entry.kind == EntryKind::Comment);
        let last: BTreeMap<UserId, Timestamp> =
            spoken.map(|entry| (entry.author_id.clone(), entry.created_at)).collect();
        let row = |(user_id, spoke_at)| Speaker { video_id: self.video.clone(), user_id, spoke_at };
        stream::iter(last.into_iter().map(row))
            .map(|row| self.within(self.store.put_for(row, slow_mode)))
            .buffer_unordered(AT_ONCE)
            .try_collect::<Vec<()>>()
            .await
            .map(drop)
    }

    /// Does what was asked for, durably.
    pub async fn act(&self, act: Act, now: Timestamp) -> Result<Change, RoomError> {
        let unavailable =
            |error: crate::backends::store::StoreError| RoomError::Unavailable(error.to_string());
        match act {
            Act::SlowMode(pause) => {
                let slow_mode_s = signed(pause.as_secs());
                self.change(move |row| RoomChat { slow_mode_s, ..row }).await.map_err(unavailable)?;
                Ok(Change::SlowMode(pause))
            }
            Act::Pin(Some(offset)) => {
                let row = self.live_row(offset).await.map_err(unavailable)?;
                let row = row.ok_or(RoomError::NotFound)?;
                let pinned = Some(CommentId::at(&self.video, offset));
                self.change(move |row| RoomChat { pinned: pinned.clone(), ..row })
                    .await
                    .map_err(unavailable)?;
                Ok(Change::Pinned(Some(Box::new(row))))
            }
            Act::Pin(None) => {
                self.change(|row| RoomChat { pinned: None, ..row }).await.map_err(unavailable)?;
                Ok(Change::Pinned(None))
            }
            Act::LookAtPin(offset) => {
                let row = self.live_row(offset).await.map_err(unavailable)?;
                Ok(Change::Pinned(row.map(Box::new)))
            }
            Act::TimeOut { user, by, until } => {
                let row = TimeOut {
                    video_id: self.video.clone(),
                    user_id: user.id.clone(),
                    username: user.username,
                    display_name: user.display_name,
                    until,
                    set_by: by,
                };
                self.within(self.store.put_for(row, until.since(now))).await.map_err(unavailable)?;
                Ok(Change::TimedOut(user.id, until))
            }
            Act::Lift(user) => {
                let row = self.store.delete::<TimeOut>((self.video.clone(),), (user.clone(),));
                self.within(row).await.map_err(unavailable)?;
                Ok(Change::Lifted(user))
            }
            Act::OpenPoll(poll) => {
                self.within(self.store.put((*poll).clone())).await.map_err(unavailable)?;
                let id = Some(poll.poll_id.clone());
                self.change(move |row| RoomChat { poll: id.clone(), ..row }).await.map_err(unavailable)?;
                Ok(Change::PollOpened(poll))
            }
            Act::ClosePoll(poll) => {
                let row = self.poll(&poll).await.map_err(unavailable)?.ok_or(RoomError::PollClosed)?;
                let row = Poll { closed_at: Some(now), ..row };
                self.within(self.store.put(row.clone())).await.map_err(unavailable)?;
                self.change(|row| RoomChat { poll: None, ..row }).await.map_err(unavailable)?;
                Ok(Change::PollClosed(Box::new(row)))
            }
        }
    }

    async fn chat_row(&self) -> StoreResult<Option<RoomChat>> {
        self.within(self.store.get::<RoomChat>((self.video.clone(),), ())).await
    }

    async fn change(&self, change: impl Fn(RoomChat) -> RoomChat + Send + 'static) -> StoreResult<()> {
        let video_id = self.video.clone();
        let decide = move |row: Option<RoomChat>| {
            let none = || RoomChat { video_id: video_id.clone(), slow_mode_s: 0, pinned: None, poll: None };
            (Some(change(row.unwrap_or_else(none))), ())
        };
        self.within(self.store.update::<RoomChat, _>((self.video.clone(),), decide)).await
    }

    async fn live_row(&self, offset: u64) -> StoreResult<Option<Entry>> {
        Ok(self.rows(vec![offset]).await?.into_iter().find(is_live))
    }
}

fn slow_mode_of(row: Option<&RoomChat>) -> Duration {
    Duration::from_secs(row.map_or(0, |row| unsigned(row.slow_mode_s)))
}
