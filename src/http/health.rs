//! What orchestrators and Prometheus ask: `/health/live`, `/health/ready`, `/metrics`.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use playhouse_protocol::rest::{Health, HealthCheck};
use prometheus_client::metrics::counter::Counter;

use super::Ctx;
use crate::{
    backends::{bus, objects},
    telemetry,
};

/// The process answers
#[utoipa::path(get, path = "/health/live", tag = "operations", responses((status = 200, body = Health)))]
pub async fn live() -> Json<Health> {
    Json(Health { status: "ok".into(), checks: Vec::new() })
}

/// The back ends work: each is used, not asked
#[utoipa::path(
    get, path = "/health/ready", tag = "operations",
    responses((status = 200, body = Health), (status = 503, body = Health, description = "Something is away, or the server drains"))
)]
pub async fn ready(State(ctx): State<Ctx>) -> (StatusCode, Json<Health>) {
    let draining = ctx.drain.is_cancelled();
    let checks = vec![
        check("store", ctx.store.probe().await),
        check("objects", objects::probe(&ctx.objects).await),
        check("bus", bus::probe(&ctx.bus).await),
        HealthCheck {
            name: "drain".into(),
            ok: !draining,
            detail: if draining { "the server is going away".into() } else { String::new() },
        },
    ];
    match checks.iter().all(|check| check.ok) {
        true => (StatusCode::OK, Json(Health { status: "ok".into(), checks })),
        false => (StatusCode::SERVICE_UNAVAILABLE, Json(Health { status: "unavailable".into(), checks })),
    }
}

/// Metrics in Prometheus' text format
#[utoipa::path(get, path = "/metrics", tag = "operations", responses((status = 200, body = String)))]
pub async fn metrics(State(ctx): State<Ctx>) -> impl IntoResponse {
    let bus = ctx.bus.counts();
    catch_up(&ctx.metrics.bus_published, bus.published);
    catch_up(&ctx.metrics.bus_drops, bus.dropped);
    let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    ctx.metrics.tasks.set(i64::try_from(tasks).unwrap_or(i64::MAX));
    ([(header::CONTENT_TYPE, telemetry::metrics::CONTENT_TYPE)], ctx.metrics.encode())
}

/// Brings a counter up to a count that is kept elsewhere.
fn catch_up(counter: &Counter, count: u64) {
    counter.inc_by(count.saturating_sub(counter.get()));
}

fn check<E: std::error::Error>(name: &str, outcome: Result<(), E>) -> HealthCheck {
    let detail = outcome.as_ref().err().map(ToString::to_string).unwrap_or_default();
    HealthCheck { name: name.into(), ok: outcome.is_ok(), detail }
}
