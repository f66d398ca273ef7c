use std::io::Write;

use super::*;

fn check_bytes(bytes: &[u8], container: Container) -> Result<(), FailureCode> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    let limits = Limits { streams_max: 2, duration_max_ms: 10_000, ..Limits::default() };
    check(&mut file, container, &limits).map_err(|failure| failure.code)
}

fn iso(kind: &[u8; 4], payload: &[u8]) -> Vec<u8> {
    let size = u32::try_from(payload.len() + 8).unwrap();
    [&size.to_be_bytes()[..], kind, payload].concat()
}

fn movie(edits: &[(u32, u32)], tracks: usize) -> Vec<u8> {
    let header = [&[0; 12][..], &1000_u32.to_be_bytes(), &[0; 84]].concat();
    let count = u32::try_from(edits.len()).unwrap();
    let mut list = [&[0; 4][..], &count.to_be_bytes()].concat();
    for (duration, time) in edits {
        list.extend([&duration.to_be_bytes()[..], &time.to_be_bytes(), &[0, 1, 0, 0]].concat());
    }
    let track = iso(b"trak", &iso(b"edts", &iso(b"elst", &list)));
    let index = [iso(b"mvhd", &header), track.repeat(tracks)].concat();
    [iso(b"ftyp", b"isom\0\0\0\0"), iso(b"moov", &index)].concat()
}

#[test]
fn tracks_are_counted_before_a_decoder_is_opened_for_each() {
    assert_eq!(check_bytes(&movie(&[(6000, 0)], 2), Container::IsoBmff), Ok(()));
    assert_eq!(check_bytes(&movie(&[(6000, 0)], 3), Container::IsoBmff), Err(FailureCode::TooManyStreams));
    let matroska = |tracks: usize| {
        let entries = b"\xae\x81\0".repeat(tracks);
        let size = u8::try_from(entries.len()).unwrap() | 0x80;
        [b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\xff\xec\x81\0\x16\x54\xae\x6b".as_slice(), &[size], &entries]
            .concat()
    };
    assert_eq!(check_bytes(&matroska(2), Container::Matroska), Ok(()));
    assert_eq!(check_bytes(&matroska(3), Container::Matroska), Err(FailureCode::TooManyStreams));
    let page = [b"OggS\0\x02".as_slice(), &[0; 20], &[1, 3], b"abc"].concat();
    assert_eq!(check_bytes(&page.repeat(2), Container::Ogg), Ok(()));
    assert_eq!(check_bytes(&page.repeat(3), Container::Ogg), Err(FailureCode::TooManyStreams));
}

#[test]
fn edits_may_not_add_up_to_more_than_a_video_may_last() {
    assert_eq!(check_bytes(&movie(&[(5000, 0), (5000, 0)], 1), Container::IsoBmff), Ok(()));
    let looping = movie(&[(6000, 0), (5000, 0)], 1);
    assert_eq!(check_bytes(&looping, Container::IsoBmff), Err(FailureCode::TooLong));
    assert_eq!(check_bytes(&movie(&[(0, 0); 1001], 1), Container::IsoBmff), Err(FailureCode::Damaged));
}

#[test]
fn a_compressed_index_is_refused() {
    let packed = iso(b"moov", &iso(b"cmov", &[]));
    assert_eq!(check_bytes(&packed, Container::IsoBmff), Err(FailureCode::ContainerNotSupported));
}

#[test]
fn a_riff_file_shorter_than_it_says_is_cut_off_unless_it_was_written_to_a_pipe() {
    let wave = |size: u32| [b"RIFF".as_slice(), &size.to_le_bytes(), &[0; 100]].concat();
    assert_eq!(check_bytes(&wave(100), Container::Wav), Ok(()));
    assert_eq!(check_bytes(&wave(1000), Container::Wav), Err(FailureCode::Truncated));
    assert_eq!(check_bytes(&wave(u32::MAX), Container::Avi), Ok(()));
}

#[test]
fn what_ends_in_the_middle_is_left_to_the_demuxer() {
    for container in [Container::IsoBmff, Container::Matroska, Container::Ogg] {
        assert_eq!(check_bytes(b"", container), Ok(()), "{container:?}");
        assert_eq!(check_bytes(&movie(&[(6000, 0)], 1)[..70], container), Ok(()), "{container:?}");
    }
}
