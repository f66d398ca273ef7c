//! A room's stream as one seat sees it: every offset once, in order, none left out. What a seat misses, gets twice or
//! gets late is found here and nowhere else.

/// What an event was, by its offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// Items that are news.
    pub fresh: u64,
    /// Items that had come before.
    pub repeated: u64,
    /// Items that were skipped.
    pub skipped: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream {
    last: u64,
}

impl Stream {
    pub fn after(offset: u64) -> Self {
        Self { last: offset }
    }

    /// The newest offset there is to resume from.
    pub fn offset(&self) -> u64 {
        self.last
    }

    /// An event of `items` that follow one another up to `offset`.
    pub fn take(&mut self, offset: u64, items: u64) -> Seen {
        let before = offset.saturating_sub(items);
        let fresh = offset.saturating_sub(self.last.max(before));
        let seen = Seen { fresh, repeated: items - fresh, skipped: before.saturating_sub(self.last) };
        self.last = self.last.max(offset);
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_and_repetitions_are_counted_by_item() {
        let mut stream = Stream::after(4);
        let mut take = |offset, items| {
            let Seen { fresh, repeated, skipped } = stream.take(offset, items);
            (fresh, repeated, skipped)
        };
        assert_eq!(take(5, 1), (1, 0, 0));
        assert_eq!(take(8, 3), (3, 0, 0));
        assert_eq!(take(8, 3), (0, 3, 0), "the same again");
        assert_eq!(take(10, 4), (2, 2, 0), "half of it again");
        assert_eq!(take(15, 2), (2, 0, 3), "11, 12 and 13 are missing");
        assert_eq!(take(12, 1), (0, 1, 0), "too late");
        assert_eq!(stream.offset(), 15);
    }
}
