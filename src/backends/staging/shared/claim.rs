//! The right to an upload among all nodes. A lease on the bus keeps two requests out of each other's way, and whoever
//! waits for it has its holder asked to let go. Neither is relied on: while the bus is away the fence in the store alone
//! decides, and the later request wins at once.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{
    sync::oneshot,
    task::JoinHandle,
    time::{Instant, interval, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{super::StagingError, Shared};
use crate::{
    backends::bus::{Delivery, Lease, SharedBus, Subscription},
    domain::ids::UploadId,
    telemetry::tasks,
};

/// Shorter than the patience of who waits: what a dead node held is taken by the first who asks.
const LEASE: Duration = Duration::from_secs(8);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// An ask may be lost.
const ASK_EVERY: Duration = Duration::from_secs(1);
const TOPIC: &str = "uploads.asked";

/// Dropped or released, it lets go.
pub(in super::super) struct Claim {
    /// 0: there was no such upload when it was claimed.
    fence: Arc<AtomicI64>,
    let_go: oneshot::Sender<Box<dyn FnOnce() + Send>>,
}

impl Claim {
    pub(in super::super) fn fence(&self) -> i64 {
        self.fence.load(Ordering::Relaxed)
    }

    pub(in super::super) async fn take_over(
        &self,
        shared: &Shared,
        id: &UploadId,
    ) -> Result<(), StagingError> {
        let fence = shared.next_fence(id).await?.unwrap_or(0);
        self.fence.store(fence, Ordering::Relaxed);
        Ok(())
    }

    pub(in super::super) async fn begin(&self, shared: &Shared, id: &UploadId) -> Result<(), StagingError> {
        let fence = shared.begin(id).await?;
        self.fence.store(fence, Ordering::Relaxed);
        Ok(())
    }

    /// `then` is called when other nodes see that it is free.
    pub(in super::super) fn release(self, then: impl FnOnce() + Send + 'static) {
        if let Err(then) = self.let_go.send(Box::new(then)) {
            // The runtime is going away, and the task that kept the lease has gone already.
            then();
        }
    }
}

impl Shared {
    /// Takes the lease of an upload, from whoever has it now. `asked` is cancelled when another node wants it.
    pub(in super::super) async fn claim(
        &self,
        id: &UploadId,
        asked: &CancellationToken,
        deadline: Instant,
    ) -> Result<Claim, StagingError> {
        let lease = self.lease(id, deadline).await?;
        self.inner.asks.holders().insert(id.clone(), asked.clone());
        let (let_go, released) = oneshot::channel();
        let fence = Arc::new(AtomicI64::new(0));
        let (shared, id, asked) = (self.clone(), id.clone(), asked.clone());
        let keeper = Keeper { shared, id, asked, lease, fence: fence.clone() };
        tasks::spawn("hold of an upload", keeper.run(released));
        Ok(Claim { fence, let_go })
    }

    /// `None` while the bus is away.
    async fn lease(&self, id: &UploadId, deadline: Instant) -> Result<Option<Lease>, StagingError> {
        let name = lease_name(id);
        let mut ask_at = Instant::now();
        loop {
            match self.bus().acquire(&name, &self.inner.owner, LEASE).await {
                Ok(Some(lease)) => return Ok(Some(lease)),
                Ok(None) => {}
                Err(error) => {
                    tracing::debug!(error.chain = %error, "an upload is held without a lease");
                    return Ok(None);
                }
            }
            let now = Instant::now();
            if now >= deadline {
                return Err(StagingError::Locked);
            }
            if now >= ask_at {
                self.ask(id).await;
                ask_at = now + ASK_EVERY;
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn ask(&self, id: &UploadId) {
        let ask = Ask { from: self.inner.owner.clone(), upload: id.clone() };
        let ask = rmp_serde::to_vec(&ask).expect("plain data");
        // It is said again, and at the end the lease is over.
        drop(self.bus().publish(TOPIC, ask.into()).await);
    }

    /// Whether another node has it. What cannot be told is taken for a yes.
    pub(in super::super) async fn is_held_elsewhere(&self, id: &UploadId) -> bool {
        match self.bus().acquire(&lease_name(id), &self.inner.owner, LEASE).await {
            Ok(Some(lease)) => self.bus().release(&lease).await.is_err(),
            Ok(None) | Err(_) => true,
        }
    }
}

fn lease_name(id: &UploadId) -> String {
    format!("upload.{id}")
}

/// Keeps a lease until its holder lets go.
struct Keeper {
    shared: Shared,
    id: UploadId,
    asked: CancellationToken,
    lease: Option<Lease>,
    fence: Arc<AtomicI64>,
}

impl Keeper {
    async fn run(mut self, mut released: oneshot::Receiver<Box<dyn FnOnce() + Send>>) {
        let mut due = interval(LEASE / 3);
        // The first tick is at once.
        due.tick().await;
        let then = loop {
            tokio::select! {
                then = &mut released => break then,
                _ = due.tick() => self.renew().await,
            }
        };
        self.shared.inner.asks.holders().remove(&self.id);
        if let Some(lease) = &self.lease
            && let Err(error) = self.shared.bus().release(lease).await
        {
            tracing::debug!(error.chain = %error, "the lease of an upload ends by itself");
        }
        if let Ok(then) = then {
            then();
        }
    }

    /// A lease that is lost is taken again, unless another has it, or had it meanwhile: then its holder lets go.
    async fn renew(&mut self) {
        let bus = self.shared.bus();
        let renewed = match &self.lease {
            Some(lease) => bus.renew(lease, LEASE).await,
            None => Ok(None),
        };
        match renewed {
            Ok(Some(lease)) => self.lease = Some(lease),
            Ok(None) => match bus.acquire(&lease_name(&self.id), &self.shared.inner.owner, LEASE).await {
                Ok(Some(lease)) => {
                    self.lease = Some(lease);
                    if self.is_overtaken().await {
                        self.asked.cancel();
                    }
                }
                Ok(None) => self.asked.cancel(),
                Err(_) => {}
            },
            Err(_) => {}
        }
    }

    async fn is_overtaken(&self) -> bool {
        let fence = self.fence.load(Ordering::Relaxed);
        fence != 0 && matches!(self.shared.offset(&self.id, fence).await, Err(StagingError::Taken))
    }
}

#[derive(Serialize, Deserialize)]
struct Ask {
    /// The process that asks.
    from: String,
    upload: UploadId,
}

type Wanted = Arc<Mutex<HashMap<UploadId, CancellationToken>>>;

/// Hears which uploads other nodes want.
pub(super) struct Asks {
    wanted: Wanted,
    listening: Option<JoinHandle<()>>,
}

impl Drop for Asks {
    fn drop(&mut self) {
        if let Some(listening) = &self.listening {
            listening.abort();
        }
    }
}

impl Asks {
    pub(super) async fn listen(bus: &SharedBus, owner: &str) -> Self {
        let wanted = Wanted::default();
        let listening = match bus.subscribe(TOPIC).await {
            Ok(heard) => Some(tasks::spawn("asks for uploads", heed(heard, owner.into(), wanted.clone()))),
            Err(error) => {
                tracing::warn!(error.chain = %error, "uploads are not let go of for other nodes");
                None
            }
        };
        Self { wanted, listening }
    }

    fn holders(&self) -> MutexGuard<'_, HashMap<UploadId, CancellationToken>> {
        self.wanted.lock().expect("no code panics while it holds this lock")
    }
}

async fn heed(mut heard: Subscription, owner: String, wanted: Wanted) {
    loop {
        // What was missed is said again.
        let Delivery::Event(event) = heard.next().await else { continue };
        let Ok(ask) = rmp_serde::from_slice::<Ask>(&event) else { continue };
        if ask.from == owner {
            continue;
        }
        let holders = wanted.lock().expect("no code panics while it holds this lock");
        if let Some(asked) = holders.get(&ask.upload) {
            asked.cancel();
        }
    }
}
