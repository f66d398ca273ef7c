//! Argon2id off the async threads, a few at a time: a login storm waits in a bounded line instead of taking
//! the memory.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version};
use tokio::sync::Semaphore;

use super::AccountError;
use crate::telemetry::Metrics;

#[derive(Debug, Clone, Copy)]
pub struct HashOptions {
    pub memory_kib: u32,
    pub iterations: u32,
    pub at_once_max: usize,
    pub waiting_max: usize,
}

pub struct Hasher {
    argon2: Argon2<'static>,
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
    waiting_max: usize,
    /// Stands in for the hash of an account that does not exist, so that both cases take alike.
    decoy: String,
    metrics: Arc<Metrics>,
}

impl Hasher {
    pub fn new(options: HashOptions, metrics: Arc<Metrics>) -> Self {
        let params = Params::new(options.memory_kib, options.iterations, 1, None)
            .expect("config allows only what Argon2 takes");
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let decoy = hash(&argon2, "no account has this password");
        Self {
            argon2,
            turns: Arc::new(Semaphore::new(options.at_once_max)),
            waiting: AtomicUsize::new(0),
            waiting_max: options.waiting_max,
            decoy,
            metrics,
        }
    }

    pub async fn hash(&self, password: String) -> Result<String, AccountError> {
        let argon2 = self.argon2.clone();
        self.in_turn(move || hash(&argon2, &password)).await
    }

    /// `stored: None` takes as long as a wrong password and is never right.
    pub async fn verify(&self, password: String, stored: Option<String>) -> Result<bool, AccountError> {
        let argon2 = self.argon2.clone();
        let exists = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.decoy.clone());
        let matches = move || {
            PasswordHash::new(&stored)
                .is_ok_and(|stored| argon2.verify_password(password.as_bytes(), &stored).is_ok())
        };
        Ok(self.in_turn(matches).await? && exists)
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AccountError> {
        let waiting = Waiting::enter(self)?;
        let turn = self.turns.clone().acquire_owned().await.expect("the semaphore is never closed");
        drop(waiting);
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        Ok(done.await.expect("hashing does not panic"))
    }
}

/// A place in the line; leaves it also when the caller gives up.
struct Waiting<'a>(&'a Hasher);

impl<'a> Waiting<'a> {
    fn enter(hasher: &'a Hasher) -> Result<Self, AccountError> {
        let before = hasher.waiting.fetch_add(1, Ordering::Relaxed);
        hasher.metrics.hashes_waiting.inc();
        let place = Self(hasher);
        if before >= hasher.waiting_max { Err(AccountError::Busy) } else { Ok(place) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
        self.0.metrics.hashes_waiting.dec();
    }
}

fn hash(argon2: &Argon2<'_>, password: &str) -> String {
    argon2.hash_password(password.as_bytes()).expect("the salt and the parameters are ours").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher(waiting_max: usize) -> Hasher {
        let options = HashOptions { memory_kib: 8_192, iterations: 1, at_once_max: 1, waiting_max };
        Hasher::new(options, Metrics::new())
    }

    #[tokio::test]
    async fn only_the_right_password_of_an_existing_account_is_right() {
        let hasher = hasher(8);
        let stored = hasher.hash("correct horse".into()).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=8192,t=1,p=1$"));
        assert!(hasher.verify("correct horse".into(), Some(stored.clone())).await.unwrap());
        assert!(!hasher.verify("wrong horse".into(), Some(stored)).await.unwrap());
        assert!(!hasher.verify("no account has this password".into(), None).await.unwrap());
    }

    #[tokio::test]
    async fn a_storm_is_told_to_wait_instead_of_taking_the_memory() {
        let hasher = Arc::new(hasher(2));
        let storm = (0..50).map(|_| {
            let hasher = hasher.clone();
            async move { hasher.verify("x".into(), None).await }
        });
        let answers = futures_util::future::join_all(storm).await;
        let refused = answers.iter().filter(|answer| matches!(answer, Err(AccountError::Busy))).count();
        assert!(refused > 0 && refused < 50, "{refused} of 50 were refused");
    }
}
