//! How far a job is: the per cent of each piece that runs, and what they make of the whole. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    domain::clock::Timestamp,
    media::{
        Job, Plan,
        plan::{Piece, overall_percent},
    },
};

/// Less says too little about the pace.
const OBSERVED_MIN: Duration = Duration::from_secs(5);

/// How far a job is and how long it will take, if anything can be said of that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outlook {
    pub percent: i64,
    pub left: Option<Duration>,
    pub chunks_done: usize,
    pub chunks: usize,
}

#[derive(Default)]
pub struct Progress {
    running: BTreeMap<String, u8>,
    /// Where it stood when this life of the job began to watch.
    began: Option<(Timestamp, u8)>,
}

impl Progress {
    pub fn note(&mut self, piece: String, percent: u8) {
        self.running.insert(piece, percent);
    }

    /// Watches the pace from here on.
    pub fn watch(&mut self, overall: u8, now: Timestamp) {
        self.began.get_or_insert((now, overall));
    }

    /// A pause says nothing about the pace.
    pub fn look_away(&mut self) {
        self.began = None;
    }

    /// At the pace watched so far.
    pub fn left(&self, overall: u8, now: Timestamp) -> Option<Duration> {
        let (since, from) = self.began?;
        let (watched, made) = (now.since(since), u32::from(overall.checked_sub(from)?));
        let to_do = u32::from(100_u8.saturating_sub(overall));
        (made > 0 && watched >= OBSERVED_MIN).then(|| watched * to_do / made)
    }

    /// It is finished, or begins anew.
    pub fn forget(&mut self, piece: &str) {
        self.running.remove(piece);
    }

    pub fn overall(&self, plan: &Plan, pieces: &[Piece], finished: &BTreeSet<String>) -> u8 {
        let percents: Vec<u8> = pieces.iter().map(|piece| self.percent(piece, finished)).collect();
        overall_percent(plan, pieces, |at| percents.get(at).copied().unwrap_or(0))
    }

    fn percent(&self, piece: &Piece, finished: &BTreeSet<String>) -> u8 {
        let name = piece.name();
        match finished.contains(&name) {
            true => 100,
            false => self.running.get(&name).copied().unwrap_or(0),
        }
    }
}

/// Finished chunks and all, a picture in one piece being one.
pub fn chunks(pieces: &[Piece], finished: &BTreeSet<String>) -> (usize, usize) {
    let chunks = || pieces.iter().filter(|piece| matches!(piece.job, Job::Ladder { .. }));
    (chunks().filter(|piece| finished.contains(&piece.name())).count(), chunks().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_follows_from_the_pace_that_was_watched() {
        let at = |seconds: i64| Timestamp(seconds * 1000);
        let mut progress = Progress::default();
        assert_eq!(progress.left(50, at(100)), None, "nothing was watched yet");
        progress.watch(20, at(0));
        progress.watch(90, at(1));
        for (overall, now, left) in
            [(20, 60, None), (40, 4, None), (40, 20, Some(60)), (100, 20, Some(0)), (10, 20, None)]
        {
            assert_eq!(
                progress.left(overall, at(now)),
                left.map(Duration::from_secs),
                "{overall} at {now} s"
            );
        }
        progress.look_away();
        assert_eq!(progress.left(40, at(20)), None);
    }
}
