//! Where it all happens: accounts and videos, made in the data folder before the program starts. A thousand uploads
//! with their transcodes would take hours; a row for each video is all that a room needs.

use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};
use playhouse::{
    actors::accounts::Registration,
    app,
    backends::feeds::Feed,
    config::Config,
    domain::{
        clock::{Clock, SystemClock},
        ids::VideoId,
    },
};

use crate::{ready_video::ready_video, served::Program};

#[derive(Debug, Clone)]
pub struct User {
    pub id: String,
    pub token: String,
}

/// The fixed things of a run. Channel `n` is that of user `n`; the first owns the videos.
#[derive(Debug)]
pub struct Ground {
    pub users: Vec<User>,
    pub channels: Vec<String>,
    pub videos: Vec<String>,
}

const CHANNELS: usize = 8;
/// Below the number of password hashes that may wait.
const AT_ONCE: usize = 32;

pub fn config(program: &Program) -> Config {
    Config::load(None, program.environment().into_iter()).expect("a valid configuration")
}

pub async fn prepare(program: &Program, users: usize, videos: usize) -> Ground {
    let clock = Arc::new(SystemClock);
    let (accounts, back_ends) =
        app::accounts_alone(&config(program), clock.clone()).await.expect("a data folder");
    let register = |number: usize| {
        let username = format!("person{number}");
        let email = format!("{username}@example.org");
        accounts.register(Registration { username, email, password: "correct horse".into() })
    };
    let logins: Vec<_> =
        stream::iter(0..users).map(register).buffered(AT_ONCE).try_collect().await.expect("accounts");
    let owner = &logins[0].account;
    let ids: Vec<VideoId> = (0..videos).map(|_| VideoId::new(clock.now())).collect();
    for id in &ids {
        let row = ready_video(id.clone(), owner.user_id.clone(), owner.channel_id.clone(), clock.now());
        let feed = Feed::Channel(row.channel_id.clone());
        back_ends.feeds.add(&feed, row.created_at, &row.video_id).await.expect("a listed video");
        back_ends.store.put(row).await.expect("a stored video");
    }
    back_ends.store.close().await.expect("it closes");
    Ground {
        channels: logins.iter().take(CHANNELS).map(|login| login.account.channel_id.to_string()).collect(),
        videos: ids.iter().map(ToString::to_string).collect(),
        users: logins
            .into_iter()
            .map(|login| User { id: login.account.user_id.to_string(), token: login.access_token })
            .collect(),
    }
}
