//! What the store says of videos, as the index should have it.

use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::state::coarse;
use crate::{
    actors::transcode,
    backends::{
        search::Document,
        store::{Store, StoreResult, tables::video::Video},
        tallies::Tallies,
    },
    domain::{
        ids::VideoId,
        tally::{Kind, TallyKey},
    },
    media::{Catalogue, rendition::Track},
};

/// Videos that are read at the same time.
const AT_ONCE: usize = 8;

pub(super) struct Truth {
    pub store: Store,
    pub tallies: Tallies,
}

impl Truth {
    /// `None` for those that nobody should find.
    pub(super) async fn of(&self, videos: &[VideoId]) -> StoreResult<BTreeMap<VideoId, Option<Document>>> {
        let all = stream::iter(videos.iter().cloned());
        let read = all.map(async |video| {
            let document = self.document(&video).await?;
            Ok((video, document))
        });
        read.buffer_unordered(AT_ONCE).try_collect().await
    }

    pub(super) async fn is_public(&self, video: &VideoId) -> StoreResult<bool> {
        Ok(self.public(video).await?.is_some())
    }

    async fn public(&self, video: &VideoId) -> StoreResult<Option<Video>> {
        let row = self.store.get::<Video>((video.clone(),), ()).await?;
        Ok(row.filter(Video::is_listed))
    }

    async fn document(&self, video: &VideoId) -> StoreResult<Option<Document>> {
        let Some(row) = self.public(video).await? else { return Ok(None) };
        let Some(published_at) = row.published_at else { return Ok(None) };
        let catalogue = transcode::catalogue(&self.store, video).await?;
        let views = self.tallies.read(&TallyKey::new(Kind::View, video)).await?.sum();
        Ok(Some(Document {
            video_id: row.video_id,
            title: row.title,
            description: row.description,
            tags: row.tags.0,
            duration_ms: row.duration_ms.and_then(|ms| u64::try_from(ms).ok()).unwrap_or(0),
            height: height(&catalogue),
            published_at,
            views: coarse(u64::try_from(views).unwrap_or(0)),
        }))
    }
}

/// By the shorter side, as renditions are called.
fn height(catalogue: &Catalogue) -> u64 {
    let pictures = catalogue.pictures().into_iter();
    let heights = pictures.map(|picture| match &picture.track {
        Track::Video { width, height, .. } => u64::from(*width.min(height)),
        Track::Audio { .. } => 0,
    });
    heights.max().unwrap_or(0)
}
