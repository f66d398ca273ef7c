//! The talk's decisions: one act after the other, no vote lost at the close of a poll, and a pin that follows its comment.

use super::*;
use crate::{
    backends::store::tables::{
        chat::{PollOptions, TimeOut},
        room::EntryKind,
    },
    domain::{
        clock::Timestamp,
        tally::{BucketId, Tally, Totals},
    },
};

type Answers = tokio::sync::oneshot::Receiver<Result<Answer, RoomError>>;

fn chat() -> Chat {
    let stored =
        Stored { acts: 0, slow_mode: Duration::ZERO, silenced: Vec::new(), pinned: None, poll: None };
    Chat::new(&video(), stored)
}

fn video() -> VideoId {
    "v".parse().unwrap()
}

fn user(number: i64) -> UserId {
    format!("u{number}").parse().unwrap()
}

fn row(offset: i64, text: &str) -> Entry {
    Entry {
        video_id: video(),
        bucket: 0,
        offset,
        kind: EntryKind::Comment,
        author_id: user(1),
        username: "ada".into(),
        display_name: "Ada".into(),
        text: text.into(),
        at_ms: None,
        parent_id: None,
        key: None,
        target: None,
        created_at: Timestamp(0),
        edited_at: None,
        replies: 0,
        applied: offset,
        removed: false,
    }
}

fn batch(changed: Vec<Entry>) -> Batch<()> {
    Batch {
        video: video(),
        epoch: "e".into(),
        first: 100,
        entries: Vec::new(),
        changed: changed.into_iter().map(|row| (offset_of(&row), row)).collect(),
        live_here: 0,
        live_older: 0,
        answers: Vec::new(),
        spoken: Vec::new(),
        calls: Vec::new(),
    }
}

fn poll(number: i64, key: Option<&str>) -> Box<Poll> {
    Box::new(Poll {
        video_id: video(),
        poll_id: format!("p{number}").parse().unwrap(),
        question: "Tea?".into(),
        options: PollOptions(vec!["yes".into(), "no".into()]),
        author_id: user(1),
        key: key.map(str::to_owned),
        created_at: Timestamp(0),
        closed_at: None,
    })
}

fn submit(chat: &mut Chat, act: Act) -> Answers {
    let (ticket, answer) = Reply::channel();
    chat.submit(act, ticket);
    answer
}

/// Makes the next act durable.
fn run(chat: &mut Chat, change: Change) -> News {
    let (_, ticket) = chat.next_act(Timestamp(0)).expect("an act to run");
    chat.on_acted(ticket, Ok(change))
}

#[test]
fn acts_run_one_after_the_other_and_answer_with_the_rules_after_them() {
    let mut chat = chat();
    let mut slow = submit(&mut chat, Act::SlowMode(Duration::from_secs(5)));
    let mut pin = submit(&mut chat, Act::Pin(Some(7)));
    let (_, ticket) = chat.next_act(Timestamp(0)).unwrap();
    assert!(chat.next_act(Timestamp(0)).is_none(), "one at a time");
    assert_eq!(chat.on_acted(ticket, Ok(Change::SlowMode(Duration::from_secs(5)))), News::Rules);
    assert_eq!(slow.try_recv().unwrap().unwrap().chat.slow_mode_s, 5);
    assert!(pin.try_recv().is_err());
    assert_eq!(run(&mut chat, Change::Pinned(Some(Box::new(row(7, "look"))))), News::Rules);
    assert_eq!(pin.try_recv().unwrap().unwrap().chat.pinned.unwrap().text, "look");
    assert!(chat.is_idle());
}

#[test]
fn a_pin_follows_its_comment_and_goes_with_it() {
    let mut chat = chat();
    drop(submit(&mut chat, Act::Pin(Some(7))));
    run(&mut chat, Change::Pinned(Some(Box::new(row(7, "look")))));
    let answered = Entry { replies: 1, ..row(7, "look") };
    assert_eq!(chat.on_committed(&mut batch(vec![answered])).0, News::Nothing, "a reply is no news");
    assert_eq!(chat.on_committed(&mut batch(vec![row(7, "other words")])).0, News::Rules);
    assert_eq!(chat.view().pinned.unwrap().text, "other words");
    let removed = Entry { removed: true, ..row(7, "") };
    assert_eq!(chat.on_committed(&mut batch(vec![removed])).0, News::Rules);
    assert_eq!(chat.view().pinned, None);
}

