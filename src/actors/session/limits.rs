//! How often one account may speak, over all of its sockets and the REST twins. The bus keeps the score, so that all
//! nodes share it.

use std::time::Duration;

use crate::{
    backends::bus::{Limit, SharedBus, Verdict},
    domain::ids::UserId,
    telemetry::Metrics,
};
use std::sync::Arc;

/// How many a minute, all of them at once if need be.
#[derive(Debug, Clone, Copy)]
pub struct Rates {
    pub comments_per_minute: u32,
    pub reactions_per_minute: u32,
    pub bursts_per_minute: u32,
}

#[derive(Clone)]
pub struct UserLimits {
    bus: SharedBus,
    /// `None`: no limit.
    rates: Option<Rates>,
    metrics: Arc<Metrics>,
}

/// When to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryAfter(pub Duration);

impl UserLimits {
    pub fn new(bus: SharedBus, rates: Option<Rates>, metrics: Arc<Metrics>) -> Self {
        Self { bus, rates, metrics }
    }

    pub async fn comment(&self, user: &UserId) -> Result<(), RetryAfter> {
        self.check("comments", user, |rates| rates.comments_per_minute).await
    }

    pub async fn react(&self, user: &UserId) -> Result<(), RetryAfter> {
        self.check("reactions", user, |rates| rates.reactions_per_minute).await
    }

    pub async fn burst(&self, user: &UserId) -> Result<(), RetryAfter> {
        self.check("bursts", user, |rates| rates.bursts_per_minute).await
    }

    pub fn comments_per_minute(&self) -> Option<u32> {
        self.rates.map(|rates| rates.comments_per_minute)
    }

    async fn check(
        &self,
        rule: &'static str,
        user: &UserId,
        count: impl FnOnce(Rates) -> u32,
    ) -> Result<(), RetryAfter> {
        let Some(count) = self.rates.map(count) else { return Ok(()) };
        let limit = Limit { count, period: Duration::from_secs(60), burst: count };
        match self.bus.check(&format!("{rule}:{user}"), limit).await {
            Ok(Verdict::RetryAfter(retry_after)) => {
                self.metrics.rate_limited.of(rule).inc();
                Err(RetryAfter(retry_after))
            }
            // A limit that cannot be counted does not silence everybody.
            Ok(Verdict::Allowed) | Err(_) => Ok(()),
        }
    }
}
