//! What Playhouse's server, its load harness and Rust clients share: REST bodies, realtime frames and problem
//! codes. Plain data with serde; no I/O, no codec, no rule. Ids are opaque strings, times RFC 3339 in UTC.

pub mod problem;
pub mod realtime;
pub mod rest;
