//! Bytes that nobody would send, for a while: to the decoder of requests, and through sockets to the real program.
//! Both begin with the frames in `corpus/` and change them. `FUZZ_SECONDS` says for how long each (2 by default),
//! `FUZZ_SEED` repeats a run; a failure prints both the seed and the bytes, so that they can be added to the corpus.

mod decoder;
mod model;
mod parser;
mod streams;

use std::time::{Duration, Instant};

use crate::served::random::{Random, setting};

/// How long, and with which numbers. Given a time, each run has numbers of its own.
struct Budget {
    seed: u64,
    until: Instant,
}

impl Budget {
    fn of_environment(what: &str) -> Self {
        let seconds = setting("FUZZ_SECONDS");
        let own = if seconds.is_some() { u64::from(rand::random::<u32>()) } else { 1 };
        let seed = setting("FUZZ_SEED").unwrap_or(own);
        let seconds = seconds.unwrap_or(2);
        eprintln!("{what}: FUZZ_SECONDS={seconds} FUZZ_SEED={seed}");
        Self { seed, until: Instant::now() + Duration::from_secs(seconds) }
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }
}

/// Changes bytes in the ways that parsers are known to dislike.
fn mutate(random: &mut Random, bytes: &mut Vec<u8>) {
    const SPLICES: &[&[u8]] =
        &[b"[", b"{", b"\"", b"9", b"\xff", b"\x00", b"\xdf\xff\xff\xff\xff", b"\xce", b"\xed\xa0\x80"];
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len() + 1);
        match random.below(7) {
            0 if at < bytes.len() => bytes[at] = random.byte(),
            1 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            2 => bytes.truncate(at),
            3 => bytes.insert(at, random.byte()),
            4 if at < bytes.len() => drop(bytes.remove(at)),
            5 if bytes.len() < 8_192 => bytes.extend_from_within(at..),
            _ => bytes.splice(at..at, random.pick(SPLICES).iter().copied()).for_each(drop),
        }
    }
}

fn requests() -> Vec<serde_json::Value> {
    let lines = include_str!("corpus/requests.jsonl").lines();
    lines.map(|line| serde_json::from_str(line).expect("the corpus is JSON")).collect()
}

fn streams_of_corpus() -> Vec<Vec<u8>> {
    let lines = include_str!("corpus/frames.hex").lines();
    let lines = lines.map(|line| line.split('#').next().unwrap_or_default().replace(' ', ""));
    lines.filter(|digits| !digits.is_empty()).map(|digits| unhex(&digits)).collect()
}

fn unhex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    let byte =
        |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
    pairs.map(|pair| byte(pair).expect("the corpus is hexadecimal")).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
