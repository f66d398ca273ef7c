//! What an account's files come to, and quotas.

use axum::{Json, extract::State, http::StatusCode};
use playhouse_protocol::rest;

use super::{
    Ctx,
    extract::{self, Admin, Caller, Id},
    problem::ApiResult,
};
use crate::domain::ids::UserId;

/// What my files come to
#[utoipa::path(
    get, path = "/me/storage", tag = "uploads", security(("bearer" = [])),
    responses((status = 200, body = rest::Storage), (status = 401, description = "`unauthenticated`"))
)]
pub async fn usage(State(ctx): State<Ctx>, Caller(who): Caller) -> ApiResult<Json<rest::Storage>> {
    let (usage, options) = (ctx.uploads.usage(&who).await?, &ctx.uploads.options);
    Ok(Json(rest::Storage {
        used_bytes: usage.used_bytes,
        quota_bytes: usage.quota_bytes.or(options.quotas.of(&who.roles)),
        unfinished_uploads: usage.open,
        unfinished_uploads_max: options.unfinished_max as u64,
    }))
}

/// Give an account a quota of its own
#[utoipa::path(
    put, path = "/admin/users/{id}/quota", tag = "operations", security(("bearer" = [])),
    params(("id" = String, Path)), request_body = rest::Quota,
    responses((status = 204, description = "It holds from now on"), (status = 403, description = "`forbidden`"),
        (status = 404, description = "`not_found`"))
)]
pub async fn set_quota(
    State(ctx): State<Ctx>,
    Id(user): Id<UserId>,
    _: Admin,
    extract::Json(quota): extract::Json<rest::Quota>,
) -> ApiResult<StatusCode> {
    ctx.accounts.get(&user).await?;
    ctx.uploads.ledger.set_quota(&user, quota.quota_bytes).await?;
    Ok(StatusCode::NO_CONTENT)
}
