//! Rooms and the store: nothing acknowledged is lost, whatever the store does; what was said can be read back in
//! pages; streams longer than a bucket are as good as short ones.

use std::{collections::BTreeSet, time::Duration};

use crate::house::{DEADLINE, House, Plan, Protocol, faults::Fault};
use futures_util::future::join_all;
use playhouse::{
    actors::room::{
        NewComment, RoomError, RoomHandle,
        history::{ListComments, Selection, list_comments},
    },
    domain::{
        access::{Role, Visibility},
        account::Identity,
        ids::{CommentId, VideoId},
        reaction::Reaction,
    },
};
use playhouse_protocol::rest::Comment;
use serde_json::json;
use tokio::time::timeout;

fn new(who: &Identity, text: impl Into<String>) -> NewComment {
    NewComment { who: who.clone(), text: text.into(), at_ms: None, parent_id: None, key: None }
}

fn id(comment: &Comment) -> CommentId {
    comment.id.parse().expect("an id")
}

/// All pages of a selection.
async fn list(house: &House, video: &VideoId, selection: Selection, limit: usize) -> Vec<Comment> {
    let (mut items, mut cursor) = (Vec::new(), None);
    loop {
        let query = ListComments { selection: selection.clone(), limit, cursor };
        let page = list_comments(&house.store, video, query).await.expect("a page");
        assert!(page.items.len() <= limit);
        items.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return items;
        }
    }
}

/// Comments until the room takes one again.
async fn comment_until_taken(room: &RoomHandle, who: &Identity, text: &str) -> Comment {
    let attempts = async {
        loop {
            match room.comment(new(who, text)).await {
                Ok(posted) => return posted.comment,
                Err(RoomError::Unavailable(_)) => tokio::time::sleep(Duration::from_millis(5)).await,
                Err(error) => panic!("{error}"),
            }
        }
    };
    timeout(DEADLINE, attempts).await.expect("the room recovers")
}

