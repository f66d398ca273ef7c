//! Likes and dislikes, as members of one tally a video.

/// What one viewer thinks of a video. The number is the member's value in the tally.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reaction {
    Like,
    Dislike,
}

impl Reaction {
    pub fn value(self) -> i32 {
        match self {
            Reaction::Like => 1,
            Reaction::Dislike => 2,
        }
    }

    pub fn from_value(value: i32) -> Option<Self> {
        match value {
            1 => Some(Reaction::Like),
            2 => Some(Reaction::Dislike),
            _ => None,
        }
    }
}
