//! Rate limits of REST calls by client address. The bus keeps the score (GCRA), so that all nodes share it.

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::request::Parts,
};
use playhouse_protocol::problem::Code;

use super::{
    Ctx,
    problem::{ApiError, ApiResult},
};
use crate::{
    actors::session::RetryAfter,
    backends::bus::{Limit, Verdict},
};

#[derive(Debug, Clone, Copy)]
pub struct Rates {
    pub requests_per_s: u32,
    pub registrations_per_hour: u32,
    pub logins_per_minute: u32,
    pub keys_per_minute: u32,
}

/// Where a request comes from: an IPv4 address or an IPv6 /64, which one customer has whole.
#[derive(Debug, Clone)]
pub struct Client(pub String);

impl Client {
    pub fn of(address: Option<IpAddr>) -> Self {
        match address {
            Some(IpAddr::V4(v4)) => Self(v4.to_string()),
            Some(IpAddr::V6(v6)) => {
                let [a, b, c, d, ..] = v6.segments();
                Self(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).to_string())
            }
            None => Self("unknown".into()),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let address = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        Ok(Self::of(address))
    }
}

pub async fn registration(ctx: &Ctx, client: &Client) -> ApiResult<()> {
    let rate = |rates: &Rates| even(Duration::from_secs(3600), rates.registrations_per_hour);
    check(ctx, "registrations", client, rate).await
}

pub async fn login(ctx: &Ctx, client: &Client) -> ApiResult<()> {
    let rate = |rates: &Rates| even(Duration::from_secs(60), rates.logins_per_minute);
    check(ctx, "logins", client, rate).await
}

/// Keys of encrypted videos.
pub async fn content_key(ctx: &Ctx, client: &Client) -> ApiResult<()> {
    let rate = |rates: &Rates| even(Duration::from_secs(60), rates.keys_per_minute);
    check(ctx, "keys", client, rate).await
}

/// Any request, with twice a second's worth in a burst.
pub async fn request(ctx: &Ctx, client: &Client) -> ApiResult<()> {
    let rate = |rates: &Rates| Limit {
        count: rates.requests_per_s,
        period: Duration::from_secs(1),
        burst: rates.requests_per_s.saturating_mul(2),
    };
    check(ctx, "requests", client, rate).await
}

/// What one account may say, over REST and sockets together.
pub fn person(outcome: Result<(), RetryAfter>) -> ApiResult<()> {
    outcome.map_err(|RetryAfter(pause)| {
        let milliseconds = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX).max(1);
        let detail = format!("too many from your account; wait {} s", milliseconds.div_ceil(1_000));
        ApiError::new(Code::TooMany, detail).retry_after_ms(milliseconds)
    })
}

async fn check(
    ctx: &Ctx,
    rule: &'static str,
    client: &Client,
    rate: impl FnOnce(&Rates) -> Limit,
) -> ApiResult<()> {
    let Some(rates) = &ctx.options.rate_limits else { return Ok(()) };
    match ctx.bus.check(&format!("{rule}:{}", client.0), rate(rates)).await {
        Ok(Verdict::Allowed) => Ok(()),
        Ok(Verdict::RetryAfter(retry_after)) => {
            ctx.metrics.rate_limited.of(rule).inc();
            let seconds = retry_after.as_secs() + 1;
            let detail = format!("too many {rule} from your address; wait {seconds} s");
            Err(ApiError::new(Code::TooMany, detail).retry_after_s(seconds))
        }
        // A limit that cannot be counted does not lock everybody out.
        Err(_) => Ok(()),
    }
}

/// So many in a period, all of them at once if need be.
fn even(period: Duration, count: u32) -> Limit {
    Limit { count, period, burst: count }
}
