//! The gate before anything decodes: which container a file's first bytes say, out of a short list. A text
//! that names other files or addresses (a playlist, an MPD, an SDP) is none of them, whatever it is called.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::Path,
};

use super::{
    failure::{Failure, FailureCode},
    index,
    limits::Limits,
    probe::Container,
};

const HEAD_BYTES: usize = 64 * 1024;
const TS_PACKET_BYTES: usize = 188;

/// Opens the file, checks its size and what it claims of itself, and says what it is.
pub fn sniff(source: &Path, limits: &Limits) -> Result<Container, Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::new(FailureCode::SourceUnreadable, format!("the uploaded file cannot be read: {error}"))
    };
    let mut file = File::open(source).map_err(unreadable)?;
    let size_bytes = file.metadata().map_err(unreadable)?.len();
    check_size(size_bytes, limits)?;
    let mut head = read_head(&mut file).map_err(unreadable)?;
    if let Some(after) = id3_bytes(&head) {
        file.seek(SeekFrom::Start(after)).map_err(unreadable)?;
        head = read_head(&mut file).map_err(unreadable)?;
        return mpeg_audio(&head).ok_or_else(|| unknown(&head));
    }
    let container = container_of(&head).ok_or_else(|| unknown(&head))?;
    index::check(&mut file, container, limits)?;
    Ok(container)
}

fn check_size(size_bytes: u64, limits: &Limits) -> Result<(), Failure> {
    if size_bytes == 0 {
        return Err(Failure::new(FailureCode::Empty, "the file is empty: upload it again"));
    }
    if size_bytes > limits.size_max_bytes {
        let detail =
            format!("the file has {size_bytes} bytes and at most {} are allowed", limits.size_max_bytes);
        return Err(Failure::new(FailureCode::TooLargeFile, detail));
    }
    Ok(())
}

fn read_head(file: &mut File) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    file.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// What the first bytes of a file say, an ID3 tag before a sound aside.
pub fn container_of(head: &[u8]) -> Option<Container> {
    match head {
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => Some(Container::IsoBmff),
        // Old QuickTime files have no ftyp.
        [_, _, _, _, b'm', b'o', b'o', b'v', ..] | [_, _, _, _, b'm', b'd', b'a', b't', ..] => {
            Some(Container::IsoBmff)
        }
        [_, _, _, _, b'w', b'i', b'd', b'e', ..] => Some(Container::IsoBmff),
        [0x1a, 0x45, 0xdf, 0xa3, ..] => Some(Container::Matroska),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'A', b'V', b'I', b' ', ..] => Some(Container::Avi),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => Some(Container::Wav),
        [0x00, 0x00, 0x01, 0xba, ..] => Some(Container::MpegPs),
        [b'F', b'L', b'V', 0x01, ..] => Some(Container::Flv),
        [b'O', b'g', b'g', b'S', ..] => Some(Container::Ogg),
        _ => transport_stream(head).or_else(|| mpeg_audio(head)),
    }
}

/// Four packets in a row, plain or with the four time bytes of M2TS.
fn transport_stream(head: &[u8]) -> Option<Container> {
    let synced =
        |offset: usize, stride: usize| (0..4).all(|packet| head.get(offset + packet * stride) == Some(&0x47));
    (synced(0, TS_PACKET_BYTES) || synced(4, TS_PACKET_BYTES + 4)).then_some(Container::MpegTs)
}

/// Two frames in a row whose first header says where the second must be.
fn mpeg_audio(head: &[u8]) -> Option<Container> {
    if let Some(length) = adts_bytes(head) {
        return head.get(length..).and_then(adts_bytes).map(|_| Container::Adts);
    }
    let length = layer3_bytes(head)?;
    head.get(length..).and_then(layer3_bytes).map(|_| Container::Mp3)
}

fn adts_bytes(head: &[u8]) -> Option<usize> {
    let [0xff, second, _, fourth, fifth, sixth, ..] = *head else { return None };
    let length = usize::from(fourth & 3) << 11 | usize::from(fifth) << 3 | usize::from(sixth) >> 5;
    (second & 0xf6 == 0xf0 && length > 7).then_some(length)
}

