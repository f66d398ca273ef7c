//! From the bus to the sockets of this node: who is signed in on which seats, and the notices that are for them. A
//! user's topic is subscribed to while they have a seat here. A notice that is lost is no loss: what it speaks of can
//! be read.

use std::sync::Arc;

use bytes::Bytes;
use dashmap::{DashMap, mapref::entry::Entry};
use playhouse_protocol::realtime::Event;
use serde::Deserialize;
use tokio::task::JoinHandle;
use tracing::warn;

use super::seat::{Seat, SeatId, Shared};
use crate::{
    backends::bus::{Delivery, SharedBus, Subscription},
    domain::ids::UserId,
    telemetry::tasks,
};

/// Which users sit where.
#[derive(Clone)]
pub struct Presence {
    bus: SharedBus,
    users: Arc<Users>,
}

type Users = DashMap<UserId, Present>;

struct Present {
    seats: Vec<Seat>,
    listening: JoinHandle<()>,
}

impl Drop for Present {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

#[derive(Deserialize)]
struct Notice {
    kind: String,
    data: serde_json::Value,
}

impl Presence {
    pub fn new(bus: SharedBus) -> Self {
        Self { bus, users: Arc::default() }
    }

    /// From when this returns the seat gets the user's notices. Without a bus it gets none, and that is logged.
    pub async fn enter(&self, user: &UserId, seat: &Seat) {
        if let Some(mut present) = self.users.get_mut(user) {
            present.seats.push(seat.clone());
            return;
        }
        match self.bus.subscribe(&format!("user.{user}")).await {
            Ok(subscription) => self.insert(user, seat, subscription),
            Err(error) => warn!(error = %error, "a socket will get no notices"),
        }
    }

    fn insert(&self, user: &UserId, seat: &Seat, subscription: Subscription) {
        match self.users.entry(user.clone()) {
            // Another socket of the same user was faster.
            Entry::Occupied(mut present) => present.get_mut().seats.push(seat.clone()),
            Entry::Vacant(place) => {
                let work = listen(Arc::downgrade(&self.users), user.clone(), subscription);
                let listening = tasks::spawn("relay", work);
                place.insert(Present { seats: vec![seat.clone()], listening });
            }
        }
    }

    pub fn leave(&self, user: &UserId, seat: SeatId) {
        if let Some(mut present) = self.users.get_mut(user) {
            present.seats.retain(|present| present.id() != seat);
        }
        self.users.remove_if(user, |_, present| present.seats.is_empty());
    }

    /// Users with a seat on this node.
    pub fn users_len(&self) -> usize {
        self.users.len()
    }
}

async fn listen(users: std::sync::Weak<Users>, user: UserId, mut subscription: Subscription) {
    loop {
        let delivery = subscription.next().await;
        let Some(users) = users.upgrade() else { return };
        let Delivery::Event(event) = delivery else { continue };
        let seats = users.get(&user).map(|present| present.seats.clone()).unwrap_or_default();
        hand_out(&event, &seats);
    }
}

fn hand_out(event: &Bytes, seats: &[Seat]) {
    match serde_json::from_slice::<Notice>(event) {
        Ok(Notice { kind, data }) => {
            let event = Event::Notice { kind, data };
            let mut frame = Shared::new(&event);
            seats.iter().for_each(|seat| seat.send(frame.frame(seat.encoding())));
        }
        Err(error) => warn!(error = %error, "a notice cannot be read"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;
    use crate::{
        actors::seat::{Command, Encoding, Post},
        backends::bus,
        domain::clock::{ManualClock, Timestamp},
    };

    /// The first frame that is left for a shard.
    async fn sent(post: &Post) -> Bytes {
        let mut commands = Vec::new();
        loop {
            post.take_commands(&mut commands);
            match commands.pop() {
                Some(Command::Send(_, frame)) => return frame,
                _ => tokio::task::yield_now().await,
            }
        }
    }

    #[tokio::test]
    async fn a_notice_reaches_every_seat_of_its_user_and_nobody_else() {
        let bus = bus::embedded(Arc::new(ManualClock::default()));
        let presence = Presence::new(bus.clone());
        let (ada, bob) = (UserId::new(Timestamp(1)), UserId::new(Timestamp(2)));
        let seat = || {
            let post = Arc::<Post>::default();
            (Seat::new(post.clone(), 0, Encoding::Json), post)
        };
        let ((one, one_post), (two, two_post), (other, other_post)) = (seat(), seat(), seat());
        presence.enter(&ada, &one).await;
        presence.enter(&ada, &two).await;
        presence.enter(&bob, &other).await;
        let notice = Bytes::from_static(br#"{"kind":"job","data":{"percent":7}}"#);
        bus.publish(&format!("user.{ada}"), notice).await.unwrap();
        for post in [one_post, two_post] {
            let sent = timeout(Duration::from_secs(5), sent(&post)).await.unwrap();
            assert_eq!(sent[2..], *br#"{"ev":"notice","kind":"job","data":{"percent":7}}"#);
        }
        let mut none = Vec::new();
        other_post.take_commands(&mut none);
        assert!(none.is_empty());
        presence.leave(&ada, one.id());
        presence.leave(&ada, two.id());
        presence.leave(&bob, other.id());
        assert_eq!(presence.users_len(), 0);
    }
}
