//! Playhouse, a video platform engine in one binary: upload, transcode, stream, and everything that
//! happens around a video while people watch it. `docs/architecture.md` is the map.

pub mod actors;
pub mod app;
pub mod backends;
pub mod cli;
pub mod config;
pub mod domain;
pub mod http;
pub mod media;
pub mod telemetry;
