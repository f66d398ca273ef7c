//! Which picture stands for a video. The channel actor of the video is the only writer.

use std::{fmt, str::FromStr};

use crate::{
    domain::{access::UnknownName, clock::Timestamp, ids::VideoId},
    record, text_cell,
};

/// What was chosen instead of the best of the candidates. Kept as `candidate:3` or `own`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PosterChoice {
    Candidate(usize),
    /// An image of the owner's.
    Own,
}

impl fmt::Display for PosterChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PosterChoice::Candidate(number) => write!(f, "candidate:{number}"),
            PosterChoice::Own => f.write_str("own"),
        }
    }
}

impl FromStr for PosterChoice {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        match text.split_once(':') {
            Some(("candidate", number)) => number.parse().map(Self::Candidate).map_err(|_| UnknownName),
            None if text == "own" => Ok(Self::Own),
            _ => Err(UnknownName),
        }
    }
}

text_cell!(PosterChoice);

record! {
    /// The picture chosen for a video; without a row it is the best of the candidates.
    pub struct Poster in "posters" {
        partition { video_id: VideoId }
        clustering {}
        columns { choice: PosterChoice, chosen_at: Timestamp }
    }
}
