//! A source is looked through for malware before any decoder sees it, where the configuration wants that.

use std::path::Path;

use super::{
    Workshop,
    run::{self, Order},
};
use crate::{
    backends::{
        objects::{ObjectError, ObjectKey},
        scanner::{ScanError, Scanner, Verdict},
        store::StoreError,
    },
    media::{Failure, FailureCode},
};

pub struct Screening {
    pub scanner: Scanner,
    pub finding: Finding,
    pub absence: Absence,
}

/// What becomes of a file in which something is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    Deleted,
    /// Kept where only the operator finds it.
    Quarantined,
}

/// What becomes of a video while the scanner is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    Wait,
    GoOn,
}

#[derive(Debug, thiserror::Error)]
enum PutAwayError {
    #[error(transparent)]
    Objects(#[from] ObjectError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub async fn screen(workshop: &Workshop, order: &Order, source: &Path) -> Result<(), Failure> {
    let Some(screening) = &workshop.screening else { return Ok(()) };
    let count = |outcome| workshop.metrics.scans.of(outcome).inc();
    match screening.scanner.scan(source).await {
        Ok(Verdict::Clean) => {
            count("clean");
            Ok(())
        }
        Ok(Verdict::Found(name)) => {
            count("found");
            Err(found(workshop, screening.finding, order, &name).await)
        }
        Err(ScanError::File(error)) => {
            let detail = format!("the uploaded file cannot be read: {error}");
            Err(Failure::new(FailureCode::SourceUnreadable, detail))
        }
        Err(error) => {
            count("away");
            tracing::warn!(error.chain = %error, "the malware scanner does not scan");
            match screening.absence {
                Absence::GoOn => Ok(()),
                Absence::Wait => {
                    let detail = "the malware scanner does not answer; the video waits for it";
                    Err(Failure::new(FailureCode::ScannerAway, detail))
                }
            }
        }
    }
}

async fn found(workshop: &Workshop, finding: Finding, order: &Order, name: &str) -> Failure {
    let key = run::source_key(&order.video, order.source.as_ref());
    let put_away: Result<(), PutAwayError> = match finding {
        Finding::Deleted => delete(workshop, order, &key).await,
        Finding::Quarantined => quarantine(workshop, order, &key).await.map_err(PutAwayError::from),
    };
    tracing::warn!(video.id = %order.video, malware = name, "an upload was refused");
    match put_away {
        Ok(()) => Failure::new(FailureCode::Malware, format!("the file contains malware: {name}")),
        // It must not be worked on, and will be put away next time.
        Err(error) => Failure::new(
            FailureCode::ScannerAway,
            format!("the file contains malware and could not be put away: {error}"),
        ),
    }
}

/// What is not kept is not counted. A file on trial is counted out with its trial.
async fn delete(workshop: &Workshop, order: &Order, key: &ObjectKey) -> Result<(), PutAwayError> {
    if order.source.is_none() {
        workshop.ledger.forget(&order.owner.account, &order.video).await?;
    }
    Ok(workshop.objects.delete(key).await?)
}

async fn quarantine(workshop: &Workshop, order: &Order, key: &ObjectKey) -> Result<(), ObjectError> {
    let kept = run::quarantine_key(&order.video, order.source.as_ref());
    if let Some(path) = workshop.objects.local_path(key) {
        return workshop.objects.put_file(&kept, &path).await.map(drop);
    }
    if let Some(object) = workshop.objects.get(key, None).await? {
        let bytes = futures_util::StreamExt::map(object.body, |piece| piece.map_err(std::io::Error::other));
        workshop.objects.put(&kept, Box::pin(bytes)).await?;
    }
    workshop.objects.delete(key).await
}
