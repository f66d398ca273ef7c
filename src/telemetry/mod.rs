//! Logs, metrics and named tasks: what an operator sees of a running process. Every layer above may use it; it knows
//! none of them, and what it counts never carries the id of a video or an account.

pub mod labels;
pub mod logs;
pub mod metrics;
pub mod tasks;

pub use metrics::{CONTENT_TYPE, Metrics, Raised};
