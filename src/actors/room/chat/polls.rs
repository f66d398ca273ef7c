//! The poll that is open in a room, and votes on their way to its tally. Pure.

use std::collections::HashMap;

use playhouse_protocol::rest;

use crate::{
    actors::room::{error::RoomError, stream::unsigned},
    backends::store::tables::chat::Poll,
    domain::{
        clock::Timestamp,
        ids::{PollId, UserId},
        tally::{Kind, MemberChange, Tally, TallyKey},
    },
};

#[derive(Debug)]
pub struct OpenPoll {
    pub row: Poll,
    pub tally: Tally,
    /// Takes no more votes: it is closed once those before are durable.
    pub closing: bool,
}

impl OpenPoll {
    pub fn new(row: Poll, tally: Tally) -> Self {
        Self { row, tally, closing: false }
    }

    pub fn id(&self) -> &PollId {
        &self.row.poll_id
    }

    /// Takes in votes that were read. Whether that shows.
    pub fn learn(&mut self, tally: Tally) -> bool {
        let before = self.tally.totals().clone();
        self.tally.learn(tally);
        *self.tally.totals() != before
    }

    pub fn view(&self) -> rest::Poll {
        view(&self.row, &self.tally)
    }

    /// Whether this is a vote that can be counted.
    pub fn check(&self, poll: &PollId, option: u32) -> Result<(), RoomError> {
        if self.closing || self.row.poll_id != *poll {
            return Err(RoomError::PollClosed);
        }
        match usize::try_from(option).is_ok_and(|option| option < self.row.options.0.len()) {
            true => Ok(()),
            false => Err(RoomError::invalid("option", "is no option of this poll")),
        }
    }
}

/// A poll as clients see it. A poll that was closed is not open; of all others the room knows.
pub fn view(row: &Poll, tally: &Tally) -> rest::Poll {
    let options = row.options.0.iter().zip(1..);
    let options = options
        .map(|(text, value)| rest::PollOption { text: text.clone(), votes: unsigned(tally.of(value)) });
    rest::Poll {
        id: row.poll_id.to_string(),
        video_id: row.video_id.to_string(),
        question: row.question.clone(),
        options: options.collect(),
        votes: unsigned(tally.sum()),
        open: row.closed_at.is_none(),
        created_at: row.created_at.to_rfc3339(),
        closed_at: row.closed_at.map(Timestamp::to_rfc3339),
        vote: None,
    }
}

pub fn tally_of(poll: &PollId) -> TallyKey {
    TallyKey::new(Kind::Poll, poll)
}

/// The option a member's value stands for.
pub fn option_of(value: i32) -> Option<u32> {
    u32::try_from(value).ok()?.checked_sub(1)
}

/// One voter's choice.
#[derive(Debug)]
pub struct Vote<T> {
    pub ticket: T,
    pub user: UserId,
    pub poll: PollId,
    pub option: u32,
}

/// One change a voter: the last choice counts.
pub fn changes<T>(votes: &[Vote<T>]) -> Vec<MemberChange> {
    let mut last: HashMap<&UserId, u32> = HashMap::new();
    last.extend(votes.iter().map(|vote| (&vote.user, vote.option)));
    let value = |option: u32| i32::try_from(option).unwrap_or(i32::MAX).saturating_add(1);
    last.into_iter().map(|(user, option)| MemberChange::set(user, value(option))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        backends::store::tables::chat::PollOptions,
        domain::{
            ids::VideoId,
            tally::{BucketId, Totals, Write},
        },
    };

    fn poll() -> OpenPoll {
        let row = Poll {
            video_id: VideoId::new(Timestamp(1)),
            poll_id: PollId::new(Timestamp(1)),
            question: "Tea?".into(),
            options: PollOptions(vec!["yes".into(), "no".into()]),
            author_id: UserId::new(Timestamp(1)),
            key: None,
            created_at: Timestamp(0),
            closed_at: None,
        };
        let mut tally = Tally::default();
        tally.learn_bucket(BucketId::FIRST, 1, Totals([(2, 3)].into()));
        OpenPoll::new(row, tally)
    }

    #[test]
    fn a_poll_shows_each_option_with_its_votes() {
        let shown = poll().view();
        let options: Vec<_> =
            shown.options.iter().map(|option| (option.text.as_str(), option.votes)).collect();
        assert_eq!(options, [("yes", 0), ("no", 3)]);
        assert_eq!((shown.votes, shown.open), (3, true));
        assert_eq!([0, 1, 2].map(option_of), [None, Some(0), Some(1)]);
    }

    #[test]
    fn a_vote_names_the_open_poll_and_one_of_its_options() {
        let mut open = poll();
        let id = open.row.poll_id.clone();
        assert_eq!(open.check(&id, 1), Ok(()));
        assert!(matches!(open.check(&id, 2), Err(RoomError::Invalid { field: "option", .. })));
        assert_eq!(open.check(&PollId::new(Timestamp(2)), 0), Err(RoomError::PollClosed));
        open.closing = true;
        assert_eq!(open.check(&id, 0), Err(RoomError::PollClosed));
    }

    #[test]
    fn the_last_vote_of_a_voter_counts() {
        let (ada, poll) = (UserId::new(Timestamp(1)), PollId::new(Timestamp(1)));
        let vote = |option| Vote { ticket: (), user: ada.clone(), poll: poll.clone(), option };
        let changes = changes(&[vote(0), vote(1)]);
        assert_eq!(changes.iter().map(|change| change.write).collect::<Vec<_>>(), [Write::Set(2)]);
    }
}
