//! Ogg (RFC 3533): each stream begins with a page of its own, and all of these come before anything else.

use std::fs::File;

use super::{Budget, Refusal, read_at, too_many_streams};
use crate::media::limits::Limits;

const FIRST_OF_STREAM: u8 = 2;

pub fn check(file: &mut File, limits: &Limits) -> Result<(), Refusal> {
    let mut budget = Budget::new();
    let (mut at, mut streams) = (0, 0);
    loop {
        budget.spend()?;
        let head = read_at::<27>(file, at)?;
        let (flags, segments) = (head[5], u64::from(head[26]));
        if !head.starts_with(b"OggS") || flags & FIRST_OF_STREAM == 0 {
            return Ok(());
        }
        streams += 1;
        if streams > limits.streams_max {
            return Err(too_many_streams(limits));
        }
        let mut payload = 0;
        for segment in 0..segments {
            let [length] = read_at::<1>(file, at + 27 + segment)?;
            payload += u64::from(length);
        }
        at += 27 + segments + payload;
    }
}
