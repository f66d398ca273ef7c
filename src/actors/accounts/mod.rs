//! Accounts and logins: registers, signs in, rotates refresh tokens, and says who a token speaks for.
//! Called by http, sessions and the command line. Nothing of an account is live state, so this is a component
//! and not an actor; races are settled by the store (`insert_if_absent`, `update`).

pub(super) mod claims;
mod keys;
mod password;
mod refresh;

use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::{
    backends::store::{
        Store, StoreError,
        tables::account::{Account, ListedAccount},
        tables::channel::Channel,
    },
    domain::{
        access::{Role, Roles},
        account::{self, Identity},
        channel,
        clock::SharedClock,
        encryption::Encryption,
        ids::{ChannelId, SHARDS, UserId, shard_of},
        text::Invalid,
    },
    telemetry::Metrics,
};

use claims::{Claims, Name};
pub use keys::Keys;
pub use password::HashOptions;

#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    #[error("{field} {reason}")]
    Invalid { field: &'static str, reason: Invalid },
    #[error("the user name is taken")]
    UsernameTaken,
    #[error("the e-mail address is taken")]
    EmailTaken,
    #[error("user name or password is wrong")]
    WrongCredentials,
    #[error("the refresh token is not valid any more")]
    RefreshRefused,
    #[error("the access token is not valid")]
    TokenRefused,
    #[error("there is no such account")]
    NotFound,
    /// Too many passwords wait to be hashed.
    #[error("too many sign-ins at once")]
    Busy,
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub struct Registration {
    pub username: String,
    pub email: String,
    pub password: String,
}

/// Accounts that one call makes at the same time.
const CREATED_AT_ONCE: usize = 64;

/// What signing in gives.
pub struct Login {
    pub access_token: String,
    pub refresh_token: String,
    pub expires_in_s: u64,
    pub account: Account,
}

#[derive(Debug, Clone, Copy)]
pub struct TokenOptions {
    pub access_ttl_s: u64,
    pub refresh_ttl_s: u64,
    pub refresh_grace_s: u64,
}

pub struct Accounts {
    store: Store,
    clock: SharedClock,
    keys: Arc<Keys>,
    hasher: password::Hasher,
    tokens: TokenOptions,
    metrics: Arc<Metrics>,
}

impl Accounts {
    pub fn new(
        store: Store,
        clock: SharedClock,
        keys: Arc<Keys>,
        hashing: HashOptions,
        tokens: TokenOptions,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self { store, clock, keys, hasher: password::Hasher::new(hashing, metrics.clone()), tokens, metrics }
    }

    /// Makes an account with its channel and signs it in.
    pub async fn register(&self, input: Registration) -> Result<Login, AccountError> {
        let account = self.create(input, Roles::of_new_account()).await?;
        self.metrics.logins.of("registered").inc();
        self.sign_in(account).await
    }

    /// Answers alike, and takes alike, for an unknown name and a wrong password.
    pub async fn login(&self, username: &str, password: &str) -> Result<Login, AccountError> {
        let account = self.by_username(username).await?;
        let hash = account.as_ref().map(|account| account.password_hash.clone());
        let right = self.hasher.verify(password.to_owned(), hash).await?;
        match account.filter(|_| right) {
            Some(account) => {
                self.metrics.logins.of("accepted").inc();
                self.sign_in(account).await
            }
            None => {
                self.metrics.logins.of("refused").inc();
                Err(AccountError::WrongCredentials)
            }
        }
    }

    /// Who an access token speaks for. Reads nothing but the token.
    pub fn authenticate(&self, token: &str) -> Result<Identity, AccountError> {
        self.keys.verify_access(token, self.clock.now()).ok_or(AccountError::TokenRefused)
    }

    pub async fn get(&self, user: &UserId) -> Result<Account, AccountError> {
        self.store.get::<Account>((user.clone(),), ()).await?.ok_or(AccountError::NotFound)
    }

    pub async fn by_username(&self, username: &str) -> Result<Option<Account>, AccountError> {
        let Ok(username) = account::username(username) else { return Ok(None) };
        let claims = Claims { store: &self.store, now: self.clock.now() };
        let holder = claims.holder(Name::Username, &username).await?;
        match holder.and_then(|holder| holder.parse().ok()) {
            Some(user) => Ok(self.store.get::<Account>((user,), ()).await?),
            None => Ok(None),
        }
    }

    pub async fn rename(&self, user: &UserId, display_name: &str) -> Result<Account, AccountError> {
        let display_name = account::display_name(display_name)
            .map_err(|reason| AccountError::Invalid { field: "display_name", reason })?;
        self.change(user, move |account| account.display_name.clone_from(&display_name)).await
    }

    pub async fn add_role(&self, user: &UserId, role: Role) -> Result<Account, AccountError> {
        self.change(user, move |account| account.roles.add(role)).await
    }

    pub async fn set_password(&self, user: &UserId, password: &str) -> Result<Account, AccountError> {
        let password = valid_password(password)?;
        let hash = self.hasher.hash(password).await?;
        self.change(user, move |account| account.password_hash.clone_from(&hash)).await
    }

    /// Makes the account without signing it in.
    pub async fn create(&self, input: Registration, roles: Roles) -> Result<Account, AccountError> {
        let invalid = |field| move |reason| AccountError::Invalid { field, reason };
        let username = account::username(&input.username).map_err(invalid("username"))?;
        let email = account::email(&input.email).map_err(invalid("email"))?;
        let password_hash = self.hasher.hash(valid_password(&input.password)?).await?;
        self.create_with(username, email, password_hash, roles).await
    }

    /// Makes so many accounts, `<prefix>-0` and on, and signs them in: for load tests and imports. They share one
    /// password that nobody knows, so that only a new one lets somebody sign in; hashing one for each would take
    /// longer than everything else.
    pub async fn create_many(&self, prefix: &str, count: usize) -> Result<Vec<Login>, AccountError> {
        let nobody_knows: u128 = rand::random();
        let password_hash = self.hasher.hash(nobody_knows.to_string()).await?;
        let make = |number: usize| {
            let password_hash = password_hash.clone();
            async move {
                let invalid = |reason| AccountError::Invalid { field: "prefix", reason };
                let username = account::username(&format!("{prefix}-{number}")).map_err(invalid)?;
                let email = format!("{username}@bulk.invalid");
                let made = self.create_with(username, email, password_hash, Roles::of_new_account()).await?;
                self.sign_in(made).await
            }
        };
        stream::iter((0..count).map(make)).buffered(CREATED_AT_ONCE).try_collect().await
    }

    async fn create_with(
        &self,
        username: String,
        email: String,
        password_hash: String,
        roles: Roles,
    ) -> Result<Account, AccountError> {
        let now = self.clock.now();
        let user_id = UserId::new(now);
        let channel_id = ChannelId::new(now);
        let claims = Claims { store: &self.store, now };
        if !claims.claim(Name::Username, &username, user_id.as_str()).await? {
            return Err(AccountError::UsernameTaken);
        }
        if !claims.claim(Name::Email, &email, user_id.as_str()).await? {
            claims.release(Name::Username, &username).await?;
            return Err(AccountError::EmailTaken);
        }
        let handle = claims.claim_similar_handle(&username, &channel_id).await?;
        let channel = Channel {
            channel_id: channel_id.clone(),
            owner_id: user_id.clone(),
            handle,
            title: username.clone(),
            description: String::new(),
            avatar_color: channel::first_color(&channel_id),
            encryption: Encryption::None,
            pays: None,
            created_at: now,
        };
        self.store.put(channel).await?;
        let account = Account {
            user_id,
            display_name: username.clone(),
            username,
            email,
            password_hash,
            roles,
            channel_id,
            created_at: now,
        };
        let shard = shard_of(account.user_id.as_str());
        let (user_id, channel_id) = (account.user_id.clone(), account.channel_id.clone());
        self.store.put(ListedAccount { shard, user_id, channel_id }).await?;
        self.store.put(account.clone()).await?;
        Ok(account)
    }

    /// Every account with its channel; some may never have come to be.
    pub async fn all(&self) -> Result<Vec<ListedAccount>, AccountError> {
        let mut all = Vec::new();
        for shard in 0..SHARDS {
            all.extend(self.store.all::<ListedAccount>((shard,)).await?);
        }
        Ok(all)
    }

    async fn change(
        &self,
        user: &UserId,
        mut change: impl FnMut(&mut Account) + Send + 'static,
    ) -> Result<Account, AccountError> {
        let changed = self.store.update::<Account, _>((user.clone(),), move |account| {
            let Some(mut account) = account else { return (None, None) };
            change(&mut account);
            (Some(account.clone()), Some(account))
        });
        changed.await?.ok_or(AccountError::NotFound)
    }
}

fn valid_password(password: &str) -> Result<String, AccountError> {
    account::password(password)
        .map(str::to_owned)
        .map_err(|reason| AccountError::Invalid { field: "password", reason })
}

/// Who an account's access token speaks for, until `expires_at`.
fn identity(account: &Account, expires_at: crate::domain::clock::Timestamp) -> Identity {
    Identity {
        user_id: account.user_id.clone(),
        channel_id: account.channel_id.clone(),
        username: account.username.clone(),
        display_name: account.display_name.clone(),
        roles: account.roles.clone(),
        expires_at,
    }
}
