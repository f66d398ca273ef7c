//! All that a video's runs have made so far. The job actor folds each event into it and stores it; playlists
//! and manifests are rendered from it. Decides what players are shown: complete renditions as soon as there
//! are any, the passed-through picture only until the ladder's top rung is complete.

use serde::{Deserialize, Serialize};

use super::{
    manifest,
    protection::Protection,
    protocol::Event,
    rendition::{Growth, Origin, Rendition, RenditionId},
    thumbnails::Thumbnails,
};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Catalogue {
    pub renditions: Vec<Rendition>,
    /// Set once the sprite is there.
    pub thumbnails: Option<Thumbnails>,
    pub poster: Option<Poster>,
    /// Whether a sound rendition is to be expected, so that no picture is announced without it.
    pub sound: ExpectedSound,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poster {
    pub bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpectedSound {
    #[default]
    None,
    Some,
}

/// An event that does not follow from those before it. The child is wrong, not the caller.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum OutOfOrder {
    #[error("a segment of {0} came before its init")]
    NotOpened(RenditionId),
    #[error("{rendition} has {have} segments and was given number {given}")]
    Gap { rendition: RenditionId, have: usize, given: u64 },
}

impl Catalogue {
    /// Folds an event in. A rendition that is opened again (a retried run) starts anew.
    pub fn apply(&mut self, event: &Event) -> Result<(), OutOfOrder> {
        match event {
            Event::Opened { rendition, track, codec, origin, bandwidth_cap, init_bytes } => {
                self.open(Rendition {
                    id: rendition.clone(),
                    track: track.clone(),
                    codec: codec.clone(),
                    origin: *origin,
                    bandwidth_cap: *bandwidth_cap,
                    init_bytes: *init_bytes,
                    growth: Growth::Growing,
                    segments: Vec::new(),
                });
            }
            Event::SegmentWritten { rendition, sequence, segment } => {
                let known = self.find_mut(rendition)?;
                if known.segments.len() as u64 != *sequence {
                    let have = known.segments.len();
                    return Err(OutOfOrder::Gap { rendition: rendition.clone(), have, given: *sequence });
                }
                known.segments.push(*segment);
            }
            Event::Closed { rendition } => self.find_mut(rendition)?.growth = Growth::Complete,
            Event::PosterWritten { bytes } => self.poster = Some(Poster { bytes: *bytes }),
            Event::SpriteWritten { thumbnails, .. } => self.thumbnails = Some(*thumbnails),
            Event::Probed { probe } => {
                self.sound = if probe.audio.is_some() { ExpectedSound::Some } else { ExpectedSound::None };
            }
            Event::Heartbeat { .. }
            | Event::Progress { .. }
            | Event::Checked { .. }
            | Event::Done
            | Event::Failed { .. } => {}
        }
        Ok(())
    }

    fn open(&mut self, rendition: Rendition) {
        self.renditions.retain(|known| known.id != rendition.id);
        self.renditions.push(rendition);
    }

    pub fn find(&self, id: &RenditionId) -> Option<&Rendition> {
        self.renditions.iter().find(|known| known.id == *id)
    }

    fn find_mut(&mut self, id: &RenditionId) -> Result<&mut Rendition, OutOfOrder> {
        let known = self.renditions.iter_mut().find(|known| known.id == *id);
        known.ok_or_else(|| OutOfOrder::NotOpened(id.clone()))
    }

    pub fn audio(&self) -> Option<&Rendition> {
        self.renditions.iter().find(|known| !known.is_video() && !known.segments.is_empty())
    }

    /// The pictures players are told of, smallest first. Growing ones are told of only while nothing is
    /// complete: a player that switches from a finished playlist into a growing one stalls at its end.
    pub fn pictures(&self) -> Vec<&Rendition> {
        let mut pictures: Vec<&Rendition> =
            self.renditions.iter().filter(|known| known.is_video() && !known.segments.is_empty()).collect();
        if pictures.iter().any(|known| known.is_complete()) {
            pictures.retain(|known| known.is_complete());
        }
        if self.is_passthrough_replaced() {
            pictures.retain(|known| known.origin == Origin::Encoded);
        }
        pictures.sort_by_key(|known| known.bandwidth_peak());
        pictures
    }

    /// One child makes all rungs of the ladder, so the tallest one opened is the top rung.
    pub fn is_passthrough_replaced(&self) -> bool {
        let encoded =
            self.renditions.iter().filter(|known| known.is_video() && known.origin == Origin::Encoded);
        let mut rungs = encoded.peekable();
        rungs.peek().is_some() && rungs.all(Rendition::is_complete)
    }

    /// Whether a player can start: a first segment of a picture and, where sound is expected, of sound.
    pub fn is_playable(&self) -> bool {
        match self.sound {
            ExpectedSound::Some => {
                self.audio().is_some() && (!self.pictures().is_empty() || self.is_sound_only())
            }
            ExpectedSound::None => !self.pictures().is_empty(),
        }
    }

    fn is_sound_only(&self) -> bool {
        !self.renditions.iter().any(Rendition::is_video)
    }

    /// `master.m3u8`, as soon as anything is playable.
    pub fn master(&self) -> Option<String> {
        self.is_playable().then(|| manifest::hls::master(&self.pictures(), self.audio()))
    }

    /// `<rendition>/index.m3u8`. A finished picture is still an EVENT while its sound grows, because players
    /// want both of one kind.
    pub fn media_playlist(&self, id: &RenditionId) -> Option<String> {
        let (rendition, growth) = self.shown(id)?;
        Some(manifest::hls::media(rendition, growth))
    }

    /// The same over encrypted segments.
    pub fn protected_playlist(&self, id: &RenditionId, protection: &Protection) -> Option<String> {
        let (rendition, growth) = self.shown(id)?;
        Some(manifest::hls::protected_media(rendition, growth, protection))
    }

    /// A rendition that has begun, and how finished it may be called.
    fn shown(&self, id: &RenditionId) -> Option<(&Rendition, Growth)> {
        let rendition = self.find(id).filter(|known| !known.segments.is_empty())?;
        let sound_grows = self.audio().is_some_and(|audio| !audio.is_complete());
        let growth = if sound_grows { Growth::Growing } else { rendition.growth };
        Some((rendition, growth))
    }

    /// `manifest.mpd`: over complete renditions only, so it is always a static one.
    pub fn mpd(&self) -> Option<String> {
        let (pictures, audio) = self.complete()?;
        Some(manifest::dash::mpd(&pictures, audio))
    }

    /// The same over encrypted segments, where a single key covers them.
    pub fn protected_mpd(&self, protection: &Protection) -> Option<String> {
        let (pictures, audio) = self.complete()?;
        manifest::dash::protected_mpd(&pictures, audio, protection)
    }

    /// The complete renditions, once they are enough to play.
    fn complete(&self) -> Option<(Vec<&Rendition>, Option<&Rendition>)> {
        let audio = self.audio().filter(|audio| audio.is_complete());
        let expected = self.sound == ExpectedSound::Some;
        let pictures: Vec<&Rendition> =
            self.pictures().into_iter().filter(|known| known.is_complete()).collect();
        let nothing = pictures.is_empty() && audio.is_none();
        if nothing || (expected && audio.is_none()) || (pictures.is_empty() && !self.is_sound_only()) {
            return None;
        }
        Some((pictures, audio))
    }

    /// `thumbnails.vtt`.
    pub fn thumbnails_vtt(&self) -> Option<String> {
        self.thumbnails.as_ref().map(manifest::vtt::thumbnails)
    }
}

#[cfg(test)]
mod tests;
