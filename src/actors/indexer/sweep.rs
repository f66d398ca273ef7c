//! Looks through everything, a slice at a time: first every video of the public list, then everything the index holds.

use std::time::Duration;

use super::{Indexer, IndexerError, SLICE_LEN, state};
use crate::{
    backends::feeds::Feed,
    domain::{clock::Timestamp, page::Cursor},
};

/// What a look through everything has found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// Videos of the public list.
    pub videos: usize,
    /// Of the index, that were wrong.
    pub changed: usize,
}

pub(super) struct Sweep {
    interval: Duration,
    place: Place,
    next_at: Due,
    counted: Counted,
}

enum Place {
    Listed(Option<Cursor>),
    Held(Option<String>),
    Over,
}

enum Due {
    Now,
    At(Timestamp),
    /// After the one that goes on.
    After,
}

impl Sweep {
    pub(super) fn new(interval: Duration) -> Self {
        Self { interval, place: Place::Over, next_at: Due::Now, counted: Counted::default() }
    }

    /// Something may have changed that nobody has told of.
    pub(super) fn ask(&mut self) {
        self.next_at = Due::Now;
    }

    pub(super) fn begin(&mut self) {
        (self.place, self.next_at, self.counted) = (Place::Listed(None), Due::After, Counted::default());
    }

    /// One that goes on comes to its end first.
    pub(super) fn begin_if_due(&mut self, now: Timestamp) {
        let is_due = match self.next_at {
            Due::Now => true,
            Due::At(at) => now >= at,
            Due::After => {
                self.next_at = Due::At(now.plus(self.interval));
                false
            }
        };
        if is_due && self.is_over() {
            self.begin();
        }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.place, Place::Over)
    }

    pub(super) fn counted(&self) -> Counted {
        self.counted
    }

    pub(super) async fn slice(&mut self, indexer: &Indexer) -> Result<(), IndexerError> {
        self.place = match &self.place {
            Place::Listed(after) => {
                let page = indexer.feeds.page(&Feed::Public, SLICE_LEN, after.clone()).await?;
                self.counted.changed += indexer.reconcile(&page.items).await?;
                self.counted.videos += page.items.len();
                page.next_cursor.map_or(Place::Held(None), |next| Place::Listed(Some(next)))
            }
            Place::Held(after) => {
                let page = indexer.index.marks(after.clone(), SLICE_LEN).await?;
                let mut changes = Vec::new();
                for (video, mark) in page.marks {
                    if !indexer.truth.is_public(&video).await? {
                        changes.extend(state::change(indexer.clock.now(), video, Some(mark), None));
                    }
                }
                self.counted.changed += indexer.apply(changes).await?;
                page.next.map_or(Place::Over, |next| Place::Held(Some(next)))
            }
            Place::Over => Place::Over,
        };
        Ok(())
    }
}
