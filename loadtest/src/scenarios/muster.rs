//! How the users of one process move from one part of a run to the next without leaving their sockets unread: they tell
//! the muster that they are ready or quiet and go on listening until it says what comes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context;
use tokio::{
    sync::{Semaphore, watch},
    time::Instant,
};

use crate::{playhouse::seat::Seat, run::Run};

/// The newest offset of each room once nobody speaks any more.
pub type Tops = Arc<HashMap<String, u64>>;

#[derive(Clone)]
enum Phase {
    Preparing,
    Acting(Instant),
    Checking(Tops),
    Over,
}

pub struct Muster {
    users: u32,
    ready: Semaphore,
    quiet: Semaphore,
    /// Sockets that may open at the same time.
    doors: Semaphore,
    phase: watch::Sender<Phase>,
}

/// One user's place. Dropping it counts as ready and quiet, so that nobody waits for a user that broke.
pub struct Member {
    muster: Arc<Muster>,
    said: Mutex<(u8, u8)>,
}

impl Muster {
    pub fn new(users: u32, doors: usize) -> Arc<Self> {
        let closed = || Semaphore::new(0);
        let phase = watch::Sender::new(Phase::Preparing);
        Arc::new(Self { users, ready: closed(), quiet: closed(), doors: Semaphore::new(doors), phase })
    }

    pub fn member(self: &Arc<Self>) -> Member {
        Member { muster: self.clone(), said: Mutex::default() }
    }

    /// Leads all users from part to part, together with the other processes.
    pub async fn lead(&self, run: &Run) -> anyhow::Result<()> {
        let _all = self.ready.acquire_many(self.users).await.context("never closed")?;
        let start = run.go().await?;
        self.phase.send_replace(Phase::Acting(start));
        let _all = self.quiet.acquire_many(self.users).await.context("never closed")?;
        run.all_silent().await?;
        let mut tops = HashMap::new();
        for room in &run.world.videos {
            let seat = Seat::open(run, room, None, Instant::now()).await?;
            tops.insert(room.clone(), seat.ears.stream.offset());
        }
        self.phase.send_replace(Phase::Checking(Arc::new(tops)));
        Ok(())
    }

    /// Lets those go that waited to be dismissed.
    pub fn dismiss(&self) {
        self.phase.send_replace(Phase::Over);
    }
}

impl Member {
    pub fn doors(&self) -> &Semaphore {
        &self.muster.doors
    }

    /// Waits for the start.
    pub async fn ready(&self) -> Instant {
        self.say_ready();
        self.until(|phase| if let Phase::Acting(start) = phase { Some(*start) } else { None }).await
    }

    /// Waits until nobody has anything more to say.
    pub async fn quiet(&self) -> Tops {
        self.say_quiet();
        self.until(|phase| match phase {
            Phase::Checking(tops) => Some(tops.clone()),
            Phase::Over => Some(Tops::default()),
            _ => None,
        })
        .await
    }

    pub async fn dismissed(&self) {
        self.until(|phase| matches!(phase, Phase::Over).then_some(())).await;
    }

    async fn until<T>(&self, is_it: impl Fn(&Phase) -> Option<T>) -> T {
        let mut phase = self.muster.phase.subscribe();
        loop {
            let found = is_it(&phase.borrow_and_update());
            match found {
                Some(found) => return found,
                // The muster is held by this member, so its sender lives.
                None => phase.changed().await.expect("the sender lives as long as the member"),
            }
        }
    }

    fn say_ready(&self) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.0 == 0 {
            self.muster.ready.add_permits(1);
            said.0 = 1;
        }
    }

    fn say_quiet(&self) {
        self.say_ready();
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.1 == 0 {
            self.muster.quiet.add_permits(1);
            said.1 = 1;
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.say_quiet();
    }
}
