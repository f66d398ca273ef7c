//! One version of a video as a document of Quickwit, and back. Terms are cut before they come there, so its tokenizer
//! only splits at spaces.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    backends::search::{Change, Document, Mark, analysis::terms, document::tie_of, highlight::Texts},
    domain::ids::VideoId,
};

pub(super) const ID: &str = "video_id";
pub(super) const VERSION: &str = "version";
pub(super) const LIVE: &str = "live";
pub(super) const PUBLISHED_AT: &str = "published_at";
pub(super) const VIEWS: &str = "views";
pub(super) const DURATION: &str = "duration_ms";
pub(super) const HEIGHT: &str = "height";
pub(super) const TIE: &str = "tie";
pub(super) const TITLE_TERMS: &str = "title_terms";
pub(super) const TAGS_TERMS: &str = "tags_terms";
pub(super) const DESCRIPTION_TERMS: &str = "description_terms";

/// Of the 53 of a tie. Versions are milliseconds, so those of seven weeks are in order.
const VERSION_BITS: u32 = 32;

/// What is written. `live` is 0 for a video that was taken out.
#[derive(Serialize)]
struct Written<'a> {
    video_id: &'a VideoId,
    version: u64,
    tie: u64,
    live: u64,
    fingerprint: u64,
    #[serde(flatten)]
    texts: Option<WrittenTexts<'a>>,
    duration_ms: u64,
    height: u64,
    published_at: i64,
    views: u64,
}

#[derive(Serialize)]
struct WrittenTexts<'a> {
    title: &'a str,
    description: &'a str,
    tags: &'a [String],
    title_terms: String,
    description_terms: String,
    tags_terms: Vec<String>,
}

/// What comes back of it.
#[derive(Debug, Deserialize)]
pub(super) struct Stored {
    pub video_id: VideoId,
    version: u64,
    live: u64,
    fingerprint: u64,
    #[serde(default)]
    title: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    tags: Vec<String>,
}

impl Stored {
    /// `None` for what no build of ours has written.
    pub(super) fn read(source: &Value) -> Option<Self> {
        Self::deserialize(source).ok()
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { version: self.version, fingerprint: (self.live == 1).then_some(self.fingerprint) }
    }

    pub(super) fn texts(&self) -> Texts<'_> {
        Texts { title: &self.title, description: &self.description, tags: &self.tags }
    }
}

/// A line of NDJSON.
pub(super) fn line(change: &Change) -> String {
    let document = change.document.as_ref();
    let number = |of: fn(&Document) -> u64| document.map_or(0, of);
    let written = Written {
        video_id: &change.video_id,
        version: change.version,
        tie: tie(change),
        live: u64::from(document.is_some()),
        fingerprint: number(Document::fingerprint),
        texts: document.map(texts),
        duration_ms: number(|document| document.duration_ms),
        height: number(|document| document.height),
        published_at: document.map_or(0, |document| document.published_at.0),
        views: number(|document| document.views),
    };
    let mut line = serde_json::to_string(&written).expect("plain data");
    line.push('\n');
    line
}

/// What tells documents of the same moment or score apart: the video, then its version. All different, since what equals the
/// last of a page is on no other; and the newest of a video first, so that one which changes meanwhile is not shown again.
fn tie(change: &Change) -> u64 {
    let version = change.version & ((1 << VERSION_BITS) - 1);
    tie_of(&change.video_id) >> VERSION_BITS << VERSION_BITS | version
}

fn texts(document: &Document) -> WrittenTexts<'_> {
    WrittenTexts {
        title: &document.title,
        description: &document.description,
        tags: &document.tags,
        title_terms: terms(&document.title).join(" "),
        description_terms: terms(&document.description).join(" "),
        tags_terms: document.tags.iter().map(|tag| terms(tag).join(" ")).collect(),
    }
}
