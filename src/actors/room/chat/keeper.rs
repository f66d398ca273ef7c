//! What the rules of a room ask of the store: what they are, and who may speak by them. No decision is made here.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{
    moderation::Appointed,
    polls::{OpenPoll, tally_of},
};
use crate::{
    actors::room::{
        keeper::Keeper,
        plan::Plan,
        stream::{is_live, offset_in, unsigned},
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
        ids::{ChannelId, PollId, UserId},
    },
};

const AT_ONCE: usize = 16;

/// The rules of a room as they are stored.
#[derive(Debug)]
pub struct Stored {
    /// What moderators had done at least when the rest was read.
    pub acts: i64,
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
                let tally = self.within(tallies.read(&tally_of(&poll.poll_id))).await?;
                Some(OpenPoll::new(poll, tally))
            }
            None => None,
        };
        let (acts, slow_mode) = (acts_of(row.as_ref()), slow_mode_of(row.as_ref()));
        Ok(Stored { acts, slow_mode, silenced: Vec::new(), pinned, poll })
    }

    /// With those who are silenced. They are read behind the number of acts: whom a later act silences may be among them
    /// already, and nobody is missing whom it counts.
    pub async fn load_talk(&self, tallies: &Tallies) -> StoreResult<Stored> {
        let stored = self.load_chat(tallies).await?;
        Ok(Stored { silenced: self.silenced().await?, ..stored })
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
        self.renew_hush(plan).await?;
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

    /// Moderators may have done something on another node that is not known here: who speaks is judged by the store.
    async fn renew_hush<T>(&self, plan: &mut Plan<T>) -> StoreResult<()> {
        let Some(known) = plan.hush.acts else { return Ok(()) };
        let speakers: HashSet<UserId> =
            plan.commands.iter().filter_map(|pending| pending.command.speaker().cloned()).collect();
        if speakers.is_empty() {
            return Ok(());
        }
        let row = self.chat_row().await?;
        if acts_of(row.as_ref()) == known {
            return Ok(());
        }
        let silenced: Vec<Option<TimeOut>> = stream::iter(speakers)
            .map(|user| self.within(self.store.get::<TimeOut>((self.video.clone(),), (user,))))
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        let silenced = silenced.into_iter().flatten().map(|row| (row.user_id, row.until));
        plan.hush.renew(slow_mode_of(row.as_ref()), silenced);
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

    pub async fn chat_row(&self) -> StoreResult<Option<RoomChat>> {
        self.within(self.store.get::<RoomChat>((self.video.clone(),), ())).await
    }

    pub async fn live_row(&self, offset: u64) -> StoreResult<Option<Entry>> {
        Ok(self.rows(vec![offset]).await?.into_iter().find(is_live))
    }
}

pub fn acts_of(row: Option<&RoomChat>) -> i64 {
    row.and_then(|row| row.acts).unwrap_or(0)
}

fn slow_mode_of(row: Option<&RoomChat>) -> Duration {
    Duration::from_secs(row.map_or(0, |row| unsigned(row.slow_mode_s)))
}
