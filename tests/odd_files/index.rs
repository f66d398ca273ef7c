//! MP4 and Matroska files whose index lies: sizes, durations, time scales, edit lists, boxes within boxes.

use playhouse::media::FailureCode::{
    ContainerNotSupported, Damaged, NotAVideo, TooLargeFile, TooLong, Truncated,
};

use crate::{
    boxes::{self, Node, at, boxes_of, changed, patched},
    good::Good,
    table::{Content, Odd, failed, ready},
};

const TRACK: &str = "moov/trak/mdia";
const TABLES: &str = "moov/trak/mdia/minf/stbl";

pub fn sizes(good: &Good) -> Vec<Odd> {
    let hole = 1_500_000_000_u64;
    vec![
        failed(
            "moov-size.mp4",
            Damaged,
            "an index that says it has 2 GB",
            resized(&good.faststart, *b"moov", 0x7fff_ffff),
        ),
        failed(
            "stsz-count.mp4",
            Damaged,
            "four billion sample sizes",
            patched(&good.faststart, &format!("{TABLES}/stsz"), 8, &[0xff; 4]),
        ),
        ready(
            "stts-count.mp4",
            "four billion sample times",
            patched(&good.faststart, &format!("{TABLES}/stts"), 4, &[0xff; 4]),
        ),
        failed(
            "stsc-chunks.mp4",
            Damaged,
            "samples of four billion a chunk",
            patched(&good.faststart, &format!("{TABLES}/stsc"), 12, &[0xff; 4]),
        ),
        ready(
            "mdat-size.mp4",
            "media data that says it has 4 GB",
            resized(&good.faststart, *b"mdat", 0xffff_fff0),
        ),
        ready(
            "segment-size.mkv",
            "a Matroska segment that says it has 72 PB",
            ebml(&good.mkv, [0x18, 0x53, 0x80, 0x67], &[0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe]),
        ),
        ready("riff-size.avi", "an AVI that says it has 4 GB", over(&good.avi, 4, &[0xff; 4])),
        ready(
            "data-size.wav",
            "a WAV that says it has 2 GB of sound, as one written to a pipe does",
            data_size(&good.wav),
        ),
        failed(
            "sparse-zeros.mp4",
            NotAVideo,
            "a gigabyte of nothing, sparse",
            Content { pieces: Vec::new(), length: 1 << 30 },
        ),
        failed(
            "sparse-huge.mp4",
            TooLargeFile,
            "a terabyte of nothing, sparse",
            Content { pieces: Vec::new(), length: 1 << 40 },
        ),
        ready(
            "sparse-behind.mp4",
            "an MP4 with 1.5 GB of hole behind it",
            Content { pieces: vec![(0, good.mp4.clone())], length: hole },
        ),
        ready(
            "sparse-within.mp4",
            "an MP4 with 1.5 GB of hole between its data and its index",
            holed(&good.mp4, hole),
        ),
    ]
}

fn over(bytes: &[u8], offset: usize, patch: &[u8]) -> Vec<u8> {
    let mut over = bytes.to_vec();
    over[offset..offset + patch.len()].copy_from_slice(patch);
    over
}

fn position(bytes: &[u8], mark: &[u8]) -> usize {
    bytes.windows(mark.len()).position(|window| window == mark).expect("the mark is there")
}

fn resized(file: &[u8], kind: [u8; 4], size: u32) -> Vec<u8> {
    over(file, position(file, &kind) - 4, &size.to_be_bytes())
}

/// Writes over the eight bytes of an element's size, or over its eight bytes of payload where it has a one-byte size.
fn ebml<const N: usize>(file: &[u8], id: [u8; N], patch: &[u8]) -> Vec<u8> {
    let at = position(file, &id) + N;
    let at = if file[at] == 0x88 { at + 1 } else { at };
    over(file, at, patch)
}

