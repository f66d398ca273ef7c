//! The stretches a long picture is encoded in: whole segments each, so that the pieces of different workers join
//! without a seam. Pure. Sound is never cut (an encoder's first samples would be heard at every seam), and neither
//! is what cannot be sought in exactly.

use serde::{Deserialize, Serialize};

use super::{
    ladder::SEGMENT_MS,
    probe::{Container, Fraction, Probe},
};

/// What a chunk aims at: 32 seconds. Cut evenly, chunks have between 24 and 48.
const SEGMENTS_AIM: u64 = 8;
/// A seek that has to decode more than this before the chunk begins costs more than cutting saves.
pub const LEAD_MAX_NS: u64 = 30_000_000_000;

/// Segments from `first_sequence` on, up to `end_ns` or the end of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    pub index: u32,
    pub first_sequence: u64,
    /// In the time of the finished video.
    pub start_ns: u64,
    pub end: Option<ChunkEnd>,
}

/// Where a chunk stops that is not the last one: it then has exactly so many segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkEnd {
    pub sequence: u64,
    pub ns: u64,
}

impl Chunk {
    /// Everything from beginning to end.
    pub const WHOLE: Self = Self { index: 0, first_sequence: 0, start_ns: 0, end: None };

    pub fn is_whole(&self) -> bool {
        *self == Self::WHOLE
    }

    /// How long it lasts in a source of this length.
    pub fn duration_ns(&self, source_ns: u64) -> u64 {
        self.end.map_or(source_ns, |end| end.ns).saturating_sub(self.start_ns)
    }
}

/// The chunks of a picture that is encoded at this rate; one where cutting is not sound or not worth it.
pub fn chunks(probe: &Probe, frame_rate: Fraction) -> Vec<Chunk> {
    let segment_ns = segment_ns(frame_rate);
    let segments = (probe.duration_ms * 1_000_000).div_ceil(segment_ns);
    let count = (segments + SEGMENTS_AIM / 2) / SEGMENTS_AIM;
    if count < 2 || !can_be_cut(probe.container) {
        return vec![Chunk::WHOLE];
    }
    let first = |index: u64| index * segments / count;
    let chunk = |index: u64| {
        let sequence = first(index + 1);
        let end = (index + 1 < count).then_some(ChunkEnd { sequence, ns: sequence * segment_ns });
        let number = u32::try_from(index).unwrap_or(u32::MAX);
        Chunk { index: number, first_sequence: first(index), start_ns: first(index) * segment_ns, end }
    };
    (0..count).map(chunk).collect()
}

/// A segment is a whole number of frames: 4 s at 25 frames a second, 4.004 s at 29.97.
fn segment_ns(frame_rate: Fraction) -> u64 {
    let Fraction { numerator, denominator } = frame_rate;
    let (numerator, denominator) = (u64::from(numerator.max(1)), u64::from(denominator.max(1)));
    let frames = (SEGMENT_MS * numerator).div_ceil(1000 * denominator);
    frames * denominator * 1_000_000_000 / numerator
}

/// Those with an index by which a demuxer finds a frame and not only its neighbourhood.
fn can_be_cut(container: Container) -> bool {
    matches!(container, Container::IsoBmff | Container::Matroska)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lasting(seconds: u64, container: Container) -> Probe {
        Probe {
            container,
            duration_ms: seconds * 1000,
            video: None,
            sounds: Vec::new(),
            chapters: Vec::new(),
        }
    }

    fn spans_s(seconds: u64, rate: Fraction) -> Vec<f64> {
        let all = chunks(&lasting(seconds, Container::IsoBmff), rate);
        all.iter().map(|chunk| chunk.duration_ns(seconds * 1_000_000_000) as f64 / 1e9).collect()
    }

    #[test]
    fn a_long_picture_is_cut_into_even_chunks_of_whole_segments() {
        let rate = Fraction::new(25, 1);
        for (seconds, expected) in [
            (1, vec![1.0]),
            (44, vec![44.0]),
            (48, vec![24.0, 24.0]),
            (60, vec![28.0, 32.0]),
            (100, vec![32.0, 32.0, 36.0]),
        ] {
            assert_eq!(spans_s(seconds, rate), expected, "{seconds} s");
        }
        assert_eq!(spans_s(60, Fraction::new(30_000, 1001))[0], 28.028);
    }

    #[test]
    fn chunks_join_and_every_one_lasts_24_to_60_seconds() {
        for seconds in (48..7200).step_by(7) {
            let all = chunks(&lasting(seconds, Container::Matroska), Fraction::new(24_000, 1001));
            for (chunk, next) in all.iter().zip(&all[1..]) {
                let end = chunk.end.unwrap();
                assert_eq!((end.sequence, end.ns), (next.first_sequence, next.start_ns), "{seconds} s");
                let seconds = (end.ns - chunk.start_ns) as f64 / 1e9;
                assert!((24.0..=60.0).contains(&seconds), "{seconds}");
            }
            assert_eq!(all.last().unwrap().end, None);
        }
    }

    #[test]
    fn what_cannot_be_sought_in_exactly_is_one_chunk() {
        for container in
            [Container::MpegTs, Container::MpegPs, Container::Flv, Container::Ogg, Container::Avi]
        {
            assert_eq!(chunks(&lasting(3600, container), Fraction::new(25, 1)), [Chunk::WHOLE]);
        }
    }
}
