//! What a step asks of the node's workers: which lane, how soon, and what it takes of its account's share. Pure.

use super::{
    step::Step,
    turns::{Lane, Owner, Priority, Request},
};
use crate::media::{
    Job,
    plan::{Piece, Stage},
    protocol::Made,
};

/// What probing and repackaging take: next to nothing, but not nothing.
const QUICK_COST_MS: u64 = 1_000;

pub fn of(step: &Step, owner: &Owner) -> Request {
    let owner = owner.clone();
    match step {
        Step::Probe => {
            let priority = Priority { urgency: 0, duration_ms: 0, rung_pixels: 0, chunk: 0 };
            Request { lane: Lane::Quick, owner, priority, cost: QUICK_COST_MS }
        }
        Step::Make(piece) => of_piece(piece, owner),
    }
}

fn of_piece(piece: &Piece, owner: Owner) -> Request {
    let (lane, urgency) = match piece.stage {
        Stage::Probe => (Lane::Quick, 0),
        Stage::Passthrough => (Lane::Quick, 1),
        Stage::Sound => (Lane::Quick, 2),
        // Its beginning is what somebody waits for.
        Stage::FirstRung if piece.chunk.index == 0 => (Lane::Quick, 2),
        Stage::FirstRung => (Lane::Heavy, 3),
        Stage::Thumbnails => (Lane::Heavy, 4),
        Stage::Ladder => (Lane::Heavy, 5),
        Stage::SecondCodec => (Lane::Heavy, 6),
        // All is made: only the word for it is missing.
        Stage::Verify => (Lane::Heavy, 3),
    };
    let (video_ms, rung_pixels, heavy_ms) = match &piece.job {
        Job::Ladder { probe, rungs, .. } => {
            let pixels = |width: u32, height: u32| u64::from(width) * u64::from(height);
            let largest = rungs.iter().map(|rung| pixels(rung.width, rung.height)).max().unwrap_or(0);
            (probe.duration_ms, largest, piece.duration_ms(probe))
        }
        Job::Passthrough { probe } | Job::Sound { probe } | Job::Thumbnails { probe } => {
            (probe.duration_ms, 0, 0)
        }
        Job::Verify { made } => (made.iter().map(Made::duration_ms).max().unwrap_or(0), 0, 0),
        Job::Check { .. } | Job::Probe => (0, 0, 0),
    };
    let priority = Priority { urgency, duration_ms: video_ms, rung_pixels, chunk: piece.chunk.index };
    Request { lane, owner, priority, cost: heavy_ms.max(QUICK_COST_MS) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{
        Plan, Probe,
        probe::{Chroma, Container, DynamicRange, Fraction, Rotation, Scan, VideoStream},
    };

    fn probe(duration_ms: u64) -> Probe {
        let video = VideoStream {
            codec: "vp9".into(),
            profile: None,
            level: None,
            width: 1280,
            height: 720,
            pixel_aspect: Fraction::ONE,
            frame_rate: Fraction::new(25, 1),
            rotation: Rotation::Upright,
            bits_a_sample: 8,
            chroma: Chroma::Yuv420,
            scan: Scan::Progressive,
            range: DynamicRange::Standard,
        };
        Probe {
            container: Container::Matroska,
            duration_ms,
            video: Some(video),
            sounds: Vec::new(),
            chapters: Vec::new(),
        }
    }

    fn requests(duration_ms: u64) -> Vec<(String, Request)> {
        let owner = Owner { account: "ada".parse().unwrap(), pays: false };
        let pieces = Plan::new(probe(duration_ms), &[720, 360]).pieces();
        let asked = pieces.into_iter().map(|piece| (piece.name(), of(&Step::Make(Box::new(piece)), &owner)));
        asked.collect()
    }

    #[test]
    fn what_makes_a_video_playable_does_not_wait_for_ladders() {
        let lanes: Vec<(String, Lane)> =
            requests(60_000).into_iter().map(|(name, request)| (name, request.lane)).collect();
        let expected = [
            ("first_rung/0", Lane::Quick),
            ("first_rung/1", Lane::Heavy),
            ("thumbnails/0", Lane::Heavy),
            ("ladder/0", Lane::Heavy),
            ("ladder/1", Lane::Heavy),
            ("verify/0", Lane::Heavy),
        ];
        assert_eq!(lanes, expected.map(|(name, lane)| (name.to_owned(), lane)));
    }

    #[test]
    fn small_rungs_go_before_large_ones_short_videos_before_long_ones_and_early_chunks_before_late_ones() {
        let of = |requests: &[(String, Request)], name: &str| {
            requests.iter().find(|(known, _)| known == name).map(|(_, request)| request.priority).unwrap()
        };
        let (short, long) = (requests(60_000), requests(600_000));
        assert!(of(&long, "first_rung/3") < of(&short, "ladder/0"));
        assert!(of(&short, "ladder/1") < of(&long, "ladder/0"));
        assert!(of(&long, "ladder/0") < of(&long, "ladder/1"));
    }
}
