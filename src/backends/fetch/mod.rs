//! Fetches a file from a URL that somebody gave us. A name is resolved once and all of its addresses are checked; the
//! connection goes to one of those, and every redirect is looked at in the same way. Nothing of ours goes along: no
//! cookie, no credential, no proxy.

mod connection;
mod guard;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use http_body_util::Empty;
use hyper::{Request, Response, StatusCode, body::Incoming, header};
use tokio::{net::lookup_host, time::timeout};
use url::Url;

const REDIRECTS_MAX: usize = 3;
const RESOLVE_WITHIN: Duration = Duration::from_secs(10);
const AGENT: &str = concat!("playhouse/", env!("CARGO_PKG_VERSION"));

#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("the URL is not one of http or https")]
    NotHttp,
    #[error("the URL has a user name or a password in it")]
    Credentials,
    #[error("the URL names a port other than 80 and 443")]
    Port,
    #[error("the address behind the URL is not a public one")]
    NotPublic,
    #[error("the name in the URL is not known")]
    UnknownName,
    #[error("the URL leads to another more than {REDIRECTS_MAX} times")]
    TooManyRedirects,
    #[error("the server there answered with status {0}")]
    Status(u16),
    #[error("the server there cannot be reached or broke off: {0}")]
    Unreachable(String),
}

impl FetchError {
    /// Whether the same may work later.
    pub fn is_passing(&self) -> bool {
        match self {
            FetchError::Status(status) => *status >= 500 || matches!(status, 408 | 425 | 429),
            FetchError::Unreachable(_) | FetchError::UnknownName => true,
            _ => false,
        }
    }
}

/// A file on its way.
pub struct Fetched {
    /// Where in the file the bytes begin: where they were asked for, or 0.
    pub offset: u64,
    /// Of the whole file, where the server says so.
    pub length_bytes: Option<u64>,
    /// A strong entity tag: with it, the same file can be gone on with.
    pub etag: Option<String>,
    pub bytes: BoxStream<'static, io::Result<Bytes>>,
}

#[derive(Clone)]
pub struct Fetcher {
    /// `host:port` that may be fetched from though they are not public.
    allowed: Arc<[String]>,
}

impl Fetcher {
    pub fn new(allowed: &[String]) -> Self {
        Self { allowed: allowed.into() }
    }

    /// Refuses what is no URL for us, before anything is resolved.
    pub fn check(&self, url: &str) -> Result<(), FetchError> {
        self.parse(url).map(drop)
    }

    /// Begins to fetch, from `offset` on if the file is still the one with this entity tag.
    pub async fn get(&self, url: &str, offset: u64, etag: Option<&str>) -> Result<Fetched, FetchError> {
        let mut url = self.parse(url)?;
        for _ in 0..=REDIRECTS_MAX {
            let response = self.ask(&url, offset, etag).await?;
            if !response.status().is_redirection() {
                return fetched(response, offset);
            }
            let to = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
            let to =
                to.and_then(|to| url.join(to).ok()).ok_or(FetchError::Status(response.status().into()))?;
            url = self.parse(to.as_str())?;
        }
        Err(FetchError::TooManyRedirects)
    }

