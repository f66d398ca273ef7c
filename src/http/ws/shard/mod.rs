//! A shard: one task that owns thousands of sockets. Frames go from whoever speaks straight to the sockets, past every
//! mailbox; what arrives goes to the session of its seat. Nothing in here waits: a socket that cannot go on wakes the
//! shard when it can. One timing wheel serves pings, silence, slowness and the ends of tokens.

mod audiences;
mod ending;
mod hall;
mod hearing;
mod sitting;
mod standing;
mod times;
mod wheel;
mod wire;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::{sync::OwnedSemaphorePermit, task::coop::unconstrained};

pub use self::wire::Wire;
use self::{hall::Hall, standing::Standing};
use super::Parts;
use crate::{
    actors::seat::{Encoding, Post},
    telemetry::tasks,
};

/// A socket that has been upgraded.
pub struct Arrival {
    pub wire: Wire,
    /// What the client has sent on it already.
    pub said: Bytes,
    pub encoding: Encoding,
    /// What came with the request, if anything.
    pub access_token: Option<String>,
    /// Names a viewer without an account in the tally of views.
    pub anonymous: String,
    pub place: OwnedSemaphorePermit,
}

/// How others reach a shard.
pub struct Shard {
    post: Arc<Post>,
    arrivals: Arc<Arrivals>,
}

type Arrivals = Mutex<Vec<Arrival>>;

impl Shard {
    pub fn start(parts: Arc<Parts>) -> Self {
        let (post, arrivals) = (Arc::<Post>::default(), Arc::<Arrivals>::default());
        let hall = Hall::new(parts, post.clone(), arrivals.clone());
        // It bounds its own turns, and a budget that ended in mid-broadcast would look like a socket that is full.
        drop(tasks::spawn("shard", unconstrained(hall)));
        Self { post, arrivals }
    }

    pub fn admit(&self, arrival: Arrival) {
        self.arrivals.lock().expect("no code panics while it holds this lock").push(arrival);
        self.post.wake();
    }
}

#[cfg(test)]
mod tests;
