//! The stages of a source, each one run of the worker: pure, so that a resumed job finds the same plan. Where
//! the picture can be passed through it plays within a second and the whole ladder follows from one decode;
//! otherwise the lowest rung is made alone first, which costs one more decode and plays seconds earlier.

use serde::{Deserialize, Serialize};

use super::{
    ladder::{self, Rung},
    probe::Probe,
    protocol::{Job, Sound},
};

/// A stage by its name, as `progress.stage` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    Probe,
    Passthrough,
    FirstRung,
    Thumbnails,
    Ladder,
}

impl Stage {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Probe => "probe",
            Self::Passthrough => "passthrough",
            Self::FirstRung => "first_rung",
            Self::Thumbnails => "thumbnails",
            Self::Ladder => "ladder",
        }
    }

    /// Its share of a job's progress; the shares of one plan are normalised by [`overall_percent`].
    fn weight(self) -> u64 {
        match self {
            Self::Probe => 1,
            Self::Passthrough => 3,
            Self::FirstRung => 20,
            Self::Thumbnails => 4,
            Self::Ladder => 72,
        }
    }
}

/// What follows a probe, in order. Sound without picture needs one pass only.
pub fn stages(probe: &Probe, ladder: &[u32]) -> Vec<(Stage, Job)> {
    let passthrough = (Stage::Passthrough, Job::Passthrough { probe: probe.clone() });
    match &probe.video {
        None => vec![passthrough],
        Some(video) if video.plays_as_it_is() => {
            let rungs = ladder::rungs(video, ladder);
            let thumbnails = (Stage::Thumbnails, Job::Thumbnails { probe: probe.clone() });
            vec![passthrough, thumbnails, (Stage::Ladder, make(probe, rungs, Sound::Leave))]
        }
        Some(_) => stages_encoding(probe, ladder),
    }
}

/// The same without passing anything through: for pictures no player takes as they are, and for those whose
/// passthrough failed for a reason that is not the file's.
pub fn stages_encoding(probe: &Probe, ladder: &[u32]) -> Vec<(Stage, Job)> {
    let Some(video) = &probe.video else { return Vec::new() };
    let rungs = ladder::rungs(video, ladder);
    let thumbnails = (Stage::Thumbnails, Job::Thumbnails { probe: probe.clone() });
    let sound = if probe.audio.is_some() { Sound::Make } else { Sound::Leave };
    let (lowest, rest) = rungs.split_last().expect("a picture has at least one rung");
    let mut stages = vec![(Stage::FirstRung, make(probe, vec![lowest.clone()], sound)), thumbnails];
    if !rest.is_empty() {
        stages.push((Stage::Ladder, make(probe, rest.to_vec(), Sound::Leave)));
    }
    stages
}

fn make(probe: &Probe, rungs: Vec<Rung>, sound: Sound) -> Job {
    Job::Ladder { probe: probe.clone(), rungs, sound }
}

/// Progress of the whole job when `current` of `plan` stands at `percent`. The probe is done by then.
pub fn overall_percent(plan: &[(Stage, Job)], current: usize, percent: u8) -> u8 {
    let weight = |range: &[(Stage, Job)]| range.iter().map(|(stage, _)| stage.weight()).sum::<u64>();
    let total = Stage::Probe.weight() + weight(plan);
    let before = Stage::Probe.weight() + weight(&plan[..current.min(plan.len())]);
    let now = plan.get(current).map_or(0, |(stage, _)| stage.weight() * u64::from(percent.min(100)));
    u8::try_from((before * 100 + now) / total.max(1)).unwrap_or(100).min(100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::probe::{
        AudioStream, Chroma, Container, DynamicRange, Fraction, Rotation, Scan, VideoStream,
    };

    fn probe(codec: &str) -> Probe {
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
        };
        Probe { container: Container::IsoBmff, duration_ms: 1000, video: Some(video), audio: Some(audio) }
    }

    fn names(probe: &Probe) -> Vec<&'static str> {
        stages(probe, &[1080, 720, 480, 360]).iter().map(|(stage, _)| stage.as_str()).collect()
    }

    #[test]
    fn h264_is_passed_through_whatever_its_sound_and_the_ladder_is_one_run() {
        assert_eq!(names(&probe("h264")), ["passthrough", "thumbnails", "ladder"]);
    }

    #[test]
    fn other_pictures_get_their_lowest_rung_first_and_sound_only_once() {
        let plan = stages(&probe("vp9"), &[1080, 720, 480, 360]);
        assert_eq!(names(&probe("vp9")), ["first_rung", "thumbnails", "ladder"]);
        let sounds: Vec<Sound> = plan
            .iter()
            .filter_map(|(_, job)| if let Job::Ladder { sound, .. } = job { Some(*sound) } else { None })
            .collect();
        assert_eq!(sounds, [Sound::Make, Sound::Leave]);
    }

    #[test]
    fn sound_alone_is_one_stage() {
        let sound = Probe { video: None, ..probe("h264") };
        assert_eq!(names(&sound), ["passthrough"]);
    }

    #[test]
    fn overall_progress_rises_to_a_hundred() {
        let plan = stages(&probe("vp9"), &[720, 480, 360]);
        let mut last = 0;
        for current in 0..plan.len() {
            for percent in [0, 50, 100] {
                let overall = overall_percent(&plan, current, percent);
                assert!(overall >= last, "stage {current} at {percent}");
                last = overall;
            }
        }
        assert_eq!(last, 100);
    }
}
