//! What a file claims about itself, read before any demuxer sees it: how many tracks, how many edits, how long, how
//! large. Demuxers open a decoder a track and believe an edit list; a file of ten kilobytes can so ask for three
//! thousand threads or for a film without end. Reads headers only, and of those only as many as there may be.

mod iso;
mod matroska;
mod ogg;
mod riff;

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
};

use super::{
    failure::{Failure, FailureCode},
    limits::Limits,
    probe::Container,
};

/// Headers read before a file counts as wilfully strange. A film of twelve hours has twenty thousand clusters.
const HEADERS_MAX: usize = 200_000;

/// Refuses what no demuxer should try. What is merely broken is left to the demuxer, which knows better.
pub fn check(file: &mut File, container: Container, limits: &Limits) -> Result<(), Failure> {
    let checked = match container {
        Container::IsoBmff => iso::check(file, limits),
        Container::Matroska => matroska::check(file, limits),
        Container::Ogg => ogg::check(file, limits),
        Container::Avi | Container::Wav => riff::check(file),
        Container::MpegTs | Container::MpegPs | Container::Flv | Container::Mp3 | Container::Adts => Ok(()),
    };
    match checked {
        Err(Refusal::Refused(failure)) => Err(failure),
        Ok(()) | Err(Refusal::Ends) => Ok(()),
    }
}

enum Refusal {
    Refused(Failure),
    /// The headers end in the middle or cannot be followed.
    Ends,
}

impl From<std::io::Error> for Refusal {
    fn from(_: std::io::Error) -> Self {
        Self::Ends
    }
}

fn refused(code: FailureCode, detail: String) -> Refusal {
    Refusal::Refused(Failure::new(code, detail))
}

fn too_many_streams(limits: &Limits) -> Refusal {
    let most = limits.streams_max;
    refused(
        FailureCode::TooManyStreams,
        format!("the file has more than {most} streams, which is the most that is taken"),
    )
}

/// Gives out one header after another, as many as there may be.
struct Budget(usize);

impl Budget {
    fn new() -> Self {
        Self(HEADERS_MAX)
    }

    fn spend(&mut self) -> Result<(), Refusal> {
        self.0 = self.0.checked_sub(1).ok_or_else(|| {
            refused(FailureCode::Damaged, format!("the file has more than {HEADERS_MAX} headers"))
        })?;
        Ok(())
    }
}

fn read_at<const N: usize>(file: &mut File, at: u64) -> Result<[u8; N], Refusal> {
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = [0; N];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
