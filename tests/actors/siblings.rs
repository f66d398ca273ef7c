//! Rooms of one video on two nodes, over one store and one bus: whoever sits in either hears all of it, once and in order.

use std::{collections::BTreeSet, time::Duration};

use futures_util::future::join_all;
use playhouse::{
    actors::room::{CommentsOf, NewComment, NewPoll, RoomError},
    backends::store::{
        Record,
        tables::{room::Entry, tally::Member},
    },
    domain::{access::Visibility, account::Identity, ids::VideoId, reaction::Reaction},
};
use playhouse_protocol::realtime::Counts;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::{
    chat::account,
    house::{Client, DEADLINE, House, Plan, Protocol, faults::Fault, mute::Mute},
};

fn new(who: &Identity, text: String) -> NewComment {
    NewComment { who: who.clone(), text, at_ms: None, parent_id: None, key: None }
}

/// Texts of so many comments, as they come; their offsets must grow by one.
async fn hear(client: &mut Client, count: usize, after: u64) -> Vec<String> {
    let (mut texts, mut last) = (Vec::new(), after);
    while texts.len() < count {
        let event = client.event("comments").await;
        let items = event["items"].as_array().expect("items").clone();
        last += items.len() as u64;
        assert_eq!(event["offset"], json!(last), "nothing is left out and nothing comes twice");
        texts.extend(items.iter().map(|item| item["text"].as_str().expect("a text").to_owned()));
    }
    texts
}

