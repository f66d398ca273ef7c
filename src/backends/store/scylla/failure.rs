//! What an error of the driver means for the one who asked, and how long to wait before asking again.

use std::time::Duration;

use scylla::errors::{DbError, ExecutionError, PrepareError, RequestAttemptError};
use tokio::time::Instant;

use super::super::engine::{StoreError, StoreResult};

/// How a request failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// It may go well the next time. A write may have been applied, or may be yet.
    Passing(String),
    /// It will fail again, and nothing was applied.
    Refused(String),
}

impl From<ExecutionError> for Failure {
    fn from(error: ExecutionError) -> Self {
        let refused = match &error {
            ExecutionError::BadQuery(_) => true,
            ExecutionError::PrepareError(error) => is_refused_prepare(error),
            ExecutionError::LastAttemptError(error) => is_refused(error),
            _ => false,
        };
        Self::of(refused, error.to_string())
    }
}

impl From<PrepareError> for Failure {
    fn from(error: PrepareError) -> Self {
        Self::of(is_refused_prepare(&error), error.to_string())
    }
}

impl Failure {
    fn of(refused: bool, reason: String) -> Self {
        if refused { Failure::Refused(reason) } else { Failure::Passing(reason) }
    }

    /// What the caller of the store is told.
    pub(super) fn told(self) -> StoreError {
        let (Failure::Passing(reason) | Failure::Refused(reason)) = self;
        StoreError::Unavailable(reason)
    }
}

fn is_refused_prepare(error: &PrepareError) -> bool {
    matches!(error, PrepareError::AllAttemptsFailed { first_attempt } if is_refused(first_attempt))
}

fn is_refused(error: &RequestAttemptError) -> bool {
    match error {
        RequestAttemptError::SerializationError(_) | RequestAttemptError::CqlRequestSerialization(_) => true,
        RequestAttemptError::DbError(error, _) => matches!(
            error,
            DbError::SyntaxError
                | DbError::Invalid
                | DbError::ConfigError
                | DbError::Unauthorized
                | DbError::AuthenticationError
        ),
        _ => false,
    }
}

/// The end of a call, and the pauses between its attempts.
pub(super) struct Patience {
    end: Instant,
    pause: Duration,
}

const PAUSE_MIN: Duration = Duration::from_millis(4);
const PAUSE_MAX: Duration = Duration::from_millis(250);

impl Patience {
    pub(super) fn of(deadline: Duration) -> Self {
        Self { end: Instant::now() + deadline, pause: PAUSE_MIN }
    }

    /// Waits between half a pause and a whole one, and makes the next one longer. `error` if the call's time is over by
    /// then.
    pub(super) async fn pause(&mut self, error: impl FnOnce() -> StoreError) -> StoreResult<()> {
        let pause = self.pause.mul_f64(rand::random_range(0.5..1.0));
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        if Instant::now() + pause >= self.end {
            return Err(error());
        }
        tokio::time::sleep(pause).await;
        Ok(())
    }

    /// As `pause` after what may go well the next time; ends with what will not.
    pub(super) async fn after(&mut self, failure: Failure) -> StoreResult<()> {
        match failure {
            Failure::Refused(_) => Err(failure.told()),
            Failure::Passing(_) => self.pause(|| failure.told()).await,
        }
    }
}
