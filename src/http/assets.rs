//! The web page, built into the binary. Paths with a hash in their name are immutable; every path that is no file
//! is the page itself, which finds its own way.

use axum::{
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use playhouse_protocol::problem::Code;
use rust_embed::{EmbeddedFile, RustEmbed};

use super::{Ctx, problem::ApiError};

#[derive(RustEmbed)]
#[folder = "web/dist"]
#[allow_missing = true]
struct Bundle;

/// What the page may load, and from where besides this server.
fn policy(elsewhere: Option<&str>) -> HeaderValue {
    let and = elsewhere.map(|origin| format!(" {origin}")).unwrap_or_default();
    let policy = format!(
        "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:{and}; \
         style-src 'self' 'unsafe-inline'; worker-src 'self' blob:; connect-src 'self' ws: wss:{and}; \
         object-src 'none'; base-uri 'self'; frame-ancestors 'self'"
    );
    HeaderValue::from_str(&policy).expect("an origin is a header")
}

pub async fn serve(State(ctx): State<Ctx>, request: Request) -> Response {
    let mut response = found(request);
    if response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED {
        let policy = policy(ctx.options.elsewhere.origin());
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

fn found(request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    if path.starts_with("api/") || path.starts_with("media/") || path.starts_with("uploads/") {
        return ApiError::not_found().into_response();
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return ApiError::new(Code::MethodNotAllowed, "the page takes GET").into_response();
    }
    let matches = |etag: &str| {
        request.headers().get(header::IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == etag.as_bytes())
    };
    if let Some(file) = Bundle::get(path).filter(|_| !path.is_empty()) {
        let immutable = path.starts_with("assets/");
        return answer(
            path,
            file,
            if immutable { "public, max-age=31536000, immutable" } else { "no-cache" },
            matches,
        );
    }
    match Bundle::get("index.html") {
        Some(_) if path.starts_with("assets/") => ApiError::not_found().into_response(),
        Some(page) => answer("index.html", page, "no-cache", matches),
        None => ApiError::new(
            Code::NotFound,
            "this binary was built without its web page: run `make web`, build again",
        )
        .into_response(),
    }
}

fn answer(path: &str, file: EmbeddedFile, cache: &'static str, matches: impl Fn(&str) -> bool) -> Response {
    let hash: String =
        file.metadata.sha256_hash().iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    let etag = format!("\"{hash}\"");
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    let mut response = match matches(&etag) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => axum::body::Bytes::from(file.data.into_owned()).into_response(),
    };
    let headers = response.headers_mut();
    let kind = if kind.type_() == "text" { format!("{kind}; charset=utf-8") } else { kind.to_string() };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(&kind).expect("a media type is a header"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::ETAG, HeaderValue::from_str(&etag).expect("hexadecimal digits are a header"));
    response
}
