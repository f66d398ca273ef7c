//! Compares everything: what people know, what observers saw, what the program says after a quiet restart, and what
//! lies in its store. Says what does not fit; only an intent that was never answered may have gone either way.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures_util::{StreamExt, stream};
use reqwest::Client;
use serde_json::Value;

use crate::{
    diary::{Diary, Removal},
    field::Field,
    intent::HOT,
    observer::Seen,
    rows::{self, Shown},
    served::Program,
};

const AT_ONCE: usize = 16;

pub async fn check(program: &Arc<Program>, field: &Field, diaries: &[Diary], seen: &[Seen]) -> Vec<String> {
    let mut wrong: Vec<String> = diaries.iter().flat_map(|diary| diary.wrong.clone()).collect();
    wrong.extend(seen.iter().flat_map(|seen| seen.wrong.clone()));
    let served = program.start();
    let reader = Reader { field, client: Client::new() };
    let shown = shown(&reader).await;
    wrong.extend(reactions_differ(&reader, diaries).await);
    let votes = votes_shown(&reader).await;
    wrong.extend(votes_differ(&reader, diaries).await);
    if !served.stop().success() {
        wrong.push("it did not stop in order".into());
    }
    for (video, shown) in shown.iter().enumerate() {
        let rooms = seen.iter().filter_map(|seen| seen.rooms.get(&video));
        for view in rooms {
            let missing: Vec<_> = shown.texts.keys().filter(|id| !view.comments.contains(*id)).collect();
            let gone: Vec<_> = view.comments.iter().filter(|id| !shown.texts.contains_key(*id)).collect();
            if !(missing.is_empty() && gone.is_empty()) {
                wrong.push(format!(
                    "an observer of video {video} misses {missing:?} and still shows {gone:?}"
                ));
            }
        }
    }
    wrong.extend(comments_differ(diaries, &shown));
    wrong.extend(rows::differ(program, field, diaries, &shown, &votes).await);
    wrong.extend(recount_repairs(program));
    wrong
}

/// With connections of its own: those of the people may still lead to a program that is gone.
struct Reader<'a> {
    field: &'a Field,
    client: Client,
}

impl Reader<'_> {
    async fn get(&self, path: &str, token: Option<&str>) -> Value {
        let mut request = self.client.get(format!("http://{}/api/v1{path}", self.field.addr));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.expect("JSON")
    }
}

/// What the program shows of each video.
async fn shown(reader: &Reader<'_>) -> Vec<Shown> {
    let videos = reader.field.ground.videos.iter().map(|video| async move {
        let body = reader.get(&format!("/videos/{video}"), None).await;
        let count = |name: &str| body[name].as_i64().expect("a count");
        let mut shown = Shown {
            likes: count("likes"),
            dislikes: count("dislikes"),
            views: count("views"),
            comments: count("comments"),
            texts: BTreeMap::new(),
            twice: Vec::new(),
        };
        let mut cursor = String::new();
        loop {
            let page = reader.get(&format!("/videos/{video}/comments?limit=100{cursor}"), None).await;
            for item in page["items"].as_array().expect("a list") {
                let text = |name: &str| item[name].as_str().expect("text").to_owned();
                if shown.texts.insert(text("id"), text("text")).is_some() {
                    shown.twice.push(text("id"));
                }
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return shown,
            }
        }
    });
    stream::iter(videos.collect::<Vec<_>>()).buffered(AT_ONCE).collect().await
}

/// What each person is shown as their own reaction.
async fn reactions_differ(reader: &Reader<'_>, diaries: &[Diary]) -> Vec<String> {
    let ground = &reader.field.ground;
    let mut asked = Vec::new();
    for (person, diary) in diaries.iter().enumerate() {
        for (video, choice) in &diary.reactions {
            let (token, path) = (&ground.users[person].token, format!("/videos/{}", ground.videos[*video]));
            asked.push(async move {
                let body = reader.get(&path, Some(token)).await;
                let own = body["reaction"].as_str().unwrap_or_default().to_owned();
                let right = crate::intent::Reaction::ALL
                    .iter()
                    .any(|reaction| reaction.name() == own && choice.allows(reaction));
                (!right).then(|| {
                    format!("person {person} is shown `{own}` for video {video}, and knows {choice:?}")
                })
            });
        }
    }
    stream::iter(asked).buffered(AT_ONCE).filter_map(async |wrong| wrong).collect().await
}

