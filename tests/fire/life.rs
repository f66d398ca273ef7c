//! How a person acts, whatever way they have to the server: one intent after the other, at their own pace, and what was
//! not answered once more, if that is what they want.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::{
    diary::{Ack, Diary},
    intent::{Intent, Intents, Wanted},
};

/// Between two attempts while nobody answers.
const PAUSE: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(120);

/// How an attempt went.
pub enum Outcome {
    Done(Ack),
    /// What was to be changed is not there.
    Gone,
    /// Nobody knows.
    Unknown,
    /// Something that must not happen.
    Refused(String),
}

pub trait Way: Send {
    /// Whether a request that nobody has answered may be worked on after the next: a server that is frozen does so.
    fn lingers(&self) -> bool {
        false
    }

    /// `comment` is the id of the comment that is to be changed, if one is.
    fn attempt(&mut self, intent: &Intent, comment: Option<&str>) -> impl Future<Output = Outcome> + Send;
}

/// Acts until it is over, and until every answer that is to be had has been heard. `offset` is when they begin.
pub async fn live(
    mut way: impl Way,
    mut intents: Intents,
    over: CancellationToken,
    interval: Duration,
    offset: Duration,
) -> Diary {
    let mut diary = Diary::default();
    let mut due = Instant::now() + offset;
    while !over.is_cancelled() {
        sleep_until(due).await;
        // Nobody makes up for the time the server was down.
        due = (due + interval).max(Instant::now());
        let changeable = diary.changeable();
        let mut wanted = intents.next(changeable.len());
        if let Intent::Edit { comment, .. } | Intent::Remove { comment } = &mut wanted.intent {
            *comment = changeable[*comment];
        }
        pursue(&mut way, &mut diary, wanted).await;
    }
    diary
}

async fn pursue(way: &mut impl Way, diary: &mut Diary, Wanted { intent, again }: Wanted) {
    diary.attempt(&intent);
    let comment = match &intent {
        Intent::Edit { comment, .. } | Intent::Remove { comment } => diary.comments[*comment].id.clone(),
        _ => None,
    };
    let started = Instant::now();
    loop {
        let outcome = way.attempt(&intent, comment.as_deref()).await;
        if matches!(outcome, Outcome::Unknown) && way.lingers() {
            diary.linger(&intent);
        }
        match outcome {
            Outcome::Done(ack) => return diary.acknowledge(&intent, ack),
            // A removal whose answer was lost.
            Outcome::Gone if matches!(intent, Intent::Remove { .. }) => {
                return diary.acknowledge(&intent, Ack::Nothing);
            }
            Outcome::Gone => return diary.wrong.push(format!("{intent:?}: it is not there")),
            Outcome::Refused(why) => return diary.wrong.push(format!("{intent:?}: {why}")),
            Outcome::Unknown if !again => break,
            Outcome::Unknown if started.elapsed() > PATIENCE => {
                return diary.wrong.push(format!("{intent:?}: no answer in {PATIENCE:?}"));
            }
            Outcome::Unknown => sleep(PAUSE).await,
        }
    }
    diary.unheard += 1;
}
