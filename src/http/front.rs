//! The first look at a request. What players fetch goes straight to delivery, since looking up a route and passing every
//! layer costs more than answering; everything else goes through the router. Both are dressed alike by `middleware`.

use std::{convert::Infallible, net::SocketAddr, panic::AssertUnwindSafe};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
    http::Method,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use hyper::body::Incoming;
use playhouse_protocol::problem::Code;
use tower::Service;

use super::{
    Ctx, delivery,
    limit::Client,
    middleware::{self, panicked},
    problem::ApiError,
};
use crate::config::{Role, Roles};

#[derive(Clone)]
pub struct Front {
    pub ctx: Ctx,
    pub router: Router,
}

impl Front {
    pub async fn answer(
        mut self,
        mut request: hyper::Request<Incoming>,
        peer: SocketAddr,
    ) -> Result<Response, Infallible> {
        if !is_served(&self.ctx.options.roles, request.uri().path()) {
            return Ok(self.refuse(request.map(|_| Body::empty())).await);
        }
        let target = delivery::Target::of(request.uri().path());
        if let (Some(target), &Method::GET | &Method::HEAD) = (target, request.method()) {
            // A body of theirs is not read.
            return Ok(self.media(request.map(|_| Body::empty()), target, peer).await);
        }
        request.extensions_mut().insert(ConnectInfo(peer));
        Service::call(&mut self.router, request).await
    }

    async fn refuse(&self, request: Request) -> Response {
        middleware::dressed(&self.ctx, request, "refused".into(), |_| async {
            let detail = "this node does not serve that: see its node.roles";
            ApiError::new(Code::Unavailable, detail).into_response()
        })
        .await
    }

    async fn media(&self, request: Request, target: delivery::Target, peer: SocketAddr) -> Response {
        let route = target.route().to_owned();
        middleware::dressed(&self.ctx, request, route, |request| async {
            let client = Client::of(Some(peer.ip()));
            let answered =
                AssertUnwindSafe(delivery::answer(&self.ctx, target, request, client)).catch_unwind();
            answered.await.unwrap_or_else(|_| panicked())
        })
        .await
    }
}

/// Whoever asks how a node is gets an answer from each.
fn is_served(roles: &Roles, path: &str) -> bool {
    match path {
        "/health/live" | "/health/ready" | "/metrics" => true,
        "/api/v1/ws" => roles.have(Role::Ws),
        _ => roles.have(Role::Http),
    }
}
