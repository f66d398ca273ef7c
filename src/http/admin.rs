//! What administrators see and do.

use axum::{Json, extract::State, http::StatusCode};
use playhouse_protocol::rest::{self, List};
use serde::Deserialize;

use super::{
    Ctx, auth,
    extract::{self, Admin, Id, PageQuery, Query},
    problem::{ApiError, ApiResult},
};
use crate::domain::ids::ChannelId;

/// Accounts in one call.
const BULK_MAX: usize = 1_000;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ActorsQuery {
    /// Only actors of this kind, such as `room`.
    kind: Option<String>,
}

/// The live tree of actors
#[utoipa::path(
    get, path = "/admin/actors", tag = "operations", security(("bearer" = [])), params(ActorsQuery, PageQuery),
    responses((status = 200, body = List<rest::Actor>), (status = 403, description = "`forbidden`"))
)]
pub async fn actors(
    State(ctx): State<Ctx>,
    _: Admin,
    Query(query): Query<ActorsQuery>,
    Query(page): Query<PageQuery>,
) -> ApiResult<Json<List<rest::Actor>>> {
    let found = ctx.registry.page(query.kind.as_deref(), page.cursor()?.as_ref(), page.limit()?);
    let next_cursor = found.next_cursor.map(|cursor| cursor.as_str().to_owned());
    Ok(Json(List { items: found.items, next_cursor }))
}

/// Have a channel's videos worked on first
///
/// Those of channels that pay go before all others, from each video's next job on. What has waited ten minutes goes before both.
#[utoipa::path(
    put, path = "/admin/channels/{id}/precedence", tag = "operations", security(("bearer" = [])),
    params(("id" = String, Path)), request_body = rest::Precedence,
    responses((status = 204, description = "It holds from now on"), (status = 403, description = "`forbidden`"),
        (status = 404, description = "`not_found`"))
)]
pub async fn set_precedence(
    State(ctx): State<Ctx>,
    Id(channel): Id<ChannelId>,
    _: Admin,
    extract::Json(precedence): extract::Json<rest::Precedence>,
) -> ApiResult<StatusCode> {
    ctx.channels.set_pays(&channel, precedence.pays).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make many accounts
///
/// For load tests and imports: `<prefix>-0`, `<prefix>-1` and on, signed in. Their password is nobody's; set another one.
#[utoipa::path(
    post, path = "/admin/users/bulk", tag = "operations", security(("bearer" = [])), request_body = rest::BulkUsers,
    responses((status = 201, body = rest::BulkTokens), (status = 403, description = "`forbidden`"),
        (status = 409, description = "`username_taken`: those before it were made"),
        (status = 422, description = "`invalid`"))
)]
pub async fn create_users(
    State(ctx): State<Ctx>,
    _: Admin,
    extract::Json(body): extract::Json<rest::BulkUsers>,
) -> ApiResult<(StatusCode, Json<rest::BulkTokens>)> {
    if !(1..=BULK_MAX).contains(&body.count) {
        return Err(ApiError::invalid("count", "is 1 to 1000"));
    }
    let logins = ctx.accounts.create_many(&body.prefix, body.count).await?;
    let items = logins.into_iter().map(auth::tokens).collect();
    Ok((StatusCode::CREATED, Json(rest::BulkTokens { items })))
}
