//! Talks to Quickwit: the five calls that are made, their deadlines, and what its refusals mean.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::backends::search::{SearchError, SearchResult};

/// On top of the deadline of a call: an ingest is answered when its documents are found.
const COMMIT_MAX: Duration = Duration::from_secs(30);
/// Between two attempts where Quickwit is too busy.
const RETRY_AFTER: Duration = Duration::from_millis(250);
/// Of an answer that refuses, what is told of it.
const MESSAGE_LEN_MAX: usize = 300;

pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
    pub(super) index: String,
    deadline: Duration,
}

/// A document that was found, and what it is sorted by.
#[derive(Debug, Deserialize)]
pub(super) struct Found {
    #[serde(rename = "_source")]
    pub source: Value,
    #[serde(default)]
    pub sort: Value,
}

#[derive(Deserialize)]
struct Answer {
    hits: FoundHits,
    #[serde(default)]
    timed_out: bool,
}

#[derive(Deserialize)]
struct FoundHits {
    hits: Vec<Found>,
}

#[derive(Deserialize)]
struct Ingested {
    #[serde(default)]
    num_rejected_docs: Option<u64>,
}

impl Client {
    /// `//HOST:PORT/INDEX`, as it stands behind `quickwit+http:`.
    pub(super) fn at(rest: &str, deadline: Duration) -> SearchResult<Self> {
        let wrong = |what: &str| SearchError::Refused(format!("quickwit+http:{rest} {what}"));
        let url =
            Url::parse(&format!("http:{rest}")).map_err(|error| wrong(&format!("is no address: {error}")))?;
        let index = url.path().trim_matches('/').to_owned();
        if !is_index_id(&index) {
            return Err(wrong("has to end in the name of an index: 3 to 255 letters, digits, `-` or `_`"));
        }
        let base = url.join("/api/v1/").map_err(|error| wrong(&error.to_string()))?;
        let http = reqwest::Client::builder().no_proxy().connect_timeout(deadline).build();
        let http = http.map_err(|error| SearchError::Unavailable(error.to_string()))?;
        Ok(Self { http, base, index, deadline })
    }

    /// `None` when it is not there.
    pub(super) async fn config(&self) -> SearchResult<Option<Value>> {
        let response = self.asked(self.to(Method::GET, &format!("indexes/{}", self.index))).await?;
        match response.status() {
            StatusCode::NOT_FOUND => Ok(None),
            _ => read(settled(response).await?).await.map(Some),
        }
    }

    /// Whoever makes it first.
    pub(super) async fn create(&self, config: &Value) -> SearchResult<()> {
        let made = self.asked(self.to(Method::POST, "indexes").json(config)).await?;
        match settled(made).await {
            Ok(_) => Ok(()),
            Err(error) => match self.config().await {
                Ok(Some(_)) => Ok(()),
                _ => Err(error),
            },
        }
    }

    pub(super) async fn search(&self, search: &Value) -> SearchResult<Vec<Found>> {
        // Where a part cannot be searched, half an answer would look like a whole one.
        let path = format!("_elastic/{}/_search?allow_partial_search_results=false", self.index);
        let response = settled(self.asked(self.to(Method::POST, &path).json(search)).await?).await?;
        let answer: Answer = read(response).await?;
        match answer.timed_out {
            true => Err(SearchError::Unavailable("a search timed out".into())),
            false => Ok(answer.hits.hits),
        }
    }

    /// Lines of JSON, so many. Waits until searches find them.
    pub(super) async fn ingest(&self, lines: String, len: usize) -> SearchResult<()> {
        let path = format!("{}/ingest?commit=wait_for", self.index);
        let until = Instant::now() + self.deadline;
        let body = bytes::Bytes::from(lines);
        loop {
            let request = self.to(Method::POST, &path).timeout(self.deadline + COMMIT_MAX);
            let request = request.header("content-type", "application/x-ndjson").body(body.clone());
            let response = request.send().await.map_err(away)?;
            let is_busy = response.status() == StatusCode::TOO_MANY_REQUESTS;
            if !is_busy || Instant::now() + RETRY_AFTER > until {
                let answer: Ingested = read(settled(response).await?).await?;
                return match answer.num_rejected_docs.unwrap_or(0) {
                    0 => Ok(()),
                    rejected => Err(SearchError::Refused(format!("{rejected} of {len} documents"))),
                };
            }
            sleep(RETRY_AFTER).await;
        }
    }

    pub(super) async fn clear(&self) -> SearchResult<()> {
        let request = self.to(Method::PUT, &format!("indexes/{}/clear", self.index));
        settled(self.asked(request).await?).await.map(drop)
    }

    fn to(&self, method: Method, path: &str) -> RequestBuilder {
        let url = self.base.join(path).expect("paths are made of an index's name and fixed words");
        self.http.request(method, url)
    }

    async fn asked(&self, request: RequestBuilder) -> SearchResult<Response> {
        request.timeout(self.deadline).send().await.map_err(away)
    }
}

fn is_index_id(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (3..=255).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(plain)
}

fn away(error: reqwest::Error) -> SearchError {
    // The address is ours to know; the message of a refused connection lies further down.
    let mut text = String::from("Quickwit does not answer");
    let mut source = std::error::Error::source(&error);
    if error.is_timeout() {
        text.push_str(" in time");
    }
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    SearchError::Unavailable(text)
}

/// An answer that is not a refusal.
async fn settled(response: Response) -> SearchResult<Response> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = response.text().await.unwrap_or_default();
    let told = message(&body).unwrap_or(body);
    let told = format!("{}: {}", status.as_u16(), shortened(&told));
    Err(match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => SearchError::Unavailable(told),
        _ if status.is_server_error() => SearchError::Unavailable(told),
        _ => SearchError::Refused(told),
    })
}

/// `{"message"}` of its own calls, `{"error": {"reason"}}` of those that are like Elasticsearch's.
fn message(body: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok()?;
    let told = body.get("message").or_else(|| body.pointer("/error/reason"))?;
    told.as_str().map(str::to_owned)
}

fn shortened(text: &str) -> String {
    text.chars().take(MESSAGE_LEN_MAX).collect()
}

async fn read<T: serde::de::DeserializeOwned>(response: Response) -> SearchResult<T> {
    response.json().await.map_err(|error| match error.is_decode() {
        true => SearchError::Refused(format!("an answer of Quickwit is not understood: {error}")),
        false => away(error),
    })
}
