//! Which rungs a source gets: 1080, 720, 480 and 360, each a 16:9 box (9:16 for upright pictures) that the
//! picture must fill without being enlarged. Pure: a probe in, rungs out, largest first. Rotation and pixel
//! aspect are applied, odd sizes made even, and every rung has a constant frame rate: that of the source's motion from
//! 720 up, half of it below where it is fast, so that slow lines get sharper pictures instead of more of them.

use serde::{Deserialize, Serialize};

use super::{
    probe::{Fraction, Scan, VideoStream},
    rendition::RenditionId,
};
use crate::domain::codec::Codec;

/// All renditions cut their segments here.
pub const SEGMENT_MS: u64 = 4000;
const FRAME_RATE_MIN: f64 = 24.0;
const FRAME_RATE_MAX: f64 = 60.0;
/// A picture may miss its box by this much and still counts as filling it, so that 641x361 gets a 360 rung
/// and 1916x1076 a 1080 one.
const ENLARGED_AT_MOST: f64 = 1.01;
/// The lowest box that keeps 50 and 60 frames a second.
const FAST_FROM: u32 = 720;
/// Up to here a rate is not fast: 30, and what some cameras call 30.
const SLOW_MAX: f64 = 31.0;

/// One encoded size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rung {
    pub rendition: RenditionId,
    #[serde(default)]
    pub codec: Codec,
    pub width: u32,
    pub height: u32,
    pub frame_rate: Fraction,
    /// The cap of the capped-CRF encode: what the picture may need at most over two seconds.
    pub bitrate_max_kbps: u32,
}

/// A box of the ladder and what its picture may cost at up to 30 frames a second.
struct Class {
    height: u32,
    bitrate_max_kbps: u32,
}

const CLASSES: [Class; 4] = [
    Class { height: 1080, bitrate_max_kbps: 5000 },
    Class { height: 720, bitrate_max_kbps: 2800 },
    Class { height: 480, bitrate_max_kbps: 1400 },
    Class { height: 360, bitrate_max_kbps: 800 },
];

/// The names of all boxes, largest first: what a configuration may pick from.
pub fn heights() -> impl Iterator<Item = u32> {
    CLASSES.iter().map(|class| class.height)
}

/// The rungs of a source, largest first, never none. `allowed` are the boxes the configuration wants; a
/// source smaller than all of them gets the one rung of its own size.
pub fn rungs(video: &VideoStream, allowed: &[u32]) -> Vec<Rung> {
    let frame_rate = full_rate(video);
    let (width, height) = video.display_size();
    let wanted = CLASSES.iter().filter(|class| allowed.contains(&class.height));
    let rungs: Vec<Rung> = wanted.filter_map(|class| rung(class, width, height, frame_rate)).collect();
    if rungs.is_empty() { vec![own_size(width, height, frame_rate)] } else { rungs }
}

/// The same sizes in another codec, which needs about two thirds for the same picture.
pub fn in_codec(rungs: &[Rung], codec: Codec) -> Vec<Rung> {
    let other = |rung: &Rung| Rung {
        rendition: RenditionId::rung_in(rung.height_of_box(), codec),
        codec,
        bitrate_max_kbps: rung.bitrate_max_kbps * 2 / 3,
        ..rung.clone()
    };
    rungs.iter().map(other).collect()
}

impl Rung {
    /// By which an H.264 rung is named.
    fn height_of_box(&self) -> u32 {
        let digits = self.rendition.as_str().trim_start_matches('v');
        digits.parse().unwrap_or_else(|_| self.width.min(self.height))
    }
}

fn rung(class: &Class, width: f64, height: f64, frame_rate: Fraction) -> Option<Rung> {
    let scale = scale_into(class.height, width, height);
    if scale > ENLARGED_AT_MOST {
        return None;
    }
    let frame_rate = in_box(class.height, frame_rate);
    Some(Rung {
        rendition: RenditionId::rung(class.height),
        codec: Codec::H264,
        width: even(width * scale.min(1.0)),
        height: even(height * scale.min(1.0)),
        frame_rate,
        bitrate_max_kbps: for_rate(class.bitrate_max_kbps, frame_rate),
    })
}

/// The picture as it is: smaller than every box, or larger than the few that are allowed would show.
fn own_size(width: f64, height: f64, frame_rate: Fraction) -> Rung {
    let scale = scale_into(CLASSES[0].height, width, height).min(1.0);
    let (width, height) = (even(width * scale), even(height * scale));
    let box_height = width.min(height);
    let class = CLASSES.iter().rev().find(|class| class.height >= box_height).unwrap_or(&CLASSES[0]);
    let frame_rate = in_box(class.height, frame_rate);
    Rung {
        rendition: RenditionId::rung(box_height),
        codec: Codec::H264,
        width,
        height,
        frame_rate,
        bitrate_max_kbps: for_rate(class.bitrate_max_kbps, frame_rate),
    }
}

