//! What is heard: levels after folding, when it is heard, and what stands for a picture where there is none.

use crate::{
    bench::Bench,
    content::{film, first_loud, stereo},
};

const SECOND: usize = 48_000;
const QUICK_H264: &str = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p";

/// Of full scale, left and right, from the middle of a second.
fn levels(samples: &[[i16; 2]], second: usize) -> [f64; 2] {
    let window = &samples[second * SECOND + SECOND / 4..second * SECOND + SECOND * 3 / 4];
    let side = |at: usize| {
        let sum: f64 = window.iter().map(|sample| (f64::from(sample[at]) / 32_768.0).powi(2)).sum();
        (sum / window.len() as f64).sqrt() * 2_f64.sqrt()
    };
    [side(0), side(1)]
}

fn assert_near(found: [f64; 2], expected: [f64; 2], what: &str) {
    let near = |at: usize| (found[at] - expected[at]).abs() <= 0.03;
    assert!(near(0) && near(1), "{what}: {found:.3?} instead of {expected:.3?}");
}

/// A tone of half scale in one channel a second; in the last second full scale in all.
async fn folded(layout: &str, channels: usize) -> Vec<[i16; 2]> {
    let tone =
        |channel: usize| format!("sin(6283*t)*(0.5*between(t,{channel},{channel}.99)+gte(t,{channels}))");
    let expressions: Vec<String> = (0..channels).map(tone).collect();
    let bench = Bench::new();
    let arguments = format!(
        "-f lavfi -i aevalsrc=exprs='{}':c={layout}:d={}:s=48000 -c:a flac",
        expressions.join("|"),
        channels + 1
    );
    let made = bench.make(&film(bench.path(), "surround.mkv", &arguments)).await;
    stereo(&made.join("audio"))
}

#[tokio::test]
async fn surround_is_folded_with_speech_kept() {
    const FRONT: f64 = 0.354;
    const OTHER: f64 = 0.25;
    let five = folded("5.1", 6).await;
    let expected = [[FRONT, 0.0], [0.0, FRONT], [OTHER, OTHER], [0.0, 0.0], [OTHER, 0.0], [0.0, OTHER]];
    for (second, expected) in expected.into_iter().enumerate() {
        assert_near(levels(&five, second), expected, &format!("channel {second} of 5.1"));
    }
    assert!(levels(&five, 6)[0] > 0.7, "it is loud");
}

#[tokio::test]
async fn mono_is_heard_on_both_sides_as_loud_as_it_was() {
    let bench = Bench::new();
    let arguments = "-f lavfi -i aevalsrc=0.5*sin(6283*t):d=2:s=44100 -c:a pcm_s16le";
    let made = bench.make(&film(bench.path(), "mono.wav", arguments)).await;
    assert_near(levels(&stereo(&made.join("audio")), 1), [0.5, 0.5], "mono");
}

#[tokio::test]
async fn sound_without_a_picture_gets_one_drawn_and_no_tiles() {
    let bench = Bench::new();
    let made = bench.make(&film(bench.path(), "song.mp3", "-f lavfi -i sine=d=3 -c:a libmp3lame")).await;
    assert_eq!(made.names(), ["audio"]);
    let poster = std::fs::read(made.output.join("poster.jpg")).expect("a poster");
    assert!(poster.starts_with(&[0xff, 0xd8]) && poster.len() > 4000, "{} bytes", poster.len());
    assert!(made.catalogue.poster.is_some() && made.catalogue.thumbnails_vtt().is_none());
}

/// A tone that begins at once, in a track that begins two seconds after the picture: passed through and encoded.
#[tokio::test]
async fn a_track_that_begins_late_is_heard_late() {
    for (name, codec) in [("late.mp4", "aac"), ("late.mkv", "libopus")] {
        let bench = Bench::new();
        let arguments = format!(
            "-f lavfi -i testsrc2=s=160x120:r=25:d=6 -itsoffset 2 -f lavfi -i sine=440:r=48000:d=3 \
             {QUICK_H264} -c:a {codec}"
        );
        let made = bench.make(&film(bench.path(), name, &arguments)).await;
        let begins = first_loud(&made, "audio", 1000);
        // Opus counts from 6.5 ms before its first sample.
        assert!(begins.abs_diff(2 * SECOND) <= 8 * 48, "{name}: heard at sample {begins}");
    }
}

/// Beside a picture, so that the sound's own beginning decides nothing. Not AAC in Matroska, which does not say how
/// many samples its encoder put before the first.
#[tokio::test]
async fn a_click_is_heard_to_the_millisecond_passed_through_or_encoded() {
    for (name, codec) in [("a.mp4", "aac"), ("a.mov", "pcm_s16le"), ("b.mkv", "libopus"), ("a.ts", "aac")] {
        let bench = Bench::new();
        let arguments = format!(
            "-f lavfi -i testsrc2=s=160x120:r=25:d=3 -f lavfi -i aevalsrc='0.9*between(t,1,1.002)':d=3:s=48000 \
             {QUICK_H264} -c:a {codec}"
        );
        let made = bench.make(&film(bench.path(), name, &arguments)).await;
        let click = first_loud(&made, "audio", 10_000);
        assert!(click.abs_diff(SECOND) <= 5 * 48, "{name}: the click is heard at sample {click}");
    }
}
