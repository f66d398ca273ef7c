//! What every request passes: an id, a log line, metrics, a rate limit, CORS, a panic guard.

use std::{cell::RefCell, time::Instant};

use axum::{
    Router,
    extract::{DefaultBodyLimit, MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument;

use super::{
    Ctx, limit,
    problem::{ApiError, REQUEST_ID},
};
use crate::telemetry::labels::{Answer, Route, method};

const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("x-request-id");
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
const EXPOSED: &str = "Upload-Offset, Location, Upload-Length, Tus-Version, Tus-Resumable, Tus-Max-Size, \
    Tus-Extension, Upload-Metadata, Upload-Defer-Length, Upload-Concat, Upload-Expires, Upload-Checksum, \
    Playhouse-Video-Id, X-Request-Id, Retry-After, ETag, Content-Range, Content-Length, Accept-Ranges";

pub fn wrap(router: Router, ctx: Ctx) -> Router {
    router
        // Bodies have bounds of their own: JSON in `extract`, files in staging.
        .layer(DefaultBodyLimit::disable())
        .layer(CatchPanicLayer::custom(|_| {
            let panicked = std::io::Error::other("a handler panicked; the panic is logged above");
            ApiError::internal(&panicked).into_response()
        }))
        .layer(from_fn_with_state(ctx.clone(), limit_requests))
        .layer(from_fn(share_with_other_origins))
        .layer(from_fn_with_state(ctx, measure))
        .layer(from_fn(identify))
}

/// Names the request: with the client's own id where it has a sane one.
async fn identify(mut request: Request, next: Next) -> Response {
    let given = request.headers().get(&REQUEST_ID_HEADER).and_then(|value| value.to_str().ok());
    let sane = given.filter(|id| {
        (1..=64).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    });
    let id = sane.map_or_else(|| format!("{:032x}", rand::random::<u128>()), str::to_owned);
    let value = HeaderValue::from_str(&id).expect("an id is visible ASCII");
    request.headers_mut().insert(REQUEST_ID_HEADER, value.clone());
    let span = tracing::info_span!("request", request.id = %id);
    let mut response = REQUEST_ID.scope(RefCell::new(id), next.run(request).instrument(span)).await;
    response.headers_mut().insert(REQUEST_ID_HEADER, value);
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn measure(State(ctx): State<Ctx>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = method(request.method().as_str());
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or_else(|| "page".to_owned(), |path| path.as_str().to_owned());
    ctx.metrics.http_requests_in_flight.inc();
    let response = next.run(request).await;
    ctx.metrics.http_requests_in_flight.dec();
    let status = response.status();
    let elapsed = began.elapsed();
    tracing::debug!(
        http.method = method,
        http.route = route,
        http.status = status.as_u16(),
        duration_ms = elapsed.as_millis(),
        "answered"
    );
    ctx.metrics
        .http_request_seconds
        .of(Route { method, route: route.clone() })
        .observe(elapsed.as_secs_f64());
    ctx.metrics.http_requests.of(Answer { method, route, status: status.as_u16() }).inc();
    response
}

async fn limit_requests(
    State(ctx): State<Ctx>,
    client: limit::Client,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    // Players fetch segments as fast as they need; probes must always be answered.
    if path.starts_with("/media/") || path.starts_with("/health/") || path.starts_with("/assets/") {
        return next.run(request).await;
    }
    match limit::request(&ctx, &client).await {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.into_response(),
    }
}

/// Any origin may call and play: tokens travel in headers and paths, never in cookies. Not tower-http's layer, which
/// answers every OPTIONS itself, tus' own included.
async fn share_with_other_origins(request: Request, next: Next) -> Response {
    let asked = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let is_preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match is_preflight {
        true => StatusCode::NO_CONTENT.into_response(),
        false => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    if is_preflight {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
        if let Some(asked) = asked {
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked);
        }
    }
    response
}
