//! What is made of a source, in pieces: each one run of the worker, and the unit of progress and of another attempt.
//! Pure, so that a resumed job finds the same pieces. Where the picture can be passed through it plays within a
//! second; then the lowest rung, for lines that cannot carry the source; then all other rungs of a chunk from one
//! decode. A short source is one chunk, and what passes through then needs no lowest rung of its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    chunk::{self, Chunk},
    ladder::{self, Rung},
    probe::{Probe, VideoStream},
    protocol::{Job, Sound},
    rendition::RenditionId,
};
use crate::domain::codec::Codec;

/// A stage by its name, as metrics and logs show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    Probe,
    Passthrough,
    Sound,
    FirstRung,
    Thumbnails,
    Ladder,
    SecondCodec,
    Verify,
}

impl Stage {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Probe => "probe",
            Self::Passthrough => "passthrough",
            Self::Sound => "sound",
            Self::FirstRung => "first_rung",
            Self::Thumbnails => "thumbnails",
            Self::Ladder => "ladder",
            Self::SecondCodec => "second_codec",
            Self::Verify => "verify",
        }
    }

    /// Its share of a job's progress; the shares of one plan are normalised by [`overall_percent`].
    fn weight(self) -> u64 {
        match self {
            Self::Probe => 1,
            Self::Passthrough => 3,
            Self::Sound => 5,
            Self::FirstRung => 20,
            Self::Thumbnails => 4,
            Self::Ladder => 72,
            Self::SecondCodec => 200,
            Self::Verify => 2,
        }
    }
}

