//! A strict stand-in for Quickwit 0.9, in this process: it takes only what Quickwit takes, drops what it drops, and forgets
//! nothing until it is cleared. `fixtures` holds requests and answers out of Quickwit's own documentation and tests, which
//! keep it honest; queries are parsed by the grammar that Quickwit uses.

mod config;
mod distant;
mod dsl;
mod finding;
mod fixtures;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{Method, StatusCode, Uri},
};
use playhouse::backends::search::{self, Settings, SharedIndex};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use self::config::Config;
use crate::search_suite::Bed;

/// Documents are found so long after they came, where nobody waits for them.
const COMMIT_AFTER: Duration = Duration::from_millis(50);
const BODY_BYTES_MAX: usize = 10_000_000;

/// What a call is answered: a status and a body.
type Answer = Result<Value, (StatusCode, Value)>;

pub struct Fake {
    pub address: SocketAddr,
    pub state: Arc<Fakery>,
    /// Ends with it.
    _serving: JoinSet<()>,
}

#[derive(Default)]
pub struct Fakery {
    indexes: Mutex<BTreeMap<String, Held>>,
    /// Ingests that will be told that Quickwit is too busy.
    pub busy: AtomicU32,
    /// Ingests that are taken and whose answer is lost.
    pub lost: AtomicU32,
}

pub(crate) struct Held {
    config: Config,
    document: Value,
    /// In the order they came.
    found: Vec<Value>,
    waiting: Vec<Value>,
}

impl Fake {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::<Fakery>::default();
        let router = Router::new().fallback(answer).with_state(state.clone());
        let router = router.layer(axum::extract::DefaultBodyLimit::disable());
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, state, _serving: serving }
    }

    pub async fn open(&self) -> SharedIndex {
        let uri = format!("quickwit+http://{}/videos", self.address);
        let settings = Settings { deadline: Duration::from_secs(5) };
        search::open(&uri, std::path::Path::new(""), settings).await.unwrap()
    }

    /// As if all it holds had come the other way round: writers overtake one another.
    pub fn turn_around(&self) {
        self.state.indexes.lock().unwrap().values_mut().for_each(|held| held.found.reverse());
    }

    /// Documents it holds, whatever their versions.
    pub fn len(&self) -> usize {
        self.state.indexes.lock().unwrap().values().map(|held| held.found.len()).sum()
    }
}

pub async fn bed() -> Bed {
    let fake = Fake::start().await;
    Bed { index: fake.open().await, _kept: Box::new(fake) }
}

async fn answer(
    State(state): State<Arc<Fakery>>,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> (StatusCode, Json<Value>) {
    let path: Vec<&str> = uri.path().split('/').filter(|part| !part.is_empty()).collect();
    let query: BTreeMap<&str, &str> =
        uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('=')).collect();
    let body_json = || serde_json::from_slice::<Value>(&body).map_err(|error| refused(&error.to_string()));
    let answer = match (method.as_str(), path.as_slice()) {
        ("POST", ["api", "v1", "indexes"]) => body_json().and_then(|body| state.create(&body)),
        ("GET", ["api", "v1", "indexes", id]) => state.describe(id),
        ("PUT", ["api", "v1", "indexes", id, "clear"]) => state.clear(id),
        ("DELETE", ["api", "v1", "indexes", id]) => state.delete(id),
        ("POST", ["api", "v1", id, "ingest"]) => state.ingest(id, &query, &body).await,
        ("POST", ["api", "v1", "_elastic", id, "_search"]) => {
            body_json().map_err(elastic).and_then(|body| state.search(id, &query, &body))
        }
        _ => Err((StatusCode::NOT_FOUND, json!({"message": "Route not found"}))),
    };
    match answer {
        Ok(body) => (StatusCode::OK, Json(body)),
        Err((status, body)) => (status, Json(body)),
    }
}

fn refused(message: &str) -> (StatusCode, Value) {
    (StatusCode::BAD_REQUEST, json!({"message": message}))
}

/// The same as the calls that are like Elasticsearch's say it.
fn elastic((status, body): (StatusCode, Value)) -> (StatusCode, Value) {
    (status, json!({"status": status.as_u16(), "error": {"reason": body["message"]}}))
}

fn absent(id: &str) -> (StatusCode, Value) {
    (StatusCode::NOT_FOUND, json!({"message": format!("index `{id}` not found")}))
}

