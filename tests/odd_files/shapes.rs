//! Files that are whole and strange: too many tracks, tiny and gigantic pictures, streams that change or that nobody
//! can decode.

use playhouse::media::FailureCode::{CodecNotSupported, Damaged, TooLargePicture, TooManyStreams};

use crate::{
    boxes::{self, Node, at, boxes_of, patched},
    good::Good,
    table::{Odd, failed, ready},
};

pub fn tracks(good: &Good) -> Vec<Odd> {
    vec![
        failed("tracks.mp4", TooManyStreams, "three thousand tracks", with_tracks(&good.mp4, 3000)),
        failed("tracks-many.mp4", TooManyStreams, "a hundred tracks", with_tracks(&good.mp4, 100)),
        ready("tracks-sixty.mp4", "sixty-two tracks, two fewer than are allowed", with_tracks(&good.mp4, 60)),
        failed("tracks.ogg", TooManyStreams, "three thousand streams in an Ogg", ogg_streams(3000)),
        failed("tracks.mkv", TooManyStreams, "three thousand tracks in a Matroska", matroska_tracks(3000)),
        failed("no-tracks.mp4", Damaged, "an index without tracks", without_tracks(&good.mp4)),
    ]
}

fn with_tracks(file: &[u8], count: usize) -> Vec<u8> {
    let mut nodes = boxes::parse(file);
    let moov = boxes_of(at(&mut nodes, "moov"));
    let track = moov.iter().find(|node| &node.kind == b"trak").expect("a track").clone();
    for id in 0..count {
        let mut next = vec![track.clone()];
        let header = at(&mut next, "trak/tkhd");
        if let boxes::Content::Bytes(payload) = &mut header.content {
            let id = u32::try_from(id + 10).expect("a small number");
            payload[12..16].copy_from_slice(&id.to_be_bytes());
        }
        moov.append(&mut next);
    }
    boxes::write(&nodes)
}

/// First pages (RFC 3533) of as many Opus streams.
fn ogg_streams(count: u32) -> Vec<u8> {
    let page = |serial: u32| {
        let head = b"OpusHead\x01\x01\0\0\x80\xbb\0\0\0\0\0";
        let serial = serial.to_le_bytes();
        [b"OggS\0\x02\0\0\0\0\0\0\0\0".as_slice(), &serial, &[0; 8], &[1, 19], head].concat()
    };
    (0..count).flat_map(page).collect()
}

fn without_tracks(file: &[u8]) -> Vec<u8> {
    let mut nodes = boxes::parse(file);
    boxes_of(at(&mut nodes, "moov")).retain(|node| &node.kind != b"trak");
    boxes::write(&nodes)
}

/// An EBML element with an eight-byte size (RFC 8794).
fn element(id: &[u8], payload: &[u8]) -> Vec<u8> {
    let size = payload.len() as u64 | 1 << 56;
    [id, &size.to_be_bytes(), payload].concat()
}

fn matroska_tracks(count: u16) -> Vec<u8> {
    let head = element(&[0x1a, 0x45, 0xdf, 0xa3], &element(&[0x42, 0x82], b"matroska"));
    let video = element(&[0xe0], &[element(&[0xb0], &[160]), element(&[0xba], &[120])].concat());
    let track = |number: u16| {
        let number = (number + 1).to_be_bytes();
        let parts = [
            element(&[0xd7], &number),
            element(&[0x73, 0xc5], &number),
            element(&[0x83], &[1]),
            element(&[0x86], b"V_VP8"),
            video.clone(),
        ];
        element(&[0xae], &parts.concat())
    };
    let all: Vec<u8> = (0..count).flat_map(track).collect();
    let info =
        element(&[0x15, 0x49, 0xa9, 0x66], &element(&[0x2a, 0xd7, 0xb1], &1_000_000_u32.to_be_bytes()));
    let block = element(
        &[0xa3],
        &[&[0x81, 0, 0, 0x80][..], &[0x10, 0, 0, 0x9d, 0x01, 0x2a, 160, 0, 120, 0]].concat(),
    );
    let cluster = element(&[0x1f, 0x43, 0xb6, 0x75], &[element(&[0xe7], &[0]), block].concat());
    let segment = [info, element(&[0x16, 0x54, 0xae, 0x6b], &all), cluster].concat();
    [head, element(&[0x18, 0x53, 0x80, 0x67], &segment)].concat()
}

