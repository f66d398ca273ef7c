//! The rows themselves, read while no program runs: a total is the number of its members, a member is what its person
//! says, and what is shown is what is stored.

use std::collections::{BTreeMap, BTreeSet};

use playhouse::{
    app,
    backends::tallies::Tallies,
    domain::{
        clock::SystemClock,
        tally::{Kind, TallyKey},
    },
};

use crate::{
    diary::{Choice, Diary},
    field::Field,
    ground::{self, Ground},
    intent::Reaction,
    served::Program,
};

/// What a program shows of a video.
#[derive(Debug, Default)]
pub struct Shown {
    pub likes: i64,
    pub dislikes: i64,
    pub views: i64,
    pub comments: i64,
    /// Comments by their ids.
    pub texts: BTreeMap<String, String>,
    pub twice: Vec<String>,
}

pub async fn differ(
    program: &Program,
    field: &Field,
    diaries: &[Diary],
    shown: &[Shown],
    votes_shown: &[i64],
) -> Vec<String> {
    let ground = &field.ground;
    let config = ground::config(program);
    let (_, back_ends) =
        app::accounts_alone(&config, std::sync::Arc::new(SystemClock)).await.expect("its data");
    let mut wrong = Vec::new();
    for (video, shown) in shown.iter().enumerate() {
        let totals = [(1, shown.likes), (2, shown.dislikes)];
        wrong.extend(reactions(&back_ends.tallies, ground, diaries, video, Some(totals)).await);
        wrong.extend(views(&back_ends.tallies, ground, diaries, video, Some(shown.views)).await);
    }
    wrong.extend(subscriptions(&back_ends.tallies, ground, diaries).await);
    wrong.extend(votes(&back_ends.tallies, field, diaries, votes_shown).await);
    back_ends.store.close().await.expect("it closes");
    wrong
}

pub async fn reactions(
    tallies: &Tallies,
    ground: &Ground,
    diaries: &[Diary],
    video: usize,
    shown: Option<[(i32, i64); 2]>,
) -> Vec<String> {
    let key = TallyKey::new(Kind::Reaction, &ground.videos[video]);
    let (rows, mut wrong) = members(tallies, &key).await;
    for (value, shown) in shown.into_iter().flatten() {
        let stored = rows.values().filter(|row| **row == value).count() as i64;
        if stored != shown {
            wrong.push(format!("video {video}: {stored} rows with the value {value}, and {shown} are shown"));
        }
    }
    let known = |diary: &Diary| diary.reactions.get(&video).cloned();
    let allows = |choice: &Choice<Reaction>, row: Option<i32>| {
        Reaction::ALL.iter().any(|reaction| reaction.value() == row && choice.allows(reaction))
    };
    wrong.extend(strangers(&rows, ground, diaries, known, allows));
    wrong
}

pub async fn subscriptions(tallies: &Tallies, ground: &Ground, diaries: &[Diary]) -> Vec<String> {
    let mut all_wrong = Vec::new();
    for (channel, id) in ground.channels.iter().enumerate() {
        let (rows, mut wrong) = members(tallies, &TallyKey::new(Kind::Subscriber, id)).await;
        let known = |diary: &Diary| diary.subscriptions.get(&channel).cloned();
        let allows = |choice: &Choice<bool>, row: Option<i32>| choice.allows(&row.is_some());
        wrong.extend(strangers(&rows, ground, diaries, known, allows));
        all_wrong.extend(wrong.into_iter().map(|wrong| format!("channel {channel}: {wrong}")));
    }
    all_wrong
}

/// The value of a vote is the place of its option, from 1.
async fn votes(tallies: &Tallies, field: &Field, diaries: &[Diary], shown: &[i64]) -> Vec<String> {
    let (rows, mut wrong) = members(tallies, &TallyKey::new(Kind::Poll, &field.poll)).await;
    let place = |row: Option<i32>| row.map(|row| usize::try_from(row - 1).unwrap_or(usize::MAX));
    for (option, shown) in shown.iter().enumerate() {
        let stored = rows.values().filter(|row| place(Some(**row)) == Some(option)).count() as i64;
        if stored != *shown {
            wrong.push(format!("{stored} votes for option {option} are stored, and {shown} are shown"));
        }
    }
    let known = |diary: &Diary| diary.vote.clone();
    let allows = |choice: &Choice<Option<usize>>, row: Option<i32>| choice.allows(&place(row));
    wrong.extend(strangers(&rows, &field.ground, diaries, known, allows));
    wrong
}

pub async fn views(
    tallies: &Tallies,
    ground: &Ground,
    diaries: &[Diary],
    video: usize,
    shown: Option<i64>,
) -> Vec<String> {
    let (rows, mut wrong) = members(tallies, &TallyKey::new(Kind::View, &ground.videos[video])).await;
    if shown.is_some_and(|shown| shown != rows.len() as i64) {
        wrong.push(format!("video {video}: {} views are stored, and {shown:?} are shown", rows.len()));
    }
    // A member is `u:`, the person, `.` and the window: there is one window in a run.
    let person = |member: &str| member.strip_prefix("u:")?.split_once('.').map(|(id, _)| id.to_owned());
    let viewers: Vec<String> = rows.keys().filter_map(|member| person(member)).collect();
    let once: BTreeSet<&String> = viewers.iter().collect();
    if once.len() != rows.len() {
        wrong.push(format!("video {video}: somebody's view counts twice, or nobody's: {:?}", rows.keys()));
    }
    for (user, diary) in ground.users.iter().zip(diaries) {
        let stored = once.contains(&user.id);
        let right = match diary.viewed.get(&video) {
            Some(true) => stored,
            Some(false) => true,
            None => !stored,
        };
        if !right {
            wrong.push(format!("video {video}: a view of {} is stored: {stored}", user.id));
        }
    }
    wrong
}

/// The rows of a tally, and whether its totals are their number.
async fn members(tallies: &Tallies, key: &TallyKey) -> (BTreeMap<String, i32>, Vec<String>) {
    let (mut rows, mut wrong, mut cursor) = (BTreeMap::new(), Vec::new(), None);
    loop {
        let page = tallies.members(key, cursor, 1_000).await.expect("rows");
        for (member, value) in page.items {
            if rows.insert(member.clone(), value).is_some() {
                wrong.push(format!("{member} is in two buckets of {key:?}"));
            }
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let tally = tallies.read(key).await.expect("a tally");
    for value in 1..=10 {
        let counted = rows.values().filter(|row| **row == value).count() as i64;
        if tally.of(value) != counted {
            wrong.push(format!(
                "{key:?}: {counted} rows with the value {value}, the total says {}",
                tally.of(value)
            ));
        }
    }
    (rows, wrong)
}

/// Rows that do not fit what their person knows, and rows of nobody.
fn strangers<T: std::fmt::Debug>(
    rows: &BTreeMap<String, i32>,
    ground: &Ground,
    diaries: &[Diary],
    known: impl Fn(&Diary) -> Option<Choice<T>>,
    allows: impl Fn(&Choice<T>, Option<i32>) -> bool,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut explained = 0;
    for (user, diary) in ground.users.iter().zip(diaries) {
        let row = rows.get(&user.id).copied();
        explained += usize::from(row.is_some());
        let right = match known(diary) {
            Some(choice) => allows(&choice, row),
            None => row.is_none(),
        };
        if !right {
            wrong.push(format!("{}: the row is {row:?}, the person knows {:?}", user.id, known(diary)));
        }
    }
    if explained != rows.len() {
        wrong.push(format!("{} rows belong to nobody", rows.len() - explained));
    }
    wrong
}