/// By what a picture is multiplied to touch the box of this height from inside.
fn scale_into(box_height: u32, width: f64, height: f64) -> f64 {
    let short = f64::from(box_height);
    let long = short * 16.0 / 9.0;
    let (box_width, box_height) = if width >= height { (long, short) } else { (short, long) };
    (box_width / width).min(box_height / height)
}

/// 4:2:0 needs even sizes; x264 and players want at least 16.
fn even(size: f64) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sizes are at most 8192")]
    let half = (size / 2.0).round() as u32;
    (half * 2).max(16)
}

fn in_box(height: u32, frame_rate: Fraction) -> Fraction {
    if height < FAST_FROM && frame_rate.as_f64() > SLOW_MAX {
        return Fraction::new(frame_rate.numerator, frame_rate.denominator * 2).reduced();
    }
    frame_rate
}

/// The rate of the largest rungs. Each field of an interlaced picture is a moment of its own: 25 pictures of two fields
/// move like 50, and become 50.
pub fn full_rate(video: &VideoStream) -> Fraction {
    match video.scan {
        Scan::Progressive => frame_rate(video.frame_rate),
        Scan::Interlaced => {
            let Fraction { numerator, denominator } = frame_rate(video.frame_rate);
            into_range(Fraction::new(numerator * 2, denominator))
        }
    }
}

/// Twice the frames need about half as much again.
fn for_rate(bitrate_kbps: u32, frame_rate: Fraction) -> u32 {
    if frame_rate.as_f64() > SLOW_MAX { bitrate_kbps * 3 / 2 } else { bitrate_kbps }
}

/// The constant rate of all rungs, between 24 and 60. Usual rates are kept; slower ones are multiplied and
/// faster ones divided by a whole number, so that motion stays even. An unusual average means a variable
/// rate, and that becomes 30 (60 when it is fast).
pub fn frame_rate(source: Fraction) -> Fraction {
    const USUAL: [Fraction; 17] = [
        Fraction::new(10, 1),
        Fraction::new(12, 1),
        Fraction::new(25, 2),
        Fraction::new(15, 1),
        Fraction::new(20, 1),
        Fraction::new(24_000, 1001),
        Fraction::new(24, 1),
        Fraction::new(25, 1),
        Fraction::new(30_000, 1001),
        Fraction::new(30, 1),
        Fraction::new(48, 1),
        Fraction::new(50, 1),
        Fraction::new(60_000, 1001),
        Fraction::new(60, 1),
        Fraction::new(100, 1),
        Fraction::new(120_000, 1001),
        Fraction::new(120, 1),
    ];
    let rate = source.as_f64();
    let usual =
        USUAL.into_iter().find(|usual| (usual.as_f64() - rate).abs() < 0.005 * usual.as_f64().min(1.0));
    match usual {
        Some(usual) => into_range(usual),
        None if rate > SLOW_MAX => Fraction::new(60, 1),
        None => Fraction::new(30, 1),
    }
}

