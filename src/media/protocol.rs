//! What parent and child say to each other: one [`Task`] as a JSON line on the child's stdin, then one
//! [`Event`] a line on its stdout, the last of them `Done` or `Failed`. The child is not trusted: names of
//! renditions are parsed, and paths are derived from them and never read from the pipe.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{
    chunk::Chunk,
    failure::Failure,
    ladder::Rung,
    limits::Limits,
    probe::Probe,
    rendition::{Origin, RenditionId, Segment, Track},
    thumbnails::Thumbnails,
};
use crate::domain::codec::Codec;

/// What one child is to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The uploaded file; only ever read.
    pub source: PathBuf,
    /// An existing folder that takes the output, laid out as in [`super::layout`]. It is scratch: files are
    /// written under a temporary name and renamed, but not fsynced; who publishes them does that.
    pub output: PathBuf,
    pub limits: Limits,
    pub job: Job,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub enum Job {
    /// Looks for the elements that every other job needs, and fills the registry. Reads no source.
    Check { second_codec: Option<Codec> },
    /// Answers with [`Event::Probed`].
    Probe,
    /// The picture as it is (rendition `source`), and the sounds, each as it is or encoded (`audio`, `audio2`, …).
    Passthrough { probe: Probe },
    /// The given rungs of a chunk from one decode, largest first, and the sounds if `sound` says so. Sequences and
    /// times are those of the whole video.
    Ladder { probe: Probe, rungs: Vec<Rung>, sound: Sound, chunk: Chunk },
    /// The sounds alone.
    Sound { probe: Probe },
    /// Reads what was made as a player would. The source is the folder that holds the renditions.
    Verify { made: Vec<Made> },
    /// `poster.jpg` and `sprite.jpg`.
    Thumbnails { probe: Probe },
}

/// A rendition as its catalogue describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    pub rendition: RenditionId,
    pub depth: Depth,
    pub segments: u64,
    pub duration_ns: u64,
    /// How long one frame is shown or heard.
    pub frame_ns: u64,
}

impl Made {
    pub fn duration_ms(&self) -> u64 {
        self.duration_ns / 1_000_000
    }
}

/// How closely a rendition is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Depth {
    Sound,
    EveryFrame,
    /// The first frame of each segment, and the number of all.
    EverySegment,
}

/// What of the walls around a worker is in force here. Its limits of memory, processor time and files always are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guards {
    pub network: InForce,
    pub files: InForce,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InForce {
    Yes,
    /// The kernel does not have it, or does not grant it.
    No,
}

impl From<bool> for InForce {
    fn from(done: bool) -> Self {
        if done { Self::Yes } else { Self::No }
    }
}

/// Whether a ladder job makes the sounds too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sound {
    Make,
    /// It exists already, or there is none in the source.
    Leave,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Every half second. The parent kills a child whose position stands still.
    Heartbeat {
        position_ms: u64,
    },
    /// Of this job alone; never falls.
    Progress {
        percent: u8,
    },
    Checked {
        gstreamer: String,
        missing: Vec<String>,
        guards: Guards,
    },
    Probed {
        probe: Probe,
    },
    /// `init.mp4` is in place. It never changes afterwards.
    Opened {
        rendition: RenditionId,
        track: Track,
        #[serde(deserialize_with = "codec")]
        codec: String,
        origin: Origin,
        bandwidth_cap: u64,
        init_bytes: u64,
        /// The first sequence of the chunk that begins; none when all is made in one piece.
        #[serde(default)]
        chunk: Option<u64>,
    },
    /// A segment is in place. Sequences start at the first of the chunk and have no gap.
    SegmentWritten {
        rendition: RenditionId,
        sequence: u64,
        segment: Segment,
    },
    /// No further segment comes. Not said of what is made in chunks: nobody but the job knows its last one.
    Closed {
        rendition: RenditionId,
    },
    /// A picture that may stand for the video. The best comes first and has number 0.
    CandidateWritten {
        number: u8,
        at_ms: u64,
        bytes: u64,
    },
    PosterWritten {
        bytes: u64,
    },
    SpriteWritten {
        thumbnails: Thumbnails,
        bytes: u64,
    },
    Done,
    Failed {
        failure: Failure,
    },
}

/// A codec string stands between quotes in playlists and MPDs, so it may hold nothing that ends them.
fn codec<'de, D: serde::Deserializer<'de>>(source: D) -> Result<String, D::Error> {
    let text = String::deserialize(source)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-';
    match text.len() {
        1..=40 if text.bytes().all(plain) => Ok(text),
        _ => Err(serde::de::Error::custom("not a codec string")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_cannot_smuggle_text_into_a_playlist_or_a_path() {
        let titled = |rendition: &str, codec: &str, language: &str, title: Option<&str>| {
            serde_json::from_value::<Event>(serde_json::json!({
                "event": "opened", "rendition": rendition, "codec": codec, "origin": "encoded",
                "track": {"audio": {
                    "channels": 2, "sample_rate": 48000, "language": language, "title": title
                }},
                "bandwidth_cap": 1, "init_bytes": 1
            }))
        };
        let opened = |rendition: &str, codec: &str, language: &str| titled(rendition, codec, language, None);
        assert!(opened("audio", "mp4a.40.2", "en-GB").is_ok());
        assert!(opened("../etc", "mp4a.40.2", "en").is_err());
        assert!(opened("audio", "mp4a\"\n#EXT-X-KEY", "en").is_err());
        assert!(opened("audio", "mp4a.40.2", "en\",URI=\"x").is_err());
        assert!(titled("audio", "mp4a.40.2", "en", Some("A commentary")).is_ok());
        assert!(titled("audio", "mp4a.40.2", "en", Some("a\",URI=\"x")).is_err());
        assert!(titled("audio", "mp4a.40.2", "en", Some("a\n#EXT-X-ENDLIST")).is_err());
    }
}
