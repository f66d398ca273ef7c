//! ISO/IEC 14496-12: tracks, edit lists, times of samples and the size of the index.

use std::fs::File;

use super::{Budget, Refusal, read_at, refused, too_many_streams};
use crate::media::{failure::FailureCode, limits::Limits};

/// Twelve hours of pictures and sound need 60 MB.
const INDEX_MAX_BYTES: u64 = 256 << 20;
/// Editors write a few dozen.
const EDITS_MAX: u32 = 1000;

/// A box's payload: from, to.
#[derive(Clone, Copy)]
struct Range {
    from: u64,
    to: u64,
}

struct Box {
    kind: [u8; 4],
    payload: Range,
}

pub fn check(file: &mut File, limits: &Limits) -> Result<(), Refusal> {
    let mut budget = Budget::new();
    let whole = Range { from: 0, to: file.metadata()?.len() };
    let Some(index) = find(file, whole, b"moov", &mut budget)? else { return Ok(()) };
    let bytes = index.to - index.from;
    if bytes > INDEX_MAX_BYTES {
        return Err(refused(FailureCode::Damaged, format!("the file's index says it has {bytes} bytes")));
    }
    check_index(file, index, limits, &mut budget)
}

fn check_index(file: &mut File, index: Range, limits: &Limits, budget: &mut Budget) -> Result<(), Refusal> {
    let (mut tracks, mut timescale) = (0, None);
    let mut at = index.from;
    while let Some(found) = next(file, at, index.to, budget)? {
        at = found.payload.to;
        match &found.kind {
            b"cmov" => {
                let detail =
                    "the file's index is compressed, as QuickTime did long ago: export the film anew";
                return Err(refused(FailureCode::ContainerNotSupported, detail.to_owned()));
            }
            b"mvhd" => timescale = Some(movie_timescale(file, found.payload)?),
            b"trak" => {
                tracks += 1;
                if tracks > limits.streams_max {
                    return Err(too_many_streams(limits));
                }
                check_edits(file, found.payload, timescale, limits, budget)?;
                check_times(file, found.payload, budget)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Ticks a second of edit durations. It comes after two times, of four or of eight bytes.
fn movie_timescale(file: &mut File, header: Range) -> Result<u32, Refusal> {
    let [version, ..] = read_at::<4>(file, header.from)?;
    let at = if version == 1 { 20 } else { 12 };
    Ok(u32::from_be_bytes(read_at(file, header.from + at)?))
}

fn check_edits(
    file: &mut File,
    track: Range,
    timescale: Option<u32>,
    limits: &Limits,
    budget: &mut Budget,
) -> Result<(), Refusal> {
    let Some(edits) = find(file, track, b"edts", budget)? else { return Ok(()) };
    let Some(list) = find(file, edits, b"elst", budget)? else { return Ok(()) };
    let [version, _, _, _, a, b, c, d] = read_at::<8>(file, list.from)?;
    let count = u32::from_be_bytes([a, b, c, d]);
    if count > EDITS_MAX {
        let detail =
            format!("the file is cut together from {count} pieces and at most {EDITS_MAX} are taken");
        return Err(refused(FailureCode::Damaged, detail));
    }
    let mut ticks = 0_u128;
    for edit in 0..u64::from(count) {
        budget.spend()?;
        ticks += match version {
            1 => u128::from(u64::from_be_bytes(read_at(file, list.from + 8 + edit * 20)?)),
            _ => u128::from(u32::from_be_bytes(read_at(file, list.from + 8 + edit * 12)?)),
        };
    }
    let Some(timescale) = timescale.filter(|timescale| *timescale > 0) else { return Ok(()) };
    let seconds = ticks / u128::from(timescale);
    let most = limits.duration_max_ms / 1000;
    if seconds > u128::from(most) {
        let detail = format!("the video is {seconds} s long and at most {most} s are allowed");
        return Err(refused(FailureCode::TooLong, detail));
    }
    Ok(())
}

/// Refuses a track whose samples all come at the same time though it says that it lasts: what a demuxer makes of it
/// depends on which of them it happens to drop.
fn check_times(file: &mut File, track: Range, budget: &mut Budget) -> Result<(), Refusal> {
    let mut at = track;
    for kind in [b"mdia", b"minf", b"stbl", b"stts"] {
        let Some(inner) = find(file, at, kind, budget)? else { return Ok(()) };
        at = inner;
    }
    let [_, _, _, _, a, b, c, d] = read_at::<8>(file, at.from)?;
    let mut samples = 0_u64;
    for entry in 0..u64::from(u32::from_be_bytes([a, b, c, d])) {
        budget.spend()?;
        let [a, b, c, d, delta @ ..] = read_at::<8>(file, at.from + 8 + entry * 8)?;
        if delta != [0; 4] {
            return Ok(());
        }
        samples += u64::from(u32::from_be_bytes([a, b, c, d]));
    }
    if samples <= 1 {
        return Ok(());
    }
    let detail =
        format!("all {samples} pictures or sounds of a track come at the same time: export the film anew");
    Err(refused(FailureCode::Damaged, detail))
}

/// The first box of a kind among those that follow one another in a range.
fn find(
    file: &mut File,
    range: Range,
    kind: &[u8; 4],
    budget: &mut Budget,
) -> Result<Option<Range>, Refusal> {
    let mut at = range.from;
    while let Some(found) = next(file, at, range.to, budget)? {
        if &found.kind == kind {
            return Ok(Some(found.payload));
        }
        at = found.payload.to;
    }
    Ok(None)
}

/// The box that begins here; its payload ends where its parent does at the latest.
fn next(file: &mut File, at: u64, to: u64, budget: &mut Budget) -> Result<Option<Box>, Refusal> {
    if at + 8 > to {
        return Ok(None);
    }
    budget.spend()?;
    let [a, b, c, d, kind @ ..] = read_at::<8>(file, at)?;
    let (header, size) = match u32::from_be_bytes([a, b, c, d]) {
        0 => (8, to - at),
        1 => (16, u64::from_be_bytes(read_at(file, at + 8)?)),
        size => (8, u64::from(size)),
    };
    if size < header {
        return Err(Refusal::Ends);
    }
    let payload = Range { from: at + header, to: at.saturating_add(size).min(to) };
    Ok(Some(Box { kind, payload }))
}
