//! Logs, metrics and named tasks: what an operator sees of a running process.

pub mod tasks;