/// ISO/IEC 11172-3, 2.4.1.3 and 13818-3: the length of a layer III frame.
fn layer3_bytes(head: &[u8]) -> Option<usize> {
    const KBPS_1: [usize; 15] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
    const KBPS_2: [usize; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
    const RATES: [usize; 3] = [44_100, 48_000, 32_000];
    let [0xff, second, third, ..] = *head else { return None };
    if second & 0xe6 != 0xe2 {
        return None;
    }
    let rate = *RATES.get(usize::from(third >> 2 & 3))?;
    let (kbps, rate, scale) = match second >> 3 & 3 {
        3 => (KBPS_1, rate, 144),
        2 => (KBPS_2, rate / 2, 72),
        0 => (KBPS_2, rate / 4, 72),
        _ => return None,
    };
    let bitrate = *kbps.get(usize::from(third >> 4)).filter(|kbps| **kbps > 0)? * 1000;
    Some(scale * bitrate / rate + usize::from(third >> 1 & 1))
}

/// Where the first frame after an ID3v2 tag lies.
fn id3_bytes(head: &[u8]) -> Option<u64> {
    let [b'I', b'D', b'3', _, _, flags, a, b, c, d, ..] = *head else { return None };
    let size = [a, b, c, d].iter().fold(0_u64, |size, byte| size << 7 | u64::from(byte & 0x7f));
    let footer = if flags & 0x10 != 0 { 10 } else { 0 };
    Some(10 + size + footer)
}

/// Says what the file is instead, where that helps.
fn unknown(head: &[u8]) -> Failure {
    let text = head.iter().take(512).all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
    let unsupported = |what: &str| {
        let detail = format!(
            "the file is {what}: upload an MP4, MOV, MKV, WebM, AVI, MPEG-TS, MPEG-PS, FLV or Ogg file"
        );
        Failure::new(FailureCode::ContainerNotSupported, detail)
    };
    match head {
        _ if head.starts_with(b"#EXTM3U") => unsupported("a playlist and not a video"),
        [0x30, 0x26, 0xb2, 0x75, ..] => unsupported("Windows Media"),
        [b'P', b'K', 3, 4, ..] => unsupported("a ZIP archive"),
        _ if head.starts_with(b"%PDF") => unsupported("a PDF document"),
        [0x89, b'P', b'N', b'G', ..] | [0xff, 0xd8, 0xff, ..] | [b'G', b'I', b'F', b'8', ..] => {
            unsupported("a picture and not a video")
        }
        _ if text => Failure::new(FailureCode::NotAVideo, "the file is text and not a video"),
        _ => Failure::new(FailureCode::NotAVideo, "the file is not a video of any known kind"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ts() -> Vec<u8> {
        let mut packets = vec![0_u8; TS_PACKET_BYTES * 4];
        packets.iter_mut().step_by(TS_PACKET_BYTES).for_each(|byte| *byte = 0x47);
        packets
    }

    #[test]
    fn each_container_is_known_by_its_first_bytes() {
        let mp3 = [&[0xff, 0xfb, 0x90, 0x00][..], &[0; 413], &[0xff, 0xfb, 0x90, 0x00]].concat();
        let cases: Vec<(Vec<u8>, Container)> = vec![
            (b"\0\0\0\x20ftypisom".to_vec(), Container::IsoBmff),
            (b"\0\0\0\x08wide\0\0\0\0mdat".to_vec(), Container::IsoBmff),
            (b"\x1a\x45\xdf\xa3rest".to_vec(), Container::Matroska),
            (b"RIFF\0\0\0\0AVI LIST".to_vec(), Container::Avi),
            (b"RIFF\0\0\0\0WAVEfmt ".to_vec(), Container::Wav),
            (b"\x00\x00\x01\xba\x44".to_vec(), Container::MpegPs),
            (b"FLV\x01\x05".to_vec(), Container::Flv),
            (b"OggS\0".to_vec(), Container::Ogg),
            (ts(), Container::MpegTs),
            (mp3, Container::Mp3),
        ];
        for (head, expected) in cases {
            assert_eq!(container_of(&head), Some(expected), "{expected:?}");
        }
    }

    #[test]
    fn what_names_other_files_is_refused_in_plain_words() {
        for (text, code) in [
            ("#EXTM3U\nhttp://127.0.0.1/x.ts\n", FailureCode::ContainerNotSupported),
            ("<?xml version=\"1.0\"?><MPD>", FailureCode::NotAVideo),
            ("v=0\no=- 0 0 IN IP4 127.0.0.1\n", FailureCode::NotAVideo),
            ("\x7fELF\x02\x01\x01\0", FailureCode::NotAVideo),
            ("G\nhttp://x", FailureCode::NotAVideo),
        ] {
            assert_eq!(container_of(text.as_bytes()), None, "{text}");
            assert_eq!(unknown(text.as_bytes()).code, code, "{text}");
        }
    }

    #[test]
    fn a_playlist_behind_an_id3_tag_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("song.mp3");
        let tag =
            [b"ID3\x04\0\0\0\0\0\x04".as_slice(), &[0; 4], b"#EXTM3U\nhttp://127.0.0.1/x.ts\n"].concat();
        std::fs::write(&path, tag).unwrap();
        let failure = sniff(&path, &Limits::default()).unwrap_err();
        assert_eq!(failure.code, FailureCode::ContainerNotSupported);
    }

    #[test]
    fn an_empty_file_and_one_too_large_are_refused_by_size() {
        let limits = Limits { size_max_bytes: 10, ..Limits::default() };
        assert_eq!(check_size(0, &limits).unwrap_err().code, FailureCode::Empty);
        assert_eq!(check_size(11, &limits).unwrap_err().code, FailureCode::TooLargeFile);
        assert!(check_size(10, &limits).is_ok());
    }
}
