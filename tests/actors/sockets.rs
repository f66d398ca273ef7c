//! Rooms over real sockets: every operation in both sub-protocols, and the documented answer to whatever is wrong.

use std::time::Duration;

use crate::house::{Client, DEADLINE, House, Plan, Protocol, texts_of};
use futures_util::SinkExt;
use playhouse::{
    actors::{admission::Bounds, session::Rates},
    domain::{access::Visibility, ids::CommentId},
    http::ws,
};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_works_in_both_sub_protocols_at_once() {
    let house = House::start(Plan::default()).await;
    let (ada, bob) = (house.user("ada"), house.user("bob"));
    let room = house.video(&ada, Visibility::Public).await;
    for (one, two) in [(Protocol::Json, Protocol::MessagePack), (Protocol::MessagePack, Protocol::Plain)] {
        let mut speaker = house.connect(one, Some(&ada)).await;
        let mut listener = house.connect(two, None).await;
        assert_eq!(speaker.ok(json!({"op": "ping"})).await, json!({}));
        let before = listener.join(&room).await;
        assert_eq!((&before["recovered"], &before["room"]), (&json!(false), &json!(room)));
        assert_eq!(before["limits"]["rooms_max"], json!(4));
        let joined = speaker.join(&room).await;
        let head = joined["offset"].as_u64().expect("an offset");

        let posted = speaker.comment(&room, "größe").await;
        assert_eq!(posted["offset"], json!(head + 1));
        assert_eq!(posted["comment"]["user"]["username"], json!("ada"));
        for client in [&mut speaker, &mut listener] {
            let event = client.event("comments").await;
            assert_eq!(event["items"], json!([posted["comment"]]));
            assert_eq!(event["offset"], json!(head + 1));
        }

        let refused = listener.problem(json!({"op": "comment", "room": room, "text": "x"})).await;
        assert_eq!(refused["code"], json!("unauthenticated"));
        let user = listener.ok(json!({"op": "auth", "access_token": house.token(&bob)})).await;
        assert_eq!(user["user"]["username"], json!("bob"));
        let reply = json!({
            "op": "comment", "room": room, "text": "yes", "parent_id": posted["comment"]["id"], "at_ms": 1200,
        });
        let reply = listener.ok(reply).await;
        assert_eq!(reply["comment"]["parent_id"], posted["comment"]["id"]);
        assert_eq!(reply["comment"]["at_ms"], json!(1200));

        let totals = listener.ok(json!({"op": "react", "room": room, "reaction": "like"})).await;
        assert_eq!(totals, json!({"likes": 1, "dislikes": 0, "reaction": "like"}));
        let totals = listener.ok(json!({"op": "react", "room": room, "reaction": "none"})).await;
        assert_eq!(totals, json!({"likes": 0, "dislikes": 0, "reaction": "none"}));

        assert_eq!(listener.ok(json!({"op": "leave", "room": room})).await, json!({}));
        let gone = listener.problem(json!({"op": "react", "room": room, "reaction": "like"})).await;
        assert_eq!(gone["code"], json!("not_joined"));
        speaker.ok(json!({"op": "leave", "room": room})).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_view_counts_once_a_playing_and_once_a_viewer_and_window() {
    let house = House::start(Plan::default()).await;
    let (ada, bob) = (house.user("ada"), house.user("bob"));
    let room = house.video(&ada, Visibility::Public).await;
    let mut client = house.connect(Protocol::Json, Some(&bob)).await;
    client.join(&room).await;
    let watch = |playback: &str, watched_ms: u64| {
        json!({"op": "watch", "room": room, "playback_id": playback, "position_ms": 0,
            "watched_ms": watched_ms, "state": "playing"})
    };
    for (playback, watched_ms, counted) in
        [("one", 9_999, false), ("one", 10_000, true), ("one", 20_000, true), ("two", 30_000, false)]
    {
        let answer = client.ok(watch(playback, watched_ms)).await;
        assert_eq!(answer, json!({"counted": counted}), "{playback} {watched_ms}");
    }
    let mut anonymous = house.connect(Protocol::Json, None).await;
    anonymous.join(&room).await;
    assert_eq!(anonymous.ok(watch("three", 10_000)).await, json!({"counted": true}));
    let counts = timeout(DEADLINE, async {
        loop {
            let counts = client.event("counts").await;
            if counts["views"] == json!(2) {
                return counts;
            }
        }
    });
    assert_eq!(counts.await.expect("the counts follow")["viewers"], json!(2));
    house.rooms.drain(&room).await.expect("a drained room");
    assert_eq!(client.closed().await.1, Some(4000), "a room that leaves sends its seats away");
    let mut client = house.connect(Protocol::Json, Some(&bob)).await;
    assert_eq!(client.join(&room).await["counts"]["views"], json!(2));
    assert_eq!(client.ok(watch("one", 40_000)).await, json!({"counted": true}), "it is remembered");
    assert_eq!(house.rooms.of(&room).counts().await.expect("counts").views, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_was_away_gets_exactly_what_they_missed() {
    let house = House::start(Plan::default()).await;
    let ada = house.user("ada");
    let room = house.video(&ada, Visibility::Public).await;
    let mut speaker = house.connect(Protocol::Json, Some(&ada)).await;
    speaker.join(&room).await;
    let first = speaker.comment(&room, "first").await;
    let second = speaker.comment(&room, "second").await;

    let mut listener = house.connect(Protocol::MessagePack, None).await;
    let snapshot = listener.join(&room).await;
    assert_eq!(texts_of(&snapshot["comments"]), ["first", "second"]);
    let since = json!({"epoch": snapshot["epoch"], "offset": snapshot["offset"]});
    drop(listener);

    speaker.comment(&room, "third").await;
    let handle = house.rooms.of(&room);
    let id = |posted: &Value| {
        posted["comment"]["id"].as_str().expect("an id").parse::<CommentId>().expect("an id")
    };
    handle.edit(&id(&second), ada.clone(), "second, edited").await.expect("an edit");
    handle.remove(&id(&first), ada.clone()).await.expect("a removal");
    speaker.event("edited").await;
    assert_eq!(speaker.event("removed").await["ids"], json!([first["comment"]["id"]]));

    // Once while the room is in memory, once after it has left and come back.
    for _ in 0..2 {
        let mut listener = house.connect(Protocol::MessagePack, None).await;
        let resumed = listener.ok(json!({"op": "join", "room": room, "since": since})).await;
        assert_eq!(resumed["recovered"], json!(true));
        assert_eq!(texts_of(&resumed["comments"]), ["third"]);
        assert_eq!(resumed["removed"], json!([first["comment"]["id"]]));
        assert_eq!(texts_of(&resumed["edited"]), ["second, edited"]);
        assert_eq!(resumed["offset"], json!(5));
        let snapshot = listener.join(&room).await;
        assert_eq!(texts_of(&snapshot["comments"]), ["second, edited", "third"]);
        let elsewhere = json!({"op": "join", "room": room, "since": {"epoch": "another", "offset": 1}});
        let snapshot = listener.ok(elsewhere).await;
        assert_eq!(snapshot["recovered"], json!(false));
        assert_eq!(texts_of(&snapshot["comments"]), ["second, edited", "third"]);
        house.rooms.drain(&room).await.expect("a drained room");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_key_is_the_same_comment() {
    let house = House::start(Plan::default()).await;
    let (ada, bob) = (house.user("ada"), house.user("bob"));
    let room = house.video(&ada, Visibility::Public).await;
    let mut client = house.connect(Protocol::Json, Some(&ada)).await;
    client.join(&room).await;
    let comment = json!({"op": "comment", "room": room, "text": "once", "key": "k1"});
    let first = client.ok(comment.clone()).await;
    assert_eq!(client.ok(comment.clone()).await, first);
    house.rooms.drain(&room).await.expect("a drained room");
    let mut again = house.connect(Protocol::Json, Some(&ada)).await;
    assert_eq!(again.join(&room).await["offset"], json!(1));
    assert_eq!(again.ok(comment.clone()).await, first);
    let mut other = house.connect(Protocol::Json, Some(&bob)).await;
    other.join(&room).await;
    assert_eq!(other.ok(comment).await["offset"], json!(2), "a key is its author's own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_gets_its_documented_answer() {
    let house = House::start(Plan::default()).await;
    let (ada, bob) = (house.user("ada"), house.user("bob"));
    let open = house.video(&ada, Visibility::Public).await;
    let hidden = house.video(&ada, Visibility::Private).await;
    let mut client = house.connect(Protocol::Json, Some(&bob)).await;
    client.join(&open).await;
    let long = "x".repeat(2_001);
    for (request, code) in [
        (json!({"op": "join", "room": hidden}), "not_found"),
        (json!({"op": "join", "room": "0000"}), "not_found"),
        (json!({"op": "join", "room": "no/id"}), "not_found"),
        (json!({"op": "join"}), "invalid"),
        (json!({"op": "dance"}), "unknown_op"),
        (json!({"op": "leave", "room": hidden}), "not_joined"),
        (json!({"op": "comment", "room": hidden, "text": "x"}), "not_joined"),
        (json!({"op": "comment", "room": open, "text": "  "}), "invalid"),
        (json!({"op": "comment", "room": open, "text": long}), "invalid"),
        (json!({"op": "comment", "room": open, "text": "x", "at_ms": 60_000}), "invalid"),
        (json!({"op": "comment", "room": open, "text": "x", "parent_id": "a-1"}), "invalid"),
        (json!({"op": "comment", "room": open, "text": "x", "parent_id": format!("{open}-99")}), "invalid"),
        (json!({"op": "comment", "room": open, "text": "x", "key": ""}), "invalid"),
        (json!({"op": "react", "room": open, "reaction": "love"}), "invalid"),
        (json!({"op": "auth", "access_token": "nonsense"}), "unauthenticated"),
    ] {
        assert_eq!(client.problem(request.clone()).await["code"], json!(code), "{request}");
    }
    assert_eq!(client.ok(json!({"op": "ping"})).await, json!({}), "the socket is still there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_that_cannot_be_answered_end_the_socket_with_4002() {
    let house = House::start(Plan::default()).await;
    let large = format!(r#"{{"id":1,"op":"ping","x":"{}"}}"#, "x".repeat(20_000));
    let huge = format!(r#"{{"id":1,"op":"ping","x":"{}"}}"#, "x".repeat(200_000));
    let frames = [
        Message::text("no json"),
        Message::text(r#"{"op":"ping"}"#),
        Message::binary(r#"{"id":1,"op":"ping"}"#),
        Message::text(large),
        Message::text(huge),
    ];
    for frame in frames {
        let mut client = house.connect(Protocol::Json, None).await;
        // The server may hang up while a huge frame is still being written.
        drop(client.socket.send(frame.clone()).await);
        let (bye, code) = client.closed().await;
        assert_eq!(code, Some(4002), "{frame:?}");
        assert_eq!(bye.expect("a bye")["code"], json!(4002));
    }
    let mut packed = house.connect(Protocol::MessagePack, None).await;
    packed.socket.send(Message::text("text")).await.expect("an open socket");
    assert_eq!(packed.closed().await.1, Some(4002));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_is_refused_each_in_its_way() {
    let rates = Rates { comments_per_minute: 2, reactions_per_minute: 1, bursts_per_minute: 1 };
    let plan = Plan { rooms_max: 1, rates: Some(rates), ..Plan::default() };
    let house = House::start(plan).await;
    let ada = house.user("ada");
    let (one, two) =
        (house.video(&ada, Visibility::Public).await, house.video(&ada, Visibility::Public).await);
    let mut client = house.connect(Protocol::Json, Some(&ada)).await;
    client.join(&one).await;
    assert_eq!(client.problem(json!({"op": "join", "room": two})).await["code"], json!("too_many_rooms"));
    client.comment(&one, "1").await;
    let mut second_socket = house.connect(Protocol::Json, Some(&ada)).await;
    second_socket.join(&one).await;
    second_socket.comment(&one, "2").await;
    let refused = client.problem(json!({"op": "comment", "room": one, "text": "3"})).await;
    assert_eq!(refused["code"], json!("too_many"), "the limit is the account's, over its sockets");
    assert!(
        refused["retry_after_ms"].as_u64().is_some_and(|pause| pause > 0 && pause <= 60_000),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_for_more_than_may_wait_is_closed_with_4004() {
    let in_flight = Bounds { messages_max: 2, bytes_max: 65_536 };
    let house = House::start(Plan { in_flight, ..Plan::default() }).await;
    let ada = house.user("ada");
    let room = house.video(&ada, Visibility::Public).await;
    let mut client = house.connect(Protocol::Json, Some(&ada)).await;
    client.join(&room).await;
    // Written at once: the first waits for the disk while the others arrive.
    for id in 0..50 {
        let request = json!({"id": 100 + id, "op": "comment", "room": room, "text": "x"});
        let message = client.encode(&request);
        client.socket.feed(message).await.expect("an open socket");
    }
    client.socket.flush().await.expect("an open socket");
    let (bye, code) = client.closed().await;
    assert_eq!((code, bye.expect("a bye")["code"].clone()), (Some(4004), json!(4004)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_is_closed_with_4001_and_others_do_not_notice() {
    let sockets =
        ws::Options { outbox_bytes_max: 64 << 10, close_deadline: DEADLINE, ..ws::Options::default() };
    let house = House::start(Plan { sockets, ..Plan::default() }).await;
    let ada = house.user("ada");
    let room = house.video(&ada, Visibility::Public).await;
    let mut slow = house.connect(Protocol::Json, None).await;
    slow.join(&room).await;
    let mut speaker = house.connect(Protocol::Json, Some(&ada)).await;
    speaker.join(&room).await;
    let text = "x".repeat(2_000);
    // The kernel takes megabytes before an outbox sees any of it.
    let drops = || house.shared.metrics.outbox_drops.of("stream").get();
    let mut posted = 0;
    while drops() == 0 {
        for id in 0..20_u64 {
            let request = json!({"id": 1_000 + id, "op": "comment", "room": room, "text": text});
            speaker.send(&request).await;
        }
        for id in 0..20_u64 {
            assert!(speaker.answer(1_000 + id).await.get("ok").is_some());
        }
        posted += 20;
        assert!(posted < 20_000, "the slow reader is never cut");
    }
    let (bye, code) = slow.closed().await;
    assert_eq!((code, bye.expect("a bye")["code"].clone()), (Some(4001), json!(4001)));
    assert_eq!(speaker.ok(json!({"op": "ping"})).await, json!({}));
    assert_eq!(house.rooms.of(&room).counts().await.expect("counts").comments, posted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ends_with_its_token() {
    let house = House::start(Plan::default()).await;
    let short = house.user_until("ada", house.clock.now().plus(Duration::from_secs(2)));
    let mut client = house.connect(Protocol::Json, Some(&short)).await;
    let (bye, code) = client.closed().await;
    assert_eq!((code, bye.expect("a bye")["reconnect_after_ms"].clone()), (Some(4005), json!(0)));
    let mut client = house.connect_with(Protocol::Json, Some("nonsense")).await;
    assert_eq!(client.closed().await.1, Some(4005));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notices_reach_whoever_is_signed_in() {
    let house = House::start(Plan::default()).await;
    let ada = house.user("ada");
    let mut client = house.connect(Protocol::MessagePack, None).await;
    client.ok(json!({"op": "auth", "access_token": house.token(&ada)})).await;
    let notice = json!({"kind": "job", "data": {"percent": 40}}).to_string();
    house.bus.publish(&format!("user.{}", ada.user_id), notice.into()).await.expect("published");
    let event = client.event("notice").await;
    assert_eq!((&event["kind"], &event["data"]["percent"]), (&json!("job"), &json!(40)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_video_that_becomes_private_sends_strangers_out_of_its_room() {
    let house = House::start(Plan::default()).await;
    let (ada, bob) = (house.user("ada"), house.user("bob"));
    let room = house.video(&ada, Visibility::Public).await;
    let mut owner = house.connect(Protocol::Json, Some(&ada)).await;
    let mut stranger = house.connect(Protocol::Json, Some(&bob)).await;
    owner.join(&room).await;
    stranger.join(&room).await;
    house.put_video(&room, &ada, Visibility::Private).await;
    house.rooms.of(&room).video_changed().await.expect("heard");
    let notice = stranger.event("notice").await;
    assert_eq!((&notice["kind"], &notice["data"]["room"]), (&json!("room_closed"), &json!(room)));
    let comment = json!({"op": "comment", "room": room, "text": "still here?"});
    assert_eq!(stranger.problem(comment.clone()).await["code"], json!("not_found"));
    assert_eq!(stranger.problem(comment.clone()).await["code"], json!("not_joined"));
    assert_eq!(stranger.problem(json!({"op": "join", "room": room})).await["code"], json!("not_found"));
    owner.ok(comment).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_goes_away_says_when_to_come_back_and_nothing_is_left() {
    let house = House::start(Plan::default()).await;
    let ada = house.user("ada");
    let room = house.video(&ada, Visibility::Public).await;
    let mut clients: Vec<Client> = Vec::new();
    for protocol in [Protocol::Json, Protocol::MessagePack, Protocol::Plain] {
        let mut client = house.connect(protocol, Some(&ada)).await;
        client.join(&room).await;
        clients.push(client);
    }
    house.drain.cancel();
    for client in &mut clients {
        let (bye, code) = client.closed().await;
        assert_eq!(code, Some(4000));
        let pause = bye.expect("a bye")["reconnect_after_ms"].as_u64().expect("a pause");
        assert!((200..=5_200).contains(&pause), "{pause}");
    }
    assert!(house.sockets.drained(DEADLINE).await);
    assert_eq!(house.rooms.close(DEADLINE).await, 0);
    let empty = timeout(DEADLINE, async {
        while house.shared.registry.count() > 0 || house.shared.gate.load().messages() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(empty.await.is_ok(), "{} actors are left", house.shared.registry.count());
}
