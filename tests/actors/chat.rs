//! How rooms are talked in, over real sockets: who may do what, what holds after a restart of the room, and what people
//! hear of it.

use std::time::Duration;

use crate::house::{Client, House, Plan, Protocol, faults::Fault, texts_of};
use futures_util::future::join_all;
use playhouse::{
    actors::room::{
        NewComment, RoomError,
        history::{ListComments, Selection, list_comments, timeline},
    },
    backends::{
        store::tables::{
            account::{Account, NameClaim},
            channel::Moderator,
        },
        tallies::Tallies,
    },
    domain::{
        access::{Role, Visibility},
        account::Identity,
        ids::{CommentId, VideoId},
        tally::{Kind, TallyKey},
    },
};
use serde_json::{Value, json};

/// Someone whom the store knows.
pub async fn account(house: &House, name: &str) -> Identity {
    let who = house.user(name);
    register(house, &who).await;
    who
}

async fn register(house: &House, who: &Identity) {
    let row = Account {
        user_id: who.user_id.clone(),
        username: who.username.clone(),
        email: format!("{}@example.org", who.username),
        display_name: who.display_name.clone(),
        password_hash: String::new(),
        roles: who.roles.clone(),
        channel_id: who.channel_id.clone(),
        created_at: house.clock.now(),
    };
    house.store.put(row).await.expect("a stored account");
    let claim = NameClaim {
        kind: "username".into(),
        name: who.username.clone(),
        holder: who.user_id.to_string(),
        claimed_at: house.clock.now(),
    };
    house.store.put(claim).await.expect("a stored name");
}

/// Lets someone moderate the channel of `owner`.
async fn appoint(house: &House, owner: &Identity, who: &Identity) {
    let row = Moderator {
        channel_id: owner.channel_id.clone(),
        user_id: who.user_id.clone(),
        username: who.username.clone(),
        display_name: who.display_name.clone(),
        appointed_at: house.clock.now(),
    };
    house.store.put(row).await.expect("a stored moderator");
}

fn new(who: &Identity, text: impl Into<String>) -> NewComment {
    NewComment { who: who.clone(), text: text.into(), at_ms: None, parent_id: None, key: None }
}

async fn seated(house: &House, who: &Identity, room: &VideoId) -> Client {
    let mut client = house.connect(Protocol::Json, Some(who)).await;
    client.join(room).await;
    client
}

