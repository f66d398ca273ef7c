//! Memory in which an upload gathers before a write: large for who sends fast, and aligned as devices want it.

use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::time::Instant;

/// A multiple of what any device and file system here asks of memory, lengths and offsets (`open(2)`, `O_DIRECT`).
pub(super) const ALIGNMENT: usize = 4096;
const SMALLEST_LEN: usize = 64 * 1024;
/// An upload has at most two of these in memory.
const LARGEST_LEN: usize = 1024 * 1024;
/// A block that fills faster is followed by a larger one, until a write costs more than its call.
const QUICK: Duration = Duration::from_millis(20);
const SLOW: Duration = Duration::from_secs(1);

pub(super) struct Block {
    memory: Vec<u8>,
    begin: usize,
    filled: usize,
    /// Where it counts as full.
    full: usize,
    since: Instant,
}

impl Block {
    /// For what goes to this offset of a file.
    pub(super) fn first(offset: u64) -> Self {
        Self::new(SMALLEST_LEN).at(offset)
    }

    fn new(len: usize) -> Self {
        let memory = vec![0; len + ALIGNMENT];
        let begin = memory.as_ptr().addr().wrapping_neg() % ALIGNMENT;
        Self { memory, begin, filled: 0, full: len, since: Instant::now() }
    }

    /// Empty, and full once the file's offset is aligned again.
    fn at(mut self, offset: u64) -> Self {
        let beyond = (offset % ALIGNMENT as u64) as usize;
        (self.filled, self.full, self.since) = (0, self.len() - beyond, Instant::now());
        self
    }

    /// The one after this for what goes to `offset`: the spare one, if it is as large as it should be.
    pub(super) fn next(&self, offset: u64, spare: Option<Self>) -> Self {
        let len = len_after(self.len(), self.since.elapsed());
        spare.filter(|spare| spare.len() == len).unwrap_or_else(|| Self::new(len)).at(offset)
    }

    fn len(&self) -> usize {
        self.memory.len() - ALIGNMENT
    }

    /// Takes as much of a piece as there is room for.
    pub(super) fn take(&mut self, piece: &mut Bytes) {
        let taken = piece.len().min(self.full - self.filled);
        let at = self.begin + self.filled;
        piece.copy_to_slice(&mut self.memory[at..at + taken]);
        self.filled += taken;
    }

    pub(super) fn is_full(&self) -> bool {
        self.filled == self.full
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.memory[self.begin..self.begin + self.filled]
    }
}

/// How long the next block is, by how long this one took to fill.
fn len_after(len: usize, took: Duration) -> usize {
    match took {
        took if took < QUICK => (len * 2).min(LARGEST_LEN),
        took if took > SLOW => (len / 2).max(SMALLEST_LEN),
        _ => len,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(block: &mut Block) {
        block.take(&mut Bytes::from(vec![7; LARGEST_LEN]));
        assert!(block.is_full());
    }

    #[test]
    fn it_grows_with_a_fast_sender_and_shrinks_with_a_slow_one() {
        let after =
            |len_kib: usize, took_ms| len_after(len_kib * 1024, Duration::from_millis(took_ms)) / 1024;
        assert_eq!([after(64, 1), after(512, 19), after(1024, 1)], [128, 1024, 1024]);
        assert_eq!([after(64, 20), after(512, 1000)], [64, 512]);
        assert_eq!([after(64, 1001), after(512, 2000)], [64, 256]);
    }

    #[test]
    fn it_begins_aligned_and_ends_where_the_file_is_aligned() {
        let mut block = Block::first(10_000);
        fill(&mut block);
        assert_eq!(block.bytes().as_ptr().addr() % ALIGNMENT, 0);
        assert_eq!((10_000 + block.bytes().len()) % ALIGNMENT, 0);
        assert!(block.bytes().iter().all(|byte| *byte == 7));
    }

    #[test]
    fn what_does_not_fit_is_left() {
        let mut block = Block::first(1);
        let mut piece = Bytes::from(vec![7; SMALLEST_LEN]);
        block.take(&mut piece);
        assert_eq!(piece.len(), 1);
    }
}
