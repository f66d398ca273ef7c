//! What a room's state makes of what rooms on other nodes have written.

use super::{
    super::{
        plan::Pending,
        stream::{apply, live_difference, mutations, offset_of},
    },
    Phase, State,
};
use crate::backends::store::tables::room::Entry;

/// What others have written since the stream was known last.
#[derive(Debug, Clone, PartialEq)]
pub struct Followed {
    /// Oldest first.
    pub entries: Vec<Entry>,
    /// Comments before `entries` that edits in it are about.
    pub aside: Vec<Entry>,
}

impl<T> State<T> {
    /// Others were faster: these commands wait again, before all that came after them.
    pub fn put_back(&mut self, commands: Vec<Pending<T>>) {
        self.phase = Phase::Idle;
        commands.into_iter().rev().for_each(|pending| self.waiting.push_front(pending));
    }

    /// Whether a room that knows this stream so far has something to tell this one.
    pub fn is_behind(&self, epoch: &str, head: u64) -> bool {
        head > 0 && (epoch != self.epoch || head > self.head())
    }

    /// Reads what others have written, unless something is under way. The first offset to be read.
    pub fn begin_to_follow(&mut self) -> Option<u64> {
        if self.phase != Phase::Idle {
            return None;
        }
        self.phase = Phase::Following;
        Some(self.next)
    }

    /// Takes in what others have written. `false` if it does not continue what is known.
    #[must_use]
    pub fn on_followed(&mut self, followed: Followed) -> bool {
        let Followed { entries, aside } = followed;
        let continues = (self.next..).zip(&entries).all(|(offset, entry)| offset == offset_of(entry));
        if !continues {
            return false;
        }
        self.phase = Phase::Idle;
        for row in aside {
            self.replace(offset_of(&row), row);
        }
        for entry in entries {
            let offset = offset_of(&entry);
            let changes = mutations(&entry);
            self.next = offset + 1;
            self.live += live_difference(&entry);
            self.push(entry);
            for (target, mutation) in changes {
                if let Some(mut row) = self.row(target).cloned() {
                    apply(&mut row, &mutation, offset);
                    self.replace(target, row);
                }
            }
        }
        self.trim();
        true
    }
}
