//! Segments of later chunks that wait for earlier ones: what is shown of a rendition is always a beginning without
//! a gap, however the chunks arrive. A chunk made again adds only what is missing, since what may have been fetched
//! must not change.

use serde::{Deserialize, Serialize};

use super::super::rendition::{RenditionId, Segment};

/// A run of segments beyond the end of what its rendition has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ahead {
    pub rendition: RenditionId,
    pub first_sequence: u64,
    pub segments: Vec<Segment>,
}

impl Ahead {
    fn next_sequence(&self) -> u64 {
        self.first_sequence + self.segments.len() as u64
    }
}

/// A chunk begins.
pub fn begin(ahead: &mut Vec<Ahead>, rendition: &RenditionId, first_sequence: u64) {
    let known = |run: &Ahead| run.rendition == *rendition && run.first_sequence == first_sequence;
    if !ahead.iter().any(known) {
        ahead.push(Ahead { rendition: rendition.clone(), first_sequence, segments: Vec::new() });
    }
}

/// `false` when it follows from nothing that has begun.
pub fn add(ahead: &mut [Ahead], rendition: &RenditionId, sequence: u64, segment: Segment) -> bool {
    let of_it = ahead.iter_mut().filter(|run| run.rendition == *rendition);
    let fitting = of_it.filter(|run| (run.first_sequence..=run.next_sequence()).contains(&sequence));
    let Some(run) = fitting.max_by_key(|run| run.first_sequence) else { return false };
    if run.next_sequence() == sequence {
        run.segments.push(segment);
    }
    true
}

/// Moves what follows without a gap to its rendition.
pub fn absorb(ahead: &mut Vec<Ahead>, rendition: &RenditionId, segments: &mut Vec<Segment>) {
    loop {
        let have = segments.len() as u64;
        let reached = |run: &Ahead| run.rendition == *rendition && run.first_sequence <= have;
        let Some(at) = ahead.iter().position(reached) else { return };
        let run = ahead.swap_remove(at);
        let known = usize::try_from(have - run.first_sequence).unwrap_or(usize::MAX);
        segments.extend(run.segments.into_iter().skip(known));
    }
}

/// Up to which sequence a chunk that begins at `first_sequence` is there.
pub fn kept(ahead: &[Ahead], rendition: &RenditionId, have: u64, first_sequence: u64) -> u64 {
    if first_sequence < have {
        return have;
    }
    let run = ahead.iter().find(|run| run.rendition == *rendition && run.first_sequence == first_sequence);
    run.map_or(first_sequence, Ahead::next_sequence)
}
