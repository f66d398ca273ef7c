//! The transcode job of a video, for its owner.

use axum::{Json, extract::State};
use playhouse_protocol::{problem::Code, rest};

use super::{
    Ctx,
    extract::{Caller, Id},
    problem::{ApiError, ApiResult},
    videos,
};
use crate::{backends::store::tables::video::Job, domain::ids::VideoId, media};

/// The state of a video's job
#[utoipa::path(
    get, path = "/videos/{id}/job", tag = "videos", security(("bearer" = [])), params(("id" = String, Path)),
    responses((status = 200, body = rest::Job), (status = 403, description = "`forbidden`"),
        (status = 404, description = "`not_found`"))
)]
pub async fn read(
    State(ctx): State<Ctx>,
    Id(id): Id<VideoId>,
    Caller(who): Caller,
) -> ApiResult<Json<rest::Job>> {
    videos::editable(&ctx, &id, &who).await?;
    job(&ctx, &id).await
}

/// Try a failed or cancelled job again
#[utoipa::path(
    post, path = "/videos/{id}/job/retry", tag = "videos", security(("bearer" = [])), params(("id" = String, Path)),
    responses((status = 200, body = rest::Job), (status = 409, description = "`conflict`: it has not failed"))
)]
pub async fn retry(
    State(ctx): State<Ctx>,
    Id(id): Id<VideoId>,
    Caller(who): Caller,
) -> ApiResult<Json<rest::Job>> {
    videos::editable(&ctx, &id, &who).await?;
    match ctx.transcodes.retry(&id).await? {
        true => job(&ctx, &id).await,
        false => Err(ApiError::new(Code::Conflict, "only a failed or cancelled job can be tried again")),
    }
}

/// Stop a job
#[utoipa::path(
    post, path = "/videos/{id}/job/cancel", tag = "videos", security(("bearer" = [])), params(("id" = String, Path)),
    responses((status = 200, body = rest::Job), (status = 409, description = "`conflict`: it has ended"))
)]
pub async fn cancel(
    State(ctx): State<Ctx>,
    Id(id): Id<VideoId>,
    Caller(who): Caller,
) -> ApiResult<Json<rest::Job>> {
    videos::editable(&ctx, &id, &who).await?;
    match ctx.transcodes.cancel(&id).await? {
        true => job(&ctx, &id).await,
        false => Err(ApiError::new(Code::Conflict, "the job has ended already")),
    }
}

async fn job(ctx: &Ctx, id: &VideoId) -> ApiResult<Json<rest::Job>> {
    let job = ctx.store.get::<Job>((id.clone(),), ()).await?.ok_or_else(ApiError::not_found)?;
    let outlook = ctx.transcodes.outlook(&job).await?;
    let advice = job.failure.as_ref().map(|failure| media::failure::advice(&failure.code).to_owned());
    let replacement = replacement(&job);
    let events = job.log.0.into_iter().map(|event| rest::JobEvent {
        at: event.at.to_rfc3339(),
        stage: event.stage.as_str().into(),
        detail: event.detail,
    });
    Ok(Json(rest::Job {
        video_id: job.video_id.to_string(),
        state: job.state.as_str().into(),
        stage: job.stage.as_str().into(),
        percent: u8::try_from(outlook.percent).unwrap_or(0),
        attempts: u32::try_from(job.attempts).unwrap_or(0),
        eta_ms: outlook.left.map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX)),
        chunks_done: u32::try_from(outlook.chunks_done).unwrap_or(u32::MAX),
        chunks: u32::try_from(outlook.chunks).unwrap_or(u32::MAX),
        failure: job.failure.map(videos::failure),
        advice,
        replacement,
        events: events.collect(),
    }))
}

fn replacement(job: &Job) -> Option<rest::FileReplacement> {
    if let Some(refused) = &job.refused {
        return Some(rest::FileReplacement {
            upload_id: refused.upload_id.to_string(),
            status: "refused".into(),
            failure: Some(videos::failure(refused.failure.clone())),
        });
    }
    job.trial.as_ref().map(|trial| rest::FileReplacement {
        upload_id: trial.upload_id.to_string(),
        status: "on_trial".into(),
        failure: None,
    })
}
