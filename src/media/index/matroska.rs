//! Matroska and WebM (RFC 8794, RFC 9559): how many tracks.

use std::fs::File;

use super::{Budget, Refusal, read_at, too_many_streams};
use crate::media::limits::Limits;

const SEGMENT: u32 = 0x1853_8067;
const TRACKS: u32 = 0x1654_ae6b;
const TRACK_ENTRY: u32 = 0xae;

struct Element {
    id: u32,
    from: u64,
    /// None when its size is not stated: it goes on until something above it begins.
    to: Option<u64>,
}

pub fn check(file: &mut File, limits: &Limits) -> Result<(), Refusal> {
    let mut budget = Budget::new();
    let length = file.metadata()?.len();
    let mut at = 0;
    let segment = loop {
        let element = element(file, at, length, &mut budget)?;
        match element.to {
            _ if element.id == SEGMENT => break element,
            Some(to) => at = to,
            None => return Err(Refusal::Ends),
        }
    };
    let mut tracks = 0;
    let (mut at, end) = (segment.from, segment.to.unwrap_or(length));
    while at < end {
        let element = element(file, at, end, &mut budget)?;
        let to = element.to.ok_or(Refusal::Ends)?;
        if element.id == TRACKS {
            count(file, element.from, to, &mut tracks, limits, &mut budget)?;
        }
        at = to;
    }
    Ok(())
}

fn count(
    file: &mut File,
    from: u64,
    to: u64,
    tracks: &mut usize,
    limits: &Limits,
    budget: &mut Budget,
) -> Result<(), Refusal> {
    let mut at = from;
    while at < to {
        let element = element(file, at, to, budget)?;
        *tracks += usize::from(element.id == TRACK_ENTRY);
        if *tracks > limits.streams_max {
            return Err(too_many_streams(limits));
        }
        at = element.to.ok_or(Refusal::Ends)?;
    }
    Ok(())
}

/// Identity and size are numbers of one to eight bytes whose first says how many.
fn element(file: &mut File, at: u64, end: u64, budget: &mut Budget) -> Result<Element, Refusal> {
    budget.spend()?;
    let [first] = read_at::<1>(file, at)?;
    let id_length = u64::from(first.leading_zeros()) + 1;
    if id_length > 4 {
        return Err(Refusal::Ends);
    }
    let id = number(file, at, id_length)?;
    let [first] = read_at::<1>(file, at + id_length)?;
    let size_length = u64::from(first.leading_zeros()) + 1;
    if size_length > 8 {
        return Err(Refusal::Ends);
    }
    let value_max = (1_u64 << (7 * size_length)) - 1;
    let size = number(file, at + id_length, size_length)? & value_max;
    let from = at + id_length + size_length;
    let to = (size != value_max).then(|| from.saturating_add(size).min(end));
    Ok(Element { id: u32::try_from(id).map_err(|_| Refusal::Ends)?, from, to })
}

fn number(file: &mut File, at: u64, length: u64) -> Result<u64, Refusal> {
    let mut number = 0;
    for place in 0..length {
        let [byte] = read_at::<1>(file, at + place)?;
        number = number << 8 | u64::from(byte);
    }
    Ok(number)
}
