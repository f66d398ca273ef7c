//! What a rung is, by what its source is: sources made by ffmpeg, each odd in one way, and what ffprobe and a decoder
//! say of what came out.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    process::Command,
};

use playhouse::media::probe::{DynamicRange, Scan};

use crate::bench::{Bench, Made, output};

/// A film by ffmpeg's arguments, which contain no white space of their own.
pub fn film(folder: &Path, name: &str, arguments: &str) -> PathBuf {
    let path = folder.join(name);
    output(Command::new("ffmpeg").args(["-v", "error", "-y"]).args(arguments.split_whitespace()).arg(&path));
    path
}

const QUICK_H264: &str = "-c:v libx264 -preset ultrafast -g 50";

/// A picture as ffprobe sees it.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    size: (u64, u64),
    rate: String,
    frames: u64,
}

/// Also holds what is the same for every rung: square pixels, 8-bit 4:2:0, evenly spaced frames from zero on.
fn look(made: &Made, name: &str) -> Seen {
    let mut ffprobe = Command::new("ffprobe");
    ffprobe.args(["-v", "error", "-count_frames", "-show_streams", "-of", "json"]).arg(made.join(name));
    let (text, _) = output(&mut ffprobe);
    let said: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let stream = &said["streams"][0];
    let string = |field: &str| stream[field].as_str().unwrap_or_default().to_owned();
    assert_eq!(string("pix_fmt"), "yuv420p", "{name}");
    assert!(["1:1", ""].contains(&string("sample_aspect_ratio").as_str()), "{name}: {stream}");
    assert_eq!(made.rendition(name).segments[0].start_ns, 0, "{name}");
    let decoded = made.decode(name);
    let spans = decoded.times_us.windows(2).map(|pair| pair[1] - pair[0]);
    let (shortest, longest) = (spans.clone().min().unwrap_or(0), spans.max().unwrap_or(0));
    assert!(longest - shortest <= 200, "{name}: frames come {shortest} to {longest} us apart");
    Seen {
        size: (stream["width"].as_u64().unwrap_or(0), stream["height"].as_u64().unwrap_or(0)),
        rate: string("r_frame_rate"),
        frames: string("nb_read_frames").parse().unwrap_or(0),
    }
}

fn seen(size: (u64, u64), rate: &str, frames: u64) -> Seen {
    Seen { size, rate: rate.to_owned(), frames }
}

#[tokio::test]
async fn fifty_frames_a_second_stay_fifty_at_720_and_become_25_below() {
    let bench = Bench::new();
    let arguments = format!("-f lavfi -i testsrc2=s=1280x720:r=50:d=1 {QUICK_H264} -pix_fmt yuv420p");
    let made = bench.make(&film(bench.path(), "fast.mp4", &arguments)).await;
    assert_eq!(look(&made, "v720"), seen((1280, 720), "50/1", 50));
    assert_eq!(look(&made, "v480"), seen((854, 480), "25/1", 25));
    assert_eq!(look(&made, "v360"), seen((640, 360), "25/1", 25));
    let starts =
        |name: &str| made.rendition(name).segments.iter().map(|it| it.start_ns).collect::<Vec<u64>>();
    assert_eq!(starts("v720"), starts("v360"));
}

#[tokio::test]
async fn each_field_of_an_interlaced_film_becomes_a_picture_at_720() {
    let bench = Bench::new();
    let arguments = format!(
        "-f lavfi -i testsrc2=s=1280x720:r=50:d=1 -vf tinterlace=interleave_top,setfield=tff {QUICK_H264} \
         -flags +ilme+ildct -x264-params tff=1 -pix_fmt yuv420p"
    );
    let made = bench.make(&film(bench.path(), "fields.mp4", &arguments)).await;
    assert_eq!(made.probe.video.as_ref().map(|video| video.scan), Some(Scan::Interlaced));
    let top = look(&made, "v720");
    assert_eq!((top.size, top.rate.as_str()), ((1280, 720), "50/1"));
    assert!((48..=50).contains(&top.frames), "{} frames of 1 s", top.frames);
    let low = look(&made, "v360");
    assert_eq!((low.rate.as_str(), (24..=25).contains(&low.frames)), ("25/1", true), "{low:?}");
    let different = distinct_frames(&made.join("v720"));
    assert!(different >= 46, "only {different} of 50 pictures differ: fields were shown twice");
}

fn distinct_frames(path: &Path) -> usize {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-i"]).arg(path).args(["-f", "framemd5", "-"]);
    let (text, _) = output(&mut ffmpeg);
    let sums = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit(',').next());
    sums.collect::<HashSet<&str>>().len()
}

#[tokio::test]
async fn upright_and_anamorphic_pictures_get_square_pixels_in_the_right_shape() {
    let bench = Bench::new();
    for (name, source, filter, expected) in [
        ("wide.mp4", "352x288", "setsar=16/11", ("v288", (512, 288))),
        ("upright.mp4", "240x426", "setsar=1", ("v240", (240, 426))),
    ] {
        let bench = Bench { folder: tempfile::tempdir_in(bench.path()).expect("a folder") };
        let arguments =
            format!("-f lavfi -i testsrc2=s={source}:r=25:d=1 -vf {filter} {QUICK_H264} -pix_fmt yuv420p");
        let made = bench.make(&film(bench.path(), name, &arguments)).await;
        assert_eq!(look(&made, expected.0), seen(expected.1, "25/1", 25), "{name}");
    }
}

