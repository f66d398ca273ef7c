//! The documents say what the code does: every operation, event, field and code of the protocol is in them.

use playhouse_protocol::{
    problem::Code,
    realtime::{
        Authenticated, Counts, Event, Limits, Op, PlayState, Polled, Position, Posted, Rate, Refusal,
        Request, Snapshot, Watched,
    },
    rest::{Author, Chat, Comment, Poll, PollOption, ReactionKind, ReactionTotals, TimedOut, User},
};
use serde::Serialize;
use serde_json::{Value, json};

const SCHEMA: &str = include_str!("../../schema/asyncapi.yaml");
const PAGE: &str = include_str!("../../docs/realtime.md");

/// The part of the schema that describes one type.
fn block(name: &str) -> &'static str {
    let start = SCHEMA.find(&format!("\n    {name}:")).unwrap_or_else(|| panic!("the schema has no {name}"));
    let rest = &SCHEMA[start + 1..];
    let lines = rest.split_inclusive('\n');
    let mut length = 0;
    for (number, line) in lines.enumerate() {
        let deeper = line.starts_with("     ") || line.trim().is_empty();
        if number > 0 && !deeper {
            break;
        }
        length += line.len();
    }
    &rest[..length]
}

/// Every field of a value is a property of the type, and every required property is a field.
fn check(name: &str, value: impl Serialize) {
    let value = serde_json::to_value(value).expect("plain data");
    let described = block(name).to_owned() + if name == "CountsEvent" { block("Counts") } else { "" };
    for key in value.as_object().expect("an object").keys() {
        assert!(described.contains(&format!(" {key}: ")), "{name} does not describe `{key}`");
    }
    let required = described.split("required: [").skip(1).filter_map(|rest| rest.split(']').next());
    for key in required.flat_map(|keys| keys.split(", ")).filter(|key| !["ok", "problem"].contains(key)) {
        assert!(value.get(key).is_some(), "{name} requires `{key}`, which is never sent");
    }
}

fn comment() -> Comment {
    Comment {
        id: "v-1".into(),
        video_id: "v".into(),
        user: Author { id: "u".into(), username: "ada".into(), display_name: "Ada".into(), avatar_url: None },
        text: "words".into(),
        at_ms: Some(1),
        parent_id: None,
        created_at: "2026-01-01T00:00:00.000Z".into(),
        edited_at: None,
        likes: 0,
        replies: 0,
    }
}

#[test]
fn the_schema_describes_every_request() {
    let room = || "v".to_owned();
    let since = Some(Position { epoch: "e".into(), offset: 1 });
    let comment = Op::Comment {
        room: room(),
        text: "x".into(),
        at_ms: Some(1),
        parent_id: Some("v-1".into()),
        key: Some("k".into()),
    };
    let watch = Op::Watch {
        room: room(),
        playback_id: "p".into(),
        position_ms: 1,
        watched_ms: 1,
        state: PlayState::Playing,
    };
    let time_out = Op::TimeOut { room: room(), user_id: "u".into(), duration_s: 60, remove_comments: true };
    let open_poll = Op::OpenPoll {
        room: room(),
        question: "Tea?".into(),
        options: vec!["yes".into(), "no".into()],
        key: Some("k".into()),
    };
    let requests = [
        ("Join", Op::Join { room: room(), since, rate: Rate::Top }),
        ("Leave", Op::Leave { room: room() }),
        ("NewComment", comment),
        ("React", Op::React { room: room(), reaction: ReactionKind::Like }),
        ("Watch", watch),
        ("Edit", Op::Edit { room: room(), comment_id: "v-1".into(), text: "x".into() }),
        ("Remove", Op::Remove { room: room(), comment_id: "v-1".into() }),
        ("Burst", Op::Burst { room: room(), emoji: "🎉".into() }),
        ("Pin", Op::Pin { room: room(), comment_id: Some("v-1".into()) }),
        ("SlowMode", Op::SlowMode { room: room(), slow_mode_s: 5 }),
        ("TimeOut", time_out),
        ("OpenPoll", open_poll),
        ("ClosePoll", Op::ClosePoll { room: room(), poll_id: "p".into() }),
        ("Vote", Op::Vote { room: room(), poll_id: "p".into(), option: 0 }),
        ("Auth", Op::Auth { access_token: "t".into() }),
        ("Ping", Op::Ping),
    ];
    assert_eq!(requests.len(), Op::NAMES.len());
    for (name, op) in requests {
        let request = Request { id: 1, op };
        let word =
            serde_json::to_value(&request).expect("plain data")["op"].as_str().expect("a word").to_owned();
        assert!(block(name).contains(&format!("op: {{const: {word}}}")), "{name}");
        assert!(PAGE.contains(&format!("| `{word}` |")), "the page does not list `{word}`");
        check(name, request);
    }
}

