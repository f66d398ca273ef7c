//! What every request passes: an id, a log line, metrics, a rate limit, CORS, a panic guard. `front` lets what players
//! fetch pass the same without the router.

use std::{cell::RefCell, time::Instant};

use axum::{
    Router,
    extract::{DefaultBodyLimit, MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument;

use super::{
    Ctx, limit,
    problem::{ApiError, REQUEST_ID},
    unread,
};
use crate::telemetry::{
    Raised,
    labels::{Answer, Route, method},
};

const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("x-request-id");
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
const EXPOSED: &str = "Upload-Offset, Location, Upload-Length, Tus-Version, Tus-Resumable, Tus-Max-Size, \
    Tus-Extension, Upload-Metadata, Upload-Defer-Length, Upload-Concat, Upload-Expires, Upload-Checksum, \
    Tus-Checksum-Algorithm, Upload-Complete, Upload-Limit, Upload-Draft-Interop-Version, Playhouse-Video-Id, X-Request-Id, Retry-After, ETag, Content-Range, Content-Length, Accept-Ranges";

pub fn wrap(router: Router, ctx: Ctx) -> Router {
    router
        // Bodies have bounds of their own: JSON in `extract`, files in staging.
        .layer(DefaultBodyLimit::disable())
        .layer(CatchPanicLayer::custom(|_| panicked()))
        // One layer for all of the rest: each layer costs every request an allocation and a copy of what lies within.
        .layer(from_fn_with_state(ctx, pass))
}

pub fn panicked() -> Response {
    let panicked = std::io::Error::other("a handler panicked; the panic is logged above");
    ApiError::internal(&panicked).into_response()
}

async fn pass(State(ctx): State<Ctx>, client: limit::Client, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or_else(|| "page".to_owned(), |path| path.as_str().to_owned());
    let answer = |request| unread::said(request, |request| limited(&ctx, &client, request, next));
    dressed(&ctx, request, route, answer).await
}

/// Answers a request of a route with all that an answer of this house has.
pub async fn dressed<F>(
    ctx: &Ctx,
    mut request: Request,
    route: String,
    answer: impl FnOnce(Request) -> F,
) -> Response
where
    F: Future<Output = Response>,
{
    let id = request_id(request.headers());
    let value = HeaderValue::from_str(&id).expect("an id is visible ASCII");
    request.headers_mut().insert(REQUEST_ID_HEADER, value.clone());
    let span = tracing::info_span!("request", request.id = %id);
    let sharing = Sharing::asked_by(&request);
    let work = measured(ctx, request, route, |request| async {
        let mut response = match sharing.is_preflight {
            true => StatusCode::NO_CONTENT.into_response(),
            false => answer(request).await,
        };
        sharing.allow(response.headers_mut());
        response
    });
    let mut response = REQUEST_ID.scope(RefCell::new(id), work.instrument(span)).await;
    response.headers_mut().insert(REQUEST_ID_HEADER, value);
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The client's own id where it has a sane one.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(&REQUEST_ID_HEADER).and_then(|value| value.to_str().ok());
    let sane = given.filter(|id| {
        (1..=64).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    });
    sane.map_or_else(|| format!("{:032x}", rand::random::<u128>()), str::to_owned)
}

async fn measured<F>(
    ctx: &Ctx,
    request: Request,
    route: String,
    answer: impl FnOnce(Request) -> F,
) -> Response
where
    F: Future<Output = Response>,
{
    let began = Instant::now();
    let method = method(request.method().as_str());
    let in_flight = Raised::of(&ctx.metrics.http_requests_in_flight);
    let response = answer(request).await;
    drop(in_flight);
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

async fn limited(ctx: &Ctx, client: &limit::Client, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    // Players fetch segments as fast as they need; probes must always be answered.
    if path.starts_with("/media/") || path.starts_with("/health/") || path.starts_with("/assets/") {
        return next.run(request).await;
    }
    match limit::request(ctx, client).await {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.into_response(),
    }
}

/// What another origin asks for. Any may call and play: tokens travel in headers and paths, never in cookies. Not
/// tower-http's layer, which answers every OPTIONS itself, tus' own included.
struct Sharing {
    is_preflight: bool,
    headers: Option<HeaderValue>,
}

impl Sharing {
    fn asked_by(request: &Request) -> Self {
        let asks_method = request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        let headers = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
        Self { is_preflight: request.method() == Method::OPTIONS && asks_method, headers }
    }

    fn allow(self, headers: &mut HeaderMap) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        if self.is_preflight {
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
            if let Some(asked) = self.headers {
                headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked);
            }
        }
    }
}
