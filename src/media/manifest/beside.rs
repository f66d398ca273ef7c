//! What stands beside the renditions of a video in its manifests: its words and its caption tracks. Comes from rows,
//! not from the job, and is read anew for each manifest.

use crate::{
    domain::caption::{Kind, Language},
    media::thumbnails::Thumbnails,
};

#[derive(Debug, Clone, Default)]
pub struct Beside {
    pub title: String,
    pub description: String,
    pub captions: Vec<CaptionTrack>,
    /// Set by the catalogue.
    pub sprite: Option<Sprite>,
}

/// The sheet of tiles, for players that show pictures while one seeks.
#[derive(Debug, Clone, Copy)]
pub struct Sprite {
    pub sheet: Thumbnails,
    pub bytes: u64,
}

impl Sprite {
    pub fn bits_a_second(&self) -> u64 {
        (self.bytes * 8 * 1000).div_ceil(self.sheet.covered_ms().max(1)).max(1)
    }
}

#[derive(Debug, Clone)]
pub struct CaptionTrack {
    pub language: Language,
    /// One line without `"`.
    pub label: String,
    pub kind: Kind,
}

impl Beside {
    /// The tracks by the names players show them by, which must differ: what is called as one before it is told
    /// apart by its language.
    pub fn named_captions(&self) -> impl Iterator<Item = (String, &CaptionTrack)> {
        self.captions.iter().enumerate().map(|(at, track)| {
            let taken = self.captions[..at].iter().any(|other| other.label == track.label);
            let name =
                if taken { format!("{} ({})", track.label, track.language) } else { track.label.clone() };
            (name, track)
        })
    }
}
