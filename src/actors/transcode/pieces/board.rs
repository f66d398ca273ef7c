//! Where pieces on offer are written down: a row each, changed only on the condition that it still says what its writer
//! believes. The queue and the words on the bus repeat what stands here, and may be lost.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::sync::Mutex;

use super::{Given, Outcome};
use crate::{
    backends::{
        bus::{BusResult, Dispatch, SharedBus, Subscription, Taken},
        store::{Edit, Store, StoreError, StoreResult, tables::video::Piece},
    },
    domain::{
        clock::{SharedClock, Timestamp},
        ids::VideoId,
    },
};

const QUEUE: &str = "pieces";
/// What is said about pieces, and about whose a job is.
pub const WORD_PIECE: &[u8] = b"piece";
pub const WORD_JOB: &[u8] = b"job";

#[derive(Clone)]
pub struct Board {
    pub store: Store,
    pub bus: SharedBus,
    pub clock: SharedClock,
    /// The name of this node.
    pub node: String,
    /// How long a node is believed to work on a piece that it does not speak of.
    pub hold: Duration,
    /// All pieces of a video are one partition: writes of one node at once would only overtake one another.
    pub writing: Arc<Mutex<()>>,
}

/// Whether a piece was there to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Had {
    Yes,
    No,
}

impl Board {
    /// Puts a piece on offer.
    pub async fn offer(&self, video: &VideoId, given: &Given) -> StoreResult<()> {
        let row = Piece {
            video_id: video.clone(),
            run: i64::from(given.number),
            given: serde_json::to_string(given).unwrap_or_default(),
            worker: None,
            lease_ends_at: None,
            outcome: None,
        };
        self.change(video, given.number, move |_| (Change::Put(row.clone()), ())).await
    }

    /// Tells the other nodes of it, or again.
    pub async fn announce(&self, video: &VideoId, run: u32) -> BusResult<()> {
        let job = Dispatch { queue: QUEUE.into(), id: format!("{video}/{run}"), priority: 0 };
        self.bus.enqueue(job).await.map(drop)
    }

    pub async fn read(&self, video: &VideoId, run: u32) -> StoreResult<Option<Piece>> {
        self.store.get::<Piece>((video.clone(),), (i64::from(run),)).await
    }

    /// Takes a piece off that nobody makes.
    pub async fn take_back(&self, video: &VideoId, run: u32) -> StoreResult<Had> {
        let had = self
            .change(video, run, |row| match row {
                Some(row) if row.worker.is_none() => (Change::Delete, Had::Yes),
                _ => (Change::None, Had::No),
            })
            .await?;
        if had == Had::Yes {
            self.forget(video, run).await;
        }
        Ok(had)
    }

    /// Puts a piece on offer again whose node has not been heard of.
    pub async fn offer_again(&self, video: &VideoId, run: u32) -> StoreResult<Had> {
        let now = self.clock.now();
        self.change(video, run, move |row| match row {
            Some(row) if is_lost(&row, now) => {
                (Change::Put(Piece { worker: None, lease_ends_at: None, ..row }), Had::Yes)
            }
            _ => (Change::None, Had::No),
        })
        .await
    }

    /// Takes a piece off whoever makes it: they learn it by the word.
    pub async fn withdraw(&self, video: &VideoId, run: u32) -> StoreResult<()> {
        self.change(video, run, |row| (if row.is_some() { Change::Delete } else { Change::None }, ()))
            .await?;
        self.forget(video, run).await;
        self.say(video, WORD_PIECE).await;
        Ok(())
    }

    /// What an earlier node of the job had on offer is worth nothing any more.
    pub async fn clear(&self, video: &VideoId) -> StoreResult<()> {
        for piece in self.store.all::<Piece>((video.clone(),)).await? {
            self.withdraw(video, u32::try_from(piece.run).unwrap_or(0)).await?;
        }
        Ok(())
    }

    pub async fn take(&self, wait: Duration) -> BusResult<Option<Taken>> {
        self.bus.take(QUEUE, &self.node, self.hold, wait).await
    }

