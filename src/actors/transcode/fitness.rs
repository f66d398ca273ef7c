//! Whether this node can make videos. Without the object store it can neither read what is to be made nor keep what was,
//! and without room in its scratch folder no worker gets far. It learns that from a run that fails; from then on it takes
//! nothing on, and looks before it does again.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    fs,
    sync::Mutex,
    time::{Instant, timeout},
};

use crate::{
    backends::objects::{self, ObjectError, SharedObjects},
    media::{Failure, FailureCode},
    telemetry::Metrics,
};

const LOOK_EVERY: Duration = Duration::from_secs(2);
const LOOK_MAX: Duration = Duration::from_secs(10);
/// A segment of a large rung must find room.
const ROOM_BYTES: usize = 4 << 20;

pub struct Fitness {
    objects: SharedObjects,
    scratch: PathBuf,
    metrics: Arc<Metrics>,
    look_every: Duration,
    /// When it was last found unfit, if it is. Whoever asks meanwhile waits for the one that looks.
    unfit_at: Mutex<Option<Instant>>,
}

#[derive(Debug, thiserror::Error)]
enum Unfit {
    #[error(transparent)]
    Objects(#[from] ObjectError),
    #[error("the scratch folder: {0}")]
    Scratch(#[from] io::Error),
    #[error("nothing came of it within {} s", LOOK_MAX.as_secs())]
    Silence(#[from] tokio::time::error::Elapsed),
}

impl Fitness {
    pub fn new(objects: SharedObjects, scratch: PathBuf, metrics: Arc<Metrics>) -> Self {
        Self::looking_every(LOOK_EVERY, objects, scratch, metrics)
    }

    fn looking_every(
        look_every: Duration,
        objects: SharedObjects,
        scratch: PathBuf,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self { objects, scratch, metrics, look_every, unfit_at: Mutex::default() }
    }

    /// Whether work may be taken on. Looks only where it was found unfit, and not all the time.
    pub async fn is_fit(&self) -> bool {
        let mut unfit_at = self.unfit_at.lock().await;
        unfit_at.is_none() || self.look(&mut unfit_at).await
    }

    /// Why a run failed: what the node lacks is no fault of the job.
    pub async fn reason(&self, failure: Failure) -> Failure {
        use FailureCode::{NoSpace, SourceUnreadable, WorkerFailed};
        if !matches!(failure.code, NoSpace | SourceUnreadable | WorkerFailed) {
            return failure;
        }
        let mut unfit_at = self.unfit_at.lock().await;
        match self.look(&mut unfit_at).await {
            true => failure,
            false => Failure::new(FailureCode::StorageAway, failure.detail),
        }
    }

    async fn look(&self, unfit_at: &mut Option<Instant>) -> bool {
        if unfit_at.is_some_and(|at| at.elapsed() < self.look_every) {
            return false;
        }
        let found = self.probe().await;
        match &found {
            Err(error) if unfit_at.is_none() => {
                tracing::warn!(error.chain = %error, "no more media work is taken on until this is over");
            }
            Ok(()) if unfit_at.is_some() => tracing::info!("media work is taken on again"),
            _ => {}
        }
        *unfit_at = found.is_err().then(Instant::now);
        self.metrics.media_unfit.set(i64::from(found.is_err()));
        found.is_ok()
    }

    async fn probe(&self) -> Result<(), Unfit> {
        let use_both = async {
            objects::probe(&self.objects).await?;
            fs::create_dir_all(&self.scratch).await?;
            let file = self.scratch.join("probe");
            let written = fs::write(&file, vec![0; ROOM_BYTES]).await;
            drop(fs::remove_file(&file).await);
            Ok(written?)
        };
        timeout(LOOK_MAX, use_both).await?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_node_without_its_store_is_unfit_until_the_store_is_back_and_its_failures_are_no_fault_of_the_job()
     {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("objects");
        let objects = objects::open("dir:", &root).unwrap();
        let (scratch, every) = (folder.path().join("scratch"), Duration::from_millis(200));
        let fitness = Fitness::looking_every(every, objects, scratch, Metrics::new());
        let failure = || Failure::new(FailureCode::WorkerFailed, "what was made could not be kept");
        assert_eq!(fitness.reason(failure()).await, failure(), "the store is there");
        let aside = folder.path().join("aside");
        std::fs::rename(&root, &aside).unwrap();
        std::fs::write(&root, "no folder").unwrap();
        assert!(fitness.is_fit().await, "nothing has failed yet");
        let crashed = Failure::new(FailureCode::Crashed, "");
        assert_eq!(fitness.reason(crashed.clone()).await, crashed);
        let excused = fitness.reason(failure()).await;
        assert_eq!((excused.code, excused.detail), (FailureCode::StorageAway, failure().detail));
        assert!(!fitness.is_fit().await);
        std::fs::remove_file(&root).unwrap();
        std::fs::rename(&aside, &root).unwrap();
        assert!(!fitness.is_fit().await, "it does not look all the time");
        tokio::time::sleep(every).await;
        assert!(fitness.is_fit().await);
        assert!(!folder.path().join("scratch/probe").exists());
    }
}
