//! Who subscribes to a channel: wishes gather while a flush is under way, the last wish of a person wins, and
//! everybody is answered once theirs is durable. Pure: `R` is whatever the shell answers through.

use std::collections::BTreeMap;

use crate::domain::ids::UserId;

/// Members written together at most.
const FLUSH_LEN_MAX: usize = 200;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    Subscribe,
    Unsubscribe,
}

/// Write these, then say how it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flush(pub Vec<(UserId, Wish)>);

/// To whom a total is to be told; `None` when it could not be written.
#[derive(Debug, PartialEq, Eq)]
pub struct Answers<R> {
    pub to: Vec<R>,
    pub subscribers: Option<u64>,
}

pub struct State<R> {
    waiting: BTreeMap<UserId, (Wish, Vec<R>)>,
    in_flight: Option<Vec<R>>,
}

impl<R> Default for State<R> {
    fn default() -> Self {
        Self { waiting: BTreeMap::new(), in_flight: None }
    }
}

impl<R> State<R> {
    pub fn on_wish(&mut self, user: UserId, wish: Wish, reply: R) -> Option<Flush> {
        let (last, replies) = self.waiting.entry(user).or_insert_with(|| (wish, Vec::new()));
        *last = wish;
        replies.push(reply);
        self.flush()
    }

    /// The flush under way has ended, with the new total if it succeeded.
    pub fn on_flushed(&mut self, subscribers: Option<u64>) -> (Answers<R>, Option<Flush>) {
        let to = self.in_flight.take().unwrap_or_default();
        (Answers { to, subscribers }, self.flush())
    }

    pub fn is_idle(&self) -> bool {
        self.in_flight.is_none() && self.waiting.is_empty()
    }

    fn flush(&mut self) -> Option<Flush> {
        if self.in_flight.is_some() || self.waiting.is_empty() {
            return None;
        }
        let (mut wishes, mut replies) = (Vec::new(), Vec::new());
        while let Some((user, (wish, waiting))) = self.waiting.pop_first() {
            wishes.push((user, wish));
            replies.extend(waiting);
            if wishes.len() == FLUSH_LEN_MAX {
                break;
            }
        }
        self.in_flight = Some(replies);
        Some(Flush(wishes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::Timestamp;

    #[test]
    fn wishes_gather_behind_a_flush_and_the_last_one_of_a_person_wins() {
        let (ada, bob) = (UserId::new(Timestamp(1)), UserId::new(Timestamp(2)));
        let mut state = State::default();
        assert_eq!(
            state.on_wish(ada.clone(), Wish::Subscribe, 1),
            Some(Flush(vec![(ada.clone(), Wish::Subscribe)]))
        );
        assert_eq!(state.on_wish(bob.clone(), Wish::Subscribe, 2), None);
        assert_eq!(state.on_wish(ada.clone(), Wish::Unsubscribe, 3), None);
        assert_eq!(state.on_wish(bob.clone(), Wish::Unsubscribe, 4), None);
        let (answers, next) = state.on_flushed(Some(1));
        assert_eq!(answers, Answers { to: vec![1], subscribers: Some(1) });
        assert_eq!(next, Some(Flush(vec![(ada, Wish::Unsubscribe), (bob, Wish::Unsubscribe)])));
        let (answers, next) = state.on_flushed(None);
        assert_eq!((answers.to, answers.subscribers, next), (vec![3, 2, 4], None, None));
        assert!(state.is_idle());
    }

    #[test]
    fn one_flush_is_bounded() {
        let mut state = State::default();
        let users: Vec<_> = (0..500).map(|ms| UserId::new(Timestamp(ms))).collect();
        for user in &users {
            state.on_wish(user.clone(), Wish::Subscribe, ());
        }
        let mut sizes = Vec::new();
        let (mut next, _) = (state.on_flushed(Some(1)).1, ());
        while let Some(Flush(wishes)) = next {
            sizes.push(wishes.len());
            next = state.on_flushed(Some(1)).1;
        }
        assert_eq!(sizes, [200, 200, 99]);
    }
}
