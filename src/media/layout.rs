//! Where things lie below a video's folder: in the worker's output, in the object store, and in URLs, which
//! are all the same relative paths.

use super::rendition::RenditionId;

pub const MASTER: &str = "master.m3u8";
pub const MPD: &str = "manifest.mpd";
pub const THUMBNAILS: &str = "thumbnails.vtt";
pub const SPRITE: &str = "sprite.jpg";
pub const POSTER: &str = "poster.jpg";
pub const INIT: &str = "init.mp4";
pub const PLAYLIST: &str = "index.m3u8";

pub fn init(rendition: &RenditionId) -> String {
    format!("{rendition}/{INIT}")
}

pub fn playlist(rendition: &RenditionId) -> String {
    format!("{rendition}/{PLAYLIST}")
}

pub fn segment(rendition: &RenditionId, sequence: u64) -> String {
    format!("{rendition}/{}", segment_name(sequence))
}

/// A file of a rendition as the key set `set` encrypts it.
pub fn encrypted(set: &str, file: &str) -> String {
    format!("{set}/{file}")
}

/// The key of this number, below the video's folder.
pub fn key(set: &str, number: u64) -> String {
    format!("keys/{set}/{number}.key")
}

pub fn segment_name(sequence: u64) -> String {
    format!("seg{sequence:05}.m4s")
}