/// What decides the pieces, and all that is kept to find the same ones again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub probe: Probe,
    /// The heights that were configured when it was made.
    pub ladder: Vec<u32>,
    pub picture: Picture,
    pub cutting: Cutting,
    /// What all rungs are made in once more, when everything else is there.
    #[serde(default)]
    pub second_codec: Option<Codec>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Picture {
    /// If players take it as it is.
    PassThrough,
    /// In any case: passing it through failed.
    Encode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cutting {
    Chunks,
    /// Cutting it failed.
    Whole,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Piece {
    pub stage: Stage,
    pub chunk: Chunk,
    pub job: Job,
}

impl Piece {
    fn new(stage: Stage, job: Job) -> Self {
        Self { stage, chunk: Chunk::WHOLE, job }
    }

    /// The same in every life of the job: `ladder/3`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.stage.as_str(), self.chunk.index)
    }

    /// What it makes a part of, together with other pieces of its stage.
    pub fn shared_renditions(&self) -> Vec<RenditionId> {
        match &self.job {
            Job::Ladder { rungs, chunk, .. } if !chunk.is_whole() => {
                rungs.iter().map(|rung| rung.rendition.clone()).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether everything else has to be there before it begins, and does without it if it fails.
    pub fn comes_last(&self) -> bool {
        self.stage == Stage::SecondCodec
    }

    /// A piece of a later act begins when all of the earlier ones are done.
    pub fn act(&self) -> u8 {
        match self.stage {
            Stage::Verify => 2,
            Stage::SecondCodec => 1,
            _ => 0,
        }
    }

    /// Whether it makes the sounds, alone or with something else.
    pub fn makes_sounds(&self) -> bool {
        matches!(
            self.job,
            Job::Passthrough { .. } | Job::Sound { .. } | Job::Ladder { sound: Sound::Make, .. }
        )
    }

    /// Whether nothing else may run before it is done: what follows depends on whether it succeeds.
    pub fn is_alone(&self) -> bool {
        self.stage == Stage::Passthrough
    }

    /// How much of the source it works through.
    pub fn duration_ms(&self, probe: &Probe) -> u64 {
        self.chunk.duration_ns(probe.duration_ms * 1_000_000) / 1_000_000
    }
}

impl Plan {
    pub fn new(probe: Probe, ladder: &[u32]) -> Self {
        let ladder = ladder.to_vec();
        Self { probe, ladder, picture: Picture::PassThrough, cutting: Cutting::Chunks, second_codec: None }
    }

    pub fn with_second_codec(self, second_codec: Option<Codec>) -> Self {
        Self { second_codec, ..self }
    }

    /// What follows a probe, in the order in which it is begun. What there is to verify is known when it is made.
    pub fn pieces(&self) -> Vec<Piece> {
        let mut pieces = self.first_pieces();
        if let (Some(codec), Some(video)) = (self.second_codec, &self.probe.video) {
            let rungs = ladder::in_codec(&self.rungs(), codec);
            pieces.extend(self.encode(Stage::SecondCodec, &rungs, &self.chunks(video)));
        }
        pieces.push(Piece::new(Stage::Verify, Job::Verify { made: Vec::new() }));
        pieces
    }

    /// All that does not wait for everything else. Sound without a picture gets one drawn of itself.
    fn first_pieces(&self) -> Vec<Piece> {
        let probe = &self.probe;
        let passthrough = Piece::new(Stage::Passthrough, Job::Passthrough { probe: probe.clone() });
        let thumbnails = Piece::new(Stage::Thumbnails, Job::Thumbnails { probe: probe.clone() });
        let Some(video) = &probe.video else { return vec![passthrough, thumbnails] };
        let (rungs, chunks) = (self.rungs(), self.chunks(video));
        if self.passes_through(video) {
            let mut pieces = vec![passthrough, thumbnails];
            match rungs.split_last() {
                Some((lowest, rest)) if chunks.len() > 1 && !rest.is_empty() => {
                    pieces.extend(self.encode(Stage::FirstRung, std::slice::from_ref(lowest), &chunks));
                    pieces.extend(self.encode(Stage::Ladder, rest, &chunks));
                }
                _ => pieces.extend(self.encode(Stage::Ladder, &rungs, &chunks)),
            }
            return pieces;
        }
        let (lowest, rest) = rungs.split_last().expect("a picture has at least one rung");
        let mut first = self.encode(Stage::FirstRung, std::slice::from_ref(lowest), &chunks);
        let mut pieces = self.sound(&mut first);
        pieces.extend(first);
        pieces.push(thumbnails);
        if !rest.is_empty() {
            pieces.extend(self.encode(Stage::Ladder, rest, &chunks));
        }
        pieces
    }

    /// Without all sounds but the first.
    pub fn first_sound_alone(mut self) -> Self {
        self.probe.sounds.truncate(1);
        self
    }

    /// All pictures there will be in H.264, largest first.
    pub fn rungs(&self) -> Vec<Rung> {
        self.probe.video.as_ref().map_or_else(Vec::new, |video| ladder::rungs(video, &self.ladder))
    }

    fn passes_through(&self, video: &VideoStream) -> bool {
        self.picture == Picture::PassThrough && video.plays_as_it_is()
    }

    fn chunks(&self, video: &VideoStream) -> Vec<Chunk> {
        match self.cutting {
            Cutting::Chunks => chunk::chunks(&self.probe, ladder::full_rate(video)),
            Cutting::Whole => vec![Chunk::WHOLE],
        }
    }

    /// The sounds go along with a first rung that is made in one piece, and are a piece of their own otherwise.
    fn sound(&self, first: &mut [Piece]) -> Vec<Piece> {
        if self.probe.sounds.is_empty() {
            return Vec::new();
        }
        if let [Piece { job: Job::Ladder { sound, .. }, .. }] = first {
            *sound = Sound::Make;
            return Vec::new();
        }
        vec![Piece::new(Stage::Sound, Job::Sound { probe: self.probe.clone() })]
    }

    fn encode(&self, stage: Stage, rungs: &[Rung], chunks: &[Chunk]) -> Vec<Piece> {
        let (probe, rungs, sound) = (&self.probe, rungs.to_vec(), Sound::Leave);
        let piece = |chunk: &Chunk| {
            let job = Job::Ladder { probe: probe.clone(), rungs: rungs.clone(), sound, chunk: *chunk };
            Piece { stage, chunk: *chunk, job }
        };
        chunks.iter().map(piece).collect()
    }
}

/// Progress of the whole job, in hundredths; `percent` is that of each piece. The probe is done by then.
pub fn overall_percent(plan: &Plan, pieces: &[Piece], percent: impl Fn(usize) -> u8) -> u8 {
    let mut stage_ms: BTreeMap<Stage, u64> = BTreeMap::new();
    for piece in pieces {
        *stage_ms.entry(piece.stage).or_default() += piece.duration_ms(&plan.probe).max(1);
    }
    let weight = |piece: &Piece| {
        let all_ms = stage_ms.get(&piece.stage).copied().unwrap_or(1);
        // A thousandfold, so that a share of many chunks is not rounded away.
        piece.stage.weight() * 1000 * piece.duration_ms(&plan.probe).max(1) / all_ms
    };
    let probe = Stage::Probe.weight() * 1000;
    let total = probe + pieces.iter().map(&weight).sum::<u64>();
    let done = pieces.iter().enumerate().map(|(at, piece)| weight(piece) * u64::from(percent(at).min(100)));
    let done = probe * 100 + done.sum::<u64>();
    u8::try_from(done / total.max(1)).unwrap_or(100).min(100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::probe::{
        AudioStream, Chroma, Container, DynamicRange, Fraction, Rotation, Scan, VideoStream,
    };

    fn probe(codec: &str, duration_ms: u64) -> Probe {
        let video = VideoStream {
            codec: codec.to_owned(),
            profile: Some("high".to_owned()),
            level: Some("3.1".to_owned()),
            width: 1280,
            height: 720,
            pixel_aspect: Fraction::ONE,
            frame_rate: Fraction::new(24, 1),
            rotation: Rotation::Upright,
            bits_a_sample: 8,
            chroma: Chroma::Yuv420,
            scan: Scan::Progressive,
            range: DynamicRange::Standard,
        };
        let audio = AudioStream {
            codec: "mp3".to_owned(),
            profile: None,
            channels: 2,
            sample_rate: 44_100,
            language: None,
            title: None,
            stream: None,
        };
        Probe {
            container: Container::IsoBmff,
            duration_ms,
            video: Some(video),
            sounds: vec![audio],
            chapters: Vec::new(),
        }
    }

    fn plan(codec: &str, duration_ms: u64) -> Plan {
        Plan::new(probe(codec, duration_ms), &[1080, 720, 480, 360])
    }

    fn names(plan: &Plan) -> Vec<String> {
        plan.pieces().iter().map(Piece::name).collect()
    }

    #[test]
    fn a_short_picture_is_made_in_one_piece() {
        assert_eq!(names(&plan("h264", 1000)), ["passthrough/0", "thumbnails/0", "ladder/0", "verify/0"]);
        assert_eq!(names(&plan("vp9", 1000)), ["first_rung/0", "thumbnails/0", "ladder/0", "verify/0"]);
    }

    #[test]
    fn a_long_picture_is_made_in_chunks_lowest_rung_first_and_its_sound_is_never_cut() {
        let chunks = ["first_rung/0", "first_rung/1", "ladder/0", "ladder/1", "verify/0"];
        let expected = [["passthrough/0", "thumbnails/0"].as_slice(), &chunks].concat();
        assert_eq!(names(&plan("h264", 60_000)), expected);
        let other =
            ["sound/0", "first_rung/0", "first_rung/1", "thumbnails/0", "ladder/0", "ladder/1", "verify/0"];
        assert_eq!(names(&plan("vp9", 60_000)), other);
        let rungs = |piece: &Piece| piece.shared_renditions().len();
        let counts: Vec<usize> = plan("h264", 60_000).pieces().iter().map(rungs).collect();
        assert_eq!(counts, [0, 0, 1, 1, 2, 2, 0]);
    }

    #[test]
    fn what_did_not_work_is_left_out() {
        let whole = Plan { cutting: Cutting::Whole, ..plan("h264", 60_000) };
        assert_eq!(names(&whole), ["passthrough/0", "thumbnails/0", "ladder/0", "verify/0"]);
        let encoded = Plan { picture: Picture::Encode, ..whole };
        assert_eq!(names(&encoded), ["first_rung/0", "thumbnails/0", "ladder/0", "verify/0"]);
    }

    #[test]
    fn a_second_codec_comes_last_in_the_same_sizes_and_chunks() {
        let one = plan("h264", 60_000);
        let both = one.clone().with_second_codec(Some(Codec::Av1));
        let (mut known, all) = (one.pieces(), both.pieces());
        assert_eq!(known.pop().map(|piece| piece.stage), Some(Stage::Verify));
        let rest: Vec<String> = all[known.len()..].iter().map(Piece::name).collect();
        assert_eq!(
            (&all[..known.len()], &rest[..]),
            (&known[..], &["second_codec/0", "second_codec/1", "verify/0"].map(String::from)[..])
        );
        let rungs: Vec<String> =
            all[known.len()].shared_renditions().iter().map(ToString::to_string).collect();
        assert_eq!(rungs, ["v720av1", "v480av1", "v360av1"]);
        assert_eq!(one.rungs(), both.rungs(), "what replaces a passed-through picture is H.264");
    }

    #[test]
    fn sound_is_made_once() {
        let sounds = |plan: &Plan| plan.pieces().iter().filter(|piece| piece.makes_sounds()).count();
        for (codec, duration_ms) in [("h264", 1000), ("h264", 90_000), ("vp9", 1000), ("vp9", 90_000)] {
            assert_eq!(sounds(&plan(codec, duration_ms)), 1, "{codec} of {duration_ms} ms");
        }
    }

    #[test]
    fn sound_alone_is_made_once_and_drawn() {
        let sound = Plan::new(Probe { video: None, ..probe("h264", 1000) }, &[360]);
        assert_eq!(names(&sound), ["passthrough/0", "thumbnails/0", "verify/0"]);
    }

    #[test]
    fn overall_progress_rises_to_a_hundred() {
        let plan = plan("vp9", 120_000);
        let pieces = plan.pieces();
        let mut last = 0;
        for current in 0..pieces.len() {
            for percent in [0, 50, 100] {
                let of = |at: usize| match at.cmp(&current) {
                    std::cmp::Ordering::Less => 100,
                    std::cmp::Ordering::Equal => percent,
                    std::cmp::Ordering::Greater => 0,
                };
                let overall = overall_percent(&plan, &pieces, of);
                assert!(overall >= last, "piece {current} at {percent}");
                last = overall;
            }
        }
        assert_eq!(last, 100);
    }
}
