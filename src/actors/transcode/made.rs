//! What has been made of a video, and of which of its files: one row, so that both change in one write.

use crate::{
    backends::store::{Store, StoreResult, tables::video::Catalogue as CatalogueRow},
    domain::ids::{UploadId, VideoId},
    media::Catalogue,
};

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Made {
    /// Empty while nothing has been made.
    pub catalogue: Catalogue,
    /// The upload whose file it was made of; `None` for the file that the video began with.
    pub source: Option<UploadId>,
}

/// What is shown of a video.
pub async fn made(store: &Store, video: &VideoId) -> StoreResult<Made> {
    let row = store.get::<CatalogueRow>((video.clone(),), ()).await?;
    Ok(row.map_or_else(Made::default, |row| Made {
        catalogue: rmp_serde::from_slice(&row.description).unwrap_or_default(),
        source: row.source,
    }))
}

/// Of which of its files the shown was made; `None` for the one that the video began with.
pub async fn source(store: &Store, video: &VideoId) -> StoreResult<Option<UploadId>> {
    let row = store.get::<CatalogueRow>((video.clone(),), ()).await?;
    Ok(row.and_then(|row| row.source))
}

/// What is shown, without the file that it was made of.
pub async fn catalogue(store: &Store, video: &VideoId) -> StoreResult<Catalogue> {
    made(store, video).await.map(|made| made.catalogue)
}
