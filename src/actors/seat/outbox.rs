//! What waits to be written to one socket: whole frames in their order, the first of them perhaps half written.
//! Bounded in bytes. Pure; the shard that owns the socket owns it.

use std::{collections::VecDeque, io::IoSlice};

use bytes::Bytes;

use super::LatestKey;

#[derive(Debug, Default)]
pub struct Outbox {
    queue: VecDeque<Queued>,
    bytes: usize,
}

#[derive(Debug)]
struct Queued {
    /// What is left of a frame, or a part of one.
    bytes: Bytes,
    latest: Option<LatestKey>,
    part: Part,
}

/// A frame may come in several parts. What has been begun must be ended, whatever happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Start,
    Rest,
}

/// What a bound has cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bounded {
    Within,
    /// So many frames of mere state were given up.
    WithoutState(usize),
    /// So many frames of the stream were given up: the socket must be closed.
    Overflowed(usize),
}

impl Outbox {
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Bytes that wait.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn push(&mut self, bytes: Bytes) {
        self.add(bytes, None, Part::Start);
    }

    /// More of the frame that came before, written or not.
    pub fn push_rest(&mut self, bytes: Bytes) {
        self.add(bytes, None, Part::Rest);
    }

    /// Takes the place of the frame of the same key, if none of that has been written yet.
    pub fn push_latest(&mut self, key: LatestKey, bytes: Bytes) {
        let waiting = |queued: &&mut Queued| queued.latest == Some(key) && queued.part == Part::Start;
        match self.queue.iter_mut().find(waiting) {
            Some(queued) => {
                self.bytes = self.bytes + bytes.len() - queued.bytes.len();
                queued.bytes = bytes;
            }
            None => self.add(bytes, Some(key), Part::Start),
        }
    }

    fn add(&mut self, bytes: Bytes, latest: Option<LatestKey>, part: Part) {
        if !bytes.is_empty() {
            self.bytes += bytes.len();
            self.queue.push_back(Queued { bytes, latest, part });
        }
    }

    /// The next bytes to write, as many pieces as there is room for. Returns how many.
    pub fn pieces<'a>(&'a self, into: &mut [IoSlice<'a>]) -> usize {
        let pieces = self.queue.iter().zip(into.iter_mut());
        pieces.map(|(queued, slice)| *slice = IoSlice::new(&queued.bytes)).count()
    }

    /// So many bytes have been written. Returns how many frames ended with them.
    pub fn advance(&mut self, mut written: usize) -> usize {
        let mut ended = 0;
        self.bytes -= written;
        while let Some(front) = self.queue.front_mut().filter(|_| written > 0) {
            if written < front.bytes.len() {
                front.bytes = front.bytes.slice(written..);
                front.part = Part::Rest;
                return ended;
            }
            written -= front.bytes.len();
            self.queue.pop_front();
            ended += usize::from(self.queue.front().is_none_or(|next| next.part == Part::Start));
        }
        if self.queue.is_empty() {
            // A socket that was slow once does not keep the memory.
            self.queue = VecDeque::new();
        }
        ended
    }

    /// Holds it under its bound: first what is only the latest state goes, then all that has not been begun.
    pub fn bound(&mut self, bytes_max: usize) -> Bounded {
        if self.bytes <= bytes_max {
            return Bounded::Within;
        }
        let given_up = self.retain(|queued| queued.latest.is_none());
        match self.bytes <= bytes_max {
            true => Bounded::WithoutState(given_up),
            false => Bounded::Overflowed(self.clear()),
        }
    }

    /// Gives up all that has not been begun.
    pub fn clear(&mut self) -> usize {
        self.retain(|_| false)
    }

    fn retain(&mut self, keep: impl Fn(&Queued) -> bool) -> usize {
        let mut given_up = 0;
        let mut keeps = true;
        self.queue.retain(|queued| {
            if queued.part == Part::Start {
                keeps = keep(queued);
                given_up += usize::from(!keeps);
            }
            keeps
        });
        self.bytes = self.queue.iter().map(|queued| queued.bytes.len()).sum();
        given_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTS: LatestKey = LatestKey(1);
    const POLL: LatestKey = LatestKey(2);

    fn text(outbox: &Outbox) -> String {
        let mut slices = [IoSlice::new(&[]); 16];
        let count = outbox.pieces(&mut slices);
        slices[..count].iter().map(|slice| std::str::from_utf8(slice).unwrap()).collect::<Vec<_>>().join("|")
    }

    fn bytes(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    #[test]
    fn frames_keep_their_order_and_the_latest_state_replaces_itself() {
        let mut outbox = Outbox::default();
        outbox.push(bytes("one"));
        outbox.push_latest(COUNTS, bytes("counts 1"));
        outbox.push_latest(POLL, bytes("poll"));
        outbox.push(bytes("two"));
        outbox.push_latest(COUNTS, bytes("counts two"));
        assert_eq!(text(&outbox), "one|counts two|poll|two");
        assert_eq!(outbox.bytes(), "onecounts twopolltwo".len());
        assert_eq!(outbox.advance(5), 1);
        outbox.push_latest(COUNTS, bytes("counts 3"));
        assert_eq!(text(&outbox), "unts two|poll|two|counts 3", "a frame that was begun is ended");
        assert_eq!(outbox.advance(outbox.bytes()), 4);
        assert!(outbox.is_empty() && outbox.bytes() == 0);
    }

    #[test]
    fn a_slow_reader_first_loses_the_latest_state_and_then_the_stream() {
        let mut outbox = Outbox::default();
        outbox.push(bytes("the rest"));
        outbox.advance("the ".len());
        outbox.push(bytes("12"));
        outbox.push_rest(bytes("345"));
        outbox.push_latest(COUNTS, bytes("state"));
        assert_eq!(outbox.bound(14), Bounded::Within);
        assert_eq!(outbox.bound(13), Bounded::WithoutState(1));
        assert_eq!(text(&outbox), "rest|12|345");
        outbox.push(bytes("6789a"));
        assert_eq!(outbox.bound(13), Bounded::Overflowed(2));
        assert_eq!((text(&outbox), outbox.bytes()), ("rest".to_owned(), 4));
    }
}
