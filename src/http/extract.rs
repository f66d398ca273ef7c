//! What handlers take as arguments: bodies, queries and callers that are already checked. Each refuses with a
//! problem document of its own.

use axum::{
    body::Body,
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, Method, header, request::Parts},
};
use futures_util::StreamExt;
use playhouse_protocol::{problem::Code, rest};
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    Ctx,
    problem::{ApiError, ApiResult},
};
use crate::domain::{
    access,
    account::Identity,
    encryption::Encryption,
    page::{Cursor, LIMIT_DEFAULT, LIMIT_MAX},
};

/// A JSON body. 415 for another content type, 400 for what is no JSON, 422 for what does not fit.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Ctx> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, ctx: &Ctx) -> ApiResult<Self> {
        let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_json = content_type.is_some_and(|value| {
            let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            essence == "application/json"
                || (essence.starts_with("application/") && essence.ends_with("+json"))
        });
        if !is_json {
            return Err(ApiError::new(Code::UnsupportedMediaType, "send the body as application/json"));
        }
        let limit = ctx.options.body_bytes_max;
        let body = whole(request.into_body(), limit).await?;
        serde_json::from_slice(&body).map(Json).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => ApiError::new(Code::Invalid, error.to_string()),
            _ => ApiError::new(Code::Malformed, format!("the body is not JSON: {error}")),
        })
    }
}

/// A body of at most `limit` bytes. What is a little longer is read all the same, so that its sender hears why it was
/// refused instead of seeing the connection break.
pub async fn whole(body: Body, limit: usize) -> ApiResult<Vec<u8>> {
    const HEARD_OUT_BYTES: usize = 8 << 20;
    let mut pieces = body.into_data_stream();
    let (mut bytes, mut seen) = (Vec::new(), 0);
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| ApiError::new(Code::Malformed, "the body broke off"))?;
        seen += piece.len();
        if seen <= limit {
            bytes.extend_from_slice(&piece);
        } else if seen > limit + HEARD_OUT_BYTES {
            break;
        }
    }
    match seen <= limit {
        true => Ok(bytes),
        false => Err(ApiError::new(Code::TooLarge, format!("a body has at most {limit} bytes"))),
    }
}

/// Who asks: `None` without a token; 401 with one that is not good.
pub struct MaybeCaller(pub Option<Identity>);

/// Who asks; 401 without a token.
pub struct Caller(pub Identity);

/// An administrator asks; 403 for others.
pub struct Admin(#[expect(dead_code, reason = "the proof is what handlers want")] pub Identity);

impl FromRequestParts<Ctx> for MaybeCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, ctx: &Ctx) -> ApiResult<Self> {
        let Some(value) = parts.headers.get(header::AUTHORIZATION) else { return Ok(Self(None)) };
        let token = value.to_str().ok().and_then(|value| value.split_once(' '));
        match token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")) {
            Some((_, token)) => Ok(Self(Some(ctx.accounts.authenticate(token.trim())?))),
            None => Err(ApiError::new(Code::Unauthenticated, "send `Authorization: Bearer <access token>`")),
        }
    }
}

impl FromRequestParts<Ctx> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, ctx: &Ctx) -> ApiResult<Self> {
        let MaybeCaller(who) = MaybeCaller::from_request_parts(parts, ctx).await?;
        who.map(Self).ok_or_else(|| ApiError::new(Code::Unauthenticated, "sign in first"))
    }
}

impl FromRequestParts<Ctx> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, ctx: &Ctx) -> ApiResult<Self> {
        let Caller(who) = Caller::from_request_parts(parts, ctx).await?;
        match access::is_admin(&who) {
            true => Ok(Self(who)),
            false => Err(ApiError::new(Code::Forbidden, "only administrators may do this")),
        }
    }
}

/// A parsed query string; 422 for what does not fit.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Ctx> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Ctx) -> ApiResult<Self> {
        axum::extract::Query::<T>::try_from_uri(&parts.uri)
            .map(|query| Self(query.0))
            .map_err(|rejection| ApiError::new(Code::Invalid, rejection.body_text()))
    }
}

/// A path segment parsed as an id. What cannot be an id is not there.
pub struct Id<T>(pub T);

impl<T: std::str::FromStr + Send> FromRequestParts<Ctx> for Id<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, ctx: &Ctx) -> ApiResult<Self> {
        let path = axum::extract::Path::<String>::from_request_parts(parts, ctx).await;
        let id = path.ok().and_then(|axum::extract::Path(text)| text.parse().ok());
        id.map(Self).ok_or_else(ApiError::not_found)
    }
}

/// Two path segments parsed as ids, in their order.
pub struct Ids<A, B>(pub A, pub B);

impl<A: std::str::FromStr + Send, B: std::str::FromStr + Send> FromRequestParts<Ctx> for Ids<A, B> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, ctx: &Ctx) -> ApiResult<Self> {
        let path = axum::extract::Path::<(String, String)>::from_request_parts(parts, ctx).await;
        let ids =
            path.ok().and_then(|axum::extract::Path((a, b))| Some(Ids(a.parse().ok()?, b.parse().ok()?)));
        ids.ok_or_else(ApiError::not_found)
    }
}

/// `?limit=` and `?cursor=` of a list.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// 1 to 100; 20 when left out.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl PageQuery {
    pub fn limit(&self) -> ApiResult<usize> {
        match self.limit.unwrap_or(LIMIT_DEFAULT) {
            limit @ 1..=LIMIT_MAX => Ok(limit),
            _ => Err(ApiError::invalid("limit", format!("is 1 to {LIMIT_MAX}"))),
        }
    }

    pub fn cursor(&self) -> ApiResult<Option<Cursor>> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let cursor = Cursor::from_client(cursor.clone());
        match cursor.text() {
            Some(_) => Ok(Some(cursor)),
            None => Err(ApiError::invalid("cursor", "is not one that a list has given")),
        }
    }
}

pub fn encryption(asked: rest::Encryption) -> Encryption {
    match asked {
        rest::Encryption::None => Encryption::None,
        rest::Encryption::Aes128 => Encryption::Aes128,
    }
}

/// `Idempotency-Key`: 1 to 64 visible ASCII characters.
pub fn idempotency_key(headers: &HeaderMap) -> ApiResult<Option<String>> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str().ok().map(str::trim).filter(|key| (1..=64).contains(&key.len())) {
        Some(key) => Ok(Some(key.to_owned())),
        None => Err(ApiError::invalid("Idempotency-Key", "has 1 to 64 visible characters")),
    }
}

/// Whether the request wants only the head of the answer.
pub fn is_head(method: &Method) -> bool {
    method == Method::HEAD
}
