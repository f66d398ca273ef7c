//! Erases all that a room has written, once its video is gone and the room has left: nobody starts it again then. Each
//! step may be repeated; what says where to look goes last. Who spoke when in slow mode and which playings have counted
//! is not looked for: those rows expire, after the pause and after a day.

use std::collections::BTreeSet;

use super::{
    Rooms,
    chat::polls::tally_of,
    error::RoomError,
    keeper::{Keeper, reply_bucket, window_of},
    stream::unsigned,
};
use crate::{
    backends::{
        store::{
            Query, StoreError, StoreResult,
            tables::{
                chat::{Poll, RoomChat, TimeOut},
                room::{Entry, MomentPointer, ReplyPointer, Room},
            },
        },
        tallies::Tallies,
    },
    domain::{
        ids::{CommentId, VideoId},
        tally::{Kind, TallyKey},
    },
};

const PAGE_LEN: usize = 500;

impl Rooms {
    /// Waits until the room of a video that is gone has left, then erases it.
    pub async fn erase(&self, video: &VideoId) -> Result<(), RoomError> {
        self.drain(video).await?;
        let erased = self.context.keeper(video).erase(&self.context.tallies).await;
        erased.map_err(|error: StoreError| RoomError::Unavailable(error.to_string()))
    }
}

impl Keeper {
    async fn erase(&self, tallies: &Tallies) -> StoreResult<()> {
        let video = (self.video.clone(),);
        for kind in [Kind::Reaction, Kind::View] {
            tallies.erase(&TallyKey::new(kind, &self.video)).await?;
        }
        for poll in self.within(self.store.all::<Poll>(video.clone())).await? {
            tallies.erase(&tally_of(&poll.poll_id)).await?;
        }
        self.within(self.store.delete_partition::<Poll>(video.clone())).await?;
        self.within(self.store.delete_partition::<TimeOut>(video.clone())).await?;
        self.within(self.store.delete_partition::<RoomChat>(video.clone())).await?;
        let Some(room) = self.within(self.store.get::<Room>(video.clone(), ())).await? else { return Ok(()) };
        for bucket in 0..=room.newest_bucket {
            self.erase_bucket(bucket).await?;
        }
        self.within(self.store.delete::<Room>(video, ())).await
    }

    /// The pointers to a bucket's entries, then the entries.
    async fn erase_bucket(&self, bucket: i64) -> StoreResult<()> {
        let mut after = None;
        loop {
            let query = Query::<Entry>::of((self.video.clone(), bucket), PAGE_LEN).after(after.take());
            let page = self.within(self.store.scan(query)).await?;
            self.erase_pointers(&page.items).await?;
            after = page.next_cursor;
            if after.is_none() {
                return self.within(self.store.delete_partition::<Entry>((self.video.clone(), bucket))).await;
            }
        }
    }

    async fn erase_pointers(&self, entries: &[Entry]) -> StoreResult<()> {
        let reply = |entry: &Entry| -> Option<(CommentId, i64)> {
            Some((entry.parent_id.clone()?, reply_bucket(unsigned(entry.offset))))
        };
        let replies: BTreeSet<_> = entries.iter().filter_map(reply).collect();
        for partition in replies {
            self.within(self.store.delete_partition::<ReplyPointer>(partition)).await?;
        }
        let moments = entries.iter().filter_map(|entry| entry.at_ms.map(unsigned));
        let windows: BTreeSet<i64> = moments.map(window_of).collect();
        for window in windows {
            let partition = (self.video.clone(), window);
            self.within(self.store.delete_partition::<MomentPointer>(partition)).await?;
        }
        Ok(())
    }
}
