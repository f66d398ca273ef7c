//! The handshake of RFC 6455 section 4.2: what a request must say, what it is answered, and the raw stream that is
//! left of the connection once HTTP is done with it.

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Version, header},
    response::IntoResponse,
};
use bytes::Bytes;
use hyper::upgrade::OnUpgrade;
use hyper_util::{rt::TokioIo, server::conn::auto::upgrade::downcast};
use playhouse_protocol::{
    problem::Code,
    realtime::{SUBPROTOCOL_JSON, SUBPROTOCOL_MSGPACK},
};
use tokio::net::TcpStream;
use tungstenite::handshake::derive_accept_key;

use super::shard::Wire;
use crate::{
    actors::seat::Encoding,
    http::{problem::ApiError, sendfile::Connection},
};

const VERSION: HeaderValue = HeaderValue::from_static("13");
const KEY_LEN: usize = 24;
const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");

/// A request that may be upgraded.
pub struct Handshake {
    pub encoding: Encoding,
    protocol: Option<HeaderValue>,
    accept: HeaderValue,
    pending: OnUpgrade,
}

impl Handshake {
    pub fn of(mut request: Request) -> Result<Self, ApiError> {
        let pending = request.extensions_mut().remove::<OnUpgrade>();
        let headers = request.headers();
        let asks = request.method() == Method::GET
            && request.version() == Version::HTTP_11
            && has_token(headers, &header::CONNECTION, "upgrade")
            && has_token(headers, &header::UPGRADE, "websocket");
        let Some(pending) = pending.filter(|_| asks) else {
            let detail = "this is a WebSocket: ask for an upgrade over HTTP/1.1";
            return Err(ApiError::new(Code::UpgradeRequired, detail)
                .header(header::UPGRADE, WEBSOCKET)
                .header(header::CONNECTION, HeaderValue::from_static("upgrade")));
        };
        if headers.get(header::SEC_WEBSOCKET_VERSION) != Some(&VERSION) {
            return Err(ApiError::new(Code::UpgradeRequired, "version 13 of WebSocket is spoken here")
                .header(header::UPGRADE, WEBSOCKET)
                .header(header::SEC_WEBSOCKET_VERSION, VERSION));
        }
        let key = headers.get(header::SEC_WEBSOCKET_KEY).filter(|key| key.len() == KEY_LEN);
        let key = key.ok_or_else(|| {
            ApiError::new(Code::Malformed, "`Sec-WebSocket-Key` is 16 bytes in base64, so 24 characters")
        })?;
        let accept = derive_accept_key(key.as_bytes());
        let accept = HeaderValue::try_from(accept).expect("base64 is a header value");
        let protocol = protocol(headers);
        let encoding = match protocol {
            Some(SUBPROTOCOL_MSGPACK) => Encoding::MessagePack,
            _ => Encoding::Json,
        };
        Ok(Self { encoding, protocol: protocol.map(HeaderValue::from_static), accept, pending })
    }

    /// The answer, and the stream that there is once it has been written.
    pub fn accept(self) -> (axum::response::Response, Upgrading) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, WEBSOCKET);
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, self.accept);
        if let Some(protocol) = self.protocol {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
        }
        (response.into_response(), Upgrading(self.pending))
    }
}

pub struct Upgrading(OnUpgrade);

impl Upgrading {
    /// The stream, and what the client has sent on it already.
    pub async fn stream(self) -> Result<(Wire, Bytes), hyper::Error> {
        let upgraded = match downcast::<TokioIo<Connection>>(self.0.await?) {
            Ok(parts) => return Ok((Wire::Tcp(parts.io.into_inner().into_inner()), parts.read_buf)),
            Err(upgraded) => upgraded,
        };
        // Whoever serves the router without our server has plain connections.
        match downcast::<TokioIo<TcpStream>>(upgraded) {
            Ok(parts) => Ok((Wire::Tcp(parts.io.into_inner()), parts.read_buf)),
            // TLS, or whatever else carries HTTP.
            Err(upgraded) => Ok((Wire::Other(Box::new(TokioIo::new(upgraded))), Bytes::new())),
        }
    }
}

/// Whether a header that is a list has a word in it.
fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    tokens(headers, name).any(|found| found.eq_ignore_ascii_case(token))
}

fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',').map(str::trim))
}

/// The first sub-protocol asked for that is spoken here.
fn protocol(headers: &HeaderMap) -> Option<&'static str> {
    const SPOKEN: [&str; 2] = [SUBPROTOCOL_JSON, SUBPROTOCOL_MSGPACK];
    tokens(headers, &header::SEC_WEBSOCKET_PROTOCOL)
        .find_map(|asked| SPOKEN.into_iter().find(|spoken| *spoken == asked))
}