fn data_size(wav: &[u8]) -> Vec<u8> {
    over(wav, position(wav, b"data") + 4, &0x7fff_ff00_u32.to_le_bytes())
}

/// The media data grows by a hole, with a 64-bit size; the index comes behind it.
fn holed(file: &[u8], hole: u64) -> Content {
    let nodes = boxes::parse(file);
    let index = nodes.iter().position(|node| &node.kind == b"moov").expect("an index");
    let tail = boxes::write(&nodes[index..]);
    let mut front = boxes::write(&nodes[..index]);
    // ffmpeg leaves room for a 64-bit size: `free` of 8 bytes stands before `mdat`.
    let free = position(&front, b"free") - 4;
    let size = front.len() as u64 - free as u64 + hole;
    let header = [&1_u32.to_be_bytes()[..], b"mdat", &size.to_be_bytes()].concat();
    front[free..free + 16].copy_from_slice(&header);
    let at = front.len() as u64 + hole;
    Content { length: at + tail.len() as u64, pieces: vec![(0, front), (at, tail)] }
}

pub fn times(good: &Good) -> Vec<Odd> {
    let file = &good.faststart;
    let (movie, media) = ("moov/mvhd", format!("{TRACK}/mdhd"));
    let deltas = format!("{TABLES}/stts");
    let year = [0xff, 0xff, 0xff, 0xfe];
    vec![
        failed(
            "movie-duration.mp4",
            Damaged,
            "a movie header that says 49 days",
            patched(file, movie, 16, &[0xff, 0xff, 0xff, 0xfe]),
        ),
        failed(
            "media-duration.mp4",
            Damaged,
            "a track whose media say four days",
            patched(&no_edits(file), &media, 16, &year),
        ),
        failed(
            "movie-timescale-0.mp4",
            Damaged,
            "a movie header with no ticks a second",
            patched(file, movie, 12, &[0; 4]),
        ),
        failed(
            "media-timescale-0.mp4",
            Damaged,
            "a track with no ticks a second",
            patched(file, &media, 12, &[0; 4]),
        ),
        ready(
            "media-timescale-max.mp4",
            "a picture of four billion ticks a second, which no demuxer takes: its sound is left",
            patched(file, &media, 12, &[0xff; 4]),
        ),
        ready(
            "media-timescale-1.mp4",
            "a track with one tick a second",
            patched(file, &media, 12, &[0, 0, 0, 1]),
        ),
        failed(
            "no-deltas.mp4",
            Damaged,
            "all pictures at the same time",
            patched(file, &deltas, 12, &[0; 4]),
        ),
        ready(
            "huge-deltas.mp4",
            "each picture for two days, in an edit of six seconds",
            patched(file, &deltas, 12, &[0x7f, 0xff, 0xff, 0xff]),
        ),
        failed(
            "days-long.mp4",
            Damaged,
            "each picture for two days, without an edit list",
            patched(&no_edits(file), &deltas, 12, &[0x7f, 0xff, 0xff, 0xff]),
        ),
        ready(
            "no-rate.avi",
            "an AVI of zero pictures a second",
            over(&good.avi, position(&good.avi, b"strh") + 8 + 20, &[0; 8]),
        ),
    ]
}

pub fn lengths(good: &Good) -> Vec<Odd> {
    vec![
        ready(
            "duration-endless.mkv",
            "a Matroska that lasts for ever (infinity)",
            ebml(&good.mkv, [0x44, 0x89], &f64::INFINITY.to_be_bytes()),
        ),
        ready(
            "duration-huge.mkv",
            "a Matroska of three thousand years",
            ebml(&good.mkv, [0x44, 0x89], &1e14_f64.to_be_bytes()),
        ),
        ready(
            "duration-negative.mkv",
            "a Matroska that ends before it begins",
            ebml(&good.mkv, [0x44, 0x89], &(-5000.0_f64).to_be_bytes()),
        ),
    ]
}

