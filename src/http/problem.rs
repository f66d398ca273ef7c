//! How every failure leaves the house: a problem document (RFC 9457) with a stable code. The table of codes,
//! statuses and titles is `playhouse_protocol::problem`; here each error of a lower layer is given its code.

use std::{cell::RefCell, collections::BTreeMap};

use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use playhouse_protocol::problem::{Code, FieldError, Problem};

use crate::{
    actors::{
        accounts::AccountError, channel::ChannelError, content_keys::ContentKeyError, directory::Refused,
        room::RoomError,
    },
    backends::{objects::ObjectError, search::SearchError, store::StoreError},
};

tokio::task_local! {
    /// The id of the request being answered, so that a problem can name it.
    pub(super) static REQUEST_ID: RefCell<String>;
}

/// A refusal on its way to the client.
#[derive(Debug)]
pub struct ApiError {
    code: Code,
    detail: String,
    errors: Vec<FieldError>,
    retry_after_s: Option<u64>,
    retry_after_ms: Option<u64>,
    headers: Vec<(HeaderName, HeaderValue)>,
    known: Option<Box<Known>>,
}

/// A `type` that is known beyond this house, and the members that belong to it.
#[derive(Debug)]
struct Known {
    uri: &'static str,
    members: Vec<(&'static str, u64)>,
}

pub type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let retry_after_s = matches!(code.status(), 429 | 503).then_some(1);
        Self {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after_s,
            retry_after_ms: None,
            headers: Vec::new(),
            known: None,
        }
    }

    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "there is nothing here, or it is not yours to know")
    }

    pub fn invalid(field: &str, detail: impl std::fmt::Display) -> Self {
        let mut error = Self::new(Code::Invalid, format!("{field} {detail}"));
        error.errors.push(FieldError { field: field.into(), detail: detail.to_string() });
        error
    }

    /// A failure of ours: logged whole, told as nothing but an id to ask with.
    pub fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error.chain = %chain(error), "a request failed");
        Self::new(Code::Internal, "the failure is logged under the request id")
    }

    pub fn retry_after_s(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// Also says it in whole seconds, rounded up, in `Retry-After`.
    pub fn retry_after_ms(mut self, retry_after_ms: u64) -> Self {
        self.retry_after_ms = Some(retry_after_ms);
        self.retry_after_s(retry_after_ms.div_ceil(1_000))
    }

    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Gives it a `type` that is known beyond this house, with the members that belong to it.
    pub fn known_as(mut self, uri: &'static str, members: &[(&'static str, u64)]) -> Self {
        self.known = Some(Box::new(Known { uri, members: members.to_vec() }));
        self
    }

    #[cfg(test)]
    pub fn code(&self) -> Code {
        self.code
    }
}

/// An error and all its sources in one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

#[derive(serde::Serialize)]
struct WithMembers {
    #[serde(flatten)]
    problem: Problem,
    #[serde(flatten)]
    members: BTreeMap<&'static str, u64>,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code.status()).expect("the table holds valid statuses");
        let members = self.known.iter().flat_map(|known| known.members.iter().copied()).collect();
        let problem = Problem {
            r#type: match &self.known {
                Some(known) => known.uri.to_owned(),
                None => format!("/reference#{}", self.code.as_str()),
            },
            title: self.code.title().into(),
            status: status.as_u16(),
            detail: self.detail,
            code: self.code.as_str().into(),
            request_id: REQUEST_ID.try_with(|id| id.borrow().clone()).unwrap_or_default(),
            retry_after_ms: self.retry_after_ms,
            errors: self.errors,
        };
        let mut response = (status, Json(WithMembers { problem, members })).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        headers.extend(self.headers);
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Corrupt { .. } => Self::internal(&error),
            StoreError::Unavailable(_) | StoreError::Poisoned(_) | StoreError::Contended => {
                tracing::warn!(error.chain = %chain(&error), "the store refused");
                Self::new(Code::Unavailable, "the store is not available; try again")
            }
        }
    }
}

impl From<SearchError> for ApiError {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Unavailable(_) => {
                tracing::warn!(error.chain = %error, "a search was not answered");
                Self::new(Code::Unavailable, "searching is not possible now; try again")
            }
            SearchError::Refused(_) => Self::internal(&error),
        }
    }
}

impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> Self {
        let code = match &error {
            AccountError::Invalid { field, reason } => return Self::invalid(field, reason),
            AccountError::Store(_) => {
                let AccountError::Store(error) = error else { unreachable!("matched just now") };
                return error.into();
            }
            AccountError::UsernameTaken => Code::UsernameTaken,
            AccountError::EmailTaken => Code::EmailTaken,
            AccountError::WrongCredentials => Code::WrongCredentials,
            AccountError::RefreshRefused => Code::RefreshRefused,
            AccountError::TokenRefused => Code::Unauthenticated,
            AccountError::NotFound => Code::NotFound,
            AccountError::Busy => Code::Unavailable,
        };
        Self::new(code, error.to_string())
    }
}

/// A path that exists and does not take this method.
pub async fn method_not_allowed() -> ApiError {
    ApiError::new(Code::MethodNotAllowed, "this path does not take this method; `Allow` names those it takes")
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Absent => Self::not_found(),
            Refused::Busy => Self::new(Code::TooMany, refused.to_string()),
            Refused::Unavailable(_) => Self::new(Code::Unavailable, refused.to_string()),
        }
    }
}

impl From<ChannelError> for ApiError {
    fn from(error: ChannelError) -> Self {
        match error {
            ChannelError::NotFound => Self::not_found(),
            ChannelError::Invalid { field, reason } => Self::invalid(field, reason),
            ChannelError::Replacing | ChannelError::TooManyModerators | ChannelError::TooManyCaptions => {
                Self::new(Code::Conflict, error.to_string())
            }
            ChannelError::HandleTaken => Self::new(Code::HandleTaken, error.to_string()),
            ChannelError::ContentKeys(error) => error.into(),
            ChannelError::Refused(refused) => refused.into(),
            ChannelError::Store(error) => error.into(),
            ChannelError::Objects(error) => error.into(),
        }
    }
}

impl From<ContentKeyError> for ApiError {
    fn from(error: ContentKeyError) -> Self {
        match error {
            ContentKeyError::Store(error) => error.into(),
            ContentKeyError::NotOurs => Self::internal(&error),
        }
    }
}

impl From<ObjectError> for ApiError {
    fn from(error: ObjectError) -> Self {
        match error {
            ObjectError::NoSpace => Self::new(Code::NoSpace, error.to_string()),
            ObjectError::RangeNotSatisfiable { .. } => {
                Self::new(Code::RangeNotSatisfiable, error.to_string())
            }
            ObjectError::Unavailable(_) => Self::new(Code::Unavailable, error.to_string()),
            ObjectError::NoSuchUpload
            | ObjectError::PartTooSmall { .. }
            | ObjectError::KeyConflict
            | ObjectError::Source(_) => Self::internal(&error),
        }
    }
}

impl From<RoomError> for ApiError {
    fn from(error: RoomError) -> Self {
        match error {
            RoomError::NotFound => Self::not_found(),
            RoomError::Invalid { field, detail } => Self::invalid(field, detail),
            other => {
                let error = Self::new(other.code(), other.to_string());
                match other.retry_after_ms() {
                    Some(retry_after_ms) => error.retry_after_ms(retry_after_ms),
                    None => error,
                }
            }
        }
    }
}