impl Fakery {
    fn create(&self, body: &Value) -> Answer {
        let config = Config::read(body).map_err(|error| refused(&error))?;
        let mut indexes = self.indexes.lock().unwrap();
        if indexes.contains_key(&config.index_id) {
            return Err(refused(&format!("index `{}` already exists", config.index_id)));
        }
        let id = config.index_id.clone();
        let held = Held { config, document: body.clone(), found: Vec::new(), waiting: Vec::new() };
        indexes.insert(id.clone(), held);
        Ok(described(&id, body))
    }

    fn describe(&self, id: &str) -> Answer {
        let indexes = self.indexes.lock().unwrap();
        indexes.get(id).map(|held| described(id, &held.document)).ok_or_else(|| absent(id))
    }

    fn clear(&self, id: &str) -> Answer {
        let mut indexes = self.indexes.lock().unwrap();
        let held = indexes.get_mut(id).ok_or_else(|| absent(id))?;
        held.found.clear();
        held.waiting.clear();
        Ok(Value::Null)
    }

    fn delete(&self, id: &str) -> Answer {
        self.indexes.lock().unwrap().remove(id).map(|_| json!([])).ok_or_else(|| absent(id))
    }

    async fn ingest(&self, id: &str, query: &BTreeMap<&str, &str>, body: &Bytes) -> Answer {
        let takes = |counter: &AtomicU32| {
            counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
        };
        if takes(&self.busy) {
            let message = "too many requests";
            return Err((StatusCode::TOO_MANY_REQUESTS, json!({"message": message})));
        }
        if body.len() > BODY_BYTES_MAX {
            return Err((StatusCode::PAYLOAD_TOO_LARGE, json!({"message": "payload too large"})));
        }
        let commit = query.get("commit").copied().unwrap_or("auto");
        if !["auto", "wait_for", "force"].contains(&commit) {
            return Err(refused("unknown commit type"));
        }
        let (taken, rejected) = self.take(id, body)?;
        let is_lost = takes(&self.lost);
        if commit == "wait_for" {
            tokio::time::sleep(COMMIT_AFTER).await;
        }
        // Without waiting, whoever asks next may not find them yet.
        if commit != "auto" {
            self.commit(id);
        }
        if is_lost {
            return Err((StatusCode::GATEWAY_TIMEOUT, json!({"message": "request timed out"})));
        }
        Ok(json!({
            "num_docs_for_processing": taken + rejected,
            "num_ingested_docs": taken,
            "num_rejected_docs": rejected,
        }))
    }

    fn take(&self, id: &str, body: &Bytes) -> Result<(usize, usize), (StatusCode, Value)> {
        let mut indexes = self.indexes.lock().unwrap();
        let held = indexes.get_mut(id).ok_or_else(|| absent(id))?;
        let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
        let (mut taken, mut rejected) = (0, 0);
        for line in lines {
            let document = serde_json::from_slice::<Value>(line).ok();
            match document.filter(|document| held.config.takes(document)) {
                Some(document) => {
                    held.waiting.push(document);
                    taken += 1;
                }
                None => rejected += 1,
            }
        }
        Ok((taken, rejected))
    }

    fn commit(&self, id: &str) {
        if let Some(held) = self.indexes.lock().unwrap().get_mut(id) {
            let waiting = std::mem::take(&mut held.waiting);
            held.found.extend(waiting);
        }
    }

    fn search(&self, id: &str, query: &BTreeMap<&str, &str>, body: &Value) -> Answer {
        let known = ["allow_partial_search_results", "size", "from"];
        if let Some(unknown) = query.keys().find(|key| !known.contains(*key)) {
            return Err(elastic(refused(&format!("unknown parameter `{unknown}`"))));
        }
        let indexes = self.indexes.lock().unwrap();
        let held = indexes.get(id).ok_or_else(|| elastic(absent(id)))?;
        finding::search(id, &held.config, &held.found, body).map_err(|error| elastic(refused(&error)))
    }
}

fn described(id: &str, config: &Value) -> Value {
    json!({
        "version": "0.9",
        "index_uid": format!("{id}:01HTJC6TQDGM07KBDQZ2KDHW53"),
        "index_config": config,
        "checkpoint": {},
        "create_timestamp": 1_712_000_000,
        "sources": [],
    })
}
