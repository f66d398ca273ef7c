//! What only the first start does: an administrator with a password that is shown once and kept nowhere.

use anyhow::Context as _;
use rand::{RngExt, distr::Alphanumeric};

use super::BackEnds;
use crate::{
    actors::accounts::{Accounts, Registration},
    backends::store::tables::account::FirstStart,
    domain::access::{Role, Roles},
};

const PASSWORD_LEN: usize = 20;

pub struct FirstAdmin {
    pub username: String,
    pub password: String,
}

/// Makes the administrator unless one was made before.
pub async fn make_admin(accounts: &Accounts, back_ends: &BackEnds) -> anyhow::Result<Option<FirstAdmin>> {
    let store = &back_ends.store;
    if store.get::<FirstStart>(("admin".into(),), ()).await.context("the store does not answer")?.is_some() {
        return Ok(None);
    }
    let username = "admin".to_owned();
    let password: String = rand::rng().sample_iter(Alphanumeric).take(PASSWORD_LEN).map(char::from).collect();
    let registration = Registration {
        username: username.clone(),
        email: "admin@playhouse.invalid".into(),
        password: password.clone(),
    };
    let roles: Roles = [Role::Viewer, Role::Creator, Role::Moderator, Role::Admin].into_iter().collect();
    // After a crash between the account and the mark below, its password is lost: a new one is set.
    let account = match accounts.by_username(&username).await.context("the store does not answer")? {
        Some(account) => accounts.set_password(&account.user_id, &password).await,
        None => accounts.create(registration, roles).await,
    };
    let account = account.context("the first administrator could not be made")?;
    let mark = FirstStart { what: "admin".into(), at: account.created_at };
    store.put(mark).await.context("the store does not take writes")?;
    Ok(Some(FirstAdmin { username, password }))
}
