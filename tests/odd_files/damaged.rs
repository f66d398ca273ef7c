//! Files that lost their end, and files with bits that fell over.

use playhouse::media::FailureCode::{Damaged, Empty, NotAVideo, Truncated};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::{
    good::Good,
    table::{Odd, failed, ready},
};

fn cut(bytes: &[u8], percent: usize) -> Vec<u8> {
    bytes[..bytes.len() * percent / 100].to_vec()
}

pub fn cut_off(good: &Good) -> Vec<Odd> {
    vec![
        failed("cut.mp4", Damaged, "MP4 with its index at the end, cut at 60 %", cut(&good.mp4, 60)),
        failed(
            "cut-faststart.mp4",
            Truncated,
            "MP4 with its index first, cut at 40 %",
            cut(&good.faststart, 40),
        ),
        failed(
            "cut-in-index.mp4",
            Damaged,
            "MP4 with its index first, cut after 600 bytes",
            good.faststart[..600].to_vec(),
        ),
        ready(
            "cut-fragmented.mp4",
            "fragmented MP4, cut at 50 %: each fragment declares itself",
            cut(&good.fragmented, 50),
        ),
        failed("cut.mov", Damaged, "QuickTime with its index at the end, cut at 60 %", cut(&good.mov, 60)),
        failed("cut.mkv", Truncated, "Matroska, cut at 40 %", cut(&good.mkv, 40)),
        failed("cut-in-header.mkv", NotAVideo, "Matroska, cut after 60 bytes", good.mkv[..60].to_vec()),
        failed("cut.webm", Truncated, "WebM, cut at 40 %", cut(&good.webm, 40)),
        ready("cut.ts", "transport stream, cut at 50 %: a recording may end anywhere", cut(&good.ts, 50)),
        ready("cut.mpg", "program stream, cut at 50 %: likewise", cut(&good.ps, 50)),
        failed("cut.avi", Truncated, "AVI, cut at 40 %", cut(&good.avi, 40)),
        failed("cut.flv", Truncated, "Flash video, cut at 40 %", cut(&good.flv, 40)),
        ready("cut.ogv", "Ogg, cut at 50 %: pages declare nothing", cut(&good.ogv, 50)),
        ready("cut.mp3", "MP3, cut at 40 %: frames declare nothing", cut(&good.mp3, 40)),
        failed("cut.wav", Truncated, "WAV, cut at 40 %", cut(&good.wav, 40)),
        ready("cut.aac", "ADTS, cut at 50 %", cut(&good.aac, 50)),
        failed("cut.m4a", Damaged, "M4A with its index at the end, cut at 60 %", cut(&good.m4a, 60)),
        failed("empty.mp4", Empty, "no byte", Vec::new()),
        failed("one-byte.mp4", NotAVideo, "one byte", vec![0]),
    ]
}

/// Turns `count` bits over, between two places of the file; the seed is the file's own.
fn flip(bytes: &[u8], seed: u64, count: usize, range: std::ops::Range<usize>) -> Vec<u8> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut flipped = bytes.to_vec();
    for _ in 0..count {
        flipped[random.random_range(range.clone())] ^= 1 << random.random_range(0..8);
    }
    flipped
}

/// Sets bit 31 of the presentation time of the 20th PES packet of the picture (ISO/IEC 13818-1, 2.4.3.6).
fn late_picture(ts: &[u8]) -> Vec<u8> {
    let mut bytes = ts.to_vec();
    let mut starts = ts.windows(4).enumerate().filter(|(_, window)| *window == [0, 0, 1, 0xe0]);
    let (at, _) = starts.nth(20).expect("a film of 72 pictures");
    bytes[at + 9] ^= 0x04;
    bytes
}

pub fn flipped(good: &Good) -> Vec<Odd> {
    let index = 40..2000;
    let data = good.faststart.len() / 3..good.faststart.len();
    vec![
        failed(
            "index-flips-1.mp4",
            Damaged,
            "60 bits fell over in the index",
            flip(&good.faststart, 1, 60, index.clone()),
        ),
        failed("index-flips-2.mp4", Damaged, "60 other bits", flip(&good.faststart, 2, 60, index.clone())),
        failed("index-flips-3.mp4", Damaged, "6 bits", flip(&good.faststart, 3, 6, index)),
        ready(
            "data-flips.mp4",
            "300 bits fell over in pictures and sound",
            flip(&good.faststart, 4, 300, data),
        ),
        failed(
            "head-flips.mkv",
            Damaged,
            "20 bits fell over in the first 400 bytes",
            flip(&good.mkv, 5, 20, 40..400),
        ),
        ready(
            "data-flips.mkv",
            "100 bits fell over in pictures and sound",
            flip(&good.mkv, 6, 100, 4000..good.mkv.len()),
        ),
        failed(
            "flips.ts",
            Damaged,
            "200 bits fell over anywhere in a transport stream",
            flip(&good.ts, 7, 200, 188..good.ts.len()),
        ),
        failed(
            "clock.ts",
            Damaged,
            "a picture of a transport stream that says it comes in nine hours",
            late_picture(&good.ts),
        ),
        ready(
            "flips.avi",
            "50 bits fell over behind the header of an AVI",
            flip(&good.avi, 8, 50, 6000..good.avi.len()),
        ),
    ]
}
