//! One request over one connection to an address that was checked: plain or TLS, HTTP/1.1.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt, stream::BoxStream};
use http_body_util::{BodyDataStream, Empty};
use hyper::{Request, Response, body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, pki_types::ServerName},
};

use super::FetchError;
use crate::telemetry::tasks;

/// For the connection, for TLS, and for the head of the answer: each.
const WITHIN: Duration = Duration::from_secs(15);

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Sends a request to one of these addresses, with TLS for this name if there is one.
pub async fn send(
    request: Request<Empty<Bytes>>,
    addresses: &[SocketAddr],
    tls_name: Option<&str>,
) -> Result<Response<Incoming>, FetchError> {
    let stream = in_time(TcpStream::connect(addresses)).await?;
    let stream: Box<dyn Stream> = match tls_name {
        Some(name) => {
            let name = ServerName::try_from(name.to_owned()).map_err(|_| FetchError::UnknownName)?;
            Box::new(in_time(connector().connect(name, stream)).await?)
        }
        None => Box::new(stream),
    };
    let (mut sender, connection) = in_time(http1::handshake(TokioIo::new(stream))).await?;
    drop(tasks::spawn("fetch", connection));
    in_time(sender.send_request(request)).await
}

pub fn bytes_of(body: Incoming) -> BoxStream<'static, io::Result<Bytes>> {
    BodyDataStream::new(body).map(|piece| piece.map_err(io::Error::other)).boxed()
}

async fn in_time<T, E: std::error::Error + 'static>(
    step: impl Future<Output = Result<T, E>>,
) -> Result<T, FetchError> {
    match timeout(WITHIN, step).await {
        Ok(outcome) => outcome.map_err(|error| FetchError::Unreachable(root(&error).to_string())),
        Err(_) => Err(FetchError::Unreachable("it does not answer in time".into())),
    }
}

fn root<'a>(error: &'a (dyn std::error::Error + 'static)) -> &'a (dyn std::error::Error + 'static) {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause
}

/// Trusts whom the machine trusts.
fn connector() -> TlsConnector {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    let config = CONFIG.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        ClientConfig::builder().with_root_certificates(roots).with_no_client_auth().into()
    });
    config.clone().into()
}
