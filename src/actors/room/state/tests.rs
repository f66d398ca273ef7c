//! The room's decisions, as tables and against a model: whatever is said, lost, reloaded and resumed, no offset is
//! given twice and whoever resumes ends up with exactly what is stored.

use std::collections::HashMap;

use playhouse_protocol::realtime::Posted;
use proptest::prelude::*;

use super::{super::plan::mutations_elsewhere, *};
use crate::{
    actors::room::{RoomError, stream::apply},
    domain::{
        access::{Roles, Standing},
        account::Identity,
        clock::Timestamp,
        ids::ChannelId,
    },
};

/// What becomes of a write.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Done,
    /// The room does not learn whether it was made, and it was not.
    Lost,
    /// Nor does it here, and it was.
    DoneUnheard,
}

struct World {
    state: State<u32>,
    video: VideoId,
    people: Vec<Identity>,
    rows: BTreeMap<u64, Entry>,
    first: u64,
    limits: Limits,
    outcomes: HashMap<u32, Result<Posted, RoomError>>,
    tickets: u32,
    clients: Vec<Client>,
}

fn person(number: i64) -> Identity {
    Identity {
        user_id: UserId::new(Timestamp(number)),
        channel_id: ChannelId::new(Timestamp(number)),
        username: format!("user{number}"),
        display_name: format!("User {number}"),
        roles: Roles::of_new_account(),
        expires_at: Timestamp(i64::MAX),
    }
}

impl World {
    /// A stream whose first entry gets this offset. The first person owns the video.
    fn starting_at(first: u64, limits: Limits) -> Self {
        let video = VideoId::new(Timestamp(1));
        let loaded =
            Loaded { epoch: "e".into(), next: first, live: 0, newest: Vec::new(), aside: Vec::new() };
        Self {
            state: State::new(video.clone(), limits.clone(), loaded),
            video,
            people: (0..4).map(person).collect(),
            rows: BTreeMap::new(),
            first,
            limits,
            outcomes: HashMap::new(),
            tickets: 0,
            clients: (0..3).map(|_| Client::default()).collect(),
        }
    }

    fn submit(&mut self, command: Command) -> u32 {
        self.tickets += 1;
        self.state.submit(Pending { ticket: self.tickets, command, at: Timestamp(i64::from(self.tickets)) });
        self.tickets
    }

    fn post(&mut self, who: usize, parent: Option<u64>, key: Option<&str>) -> u32 {
        let (author, key) = (self.people[who].author(), key.map(str::to_owned));
        let text = format!("words {}", self.tickets);
        self.submit(Command::Post { author, standing: Standing::Viewer, text, at_ms: None, parent, key })
    }

    fn edit(&mut self, who: usize, target: u64) -> u32 {
        let text = format!("other words {}", self.tickets);
        self.submit(Command::Edit { target, who: self.people[who].clone(), text })
    }

    fn remove(&mut self, who: usize, target: u64) -> u32 {
        self.submit(Command::Remove { target, who: self.people[who].clone(), standing: Standing::Viewer })
    }

    fn flush(&mut self, fate: Fate) {
        let owner = self.people[0].user_id.clone();
        while let Some(mut plan) = self.state.plan(&owner) {
            assert!(self.state.plan(&owner).is_none(), "one write at a time");
            for _ in 0..2 {
                let missing = plan.missing();
                plan.learn(missing.iter().filter_map(|offset| self.rows.get(offset).cloned()));
            }
            let (batch, _) = plan.decide();
            if batch.entries.is_empty() {
                self.state.on_nothing_to_write();
                self.outcomes.extend(batch.answers);
            } else {
                self.write(batch, fate);
            }
        }
        assert_eq!(self.state.live(), self.live() as u64);
    }

    fn write(&mut self, batch: Batch<u32>, fate: Fate) {
        if fate != Fate::Lost {
            self.keep(&batch);
        }
        if fate == Fate::Done {
            self.outcomes.extend(self.state.on_committed(batch));
            self.state.on_settled();
        } else {
            let unknown = || Err(RoomError::Unavailable("lost".into()));
            self.outcomes.extend(batch.answers.into_iter().map(|(ticket, _)| (ticket, unknown())));
            self.tick();
            self.state.on_failed();
            let owner = self.people[0].user_id.clone();
            assert!(self.state.plan(&owner).is_none(), "nothing is written before the store has been read");
            assert_eq!(self.state.on_reloaded(self.stored()), Reloaded::Continued);
        }
    }