async fn texts(house: &House, room: &VideoId) -> Vec<String> {
    let query = ListComments { selection: Selection::Newest, limit: 100, cursor: None };
    let page = list_comments(&house.store, room, query).await.expect("a page");
    page.items.into_iter().map(|comment| comment.text).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_mode_holds_over_sockets_rest_and_restarts_and_not_for_moderators() {
    let house = House::start(Plan::default()).await;
    let (owner, bob, mod_) =
        (account(&house, "owner").await, account(&house, "bob").await, account(&house, "mod").await);
    appoint(&house, &owner, &mod_).await;
    let room = house.video(&owner, Visibility::Public).await;
    let mut chief = seated(&house, &owner, &room).await;
    let (mut one, mut two) = (seated(&house, &bob, &room).await, seated(&house, &bob, &room).await);
    one.comment(&room, "before it was switched on").await;
    let rules = chief.ok(json!({"op": "slow_mode", "room": room, "slow_mode_s": 3600})).await;
    assert_eq!(rules["slow_mode_s"], json!(3600));
    assert_eq!(one.event("chat").await["slow_mode_s"], json!(3600));

    let keyed = json!({"op": "comment", "room": room, "text": "first", "key": "k"});
    let first = one.ok(keyed.clone()).await;
    for _ in 0..2 {
        for client in [&mut one, &mut two] {
            let refused = client.problem(json!({"op": "comment", "room": room, "text": "second"})).await;
            assert_eq!(refused["code"], json!("slow_mode"));
            let wait = refused["retry_after_ms"].as_u64().expect("a time");
            assert!((3_000_000..=3_600_000).contains(&wait), "{wait}");
            assert_eq!(client.ok(keyed.clone()).await["comment"]["id"], first["comment"]["id"], "a retry");
        }
        let handle = house.rooms.of(&room);
        let refused = handle.comment(new(&bob, "second")).await;
        assert!(matches!(refused, Err(RoomError::SlowMode { .. })), "{refused:?}");
        for who in [&owner, &mod_] {
            handle.comment(new(who, "as often")).await.expect("a comment");
            handle.comment(new(who, "as I like")).await.expect("a comment");
        }
        house.rooms.drain(&room).await.expect("a drained room");
        (one, two) = (seated(&house, &bob, &room).await, seated(&house, &bob, &room).await);
    }
    let edited = json!({"op": "edit", "room": room, "comment_id": first["comment"]["id"], "text": "better"});
    assert_eq!(one.ok(edited).await["comment"]["text"], json!("better"), "an edit is no new comment");
    let handle = house.rooms.of(&room);
    handle.set_slow_mode(&owner, Duration::ZERO).await.expect("rules");
    two.comment(&room, "at last").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_mode_that_bound_a_write_nobody_heard_of_still_holds() {
    let mut plan = Plan::default();
    plan.rooms.store_deadline = Duration::from_millis(300);
    plan.rooms.retry_pause = Duration::from_millis(10);
    let house = House::start(plan).await;
    let (owner, bob) = (account(&house, "owner").await, account(&house, "bob").await);
    let room = house.video(&owner, Visibility::Public).await;
    let handle = house.rooms.of(&room);
    handle.set_slow_mode(&owner, Duration::from_secs(3600)).await.expect("rules");
    house.faults.set_on(Fault::Unheard, "room_entries");
    let unheard = NewComment { key: Some("k".into()), ..new(&bob, "first") };
    assert!(matches!(handle.comment(unheard.clone()).await, Err(RoomError::Unavailable(_))));
    house.faults.set(Fault::None);
    let known = loop {
        match handle.comment(unheard.clone()).await {
            Err(RoomError::Unavailable(_)) => tokio::task::yield_now().await,
            known => break known.expect("the same comment"),
        }
    };
    assert_eq!(known.comment.text, "first");
    let refused = handle.comment(new(&bob, "second")).await;
    assert!(matches!(refused, Err(RoomError::SlowMode { .. })), "{refused:?}");
    assert_eq!(texts(&house, &room).await, ["first"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_silenced_is_so_on_every_socket_and_after_a_restart() {
    let house = House::start(Plan::default()).await;
    let (owner, bob) = (account(&house, "owner").await, account(&house, "bob").await);
    let room = house.video(&owner, Visibility::Public).await;
    let mut chief = seated(&house, &owner, &room).await;
    let (mut one, mut two) = (seated(&house, &bob, &room).await, seated(&house, &bob, &room).await);
    let said = one.comment(&room, "words").await;
    let silence = json!({"op": "time_out", "room": room, "user_id": bob.user_id, "duration_s": 600});
    let done = chief.ok(silence).await;
    assert_eq!((&done["removed"], done["until"].is_string()), (&json!(0), true));
    for client in [&mut one, &mut two] {
        let notice = client.event("notice").await;
        assert_eq!((&notice["kind"], &notice["data"]["video_id"]), (&json!("timed_out"), &json!(room)));
    }
    for _ in 0..2 {
        for client in [&mut one, &mut two] {
            for request in [
                json!({"op": "comment", "room": room, "text": "more"}),
                json!({"op": "edit", "room": room, "comment_id": said["comment"]["id"], "text": "more"}),
            ] {
                let refused = client.problem(request).await;
                assert_eq!(refused["code"], json!("timed_out"));
                assert!(refused["retry_after_ms"].as_u64().is_some_and(|wait| wait <= 600_000));
            }
            client.ok(json!({"op": "react", "room": room, "reaction": "like"})).await;
        }
        let handle = house.rooms.of(&room);
        assert!(matches!(handle.comment(new(&bob, "more")).await, Err(RoomError::TimedOut { .. })));
        let silenced = handle.timed_out(&owner).await.expect("a list");
        assert_eq!(silenced.iter().map(|row| row.user.username.as_str()).collect::<Vec<_>>(), ["bob"]);
        house.rooms.drain(&room).await.expect("a drained room");
        (one, two) = (seated(&house, &bob, &room).await, seated(&house, &bob, &room).await);
    }
    let mut chief = seated(&house, &owner, &room).await;
    let lift = json!({"op": "time_out", "room": room, "user_id": bob.user_id, "duration_s": 0});
    assert_eq!(chief.ok(lift).await["until"], Value::Null);
    two.comment(&room, "thanks").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_out_with_removal_leaves_nothing_of_what_was_said_even_meanwhile() {
    let house = House::start(Plan::default()).await;
    let (owner, bob, eve) =
        (account(&house, "owner").await, account(&house, "bob").await, account(&house, "eve").await);
    let room = house.video(&owner, Visibility::Public).await;
    let handle = house.rooms.of(&room);
    handle.comment(new(&bob, "one")).await.expect("a comment");
    let pinned = NewComment { at_ms: Some(2_000), ..new(&eve, "spam") };
    handle.comment(pinned).await.expect("a comment");
    let mut watcher = seated(&house, &bob, &room).await;
    let before = watcher.join(&room).await;
    let spam = (0..8).map(|n| {
        let (handle, eve) = (handle.clone(), eve.clone());
        async move {
            let mut said = 0_u64;
            for _ in 0..200 {
                match handle.comment(new(&eve, format!("spam {n}"))).await {
                    Ok(_) => said += 1,
                    Err(RoomError::TimedOut { .. }) => return said,
                    Err(error) => panic!("{error}"),
                }
            }
            said
        }
    });
    let silence = async {
        // In the midst of it.
        while texts(&house, &room).await.len() < 20 {
            tokio::task::yield_now().await;
        }
        let gone = playhouse::actors::room::CommentsOf::Go;
        handle.time_out(&owner, &eve.user_id, Duration::from_secs(600), gone).await
    };
    let (said, done) = futures_util::future::join(join_all(spam), silence).await;
    let said: u64 = said.iter().sum();
    assert_eq!(done.expect("done").removed, said + 1);
    assert_eq!(texts(&house, &room).await, ["one"]);
    assert!(timeline(&house.store, &room, 0).await.expect("a window").items.is_empty());
    assert_eq!(handle.counts().await.expect("counts").comments, 1);
    let snapshot = watcher.join(&room).await;
    assert_eq!(texts_of(&snapshot["comments"]), ["one"]);
    let since = json!({"epoch": before["epoch"], "offset": before["offset"]});
    let resumed = watcher.ok(json!({"op": "join", "room": room, "since": since})).await;
    let shown = texts_of(&resumed["comments"]);
    assert!(shown.iter().all(|text| !text.contains("spam")), "{shown:?}");
}

/// What moderators do, each on something of its own.
async fn acts(house: &House, room: &VideoId, victim: &Identity) -> Vec<Value> {
    let handle = house.rooms.of(room);
    let said = handle.comment(new(victim, "words")).await.expect("a comment").comment.id;
    vec![
        json!({"op": "pin", "room": room, "comment_id": said}),
        json!({"op": "pin", "room": room}),
        json!({"op": "slow_mode", "room": room, "slow_mode_s": 0}),
        json!({"op": "open_poll", "room": room, "question": "Tea?", "options": ["yes", "no"]}),
        json!({"op": "close_poll", "room": room, "poll_id": "p"}),
        json!({"op": "remove", "room": room, "comment_id": said}),
        json!({"op": "time_out", "room": room, "user_id": victim.user_id, "duration_s": 60}),
        json!({"op": "time_out", "room": room, "user_id": victim.user_id, "duration_s": 0}),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_may_do_what_their_standing_allows() {
    let house = House::start(Plan::default()).await;
    let owner = account(&house, "owner").await;
    let appointed = account(&house, "appointed").await;
    appoint(&house, &owner, &appointed).await;
    let [mut guard, mut admin] = [house.user("guard"), house.user("admin")];
    guard.roles.add(Role::Moderator);
    admin.roles.add(Role::Admin);
    register(&house, &guard).await;
    register(&house, &admin).await;
    let (victim, stranger) = (account(&house, "victim").await, account(&house, "stranger").await);
    for (who, may) in [(&owner, true), (&appointed, true), (&guard, true), (&admin, true), (&stranger, false)]
    {
        let room = house.video(&owner, Visibility::Public).await;
        let mut client = seated(&house, who, &room).await;
        let mut poll = Value::Null;
        for mut act in acts(&house, &room, &victim).await {
            if act["op"] == json!("close_poll") && may {
                act["poll_id"] = poll.clone();
            }
            let answer = client.ask(act.clone()).await;
            let outcome = answer["problem"]["code"].as_str().unwrap_or("ok");
            assert_eq!(outcome, if may { "ok" } else { "forbidden" }, "{} {act}", who.username);
            if act["op"] == json!("open_poll") {
                poll = answer["ok"]["poll"]["id"].clone();
            }
        }
    }
    let room = house.video(&owner, Visibility::Public).await;
    let mut anonymous = house.connect(Protocol::Json, None).await;
    anonymous.join(&room).await;
    for act in acts(&house, &room, &victim).await {
        assert_eq!(anonymous.problem(act).await["code"], json!("unauthenticated"));
    }
    // Nobody silences their equals.
    let equal = account(&house, "equal").await;
    appoint(&house, &owner, &equal).await;
    for (who, target, may) in [
        (&appointed, &equal, false),
        (&appointed, &owner, false),
        (&appointed, &guard, false),
        (&guard, &owner, false),
        (&owner, &admin, false),
        (&owner, &equal, true),
        (&guard, &equal, true),
        (&appointed, &appointed, false),
    ] {
        let mut client = seated(&house, who, &room).await;
        let act = json!({"op": "time_out", "room": room, "user_id": target.user_id, "duration_s": 60});
        let answer = client.ask(act).await;
        let outcome = answer["problem"]["code"].as_str().unwrap_or("ok");
        let expected = if may { "ok" } else { "forbidden" };
        assert_eq!(outcome, expected, "{} {}", who.username, target.username);
    }
    // Who moderates elsewhere does not here.
    let elsewhere = house.video(&stranger, Visibility::Public).await;
    let mut client = seated(&house, &appointed, &elsewhere).await;
    let act = json!({"op": "slow_mode", "room": elsewhere, "slow_mode_s": 5});
    assert_eq!(client.problem(act).await["code"], json!("forbidden"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pinned_comment_is_shown_to_all_with_its_words_of_now_until_it_goes() {
    let house = House::start(Plan::default()).await;
    let (owner, bob) = (account(&house, "owner").await, account(&house, "bob").await);
    let room = house.video(&owner, Visibility::Public).await;
    let (mut chief, mut viewer) = (seated(&house, &owner, &room).await, seated(&house, &bob, &room).await);
    let said = viewer.comment(&room, "look here").await["comment"]["id"].clone();
    let rules = chief.ok(json!({"op": "pin", "room": room, "comment_id": said})).await;
    assert_eq!(rules["pinned"]["text"], json!("look here"));
    assert_eq!(viewer.event("chat").await["pinned"]["id"], said);
    viewer.ok(json!({"op": "edit", "room": room, "comment_id": said, "text": "look there"})).await;
    assert_eq!(chief.event("edited").await["items"][0]["text"], json!("look there"));
    loop {
        let event = viewer.event("chat").await;
        if event["pinned"]["text"] == json!("look there") {
            break;
        }
    }
    house.rooms.drain(&room).await.expect("a drained room");
    let (mut chief, mut viewer) = (seated(&house, &owner, &room).await, seated(&house, &bob, &room).await);
    assert_eq!(viewer.join(&room).await["chat"]["pinned"]["text"], json!("look there"));
    chief.ok(json!({"op": "remove", "room": room, "comment_id": said})).await;
    assert_eq!(viewer.event("chat").await["pinned"], Value::Null);
    for _ in 0..2 {
        assert_eq!(seated(&house, &bob, &room).await.join(&room).await["chat"]["pinned"], Value::Null);
        house.rooms.drain(&room).await.expect("a drained room");
    }
    let mut chief = seated(&house, &owner, &room).await;
    let gone = chief.problem(json!({"op": "pin", "room": room, "comment_id": said})).await;
    assert_eq!(gone["code"], json!("not_found"));
    chief.comment(&room, "the room is still joined").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bursts_are_counted_by_emoji_and_nothing_else_is_thrown() {
    let house = House::start(Plan::default()).await;
    let (ada, bob) = (account(&house, "ada").await, account(&house, "bob").await);
    let room = house.video(&ada, Visibility::Public).await;
    let (mut one, mut two) = (seated(&house, &ada, &room).await, seated(&house, &bob, &room).await);
    for _ in 0..6 {
        one.ok(json!({"op": "burst", "room": room, "emoji": "🎉"})).await;
        two.ok(json!({"op": "burst", "room": room, "emoji": "❤"})).await;
    }
    let (mut parties, mut hearts) = (0, 0);
    while (parties, hearts) != (6, 6) {
        let counts = one.event("bursts").await["counts"].clone();
        parties += counts["🎉"].as_u64().unwrap_or(0);
        hearts += counts["❤️"].as_u64().unwrap_or(0);
        assert!(parties <= 6 && hearts <= 6);
    }
    let refused = one.problem(json!({"op": "burst", "room": room, "emoji": "🦀"})).await;
    assert_eq!(refused["code"], json!("invalid"));
    let mut anonymous = house.connect(Protocol::Json, None).await;
    anonymous.join(&room).await;
    let refused = anonymous.problem(json!({"op": "burst", "room": room, "emoji": "🎉"})).await;
    assert_eq!(refused["code"], json!("unauthenticated"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn votes_are_one_an_account_whatever_is_asked_again() {
    let mut plan = Plan::default();
    plan.rooms.store_deadline = Duration::from_millis(500);
    let house = House::start(plan).await;
    let owner = account(&house, "owner").await;
    let room = house.video(&owner, Visibility::Public).await;
    let mut chief = seated(&house, &owner, &room).await;
    let ask =
        json!({"op": "open_poll", "room": room, "question": "Tea?", "options": ["yes", "no"], "key": "k"});
    let opened = chief.ok(ask.clone()).await;
    let poll = opened["poll"]["id"].clone();
    assert_eq!(chief.ok(ask.clone()).await["poll"]["id"], poll, "the same key is the same poll");
    let mut other = ask.clone();
    other["key"] = json!("l");
    assert_eq!(chief.problem(other).await["code"], json!("conflict"));
    assert_eq!(chief.join(&room).await["chat"]["poll"]["id"], poll);
    let people: Vec<Identity> = (0..20).map(|n| house.user(&format!("user{n}"))).collect();
    let id = poll.as_str().expect("an id").parse().expect("an id");
    house.faults.set_on(Fault::Unheard, "tally");
    let handle = house.rooms.of(&room);
    let unheard = join_all(people.iter().map(|who| handle.vote(who.clone(), &id, 0))).await;
    assert!(unheard.iter().all(|outcome| matches!(outcome, Err(RoomError::Unavailable(_)))));
    house.faults.set(Fault::None);
    for (n, who) in people.iter().enumerate() {
        let (option, times) = (u32::from(n % 4 == 0), n % 3 + 1);
        for _ in 0..times {
            let voted = handle.vote(who.clone(), &id, option).await.expect("a vote");
            assert_eq!(voted.vote, Some(option));
        }
    }
    house.rooms.drain(&room).await.expect("a drained room");
    let shown = seated(&house, &owner, &room).await.join(&room).await["chat"]["poll"].clone();
    assert_eq!(shown["options"], json!([{"text": "yes", "votes": 15}, {"text": "no", "votes": 5}]));

    let mut chief = seated(&house, &owner, &room).await;
    let mut voter = seated(&house, &people[0], &room).await;
    let wrong = voter.problem(json!({"op": "vote", "room": room, "poll_id": poll, "option": 2})).await;
    assert_eq!(wrong["code"], json!("invalid"));
    let voted = voter.ok(json!({"op": "vote", "room": room, "poll_id": poll, "option": 0})).await;
    assert_eq!((&voted["poll"]["votes"], &voted["poll"]["vote"]), (&json!(20), &json!(0)));
    let event = chief.event("poll").await;
    assert_eq!(event["poll"]["options"][0]["votes"], json!(16));
    assert!(event["poll"].get("vote").is_none(), "nobody hears what others chose");
    // Votes race with the end: those acknowledged are in it, and no other.
    let racing = people.iter().map(|who| handle.vote(who.clone(), &id, 1));
    let (votes, closed) = futures_util::future::join(join_all(racing), handle.close_poll(&owner, &id)).await;
    let closed = closed.expect("a closed poll");
    let taken = votes.iter().filter(|vote| vote.is_ok()).count() as u64;
    assert!(votes.iter().all(|vote| matches!(vote, Ok(_) | Err(RoomError::PollClosed))));
    let stayed = people.iter().zip(&votes).enumerate();
    let stayed = stayed.filter(|(n, (_, vote))| vote.is_err() && n % 4 == 0 && *n != 0).count() as u64;
    assert_eq!((closed.options[1].votes, closed.votes, closed.open), (taken + stayed, 20, false));
    let rows = Tallies::new(house.store.clone());
    let rows = rows.read(&TallyKey::new(Kind::Poll, &id)).await.expect("totals");
    assert_eq!((rows.of(2), rows.sum()), (i64::try_from(taken + stayed).expect("small"), 20));
    loop {
        if voter.event("poll").await["poll"]["open"] == json!(false) {
            break;
        }
    }
    let late = voter.problem(json!({"op": "vote", "room": room, "poll_id": poll, "option": 0})).await;
    assert_eq!(late["code"], json!("poll_closed"));
    assert_eq!(voter.join(&room).await["chat"]["poll"], Value::Null);
    let listed = handle.polls(10, None).await.expect("polls").items;
    assert_eq!((listed.len(), listed[0].votes, listed[0].open), (1, 20, false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_called_or_answered_hears_of_it_once_and_wherever_they_are() {
    let house = House::start(Plan::default()).await;
    let (ada, bob, eve) =
        (account(&house, "ada").await, account(&house, "bob").await, account(&house, "eve").await);
    let room = house.video(&ada, Visibility::Public).await;
    let mut speaker = seated(&house, &ada, &room).await;
    // Bob sits in no room, and on two sockets.
    let mut bobs = [house.connect(Protocol::Json, Some(&bob)).await, {
        house.connect(Protocol::MessagePack, Some(&bob)).await
    }];
    for client in &mut bobs {
        client.ok(json!({"op": "ping"})).await;
    }
    let called = speaker.comment(&room, "@bob and @Bob and @nobody, look (not bob@example.org)").await;
    for client in &mut bobs {
        let notice = client.event("notice").await;
        assert_eq!(notice["kind"], json!("mention"));
        assert_eq!(notice["data"]["comment"]["id"], called["comment"]["id"]);
        assert_eq!(notice["data"]["video_id"], json!(room));
    }
    let [one, _] = &mut bobs;
    one.join(&room).await;
    let said = one.comment(&room, "I looked").await["comment"]["id"].clone();
    let mut eve_there = seated(&house, &eve, &room).await;
    let answer = json!({"op": "comment", "room": room, "text": "@bob @eve so did I", "parent_id": said});
    eve_there.ok(answer).await;
    let notice = one.event("notice").await;
    assert_eq!((&notice["kind"], &notice["data"]["comment"]["parent_id"]), (&json!("reply"), &said));
    speaker.comment(&room, "@bob again").await;
    let notice = one.event("notice").await;
    assert_eq!(
        (&notice["kind"], &notice["data"]["comment"]["text"]),
        (&json!("mention"), &json!("@bob again")),
        "the answer that also called him was told once",
    );
    // A private video is told to nobody but its owner.
    let private = house.video(&ada, Visibility::Private).await;
    speaker.join(&private).await;
    speaker.comment(&private, "@bob you cannot see this").await;
    speaker.comment(&room, "@bob you can see this").await;
    let notice = one.event("notice").await;
    assert_eq!(notice["data"]["video_id"], json!(room));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn comments_are_edited_and_removed_over_the_socket_by_those_who_may() {
    let house = House::start(Plan::default()).await;
    let (owner, bob, eve) =
        (account(&house, "owner").await, account(&house, "bob").await, account(&house, "eve").await);
    let room = house.video(&owner, Visibility::Public).await;
    let (mut author, mut other) = (seated(&house, &bob, &room).await, seated(&house, &eve, &room).await);
    let said = author.comment(&room, "words").await["comment"]["id"].clone();
    let edit = json!({"op": "edit", "room": room, "comment_id": said, "text": "better words"});
    assert_eq!(other.problem(edit.clone()).await["code"], json!("forbidden"));
    let edited = author.ok(edit).await;
    assert_eq!((&edited["offset"], &edited["comment"]["text"]), (&json!(2), &json!("better words")));
    assert_eq!(other.event("edited").await["items"][0]["text"], json!("better words"));
    let remove = json!({"op": "remove", "room": room, "comment_id": said});
    assert_eq!(other.problem(remove.clone()).await["code"], json!("forbidden"));
    assert_eq!(author.ok(remove.clone()).await, json!({}));
    assert_eq!(other.event("removed").await["ids"], json!([said]));
    assert_eq!(author.problem(remove).await["code"], json!("not_found"));
    let elsewhere = CommentId::at(&house.video(&owner, Visibility::Public).await, 1);
    let foreign = json!({"op": "remove", "room": room, "comment_id": elsewhere});
    assert_eq!(author.problem(foreign).await["code"], json!("not_found"));
    author.comment(&room, "the room is still joined").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_at_one_moment_leaves_room_for_the_rest_of_the_minute() {
    let house = House::start(Plan::default()).await;
    let ada = account(&house, "ada").await;
    let room = house.video(&ada, Visibility::Public).await;
    let handle = house.rooms.of(&room);
    let crowd = (0..80).map(|n| {
        let comment = NewComment { at_ms: Some(1_000 + n), ..new(&ada, format!("crowd {n}")) };
        handle.comment(comment)
    });
    join_all(crowd).await.into_iter().for_each(|posted| drop(posted.expect("a comment")));
    let later = NewComment { at_ms: Some(54_000), ..new(&ada, "later") };
    handle.comment(later).await.expect("a comment");
    let found = loop {
        let found = timeline(&house.store, &room, 0).await.expect("a window");
        if found.items.last().is_some_and(|comment| comment.text == "later") {
            break found;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((found.items.len(), found.truncated), (51, true));
    assert!(found.items.is_sorted_by_key(|comment| comment.at_ms));
    assert!(timeline(&house.store, &room, 1).await.expect("a window").items.is_empty());
}