#[test]
fn the_schema_describes_every_answer_and_event() {
    let counts = Counts::default();
    let limits = Limits { frame_bytes_max: 1, comment_len_max: 1, rooms_max: 1, comments_per_minute: 1 };
    let user = User {
        id: "u".into(),
        username: "ada".into(),
        display_name: "Ada".into(),
        avatar_url: None,
        channel_id: "c".into(),
        roles: Vec::new(),
    };
    let poll = Poll {
        id: "p".into(),
        video_id: "v".into(),
        question: "Tea?".into(),
        options: vec![PollOption { text: "yes".into(), votes: 1 }],
        votes: 1,
        open: true,
        created_at: "2026-01-01T00:00:00.000Z".into(),
        closed_at: None,
        vote: Some(0),
    };
    let chat = Chat { slow_mode_s: 5, pinned: Some(comment()), poll: Some(poll.clone()) };
    let timed_out = TimedOut { user_id: "u".into(), until: None, removed: 1 };
    let snapshot = Snapshot {
        room: "v".into(),
        epoch: "e".into(),
        offset: 1,
        recovered: true,
        counts,
        comments: Vec::new(),
        removed: Vec::new(),
        edited: Vec::new(),
        chat: chat.clone(),
        limits,
    };
    check("Snapshot", snapshot);
    check("Limits", limits);
    check("Counts", counts);
    check("Comment", comment());
    check("Author", comment().user);
    check("User", user.clone());
    check("Posted", Posted { comment: comment(), offset: 1 });
    check("Reacted", ReactionTotals { likes: 0, dislikes: 0, reaction: ReactionKind::None });
    check("Watched", Watched { counted: true });
    check("Chat", chat);
    check("Poll", poll.clone());
    check("PollOption", poll.options[0].clone());
    check("Polled", Polled { poll: poll.clone() });
    check("TimedOut", timed_out);
    check("Authenticated", Authenticated { user });
    check("Problem", Refusal { retry_after_ms: Some(1), ..Refusal::new(Code::TooMany, "wait") });
    let room = || "v".to_owned();
    let events = [
        ("CommentsEvent", Event::Comments { room: room(), offset: 1, items: Vec::new(), left_out: 3 }),
        ("EditedEvent", Event::Edited { room: room(), offset: 1, items: Vec::new() }),
        ("RemovedEvent", Event::Removed { room: room(), offset: 1, ids: Vec::new() }),
        ("CountsEvent", Event::Counts { room: room(), counts }),
        ("ChatEvent", Event::Chat { room: room(), slow_mode_s: 5, pinned: None }),
        ("PollEvent", Event::Poll { room: room(), poll: Box::new(poll) }),
        ("BurstsEvent", Event::Bursts { room: room(), counts: [("🎉".to_owned(), 12)].into() }),
        ("NoticeEvent", Event::Notice { kind: "job".into(), data: json!({}) }),
        ("ByeEvent", Event::Bye { code: 4000, detail: "x".into(), reconnect_after_ms: 1 }),
    ];
    for (name, event) in events {
        let value: Value = serde_json::to_value(&event).expect("plain data");
        let word = value["ev"].as_str().expect("a word");
        assert!(block(name).contains(&format!("ev: {{const: {word}}}")), "{name}");
        assert!(PAGE.contains(&format!("{{\"ev\": \"{word}\"")), "the page does not show `{word}`");
        check(name, event);
    }
}

#[test]
fn the_page_explains_every_code_that_a_frame_can_carry() {
    let listed =
        block("Problem").split("enum: [").nth(1).and_then(|rest| rest.split(']').next()).expect("a list");
    for code in listed.split(", ") {
        assert!(Code::ALL.iter().any(|known| known.as_str() == code), "{code} is no code");
        assert!(PAGE.contains(&format!("| `{code}` |")), "the page does not explain {code}");
    }
    for code in 4000..=4005 {
        assert!(PAGE.contains(&format!("| {code} |")) && block("ByeEvent").contains(&code.to_string()));
    }
}