#[tokio::test]
async fn a_high_dynamic_range_is_labelled_and_shown_in_standard_colours() {
    let bench = Bench::new();
    let arguments = "-f lavfi -i testsrc2=s=320x240:r=25:d=1 -c:v libx265 -preset ultrafast -pix_fmt yuv420p10le \
         -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc \
         -x265-params log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc -tag:v hvc1";
    let made = bench.make(&film(bench.path(), "hdr.mp4", arguments)).await;
    assert_eq!(made.catalogue.source_range, DynamicRange::High);
    assert_eq!(look(&made, "v240"), seen((320, 240), "25/1", 25));
    let entries = ["-v", "error", "-show_entries", "stream=color_space,color_transfer", "-of", "csv=p=0"];
    let (colours, _) = output(Command::new("ffprobe").args(entries).arg(made.join("v240")));
    assert_eq!(colours.trim(), "bt709,bt709");
}

/// White and a tone begin together at 5.5 s, behind a stretch in which two of three frames are missing.
#[tokio::test]
async fn a_variable_rate_does_not_drift_from_its_sound() {
    let bench = Bench::new();
    let arguments = format!(
        "-f lavfi -i color=black:s=320x240:r=30:d=7,drawbox=c=white:t=fill:enable='gte(t,5.5)' \
         -f lavfi -i aevalsrc='0.8*sin(6283*t)*gte(t,5.5)':d=7:s=48000 \
         -vf select='not(mod(n,3))+gt(n,120)' -fps_mode vfr {QUICK_H264} -pix_fmt yuv420p -c:a libopus"
    );
    let made = bench.make(&film(bench.path(), "screen.mkv", &arguments)).await;
    let Seen { frames, rate, .. } = look(&made, "v240");
    assert_eq!((rate.as_str(), (208..=211).contains(&frames)), ("30/1", true), "{frames} frames");
    let flash_ms = first_white(&made.join("v240")) * 1000 / 30;
    let tone_ms = first_loud(&made, "audio", 5000) * 1000 / 48_000;
    assert!(flash_ms.abs_diff(tone_ms) <= 40, "white at {flash_ms} ms, the tone at {tone_ms} ms");
}

fn first_white(path: &Path) -> usize {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-i"]).arg(path);
    ffmpeg.args(["-vf", "scale=1:1", "-pix_fmt", "gray", "-f", "rawvideo", "-"]);
    let pixels = ffmpeg.output().expect("ffmpeg is installed").stdout;
    pixels.iter().position(|luma| *luma > 128).expect("a white picture")
}

/// Where on the video's timeline the first loud sample lies, in samples.
pub fn first_loud(made: &Made, name: &str, above: u16) -> usize {
    let begins = made.rendition(name).segments[0].start_ns as usize * 48 / 1_000_000;
    let loud = |sample: &[i16; 2]| sample[0].unsigned_abs() > above;
    begins + stereo(&made.join(name)).iter().position(loud).expect("a loud sample")
}

/// Decoded sound; mono is heard on both sides.
pub fn stereo(path: &Path) -> Vec<[i16; 2]> {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-i"]).arg(path).args(["-ac", "2", "-ar", "48000", "-f", "s16le", "-"]);
    let bytes = ffmpeg.output().expect("ffmpeg is installed").stdout;
    let sample =
        |four: &[u8]| [i16::from_le_bytes([four[0], four[1]]), i16::from_le_bytes([four[2], four[3]])];
    bytes.chunks_exact(4).map(sample).collect()
}

/// The same length and size: a slide that stands, and grain that moves.
#[tokio::test]
async fn a_still_slide_costs_a_fraction_of_what_moves() {
    let bench = Bench::new();
    let mut averages = Vec::new();
    for (name, filter) in [("slide.mp4", "loop=-1:1"), ("sports.mp4", "noise=alls=30:allf=t")] {
        let bench = Bench { folder: tempfile::tempdir_in(bench.path()).expect("a folder") };
        let arguments = format!(
            "-f lavfi -i testsrc2=s=640x360:r=25:d=8 -vf {filter} -t 8 {QUICK_H264} -pix_fmt yuv420p -b:v 6M"
        );
        let made = bench.make(&film(bench.path(), name, &arguments)).await;
        let rung = made.rendition("v360");
        let cap = rung.bandwidth_cap;
        assert!(rung.bandwidth_average() <= cap * 11 / 10, "{name} is over its cap of {cap}");
        assert!(
            made.catalogue
                .master()
                .is_some_and(|master| master.contains(&format!("BANDWIDTH={}", rung.bandwidth_peak())))
        );
        averages.push(rung.bandwidth_average());
    }
    assert!(averages[0] * 10 < averages[1], "slide and sports in bits a second: {averages:?}");
}
