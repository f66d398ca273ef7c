//! Finds jobs that are pending and sees to it that they run: at the start of the process, and again and again, since
//! a trigger may be lost. Takes no input on purpose: what is pending in the store is all that counts.

use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef};

use super::Transcodes;
use crate::{
    actors::{directory::Refused, supervise::Child},
    backends::store::{StoreResult, tables::video::PendingJob},
    domain::ids::SHARDS,
};

const INTERVAL: Duration = Duration::from_secs(30);

/// The actor that looks: once when it starts, then at each interval. Supervised, since without it a job whose trigger
/// was lost would wait for ever.
pub struct Dispatcher {
    transcodes: Transcodes,
}

pub struct Look;

impl Dispatcher {
    /// As a child for the supervisor.
    pub fn child(transcodes: Transcodes) -> Child {
        let make = move || (Dispatcher { transcodes: transcodes.clone() }, ());
        let (child, _address) = Child::new("transcode-dispatcher", make);
        child
    }
}

impl Actor for Dispatcher {
    type Msg = Look;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<Look>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(myself.cast(Look)?)
    }

    async fn handle(&self, myself: ActorRef<Look>, _: Look, (): &mut ()) -> Result<(), ActorProcessingErr> {
        if let Err(error) = sweep(&self.transcodes).await {
            tracing::warn!(error.chain = %error, "pending jobs could not be read; trying again");
        }
        drop(myself.send_after(INTERVAL, || Look));
        Ok(())
    }
}

async fn sweep(transcodes: &Transcodes) -> StoreResult<()> {
    for shard in 0..SHARDS {
        for pending in transcodes.workshop.store.all::<PendingJob>((shard,)).await? {
            let Err(Refused::Absent) = transcodes.nudge(&pending.video_id).await else { continue };
            transcodes.mend(&pending).await?;
        }
    }
    Ok(())
}
