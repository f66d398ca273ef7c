//! How far a job is: the per cent of each piece that runs, and what they make of the whole. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::media::{
    Plan,
    plan::{Piece, overall_percent},
};

#[derive(Default)]
pub struct Progress {
    running: BTreeMap<String, u8>,
}

impl Progress {
    pub fn note(&mut self, piece: String, percent: u8) {
        self.running.insert(piece, percent);
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
