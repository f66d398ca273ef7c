//! What a run counts and times, under fixed names that reports and gates use. Everything here adds up: threads, seconds
//! and processes are merged without losing anything.

mod choices;
mod latencies;
mod recorder;
mod stream;

use std::collections::BTreeMap;

pub use choices::Choices;
pub use latencies::{Latencies, Shards};
pub use recorder::{Recorder, Second};
use serde::{Deserialize, Serialize};
pub use stream::{Seen, Stream};

macro_rules! names {
    ($(#[$doc:meta])* $kind:ident { $($(#[doc = $text:literal])+ $variant:ident = $name:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $kind { $($(#[doc = $text])+ $variant,)+ }

        impl $kind {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// What it means, for the report.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($text),+)),+ }
            }
        }
    };
}

names! {
    /// What is counted.
    Counter {
        /// sockets that opened
        Connected = "connected",
        /// rooms that were joined, snapshots included
        Joins = "joins",
        /// comments that were acknowledged
        Comments = "comments",
        /// comments that arrived at a seat for the first time and in order
        Deliveries = "deliveries",
        /// frames in which they came
        Frames = "frames",
        /// bytes of everything that came over sockets
        BytesIn = "bytes_in",
        /// reactions that were acknowledged
        Reactions = "reactions",
        /// requests over HTTP that were answered as hoped
        Requests = "requests",
        /// playlists that were fetched
        Playlists = "playlists",
        /// segments that were fetched
        Segments = "segments",
        /// bytes of playlists and segments
        BytesMedia = "bytes_media",
        /// uploads that were accepted
        Uploads = "uploads",
        /// uploads that became playable
        Playable = "playable",
        /// sockets that came back
        Returns = "returns",
        /// comments that came back with a resumed join
        Replayed = "replayed",
        /// returns that were told to start afresh
        Unrecovered = "unrecovered",
        /// requests that were refused or broke off
        Failed = "failed",
        /// requests without an answer at the end
        Unanswered = "unanswered",
        /// sockets that ended before their time
        Cut = "cut",
        /// events that did not follow the one before
        Gaps = "gaps",
        /// events that came again
        Duplicates = "duplicates",
        /// acknowledged comments that a seat never got
        Missing = "missing",
        /// counts that are not what was done
        WrongCounts = "wrong_counts",
        /// segments that came after the player needed them
        Stalls = "stalls",
        /// likes that stand, by what was acknowledged
        LikesIntended = "likes_intended",
        /// seats that must count as viewers in the end
        SeatsIntended = "seats_intended",
    }
}

names! {
    /// What is timed, always from the moment it was meant to happen.
    Timer {
        /// a comment, to each seat
        Delivery = "delivery",
        /// a comment, to its acknowledgement
        Answer = "answer",
        /// a reaction, to its acknowledgement
        Reaction = "reaction",
        /// a socket and its join, to the snapshot
        Join = "join",
        /// a dropped socket, until it is back and has what it missed
        Settle = "settle",
        /// any request over HTTP but media and uploads
        Rest = "rest",
        /// a page of videos
        List = "list",
        /// a video
        Video = "video",
        /// a channel
        Channel = "channel",
        /// the URLs to play
        Playback = "playback",
        /// a page of comments
        CommentPage = "comment_page",
        /// a playlist
        Playlist = "playlist",
        /// a segment
        Segment = "segment",
        /// an upload, until it is accepted
        Upload = "upload",
        /// from accepted to playable
        Playable = "playable",
        /// making an account
        Registration = "registration",
        /// how late the client's own timers were
        ClientLate = "client_late",
    }
}

impl Counter {
    /// Those of which even one is an error.
    pub const ERRORS: &'static [Self] = &[
        Self::Failed,
        Self::Unanswered,
        Self::Cut,
        Self::Gaps,
        Self::Duplicates,
        Self::Missing,
        Self::WrongCounts,
        Self::Unrecovered,
    ];

    /// What a user does, as one number a second.
    pub const OPERATIONS: &'static [Self] = &[
        Self::Joins,
        Self::Comments,
        Self::Reactions,
        Self::Requests,
        Self::Playlists,
        Self::Segments,
        Self::Uploads,
        Self::Returns,
    ];
}