fn impatient() -> Plan {
    let mut plan = Plan::default();
    plan.rooms.store_deadline = Duration::from_millis(300);
    plan.rooms.retry_pause = Duration::from_millis(10);
    plan
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_fails_costs_no_acknowledged_comment() {
    let house = House::start(impatient()).await;
    let ada = house.user("ada");
    for fault in [Fault::Refused, Fault::Unheard, Fault::Hangs] {
        let video = house.video(&ada, Visibility::Public).await;
        let room = house.rooms.of(&video);
        let mut watcher = house.connect(Protocol::Json, None).await;
        watcher.join(&video).await;
        let first = room.comment(new(&ada, "first")).await.expect("a comment").comment;
        house.faults.set(fault);
        let refused = room.comment(new(&ada, "second")).await;
        assert!(matches!(refused, Err(RoomError::Unavailable(_))), "{fault:?}: {refused:?}");
        let refused = room.react(ada.clone(), Some(Reaction::Like)).await;
        assert!(matches!(refused, Err(RoomError::Unavailable(_))), "{fault:?}: {refused:?}");
        let mut reader = house.connect(Protocol::Json, None).await;
        let snapshot = reader.join(&video).await;
        assert!(!snapshot["comments"].as_array().expect("a list").is_empty(), "reads go on");
        house.faults.set(Fault::None);
        let third = comment_until_taken(&room, &ada, "third").await;
        let stored = list(&house, &video, Selection::Newest, 2).await;
        let texts: Vec<&str> = stored.iter().rev().map(|comment| comment.text.as_str()).collect();
        // What went unheard is there, and is told to those who watch; what was refused is not.
        let expected: &[&str] =
            if fault == Fault::Unheard { &["first", "second", "third"] } else { &["first", "third"] };
        assert_eq!(texts, expected, "{fault:?}");
        assert_eq!(watcher.comments(expected.len()).await, expected, "{fault:?}");
        assert_eq!((&stored[0], stored.last()), (&third, Some(&first)));
        assert_eq!(room.counts().await.expect("counts").comments, expected.len() as u64);
        let totals = room.react(ada.clone(), Some(Reaction::Like)).await.expect("a reaction");
        assert_eq!(totals.likes, 1);
    }
    assert_eq!(house.shared.metrics.actor_restarts.of("room").get(), 0, "no room had to start again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pointers_that_could_not_be_written_are_written_later() {
    let house = House::start(impatient()).await;
    let ada = house.user("ada");
    let video = house.video(&ada, Visibility::Public).await;
    let room = house.rooms.of(&video);
    house.faults.set_on(Fault::Refused, "comment_moments");
    let pinned = NewComment { at_ms: Some(1_500), ..new(&ada, "here") };
    let pinned = room.comment(pinned).await.expect("a comment is durable without its pointer").comment;
    let met = timeout(DEADLINE, async {
        while house.faults.hits() < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    met.await.expect("the room tries again");
    house.faults.set(Fault::None);
    let here = Selection::Moments { from_ms: 1_000, to_ms: 2_000 };
    let found = timeout(DEADLINE, async {
        loop {
            let found = list(&house, &video, here.clone(), 5).await;
            if !found.is_empty() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert_eq!(found.await.expect("the pointer is written"), [pinned]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_while_rooms_drain_is_said_once() {
    let house = House::start(Plan::default()).await;
    let ada = house.user("ada");
    let video = house.video(&ada, Visibility::Public).await;
    let room = house.rooms.of(&video);
    let speakers = (0..4).map(|speaker| {
        let (room, ada) = (room.clone(), ada.clone());
        async move {
            for n in 0..50 {
                room.comment(new(&ada, format!("{speaker}.{n}"))).await.expect("a comment");
            }
        }
    });
    let drains = async {
        for _ in 0..10 {
            house.rooms.drain(&video).await.expect("a drained room");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::join!(join_all(speakers), drains);
    let all = list(&house, &video, Selection::Newest, 100).await;
    let texts: BTreeSet<&str> = all.iter().map(|comment| comment.text.as_str()).collect();
    assert_eq!((all.len(), texts.len()), (200, 200));
    assert_eq!(room.counts().await.expect("counts").comments, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_longer_than_a_bucket_reads_removes_and_resumes_as_a_short_one() {
    let house = House::start(Plan::default()).await;
    let (ada, bob) = (house.user("ada"), house.user("bob"));
    let video = house.video(&ada, Visibility::Public).await;
    let room = house.rooms.of(&video);
    let parent = room.comment(new(&bob, "0")).await.expect("a comment").comment;
    const COUNT: usize = 10_100;
    for chunk in (1..COUNT).collect::<Vec<_>>().chunks(2_000) {
        let posts = chunk.iter().map(|n| room.comment(new(&bob, n.to_string())));
        let posted = join_all(posts).await;
        assert!(posted.iter().all(Result::is_ok), "{:?}", posted.iter().find(|posted| posted.is_err()));
    }
    let reply = NewComment { parent_id: Some(id(&parent)), at_ms: Some(54_000), ..new(&ada, "a reply") };
    let reply = room.comment(reply).await.expect("a reply").comment;
    let doomed = list(&house, &video, Selection::Newest, 100).await.pop().expect("comments");
    assert_eq!(doomed.id, parent.id, "the last of the list is the oldest");
    assert_eq!(doomed.replies, 1, "its reply lies in another bucket");

    let removed = list(&house, &video, Selection::Newest, 100).await.swap_remove(COUNT - 100);
    room.remove(&id(&removed), ada.clone()).await.expect("the owner of the video may");
    let edited = room.edit(&id(&parent), bob.clone(), "edited").await.expect("an edit");
    assert!(edited.comment.edited_at.is_some());
    for drained in [false, true] {
        if drained {
            house.rooms.drain(&video).await.expect("a drained room");
        }
        let all = list(&house, &video, Selection::Newest, 100).await;
        let ids: BTreeSet<&str> = all.iter().map(|comment| comment.id.as_str()).collect();
        assert_eq!((all.len(), ids.len()), (COUNT, COUNT), "drained: {drained}");
        assert!(!ids.contains(removed.id.as_str()));
        assert_eq!(all.last().map(|comment| comment.text.as_str()), Some("edited"));
        assert_eq!(
            list(&house, &video, Selection::Replies(id(&parent)), 10).await,
            std::slice::from_ref(&reply)
        );
        let moments = Selection::Moments { from_ms: 0, to_ms: 60_000 };
        assert_eq!(list(&house, &video, moments, 10).await, std::slice::from_ref(&reply));
        assert_eq!(room.counts().await.expect("counts").comments, COUNT as u64);
        let mut client = house.connect(Protocol::Json, None).await;
        let snapshot = client.join(&video).await;
        assert_eq!(snapshot["counts"]["comments"], json!(COUNT));
        let since = json!({"epoch": snapshot["epoch"], "offset": COUNT + 1});
        let resumed = client.ok(json!({"op": "join", "room": video, "since": since})).await;
        assert_eq!(resumed["recovered"], json!(true));
        assert_eq!(resumed["removed"], json!([removed.id]));
        assert_eq!(resumed["edited"][0]["text"], json!("edited"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn comments_go_by_their_author_the_owner_or_a_moderator() {
    let house = House::start(Plan::default()).await;
    let (ada, bob, eve) = (house.user("ada"), house.user("bob"), house.user("eve"));
    let mut guard = house.user("guard");
    guard.roles.add(Role::Moderator);
    let video = house.video(&ada, Visibility::Public).await;
    let room = house.rooms.of(&video);
    for (who, allowed) in [(&ada, true), (&bob, true), (&guard, true), (&eve, false)] {
        let comment = room.comment(new(&bob, "words")).await.expect("a comment").comment;
        let outcome = room.remove(&id(&comment), who.clone()).await;
        assert_eq!(outcome, if allowed { Ok(()) } else { Err(RoomError::Forbidden) }, "{}", who.username);
    }
    let nowhere = format!("{video}-999").parse().expect("an id");
    assert_eq!(room.remove(&nowhere, guard.clone()).await, Err(RoomError::NotFound));
    let elsewhere = format!("{}-1", VideoId::new(house.clock.now())).parse().expect("an id");
    assert_eq!(room.remove(&elsewhere, guard).await, Err(RoomError::NotFound));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reactions_toggle_without_a_count_going_wrong() {
    let house = House::start(Plan::default()).await;
    let ada = house.user("ada");
    let video = house.video(&ada, Visibility::Public).await;
    let room = house.rooms.of(&video);
    let people: Vec<Identity> = (0..40).map(|n| house.user(&format!("user{n}"))).collect();
    let toggles = people.iter().enumerate().map(|(n, who)| {
        let room = room.clone();
        async move {
            for reaction in [Some(Reaction::Like), None, Some(Reaction::Dislike), Some(Reaction::Like)] {
                room.react(who.clone(), reaction).await.expect("a reaction");
            }
            if n % 4 == 0 {
                room.react(who.clone(), Some(Reaction::Dislike)).await.expect("a reaction");
            }
        }
    });
    join_all(toggles).await;
    for _ in 0..2 {
        let counts = room.counts().await.expect("counts");
        assert_eq!((counts.likes, counts.dislikes), (30, 10));
        house.rooms.drain(&video).await.expect("a drained room");
    }
    assert_eq!(room.reaction_of(&people[0].user_id).await, Ok(Some(Reaction::Dislike)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_room_of_a_video_that_is_gone_is_absent() {
    let house = House::start(Plan::default()).await;
    let ada = house.user("ada");
    let video = house.video(&ada, Visibility::Public).await;
    let room = house.rooms.of(&video);
    room.comment(new(&ada, "words")).await.expect("a comment");
    house
        .store
        .delete::<playhouse::backends::store::tables::video::Video>((video.clone(),), ())
        .await
        .expect("deleted");
    room.video_changed().await.expect("heard");
    assert_eq!(room.comment(new(&ada, "words")).await.err(), Some(RoomError::NotFound));
}
