//! What a room is told by configuration.

use std::time::Duration;

use playhouse_protocol::realtime;

use super::state;
use crate::{
    actors::{admission::Bounds, directory},
    config,
};

#[derive(Debug, Clone)]
pub struct Options {
    /// How long a room gathers before it sends; zero sends at once.
    pub tick: Duration,
    /// How long it gathers for those who want a sample, and how many comments that has at most.
    pub top_interval: Duration,
    pub top_len_max: usize,
    /// The least time between two writes of comments; the first after a quiet while goes at once.
    pub write_interval: Duration,
    pub flush_interval: Duration,
    pub counts_interval: Duration,
    pub stream: state::Limits,
    pub comment_len_max: usize,
    pub seats_max: usize,
    /// What clients are told they may do.
    pub limits: realtime::Limits,
    pub view_watched_ms: u64,
    pub view_window: Duration,
    /// How long one call to the store may take.
    pub store_deadline: Duration,
    /// The pause before the store is read again after it failed.
    pub retry_pause: Duration,
    pub directory: directory::Options,
}

impl Options {
    pub fn of(rooms: &config::Rooms, limits: &config::Limits, store_deadline: Duration) -> Self {
        let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let bounds = Bounds { messages_max: 100_000, bytes_max: number(limits.room_in_flight_bytes_max) };
        Self {
            tick: rooms.tick_ms.duration(),
            top_interval: rooms.top_interval_ms.duration(),
            top_len_max: rooms.top_len_max,
            write_interval: rooms.write_interval_ms.duration(),
            flush_interval: rooms.flush_interval_ms.duration(),
            counts_interval: rooms.counts_interval_ms.duration(),
            stream: state::Limits {
                history_len_max: rooms.history_len_max,
                snapshot_len_max: rooms.snapshot_len_max,
            },
            comment_len_max: rooms.comment_len_max,
            seats_max: rooms.seats_max,
            limits: realtime::Limits {
                frame_bytes_max: number(limits.frame_bytes_max),
                comment_len_max: number(rooms.comment_len_max),
                rooms_max: number(limits.rooms_per_session_max),
                comments_per_minute: u64::from(limits.comments_per_minute),
            },
            view_watched_ms: rooms.view_watched_ms.0,
            view_window: rooms.view_window_s.duration(),
            store_deadline,
            retry_pause: Duration::from_millis(250),
            directory: directory::Options {
                deadline: store_deadline * 2,
                idle_after: rooms.passivate_after_s.duration(),
                bounds,
                ..directory::Options::default()
            },
        }
    }
}

impl Default for Options {
    /// As `config/default.toml`.
    fn default() -> Self {
        Self {
            tick: Duration::from_millis(50),
            top_interval: Duration::from_millis(500),
            top_len_max: 5,
            write_interval: Duration::from_millis(20),
            flush_interval: Duration::from_millis(50),
            counts_interval: Duration::from_secs(1),
            stream: state::Limits { history_len_max: 300, snapshot_len_max: 50 },
            comment_len_max: 2_000,
            seats_max: 1_000_000,
            limits: realtime::Limits {
                frame_bytes_max: 16_384,
                comment_len_max: 2_000,
                rooms_max: 32,
                comments_per_minute: 30,
            },
            view_watched_ms: 10_000,
            view_window: Duration::from_secs(3_600),
            store_deadline: Duration::from_secs(5),
            retry_pause: Duration::from_millis(250),
            directory: directory::Options::default(),
        }
    }
}
