//! The seats of one room: who is here, and how what happens gets to them. A frame is encoded once per encoding and
//! handed to each shard that has seats of the room; no mailbox and no single seat is involved.

use std::{collections::HashMap, sync::Arc};

use bytes::{Bytes, BytesMut};
use playhouse_protocol::realtime::{Event, Rate};

use crate::{
    actors::seat::{AudienceId, Close, Command, Encoding, LatestKey, Parcel, Post, Seat, SeatId},
    domain::{account::Identity, ids::VideoId},
};

pub struct Seats {
    room: String,
    members: HashMap<SeatId, Member>,
    /// Those who get all, and those who get a sample.
    lanes: [Lane; 2],
}

struct Member {
    seat: Seat,
    viewer: Option<Box<Identity>>,
    rate: Rate,
}

/// An audience, and how many of it want which encoding in which shard.
#[derive(Default)]
struct Lane {
    audience: AudienceId,
    shards: Vec<(Arc<Post>, [usize; 2])>,
}

impl Lane {
    fn add(&mut self, seat: &Seat) {
        let at = match self.shards.iter().position(|(post, _)| Arc::ptr_eq(post, seat.post())) {
            Some(at) => at,
            None => {
                self.shards.push((seat.post().clone(), [0; 2]));
                self.shards.len() - 1
            }
        };
        self.shards[at].1[seat.encoding() as usize] += 1;
    }

    fn remove(&mut self, seat: &Seat) {
        for (_, seats) in self.shards.iter_mut().filter(|(post, _)| Arc::ptr_eq(post, seat.post())) {
            seats[seat.encoding() as usize] -= 1;
        }
        self.shards.retain(|(_, seats)| *seats != [0; 2]);
    }

    fn wants(&self, encoding: Encoding) -> bool {
        self.shards.iter().any(|(_, seats)| seats[encoding as usize] > 0)
    }

    fn hand_out(&self, parcel: Parcel) {
        let parcel = Arc::new(parcel);
        for (post, _) in &self.shards {
            post.leave(Command::Broadcast(self.audience, parcel.clone()));
        }
    }
}

impl Seats {
    pub fn new(video: &VideoId) -> Self {
        Self { room: video.to_string(), members: HashMap::new(), lanes: Default::default() }
    }

    pub fn room(&self) -> &str {
        &self.room
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

    /// Whether somebody wants no more than so much.
    pub fn has(&self, rate: Rate) -> bool {
        !self.lanes[rate as usize].shards.is_empty()
    }

    /// A seat that joins again takes its place anew.
    pub fn join(&mut self, seat: Seat, viewer: Option<Box<Identity>>, rate: Rate) {
        self.leave(seat.id());
        let lane = &mut self.lanes[rate as usize];
        lane.add(&seat);
        seat.enter(lane.audience);
        self.members.insert(seat.id(), Member { seat, viewer, rate });
    }

    pub fn leave(&mut self, seat: SeatId) -> bool {
        let Some(Member { seat, rate, .. }) = self.members.remove(&seat) else { return false };
        let lane = &mut self.lanes[rate as usize];
        lane.remove(&seat);
        seat.leave_audience(lane.audience);
        true
    }

    /// Sends events, all in one write. `written` is called when every socket has been written to or has to wait for
    /// its reader; at once if nobody is here.
    pub fn broadcast(&self, rate: Rate, events: &[Event], written: impl FnOnce() + Send + Sync + 'static) {
        let lane = &self.lanes[rate as usize];
        let frames = Encoding::ALL.map(|encoding| lane.wants(encoding).then(|| joined(encoding, events)));
        let written: Box<dyn FnOnce() + Send + Sync> = Box::new(written);
        lane.hand_out(Parcel { frames, latest: None, written: Some(written) });
    }

    /// Shows everyone the latest state of something; the one before it may be skipped.
    pub fn show(&self, key: LatestKey, event: &Event) {
        for lane in &self.lanes {
            let frames = Encoding::ALL.map(|encoding| lane.wants(encoding).then(|| encoding.frame(event)));
            lane.hand_out(Parcel { frames, latest: Some(key), written: None });
        }
    }

    /// Tells those whom `may_stay` refuses that the room is closed to them, and lets them go.
    pub fn dismiss(&mut self, may_stay: impl Fn(Option<&Identity>) -> bool) -> usize {
        let data = serde_json::json!({ "room": self.room });
        let notice = Event::Notice { kind: "room_closed".to_owned(), data };
        let leaving = self.members.values().filter(|member| !may_stay(member.viewer.as_deref()));
        let leaving: Vec<Seat> = leaving.map(|member| member.seat.clone()).collect();
        for seat in &leaving {
            seat.say(&notice);
            self.leave(seat.id());
        }
        leaving.len()
    }

    /// Closes every socket in the room.
    pub fn close_all(&mut self, close: &Close) {
        for lane in &mut self.lanes {
            for (post, _) in std::mem::take(&mut lane.shards) {
                post.leave(Command::CloseAll(lane.audience, close.clone()));
            }
        }
        self.members = HashMap::new();
    }

    /// Forgets seats whose sockets are closed.
    pub fn drop_closed(&mut self) {
        let closed = self.members.values().filter(|member| member.seat.is_closed());
        let closed: Vec<SeatId> = closed.map(|member| member.seat.id()).collect();
        for seat in closed {
            self.leave(seat);
        }
    }
}

fn joined(encoding: Encoding, events: &[Event]) -> Bytes {
    match events {
        [event] => encoding.frame(event),
        events => {
            let mut frames = BytesMut::new();
            events.iter().for_each(|event| frames.extend_from_slice(&encoding.frame(event)));
            frames.freeze()
        }
    }
}
