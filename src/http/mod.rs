//! Translate, authorise, call, translate: one file a resource. Handlers hold no rule and write nothing; the bytes of
//! uploads, which go straight to `backends::staging`, are the one exception.

mod admin;
mod assets;
mod auth;
mod captions;
mod channels;
mod comments;
mod delivery;
mod extract;
mod front;
mod health;
mod imports;
mod jobs;
mod limit;
mod middleware;
mod moderation;
mod openapi;
mod polls;
mod problem;
mod range;
mod search;
mod sendfile;
pub mod server;
mod storage;
mod unread;
mod uploads;
mod videos;
pub mod ws;

use std::sync::Arc;

use axum::{Router, routing::get};
use tokio_util::sync::CancellationToken;
use utoipa_axum::{router::OpenApiRouter, routes};

pub use self::openapi::document;
use crate::{
    actors::{
        accounts::{Accounts, Keys},
        channel::Channels,
        content_keys::ContentKeys,
        registry::Registry,
        room::Rooms,
        session::UserLimits,
        transcode::Transcodes,
        uploads::Uploads,
    },
    backends::{
        bus::SharedBus, feeds::Feeds, objects::SharedObjects, search::SharedIndex, staging::Staging,
        store::Store,
    },
    config::Roles,
    domain::clock::SharedClock,
    telemetry::Metrics,
};

/// Everything handlers may call.
pub struct Context {
    pub accounts: Arc<Accounts>,
    pub keys: Arc<Keys>,
    pub content_keys: ContentKeys,
    pub channels: Channels,
    pub rooms: Rooms,
    pub transcodes: Transcodes,
    pub uploads: Arc<Uploads>,
    pub registry: Arc<Registry>,
    pub store: Store,
    /// For lists: shows what another node has written up to two seconds late.
    pub cached: Store,
    pub feeds: Feeds,
    pub objects: SharedObjects,
    /// What delivery keeps at hand.
    pub shelf: Shelf,
    /// Of what the shelf keeps of objects that are files here.
    pub regions: Arc<Regions>,
    pub staging: Staging,
    pub bus: SharedBus,
    pub search: SharedIndex,
    pub clock: SharedClock,
    pub metrics: Arc<Metrics>,
    pub options: Options,
    pub sockets: Arc<ws::Context>,
    pub user_limits: UserLimits,
    /// Cancelled when the server begins to go away.
    pub drain: CancellationToken,
}

pub type Ctx = Arc<Context>;

/// Settings of this layer.
#[derive(Debug, Clone)]
pub struct Options {
    pub body_bytes_max: usize,
    pub rate_limits: Option<limit::Rates>,
    pub playback_token_ttl_s: u64,
    pub elsewhere: Elsewhere,
    /// What this node answers.
    pub roles: Roles,
}

pub use delivery::{Elsewhere, Shelf};
pub use front::Front;
pub use limit::Rates;
pub use sendfile::Regions;

const PREFIX: &str = "/api/v1";

/// Every route with its documentation.
fn api() -> OpenApiRouter<Ctx> {
    let v1 = OpenApiRouter::new()
        .routes(routes!(auth::register))
        .routes(routes!(auth::login))
        .routes(routes!(auth::refresh))
        .routes(routes!(auth::logout))
        .routes(routes!(auth::me, auth::edit_me))
        .routes(routes!(imports::create))
        .routes(routes!(imports::read, imports::remove))
        .routes(routes!(storage::usage))
        .routes(routes!(storage::set_quota))
        .routes(routes!(admin::set_precedence))
        .routes(routes!(videos::list::list, videos::create::create))
        .routes(routes!(videos::read::read, videos::edit::edit, videos::edit::delete))
        .routes(routes!(videos::playback::playback))
        .routes(routes!(videos::original::original))
        .routes(routes!(videos::thumbnails::list))
        .routes(routes!(videos::thumbnails::put, videos::thumbnails::reset))
        .routes(routes!(captions::list))
        .routes(routes!(captions::put, captions::remove))
        .routes(routes!(videos::engage::react))
        .routes(routes!(videos::engage::view))
        .routes(routes!(jobs::read))
        .routes(routes!(jobs::retry))
        .routes(routes!(jobs::cancel))
        .routes(routes!(comments::list, comments::create))
        .routes(routes!(comments::edit, comments::remove))
        .routes(routes!(comments::timeline))
        .routes(routes!(moderation::chat))
        .routes(routes!(moderation::slow_mode))
        .routes(routes!(moderation::pin, moderation::unpin))
        .routes(routes!(moderation::timed_out))
        .routes(routes!(moderation::time_out, moderation::lift))
        .routes(routes!(moderation::moderators))
        .routes(routes!(moderation::appoint, moderation::dismiss))
        .routes(routes!(polls::list, polls::open))
        .routes(routes!(polls::read))
        .routes(routes!(polls::close))
        .routes(routes!(polls::vote))
        .routes(routes!(channels::read, channels::edit))
        .routes(routes!(search::search))
        .routes(routes!(channels::subscribe, channels::unsubscribe))
        .routes(routes!(admin::actors))
        .routes(routes!(admin::create_users));
    OpenApiRouter::with_openapi(openapi::frame())
        .nest(PREFIX, v1)
        .nest(PREFIX, uploads::routes())
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(health::metrics))
}

/// The whole surface: for the server and for tests.
pub fn router(ctx: Ctx) -> Router {
    let (routes, document) = api().split_for_parts();
    let document = Arc::new(openapi::finish(document));
    let json = document.to_json().expect("the document is plain data");
    let sockets = ws::routes(ctx.sockets.clone());
    let plain = Router::new()
        .route("/api/v1/openapi.json", get(move || openapi::serve(json.clone())))
        .merge(delivery::routes())
        .fallback(assets::serve);
    let all = routes.merge(plain).with_state(ctx.clone()).merge(sockets);
    middleware::wrap(all.method_not_allowed_fallback(problem::method_not_allowed), ctx)
}
