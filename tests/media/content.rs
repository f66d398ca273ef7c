//! What a rung is, by what its source is: sources made by ffmpeg, each odd in one way, and what ffprobe and a decoder
//! say of what came out.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    process::Command,
};

use playhouse::media::{
    manifest::Beside,
    probe::{DynamicRange, Scan},
};

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
    whites(path).position(|white| white).expect("a white picture")
}

/// Of each frame whether it is white.
fn whites(path: &Path) -> impl Iterator<Item = bool> {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-i"]).arg(path);
    ffmpeg.args(["-fps_mode", "passthrough", "-vf", "scale=1:1", "-pix_fmt", "gray", "-f", "rawvideo", "-"]);
    ffmpeg.output().expect("ffmpeg is installed").stdout.into_iter().map(|luma| luma > 128)
}

/// Where on the video's timeline the first loud sample lies, in samples.
pub fn first_loud(made: &Made, name: &str, above: u16) -> usize {
    let joined = made.join(name);
    let loud = |sample: &[i16; 2]| sample[0].unsigned_abs() > above;
    begins_at(&joined) + stereo(&joined).iter().position(loud).expect("a loud sample")
}

/// The time of the first packet, in samples.
fn begins_at(sound: &Path) -> usize {
    let entries =
        ["-v", "error", "-show_entries", "packet=pts_time", "-of", "csv=p=0", "-read_intervals", "%+#1"];
    let (first, _) = output(Command::new("ffprobe").args(entries).arg(sound));
    (first.trim().parse::<f64>().expect("seconds") * 48_000.0).round() as usize
}

/// White and a click begin together a second after the beginning and a second before the end.
#[tokio::test]
async fn picture_and_sound_are_together_at_the_beginning_and_at_the_end() {
    for (name, codecs) in [
        ("a.mp4", "-c:v libx264 -preset veryfast -bf 3 -c:a aac"),
        ("b.mkv", "-c:v libx264 -preset veryfast -bf 3 -c:a aac"),
        ("c.ts", "-c:v libx264 -preset veryfast -bf 3 -c:a aac"),
        ("d.webm", "-c:v libvpx -deadline realtime -c:a libopus"),
        ("e.avi", "-c:v mjpeg -pix_fmt yuvj420p -c:a pcm_s16le"),
    ] {
        let bench = Bench::new();
        let arguments = format!(
            "-f lavfi -i color=black:s=160x120:r=25:d=8,drawbox=c=white:t=fill:enable='between(t,0.99,1.03)+between(t,6.99,7.03)' \
             -f lavfi -i aevalsrc='0.9*between(t,1,1.01)+0.9*between(t,7,7.01)':d=8:s=48000 -pix_fmt yuv420p {codecs}"
        );
        let made = bench.make(&film(bench.path(), name, &arguments)).await;
        let clicks_ms = clicks_ms(&made);
        for picture in made.names().into_iter().filter(|name| *name != "audio") {
            let flashes_ms = flashes_ms(&made, picture);
            assert_eq!(
                (flashes_ms.len(), clicks_ms.len()),
                (2, 2),
                "{name} {picture}: {flashes_ms:?} {clicks_ms:?}"
            );
            for (flash_ms, click_ms) in flashes_ms.iter().zip(&clicks_ms) {
                let apart_ms = flash_ms.abs_diff(*click_ms);
                assert!(apart_ms <= 40, "{name} {picture}: {flashes_ms:?} and {clicks_ms:?}");
            }
        }
    }
}

fn flashes_ms(made: &Made, picture: &str) -> Vec<i64> {
    let times_us = made.decode(picture).times_us;
    let white = whites(&made.join(picture)).collect::<Vec<bool>>();
    assert_eq!(white.len(), times_us.len(), "{picture}");
    let begins = (1..white.len()).filter(|at| white[*at] && !white[at - 1]);
    begins.map(|at| times_us[at] / 1000).collect()
}

fn clicks_ms(made: &Made) -> Vec<i64> {
    let joined = made.join("audio");
    let samples = stereo(&joined);
    let loud: Vec<usize> = (0..samples.len()).filter(|at| samples[*at][0].unsigned_abs() > 10_000).collect();
    let begins = loud.iter().enumerate().filter(|(at, sample)| *at == 0 || *sample - loud[at - 1] > 4800);
    begins.map(|(_, sample)| ((begins_at(&joined) + sample) / 48) as i64).collect()
}

/// One picture a second, as lectures are recorded.
#[tokio::test]
async fn the_last_picture_stays_as_long_as_it_was_meant_to() {
    let bench = Bench::new();
    let arguments = format!("-f lavfi -i testsrc2=s=160x120:r=1:d=7 {QUICK_H264} -pix_fmt yuv420p");
    let made = bench.make(&film(bench.path(), "slides.mp4", &arguments)).await;
    let encoded = look(&made, "v120");
    assert_eq!((encoded.rate.as_str(), encoded.frames), ("30/1", 7 * 30));
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
                .master(&Beside::default())
                .is_some_and(|master| master.contains(&format!("BANDWIDTH={}", rung.bandwidth_peak())))
        );
        averages.push(rung.bandwidth_average());
    }
    assert!(averages[0] * 10 < averages[1], "slide and sports in bits a second: {averages:?}");
}