#[test]
fn a_comment_that_is_removed_while_it_is_being_pinned_is_not() {
    let mut chat = chat();
    drop(submit(&mut chat, Act::Pin(Some(7))));
    let (_, ticket) = chat.next_act(Timestamp(0)).unwrap();
    chat.on_committed(&mut batch(vec![Entry { removed: true, ..row(7, "") }]));
    chat.on_acted(ticket, Ok(Change::Pinned(Some(Box::new(row(7, "read before that"))))));
    assert_eq!(chat.view().pinned, None);
}

#[test]
fn one_poll_is_open_at_a_time_and_the_same_key_is_the_same_poll() {
    let mut chat = chat();
    drop(submit(&mut chat, Act::OpenPoll(poll(1, Some("k")))));
    assert_eq!(run(&mut chat, Change::PollOpened(poll(1, Some("k")))), News::Poll);
    let mut again = submit(&mut chat, Act::OpenPoll(poll(2, Some("k"))));
    let mut other = submit(&mut chat, Act::OpenPoll(poll(3, None)));
    assert!(chat.next_act(Timestamp(0)).is_none());
    assert_eq!(again.try_recv().unwrap().unwrap().poll.unwrap().id, "p1");
    assert_eq!(other.try_recv().unwrap().unwrap_err(), ONE_POLL);
}

#[test]
fn a_poll_closes_when_the_votes_before_it_are_written_and_takes_none_after() {
    let mut chat = chat();
    drop(submit(&mut chat, Act::OpenPoll(poll(1, None))));
    run(&mut chat, Change::PollOpened(poll(1, None)));
    let id = poll(1, None).poll_id;
    let vote = |chat: &mut Chat, number: i64| {
        let (ticket, answer) = Reply::channel();
        chat.vote(user(number), id.clone(), 1, ticket);
        answer
    };
    let mut before = vote(&mut chat, 1);
    let written = chat.votes.take().unwrap();
    let mut closed = submit(&mut chat, Act::ClosePoll(id.clone()));
    assert!(chat.next_act(Timestamp(0)).is_none(), "a vote is on its way");
    assert_eq!(vote(&mut chat, 2).try_recv().unwrap(), Err(RoomError::PollClosed));
    let mut tally = Tally::default();
    tally.learn_bucket(BucketId::FIRST, 1, Totals([(2, 1)].into()));
    let applied = Applied { tally: tally.clone(), outcomes: Vec::new() };
    assert_eq!(chat.on_voted(written, Ok(applied)), News::Poll);
    let voted = before.try_recv().unwrap().unwrap();
    assert_eq!((voted.votes, voted.vote), (1, Some(1)));
    let ended = Box::new(Poll { closed_at: Some(Timestamp(9)), ..*poll(1, None) });
    assert_eq!(run(&mut chat, Change::PollClosed(ended, tally)), News::Poll);
    let shown = closed.try_recv().unwrap().unwrap();
    assert_eq!((shown.poll.unwrap().votes, shown.chat.poll), (1, None));
    let Some(Event::Poll { poll, .. }) = chat.poll_event() else { panic!("the end is shown") };
    assert!(!poll.open && poll.options[1].votes == 1);
    assert_eq!(chat.poll_event(), None, "once");
}

#[test]
fn a_poll_that_could_not_be_closed_takes_votes_again() {
    let mut chat = chat();
    drop(submit(&mut chat, Act::OpenPoll(poll(1, None))));
    run(&mut chat, Change::PollOpened(poll(1, None)));
    let mut refused = submit(&mut chat, Act::ClosePoll(poll(1, None).poll_id));
    let (_, ticket) = chat.next_act(Timestamp(0)).unwrap();
    chat.on_acted(ticket, Err(RoomError::Unavailable("away".into())));
    assert!(refused.try_recv().unwrap().is_err());
    let (ticket, mut answer) = Reply::channel();
    chat.vote(user(1), poll(1, None).poll_id, 0, ticket);
    assert!(answer.try_recv().is_err() && chat.votes.has_waiting(), "it waits to be counted");
}

#[test]
fn time_outs_hold_from_what_is_stored_and_what_is_done() {
    let stored = TimeOut {
        video_id: video(),
        user_id: user(1),
        username: "ada".into(),
        display_name: "Ada".into(),
        until: Timestamp(100),
        set_by: user(9),
    };
    let stored =
        Stored { acts: 0, slow_mode: Duration::ZERO, silenced: vec![stored], pinned: None, poll: None };
    let mut chat = Chat::new(&video(), stored);
    assert!(chat.moderation.is_silenced(&user(1), Timestamp(99)));
    assert!(!chat.moderation.is_silenced(&user(1), Timestamp(100)));
    drop(submit(&mut chat, Act::Lift(user(1))));
    assert_eq!(run(&mut chat, Change::Lifted(user(1))), News::Nothing);
    assert!(!chat.moderation.is_silenced(&user(1), Timestamp(99)));
}
