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

const BUS: &str = "bus";

/// The process answers
#[utoipa::path(get, path = "/health/live", tag = "operations", responses((status = 200, body = Health)))]
pub async fn live() -> Json<Health> {
    Json(Health { status: "ok".into(), checks: Vec::new() })
}

/// The back ends work: each is used, not asked. Without the bus a node still serves everything, but alone
#[utoipa::path(
    get, path = "/health/ready", tag = "operations",
    responses(
        (status = 200, body = Health, description = "`ok`, or `degraded` while the bus is away"),
        (status = 503, body = Health, description = "Something else is away, or the server drains")
    )
)]
pub async fn ready(State(ctx): State<Ctx>) -> (StatusCode, Json<Health>) {
    let draining = ctx.drain.is_cancelled();
    let (store, objects, bus) =
        tokio::join!(ctx.store.probe(), objects::probe(&ctx.objects), bus::probe(&ctx.bus));
    let checks = vec![
        check("store", store),
        check("objects", objects),
        check(BUS, bus),
        HealthCheck {
            name: "drain".into(),
            ok: !draining,
            detail: if draining { "the server is going away".into() } else { String::new() },
        },
        HealthCheck { name: "roles".into(), ok: true, detail: ctx.options.roles.to_string() },
    ];
    let failing: Vec<&str> =
        checks.iter().filter(|check| !check.ok).map(|check| check.name.as_str()).collect();
    let (status, word) = match failing[..] {
        [] => (StatusCode::OK, "ok"),
        // Taken out of traffic for that, all nodes would be gone at once.
        [BUS] => (StatusCode::OK, "degraded"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    (status, Json(Health { status: word.into(), checks }))
}

/// Metrics in Prometheus' text format
#[utoipa::path(get, path = "/metrics", tag = "operations", responses((status = 200, body = String)))]
pub async fn metrics(State(ctx): State<Ctx>) -> impl IntoResponse {
    let bus = ctx.bus.counts();
    catch_up(&ctx.metrics.bus_published, bus.published);
    catch_up(&ctx.metrics.bus_drops, bus.dropped);
    catch_up(&ctx.metrics.bus_disconnections, bus.disconnections);
    for (kind, count) in [("here", bus.limits_here), ("asked", bus.limits_asked), ("alone", bus.limits_alone)]
    {
        catch_up(&ctx.metrics.rate_checks.of(kind), count);
    }
    ctx.metrics.shelf_videos.set(i64::try_from(ctx.shelf.videos_len()).unwrap_or(i64::MAX));
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
