//! Sources made by GStreamer at test time: small, and each odd in one way.

use std::path::{Path, PathBuf};

use gstreamer as gst;
use gstreamer::prelude::*;

/// Runs a pipeline that ends in `{out}` until its end, and gives the file's path.
pub fn make(folder: &Path, name: &str, description: &str) -> PathBuf {
    gst::init().expect("GStreamer is installed");
    let path = folder.join(name);
    let sink = format!("filesink location=\"{}\"", path.display());
    let pipeline =
        gst::parse::launch(&description.replace("{out}", &sink)).expect("the elements are installed");
    pipeline.set_state(gst::State::Playing).expect("the pipeline starts");
    let bus = pipeline.bus().expect("a pipeline has a bus");
    let wanted = [gst::MessageType::Eos, gst::MessageType::Error];
    let ended =
        bus.timed_pop_filtered(gst::ClockTime::from_seconds(60), &wanted).expect("an end within a minute");
    pipeline.set_state(gst::State::Null).expect("the pipeline stops");
    if let gst::MessageView::Error(error) = ended.view() {
        panic!("{name} cannot be made: {} {:?}", error.error(), error.debug());
    }
    path
}

/// A moving ball with noise behind it would be slow to encode; a ball alone is enough to see motion.
pub fn picture(frames: u32, rate: u32, width: u32, height: u32, format: &str) -> String {
    format!(
        "videotestsrc num-buffers={frames} pattern=ball \
         ! video/x-raw,format={format},width={width},height={height},framerate={rate}/1"
    )
}

pub fn sound(seconds: u32) -> String {
    let buffers = seconds * 50;
    format!(
        "audiotestsrc num-buffers={buffers} samplesperbuffer=960 ! audio/x-raw,rate=48000,channels=2 ! audioconvert"
    )
}

/// What phones and editors make: H.264 High with B-frames, AAC-LC, index at the end.
pub fn h264_aac(folder: &Path, name: &str, seconds: u32, width: u32, height: u32) -> PathBuf {
    let (picture, sound) = (picture(seconds * 25, 25, width, height, "I420"), sound(seconds));
    make(
        folder,
        name,
        &format!(
            "{picture} ! x264enc speed-preset=veryfast key-int-max=50 ! h264parse ! queue ! mux. \
             {sound} ! avenc_aac ! aacparse ! queue ! mux. mp4mux name=mux ! {{out}}"
        ),
    )
}

/// Frames of a file's picture, as ffprobe counts them.
pub fn frames(path: &Path) -> usize {
    let arguments = ["-v", "error", "-count_packets", "-select_streams", "v:0", "-of", "csv=p=0"];
    let mut ffprobe = std::process::Command::new("ffprobe");
    let output = ffprobe.args(arguments).args(["-show_entries", "stream=nb_read_packets"]).arg(path).output();
    let said = String::from_utf8(output.expect("ffprobe is installed").stdout).expect("a number");
    said.trim().trim_end_matches(',').parse().expect("a number")
}

/// 16-bit mono silence of two seconds with one loud burst at exactly one second.
pub fn click_wav(folder: &Path) -> PathBuf {
    let samples: Vec<i16> =
        (0..96_000).map(|at| if (48_000..48_100).contains(&at) { 20_000 } else { 0 }).collect();
    let data: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let length = u32::try_from(data.len()).expect("a small file");
    let mut wav = Vec::new();
    wav.extend_from_slice(b"RIFF");
    wav.extend_from_slice(&(36 + length).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    wav.extend_from_slice(&48_000_u32.to_le_bytes());
    wav.extend_from_slice(&96_000_u32.to_le_bytes());
    wav.extend_from_slice(b"\x02\0\x10\0data");
    wav.extend_from_slice(&length.to_le_bytes());
    wav.extend_from_slice(&data);
    let path = folder.join("click.wav");
    std::fs::write(&path, wav).expect("a writable folder");
    path
}

/// The first part of a file under another name.
pub fn cut(path: &Path, share: f64) -> PathBuf {
    let bytes = std::fs::read(path).expect("a readable clip");
    let kept = (bytes.len() as f64 * share) as usize;
    let cut = path.with_file_name(format!("cut-{}", path.file_name().expect("a name").display()));
    std::fs::write(&cut, &bytes[..kept]).expect("a writable folder");
    cut
}

/// Writes a quarter turn into the first track of an MP4, as phones do (ISO/IEC 14496-12, 8.3.2).
pub fn turn(path: &Path) {
    let mut bytes = std::fs::read(path).expect("a readable clip");
    let header = bytes.windows(4).position(|window| window == b"tkhd").expect("a track");
    let matrix = header + 44;
    let turned: [u32; 9] = [0, 0x1_0000, 0, 0xffff_0000, 0, 0, 240 << 16, 0, 0x4000_0000];
    let values = turned.iter().flat_map(|value| value.to_be_bytes());
    bytes[matrix..matrix + 36].iter_mut().zip(values).for_each(|(byte, value)| *byte = value);
    std::fs::write(path, bytes).expect("a writable folder");
}
