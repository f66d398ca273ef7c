//! All that a video's runs have made so far. The job actor folds each event into it and stores it; playlists
//! and manifests are rendered from it. Decides what players are shown: complete renditions as soon as there
//! are any, the passed-through picture only until the ladder's top rung is complete.

mod ahead;

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use self::ahead::Ahead;

use super::{
    manifest::{self, Beside, Sprite},
    probe::DynamicRange,
    protection::Protection,
    protocol::{Depth, Event, Made},
    rendition::{Growth, Origin, Rendition, RenditionId, Segment, Track},
    thumbnails::Thumbnails,
};
use crate::domain::{caption::Language, chapter::Chapter};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Catalogue {
    pub renditions: Vec<Rendition>,
    /// Set once the sprite is there.
    pub thumbnails: Option<Thumbnails>,
    pub poster: Option<Poster>,
    /// Whether the source's brightness goes beyond what the renditions show.
    #[serde(default)]
    pub source_range: DynamicRange,
    /// How many sounds are to be expected, so that no picture is announced without its own.
    #[serde(default)]
    sounds_expected: usize,
    /// What later chunks have made before earlier ones were done. Never shown.
    #[serde(default)]
    ahead: Vec<Ahead>,
    /// How many encoded pictures there will be; zero while nobody has said.
    #[serde(default)]
    rungs_expected: usize,
    /// Pictures that may stand for the video, the best first.
    #[serde(default)]
    pub candidates: Vec<Candidate>,
    #[serde(default)]
    pub sprite_bytes: u64,
    /// Those of the file.
    #[serde(default)]
    pub chapters: Vec<Chapter>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    pub at_ms: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poster {
    pub bytes: u64,
}

/// An event that does not follow from those before it. The child is wrong, not the caller.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum OutOfOrder {
    #[error("a segment of {0} came before its init")]
    NotOpened(RenditionId),
    #[error("{rendition} has {have} segments and was given number {given}")]
    Gap { rendition: RenditionId, have: usize, given: u64 },
    #[error("two chunks of {0} are not of one kind")]
    Unequal(RenditionId),
}

