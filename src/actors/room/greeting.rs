//! What a client is told when it joins. Most of it is the same for all who were last at the same place, and is encoded
//! once for all of them: when ten thousand sockets come back at once, they share one block of bytes.

use std::collections::HashMap;

use bytes::Bytes;
use playhouse_protocol::{
    realtime::{Counts, Limits, Rate},
    rest::{Chat, Comment},
};
use serde::Serialize;

use super::state::Recovery;
use crate::actors::seat::{Encoding, Seat};

/// Blocks kept at most: that many different places to be at within one tick.
const BLOCKS_MAX: usize = 1_024;

/// What is said to each in its own words. Together with `Missed` it is a `Snapshot`.
#[derive(Serialize)]
struct Here<'a> {
    room: &'a str,
    epoch: &'a str,
    offset: u64,
    recovered: bool,
    counts: Counts,
}

#[derive(Serialize)]
struct Missed<'a> {
    comments: &'a [Comment],
    removed: &'a [String],
    edited: &'a [Comment],
    chat: Chat,
    limits: Limits,
}

/// Where a client was, how it wants it encoded, and in which lane.
type Key = (Option<u64>, Encoding, Rate);

#[derive(Default)]
pub struct Greetings(HashMap<Key, Block>);

struct Block {
    epoch: String,
    offset: u64,
    recovered: bool,
    missed: Bytes,
}

/// Who joins, where they were, and what the room says of itself.
pub struct Greeting<'a> {
    pub seat: &'a Seat,
    pub re: u64,
    pub since: Option<u64>,
    pub rate: Rate,
    pub room: &'a str,
    pub counts: Counts,
    pub limits: Limits,
    pub chat: &'a super::chat::Chat,
}

impl Greetings {
    /// Greets a seat. `recovery` is asked only if nobody has been at the same place since the last tick. Returns
    /// whether the client could go on where it was.
    pub fn greet(&mut self, greeting: &Greeting<'_>, recovery: impl FnOnce() -> Recovery) -> bool {
        let Greeting { seat, re, since, rate, room, counts, limits, chat } = greeting;
        if self.0.len() >= BLOCKS_MAX {
            self.0.clear();
        }
        let block = self.0.entry((*since, seat.encoding(), *rate)).or_insert_with(|| {
            let Recovery { epoch, offset, recovered, comments, removed, edited } = recovery();
            let (chat, limits) = (chat.view(), *limits);
            let missed = Missed { comments: &comments, removed: &removed, edited: &edited, chat, limits };
            Block { epoch, offset, recovered, missed: seat.encoding().encode(&missed) }
        });
        let Block { epoch, offset, recovered, missed } = block;
        let here = Here { room, epoch, offset: *offset, recovered: *recovered, counts: *counts };
        seat.reply_shared(*re, &here, missed);
        *recovered
    }

    /// The stream has moved on, or the rules or the poll have changed.
    pub fn forget(&mut self) {
        self.0.clear();
    }
}
