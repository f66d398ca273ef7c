//! A source cut into parts of equal size, of which the last may be smaller: some stores take no others.

use std::{fs::File, io, os::unix::fs::FileExt, path::Path, sync::Arc};

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use tokio::task::spawn_blocking;

use super::super::{ObjectError, ObjectResult, Source};

/// Of a part, where the object is not too large for it.
pub(super) const PART_BYTES: usize = 8 << 20;
/// S3 takes no more parts in an object.
pub(super) const PARTS_LEN_MAX: u64 = 10_000;

pub(super) struct Parts {
    source: Source,
    part_bytes: usize,
    gathered: BytesMut,
    /// What came with the last piece beyond the end of its part.
    rest: Bytes,
    ended: bool,
}

impl Parts {
    pub(super) fn of(source: Source, part_bytes: usize) -> Self {
        Self { source, part_bytes, gathered: BytesMut::new(), rest: Bytes::new(), ended: false }
    }

    /// Of a file of a known length, in parts as large as they have to be.
    pub(super) fn of_file(file: File, len: u64) -> Self {
        let part_bytes = part_bytes(len);
        Self::of(pieces(Arc::new(file), len, part_bytes), part_bytes)
    }

    pub(super) fn part_bytes(&self) -> usize {
        self.part_bytes
    }

    /// The next part; `None` behind the last. May be dropped and asked again without loss.
    pub(super) async fn next(&mut self) -> ObjectResult<Option<Bytes>> {
        loop {
            if !self.rest.is_empty() {
                if self.gathered.is_empty() && self.rest.len() >= self.part_bytes {
                    return Ok(Some(self.rest.split_to(self.part_bytes)));
                }
                let wanted = (self.part_bytes - self.gathered.len()).min(self.rest.len());
                self.gathered.extend_from_slice(&self.rest.split_to(wanted));
            }
            if self.gathered.len() == self.part_bytes {
                return Ok(Some(self.gathered.split().freeze()));
            }
            if self.ended {
                let last = self.gathered.split().freeze();
                return Ok((!last.is_empty()).then_some(last));
            }
            match self.source.next().await {
                Some(piece) => self.rest = piece.map_err(ObjectError::Source)?,
                None => self.ended = true,
            }
        }
    }
}

/// So large that no object has too many parts; whole MiB, as stores like them.
pub(super) fn part_bytes(len: u64) -> usize {
    let needed = len.div_ceil(PARTS_LEN_MAX).next_multiple_of(1 << 20);
    usize::try_from(needed).unwrap_or(usize::MAX).max(PART_BYTES)
}

fn pieces(file: Arc<File>, len: u64, piece_bytes: usize) -> Source {
    Box::pin(stream::try_unfold(0, move |at| {
        let file = file.clone();
        async move {
            let wanted = (len - at).min(piece_bytes as u64);
            if wanted == 0 {
                return Ok(None);
            }
            let piece = spawn_blocking(move || read(&file, at, wanted)).await.map_err(io::Error::other)??;
            Ok(Some((piece, at + wanted)))
        }
    }))
}

fn read(file: &File, at: u64, len: u64) -> io::Result<Bytes> {
    let mut piece = vec![0; usize::try_from(len).map_err(io::Error::other)?];
    file.read_exact_at(&mut piece, at)?;
    Ok(piece.into())
}

/// A file to be put, and its length.
pub(super) async fn open(path: &Path) -> ObjectResult<(File, u64)> {
    let path = path.to_owned();
    let opened = spawn_blocking(move || {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        Ok((file, len))
    });
    opened.await.map_err(io::Error::other).flatten().map_err(ObjectError::Source)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn cut(pieces: Vec<&'static [u8]>, part_bytes: usize) -> Vec<Bytes> {
        let source = stream::iter(pieces.into_iter().map(|piece| Ok(Bytes::from_static(piece))));
        let mut parts = Parts::of(Box::pin(source), part_bytes);
        let mut cut = Vec::new();
        while let Some(part) = parts.next().await.unwrap() {
            cut.push(part);
        }
        cut
    }

    #[tokio::test]
    async fn parts_are_equal_but_the_last_however_the_pieces_come() {
        for pieces in [
            vec![&b"0123456789"[..]],
            vec![b"012", b"", b"3456", b"789"],
            vec![b"0123", b"4567", b"89"],
            vec![b"0", b"12345678", b"9"],
        ] {
            assert_eq!(cut(pieces, 4).await, ["0123", "4567", "89"]);
        }
        assert_eq!(cut(vec![b"01234567"], 4).await, ["0123", "4567"]);
        assert!(cut(vec![b"", b""], 4).await.is_empty());
    }

    #[tokio::test]
    async fn a_file_is_read_in_parts_and_must_not_become_shorter() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "x".repeat(PART_BYTES + 3)).unwrap();
        let (file, len) = open(&path).await.unwrap();
        let mut parts = Parts::of_file(file, len);
        assert_eq!(parts.next().await.unwrap().unwrap().len(), PART_BYTES);
        assert_eq!(parts.next().await.unwrap().unwrap(), "xxx");
        assert!(parts.next().await.unwrap().is_none());
        let mut longer = Parts::of_file(File::open(&path).unwrap(), len + 1);
        longer.next().await.unwrap();
        assert!(matches!(longer.next().await, Err(ObjectError::Source(_))));
    }

    #[test]
    fn the_largest_upload_fits_into_ten_thousand_parts() {
        for len in [0, 5, 80_000 << 20, (80_000 << 20) + 1, 1 << 40] {
            let part = part_bytes(len) as u64;
            assert!(part >= PART_BYTES as u64 && part * PARTS_LEN_MAX >= len, "{len}: {part}");
        }
    }
}
