//! The table: every odd file, what it is, and what must become of it.

use std::{
    fs::File,
    io::{Seek, SeekFrom, Write},
    path::Path,
};

use playhouse::media::FailureCode;

use crate::{damaged, disguised, good::Good, index, shapes};

pub struct Odd {
    pub name: &'static str,
    pub what: &'static str,
    pub expected: Expected,
    pub content: Content,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    Ready,
    Failed(FailureCode),
}

/// Bytes at offsets; what lies between them is a hole.
pub struct Content {
    pub pieces: Vec<(u64, Vec<u8>)>,
    pub length: u64,
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Self { length: bytes.len() as u64, pieces: vec![(0, bytes)] }
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::from(text.into_bytes())
    }
}

impl Content {
    pub fn write(&self, path: &Path) {
        let mut file = File::create(path).expect("a writable folder");
        file.set_len(self.length).expect("holes cost nothing");
        for (offset, bytes) in &self.pieces {
            file.seek(SeekFrom::Start(*offset)).expect("a file can seek");
            file.write_all(bytes).expect("a writable folder");
        }
    }
}

pub fn ready(name: &'static str, what: &'static str, content: impl Into<Content>) -> Odd {
    Odd { name, what, expected: Expected::Ready, content: content.into() }
}

pub fn failed(name: &'static str, code: FailureCode, what: &'static str, content: impl Into<Content>) -> Odd {
    Odd { name, what, expected: Expected::Failed(code), content: content.into() }
}

/// `address` is a listener of ours: what names an address names this one.
pub fn all(good: &Good, address: &str) -> Vec<Odd> {
    [
        damaged::cut_off(good),
        damaged::flipped(good),
        disguised::texts(address),
        disguised::other_kinds(good),
        disguised::polyglots(good, address),
        index::sizes(good),
        index::times(good),
        index::lengths(good),
        index::edits(good),
        index::nested(good),
        shapes::tracks(good),
        shapes::pictures(good),
        shapes::streams(good),
    ]
    .into_iter()
    .flatten()
    .collect()
}
