//! What moderators do, made durable. Every write here is one row, or two of which the first alone means nothing, and then
//! the act is counted: whoever knows of fewer acts than the store reads the rules again.

use super::{Act, Change, ONE_POLL, keeper::acts_of, polls::tally_of};
use crate::{
    actors::room::{error::RoomError, keeper::Keeper, stream::signed},
    backends::{
        store::{
            StoreError, StoreResult,
            tables::chat::{Poll, RoomChat, TimeOut},
        },
        tallies::Tallies,
    },
    domain::{
        clock::Timestamp,
        ids::{CommentId, PollId},
    },
};

/// An act that is durable.
#[derive(Debug)]
pub struct Acted {
    pub change: Change,
    /// How many there were then, this one included.
    pub acts: i64,
}

impl Keeper {
    /// Does what was asked for, durably.
    pub async fn act(&self, act: Act, now: Timestamp, tallies: &Tallies) -> Result<Acted, RoomError> {
        match act {
            Act::SlowMode(pause) => {
                let slow_mode_s = signed(pause.as_secs());
                let acts = self.change(move |row| RoomChat { slow_mode_s, ..row }).await?;
                Ok(Acted { change: Change::SlowMode(pause), acts })
            }
            Act::Pin(Some(offset)) => {
                let row = self.live_row(offset).await.map_err(unavailable)?;
                let row = row.ok_or(RoomError::NotFound)?;
                let pinned = Some(CommentId::at(&self.video, offset));
                let acts = self.change(move |row| RoomChat { pinned: pinned.clone(), ..row }).await?;
                Ok(Acted { change: Change::Pinned(Some(Box::new(row))), acts })
            }
            Act::Pin(None) => {
                let acts = self.change(|row| RoomChat { pinned: None, ..row }).await?;
                Ok(Acted { change: Change::Pinned(None), acts })
            }
            Act::LookAtPin(offset) => {
                let row = self.live_row(offset).await.map_err(unavailable)?;
                // Nothing was done.
                Ok(Acted { change: Change::Pinned(row.map(Box::new)), acts: 0 })
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
                let acts = self.change(|row| row).await?;
                Ok(Acted { change: Change::TimedOut(user.id, until), acts })
            }
            Act::Lift(user) => {
                let row = self.store.delete::<TimeOut>((self.video.clone(),), (user.clone(),));
                self.within(row).await.map_err(unavailable)?;
                let acts = self.change(|row| row).await?;
                Ok(Acted { change: Change::Lifted(user), acts })
            }
            Act::OpenPoll(poll) => self.open_poll(poll).await,
            Act::ClosePoll(poll) => self.close_poll(&poll, now, tallies).await,
        }
    }

    /// One poll is open at a time, whichever node it was opened on.
    async fn open_poll(&self, poll: Box<Poll>) -> Result<Acted, RoomError> {
        let row = self.chat_row().await.map_err(unavailable)?;
        let named = row.as_ref().and_then(|row| row.poll.clone());
        if let Some(open) = self.open_poll_named(named.as_ref()).await.map_err(unavailable)? {
            let is_same = open.key.is_some() && open.key == poll.key && open.author_id == poll.author_id;
            let acts = acts_of(row.as_ref());
            return is_same
                .then(|| Acted { change: Change::PollOpened(Box::new(open)), acts })
                .ok_or(ONE_POLL);
        }
        self.within(self.store.put((*poll).clone())).await.map_err(unavailable)?;
        let id = Some(poll.poll_id.clone());
        let changed =
            self.change_if(move |row| (row.poll == named).then(|| RoomChat { poll: id.clone(), ..row }));
        match changed.await? {
            Some(acts) => Ok(Acted { change: Change::PollOpened(poll), acts }),
            None => {
                let row = self.store.delete::<Poll>((self.video.clone(),), (poll.poll_id,));
                self.within(row).await.map_err(unavailable)?;
                Err(ONE_POLL)
            }
        }
    }

    async fn close_poll(&self, poll: &PollId, now: Timestamp, tallies: &Tallies) -> Result<Acted, RoomError> {
        let row =
            self.open_poll_named(Some(poll)).await.map_err(unavailable)?.ok_or(RoomError::PollClosed)?;
        let row = Poll { closed_at: Some(now), ..row };
        self.within(self.store.put(row.clone())).await.map_err(unavailable)?;
        let closed = Some(poll.clone());
        let acts = self.change(move |row| {
            let poll = row.poll.clone().filter(|open| Some(open) != closed.as_ref());
            RoomChat { poll, ..row }
        });
        let acts = acts.await?;
        // As it ended, votes at other nodes included.
        let tally = self.within(tallies.read(&tally_of(poll))).await.map_err(unavailable)?;
        Ok(Acted { change: Change::PollClosed(Box::new(row), tally), acts })
    }

    async fn open_poll_named(&self, poll: Option<&PollId>) -> StoreResult<Option<Poll>> {
        match poll {
            Some(poll) => Ok(self.poll(poll).await?.filter(|poll| poll.closed_at.is_none())),
            None => Ok(None),
        }
    }

    async fn change(&self, change: impl Fn(RoomChat) -> RoomChat + Send + 'static) -> Result<i64, RoomError> {
        let acts = self.change_if(move |row| Some(change(row))).await?;
        Ok(acts.expect("it is changed in any case"))
    }

    /// Changes the rules and counts the act; answers how many there are then.
    async fn change_if(
        &self,
        change: impl Fn(RoomChat) -> Option<RoomChat> + Send + 'static,
    ) -> Result<Option<i64>, RoomError> {
        let video_id = self.video.clone();
        let decide = move |row: Option<RoomChat>| {
            let acts = acts_of(row.as_ref()) + 1;
            let none = || RoomChat {
                video_id: video_id.clone(),
                slow_mode_s: 0,
                pinned: None,
                poll: None,
                acts: None,
            };
            match change(row.unwrap_or_else(none)) {
                Some(row) => (Some(RoomChat { acts: Some(acts), ..row }), Some(acts)),
                None => (None, None),
            }
        };
        let changed = self.store.update::<RoomChat, _>((self.video.clone(),), decide);
        self.within(changed).await.map_err(unavailable)
    }
}

fn unavailable(error: StoreError) -> RoomError {
    RoomError::Unavailable(error.to_string())
}
