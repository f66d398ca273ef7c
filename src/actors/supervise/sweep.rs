//! A supervised actor that looks for what was left behind: once when it starts, then at each interval. For repairs whose
//! trigger may be lost. It takes no input on purpose: what there is to be found is all that counts.

use std::{fmt::Display, time::Duration};

use futures_util::future::BoxFuture;
use ractor::{Actor, ActorProcessingErr, ActorRef};

use super::Child;

const INTERVAL: Duration = Duration::from_secs(30);

type Look = dyn Fn() -> BoxFuture<'static, ()> + Send + Sync;

struct Sweeper {
    look: Box<Look>,
    interval: Duration,
}

/// The next look is due.
struct Due;

impl Child {
    /// A child that calls `sweep` again and again. What fails is logged as `trouble`, and tried again at the next interval.
    pub fn sweeper<F, E>(
        name: &'static str,
        trouble: &'static str,
        sweep: impl Fn() -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Display,
    {
        Self::repeating(name, trouble, INTERVAL, sweep)
    }

    /// The same with a pause of its own between two calls.
    pub fn repeating<F, E>(
        name: &'static str,
        trouble: &'static str,
        interval: Duration,
        sweep: impl Fn() -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Display,
    {
        let make = move || {
            let sweep = sweep.clone();
            let look = move || -> BoxFuture<'static, ()> {
                let sweeping = sweep();
                Box::pin(async move {
                    if let Err(error) = sweeping.await {
                        tracing::warn!(error.chain = %error, "{trouble}; trying again");
                    }
                })
            };
            (Sweeper { look: Box::new(look), interval }, ())
        };
        let (child, _address) = Child::new(name, make);
        child
    }
}

impl Actor for Sweeper {
    type Msg = Due;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<Due>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(myself.cast(Due)?)
    }

    async fn handle(&self, myself: ActorRef<Due>, _: Due, (): &mut ()) -> Result<(), ActorProcessingErr> {
        (self.look)().await;
        drop(myself.send_after(self.interval, || Due));
        Ok(())
    }
}
