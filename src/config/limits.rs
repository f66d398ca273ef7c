//! `[limits]`: how often and how much one address, account, socket or room may ask for. `enabled` turns the rates
//! off; bounds on sizes and queues hold always.

use serde::Deserialize;

use super::range::{Range, range};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    pub enabled: bool,
    pub requests_per_s: u32,
    pub registrations_per_hour: u32,
    pub logins_per_minute: u32,
    pub keys_per_minute: u32,
    pub comments_per_minute: u32,
    pub reactions_per_minute: u32,
    pub bursts_per_minute: u32,
    pub sockets_max: usize,
    pub rooms_per_session_max: usize,
    pub frame_bytes_max: usize,
    pub body_bytes_max: usize,
    pub session_in_flight_bytes_max: usize,
    pub room_in_flight_bytes_max: usize,
    pub process_in_flight_bytes_max: usize,
}

pub(super) const RANGES: &[Range] = &[
    range("requests_per_s", 1, 1_000_000),
    range("registrations_per_hour", 1, 1_000_000),
    range("logins_per_minute", 1, 1_000_000),
    range("keys_per_minute", 1, 1_000_000),
    range("comments_per_minute", 1, 1_000_000),
    range("reactions_per_minute", 1, 1_000_000),
    range("bursts_per_minute", 1, 1_000_000),
    range("sockets_max", 1, 10_000_000),
    range("rooms_per_session_max", 1, 1_000),
    range("frame_bytes_max", 1_024, 1_048_576),
    range("body_bytes_max", 1_024, 67_108_864),
    range("session_in_flight_bytes_max", 16_384, 1_073_741_824),
    range("room_in_flight_bytes_max", 16_384, 1_073_741_824),
    range("process_in_flight_bytes_max", 1_048_576, 17_179_869_184),
];
