//! What administrators see.

use axum::{Json, extract::State};
use playhouse_protocol::rest::{self, List};
use serde::Deserialize;

use super::{
    Ctx,
    extract::{Admin, PageQuery, Query},
    problem::ApiResult,
};

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
