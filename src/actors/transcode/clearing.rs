//! What is left of a file that was replaced, or that was refused: its source, what was made of it, and what it is counted
//! as. Every step may be repeated; the job's row forgets the trial only when nothing is left.

use std::collections::BTreeSet;

use super::{
    Failure, Residence, Transcode,
    names::run_of,
    run::{made_prefix, object_key, source_key, source_prefix},
    state::{Leftovers, Verdict},
};
use crate::{
    actors::replacements,
    backends::{
        objects::{ObjectKey, ObjectResult, Prefix, SharedObjects},
        store::{
            StoreResult,
            tables::poster::{Poster, PosterChoice},
        },
    },
    domain::ids::VideoId,
    media::{RenditionId, layout},
};

/// Objects in one look at what there is.
const PAGE_LEN: usize = 1_000;

impl Transcode {
    /// Clears up behind a trial that is settled, once no worker publishes any more for what is to go.
    pub async fn clear(&self, job: &mut Residence) -> Result<(), Failure> {
        let Some(left) = job.state.leftovers() else { return Ok(()) };
        if job.running.iter().any(|running| left.are_of(running.run)) {
            return Ok(());
        }
        let now = self.workshop.clock.now();
        self.seize(job, now).await?;
        let objects = &self.workshop.objects;
        let made = keys(objects, &made_prefix(&job.video)).await?;
        remove_runs(objects, &job.video, &made, &left).await?;
        let kept = source_key(&job.video, job.state.source());
        remove_sources(objects, &job.video, &kept).await?;
        match left.verdict {
            Verdict::Accepted => {
                remove_pictures(objects, &job.video, &made).await?;
                self.unchoose_candidate(&job.video).await?;
                self.workshop.ledger.replace(&job.owner.account, &job.video, &left.trial.file_id).await?;
            }
            Verdict::Refused => self.workshop.ledger.forget(&job.owner.account, &left.trial.file_id).await?,
        }
        for effect in job.state.on_cleared(now) {
            self.perform(job, effect).await?;
        }
        replacements::release(&self.workshop.store, &job.video, &left.trial.upload_id).await?;
        let outcome = match left.verdict {
            Verdict::Accepted => "accepted",
            Verdict::Refused => "refused",
        };
        self.workshop.metrics.replacements.of(outcome).inc();
        Ok(())
    }

    /// An image of the owner's stays; a picture that was chosen out of the old file does not.
    async fn unchoose_candidate(&self, video: &VideoId) -> StoreResult<()> {
        let store = &self.workshop.store;
        let row = store.get::<Poster>((video.clone(),), ()).await?;
        match row.map(|row| row.choice) {
            Some(PosterChoice::Candidate(_)) => store.delete::<Poster>((video.clone(),), ()).await,
            Some(PosterChoice::Own) | None => Ok(()),
        }
    }
}

/// Renditions carry the number of their run, in the catalogue or not.
async fn remove_runs(
    objects: &SharedObjects,
    video: &VideoId,
    made: &[ObjectKey],
    left: &Leftovers,
) -> ObjectResult<()> {
    let below = made_prefix(video);
    let mut folders = BTreeSet::new();
    for key in made {
        let name = key.as_str().strip_prefix(below.as_str()).and_then(|path| path.split_once('/'));
        let rendition = name.and_then(|(folder, _)| RenditionId::parse(folder).ok());
        let is_left = |id: &RenditionId| run_of(id).is_some_and(|run| left.are_of(run));
        folders.extend(rendition.filter(is_left));
    }
    for folder in folders {
        let folder = format!("{}{folder}/", below.as_str());
        objects.delete_prefix(&folder.parse().expect("a rendition's name is plain")).await?;
    }
    Ok(())
}

async fn remove_sources(objects: &SharedObjects, video: &VideoId, kept: &ObjectKey) -> ObjectResult<()> {
    for key in keys(objects, &source_prefix(video)).await? {
        if key != *kept {
            objects.delete(&key).await?;
        }
    }
    Ok(())
}

/// Those that a job makes; they keep their names.
async fn remove_pictures(objects: &SharedObjects, video: &VideoId, made: &[ObjectKey]) -> ObjectResult<()> {
    for key in made {
        let name = key.as_str().rsplit('/').next().unwrap_or_default();
        let is_picture = matches!(name, layout::POSTER | layout::SPRITE) || layout::is_candidate(name);
        if is_picture && *key == object_key(video, name) {
            objects.delete(key).await?;
        }
    }
    Ok(())
}

async fn keys(objects: &SharedObjects, below: &Prefix) -> ObjectResult<Vec<ObjectKey>> {
    let mut keys: Vec<ObjectKey> = Vec::new();
    loop {
        let page = objects.list(below, keys.last(), PAGE_LEN).await?;
        keys.extend(page.objects.into_iter().map(|object| object.key));
        if !page.more {
            return Ok(keys);
        }
    }
}