    /// As the store keeps it: entries and rows of the bucket together, rows elsewhere by what entries say.
    fn keep(&mut self, batch: &Batch<u32>) {
        assert!(batch.entries.iter().all(|entry| entry.bucket == batch.bucket()));
        for row in batch.rows_here() {
            self.rows.insert(offset_of(row), row.clone());
        }
        for entry in &batch.entries {
            assert_eq!(entry.bucket, bucket_of(offset_of(entry)));
            assert!(self.rows.insert(offset_of(entry), entry.clone()).is_none(), "an offset is given twice");
        }
        // Twice: to settle again changes nothing.
        for entry in batch.entries.iter().chain(&batch.entries) {
            for (target, mutation) in mutations_elsewhere(entry) {
                apply(self.rows.get_mut(&target).unwrap(), &mutation, offset_of(entry));
            }
        }
        for (offset, row) in &batch.changed {
            assert_eq!(self.rows.get(offset), Some(row), "memory and store disagree");
        }
    }

    fn live(&self) -> usize {
        self.rows.values().filter(|row| is_live(row)).count()
    }

    fn stored(&self) -> Loaded {
        let next = self.rows.keys().last().map_or(self.first, |last| last + 1);
        let newest: Vec<Entry> =
            self.rows.values().rev().take(self.limits.hot_len_max().max(BATCH_LEN_MAX)).cloned().collect();
        let oldest = newest.last().map_or(next, offset_of);
        let edits = newest.iter().filter(|entry| entry.kind == EntryKind::Edit);
        let targets = edits.filter_map(|entry| entry.target.map(unsigned)).filter(|target| *target < oldest);
        let aside = targets.filter_map(|target| self.rows.get(&target).cloned()).collect();
        let newest = newest.into_iter().rev().collect();
        Loaded { epoch: "e".into(), next, live: i64::try_from(self.live()).unwrap(), newest, aside }
    }

    fn tick(&mut self) {
        for client in self.clients.iter_mut().filter(|client| client.online) {
            let from = client.position.as_ref().unwrap().offset.max(self.state.sent(Rate::All));
            for event in self.state.events_after(from) {
                client.hear(&event);
            }
        }
        self.state.mark_sent(Rate::All);
        self.state.mark_sent(Rate::Top);
    }

    fn join(&mut self, index: usize) {
        self.clients[index].join(&self.state, self.first);
    }

    fn restart(&mut self) {
        self.state = State::new(self.video.clone(), self.limits.clone(), self.stored());
    }

    fn outcome(&self, ticket: u32) -> &Result<Posted, RoomError> {
        &self.outcomes[&ticket]
    }

    fn offset(&self, ticket: u32) -> u64 {
        self.outcome(ticket).as_ref().unwrap().offset
    }
}

const SMALL: Limits = Limits { history_len_max: 4, snapshot_len_max: 3 };

#[test]
fn who_may_change_what_is_decided_once_and_in_order() {
    let mut world = World::starting_at(1, SMALL);
    let posted = world.post(1, None, None);
    world.flush(Fate::Done);
    let target = world.offset(posted);
    let cases: Vec<(u32, Option<RoomError>)> = vec![
        (world.edit(2, target), Some(RoomError::Forbidden)),
        (world.remove(2, target), Some(RoomError::Forbidden)),
        (world.edit(0, target), Some(RoomError::Forbidden)),
        (world.edit(1, target), None),
        (world.post(2, Some(target), None), None),
        (
            world.post(2, Some(77), None),
            Some(RoomError::invalid("parent_id", "names no comment of this video")),
        ),
        (world.edit(1, 77), Some(RoomError::NotFound)),
        (world.remove(0, target), None),
        (world.edit(1, target), Some(RoomError::NotFound)),
        (world.remove(1, target), Some(RoomError::NotFound)),
        (
            world.post(1, Some(target), None),
            Some(RoomError::invalid("parent_id", "names no comment of this video")),
        ),
    ];
    world.flush(Fate::Done);
    for (ticket, error) in cases {
        assert_eq!(world.outcome(ticket).as_ref().err(), error.as_ref(), "{ticket}");
    }
    assert_eq!((world.state.head(), world.state.live()), (4, 1));
}