async fn counts_until(house: &House, video: &VideoId, what: &str, agree: impl Fn(&Counts) -> bool) {
    let wait = async {
        while !agree(&house.rooms.of(video).counts().await.expect("counts")) {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(DEADLINE, wait).await.unwrap_or_else(|_| panic!("{what}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_on_either_node_is_heard_on_both_once_and_in_one_order() {
    const EACH: usize = 60;
    let here = House::start(Plan::default()).await;
    let there = here.beside(Plan::default()).await;
    let ada = here.user("ada");
    let video = here.video(&ada, Visibility::Public).await;
    let mut one = here.connect(Protocol::Json, None).await;
    let mut two = there.connect(Protocol::MessagePack, None).await;
    for client in [&mut one, &mut two] {
        let joined = client.ok(json!({"op": "join", "room": video.to_string()})).await;
        assert_eq!(joined["offset"], 0);
    }
    let say = |house: &House, name: &'static str| {
        let (room, ada) = (house.rooms.of(&video), ada.clone());
        let comments = (0..EACH).map(move |number| {
            let (room, new) = (room.clone(), new(&ada, format!("{name} {number}")));
            async move { room.comment(new).await.expect("a comment").offset }
        });
        join_all(comments)
    };
    let (ours, theirs) = tokio::join!(say(&here, "here"), say(&there, "there"));
    let offsets: BTreeSet<u64> = ours.into_iter().chain(theirs).collect();
    assert_eq!(offsets, (1..=2 * EACH as u64).collect(), "each has an offset of its own");
    let (heard_here, heard_there) = tokio::join!(hear(&mut one, 2 * EACH, 0), hear(&mut two, 2 * EACH, 0));
    assert_eq!(heard_here, heard_there);
    assert_eq!(heard_here.iter().collect::<BTreeSet<_>>().len(), 2 * EACH);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_while_a_room_loads_comes_once_and_counts_once() {
    let here = House::start(Plan::default()).await;
    let there = here.beside(Plan::default()).await;
    let ada = here.user("ada");
    let video = here.video(&ada, Visibility::Public).await;
    let say =
        async |text: &str| here.rooms.of(&video).comment(new(&ada, text.into())).await.expect("a comment");
    say("first").await;
    let mut late = there.connect(Protocol::Json, None).await;
    here.faults.hold_scans_of(Entry::TABLE.name);
    let before = here.faults.hits();
    late.send(&json!({"id": 1, "op": "join", "room": video.to_string()})).await;
    // The room there knows where the stream ends, and has not read it.
    while here.faults.hits() == before {
        sleep(Duration::from_millis(5)).await;
    }
    let second = say("second").await;
    here.faults.let_scans_go_on();
    let joined = late.answer(1).await;
    // What was said meanwhile comes with the answer, if the room heard of it first, or after it.
    let offset = joined["ok"]["offset"].as_u64().expect("an offset");
    let mut texts = texts_of(&joined["ok"]["comments"]);
    assert_eq!(texts.len() as u64, offset, "{joined}");
    say("third").await;
    texts.extend(hear(&mut late, 3 - texts.len(), offset).await);
    assert_eq!(texts, ["first", "second", "third"]);
    here.rooms
        .of(&video)
        .remove(&second.comment.id.parse().expect("an id"), ada.clone())
        .await
        .expect("it is removed");
    for house in [&here, &there] {
        counts_until(house, &video, "two are left", |counts| counts.comments == 2).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_moves_to_another_node_resumes_there_exactly() {
    let here = House::start(Plan::default()).await;
    let there = here.beside(Plan::default()).await;
    let ada = here.user("ada");
    let video = here.video(&ada, Visibility::Public).await;
    // Somebody keeps the other room awake from the beginning.
    let mut witness = there.connect(Protocol::Json, None).await;
    witness.join(&video).await;
    let mut client = here.connect(Protocol::Json, None).await;
    let room = here.rooms.of(&video);
    room.comment(new(&ada, "seen".into())).await.expect("a comment");
    let joined = client.ok(json!({"op": "join", "room": video.to_string()})).await;
    drop(client);
    for number in 0..5 {
        room.comment(new(&ada, format!("missed {number}"))).await.expect("a comment");
    }
    let last = room.comment(new(&ada, "removed".into())).await.expect("a comment");
    room.remove(&last.comment.id.parse().expect("an id"), ada.clone()).await.expect("a removal");
    let mut again = there.connect(Protocol::Json, None).await;
    let since = json!({"epoch": joined["epoch"], "offset": joined["offset"]});
    let request = json!({"op": "join", "room": video.to_string(), "since": since});
    let resumed = again.ok(request).await;
    assert_eq!(resumed["recovered"], json!(true), "{resumed}");
    let mut texts: Vec<String> = texts_of(&resumed["comments"]);
    // What the other room had not read yet when it greeted comes as events.
    while texts.len() < 5 {
        texts.extend(texts_of(&again.event("comments").await["items"]));
    }
    texts.retain(|text| text != "removed");
    assert_eq!(texts, (0..5).map(|number| format!("missed {number}")).collect::<Vec<_>>());
}

/// Both rooms begin without a row that could say what the stream is called.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sat_down_before_the_first_comment_resumes_at_the_other_node_exactly() {
    let here = House::start(Plan::default()).await;
    let there = here.beside(Plan::default()).await;
    let ada = here.user("ada");
    let video = here.video(&ada, Visibility::Public).await;
    let request = json!({"op": "join", "room": video.to_string()});
    let mut early = there.connect(Protocol::Json, None).await;
    let joined = early.ok(request.clone()).await;
    assert_eq!(joined["offset"], json!(0));
    drop(early);
    here.rooms.of(&video).comment(new(&ada, "missed".into())).await.expect("a comment");
    for house in [&here, &there] {
        let mut again = house.connect(Protocol::Json, None).await;
        let mut request = request.clone();
        request["since"] = json!({"epoch": joined["epoch"], "offset": 0});
        let resumed = again.ok(request).await;
        assert_eq!(resumed["recovered"], json!(true), "{resumed}");
        let mut texts = texts_of(&resumed["comments"]);
        if texts.is_empty() {
            texts = texts_of(&again.event("comments").await["items"]);
        }
        assert_eq!(texts, ["missed"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_seen_more_than_a_node_knows_resumes_there_exactly() {
    let here = House::start(Plan::default()).await;
    let there = here.beside_and_deaf(Plan::default()).await;
    let ada = here.user("ada");
    let video = here.video(&ada, Visibility::Public).await;
    let mut witness = there.connect(Protocol::Json, None).await;
    witness.join(&video).await;
    let room = here.rooms.of(&video);
    let mut seen = room.comment(new(&ada, "seen 1".into())).await.expect("a comment").offset;
    let mut client = here.connect(Protocol::Json, None).await;
    let joined = client.ok(json!({"op": "join", "room": video.to_string()})).await;
    for round in 0..3 {
        seen = room.comment(new(&ada, format!("round {round}"))).await.expect("a comment").offset.max(seen);
        let mut again = there.connect(Protocol::Json, None).await;
        let since = json!({"epoch": joined["epoch"], "offset": seen});
        let resumed = again.ok(json!({"op": "join", "room": video.to_string(), "since": since})).await;
        assert_eq!((&resumed["recovered"], &resumed["offset"]), (&json!(true), &json!(seen)), "{resumed}");
        assert_eq!(resumed["comments"], json!([]), "nothing was missed");
        assert_eq!(resumed["counts"]["comments"], json!(seen));
    }
    assert_eq!(hear(&mut witness, 4, 0).await, ["seen 1", "round 0", "round 1", "round 2"]);
}

fn texts_of(items: &Value) -> Vec<String> {
    let items = items.as_array().expect("a list").iter();
    items.map(|item| item["text"].as_str().expect("a text").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn votes_whose_write_went_unheard_are_shown_at_both_nodes() {
    let here = House::start(Plan::default()).await;
    let there = here.beside(Plan::default()).await;
    let ada = here.user("ada");
    let video = here.video(&ada, Visibility::Public).await;
    let mut seats = [here.connect(Protocol::Json, None).await, there.connect(Protocol::Json, None).await];
    for seat in &mut seats {
        seat.join(&video).await;
    }
    let room = here.rooms.of(&video);
    let poll = NewPoll { question: "Tea?".into(), options: vec!["yes".into(), "no".into()], key: None };
    let poll = room.open_poll(&ada, poll).await.expect("a poll").id.parse().expect("an id");
    here.faults.set_on(Fault::Unheard, Member::TABLE.name);
    let unheard = room.react(ada.clone(), Some(Reaction::Like)).await;
    assert!(matches!(unheard, Err(RoomError::Unavailable(_))), "{unheard:?}");
    let unheard = room.vote(ada.clone(), &poll, 1).await;
    assert!(matches!(unheard, Err(RoomError::Unavailable(_))), "{unheard:?}");
    here.faults.set(Fault::None);
    for house in [&here, &there] {
        counts_until(house, &video, "one likes it", |counts| counts.likes == 1).await;
        let votes = async {
            while house.rooms.of(&video).chat().await.expect("a chat").poll.expect("a poll").votes != 1 {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(DEADLINE, votes).await.expect("one has voted");
    }
}

/// A room without viewers says nothing by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_like_that_could_not_be_told_is_told_later() {
    let here = House::start(Plan::default()).await;
    let bus = Mute::around(here.bus.clone());
    let there = here.beside_on(bus.clone(), Plan::default()).await;
    let (ada, bob, cleo) = (here.user("ada"), here.user("bob"), here.user("cleo"));
    let video = here.video(&ada, Visibility::Public).await;
    for (house, who) in [(&here, ada), (&there, bob)] {
        house.rooms.of(&video).react(who, Some(Reaction::Like)).await.expect("a like");
    }
    counts_until(&here, &video, "two like it", |counts| counts.likes == 2).await;
    bus.set(true);
    let totals = there.rooms.of(&video).react(cleo, Some(Reaction::Like)).await.expect("a like");
    assert_eq!(totals.likes, 3);
    assert_eq!(here.rooms.of(&video).counts().await.expect("counts").likes, 2, "nobody has told it");
    bus.set(false);
    counts_until(&here, &video, "three like it", |counts| counts.likes == 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn likes_that_were_counted_before_one_more_came_do_not_undo_it() {
    let here = House::start(Plan::default()).await;
    let there = here.beside(Plan::default()).await;
    let (ada, bob) = (here.user("ada"), here.user("bob"));
    let video = here.video(&ada, Visibility::Public).await;
    let mut seats = [here.connect(Protocol::Json, None).await, there.connect(Protocol::Json, None).await];
    for seat in &mut seats {
        seat.join(&video).await;
    }
    here.faults.hold_statics_of(Member::TABLE.name);
    there.rooms.of(&video).react(bob, Some(Reaction::Like)).await.expect("a like");
    let counts_here = async {
        while here.faults.hits() == 0 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(DEADLINE, counts_here).await.expect("the other node counts again");
    let totals = here.rooms.of(&video).react(ada, Some(Reaction::Like)).await.expect("a like");
    assert_eq!(totals.likes, 2);
    here.faults.let_statics_come();
    // What was read when there was one like comes now.
    sleep(Duration::from_millis(300)).await;
    for house in [&here, &there] {
        assert_eq!(house.rooms.of(&video).counts().await.expect("counts").likes, 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_nodes_show_the_same_likes_views_and_viewers() {
    let here = House::start(Plan::default()).await;
    let there = here.beside(Plan::default()).await;
    let ada = here.user("ada");
    let video = here.video(&ada, Visibility::Public).await;
    let mut seats = Vec::new();
    for house in [&here, &here, &there] {
        let mut client = house.connect(Protocol::Json, None).await;
        client.join(&video).await;
        seats.push(client);
    }
    for house in [&here, &there] {
        counts_until(house, &video, "three watch", |counts| counts.viewers == 3).await;
    }
    let people: Vec<Identity> = (0..20).map(|number| here.user(&format!("user{number}"))).collect();
    for (at, who) in people.iter().enumerate() {
        let house = if at % 2 == 0 { &here } else { &there };
        house.rooms.of(&video).react(who.clone(), Some(Reaction::Like)).await.expect("a like");
    }
    for house in [&here, &there] {
        counts_until(house, &video, "twenty like it", |counts| counts.likes == 20).await;
    }
    there.rooms.of(&video).react(people[0].clone(), None).await.expect("it is taken back on another node");
    for house in [&here, &there] {
        counts_until(house, &video, "nineteen like it", |counts| counts.likes == 19).await;
    }
    drop(seats.pop());
    counts_until(&here, &video, "two watch", |counts| counts.viewers == 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_video_that_is_made_private_on_one_node_is_left_on_the_other() {
    let here = House::start(Plan::default()).await;
    let there = here.beside(Plan::default()).await;
    let ada = here.user("ada");
    let video = here.video(&ada, Visibility::Public).await;
    here.connect(Protocol::Json, Some(&ada)).await.join(&video).await;
    let mut stranger = there.connect(Protocol::Json, None).await;
    stranger.join(&video).await;
    counts_until(&there, &video, "one watches", |counts| counts.viewers > 0).await;
    here.put_video(&video, &ada, Visibility::Private).await;
    here.rooms.of(&video).video_changed().await.expect("it looks again");
    counts_until(&there, &video, "the stranger is dismissed", |counts| counts.viewers == 0).await;
}

/// Two nodes with somebody in the room of a video at each.
struct Pair {
    here: House,
    there: House,
    owner: Identity,
    video: VideoId,
    one: Client,
    two: Client,
}

impl Pair {
    async fn start() -> Self {
        let here = House::start(Plan::default()).await;
        let there = here.beside(Plan::default()).await;
        let owner = account(&here, "owner").await;
        let video = here.video(&owner, Visibility::Public).await;
        let mut one = here.connect(Protocol::Json, Some(&owner)).await;
        one.join(&video).await;
        let mut two = there.connect(Protocol::MessagePack, None).await;
        two.join(&video).await;
        Self { here, there, owner, video, one, two }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_that_change_on_one_node_are_seen_and_hold_on_the_other() {
    let Pair { here, there, owner, video, mut one, mut two } = Pair::start().await;
    let bob = account(&here, "bob").await;
    let (near, far) = (here.rooms.of(&video), there.rooms.of(&video));
    near.set_slow_mode(&owner, Duration::from_secs(3_600)).await.expect("rules");
    assert_eq!(two.event("chat").await["slow_mode_s"], json!(3_600));
    far.comment(new(&bob, "once".into())).await.expect("a comment");
    // Whichever node it is asked of.
    for room in [&far, &near] {
        let refused = room.comment(new(&bob, "twice".into())).await;
        assert!(matches!(refused, Err(RoomError::SlowMode { .. })), "{refused:?}");
    }
    far.set_slow_mode(&owner, Duration::ZERO).await.expect("rules");
    near.comment(new(&bob, "at once".into())).await.expect("a comment");
    let said = near.comment(new(&owner, "look".into())).await.expect("a comment").comment.id;
    let id = said.parse().expect("an id");
    near.pin(&owner, Some(&id)).await.expect("a pin");
    for client in [&mut one, &mut two] {
        while client.event("chat").await["pinned"]["id"] != json!(said) {}
    }
    far.remove(&id, owner.clone()).await.expect("a removal");
    for client in [&mut one, &mut two] {
        while client.event("chat").await.get("pinned").is_some_and(|pinned| !pinned.is_null()) {}
    }
    assert_eq!(near.chat().await.expect("rules"), far.chat().await.expect("rules"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poll_is_opened_voted_on_and_closed_on_any_node() {
    let Pair { here, there, owner, video, mut one, mut two } = Pair::start().await;
    let (near, far) = (here.rooms.of(&video), there.rooms.of(&video));
    let question = |question: &str| NewPoll {
        question: question.into(),
        options: vec!["yes".into(), "no".into()],
        key: None,
    };
    let poll = near.open_poll(&owner, question("Tea?")).await.expect("a poll");
    let id = poll.id.parse().expect("an id");
    assert_eq!(two.event("poll").await["poll"]["question"], json!("Tea?"));
    let second = far.open_poll(&owner, question("Coffee?")).await;
    assert!(matches!(second, Err(RoomError::Conflict(_))), "{second:?}");
    let people: Vec<Identity> = (0..10).map(|number| here.user(&format!("voter{number}"))).collect();
    let votes = people.iter().enumerate().map(|(at, who)| {
        let room = if at % 2 == 0 { &near } else { &far };
        room.vote(who.clone(), &id, 1)
    });
    join_all(votes).await.into_iter().for_each(|vote| drop(vote.expect("a vote")));
    for client in [&mut one, &mut two] {
        while client.event("poll").await["poll"]["votes"] != json!(10) {}
    }
    let closed = far.close_poll(&owner, &id).await.expect("it closes");
    assert_eq!((closed.open, closed.votes), (false, 10));
    let late = near.vote(owner.clone(), &id, 0).await;
    assert!(matches!(late, Err(RoomError::PollClosed)), "{late:?}");
    for client in [&mut one, &mut two] {
        while client.event("poll").await["poll"]["open"] != json!(false) {}
    }
    near.open_poll(&owner, question("Coffee?")).await.expect("the next one");
    while two.event("poll").await["poll"]["question"] != json!("Coffee?") {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_polls_that_are_opened_at_once_one_is_open() {
    let Pair { here, there, owner, video, .. } = Pair::start().await;
    let (near, far) = (here.rooms.of(&video), there.rooms.of(&video));
    for round in 0..5 {
        let new = |node: &str| NewPoll {
            question: format!("{node} {round}?"),
            options: vec!["yes".into(), "no".into()],
            key: None,
        };
        let (ours, theirs) =
            tokio::join!(near.open_poll(&owner, new("here")), far.open_poll(&owner, new("there")));
        let opened: Vec<_> = [ours, theirs].into_iter().filter_map(Result::ok).collect();
        assert_eq!(opened.len(), 1, "{opened:?}");
        let polls = near.polls(10, None).await.expect("a list").items;
        assert_eq!(polls.len(), round + 1, "what lost is not listed");
        far.close_poll(&owner, &opened[0].id.parse().expect("an id")).await.expect("it closes");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_timed_out_on_one_node_cannot_speak_on_the_other() {
    let here = House::start(Plan::default()).await;
    let hearing = here.beside(Plan::default()).await;
    // What this one does not hear it must ask the store for.
    let deaf = here.beside_and_deaf(Plan::default()).await;
    let (owner, eve) = (account(&here, "owner").await, account(&here, "eve").await);
    let video = here.video(&owner, Visibility::Public).await;
    let room = here.rooms.of(&video);
    for there in [&hearing, &deaf] {
        let far = there.rooms.of(&video);
        let mut seat = there.connect(Protocol::Json, Some(&eve)).await;
        seat.join(&video).await;
        let said = far.comment(new(&eve, "before".into())).await.expect("a comment").comment.id;
        let ten_minutes = Duration::from_secs(600);
        let gone =
            room.time_out(&owner, &eve.user_id, ten_minutes, CommentsOf::Go).await.expect("a time-out");
        assert_eq!(gone.removed, 1, "what was said on the other node is gone too");
        let refused = far.comment(new(&eve, "after".into())).await;
        assert!(matches!(refused, Err(RoomError::TimedOut { .. })), "{refused:?}");
        let edit = far.edit(&said.parse().expect("an id"), eve.clone(), "mended").await;
        assert!(edit.is_err(), "{edit:?}");
        let lifted = room.time_out(&owner, &eve.user_id, Duration::ZERO, CommentsOf::Stay).await;
        assert_eq!(lifted.expect("it is lifted").until, None);
        let again = far.comment(new(&eve, "again".into())).await.expect("a comment").comment.id;
        room.remove(&again.parse().expect("an id"), owner.clone()).await.expect("a removal");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn emoji_thrown_on_one_node_are_counted_once_on_both() {
    const EACH: u64 = 20;
    let Pair { here, there, video, mut one, mut two, .. } = Pair::start().await;
    let (ada, bob) = (here.user("ada"), here.user("bob"));
    for _ in 0..EACH {
        here.rooms.of(&video).burst(ada.clone(), "🎉".parse().expect("one")).await.expect("thrown");
        there.rooms.of(&video).burst(bob.clone(), "🔥".parse().expect("one")).await.expect("thrown");
    }
    for client in [&mut one, &mut two] {
        let mut seen = [0, 0];
        while seen != [EACH, EACH] {
            let counts = client.event("bursts").await["counts"].clone();
            for (sum, emoji) in seen.iter_mut().zip(["🎉", "🔥"]) {
                *sum += counts[emoji].as_u64().unwrap_or(0);
                assert!(*sum <= EACH, "counted twice: {counts}");
            }
        }
    }
}
