//! `playhouse user`: adds accounts, sets passwords and gives roles while the server is stopped. Passwords are read
//! from standard input, so that they stand in no shell history.

use std::{
    io::{BufRead, Write},
    sync::Arc,
};

use anyhow::Context as _;

use super::{Exit, Output, arguments::UserCommand, offline};
use crate::{
    actors::accounts::{Accounts, Registration},
    app,
    config::Config,
    domain::{access::Roles, clock::SystemClock},
};

pub(super) fn run(config: &Config, command: UserCommand, output: &mut Output<'_>) -> std::io::Result<Exit> {
    let done = offline(perform(config, command, output.out), output.err)?;
    Ok(done.map_or(Exit::Failed, |()| Exit::Stopped))
}

async fn perform(config: &Config, command: UserCommand, out: &mut dyn Write) -> anyhow::Result<()> {
    let (accounts, back_ends) = app::accounts_alone(config, Arc::new(SystemClock)).await?;
    match command {
        UserCommand::Add { username, email } => {
            let registration = Registration { username, email, password: password()? };
            let account = accounts.create(registration, Roles::of_new_account()).await?;
            writeln!(out, "made {} ({})", account.username, account.user_id)?;
        }
        UserCommand::Password { username } => {
            let user = find(&accounts, &username).await?;
            accounts.set_password(&user, &password()?).await?;
            writeln!(out, "the password of {username} is changed")?;
        }
        UserCommand::Role { username, role } => {
            let user = find(&accounts, &username).await?;
            let account = accounts.add_role(&user, role).await?;
            writeln!(out, "{username} is now {}", account.roles)?;
        }
    }
    back_ends.store.close().await.context("the store could not be closed")
}

async fn find(accounts: &Accounts, username: &str) -> anyhow::Result<crate::domain::ids::UserId> {
    let account = accounts.by_username(username).await?;
    Ok(account.with_context(|| format!("there is no account {username}"))?.user_id)
}

fn password() -> anyhow::Result<String> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("the password is read from standard input")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
