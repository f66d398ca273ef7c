//! `Upload-Checksum`: `algorithm base64`, before the bytes or, where `Trailer` announces it, after them.

use axum::http::{HeaderMap, header};
use base64::{Engine, prelude::BASE64_STANDARD};
use playhouse_protocol::problem::Code;

use super::protocol::name;
use crate::{
    domain::checksum::{Algorithm, Digests},
    http::problem::{ApiError, ApiResult},
};

/// What the bytes of a request are held against.
pub enum Check {
    Known(Checksum),
    /// It comes after the bytes, and so does the name of its algorithm.
    InTrailer,
}

pub struct Checksum {
    algorithm: Algorithm,
    bytes: Vec<u8>,
}

impl Check {
    pub fn asked_by(headers: &HeaderMap) -> ApiResult<Option<Self>> {
        if headers.contains_key(name::UPLOAD_CHECKSUM) {
            return Ok(Some(Self::Known(Checksum::of(headers)?)));
        }
        let trailers = headers.get_all(header::TRAILER).into_iter().filter_map(|value| value.to_str().ok());
        let mut trailers = trailers.flat_map(|value| value.split(',')).map(str::trim);
        let announced = trailers.any(|trailer| trailer.eq_ignore_ascii_case(name::UPLOAD_CHECKSUM.as_str()));
        Ok(announced.then_some(Self::InTrailer))
    }

    pub fn digests(&self) -> Digests {
        match self {
            Check::Known(checksum) => Digests::of(&[checksum.algorithm]),
            Check::InTrailer => Digests::of(&Algorithm::ALL),
        }
    }

    /// Whether the bytes are what they were meant to be; `trailers` came after them.
    pub fn hold(self, digests: Digests, trailers: &HeaderMap) -> ApiResult<()> {
        let checksum = match self {
            Check::Known(checksum) => checksum,
            Check::InTrailer => Checksum::of(trailers)?,
        };
        match digests.have(checksum.algorithm, &checksum.bytes) {
            true => Ok(()),
            false => Err(ApiError::new(
                Code::ChecksumMismatch,
                "the bytes do not have this checksum; none was kept, send them again",
            )),
        }
    }
}

impl Checksum {
    fn of(headers: &HeaderMap) -> ApiResult<Self> {
        let malformed = || {
            let known = Algorithm::ALL.map(Algorithm::name).join(", ");
            ApiError::new(Code::Malformed, format!("Upload-Checksum is an algorithm ({known}) and base64"))
        };
        let value = headers.get(name::UPLOAD_CHECKSUM).and_then(|value| value.to_str().ok());
        let (algorithm, bytes) =
            value.and_then(|value| value.trim().split_once(' ')).ok_or_else(malformed)?;
        let algorithm = Algorithm::of(algorithm).ok_or_else(malformed)?;
        let bytes = BASE64_STANDARD.decode(bytes.trim()).map_err(|_| malformed())?;
        Ok(Self { algorithm, bytes })
    }
}
