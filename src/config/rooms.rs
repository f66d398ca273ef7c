//! `[rooms]`: the pace of a video's live room, what it remembers, and when a view counts.

use serde::Deserialize;

use super::{
    Millis, Seconds,
    range::{Range, range},
};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rooms {
    /// Zero sends each event at once.
    pub tick_ms: Millis,
    pub top_interval_ms: Millis,
    pub top_len_max: usize,
    pub write_interval_ms: Millis,
    pub flush_interval_ms: Millis,
    pub counts_interval_ms: Millis,
    pub history_len_max: usize,
    pub snapshot_len_max: usize,
    pub comment_len_max: usize,
    pub seats_max: usize,
    pub outbox_bytes_max: usize,
    pub passivate_after_s: Seconds,
    pub view_watched_ms: Millis,
    pub view_window_s: Seconds,
}

pub(super) const RANGES: &[Range] = &[
    range("tick_ms", 0, 1_000),
    range("top_interval_ms", 50, 10_000),
    range("top_len_max", 1, 100),
    range("write_interval_ms", 0, 1_000),
    range("flush_interval_ms", 1, 10_000),
    range("counts_interval_ms", 100, 60_000),
    range("history_len_max", 0, 10_000),
    range("snapshot_len_max", 0, 1_000),
    range("comment_len_max", 1, 10_000),
    range("seats_max", 1, 10_000_000),
    range("outbox_bytes_max", 16_384, 67_108_864),
    range("passivate_after_s", 1, 86_400),
    range("view_watched_ms", 0, 600_000),
    range("view_window_s", 1, 604_800),
];