impl Catalogue {
    /// Folds an event in. A rendition that is opened again (a retried run) starts anew.
    pub fn apply(&mut self, event: &Event) -> Result<(), OutOfOrder> {
        match event {
            Event::Opened { rendition, track, codec, origin, bandwidth_cap, init_bytes, chunk } => {
                let opened = Rendition {
                    id: rendition.clone(),
                    track: track.clone(),
                    codec: codec.clone(),
                    origin: *origin,
                    bandwidth_cap: *bandwidth_cap,
                    init_bytes: *init_bytes,
                    growth: Growth::Growing,
                    segments: Vec::new(),
                };
                match chunk {
                    None => self.open(opened),
                    Some(first_sequence) => self.open_chunk(opened, *first_sequence)?,
                }
            }
            Event::SegmentWritten { rendition, sequence, segment } => {
                self.add_segment(rendition, *sequence, *segment)?;
            }
            Event::Closed { rendition } => self.find_mut(rendition)?.growth = Growth::Complete,
            Event::PosterWritten { bytes } => self.poster = Some(Poster { bytes: *bytes }),
            Event::CandidateWritten { number, at_ms, .. } => {
                // A run that is made again begins with the first.
                self.candidates.truncate(usize::from(*number));
                self.candidates.push(Candidate { at_ms: *at_ms });
            }
            Event::SpriteWritten { thumbnails, bytes } => {
                (self.thumbnails, self.sprite_bytes) = (Some(*thumbnails), *bytes);
            }
            Event::Probed { probe } => {
                self.source_range = probe.video.as_ref().map(|video| video.range).unwrap_or_default();
                self.sounds_expected = probe.sounds.len();
                self.chapters.clone_from(&probe.chapters);
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

    /// The first chunk's init segment serves all, so all must be of one kind.
    fn open_chunk(&mut self, opened: Rendition, first_sequence: u64) -> Result<(), OutOfOrder> {
        let id = opened.id.clone();
        match self.find_mut(&id) {
            Ok(known) if known.codec != opened.codec || known.track != opened.track => {
                return Err(OutOfOrder::Unequal(id));
            }
            Ok(known) if first_sequence == 0 && known.segments.is_empty() => {
                known.init_bytes = opened.init_bytes;
            }
            Ok(_) => {}
            Err(_) => self.renditions.push(opened),
        }
        ahead::begin(&mut self.ahead, &id, first_sequence);
        self.absorb(&id);
        Ok(())
    }

    fn add_segment(&mut self, id: &RenditionId, sequence: u64, segment: Segment) -> Result<(), OutOfOrder> {
        let known = self.find_mut(id)?;
        let have = known.segments.len();
        match sequence.cmp(&(have as u64)) {
            // Its chunk is made again.
            Ordering::Less => {}
            Ordering::Equal => known.segments.push(segment),
            Ordering::Greater if ahead::add(&mut self.ahead, id, sequence, segment) => {}
            Ordering::Greater => {
                return Err(OutOfOrder::Gap { rendition: id.clone(), have, given: sequence });
            }
        }
        self.absorb(id);
        Ok(())
    }

    fn absorb(&mut self, id: &RenditionId) {
        if let Some(known) = self.renditions.iter_mut().find(|known| known.id == *id) {
            ahead::absorb(&mut self.ahead, id, &mut known.segments);
        }
    }

    /// Up to which sequence a chunk is there already: what is made again need not be kept again.
    pub fn kept(&self, id: &RenditionId, first_sequence: u64) -> u64 {
        let have = self.find(id).map_or(0, |known| known.segments.len() as u64);
        ahead::kept(&self.ahead, id, have, first_sequence)
    }

    /// What a last look goes through: everything that was encoded. What passes through is as good as its source.
    pub fn to_verify(&self) -> Vec<Made> {
        let encoded =
            self.renditions.iter().filter(|known| known.is_complete() && known.origin == Origin::Encoded);
        let smallest = encoded.clone().filter_map(pixels).min();
        let depth = |known: &Rendition| match pixels(known) {
            None => Depth::Sound,
            pixels if pixels == smallest => Depth::EveryFrame,
            Some(_) => Depth::EverySegment,
        };
        let made = encoded.map(|known| Made {
            rendition: known.id.clone(),
            depth: depth(known),
            segments: known.segments.len() as u64,
            duration_ns: known.duration_ns(),
            frame_ns: frame_ns(known),
        });
        made.collect()
    }

    /// Forgets all renditions but those.
    pub fn retain(&mut self, keep: impl Fn(&Rendition) -> bool) {
        self.renditions.retain(keep);
        let known: Vec<&RenditionId> = self.renditions.iter().map(|rendition| &rendition.id).collect();
        self.ahead.retain(|run| known.contains(&&run.rendition));
    }

    /// Says of how many encoded pictures the whole ladder consists.
    pub fn expect_rungs(&mut self, rungs: usize) {
        self.rungs_expected = rungs;
    }

    /// Says how many sounds are made, where that is not what the probe found.
    pub fn expect_sounds(&mut self, sounds: usize) {
        self.sounds_expected = sounds;
    }

    pub fn find(&self, id: &RenditionId) -> Option<&Rendition> {
        self.renditions.iter().find(|known| known.id == *id)
    }

    fn find_mut(&mut self, id: &RenditionId) -> Result<&mut Rendition, OutOfOrder> {
        let known = self.renditions.iter_mut().find(|known| known.id == *id);
        known.ok_or_else(|| OutOfOrder::NotOpened(id.clone()))
    }

    /// The sounds that have begun, in the order of their file. Of one that is made again, what is complete.
    pub fn sounds(&self) -> Vec<&Rendition> {
        let begun = self.renditions.iter().filter(|known| !known.is_video() && !known.segments.is_empty());
        let mut sounds: Vec<&Rendition> = begun.collect();
        sounds.sort_by_key(|known| (known.id.sound_place(), !known.is_complete()));
        sounds.dedup_by_key(|known| known.id.sound_place());
        sounds
    }

    /// The pictures players are told of, smallest first. Growing ones are told of only while nothing is
    /// complete: a player that switches from a finished playlist into a growing one stalls at its end.
    pub fn pictures(&self) -> Vec<&Rendition> {
        let mut pictures: Vec<&Rendition> =
            self.renditions.iter().filter(|known| known.is_video() && !known.segments.is_empty()).collect();
        pictures.retain(|known| known.is_complete() || !known.is_in_second_codec());
        if pictures.iter().any(|known| known.is_complete()) {
            pictures.retain(|known| known.is_complete());
        }
        if self.is_passthrough_replaced() {
            pictures.retain(|known| known.origin == Origin::Encoded);
        }
        pictures.sort_by_key(|known| known.bandwidth_peak());
        pictures
    }

    /// Only when every rung is there: the lowest ones are done long before the top one.
    pub fn is_passthrough_replaced(&self) -> bool {
        let encoded =
            self.renditions.iter().filter(|known| known.is_video() && known.origin == Origin::Encoded);
        let encoded = encoded.filter(|known| !known.is_in_second_codec());
        let rungs: Vec<&Rendition> = encoded.collect();
        let expected = self.rungs_expected.max(1);
        rungs.len() >= expected && rungs.iter().all(|rung| rung.is_complete())
    }

    /// Whether a player can start: a first segment of a picture and of every sound that is expected.
    pub fn is_playable(&self) -> bool {
        let sounds = self.sounds();
        let is_sound_only = self.is_sound_only() && !sounds.is_empty();
        sounds.len() >= self.sounds_expected && (is_sound_only || !self.pictures().is_empty())
    }

    fn is_sound_only(&self) -> bool {
        !self.renditions.iter().any(Rendition::is_video)
    }

    /// `master.m3u8`, as soon as anything is playable.
    pub fn master(&self, beside: &Beside) -> Option<String> {
        self.is_playable()
            .then(|| manifest::hls::master(&self.pictures(), &self.sounds(), &self.with_sprite(beside)))
    }

    /// `captions/<language>.m3u8` of a video that is to be so long.
    pub fn captions_playlist(&self, language: &Language, duration_ms: Option<u64>) -> Option<String> {
        let made_ms = self.renditions.iter().map(Rendition::duration_ns).max().unwrap_or(0) / 1_000_000;
        let growing = self.renditions.iter().any(|rendition| !rendition.is_complete());
        let growth = if growing { Growth::Growing } else { Growth::Complete };
        let duration_ms = made_ms.max(duration_ms.unwrap_or(0));
        self.is_playable().then(|| manifest::hls::captions(language, duration_ms, growth))
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
        let sound_grows = self.sounds().iter().any(|sound| !sound.is_complete());
        let growth = if sound_grows { Growth::Growing } else { rendition.growth };
        Some((rendition, growth))
    }

    /// `manifest.mpd`: over complete renditions only, so it is always a static one.
    pub fn mpd(&self, beside: &Beside) -> Option<String> {
        let (pictures, sounds) = self.complete()?;
        Some(manifest::dash::mpd(&pictures, &sounds, &self.with_sprite(beside)))
    }

    /// The same over encrypted segments, where a single key covers them.
    pub fn protected_mpd(&self, protection: &Protection, beside: &Beside) -> Option<String> {
        let (pictures, sounds) = self.complete()?;
        manifest::dash::protected_mpd(&pictures, &sounds, protection, &self.with_sprite(beside))
    }

    /// The complete renditions, once they are enough to play.
    fn complete(&self) -> Option<(Vec<&Rendition>, Vec<&Rendition>)> {
        let (mut pictures, mut sounds) = (self.pictures(), self.sounds());
        pictures.retain(|known| known.is_complete());
        sounds.retain(|known| known.is_complete());
        let is_sound_only = self.is_sound_only() && !sounds.is_empty();
        let enough = sounds.len() >= self.sounds_expected && (is_sound_only || !pictures.is_empty());
        enough.then_some((pictures, sounds))
    }

    fn with_sprite(&self, beside: &Beside) -> Beside {
        let sprite = self.thumbnails.map(|sheet| Sprite { sheet, bytes: self.sprite_bytes });
        Beside { sprite, ..beside.clone() }
    }

    /// `images.m3u8`.
    pub fn images_playlist(&self) -> Option<String> {
        self.thumbnails.as_ref().map(manifest::hls::images)
    }

    /// `thumbnails.vtt`.
    pub fn thumbnails_vtt(&self) -> Option<String> {
        self.thumbnails.as_ref().map(manifest::vtt::thumbnails)
    }
}

/// None for sound.
fn pixels(rendition: &Rendition) -> Option<u64> {
    match rendition.track {
        Track::Video { width, height, .. } => Some(u64::from(width) * u64::from(height)),
        Track::Audio { .. } => None,
    }
}

/// AAC has 1024 samples a frame.
fn frame_ns(rendition: &Rendition) -> u64 {
    let (frames, seconds) = match rendition.track {
        Track::Video { frame_rate, .. } => (frame_rate.numerator, u64::from(frame_rate.denominator)),
        Track::Audio { sample_rate, .. } => (sample_rate, 1024),
    };
    seconds * 1_000_000_000 / u64::from(frames.max(1))
}

#[cfg(test)]
mod tests;
