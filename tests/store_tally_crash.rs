//! A process is killed while clients like and unlike; afterwards totals equal the rows, and every acknowledged
//! reaction is there.
#![cfg(test)]

mod killed_child;

use std::{collections::HashMap, sync::Arc};

use killed_child::{Place, lines_until_killed, say};
use playhouse::{
    backends::{store, tallies::Tallies},
    domain::{
        clock::SystemClock,
        tally::{Kind, Layout, MemberChange, TallyKey},
    },
};
use tokio::task::JoinSet;

const ROUNDS: usize = 12;
const CLIENTS: u32 = 8;
const MEMBERS_OF_A_CLIENT: u32 = 12;
const VIDEOS: u32 = 2;
/// Generations open early in the test, so that some kills come between their writes.
const LAYOUT: Layout = Layout { bucket_len_max: 10 };

/// What is known of one member: the last acknowledged value, and one that was on its way.
#[derive(Default, Clone, Copy)]
struct Known {
    done: Option<i32>,
    tried: Option<Option<i32>>,
}

fn reactions(video: &str) -> TallyKey {
    TallyKey::new(Kind::Reaction, video)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn totals_equal_the_rows_and_acknowledged_reactions_are_there_after_every_kill() {
    let dir = tempfile::tempdir().unwrap();
    let mut known: HashMap<(String, String), Known> = HashMap::new();
    for _ in 0..ROUNDS {
        let lines = rand::random_range(20..600);
        for line in
            lines_until_killed("child_that_reacts_until_it_is_killed", "embedded:", dir.path(), "@", lines)
        {
            take_in(&mut known, &line);
        }
        let tallies = Tallies::with_layout(
            store::open("embedded:", dir.path(), Arc::new(SystemClock)).await.unwrap(),
            LAYOUT,
        );
        for ((video, member), known) in &mut known {
            let value = tallies.value_of(&reactions(video), member).await.unwrap();
            assert!(value == known.done || Some(value) == known.tried, "{member} of {video} lost a reaction");
            *known = Known { done: value, tried: None };
        }
        for video in (0..VIDEOS).map(|video| format!("video-{video}")) {
            let recount = tallies.recount(&reactions(&video)).await.unwrap();
            assert_eq!(recount.stored, recount.counted);
            let members = known.iter().filter(|((of, _), known)| *of == video && known.done.is_some());
            assert_eq!(recount.stored.sum(), members.count() as i64);
        }
    }
    assert_eq!(known.len(), (CLIENTS * MEMBERS_OF_A_CLIENT * VIDEOS) as usize, "the child did too little");
}

/// `will|done VIDEO MEMBER VALUE`, where 0 is no reaction.
fn take_in(known: &mut HashMap<(String, String), Known>, line: &str) {
    let words: Vec<&str> = line.split(' ').collect();
    let value = Some(words[3].parse().unwrap()).filter(|value| *value != 0);
    let known = known.entry((words[1].into(), words[2].into())).or_default();
    match words[0] {
        "will" => known.tried = Some(value),
        _ => *known = Known { done: value, tried: None },
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the child process of the test above"]
async fn child_that_reacts_until_it_is_killed() {
    let Some(place) = Place::of_child() else { return };
    let tallies = Tallies::with_layout(
        store::open(&place.uri, &place.dir, Arc::new(SystemClock)).await.unwrap(),
        LAYOUT,
    );
    let mut tasks: JoinSet<()> = JoinSet::new();
    for client in 0..CLIENTS {
        let tallies = tallies.clone();
        tasks.spawn(async move {
            loop {
                react(&tallies, client).await;
            }
        });
    }
    tasks.join_all().await;
}

/// A few reactions of the client's own members in one write, as a room flushes them.
async fn react(tallies: &Tallies, client: u32) {
    let video = format!("video-{}", rand::random_range(0..VIDEOS));
    let begin = rand::random_range(0..MEMBERS_OF_A_CLIENT);
    let reactions_of_batch: Vec<(String, i32)> = (0..rand::random_range(1..5))
        .map(|step| (begin + step) % MEMBERS_OF_A_CLIENT)
        .map(|member| (format!("client-{client}-{member}"), rand::random_range(0..3)))
        .collect();
    let say_all = |word: &str| {
        reactions_of_batch
            .iter()
            .for_each(|(member, value)| say(&format!("@{word} {video} {member} {value}")));
    };
    say_all("will");
    let changes = reactions_of_batch.iter().map(|(member, value)| match value {
        0 => MemberChange::remove(member),
        value => MemberChange::set(member, *value),
    });
    tallies.apply(&reactions(&video), changes.collect()).await.unwrap();
    say_all("done");
}
