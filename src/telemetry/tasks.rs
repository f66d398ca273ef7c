//! The one home of `tokio::spawn`: every background task has a kind, and a panic in one is logged.

use std::future::Future;

use tokio::task::JoinHandle;
use tracing::Instrument;

/// Starts a background task. `kind` names it in logs; it is a constant, never an id.
#[expect(clippy::disallowed_methods, reason = "this is the one home of bare spawns")]
pub fn spawn<F>(kind: &'static str, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(future.instrument(tracing::debug_span!("task", task.kind = kind)))
}
