//! What people want to do: for each person an endless list that depends on the seed and on nothing else.

use crate::served::random::Random;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reaction {
    Like,
    Dislike,
    None,
}

impl Reaction {
    pub const ALL: [Reaction; 3] = [Reaction::Like, Reaction::Dislike, Reaction::None];

    pub fn name(self) -> &'static str {
        match self {
            Reaction::Like => "like",
            Reaction::Dislike => "dislike",
            Reaction::None => "none",
        }
    }

    /// The member's value in the tally.
    pub fn value(self) -> Option<i32> {
        match self {
            Reaction::Like => Some(1),
            Reaction::Dislike => Some(2),
            Reaction::None => None,
        }
    }
}

/// Videos, channels and one's own comments by their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intent {
    React {
        video: usize,
        reaction: Reaction,
    },
    View {
        video: usize,
        playback: String,
    },
    Subscribe {
        channel: usize,
        wish: bool,
    },
    /// In the poll of the video that everybody is interested in.
    Vote {
        option: usize,
    },
    Comment {
        video: usize,
        text: String,
        key: Option<String>,
    },
    Edit {
        comment: usize,
        text: String,
    },
    Remove {
        comment: usize,
    },
}

/// What is wanted, and whether it is asked for again after a lost answer.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub intent: Intent,
    pub again: bool,
}

/// One person's intents.
pub struct Intents {
    random: Random,
    person: usize,
    /// The videos this person is interested in; the first is the one that everybody is.
    home: Vec<usize>,
    channels: usize,
    count: usize,
}

/// The video that everybody is interested in.
pub const HOT: usize = 0;
pub const POLL_OPTIONS: usize = 3;
const HOME_LEN: usize = 6;

impl Intents {
    pub fn new(seed: u64, person: usize, videos: usize, channels: usize) -> Self {
        let mut random = Random::new(seed ^ (person as u64 + 1).wrapping_mul(0xD1B5_4A32_D192_ED03));
        let others = (0..HOME_LEN).map(|_| 1 + random.below(videos - 1));
        let mut home: Vec<usize> = std::iter::once(HOT).chain(others).collect();
        home.dedup();
        Self { random, person, home, channels, count: 0 }
    }

    /// `comments` is how many comments of theirs can still be changed.
    pub fn next(&mut self, comments: usize) -> Wanted {
        self.count += 1;
        let name = format!("u{}-{}", self.person, self.count);
        let Self { random, home, channels, .. } = self;
        let video = if random.one_in(3) { HOT } else { *random.pick(home) };
        let kind = random.below(100);
        let (wish, comment) = (random.one_in(2), random.below(comments.max(1)));
        let reaction = *random.pick(&Reaction::ALL);
        let again = !random.one_in(4);
        let intent = match kind {
            0..40 => Intent::React { video, reaction },
            40..45 => Intent::Vote { option: random.below(POLL_OPTIONS) },
            45..62 => Intent::View { video, playback: format!("pb-{name}") },
            62..72 => Intent::Subscribe { channel: random.below(*channels), wish },
            72..76 => Intent::Comment { video, text: name, key: None },
            76..80 if comments > 0 => Intent::Edit { comment, text: format!("{name} anew") },
            80..83 if comments > 0 => Intent::Remove { comment },
            _ => Intent::Comment { video, text: name.clone(), key: Some(format!("key-{name}")) },
        };
        // A comment without a key may only be said once.
        let again = again && !matches!(intent, Intent::Comment { key: None, .. });
        Wanted { intent, again }
    }
}
