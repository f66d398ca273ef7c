//! The seats of one room: who is here, and how what happens gets to them. A frame is encoded once per encoding and
//! handed to every outbox; no mailbox is involved.

use std::{collections::HashMap, sync::Arc};

use playhouse_protocol::realtime::{Counts, Event};

use crate::{
    actors::seat::{Close, LatestKey, Seat, SeatId, Shared},
    domain::{account::Identity, ids::VideoId},
};

pub struct Seats {
    room: LatestKey,
    members: HashMap<SeatId, Member>,
    /// Seats that joined since the last tick. They have seen what is before their own offset, not what the others saw.
    fresh: usize,
}

struct Member {
    seat: Seat,
    viewer: Option<Identity>,
    /// Set until its first tick: what it got when it joined ends with this offset.
    joined_at: Option<u64>,
}

impl Seats {
    pub fn new(video: &VideoId) -> Self {
        Self { room: Arc::from(video.as_str()), members: HashMap::new(), fresh: 0 }
    }

    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether nobody can hear the room.
    pub fn all_closed(&self) -> bool {
        self.members.values().all(|member| member.seat.is_closed())
    }

    pub fn contains(&self, seat: SeatId) -> bool {
        self.members.contains_key(&seat)
    }

    /// A seat that joins again takes its place anew.
    pub fn join(&mut self, seat: Seat, viewer: Option<Identity>, offset: u64) {
        self.leave(seat.id());
        self.fresh += 1;
        self.members.insert(seat.id(), Member { seat, viewer, joined_at: Some(offset) });
    }

    pub fn leave(&mut self, seat: SeatId) -> bool {
        let left = self.members.remove(&seat);
        self.fresh -= usize::from(left.as_ref().is_some_and(|member| member.joined_at.is_some()));
        left.is_some()
    }

    /// Sends what happened after `sent`. `events_after` tells what that is; it is asked again only for seats that
    /// joined in between.
    pub fn broadcast(&mut self, sent: u64, events_after: impl Fn(u64) -> Vec<Event>) {
        let events = events_after(sent);
        let mut frames: Vec<Shared<'_, Event>> = events.iter().map(Shared::new).collect();
        let fresh = self.fresh > 0;
        for member in self.members.values_mut() {
            match member.joined_at.take().filter(|_| fresh) {
                Some(joined_at) if joined_at > sent => {
                    for event in events_after(joined_at) {
                        member.seat.say(&event);
                    }
                }
                _ => {
                    frames.iter_mut().for_each(|frame| member.seat.send(frame.frame(member.seat.encoding())))
                }
            }
        }
        self.fresh = 0;
    }

    /// Shows everyone the counts as they are now.
    pub fn show_counts(&self, counts: Counts) {
        let event = Event::Counts { room: self.room.to_string(), counts };
        let mut frame = Shared::new(&event);
        for member in self.members.values() {
            member.seat.latest(&self.room, frame.frame(member.seat.encoding()));
        }
    }

    /// Tells those whom `may_stay` refuses that the room is closed to them, and lets them go.
    pub fn dismiss(&mut self, may_stay: impl Fn(Option<&Identity>) -> bool) -> usize {
        let data = serde_json::json!({ "room": &*self.room });
        let notice = Event::Notice { kind: "room_closed".to_owned(), data };
        let leaving = self.members.values().filter(|member| !may_stay(member.viewer.as_ref()));
        let leaving: Vec<Seat> = leaving.map(|member| member.seat.clone()).collect();
        for seat in &leaving {
            seat.say(&notice);
            self.leave(seat.id());
        }
        leaving.len()
    }

    /// Closes every socket in the room.
    pub fn close_all(&mut self, close: &Close) {
        for member in self.members.values() {
            member.seat.close(close.clone());
        }
        (self.fresh, self.members) = (0, HashMap::new());
    }

    /// Forgets seats whose sockets are closed.
    pub fn drop_closed(&mut self) {
        self.members.retain(|_, member| !member.seat.is_closed());
        self.fresh = self.members.values().filter(|member| member.joined_at.is_some()).count();
    }
}
