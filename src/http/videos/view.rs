//! From rows, tallies and catalogues to the `video` of the interface.

use playhouse_protocol::rest;

use super::chapters;
use crate::{
    actors::transcode,
    backends::store::{
        Store,
        tables::{channel::Channel, video::Video},
    },
    domain::{
        access::Visibility, account::Identity, encryption::Encryption, reaction::Reaction, video::Status,
    },
    http::{
        Ctx, delivery,
        problem::{ApiError, ApiResult},
    },
    media::{
        Catalogue, RenditionId,
        probe::DynamicRange,
        rendition::{Rendition, Track},
    },
};

/// The whole body of one video for one caller.
pub async fn video(ctx: &Ctx, row: Video, who: Option<&Identity>) -> ApiResult<rest::Video> {
    shown(ctx, &ctx.store, row, who).await
}

/// The same in a list.
pub async fn listed(ctx: &Ctx, row: Video, who: Option<&Identity>) -> ApiResult<rest::Video> {
    shown(ctx, &ctx.cached, row, who).await
}

async fn shown(ctx: &Ctx, store: &Store, row: Video, who: Option<&Identity>) -> ApiResult<rest::Video> {
    let counts = ctx.rooms.of(&row.video_id).counts().await?;
    let catalogue = transcode::catalogue(store, &row.video_id).await?;
    let channel = store.get::<Channel>((row.channel_id.clone(),), ()).await?;
    let channel = channel.ok_or_else(ApiError::not_found)?;
    let reaction = match who {
        Some(who) => kind_of(ctx.rooms.of(&row.video_id).reaction_of(&who.user_id).await?),
        None => rest::ReactionKind::None,
    };
    let base = delivery::base_url(ctx, &row);
    let chapters = chapters::shown(chapters::of(&row, &catalogue));
    Ok(rest::Video {
        id: row.video_id.to_string(),
        title: row.title,
        description: row.description,
        tags: row.tags.0,
        duration_ms: row.duration_ms.and_then(|ms| u64::try_from(ms).ok()),
        views: counts.views,
        likes: counts.likes,
        dislikes: counts.dislikes,
        comments: counts.comments,
        status: status(row.status),
        progress: rest::Progress {
            stage: row.stage.as_str().into(),
            percent: u8::try_from(row.percent).unwrap_or(0),
        },
        failure: row.failure.map(failure),
        visibility: visibility(row.visibility),
        encryption: encryption(row.encryption),
        channel: rest::ChannelSummary {
            id: channel.channel_id.to_string(),
            handle: channel.handle,
            title: channel.title,
            avatar_color: channel.avatar_color,
        },
        renditions: renditions(&catalogue),
        source_range: source_range(catalogue.source_range),
        thumbnails: catalogue.poster.map(|_| rest::Thumbnails {
            poster: format!("{base}/poster.jpg"),
            sprite_vtt: catalogue.thumbnails.map(|_| format!("{base}/thumbnails.vtt")),
        }),
        chapters,
        reaction,
        created_at: row.created_at.to_rfc3339(),
        published_at: row.published_at.map(|at| at.to_rfc3339()),
    })
}

fn renditions(catalogue: &Catalogue) -> Vec<rest::Rendition> {
    catalogue.pictures().into_iter().chain(catalogue.sounds()).map(rendition).collect()
}

fn rendition(made: &Rendition) -> rest::Rendition {
    let (bandwidth_bps, complete) = (made.bandwidth_peak(), made.is_complete());
    match &made.track {
        Track::Video { width, height, frame_rate } => rest::Rendition {
            // By the shorter side, so that an upright 720p is called what a wide one is.
            name: format!("{}p", width.min(height)),
            width: Some(*width),
            height: Some(*height),
            frame_rate: Some(frame_rate.as_f64()),
            bandwidth_bps,
            complete,
            codec: made.codec.clone(),
            language: None,
        },
        Track::Audio { label, .. } => rest::Rendition {
            name: RenditionId::sound(made.id.sound_place()).to_string(),
            width: None,
            height: None,
            frame_rate: None,
            bandwidth_bps,
            complete,
            codec: made.codec.clone(),
            language: label.language.as_ref().map(ToString::to_string),
        },
    }
}

fn source_range(range: DynamicRange) -> rest::DynamicRange {
    match range {
        DynamicRange::Standard => rest::DynamicRange::Standard,
        DynamicRange::High => rest::DynamicRange::High,
    }
}

fn kind_of(reaction: Option<Reaction>) -> rest::ReactionKind {
    match reaction {
        Some(Reaction::Like) => rest::ReactionKind::Like,
        Some(Reaction::Dislike) => rest::ReactionKind::Dislike,
        None => rest::ReactionKind::None,
    }
}

fn status(status: Status) -> rest::VideoStatus {
    match status {
        Status::Uploading => rest::VideoStatus::Uploading,
        Status::Processing => rest::VideoStatus::Processing,
        Status::Ready => rest::VideoStatus::Ready,
        Status::Failed => rest::VideoStatus::Failed,
    }
}

pub fn visibility_of(visibility: rest::Visibility) -> Visibility {
    match visibility {
        rest::Visibility::Public => Visibility::Public,
        rest::Visibility::Unlisted => Visibility::Unlisted,
        rest::Visibility::Private => Visibility::Private,
    }
}

fn visibility(visibility: Visibility) -> rest::Visibility {
    match visibility {
        Visibility::Public => rest::Visibility::Public,
        Visibility::Unlisted => rest::Visibility::Unlisted,
        Visibility::Private => rest::Visibility::Private,
    }
}

pub fn encryption(encryption: Encryption) -> rest::Encryption {
    match encryption {
        Encryption::None => rest::Encryption::None,
        Encryption::Aes128 => rest::Encryption::Aes128,
    }
}

pub fn failure(failure: crate::domain::video::Failure) -> rest::Failure {
    rest::Failure { code: failure.code, detail: failure.detail, retryable: failure.retryable }
}