    fn parse(&self, url: &str) -> Result<Url, FetchError> {
        let url = Url::parse(url).map_err(|_| FetchError::NotHttp)?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(FetchError::NotHttp);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(FetchError::Credentials);
        }
        if self.is_allowed(&url) {
            return Ok(url);
        }
        if !matches!(url.port_or_known_default(), Some(80 | 443)) {
            return Err(FetchError::Port);
        }
        // The parser has brought every form of an address into one: octal, hexadecimal, a single number.
        let literal = url.host_str().unwrap_or_default().trim_matches(['[', ']']).parse();
        match literal.is_ok_and(|address| !guard::is_public(address)) {
            true => Err(FetchError::NotPublic),
            false => Ok(url),
        }
    }

    fn is_allowed(&self, url: &Url) -> bool {
        let place = format!(
            "{}:{}",
            url.host_str().unwrap_or_default(),
            url.port_or_known_default().unwrap_or_default()
        );
        self.allowed.contains(&place)
    }

    /// One that is not public among several is reason enough to refuse.
    async fn addresses(&self, url: &Url) -> Result<Vec<SocketAddr>, FetchError> {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let port = url.port_or_known_default().unwrap_or(443);
        let found = timeout(RESOLVE_WITHIN, lookup_host((host, port))).await;
        let found: Vec<_> = found.ok().and_then(Result::ok).ok_or(FetchError::UnknownName)?.collect();
        match found.is_empty() {
            true => Err(FetchError::UnknownName),
            false if self.is_allowed(url) => Ok(found),
            false if found.iter().all(|address| guard::is_public(address.ip())) => Ok(found),
            false => Err(FetchError::NotPublic),
        }
    }

    async fn ask(
        &self,
        url: &Url,
        offset: u64,
        etag: Option<&str>,
    ) -> Result<Response<Incoming>, FetchError> {
        let addresses = self.addresses(url).await?;
        let host = url.host_str().unwrap_or_default();
        let place = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let target = url.query().map_or_else(|| url.path().into(), |query| format!("{}?{query}", url.path()));
        let mut request = Request::get(target).header(header::HOST, place).header(header::USER_AGENT, AGENT);
        if let Some(etag) = etag.filter(|_| offset > 0) {
            request =
                request.header(header::RANGE, format!("bytes={offset}-")).header(header::IF_RANGE, etag);
        }
        let request = request.body(Empty::new()).map_err(|_| FetchError::NotHttp)?;
        let tls_name = (url.scheme() == "https").then(|| host.trim_matches(['[', ']']));
        connection::send(request, &addresses, tls_name).await
    }
}

fn fetched(response: Response<Incoming>, asked_from: u64) -> Result<Fetched, FetchError> {
    let status = response.status();
    let came = number(&response, header::CONTENT_LENGTH);
    let (offset, length_bytes) = match status {
        StatusCode::OK => (0, came),
        StatusCode::PARTIAL_CONTENT if range_begins_at(&response) == Some(asked_from) => {
            (asked_from, came.map(|came| asked_from.saturating_add(came)))
        }
        other => return Err(FetchError::Status(other.into())),
    };
    let etag = response.headers().get(header::ETAG).and_then(|value| value.to_str().ok());
    let etag = etag.filter(|etag| etag.starts_with('"') && etag.len() <= 256).map(str::to_owned);
    Ok(Fetched { offset, length_bytes, etag, bytes: connection::bytes_of(response.into_body()) })
}

fn number(response: &Response<Incoming>, name: header::HeaderName) -> Option<u64> {
    response.headers().get(name)?.to_str().ok()?.parse().ok()
}

fn range_begins_at(response: &Response<Incoming>) -> Option<u64> {
    let range = response.headers().get(header::CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split_once('-')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_anywhere_but_the_public_web_is_refused_in_every_form() {
        let fetcher = Fetcher::new(&["storage.internal:9000".into()]);
        for url in ["https://example.org/a.mp4", "http://8.8.8.8/a", "http://storage.internal:9000/a"] {
            assert!(fetcher.check(url).is_ok(), "{url}");
        }
        for (url, expected) in [
            ("ftp://example.org/a", "NotHttp"),
            ("file:///etc/passwd", "NotHttp"),
            ("gopher://example.org/", "NotHttp"),
            ("no url", "NotHttp"),
            ("http://user:secret@example.org/", "Credentials"),
            ("http://example.org:22/", "Port"),
            ("http://127.0.0.1/", "NotPublic"),
            ("http://2130706433/", "NotPublic"),
            ("http://0x7f.1/", "NotPublic"),
            ("http://0177.0.0.1/", "NotPublic"),
            ("http://127.1/", "NotPublic"),
            ("http://[::1]/", "NotPublic"),
            ("http://[::ffff:127.0.0.1]/", "NotPublic"),
            ("http://[::ffff:7f00:1]/", "NotPublic"),
            ("http://169.254.169.254/latest/meta-data/", "NotPublic"),
            ("http://①⑨②.168.0.1/", "NotPublic"),
        ] {
            assert_eq!(format!("{:?}", fetcher.check(url).unwrap_err()), expected, "{url}");
        }
    }

    #[tokio::test]
    async fn a_name_that_resolves_to_this_machine_is_refused() {
        let refused = Fetcher::new(&[]).get("http://localhost/", 0, None).await;
        assert!(matches!(refused, Err(FetchError::NotPublic)));
    }
}
