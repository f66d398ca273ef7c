//! The OpenAPI 3.1 document: made from the handlers themselves, served at `/api/v1/openapi.json` and kept in
//! `schema/openapi.json`, which a test holds against it.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use utoipa::openapi::{
    InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder,
    security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    tag::TagBuilder,
};

use super::api;

const ABOUT: &str = "A video platform engine: upload, transcode, stream, and talk about it live. JSON in and out; \
    errors are problem documents (RFC 9457) with a stable `code`; times are RFC 3339 in UTC. The socket at \
    `/api/v1/ws` is described in `schema/asyncapi.yaml` and `docs/realtime.md`.";

const TAGS: [(&str, &str); 8] = [
    ("accounts", "Signing in and out, and who I am"),
    ("videos", "Videos, their playback and their jobs"),
    ("search", "Finding videos"),
    ("uploads", "Resumable uploads (tus 1.0.0)"),
    ("engagement", "Comments, reactions, views"),
    ("chat", "How a room is talked in: slow mode, pins, time-outs, polls"),
    ("channels", "What accounts publish under"),
    ("operations", "Health, metrics, the live tree"),
];

/// The document without paths.
pub fn frame() -> OpenApi {
    let tags = TAGS.map(|(name, about)| TagBuilder::new().name(name).description(Some(about)).build());
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Playhouse")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(ABOUT))
                .license(Some(LicenseBuilder::new().name("Apache-2.0 OR MIT").build()))
                .build(),
        )
        .tags(Some(tags))
        .build()
}

/// Adds what belongs to no single call.
pub fn finish(mut document: OpenApi) -> OpenApi {
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    let components = document.components.get_or_insert_default();
    components.security_schemes.insert("bearer".into(), SecurityScheme::Http(bearer).into());
    let problem = <playhouse_protocol::problem::Problem as utoipa::PartialSchema>::schema();
    components.schemas.insert("Problem".into(), problem);
    let field = <playhouse_protocol::problem::FieldError as utoipa::PartialSchema>::schema();
    components.schemas.insert("FieldError".into(), field);
    document
}

/// The whole document as pretty JSON: what `playhouse openapi` prints.
pub fn document() -> String {
    let document = finish(api().into_openapi());
    let mut text = document.to_pretty_json().expect("the document is plain data");
    text.push('\n');
    text
}

pub async fn serve(json: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")], json).into_response()
}
