//! What an index holds of a video, and how one state of it is told from another.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::domain::{clock::Timestamp, ids::VideoId};

/// A video as it can be found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Document {
    pub video_id: VideoId,
    pub title: String,
    pub description: String,
    pub tags: Vec<String>,
    pub duration_ms: u64,
    /// The shorter side of its best picture, in pixels; 0 for sound alone.
    pub height: u64,
    pub published_at: Timestamp,
    /// As of when it was last written; see the indexer for how often that is.
    pub views: u64,
}

impl Document {
    /// The same for the same content, in every process and build.
    pub fn fingerprint(&self) -> u64 {
        let content = rmp_serde::to_vec(self).expect("plain data");
        leading(&Sha256::digest(content))
    }
}

/// What is to become of a video in the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub video_id: VideoId,
    /// At least 1. Of two changes the higher one counts.
    pub version: u64,
    /// `None` takes the video out.
    pub document: Option<Document>,
}

impl Change {
    pub fn put(version: u64, document: Document) -> Self {
        Self { video_id: document.video_id.clone(), version, document: Some(document) }
    }

    pub fn remove(version: u64, video_id: VideoId) -> Self {
        Self { video_id, version, document: None }
    }

    pub fn mark(&self) -> Mark {
        Mark { version: self.version, fingerprint: self.document.as_ref().map(Document::fingerprint) }
    }
}

/// Which state of a video an index holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    pub version: u64,
    /// Of the document; `None` for a video that was taken out.
    pub fingerprint: Option<u64>,
}

/// A number that tells videos apart where two rank the same. 53 bits, which every JSON reader keeps.
pub(super) fn tie_of(video: &VideoId) -> u64 {
    leading(&Sha256::digest(video.as_str())) >> 11
}

fn leading(digest: &[u8]) -> u64 {
    digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}