pub fn pictures(good: &Good) -> Vec<Odd> {
    vec![
        ready("pixel.mp4", "a picture of one pixel", good.pixel.clone()),
        failed(
            "huge.avi",
            TooLargePicture,
            "16,384 x 16,384 in every header of a small AVI",
            huge(&good.avi),
        ),
        ready("zero-size.mp4", "an index that says 0 x 0 around a good picture", sized(&good.faststart, 0)),
        failed(
            "huge-index.mp4",
            TooLargePicture,
            "an index that says 65,535 x 65,535 around a good picture",
            sized(&good.faststart, 0xffff),
        ),
        ready("zero-pixel.avi", "0 x 0 in every header of an AVI: its sound is left", resized(&good.avi, 0)),
    ]
}

fn huge(avi: &[u8]) -> Vec<u8> {
    resized(avi, 16_384)
}

/// The size in avih, strf and every JPEG's SOF0 written anew.
fn resized(avi: &[u8], side: u16) -> Vec<u8> {
    let mut bytes = avi.to_vec();
    let wide = u32::from(side).to_le_bytes();
    for (mark, offset) in [(b"avih", 8 + 32), (b"strf", 8 + 4)] {
        let at = avi.windows(4).position(|window| window == mark).expect("a header") + offset;
        bytes[at..at + 4].copy_from_slice(&wide);
        bytes[at + 4..at + 8].copy_from_slice(&wide);
    }
    let frames: Vec<usize> = avi
        .windows(4)
        .enumerate()
        .filter(|(_, window)| *window == [0xff, 0xc0, 0, 0x11])
        .map(|(at, _)| at)
        .collect();
    for at in frames {
        bytes[at + 5..at + 7].copy_from_slice(&side.to_be_bytes());
        bytes[at + 7..at + 9].copy_from_slice(&side.to_be_bytes());
    }
    bytes
}

fn sized(file: &[u8], side: u16) -> Vec<u8> {
    let size = [side.to_be_bytes(), [0, 0], side.to_be_bytes(), [0, 0]].concat();
    let headed = patched(file, "moov/trak/tkhd", 76, &size);
    let entry = [side.to_be_bytes(), side.to_be_bytes()].concat();
    patched(&headed, "moov/trak/mdia/minf/stbl/stsd", 8 + 8 + 24, &entry)
}

pub fn streams(good: &Good) -> Vec<Odd> {
    let renamed = patched(&good.faststart, "moov/trak/mdia/minf/stbl/stsd", 12, b"zzzz");
    let mut other = boxes::parse(&good.mp4);
    if let Node { content: boxes::Content::Bytes(handler), .. } = at(&mut other, "moov/trak/mdia/hdlr") {
        handler[8..12].copy_from_slice(b"text");
    }
    vec![
        failed("codec.mp4", CodecNotSupported, "a picture of a codec nobody knows, with sound", renamed),
        failed(
            "encrypted.mp4",
            CodecNotSupported,
            "an encrypted film (Common Encryption)",
            good.encrypted.clone(),
        ),
        ready("text-track.mp4", "a picture whose track says it is text, with sound", boxes::write(&other)),
        ready(
            "changes-size.ts",
            "a transport stream whose picture becomes larger in the middle",
            [&good.ts[..], &good.larger_ts].concat(),
        ),
        ready(
            "again.ts",
            "a transport stream that begins again in the middle",
            [&good.ts[..], &good.ts].concat(),
        ),
        ready("again.mp3", "an MP3 with another behind it", [&good.mp3[..], &good.mp3].concat()),
    ]
}
