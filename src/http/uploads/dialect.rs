//! Two protocols are spoken at the same resource: tus 1.0.0, and resumable uploads of the IETF's HTTP working group
//! (draft-ietf-httpbis-resumable-upload). Headers say which; an upload that was begun in one may be gone on with in the
//! other.

use axum::{
    extract::{FromRequestParts, Request},
    http::{HeaderMap, Method, StatusCode, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use playhouse_protocol::problem::Code;

use super::{
    ietf::{self, Interop},
    protocol::{TUS_VERSION, name},
    tus,
};
use crate::{
    actors::uploads::{Held, UploadError, UploadOptions},
    http::{
        Ctx,
        problem::{ApiError, ApiResult},
    },
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Tus,
    Ietf(Interop),
}

/// What a request to begin an upload says.
pub struct Begin {
    pub length_bytes: Option<u64>,
    pub concat: Option<String>,
    /// `None` where no bytes come along.
    pub bytes: Option<Bytes>,
}

/// What a request to go on with an upload says.
pub struct Append {
    pub offset: u64,
    pub length_bytes: Option<u64>,
    pub bytes: Bytes,
}

/// The body of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bytes {
    /// Others may follow.
    Some,
    /// With them the upload is whole.
    Last,
}

/// Finds out what is spoken. Another version is refused before anything is processed; tus is put on its answers.
pub async fn speak(mut request: Request, next: Next) -> Response {
    let dialect = match Dialect::of(request.headers(), request.method()) {
        Ok(dialect) => dialect,
        Err(refused) => return with_version(refused.into_response()),
    };
    request.extensions_mut().insert(dialect);
    let response = next.run(request).await;
    match dialect {
        Dialect::Tus => with_version(response),
        Dialect::Ietf(_) => response,
    }
}

fn with_version(mut response: Response) -> Response {
    response.headers_mut().insert(name::TUS_RESUMABLE, TUS_VERSION);
    response
}

impl Dialect {
    fn of(headers: &HeaderMap, method: &Method) -> ApiResult<Self> {
        if let Some(interop) = Interop::asked_by(headers)? {
            return Ok(Self::Ietf(interop));
        }
        let asked = headers.get(name::TUS_RESUMABLE);
        match method == Method::OPTIONS || asked.is_some_and(|version| version == TUS_VERSION) {
            true => Ok(Self::Tus),
            false => {
                let error = ApiError::new(Code::TusVersion, "send `Tus-Resumable: 1.0.0`");
                Err(error.header(name::TUS_VERSION, TUS_VERSION))
            }
        }
    }

    pub fn begin(self, headers: &HeaderMap) -> ApiResult<Begin> {
        match self {
            Dialect::Tus => tus::begin(headers),
            Dialect::Ietf(_) => ietf::begin(headers),
        }
    }

    pub fn append(self, headers: &HeaderMap) -> ApiResult<Append> {
        match self {
            Dialect::Tus => tus::append(headers),
            Dialect::Ietf(interop) => ietf::append(interop, headers),
        }
    }

    /// How far an upload is: what every answer about one says.
    pub fn standing(self, held: &Held, options: &UploadOptions) -> HeaderMap {
        match self {
            Dialect::Tus => tus::standing(held),
            Dialect::Ietf(_) => ietf::standing(held, options),
        }
    }

    /// All that is known of an upload.
    pub fn state(self, held: &Held, options: &UploadOptions) -> (StatusCode, HeaderMap) {
        match self {
            Dialect::Tus => (StatusCode::OK, tus::state(held)),
            Dialect::Ietf(_) => (StatusCode::NO_CONTENT, ietf::state(held, options)),
        }
    }

    /// The upload stands at `expected`, and the request goes on at another place.
    pub fn wrong_offset(self, expected: u64, provided: u64) -> ApiError {
        let detail = format!("the upload stands at {expected} bytes");
        let error = ApiError::new(Code::OffsetMismatch, detail).header(name::UPLOAD_OFFSET, expected.into());
        match self {
            Dialect::Tus => error,
            Dialect::Ietf(_) => ietf::wrong_offset(error, expected, provided),
        }
    }

    /// Lengths that do not agree.
    pub fn wrong_length(self, error: UploadError) -> ApiError {
        match self {
            Dialect::Tus => error.into(),
            Dialect::Ietf(_) => ietf::wrong_length(error.into()),
        }
    }
}

impl FromRequestParts<Ctx> for Dialect {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Ctx) -> ApiResult<Self> {
        Ok(*parts.extensions.get().expect("the layer around these routes has put it there"))
    }
}
