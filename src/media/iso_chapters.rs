//! Chapters of an MP4, which GStreamer 1.22 passes over: the list that Nero began and ffmpeg, HandBrake and others write
//! (`moov/udta/chpl`: a version, a count, and for each chapter its start in units of 100 ns and its title). Reads a few
//! box headers and one small box; whatever does not fit means that there are none.

use std::io::{Read, Seek, SeekFrom};

use crate::domain::chapter::{CHAPTERS_MAX, Chapter, title};

const BOXES_MAX: usize = 1_000;
const LIST_BYTES_MAX: u64 = 64 << 10;

pub fn chapters(mut file: impl Read + Seek) -> Vec<Chapter> {
    list(&mut file).map(|list| parse(&list)).unwrap_or_default()
}

fn list(file: &mut (impl Read + Seek)) -> Option<Vec<u8>> {
    let end = file.seek(SeekFrom::End(0)).ok()?;
    let mut place = (0, end);
    for name in [b"moov", b"udta", b"chpl"] {
        place = find(file, place, name)?;
    }
    let (start, end) = place;
    file.seek(SeekFrom::Start(start)).ok()?;
    let mut bytes = Vec::new();
    file.take((end - start).min(LIST_BYTES_MAX)).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// The inside of the first box of this name between two places.
fn find(file: &mut (impl Read + Seek), (mut at, end): (u64, u64), name: &[u8; 4]) -> Option<(u64, u64)> {
    for _ in 0..BOXES_MAX {
        file.seek(SeekFrom::Start(at)).ok()?;
        let mut head = [0; 8];
        file.read_exact(&mut head).ok()?;
        let [a, b, c, d, kind @ ..] = head;
        let (header, size) = match u32::from_be_bytes([a, b, c, d]) {
            0 => (8, end - at),
            1 => {
                let mut size = [0; 8];
                file.read_exact(&mut size).ok()?;
                (16, u64::from_be_bytes(size))
            }
            size => (8, u64::from(size)),
        };
        let next = at.checked_add(size).filter(|next| size >= header && *next <= end)?;
        if kind == *name {
            return Some((at + header, next));
        }
        at = next;
    }
    None
}

fn parse(list: &[u8]) -> Vec<Chapter> {
    let Some(version) = list.first() else { return Vec::new() };
    let header = if *version == 0 { 4 } else { 8 };
    // Then the count, a byte, which what follows says as well.
    let mut rest = list.get(header + 1..).unwrap_or_default();
    let mut chapters = Vec::new();
    while let Some((start, after)) = rest.split_first_chunk::<8>() {
        let Some((length, after)) = after.split_first() else { break };
        let Some((text, after)) = after.split_at_checked(usize::from(*length)) else { break };
        let title = title(&String::from_utf8_lossy(text));
        if let Some(title) = title.filter(|_| chapters.len() < CHAPTERS_MAX) {
            chapters.push(Chapter { start_ms: u64::from_be_bytes(*start) / 10_000, title });
        }
        rest = after;
    }
    chapters
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn boxed(name: &[u8; 4], inside: &[u8]) -> Vec<u8> {
        let size = u32::try_from(inside.len() + 8).unwrap().to_be_bytes();
        [&size[..], name, inside].concat()
    }

    fn list() -> Vec<u8> {
        let chapter = |start_s: u64, title: &str| {
            let length = u8::try_from(title.len()).unwrap();
            [&(start_s * 10_000_000).to_be_bytes()[..], &[length], title.as_bytes()].concat()
        };
        [&[1, 0, 0, 0, 0, 0, 0, 0, 2][..], &chapter(0, "Eins"), &chapter(61, "Zwei")].concat()
    }

    #[test]
    fn the_list_is_found_behind_other_boxes() {
        let udta = boxed(b"udta", &[boxed(b"meta", &[0; 20]), boxed(b"chpl", &list())].concat());
        let moov = boxed(b"moov", &[boxed(b"mvhd", &[0; 100]), udta].concat());
        let file = [boxed(b"ftyp", b"isom"), boxed(b"mdat", &[7; 300]), moov].concat();
        let found = chapters(Cursor::new(file));
        let found: Vec<_> = found.iter().map(|chapter| (chapter.start_ms, chapter.title.as_str())).collect();
        assert_eq!(found, [(0, "Eins"), (61_000, "Zwei")]);
    }

    #[test]
    fn what_does_not_fit_is_no_list() {
        let whole = boxed(b"moov", &boxed(b"udta", &boxed(b"chpl", &list())));
        for cut in 0..whole.len() {
            chapters(Cursor::new(whole[..cut].to_vec()));
        }
        for file in
            [vec![], vec![0; 64], boxed(b"moov", b""), [&[0, 0, 0, 1][..], b"moov", &[255; 8]].concat()]
        {
            assert_eq!(chapters(Cursor::new(file)), []);
        }
    }
}