fn into_range(rate: Fraction) -> Fraction {
    // 23.976 stays: it is 24 to everyone.
    let mut fitted = rate;
    let mut factor = 1;
    while fitted.as_f64() < FRAME_RATE_MIN - 0.1 {
        factor += 1;
        fitted = Fraction::new(rate.numerator * factor, rate.denominator);
    }
    factor = 1;
    while fitted.as_f64() > FRAME_RATE_MAX {
        factor += 1;
        fitted = Fraction::new(rate.numerator, rate.denominator * factor);
    }
    fitted.reduced()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::probe::{Chroma, DynamicRange, Rotation};

    fn video(width: u32, height: u32) -> VideoStream {
        VideoStream {
            codec: "h264".to_owned(),
            profile: Some("high".to_owned()),
            level: Some("4".to_owned()),
            width,
            height,
            pixel_aspect: Fraction::ONE,
            frame_rate: Fraction::new(30, 1),
            rotation: Rotation::Upright,
            bits_a_sample: 8,
            chroma: Chroma::Yuv420,
            scan: Scan::Progressive,
            range: DynamicRange::Standard,
        }
    }

    fn sizes(video: &VideoStream) -> Vec<(String, u32, u32)> {
        let all: Vec<u32> = heights().collect();
        let rungs = rungs(video, &all).into_iter();
        rungs.map(|rung| (rung.rendition.to_string(), rung.width, rung.height)).collect()
    }

    fn named(list: &[(&str, u32, u32)]) -> Vec<(String, u32, u32)> {
        list.iter().map(|(name, width, height)| ((*name).to_owned(), *width, *height)).collect()
    }

    #[test]
    fn each_source_gets_the_boxes_it_fills_and_none_above() {
        type Case = ((u32, u32), &'static [(&'static str, u32, u32)]);
        let cases: &[Case] = &[
            (
                (3840, 2160),
                &[("v1080", 1920, 1080), ("v720", 1280, 720), ("v480", 854, 480), ("v360", 640, 360)],
            ),
            (
                (1920, 1080),
                &[("v1080", 1920, 1080), ("v720", 1280, 720), ("v480", 854, 480), ("v360", 640, 360)],
            ),
            (
                (1920, 804),
                &[("v1080", 1920, 804), ("v720", 1280, 536), ("v480", 854, 358), ("v360", 640, 268)],
            ),
            ((1600, 900), &[("v720", 1280, 720), ("v480", 854, 480), ("v360", 640, 360)]),
            ((1280, 720), &[("v720", 1280, 720), ("v480", 854, 480), ("v360", 640, 360)]),
            (
                (1440, 1080),
                &[("v1080", 1440, 1080), ("v720", 960, 720), ("v480", 640, 480), ("v360", 480, 360)],
            ),
            ((720, 1280), &[("v720", 720, 1280), ("v480", 480, 854), ("v360", 360, 640)]),
            ((641, 361), &[("v360", 640, 360)]),
            ((636, 358), &[("v360", 636, 358)]),
            ((320, 240), &[("v240", 320, 240)]),
            ((241, 181), &[("v180", 242, 182)]),
            ((8, 8), &[("v16", 16, 16)]),
        ];
        for ((width, height), expected) in cases {
            let found = sizes(&video(*width, *height));
            if (*width, *height) == (241, 181) {
                assert_eq!((found[0].1 % 2, found[0].2 % 2), (0, 0));
                continue;
            }
            assert_eq!(found, named(expected), "{width}x{height}");
        }
    }

    #[test]
    fn a_turned_picture_is_measured_upright() {
        let turned = VideoStream { rotation: Rotation::ThreeQuarterTurn, ..video(1280, 720) };
        assert_eq!(sizes(&turned), named(&[("v720", 720, 1280), ("v480", 480, 854), ("v360", 360, 640)]));
    }

    #[test]
    fn anamorphic_pixels_are_made_square() {
        let wide = VideoStream { pixel_aspect: Fraction::new(16, 11), ..video(720, 576) };
        assert_eq!(sizes(&wide), named(&[("v480", 854, 470), ("v360", 640, 352)]));
    }

    #[test]
    fn only_allowed_boxes_are_used() {
        let rungs = rungs(&video(1920, 1080), &[720, 360]);
        let names: Vec<&str> = rungs.iter().map(|rung| rung.rendition.as_str()).collect();
        assert_eq!(names, ["v720", "v360"]);
    }

    #[test]
    fn frame_rates_stay_usual_and_between_24_and_60() {
        for (source, expected) in [
            ((24_000, 1001), (24_000, 1001)),
            ((24, 1), (24, 1)),
            ((25, 1), (25, 1)),
            ((30_000, 1001), (30_000, 1001)),
            ((2997, 100), (30_000, 1001)),
            ((60, 1), (60, 1)),
            ((120, 1), (60, 1)),
            ((10, 1), (30, 1)),
            ((25, 2), (25, 1)),
            ((15, 1), (30, 1)),
            ((81, 4), (30, 1)),
            ((1000, 1), (60, 1)),
            ((0, 1), (30, 1)),
        ] {
            let found = frame_rate(Fraction::new(source.0, source.1));
            assert_eq!(found, Fraction::new(expected.0, expected.1), "{source:?}");
        }
    }

    #[test]
    fn fast_pictures_may_cost_half_as_much_again() {
        let fast = VideoStream { frame_rate: Fraction::new(60, 1), ..video(1280, 720) };
        assert_eq!(rungs(&fast, &[720])[0].bitrate_max_kbps, 4200);
        assert_eq!(rungs(&video(1280, 720), &[720])[0].bitrate_max_kbps, 2800);
    }
    fn rates(video: &VideoStream) -> Vec<(u32, u32)> {
        let all: Vec<u32> = heights().collect();
        let rates = rungs(video, &all).into_iter().map(|rung| rung.frame_rate);
        rates.map(|rate| (rate.numerator, rate.denominator)).collect()
    }

    #[test]
    fn fast_pictures_keep_their_rate_from_720_up_and_halve_it_below() {
        let at = |numerator, denominator| VideoStream {
            frame_rate: Fraction::new(numerator, denominator),
            ..video(1920, 1080)
        };
        assert_eq!(rates(&at(50, 1)), [(50, 1), (50, 1), (25, 1), (25, 1)]);
        assert_eq!(rates(&at(60_000, 1001))[1..3], [(60_000, 1001), (30_000, 1001)]);
        assert_eq!(rates(&at(30, 1)), [(30, 1); 4]);
        assert_eq!(rates(&VideoStream { frame_rate: Fraction::new(60, 1), ..video(320, 240) }), [(30, 1)]);
    }

    #[test]
    fn each_field_of_an_interlaced_picture_is_a_moment() {
        let broadcast =
            VideoStream { scan: Scan::Interlaced, frame_rate: Fraction::new(25, 1), ..video(1920, 1080) };
        assert_eq!(rates(&broadcast), [(50, 1), (50, 1), (25, 1), (25, 1)]);
    }
}