    /// Makes a piece `worker`'s. `None` if it is another's or is not wanted any more.
    pub async fn claim(&self, video: &VideoId, run: u32, worker: &str) -> StoreResult<Option<Given>> {
        let (now, hold, worker) = (self.clock.now(), self.hold, worker.to_owned());
        let claimed = self.change(video, run, move |row| match row {
            Some(row) if row.outcome.is_none() && (row.worker.is_none() || is_lost(&row, now)) => {
                let given = row.given.clone();
                let (worker, lease_ends_at) = (Some(worker.clone()), Some(now.plus(hold)));
                (Change::Put(Piece { worker, lease_ends_at, ..row }), Some(given))
            }
            _ => (Change::None, None),
        });
        let given = claimed.await?;
        self.say(video, WORD_PIECE).await;
        Ok(given.and_then(|given| serde_json::from_str(&given).ok()))
    }

    pub async fn renew(&self, video: &VideoId, run: u32, worker: &str) -> StoreResult<Had> {
        let until = self.clock.now().plus(self.hold);
        self.as_worker(video, run, worker, move |row| Piece { lease_ends_at: Some(until), ..row }).await
    }

    /// Gives a piece back undone.
    pub async fn release(&self, video: &VideoId, run: u32, worker: &str) -> StoreResult<Had> {
        self.as_worker(video, run, worker, |row| Piece { worker: None, lease_ends_at: None, ..row }).await
    }

    pub async fn done(&self, video: &VideoId, run: u32, worker: &str, outcome: &Outcome) -> StoreResult<Had> {
        let outcome = serde_json::to_string(outcome).unwrap_or_default();
        self.as_worker(video, run, worker, move |row| Piece { outcome: Some(outcome.clone()), ..row }).await
    }

    pub async fn listen(&self, video: &VideoId) -> BusResult<Subscription> {
        self.bus.subscribe(&topic(video)).await
    }

    /// Whoever does not hear it looks by themselves before long.
    pub async fn say(&self, video: &VideoId, word: &'static [u8]) {
        drop(self.bus.publish(&topic(video), Bytes::from_static(word)).await);
    }

    async fn forget(&self, video: &VideoId, run: u32) {
        drop(self.bus.cancel(QUEUE, &format!("{video}/{run}")).await);
    }

    async fn as_worker(
        &self,
        video: &VideoId,
        run: u32,
        worker: &str,
        change: impl Fn(Piece) -> Piece + Send + 'static,
    ) -> StoreResult<Had> {
        let worker = worker.to_owned();
        let changed = self.change(video, run, move |row| match row {
            Some(row) if row.worker.as_ref() == Some(&worker) => (Change::Put(change(row)), Had::Yes),
            _ => (Change::None, Had::No),
        });
        let had = changed.await?;
        self.say(video, WORD_PIECE).await;
        Ok(had)
    }

    async fn change<T: Send + 'static>(
        &self,
        video: &VideoId,
        run: u32,
        decide: impl Fn(Option<Piece>) -> (Change, T) + Send + 'static,
    ) -> Result<T, StoreError> {
        let key = (i64::from(run),);
        let decide = move |mut view: crate::backends::store::View<Piece>| {
            let (change, answer) = decide(view.rows.pop());
            let mut edit = Edit::default();
            match change {
                Change::None => {}
                Change::Put(row) => edit.puts.push((row, None)),
                Change::Delete => edit.deletes.push(key),
            }
            (edit, answer)
        };
        let _writing = self.writing.lock().await;
        self.store.update_partition::<Piece, _>((video.clone(),), vec![key], decide).await
    }
}

enum Change {
    None,
    Put(Piece),
    Delete,
}

/// Whether the node that made it has not been heard of for too long.
pub fn is_lost(row: &Piece, now: Timestamp) -> bool {
    row.outcome.is_none() && row.worker.is_some() && row.lease_ends_at.is_none_or(|until| until <= now)
}