#[test]
fn a_removal_takes_the_words_and_the_name_and_keeps_the_place() {
    let mut world = World::starting_at(1, SMALL);
    let parent = world.post(1, None, None);
    world.flush(Fate::Done);
    let reply = world.post(2, Some(world.offset(parent)), None);
    world.flush(Fate::Done);
    assert_eq!(world.rows[&1].replies, 1);
    world.remove(2, world.offset(reply));
    world.flush(Fate::Done);
    let row = &world.rows[&2];
    assert_eq!((row.text.as_str(), row.username.as_str(), row.removed), ("", "", true));
    assert_eq!(world.rows[&1].replies, 0);
    world.tick();
    assert_eq!(world.state.recovery(None, Rate::All).comments.len(), 1);
}

#[test]
fn a_write_takes_no_more_than_a_store_likes_to() {
    let mut world = World::starting_at(1, SMALL);
    let owner = world.people[0].user_id.clone();
    for len in [1, 10 << 10, 10 << 10, 10 << 10, 100 << 10, 1] {
        let author = world.people[0].author();
        let (text, standing) = ("x".repeat(len), Standing::Viewer);
        world.submit(Command::Post { author, standing, text, at_ms: None, parent: None, key: None });
    }
    let mut taken = Vec::new();
    while let Some(plan) = world.state.plan(&owner) {
        let (batch, _) = plan.decide();
        taken.push(batch.entries.len());
        world.write(batch, Fate::Done);
    }
    assert_eq!(taken, [4, 1, 1]);
}

#[test]
fn a_key_is_one_comment_and_moves_no_offset() {
    let mut world = World::starting_at(1, SMALL);
    let (first, again) = (world.post(1, None, Some("k")), world.post(1, None, Some("k")));
    world.flush(Fate::Done);
    let (later, other) = (world.post(1, None, Some("k")), world.post(2, None, Some("k")));
    world.flush(Fate::Done);
    assert_eq!(world.outcome(again), world.outcome(first));
    assert_eq!(world.outcome(later), world.outcome(first));
    assert_eq!((world.offset(other), world.state.head()), (2, 2));
    world.restart();
    let after_restart = world.post(1, None, Some("k"));
    world.flush(Fate::Done);
    assert_eq!(world.outcome(after_restart), world.outcome(first));
}

#[test]
fn resuming_gives_what_was_missed_or_says_that_it_cannot() {
    let mut world = World::starting_at(1, SMALL);
    for _ in 0..10 {
        world.post(1, None, None);
    }
    world.flush(Fate::Done);
    world.state.mark_sent(Rate::All);
    world.state.mark_sent(Rate::Top);
    let at = |epoch: &str, offset| Position { epoch: epoch.into(), offset };
    for (since, recovered, comments) in [
        (at("e", 10), true, 0),
        (at("e", 8), true, 2),
        (at("e", 6), true, 4),
        (at("e", 5), false, 3),
        (at("e", 0), false, 3),
        (at("e", 11), false, 3),
        (at("x", 10), false, 3),
    ] {
        let recovery = world.state.recovery(Some(&since), Rate::All);
        assert_eq!((recovery.recovered, recovery.comments.len()), (recovered, comments), "{since:?}");
        assert_eq!(recovery.offset, 10);
    }
}

