//! Captions: WebVTT and SubRip read into cues, and cues written as WebVTT. What was uploaded never reaches a player:
//! only what is understood here is written again, so style sheets, scripts and whatever a player might take for HTML
//! are gone. Called by http with an upload, and by the chapters. Sources: the W3C's WebVTT, sections 4 and 6; for
//! SubRip, which has no specification, what VLC and ffmpeg read.

mod read;
mod settings;
mod text;
mod time;

use std::fmt::Write;

pub use self::{read::read, settings::Settings, text::CueText, time::clock};

/// A file has at most so many bytes.
pub const BYTES_MAX: usize = 2 << 20;
pub const CUES_MAX: usize = 20_000;

/// Why a file is not taken, in words its uploader understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("is not text in UTF-8; save it as UTF-8 and send it again")]
    NotText,
    #[error(
        "is neither WebVTT, which begins with `WEBVTT`, nor SubRip, which has lines such as `00:00:01,000 --> 00:00:02,000`"
    )]
    NotCaptions,
    #[error("has no cue that could be read")]
    NoCues,
    #[error("has more than {CUES_MAX} cues")]
    TooManyCues,
}

/// Cues by their start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    pub cues: Vec<Cue>,
    /// Cues left out: times that cannot be read or end before they begin, or nothing to show.
    pub skipped: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cue {
    pub start_ms: u64,
    /// After the start.
    pub end_ms: u64,
    pub settings: Settings,
    pub text: CueText,
}

impl Script {
    /// In the order that WebVTT asks for. Cues may overlap.
    pub fn of(mut cues: Vec<Cue>, skipped: usize) -> Self {
        cues.sort_by_key(|cue| (cue.start_ms, cue.end_ms));
        Self { cues, skipped }
    }

    pub fn to_webvtt(&self) -> String {
        let mut text = String::from("WEBVTT\n");
        for Cue { start_ms, end_ms, settings, text: words } in &self.cues {
            let (start, end) = (clock(*start_ms), clock(*end_ms));
            write!(text, "\n{start} --> {end}{settings}\n{words}\n").expect("a String takes every write");
        }
        text
    }
}

#[cfg(test)]
mod tests;