fn topic(video: &VideoId) -> String {
    format!("transcode.{video}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        actors::transcode::turns::Owner,
        backends::{bus, store},
        domain::clock::ManualClock,
        media::{
            Chunk, Job,
            plan::{self, Stage},
        },
    };

    struct Bed {
        board: Board,
        clock: Arc<ManualClock>,
        _folder: tempfile::TempDir,
    }

    async fn bed() -> Bed {
        let (folder, clock) = (tempfile::tempdir().unwrap(), Arc::new(ManualClock::default()));
        let store = store::open("embedded:", folder.path(), clock.clone()).await.unwrap();
        let board = Board {
            store,
            bus: bus::embedded(clock.clone()),
            clock: clock.clone(),
            node: "a".into(),
            hold: Duration::from_secs(10),
            writing: Arc::default(),
        };
        Bed { board, clock, _folder: folder }
    }

    fn given(number: u32) -> Given {
        let piece = plan::Piece { stage: Stage::Ladder, chunk: Chunk::WHOLE, job: Job::Probe };
        let owner = Owner { account: "ada".parse().unwrap(), pays: false };
        Given { owner, source: None, number, generation: 1, kept: vec![("v240r1".into(), 3)], piece }
    }

    #[tokio::test]
    async fn a_piece_on_offer_is_had_once_and_what_came_of_it_is_its_workers_alone() {
        let Bed { board, .. } = &bed().await;
        let video = &VideoId::new(Timestamp(1));
        board.offer(video, &given(7)).await.unwrap();
        board.announce(video, 7).await.unwrap();
        let taken = board.take(Duration::ZERO).await.unwrap().expect("it waits");
        assert_eq!(taken.id, format!("{video}/7"));
        assert_eq!(board.claim(video, 7, "b.1").await.unwrap(), Some(given(7)));
        assert_eq!(board.claim(video, 7, "c.1").await.unwrap(), None, "it is another's");
        assert_eq!(board.take_back(video, 7).await.unwrap(), Had::No);
        let outcome = Outcome { events: vec![crate::media::Event::Progress { percent: 50 }], failure: None };
        assert_eq!(board.done(video, 7, "c.1", &outcome).await.unwrap(), Had::No);
        assert_eq!(board.done(video, 7, "b.1", &outcome).await.unwrap(), Had::Yes);
        let row = board.read(video, 7).await.unwrap().unwrap();
        assert_eq!(serde_json::from_str::<Outcome>(&row.outcome.unwrap()).unwrap(), outcome);
        board.clear(video).await.unwrap();
        assert_eq!(board.read(video, 7).await.unwrap(), None);
        assert_eq!(board.claim(video, 7, "b.2").await.unwrap(), None, "it is not wanted any more");
    }

    #[tokio::test]
    async fn a_piece_of_a_node_that_is_silent_is_offered_again_and_its_late_word_is_not_taken() {
        let Bed { board, clock, .. } = &bed().await;
        let video = &VideoId::new(Timestamp(1));
        board.offer(video, &given(7)).await.unwrap();
        assert!(board.claim(video, 7, "b.1").await.unwrap().is_some());
        clock.advance(Duration::from_secs(9));
        assert_eq!(board.renew(video, 7, "b.1").await.unwrap(), Had::Yes);
        clock.advance(Duration::from_secs(9));
        assert_eq!(board.offer_again(video, 7).await.unwrap(), Had::No);
        clock.advance(Duration::from_secs(1));
        assert_eq!(board.offer_again(video, 7).await.unwrap(), Had::Yes);
        assert_eq!(board.renew(video, 7, "b.1").await.unwrap(), Had::No);
        assert_eq!(board.done(video, 7, "b.1", &Outcome::default()).await.unwrap(), Had::No);
        assert_eq!(board.take_back(video, 7).await.unwrap(), Had::Yes);
        assert_eq!(board.take_back(video, 7).await.unwrap(), Had::No, "it is gone");
    }
}
