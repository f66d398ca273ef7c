//! RIFF (AVI and WAV): a file shorter than its header says has lost its end, and its demuxers do not tell.

use std::fs::File;

use super::{Refusal, read_at, refused};
use crate::media::failure::FailureCode;

/// Who writes to a pipe cannot come back to fill the size in, and leaves a number like this one there.
const UNKNOWN_FROM: u64 = 0x7fff_0000;
/// Some writers do not count the header, some count a byte of padding.
const SLACK_BYTES: u64 = 64;

pub fn check(file: &mut File) -> Result<(), Refusal> {
    let length = file.metadata()?.len();
    let declared = u64::from(u32::from_le_bytes(read_at(file, 4)?));
    if declared >= UNKNOWN_FROM || declared <= length + SLACK_BYTES {
        return Ok(());
    }
    let detail =
        format!("the file is cut off: it declares {declared} bytes and has {length}; upload it again");
    Err(refused(FailureCode::Truncated, detail))
}