#[test]
fn whoever_joins_between_two_ticks_gets_the_rest_with_the_others() {
    let mut world = World::starting_at(1, SMALL);
    for _ in 0..3 {
        world.post(1, None, None);
        world.flush(Fate::Done);
    }
    world.state.mark_sent(Rate::All);
    world.post(1, None, None);
    world.flush(Fate::Done);
    for (rate, offset) in [(Rate::All, 3), (Rate::Top, 0)] {
        let recovery = world.state.recovery(None, rate);
        assert_eq!((recovery.offset, recovery.comments.len() as u64), (offset, offset));
        let rest: u64 = world
            .state
            .events_after(offset)
            .iter()
            .map(|event| match event {
                Event::Comments { items, .. } => items.len() as u64,
                _ => 0,
            })
            .sum();
        assert_eq!(offset + rest, 4);
    }
}

#[test]
fn a_burst_between_two_ticks_takes_nothing_from_those_who_join_during_it() {
    let mut world = World::starting_at(1, SMALL);
    for count in [6, 10] {
        world.state.mark_sent(Rate::All);
        world.state.mark_sent(Rate::Top);
        for _ in 0..count {
            world.post(1, None, None);
        }
        world.flush(Fate::Done);
    }
    let latest = world.state.recovery(None, Rate::All);
    assert_eq!((latest.offset, latest.comments.len()), (6, 3));
    for (offset, recovered, comments) in [(6, true, 0), (3, true, 3), (2, true, 4), (1, false, 3)] {
        let since = Position { epoch: "e".into(), offset };
        let recovery = world.state.recovery(Some(&since), Rate::All);
        assert_eq!((recovery.recovered, recovery.comments.len()), (recovered, comments), "{offset}");
    }
}

#[test]
fn consecutive_comments_share_an_event_and_what_is_gone_is_not_shown() {
    let mut world = World::starting_at(1, Limits { history_len_max: 300, snapshot_len_max: 50 });
    for _ in 0..3 {
        world.post(1, None, None);
    }
    world.flush(Fate::Done);
    world.remove(1, 2);
    world.edit(1, 3);
    for _ in 0..100 {
        world.post(2, None, None);
    }
    world.flush(Fate::Done);
    let events: Vec<_> = world
        .state
        .events_after(0)
        .into_iter()
        .map(|event| match event {
            Event::Comments { offset, items, .. } => ("comments", offset, items.len()),
            Event::Removed { offset, ids, .. } => ("removed", offset, ids.len()),
            Event::Edited { offset, items, .. } => ("edited", offset, items.len()),
            _ => unreachable!("a stream has no other events"),
        })
        .collect();
    let expected = [
        ("comments", 3, 2),
        ("removed", 4, 1),
        ("edited", 5, 1),
        ("comments", 69, 64),
        ("comments", 105, 36),
    ];
    assert_eq!(events, expected);
}

#[test]
fn a_stream_that_is_another_one_or_is_behind_sends_seats_away() {
    let mut world = World::starting_at(1, SMALL);
    world.post(1, None, None);
    world.flush(Fate::Done);
    for (epoch, next) in [("x", 2), ("e", 1)] {
        world.state.on_failed();
        let loaded = Loaded { epoch: epoch.into(), next, live: 0, newest: Vec::new(), aside: Vec::new() };
        assert_eq!(world.state.on_reloaded(loaded), Reloaded::Lost, "{epoch} {next}");
        world.restart();
    }
}

/// Someone who watches, goes away and comes back.
#[derive(Debug, Default)]
struct Client {
    view: BTreeMap<String, String>,
    position: Option<Position>,
    online: bool,
    /// Whether it has seen the stream without a break.
    complete: bool,
}

impl Client {
    fn join(&mut self, state: &State<u32>, first: u64) {
        let recovery = state.recovery(self.position.as_ref(), Rate::All);
        if !recovery.recovered {
            self.complete = recovery.offset < first;
            self.view.clear();
        }
        self.show(&recovery.comments);
        recovery.removed.iter().for_each(|id| drop(self.view.remove(id)));
        self.change(&recovery.edited);
        self.position = Some(Position { epoch: recovery.epoch, offset: recovery.offset });
        self.online = true;
    }

    fn show(&mut self, comments: &[rest::Comment]) {
        for comment in comments {
            let before = self.view.insert(comment.id.clone(), comment.text.clone());
            assert!(before.is_none(), "a comment came twice");
        }
    }