/// Everything that was counted and timed in some while, by some users.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Tally {
    counts: Vec<u64>,
    timers: Vec<Option<Latencies>>,
    /// What went wrong, in words, and how often. At most so many different ones.
    pub problems: BTreeMap<String, u64>,
}

const PROBLEMS_MAX: usize = 50;

impl Tally {
    pub fn count(&mut self, counter: Counter, more: u64) {
        let index = counter as usize;
        if self.counts.len() <= index {
            self.counts.resize(Counter::ALL.len(), 0);
        }
        self.counts[index] += more;
    }

    pub fn time(&mut self, timer: Timer, latency: std::time::Duration) {
        let index = timer as usize;
        if self.timers.len() <= index {
            self.timers.resize(Timer::ALL.len(), None);
        }
        self.timers[index].get_or_insert_default().record(latency);
    }

    /// Counts it and keeps its words.
    pub fn problem(&mut self, counter: Counter, words: &str) {
        self.count(counter, 1);
        let words = format!("{}: {words}", counter.name());
        if self.problems.len() < PROBLEMS_MAX || self.problems.contains_key(&words) {
            *self.problems.entry(words).or_default() += 1;
        }
    }

    pub fn of(&self, counter: Counter) -> u64 {
        self.counts.get(counter as usize).copied().unwrap_or(0)
    }

    pub fn sum(&self, counters: &[Counter]) -> u64 {
        counters.iter().map(|counter| self.of(*counter)).sum()
    }

    pub fn latencies(&self, timer: Timer) -> Option<&Latencies> {
        self.timers.get(timer as usize)?.as_ref().filter(|latencies| latencies.count() > 0)
    }

    pub fn add(&mut self, other: &Self) {
        for counter in Counter::ALL {
            self.count(*counter, other.of(*counter));
        }
        for timer in Timer::ALL {
            let Some(latencies) = other.latencies(*timer) else { continue };
            self.timers.resize(Timer::ALL.len(), None);
            self.timers[*timer as usize].get_or_insert_default().add(latencies);
        }
        for (words, count) in &other.problems {
            if self.problems.len() < PROBLEMS_MAX || self.problems.contains_key(words) {
                *self.problems.entry(words.clone()).or_default() += count;
            }
        }
    }

    /// Keeps its memory: it is filled again at once.
    fn clear(&mut self) {
        self.counts.fill(0);
        self.timers.iter_mut().flatten().for_each(Latencies::clear);
        self.problems.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn names_are_in_the_order_of_their_numbers_and_differ() {
        let mut names: Vec<_> = Counter::ALL.iter().map(|counter| counter.name()).collect();
        names.extend(Timer::ALL.iter().map(|timer| timer.name()));
        assert!(Counter::ALL.iter().enumerate().all(|(number, counter)| *counter as usize == number));
        assert!(Timer::ALL.iter().enumerate().all(|(number, timer)| *timer as usize == number));
        let counters: std::collections::BTreeSet<_> =
            Counter::ALL.iter().map(|counter| counter.name()).collect();
        assert_eq!(counters.len(), Counter::ALL.len());
        assert_eq!(Counter::Failed.meaning().trim(), "requests that were refused or broke off");
    }

    #[test]
    fn two_processes_add_up_to_one() {
        let of = |ms: u64, words: &str| {
            let mut tally = Tally::default();
            tally.count(Counter::Comments, ms);
            tally.time(Timer::Answer, Duration::from_millis(ms));
            tally.problem(Counter::Failed, words);
            tally
        };
        let text = serde_json::to_string(&of(30, "503")).unwrap();
        let mut both = of(10, "503");
        both.add(&serde_json::from_str(&text).unwrap());
        both.add(&of(20, "429"));
        assert_eq!((both.of(Counter::Comments), both.of(Counter::Failed)), (60, 3));
        assert_eq!(both.latencies(Timer::Answer).unwrap().count(), 3);
        assert!(both.latencies(Timer::Join).is_none());
        assert_eq!(both.problems["failed: 503"], 2);
    }
}