fn no_edits(file: &[u8]) -> Vec<u8> {
    let mut nodes = boxes::parse(file);
    let moov = boxes_of(at(&mut nodes, "moov"));
    for track in moov.iter_mut().filter(|node| &node.kind == b"trak") {
        boxes_of(track).retain(|node| &node.kind != b"edts");
    }
    boxes::write(&nodes)
}

pub fn edits(good: &Good) -> Vec<Odd> {
    let whole = (6000, 0, 1);
    vec![
        ready("edits-twice.mp4", "an edit list that plays the film twice", edited(good, &[whole, whole])),
        failed(
            "edits-loop.mp4",
            Damaged,
            "an edit list that plays the film ten thousand times",
            edited(good, &[whole; 10_000]),
        ),
        failed(
            "edits-hours.mp4",
            TooLong,
            "an edit list of eight hundred edits of a minute",
            edited(good, &[(60_000, 0, 1); 800]),
        ),
        ready(
            "edits-short.mp4",
            "an edit list of a thousand edits of one millisecond",
            edited(good, &[(1, 0, 1); 1000]),
        ),
        failed(
            "edits-delay.mp4",
            TooLong,
            "an empty edit of a month before the film",
            edited(good, &[(0x9fff_ffff, -1, 1), whole]),
        ),
        ready("edits-still.mp4", "an edit that stands still (rate 0)", edited(good, &[(6000, 0, 0)])),
        failed(
            "edits-behind.mp4",
            Damaged,
            "an edit that begins behind the end of the film",
            edited(good, &[(6000, 0x7fff_ffff, 1)]),
        ),
    ]
}

/// The picture's edit list written anew: (duration in ms, media time in ticks, rate).
fn edited(good: &Good, edits: &[(u32, i32, i16)]) -> Vec<u8> {
    changed(&good.mp4, "moov/trak/edts/elst", |payload| {
        let count = u32::try_from(edits.len()).expect("a short list");
        *payload = [&[0; 4][..], &count.to_be_bytes()].concat();
        for (duration, time, rate) in edits {
            payload.extend(duration.to_be_bytes());
            payload.extend(time.to_be_bytes());
            payload.extend(rate.to_be_bytes());
            payload.extend([0; 2]);
        }
    })
}

pub fn nested(good: &Good) -> Vec<Odd> {
    let ftyp = b"\0\0\0\x18ftypisom\0\0\0\0isommp42".as_slice();
    let level = |above: u32| [&(8 * (20_000 - above)).to_be_bytes()[..], b"moov"].concat();
    let deep: Vec<u8> = (0..20_000).flat_map(level).collect();
    let itself = [ftyp, b"\0\0\0\0moov", &[0; 64]].concat();
    // A compressed index (QuickTime): says it unpacks to 4 GB.
    let packed = [&0xffff_fff0_u32.to_be_bytes()[..], b"\x78\x9c\x03\x00\x00\x00\x00\x01"].concat();
    let packed = Node::boxes(
        b"moov",
        vec![Node::bytes(
            b"cmov",
            boxes::write(&[Node::bytes(b"dcom", *b"zlib"), Node::bytes(b"cmvd", packed)]),
        )],
    );
    let clusters =
        good.mkv[..4000].iter().copied().chain([0x1f, 0x43, 0xb6, 0x75].repeat(50_000)).collect::<Vec<u8>>();
    vec![
        failed("shell.mp4", Damaged, "an MP4 header and nothing else", ftyp.to_vec()),
        failed("deep.mp4", Damaged, "twenty thousand boxes within one another", [ftyp, &deep].concat()),
        failed("endless-box.mp4", Damaged, "an index of no stated size with nothing in it", itself),
        failed(
            "packed-index.mov",
            ContainerNotSupported,
            "a compressed index that says it unpacks to 4 GB",
            [ftyp, &boxes::write(&[packed])].concat(),
        ),
        failed("clusters.mkv", Truncated, "fifty thousand beginnings of clusters", clusters),
    ]
}