    fn change(&mut self, comments: &[rest::Comment]) {
        for comment in comments {
            if let Some(text) = self.view.get_mut(&comment.id) {
                text.clone_from(&comment.text);
            }
        }
    }

    fn hear(&mut self, event: &Event) {
        let offset = match event {
            Event::Comments { offset, items, .. } => {
                self.show(items);
                *offset
            }
            Event::Edited { offset, items, .. } => {
                self.change(items);
                *offset
            }
            Event::Removed { offset, ids, .. } => {
                ids.iter().for_each(|id| drop(self.view.remove(id)));
                *offset
            }
            _ => unreachable!("a stream has no other events"),
        };
        let position = self.position.as_mut().unwrap();
        assert!(offset > position.offset, "events come in order and once");
        position.offset = offset;
    }
}

#[derive(Debug, Clone)]
enum Step {
    Post { who: usize, parent: Option<u64>, key: Option<u8> },
    Edit { who: usize, target: u64 },
    Remove { who: usize, target: u64 },
    Flush(Fate),
    Tick,
    Restart,
    Leave(usize),
    Join(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let target = 0..40_u64;
    let step = prop_oneof![
        6 => (0..4_usize, proptest::option::weighted(0.3, target.clone()), proptest::option::weighted(0.2, 0..4_u8))
            .prop_map(|(who, parent, key)| Step::Post { who, parent, key }),
        2 => (0..4_usize, target.clone()).prop_map(|(who, target)| Step::Edit { who, target }),
        2 => (0..4_usize, target).prop_map(|(who, target)| Step::Remove { who, target }),
        5 => prop_oneof![5 => Just(Fate::Done), 1 => Just(Fate::Lost), 1 => Just(Fate::DoneUnheard)]
            .prop_map(Step::Flush),
        4 => Just(Step::Tick),
        1 => Just(Step::Restart),
        2 => (0..3_usize).prop_map(Step::Leave),
        3 => (0..3_usize).prop_map(Step::Join),
    ];
    proptest::collection::vec(step, 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn whoever_resumes_ends_up_with_what_is_stored(
        steps in steps(),
        first in prop_oneof![Just(1_u64), Just(9_990), Just(19_995)],
        history_len_max in 0..12_usize,
        snapshot_len_max in 0..6_usize,
    ) {
        let mut world = World::starting_at(first, Limits { history_len_max, snapshot_len_max });
        for step in steps {
            match step {
                Step::Post { who, parent, key } => {
                    let key = key.map(|key| key.to_string());
                    world.post(who, parent.map(|parent| first + parent), key.as_deref());
                }
                Step::Edit { who, target } => drop(world.edit(who, first + target)),
                Step::Remove { who, target } => drop(world.remove(who, first + target)),
                Step::Flush(fate) => world.flush(fate),
                Step::Tick => world.tick(),
                Step::Restart => {
                    world.flush(Fate::Done);
                    world.tick();
                    world.restart();
                    world.clients.iter_mut().for_each(|client| client.online = false);
                }
                Step::Leave(index) => world.clients[index].online = false,
                Step::Join(index) => world.join(index),
            }
        }
        world.flush(Fate::Done);
        world.tick();
        for index in 0..3 {
            if !world.clients[index].online {
                world.join(index);
            }
        }
        let stored: BTreeMap<String, String> = world
            .rows
            .values()
            .filter(|row| is_live(row))
            .map(|row| (CommentId::at(&world.video, offset_of(row)).into(), row.text.clone()))
            .collect();
        for client in &world.clients {
            if client.complete {
                prop_assert_eq!(&client.view, &stored);
            } else {
                prop_assert!(client.view.iter().all(|(id, text)| stored.get(id) == Some(text)));
            }
        }
        let replies = |offset: u64| {
            let id = CommentId::at(&world.video, offset);
            world.rows.values().filter(|row| is_live(row) && row.parent_id.as_ref() == Some(&id)).count() as i64
        };
        for (offset, row) in world.rows.iter().filter(|(_, row)| row.kind == EntryKind::Comment) {
            prop_assert_eq!(row.replies, replies(*offset), "replies of {}", offset);
        }
    }
}
