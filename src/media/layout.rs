//! Where things lie below a video's folder: in the worker's output, in the object store, and in URLs, which
//! are all the same relative paths.

use super::rendition::RenditionId;
use crate::domain::caption::Language;

pub const MASTER: &str = "master.m3u8";
pub const MPD: &str = "manifest.mpd";
pub const THUMBNAILS: &str = "thumbnails.vtt";
pub const SPRITE: &str = "sprite.jpg";
pub const POSTER: &str = "poster.jpg";
/// An image of the owner's.
pub const OWN_POSTER: &str = "thumbnail.jpg";
/// The sprite as a playlist of tiles.
pub const IMAGES: &str = "images.m3u8";
pub const CHAPTERS: &str = "chapters.vtt";
pub const CAPTIONS: &str = "captions";
pub const INIT: &str = "init.mp4";
pub const PLAYLIST: &str = "index.m3u8";

/// A picture that may stand for the video; the first is the poster.
pub fn candidate(number: usize) -> String {
    format!("candidate{number}.jpg")
}

/// Whether a path is one that [`candidate`] has made.
pub fn is_candidate(path: &str) -> bool {
    let number = path.strip_prefix("candidate").and_then(|rest| rest.strip_suffix(".jpg"));
    number.is_some_and(|number| number.len() == 1 && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The file of a caption track.
pub fn captions(language: &Language) -> String {
    format!("{CAPTIONS}/{language}.vtt")
}

pub fn captions_playlist(language: &Language) -> String {
    format!("{CAPTIONS}/{language}.m3u8")
}

/// The language of a path that [`captions`] or, with `m3u8`, [`captions_playlist`] has made.
pub fn captions_language(path: &str, extension: &str) -> Option<Language> {
    let name = path.strip_prefix(CAPTIONS)?.strip_prefix('/')?;
    let tag = name.strip_suffix(extension)?.strip_suffix('.')?;
    tag.parse().ok().filter(|language: &Language| language.as_str() == tag)
}

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
