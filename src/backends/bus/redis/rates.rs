//! Rate limits: what this node can say by itself, else what Redis says, else what this node counts alone.

use std::{sync::atomic::Ordering, time::Duration};

use tokio::time::timeout;

use super::{
    super::{BusResult, Limit, Verdict},
    FENCE_KEEP, Redis,
    script::GCRA,
    tier::{Answer, Step},
};
use crate::backends::bus::TimeOf;

/// How long a limit may hold up who is limited, and how many may wait for an answer at once.
const CHECK_MAX: Duration = Duration::from_millis(250);
pub(super) const CHECKS_AT_ONCE_MAX: usize = 256;

impl Redis {
    pub(super) async fn verdict(&self, key: &str, limit: Limit) -> Verdict {
        let now = self.clock.now();
        let step = self.tier().step(key, now);
        let unasked = match step {
            Step::Decided(verdict) => {
                self.limits_here.fetch_add(1, Ordering::Relaxed);
                return verdict;
            }
            Step::Ask { unasked } => Some(unasked),
            Step::Alone => None,
        };
        if let (Some(unasked), Ok(_turn)) = (unasked, self.checks.try_acquire()) {
            self.limits_asked.fetch_add(1, Ordering::Relaxed);
            match timeout(CHECK_MAX, self.gcra(key, limit, unasked)).await {
                Ok(Ok(answer)) => return self.tier().heard(key, answer, now),
                _ => self.tier().unanswered(self.clock.now()),
            }
        }
        self.limits_alone.fetch_add(1, Ordering::Relaxed);
        self.tier().alone(key, limit, now)
    }

    async fn gcra(&self, key: &str, limit: Limit, unasked: u32) -> BusResult<Answer> {
        let (interval_ns, tolerance_ns) = (limit.interval_ns(), limit.tolerance_ns());
        // A clock of tests may stand still, the server's own does not.
        let keep = if self.time == TimeOf::Clock { FENCE_KEEP } else { Duration::ZERO };
        let arguments = [
            self.now_us(),
            interval_ns.to_string(),
            tolerance_ns.to_string(),
            unasked.to_string(),
            keep.as_millis().to_string(),
        ];
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let key = format!("{}:limit:{key}", self.prefix);
        let (wait_ns, ahead_ns): (u64, i64) = self.run(&GCRA, &[&key], &arguments).await?;
        let left = u64::try_from(tolerance_ns.saturating_sub(ahead_ns) / interval_ns).unwrap_or(0);
        let verdict = match wait_ns {
            0 => Verdict::Allowed,
            wait_ns => Verdict::RetryAfter(Duration::from_nanos(wait_ns)),
        };
        Ok(Answer { verdict, left })
    }
}
