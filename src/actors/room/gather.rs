//! Reactions and views, gathered between two writes. One write is on its way at a time; what comes meanwhile waits
//! for the next. Pure.

use std::collections::{HashMap, HashSet};

use crate::domain::{
    ids::{PlaybackId, UserId},
    reaction::Reaction,
    tally::MemberChange,
};

/// Things that wait to be written together.
#[derive(Debug)]
pub struct Gather<C> {
    waiting: Vec<C>,
    writing: bool,
}

impl<C> Default for Gather<C> {
    fn default() -> Self {
        Self { waiting: Vec::new(), writing: false }
    }
}

impl<C> Gather<C> {
    pub fn add(&mut self, change: C) {
        self.waiting.push(change);
    }

    pub fn waiting_len(&self) -> usize {
        self.waiting.len()
    }

    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && !self.writing
    }

    pub fn is_writing(&self) -> bool {
        self.writing
    }

    /// What waits and is not to be written at all.
    pub fn give_up_waiting(&mut self) -> Vec<C> {
        std::mem::take(&mut self.waiting)
    }

    /// What is to be written now; `None` while a write is on its way or nothing waits.
    pub fn take(&mut self) -> Option<Vec<C>> {
        if self.writing || self.waiting.is_empty() {
            return None;
        }
        self.writing = true;
        Some(std::mem::take(&mut self.waiting))
    }

    pub fn has_waiting(&self) -> bool {
        !self.writing && !self.waiting.is_empty()
    }

    pub fn on_written(&mut self) {
        self.writing = false;
    }
}

/// What one viewer wants to think of the video from now on.
#[derive(Debug)]
pub struct React<T> {
    pub ticket: T,
    pub user: UserId,
    pub reaction: Option<Reaction>,
}

/// One change a member: the last one asked for wins.
pub fn changes<T>(reacts: &[React<T>]) -> Vec<MemberChange> {
    let mut last: HashMap<&UserId, usize> = HashMap::new();
    for (index, react) in reacts.iter().enumerate() {
        last.insert(&react.user, index);
    }
    let mut indexes: Vec<usize> = last.into_values().collect();
    indexes.sort_unstable();
    let change = |react: &React<T>| match react.reaction {
        Some(reaction) => MemberChange::set(&react.user, reaction.value()),
        None => MemberChange::remove(&react.user),
    };
    indexes.into_iter().map(|index| change(&reacts[index])).collect()
}

/// A playing that has been watched for long enough.
#[derive(Debug)]
pub struct View<T> {
    pub ticket: T,
    pub playback_id: PlaybackId,
    /// The viewer and the window: a member of the tally.
    pub member: String,
}

/// Playings known to have counted, bounded: what is forgotten is asked of the store again.
#[derive(Debug, Default)]
pub struct CountedPlaybacks(HashSet<PlaybackId>);

const COUNTED_LEN_MAX: usize = 10_000;

impl CountedPlaybacks {
    pub fn contains(&self, playback: &PlaybackId) -> bool {
        self.0.contains(playback)
    }

    pub fn insert(&mut self, playback: PlaybackId) {
        if self.0.len() >= COUNTED_LEN_MAX {
            self.0.clear();
        }
        self.0.insert(playback);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{clock::Timestamp, tally::Write};

    #[test]
    fn the_last_reaction_of_a_viewer_wins() {
        let (ada, bob) = (UserId::new(Timestamp(1)), UserId::new(Timestamp(2)));
        let react = |user: &UserId, reaction| React { ticket: (), user: user.clone(), reaction };
        let reacts =
            [react(&ada, Some(Reaction::Like)), react(&bob, Some(Reaction::Dislike)), react(&ada, None)];
        let writes: Vec<_> =
            changes(&reacts).into_iter().map(|change| (change.member, change.write)).collect();
        assert_eq!(writes, [(bob.to_string(), Write::Set(2)), (ada.to_string(), Write::Remove)]);
    }

    #[test]
    fn one_write_is_on_its_way_at_a_time() {
        let mut gather = Gather::default();
        assert_eq!(gather.take(), None);
        gather.add(1);
        assert_eq!(gather.take(), Some(vec![1]));
        gather.add(2);
        assert_eq!((gather.take(), gather.is_idle()), (None, false));
        gather.on_written();
        assert_eq!(gather.take(), Some(vec![2]));
        gather.on_written();
        assert!(gather.is_idle());
    }
}
