//! What delivery keeps at hand of videos, so that a segment or a playlist costs no look into the store: who may see a
//! video and what it is encrypted with, its rendered documents, and hot objects. A video and its documents are good while
//! no row of theirs was written, which is known at once for writes of this process and soon for those of other nodes;
//! the age limit covers what was not heard of.

use std::{sync::Arc, time::Instant};

use quick_cache::{Weighter, sync::Cache};

use super::{address::Document, document::Rendered, hot::Hot};
use crate::{
    actors::transcode,
    backends::store::{KEPT_FOR, Versions, tables::video::Video},
    domain::ids::{UploadId, VideoId},
    http::{
        Ctx, captions,
        problem::{ApiError, ApiResult},
    },
    media::{Protection, manifest::Beside},
};

const VIDEOS_LEN_MAX: usize = 4_096;

/// A video as delivery needs it.
pub struct Known {
    pub video: Video,
    pub protection: Option<Protection>,
    pub version: u64,
    /// The upload whose file is shown; `None` for the one that the video began with.
    source: Option<UploadId>,
    read_at: Instant,
}

/// A document of a video, and the state of the video it was rendered from.
pub struct Shown {
    pub rendered: Rendered,
    version: u64,
    read_at: Instant,
}

#[derive(Clone)]
struct Weight;

impl Weighter<(VideoId, Document), Arc<Shown>> for Weight {
    fn weight(&self, _: &(VideoId, Document), shown: &Arc<Shown>) -> u64 {
        shown.rendered.len() as u64 + 512
    }
}

pub struct Shelf {
    versions: Arc<Versions>,
    videos: Cache<VideoId, Arc<Known>>,
    documents: Cache<(VideoId, Document), Arc<Shown>, Weight>,
    pub(super) hot: Hot,
}

impl Shelf {
    /// An eighth of the bytes is for documents.
    pub fn new(versions: Arc<Versions>, bytes_max: u64) -> Self {
        let documents = bytes_max / 8;
        Self {
            versions,
            videos: Cache::new(VIDEOS_LEN_MAX),
            documents: Cache::with_weighter(places(documents), documents.max(1), Weight),
            hot: Hot::new(bytes_max - documents),
        }
    }

    pub fn videos_len(&self) -> usize {
        self.videos.len()
    }
}

/// How many long playlists fit, roughly. The cache is cut into parts of at least 32 places.
fn places(bytes: u64) -> usize {
    usize::try_from(bytes >> 16).unwrap_or(usize::MAX).max(1)
}

/// The video of an id, as its rows say now.
pub async fn video(ctx: &Ctx, id: &str) -> ApiResult<Arc<Known>> {
    let id: VideoId = id.parse().map_err(|_| ApiError::not_found())?;
    let shelf = &ctx.shelf;
    let version = shelf.versions.of(id.as_str());
    let before = shelf.videos.get(&id);
    let is_good = |known: &Known| known.version == version && known.read_at.elapsed() < KEPT_FOR;
    if let Some(known) = before.as_ref().filter(|known| is_good(known)) {
        ctx.metrics.shelf_looks.of("hit").inc();
        ctx.metrics.shelf_age_seconds.observe(known.read_at.elapsed().as_secs_f64());
        return Ok(known.clone());
    }
    ctx.metrics.shelf_looks.of(if before.is_some() { "stale" } else { "miss" }).inc();
    let read_at = Instant::now();
    let video = ctx.store.get::<Video>((id.clone(),), ()).await?.ok_or_else(ApiError::not_found)?;
    let protection = super::protection(ctx, &video).await?;
    let source = transcode::source(&ctx.store, &id).await?;
    if before.is_some_and(|before| before.source != source) {
        // Another file took its place: what was made of the one before is not to be had any more.
        shelf.hot.forget(&transcode::made_prefix(&id));
    }
    let known = Arc::new(Known { video, protection, version, source, read_at });
    shelf.videos.insert(id, known.clone());
    Ok(known)
}

/// A document of a video, rendered anew where its rows have changed. `None` where there is no such document now.
pub async fn document(ctx: &Ctx, known: &Known, document: &Document) -> ApiResult<Option<Arc<Shown>>> {
    let key = (known.video.video_id.clone(), document.clone());
    let documents = &ctx.shelf.documents;
    let shown = documents.get(&key);
    if let Some(shown) =
        shown.filter(|shown| shown.version == known.version && shown.read_at.elapsed() < KEPT_FOR)
    {
        return Ok(Some(shown));
    }
    let read_at = Instant::now();
    let catalogue = transcode::catalogue(&ctx.store, &known.video.video_id).await?;
    let beside = match document {
        Document::Master | Document::Mpd => super::beside(ctx, &known.video).await?,
        Document::Captions(language)
            if !captions::exists(ctx, &known.video.video_id, language.clone()).await? =>
        {
            return Ok(None);
        }
        _ => Beside::default(),
    };
    let Some(rendered) = Rendered::of(&catalogue, document, known, &beside) else { return Ok(None) };
    let shown = Arc::new(Shown { rendered, version: known.version, read_at });
    documents.insert(key, shown.clone());
    Ok(Some(shown))
}
