//! The good clips that odd files are made from: six seconds, 160x120, a tone; one ffmpeg command writes them all.

use std::{fs, path::Path, process::Command};

/// Bytes of one clip in each container.
pub struct Good {
    pub mp4: Vec<u8>,
    pub faststart: Vec<u8>,
    pub fragmented: Vec<u8>,
    pub mov: Vec<u8>,
    pub mkv: Vec<u8>,
    pub webm: Vec<u8>,
    pub ts: Vec<u8>,
    pub ps: Vec<u8>,
    pub avi: Vec<u8>,
    pub flv: Vec<u8>,
    pub ogv: Vec<u8>,
    pub mp3: Vec<u8>,
    pub wav: Vec<u8>,
    pub aac: Vec<u8>,
    pub m4a: Vec<u8>,
    pub encrypted: Vec<u8>,
    /// One pixel, two seconds.
    pub pixel: Vec<u8>,
    /// Another size than the others, so that a stream can change in the middle.
    pub larger_ts: Vec<u8>,
}

const H264: &str = "-c:v libx264 -preset ultrafast -g 24 -x264-params threads=1 -pix_fmt yuv420p";

pub fn make(folder: &Path) -> Good {
    let outputs = [
        ("a.mp4", format!("-map 0 -map 1 {H264} -c:a aac")),
        ("faststart.mp4", format!("-map 0 -map 1 {H264} -c:a aac -movflags +faststart")),
        ("fragmented.mp4", format!("-map 0 -map 1 {H264} -c:a aac -movflags +frag_keyframe+empty_moov")),
        ("a.mov", format!("-map 0 -map 1 {H264} -c:a pcm_s16le")),
        ("a.mkv", format!("-map 0 -map 1 {H264} -c:a aac")),
        ("a.webm", "-map 0 -map 1 -c:v libvpx -deadline realtime -cpu-used 8 -c:a libopus".to_owned()),
        ("a.ts", format!("-map 0 -map 1 {H264} -c:a aac")),
        ("a.mpg", "-map 0 -map 1 -r 25 -c:v mpeg2video -c:a mp2 -f vob".to_owned()),
        ("a.avi", "-map 0 -map 1 -c:v mjpeg -pix_fmt yuvj420p -c:a pcm_s16le".to_owned()),
        ("a.flv", format!("-map 0 -map 1 {H264} -c:a aac")),
        ("a.ogv", "-map 0 -map 1 -c:v libtheora -c:a libvorbis".to_owned()),
        ("a.mp3", "-map 1 -c:a libmp3lame -b:a 64k".to_owned()),
        ("a.wav", "-map 1 -c:a pcm_s16le".to_owned()),
        ("a.aac", "-map 1 -c:a aac".to_owned()),
        ("a.m4a", "-map 1 -c:a aac".to_owned()),
        (
            "encrypted.mp4",
            format!(
                "-map 0 -map 1 {H264} -c:a aac -encryption_scheme cenc-aes-ctr \
                 -encryption_key 76a6c65c5ea762046bd749a2e632ccbb -encryption_kid a7e61c373e219033c21091fa607bf3b8"
            ),
        ),
        ("pixel.mp4", "-map 0 -t 2 -vf scale=1:1 -c:v mpeg4 -pix_fmt yuv420p".to_owned()),
        ("larger.ts", format!("-map 0 -map 1 -s 320x240 {H264} -c:a aac")),
    ];
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-f", "lavfi", "-i", "testsrc2=s=160x120:r=12:d=6"]);
    ffmpeg.args(["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=6"]);
    for (name, arguments) in &outputs {
        ffmpeg.args(arguments.split_whitespace()).args(["-fflags", "+bitexact", "-flags", "+bitexact"]);
        ffmpeg.arg(folder.join(name));
    }
    let made = ffmpeg.output().expect("ffmpeg is installed");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let read = |name: &str| fs::read(folder.join(name)).expect("a clip");
    Good {
        mp4: read("a.mp4"),
        faststart: read("faststart.mp4"),
        fragmented: read("fragmented.mp4"),
        mov: read("a.mov"),
        mkv: read("a.mkv"),
        webm: read("a.webm"),
        ts: read("a.ts"),
        ps: read("a.mpg"),
        avi: read("a.avi"),
        flv: read("a.flv"),
        ogv: read("a.ogv"),
        mp3: read("a.mp3"),
        wav: read("a.wav"),
        aac: read("a.aac"),
        m4a: read("a.m4a"),
        encrypted: read("encrypted.mp4"),
        pixel: read("pixel.mp4"),
        larger_ts: read("larger.ts"),
    }
}
