//! Who is to be told of a comment: whom it calls by name, and whose comment it answers. What waits is bounded and may be
//! lost, as every notice may: what it speaks of can be read.

use std::collections::HashSet;

use futures_util::{StreamExt, stream};
use playhouse_protocol::rest;

use crate::{
    actors::{notices::Notices, room::keeper::Keeper},
    backends::store::{StoreResult, tables::account::NameClaim},
    domain::{access::Visibility, ids::UserId},
};

/// Comments whose notices wait at most.
const WAITING_LEN_MAX: usize = 1_000;
const AT_ONCE: usize = 8;

/// Whom a comment concerns, before anyone knows who has the names in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The comment.
    pub offset: u64,
    pub author: UserId,
    /// Whose comment it answers.
    pub answered: Option<UserId>,
    pub names: Vec<String>,
}

#[derive(Debug)]
pub struct Errand {
    pub call: Call,
    pub comment: rest::Comment,
}

/// Errands that wait, and whether some are being run.
#[derive(Debug, Default)]
pub struct Herald {
    waiting: Vec<Errand>,
    running: bool,
}

impl Herald {
    /// `false` if it was dropped, since too many wait.
    pub fn add(&mut self, errand: Errand) -> bool {
        let taken = self.waiting.len() < WAITING_LEN_MAX;
        if taken {
            self.waiting.push(errand);
        }
        taken
    }

    pub fn take(&mut self) -> Option<Vec<Errand>> {
        if self.running || self.waiting.is_empty() {
            return None;
        }
        self.running = true;
        Some(std::mem::take(&mut self.waiting))
    }

    pub fn on_run(&mut self) {
        self.running = false;
    }

    pub fn is_idle(&self) -> bool {
        !self.running && self.waiting.is_empty()
    }
}

/// Who may know of the video: all, or its owner alone.
pub struct Audience {
    pub visibility: Visibility,
    pub owner: UserId,
}

impl Audience {
    fn has(&self, user: &UserId) -> bool {
        self.visibility != Visibility::Private || *user == self.owner
    }
}

/// Runs errands. A name that nobody has, or that cannot be looked up now, is nobody's notice.
pub async fn run(keeper: &Keeper, notices: &Notices, audience: &Audience, errands: Vec<Errand>) {
    let running = errands.into_iter().map(|errand| run_one(keeper, notices, audience, errand));
    stream::iter(running).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
}

async fn run_one(keeper: &Keeper, notices: &Notices, audience: &Audience, errand: Errand) {
    let Errand { call, comment } = errand;
    let data = serde_json::json!({ "video_id": comment.video_id, "comment": comment });
    let mut told: HashSet<UserId> = HashSet::from([call.author.clone()]);
    for user in call.answered.iter().filter(|user| audience.has(user)) {
        if told.insert(user.clone()) {
            notices.tell(user, "reply", data.clone()).await;
        }
    }
    for name in &call.names {
        let Ok(Some(user)) = keeper.holder_of(name).await else { continue };
        if audience.has(&user) && told.insert(user.clone()) {
            notices.tell(&user, "mention", data.clone()).await;
        }
    }
}

impl Keeper {
    async fn holder_of(&self, name: &str) -> StoreResult<Option<UserId>> {
        let claim = self.store.get::<NameClaim>(("username".to_owned(), name.to_owned()), ());
        Ok(self.within(claim).await?.and_then(|claim| claim.holder.parse().ok()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::Timestamp;

    fn errand(offset: u64) -> Errand {
        let author = UserId::new(Timestamp(1));
        let user = rest::Author {
            id: author.to_string(),
            username: "ada".into(),
            display_name: "Ada".into(),
            avatar_url: None,
        };
        let comment = rest::Comment {
            id: format!("v-{offset}"),
            video_id: "v".into(),
            user,
            text: "@bob".into(),
            at_ms: None,
            parent_id: None,
            created_at: String::new(),
            edited_at: None,
            likes: 0,
            replies: 0,
        };
        Errand { call: Call { offset, author, answered: None, names: vec!["bob".into()] }, comment }
    }

    #[test]
    fn one_round_runs_at_a_time_and_what_waits_is_bounded() {
        let mut herald = Herald::default();
        assert!(herald.take().is_none());
        herald.add(errand(1));
        assert_eq!(herald.take().map(|errands| errands.len()), Some(1));
        let taken = (0..WAITING_LEN_MAX as u64 + 5).filter(|offset| herald.add(errand(*offset))).count();
        assert_eq!(taken, WAITING_LEN_MAX);
        assert!(herald.take().is_none() && !herald.is_idle());
        herald.on_run();
        assert_eq!(herald.take().map(|errands| errands.len()), Some(WAITING_LEN_MAX));
        herald.on_run();
        assert!(herald.is_idle());
    }
}
