//! What a worker reads: files of the object store in place where it is a folder of this machine, else copies.

use std::path::{Path, PathBuf};

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::fs;

use super::{
    Workshop,
    copies::{Copy, download},
    run::{Order, no_scratch, object_key, source_key},
    step::Step,
};
use crate::{
    backends::objects::ObjectKey,
    domain::ids::VideoId,
    media::{self, Failure, FailureCode, layout, protocol::Made},
};

/// Files that are copied at the same time.
const COPIES_AT_ONCE: usize = 8;

pub enum Material {
    InPlace(PathBuf),
    Copied(Copy),
}

impl Material {
    pub fn path(&self) -> &Path {
        match self {
            Material::InPlace(path) => path,
            Material::Copied(copy) => copy.path(),
        }
    }
}

/// What a step works on: the uploaded file, or what was made of it.
pub async fn material(workshop: &Workshop, order: &Order, output: &Path) -> Result<Material, Failure> {
    match &order.run.step {
        Step::Make(piece) if let media::Job::Verify { made } = &piece.job => {
            renditions(workshop, &order.video, made, output).await.map(Material::InPlace)
        }
        _ => source(workshop, &source_key(&order.video, order.source.as_ref())).await,
    }
}

async fn source(workshop: &Workshop, key: &ObjectKey) -> Result<Material, Failure> {
    if let Some(path) = workshop.objects.local_path(key) {
        return Ok(Material::InPlace(path));
    }
    let copied = workshop.copies.of(&workshop.objects, key).await;
    copied.map(Material::Copied).map_err(|error| not_copied("the uploaded file", &error))
}

/// The folder of the renditions.
async fn renditions(
    workshop: &Workshop,
    video: &VideoId,
    made: &[Made],
    output: &Path,
) -> Result<PathBuf, Failure> {
    if let Some(master) = workshop.objects.local_path(&object_key(video, layout::MASTER)) {
        return Ok(master.parent().unwrap_or(&master).to_owned());
    }
    let folder = output.join("made");
    let mut names = Vec::new();
    for Made { rendition, segments, .. } in made {
        fs::create_dir_all(folder.join(rendition.as_str())).await.map_err(|error| no_scratch(&error))?;
        names.push(layout::init(rendition));
        names.extend((0..*segments).map(|sequence| layout::segment(rendition, sequence)));
    }
    let copied = names.into_iter().map(|name| {
        let (key, path) = (object_key(video, &name), folder.join(&name));
        async move {
            let copied = download(&workshop.objects, &key, &path).await;
            copied.map_err(|error| not_copied(&name, &error))
        }
    });
    stream::iter(copied).buffer_unordered(COPIES_AT_ONCE).try_collect::<()>().await?;
    Ok(folder)
}

fn not_copied(what: &str, error: &std::io::Error) -> Failure {
    match error.kind() {
        std::io::ErrorKind::StorageFull => no_scratch(error),
        _ => Failure::new(FailureCode::SourceUnreadable, format!("{what} cannot be read: {error}")),
    }
}