/// The results of the poll, option by option. It is closed for them: what was acknowledged is in what that answers.
async fn votes_shown(reader: &Reader<'_>) -> Vec<i64> {
    let Field { ground, poll, .. } = reader.field;
    let url = format!("http://{}/api/v1/videos/{}/polls/{poll}/close", reader.field.addr, ground.videos[HOT]);
    let answer = reader.client.post(url).bearer_auth(&ground.users[0].token).send().await.expect("an answer");
    let closed: Value = answer.json().await.expect("a poll");
    let options = closed["options"].as_array().expect("options");
    options.iter().map(|option| option["votes"].as_i64().expect("a number")).collect()
}

/// What each person is shown as their own vote.
async fn votes_differ(reader: &Reader<'_>, diaries: &[Diary]) -> Vec<String> {
    let Field { ground, poll, .. } = reader.field;
    let path = format!("/videos/{}/polls/{poll}", ground.videos[HOT]);
    let mut wrong = Vec::new();
    for (user, diary) in ground.users.iter().zip(diaries) {
        let Some(choice) = &diary.vote else { continue };
        let own = reader.get(&path, Some(&user.token)).await["vote"].as_u64();
        let own = own.and_then(|option| usize::try_from(option).ok());
        if !choice.allows(&own) {
            wrong.push(format!("{} is shown the vote {own:?} and knows {choice:?}", user.id));
        }
    }
    wrong
}

pub fn comments_differ(diaries: &[Diary], shown: &[Shown]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut explained: BTreeSet<&String> = BTreeSet::new();
    for (person, diary) in diaries.iter().enumerate() {
        for said in &diary.comments {
            let texts = &shown[said.video].texts;
            let found: Vec<&String> = match &said.id {
                Some(id) => texts.get_key_value(id).map(|(id, _)| id).into_iter().collect(),
                None => texts.iter().filter(|(_, text)| said.text.allows(text)).map(|(id, _)| id).collect(),
            };
            let right = match (&said.id, said.removed, found.as_slice()) {
                (Some(_), Removal::No, [id]) | (Some(_), Removal::Maybe, [id]) => {
                    said.text.allows(&texts[*id])
                }
                (Some(_), Removal::Maybe | Removal::Yes, []) => true,
                // It was never acknowledged: it is there once, or not at all.
                (None, _, [] | [_]) => true,
                _ => false,
            };
            if !right {
                wrong.push(format!("person {person} knows {said:?}; there is {found:?}"));
            }
            explained.extend(found);
        }
    }
    for (video, shown) in shown.iter().enumerate() {
        wrong.extend(shown.twice.iter().map(|id| format!("comment {id} is listed twice")));
        let strange = shown.texts.iter().filter(|(id, _)| !explained.contains(id));
        wrong
            .extend(strange.map(|(id, text)| format!("nobody has said {id} `{text}`, or it was said twice")));
        if shown.comments != shown.texts.len() as i64 {
            wrong.push(format!(
                "video {video}: {} comments are listed, {} counted",
                shown.texts.len(),
                shown.comments
            ));
        }
    }
    wrong
}

/// `playhouse doctor recount` finds nothing to put right.
fn recount_repairs(program: &Program) -> Option<String> {
    let output = program.command(&["doctor", "recount"]).output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let fine = output.status.success() && said.trim_end().ends_with(" 0 put right");
    (!fine).then(|| format!("doctor recount: {said}{}", String::from_utf8_lossy(&output.stderr)))
}
